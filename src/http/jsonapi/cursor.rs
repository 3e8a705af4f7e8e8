//! Cursors: opaque to clients, bound to one list, and no good once touched
//! (cursor pagination profile, "Cursors").
//!
//! A cursor is a place in an order and an HMAC over it and over all that defines the list: resource type, filter,
//! sort. The key is random and shared by all instances on one database.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::model::page::{Bound, SortKey};

/// Bytes of the HMAC that a cursor carries.
const PROOF: usize = 16;

/// Makes and reads the cursors of one list.
pub struct Cursors<'k> {
    key: &'k hmac::Key,
    /// What defines the list.
    scope: Vec<u8>,
}

impl<'k> Cursors<'k> {
    /// The cursors of a list that is defined by these texts.
    pub fn new<'t>(key: &'k hmac::Key, definition: impl Iterator<Item = &'t str>) -> Self {
        let mut scope = Vec::with_capacity(64);
        for text in definition {
            scope.extend_from_slice(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            scope.extend_from_slice(text.as_bytes());
        }
        Self { key, scope }
    }

    /// The cursor that falls on a place.
    #[must_use]
    pub fn at(&self, place: SortKey) -> String {
        self.write(&Bound { place, is_inclusive: false })
    }

    /// The cursor of a bound.
    #[must_use]
    pub fn write(&self, bound: &Bound) -> String {
        let mut bytes = vec![u8::from(bound.is_inclusive)];
        match &bound.place {
            SortKey::Id(id) => {
                bytes.push(b'i');
                bytes.extend_from_slice(&id.to_be_bytes());
            }
            SortKey::CreatedAt(micros, id) => {
                bytes.push(b'c');
                bytes.extend_from_slice(&id.to_be_bytes());
                bytes.extend_from_slice(&micros.to_be_bytes());
            }
            SortKey::Name(name, id) => {
                bytes.push(b'n');
                bytes.extend_from_slice(&id.to_be_bytes());
                bytes.extend_from_slice(name.as_bytes());
            }
        }
        let proof = self.proof(&bytes);
        bytes.extend_from_slice(&proof);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The bound that a cursor of this list stands for; `None` for anything else.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<Bound> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (bytes, proof) = bytes.split_at_checked(bytes.len().checked_sub(PROOF)?)?;
        aws_lc_rs::constant_time::verify_slices_are_equal(proof, &self.proof(bytes)).ok()?;
        let (&is_inclusive, bytes) = bytes.split_first()?;
        let (&kind, bytes) = bytes.split_first()?;
        let (id, rest) = bytes.split_first_chunk::<8>()?;
        let id = i64::from_be_bytes(*id);
        let place = match kind {
            b'i' => SortKey::Id(id),
            b'c' => SortKey::CreatedAt(i64::from_be_bytes(*rest.first_chunk::<8>()?), id),
            b'n' => SortKey::Name(String::from_utf8(rest.to_vec()).ok()?, id),
            _ => return None,
        };
        Some(Bound { place, is_inclusive: is_inclusive == 1 })
    }

    fn proof(&self, bytes: &[u8]) -> [u8; PROOF] {
        let mut context = hmac::Context::with_key(self.key);
        context.update(&self.scope);
        context.update(bytes);
        let mut proof = [0; PROOF];
        let tag = context.sign();
        if let Some(start) = tag.as_ref().first_chunk::<PROOF>() {
            proof = *start;
        }
        proof
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &[7; 32])
    }

    proptest! {
        #[test]
        fn a_cursor_is_read_back_by_its_own_list_only(id in any::<i64>(), name in ".{0,20}", is_inclusive: bool) {
            let key = key();
            let list = Cursors::new(&key, ["users", "name"].into_iter());
            let other = Cursors::new(&key, ["users", "nam", "e"].into_iter());
            let bound = Bound { place: SortKey::Name(name, id), is_inclusive };
            let text = list.write(&bound);
            prop_assert_eq!(list.read(&text), Some(bound));
            prop_assert_eq!(other.read(&text), None);
        }

        #[test]
        fn a_touched_cursor_is_no_good(id in any::<i64>(), at in 0usize..30, letter in "[A-Za-z0-9_-]") {
            let key = key();
            let list = Cursors::new(&key, ["x"].into_iter());
            let text = list.at(SortKey::Id(id));
            let mut touched = text.clone();
            touched.replace_range(at..=at, &letter);
            prop_assert_eq!(list.read(&touched).is_some(), touched == text);
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in ".{0,60}") {
            prop_assert_eq!(Cursors::new(&key(), std::iter::empty()).read(&text), None);
        }
    }
}

//! Cursors: opaque to clients, valid for one list, protected against changes (cursor pagination profile, "Cursors").
//!
//! A cursor contains the sort key of a row and an HMAC over it and over everything that defines the list: resource type,
//! filter, order. The key is random, and all instances on one database share it.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::sync::Arc;

use crate::model::page::{Bound, SortKey};
use crate::model::traversal::Place;

/// The length of the HMAC in a cursor, in bytes.
const MAC_LENGTH: usize = 16;

/// Creates and parses the cursors of one list.
pub struct Cursors {
    key: Arc<hmac::Key>,
    /// The encoded definition of the list.
    scope: Vec<u8>,
}

impl Cursors {
    /// The cursors of the list that these texts define.
    pub fn new<'t>(key: &Arc<hmac::Key>, definition: impl Iterator<Item = &'t str>) -> Self {
        let mut scope = Vec::with_capacity(64);
        for text in definition {
            scope.extend_from_slice(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            scope.extend_from_slice(text.as_bytes());
        }
        Self { key: Arc::clone(key), scope }
    }

    /// The cursor of a row.
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
            SortKey::CreatedAt(micros, id) => push_time(&mut bytes, b'c', *micros, *id),
            SortKey::UpdatedAt(micros, id) => push_time(&mut bytes, b'u', *micros, *id),
            SortKey::Name(name, id) => {
                bytes.push(b'n');
                bytes.extend_from_slice(&id.to_be_bytes());
                bytes.extend_from_slice(name.as_bytes());
            }
        }
        self.seal(bytes)
    }

    /// The cursor of a place in a traversal.
    #[must_use]
    pub fn at_place(&self, place: &Place) -> String {
        let (kind, numbers) = match place {
            Place::Path(edges) => (b'p', edges.as_slice()),
            Place::Level(depth, id) => (b'l', &[*depth, *id][..]),
        };
        let mut bytes = vec![0, kind];
        bytes.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
        self.seal(bytes)
    }

    /// Parses the cursor of a place in a traversal; `None` for any other text.
    #[must_use]
    pub fn parse_place(&self, text: &str) -> Option<Place> {
        let bytes = self.open(text)?;
        let (&[0, kind], numbers) = bytes.split_first_chunk()? else { return None };
        let (numbers, []) = numbers.as_chunks::<8>() else { return None };
        let mut numbers = numbers.iter().map(|number| i64::from_be_bytes(*number));
        match kind {
            b'p' => Some(Place::Path(numbers.collect())),
            b'l' => Some(Place::Level(numbers.next()?, numbers.next()?)),
            _ => None,
        }
    }

    /// Appends the HMAC of a cursor, and encodes it.
    pub(crate) fn seal(&self, mut bytes: Vec<u8>) -> String {
        let mac = self.mac(&bytes);
        bytes.extend_from_slice(&mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Decodes a cursor without its HMAC, which is not verified.
    pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
        split(text).map(|(bytes, _)| bytes)
    }

    /// Decodes a cursor, and removes its HMAC if it is that of this list.
    pub(super) fn open(&self, text: &str) -> Option<Vec<u8>> {
        let (bytes, mac) = split(text)?;
        aws_lc_rs::constant_time::verify_slices_are_equal(&mac, &self.mac(&bytes)).ok()?;
        Some(bytes)
    }

    /// Whether the key has signed a cursor of this list.
    #[must_use]
    pub fn has_signed(&self, text: &str) -> bool {
        self.open(text).is_some()
    }

    /// Parses a cursor of this list; `None` for any other text.
    #[must_use]
    pub fn parse(&self, text: &str) -> Option<Bound> {
        let bytes = self.open(text)?;
        let (&is_inclusive, bytes) = bytes.split_first()?;
        let (&kind, bytes) = bytes.split_first()?;
        let (id, rest) = bytes.split_first_chunk::<8>()?;
        let id = i64::from_be_bytes(*id);
        let place = match kind {
            b'i' => SortKey::Id(id),
            b'c' => SortKey::CreatedAt(i64::from_be_bytes(*rest.first_chunk::<8>()?), id),
            b'u' => SortKey::UpdatedAt(i64::from_be_bytes(*rest.first_chunk::<8>()?), id),
            b'n' => SortKey::Name(String::from_utf8(rest.to_vec()).ok()?, id),
            _ => return None,
        };
        Some(Bound { place, is_inclusive: is_inclusive == 1 })
    }

    fn mac(&self, bytes: &[u8]) -> [u8; MAC_LENGTH] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&self.scope);
        context.update(bytes);
        context.sign().as_ref().first_chunk().copied().unwrap_or([0; MAC_LENGTH])
    }
}

fn push_time(bytes: &mut Vec<u8>, kind: u8, micros: i64, id: i64) {
    bytes.push(kind);
    bytes.extend_from_slice(&id.to_be_bytes());
    bytes.extend_from_slice(&micros.to_be_bytes());
}

/// Decodes a cursor, and splits off its HMAC.
fn split(text: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let mac = bytes.split_off(bytes.len().checked_sub(MAC_LENGTH)?);
    Some((bytes, mac))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> Arc<hmac::Key> {
        Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]))
    }

    proptest! {
        #[test]
        fn a_cursor_is_valid_for_its_own_list_only(id in any::<i64>(), name in ".{0,20}", is_inclusive: bool) {
            let key = key();
            let list = Cursors::new(&key, ["users", "name"].into_iter());
            let other = Cursors::new(&key, ["users", "nam", "e"].into_iter());
            let bound = Bound { place: SortKey::Name(name, id), is_inclusive };
            let text = list.write(&bound);
            prop_assert_eq!(list.parse(&text), Some(bound));
            prop_assert_eq!(other.parse(&text), None);
        }

        #[test]
        fn a_place_in_a_traversal_is_kept(path in prop::collection::vec(any::<i64>(), 0..65), depth in any::<i64>()) {
            let key = key();
            let list = Cursors::new(&key, std::iter::empty());
            for place in [Place::Level(depth, 7), Place::Path(path)] {
                let text = list.at_place(&place);
                prop_assert_eq!(list.parse_place(&text), Some(place));
                prop_assert_eq!(Cursors::new(&key, ["x"].into_iter()).parse_place(&text), None);
            }
            prop_assert_eq!(list.parse_place(&list.at(SortKey::Id(depth))), None);
        }

        #[test]
        fn a_changed_cursor_is_invalid(id in any::<i64>(), at in 0usize..30, letter in "[A-Za-z0-9_-]") {
            let key = key();
            let list = Cursors::new(&key, ["x"].into_iter());
            let text = list.at(SortKey::Id(id));
            let mut changed = text.clone();
            changed.replace_range(at..=at, &letter);
            prop_assert_eq!(list.parse(&changed).is_some(), changed == text);
        }

        #[test]
        fn no_text_causes_a_panic(text in ".{0,60}") {
            prop_assert_eq!(Cursors::new(&key(), std::iter::empty()).parse(&text), None);
            prop_assert_eq!(Cursors::new(&key(), std::iter::empty()).parse_place(&text), None);
        }
    }
}

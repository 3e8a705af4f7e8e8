//! Cursors of the change feed: positions in the log, valid for all of its lists with any filter.

use aws_lc_rs::hmac;
use std::sync::Arc;

use super::cursor::Cursors;
use crate::domain::changes::ChangeBound;
use crate::model::change::ChangePosition;

/// What all cursors of changes have in common.
const LIST: &str = "changes";
/// The kind of a cursor, as the first byte after its bound.
const KIND: u8 = b'f';
const KEY_ID_LENGTH: usize = 4;

/// A cursor that a client sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParsedCursor {
    /// A cursor of this service.
    Valid(ChangeBound),
    /// A cursor that another key has signed, such as the one before `secret rotate`.
    OfOtherKey,
}

/// Creates and parses the cursors of changes.
pub struct ChangeCursors {
    cursors: Cursors,
    /// Identifies the key that signs cursors, without revealing it.
    key_id: [u8; KEY_ID_LENGTH],
}

impl ChangeCursors {
    /// The cursors that a key signs.
    #[must_use]
    pub fn new(key: &Arc<hmac::Key>) -> Self {
        let tag = hmac::sign(key, b"the id of the key that signs cursors of changes");
        let key_id = tag.as_ref().first_chunk().copied().unwrap_or_default();
        Self { cursors: Cursors::new(key, [LIST].into_iter()), key_id }
    }

    /// The cursor after a change.
    #[must_use]
    pub fn at(&self, position: ChangePosition) -> String {
        self.write(ChangeBound { position, is_inclusive: false })
    }

    /// The cursor of a bound.
    #[must_use]
    pub fn write(&self, bound: ChangeBound) -> String {
        let mut bytes = vec![u8::from(bound.is_inclusive), KIND];
        bytes.extend_from_slice(&self.key_id);
        bytes.extend_from_slice(&bound.position.number.to_be_bytes());
        bytes.extend_from_slice(&bound.position.fingerprint.to_be_bytes());
        self.cursors.seal(bytes)
    }

    /// Whether the key has signed a cursor.
    #[must_use]
    pub fn has_signed(&self, text: &str) -> bool {
        self.cursors.has_signed(text)
    }

    /// Parses a cursor; `None` for any text that the service did not create.
    #[must_use]
    pub fn parse(&self, text: &str) -> Option<ParsedCursor> {
        let bytes = Cursors::decode(text)?;
        let (&[is_inclusive @ (0 | 1), KIND], rest) = bytes.split_first_chunk()? else { return None };
        let (key_id, rest) = rest.split_first_chunk::<KEY_ID_LENGTH>()?;
        let (number, rest) = rest.split_first_chunk()?;
        let (fingerprint, []) = rest.split_first_chunk()? else { return None };
        if *key_id != self.key_id {
            return Some(ParsedCursor::OfOtherKey);
        }
        self.cursors.open(text)?;
        let (number, fingerprint) = (i64::from_be_bytes(*number), i64::from_be_bytes(*fingerprint));
        let position = ChangePosition { number, fingerprint };
        Some(ParsedCursor::Valid(ChangeBound { position, is_inclusive: is_inclusive == 1 }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::page::SortKey;
    use proptest::prelude::*;

    fn key(byte: u8) -> Arc<hmac::Key> {
        Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &[byte; 32]))
    }

    proptest! {
        #[test]
        fn a_position_is_kept(number in any::<i64>(), fingerprint in any::<i64>(), is_inclusive: bool) {
            let (key, other) = (key(1), key(2));
            let bound = ChangeBound { position: ChangePosition { number, fingerprint }, is_inclusive };
            let text = ChangeCursors::new(&key).write(bound);
            prop_assert_eq!(ChangeCursors::new(&key).parse(&text), Some(ParsedCursor::Valid(bound)));
            prop_assert_eq!(ChangeCursors::new(&other).parse(&text), Some(ParsedCursor::OfOtherKey));
            prop_assert_eq!(Cursors::new(&key, [LIST].into_iter()).parse(&text), None);
        }

        #[test]
        fn a_changed_cursor_never_names_another_position(at in 0usize..50, letter in "[A-Za-z0-9_-]") {
            let key = key(1);
            let cursors = ChangeCursors::new(&key);
            let text = cursors.at(ChangePosition { number: 7, fingerprint: 9 });
            let mut changed = text.clone();
            changed.replace_range(at..=at, &letter);
            let parsed = cursors.parse(&changed);
            prop_assert!(changed == text || !matches!(parsed, Some(ParsedCursor::Valid(_))));
        }

        #[test]
        fn any_text_and_cursors_of_other_lists_are_invalid(text in ".{0,70}", id in any::<i64>()) {
            let key = key(1);
            let cursors = ChangeCursors::new(&key);
            prop_assert_eq!(cursors.parse(&text), None);
            prop_assert_eq!(cursors.parse(&Cursors::new(&key, ["users"].into_iter()).at(SortKey::Id(id))), None);
        }
    }
}

//! JSON that is written by hand, because it is written most often, and the way in which it gets into documents.
//!
//! # Design
//! serde writes a document name by name and looks at each letter for what has to be escaped. Of a page of
//! relationships everything but numbers, times and names of types is the same for all, and none of it has to be
//! escaped. Such a resource is put together here and handed to serde as bytes, which no document of ours has
//! otherwise; the formatter of our documents writes them as they are.

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;
use std::io;

/// Compact JSON, and bytes as the JSON that they are.
struct Verbatim;

impl Formatter for Verbatim {
    fn write_byte_array<W: ?Sized + io::Write>(&mut self, writer: &mut W, json: &[u8]) -> io::Result<()> {
        writer.write_all(json)
    }
}

/// A document as it is sent. `expected` is about how many bytes it has, so that it is written in one piece.
///
/// # Errors
/// When a part of it cannot be written, which none of ours should bring about.
pub fn write(document: &impl Serialize, expected: usize) -> serde_json::Result<Vec<u8>> {
    let mut body = Vec::with_capacity(expected);
    document.serialize(&mut Serializer::with_formatter(&mut body, Verbatim))?;
    Ok(body)
}

/// A JSON text, as it is, in a document that [`write`] writes.
pub(super) struct Raw<'a>(pub &'a str);

impl Serialize for Raw<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0.as_bytes())
    }
}

/// Room for a relationship with the longest numbers, the longest name of a type and a cursor.
const ROOM: usize = 1_280;

/// A piece of JSON in the making, without an allocation.
pub(super) struct Piece {
    text: [u8; ROOM],
    length: usize,
    is_whole: bool,
}

impl Piece {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { text: [0; ROOM], length: 0, is_whole: true }
    }

    /// Appends JSON as it stands.
    pub fn put(&mut self, json: &str) -> &mut Self {
        let end = self.length + json.len();
        match self.text.get_mut(self.length..end) {
            Some(place) => {
                place.copy_from_slice(json.as_bytes());
                self.length = end;
            }
            None => self.is_whole = false,
        }
        self
    }

    /// All of it, unless there was too much.
    pub fn whole(&self) -> Option<&[u8]> {
        self.text.get(..self.length).filter(|_| self.is_whole)
    }
}

/// The digits of a number.
pub(super) struct Digits {
    text: [u8; 20],
    start: usize,
}

impl Digits {
    /// Those of an id, which is never negative.
    pub fn of(id: i64) -> Self {
        let (mut text, mut start, mut rest) = ([b'0'; 20], 20, id.unsigned_abs());
        for place in text.iter_mut().rev() {
            *place = b'0' + u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
            start -= 1;
            if rest == 0 {
                break;
            }
        }
        Self { text, start }
    }

    /// The digits as text.
    pub fn as_str(&self) -> &str {
        self.text.get(self.start..).and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_digits_of_an_id_are_those_that_it_prints(id in 0..=i64::MAX) {
            prop_assert_eq!(Digits::of(id).as_str().to_owned(), id.to_string());
        }
    }

    #[test]
    fn the_smallest_and_the_largest_number_have_their_digits_and_too_much_is_nothing() {
        assert_eq!(Digits::of(0).as_str(), "0");
        assert_eq!(Digits::of(i64::MAX).as_str(), i64::MAX.to_string());
        let mut piece = Piece::new();
        piece.put("{").put("}");
        assert_eq!(piece.whole(), Some(&b"{}"[..]));
        assert!(piece.put(&"x".repeat(ROOM)).put("y").whole().is_none());
    }
}

//! Fragments of raw JSON, and a formatter that inserts them into documents.
//!
//! # Design
//! `serde_json` writes a document member by member and checks each character for escapes. In a page of relationships,
//! everything but numbers, times and type names is constant, and nothing needs an escape. These resources are assembled
//! in a `Fragment` and passed to `serde` as bytes, which documents do not contain otherwise; the formatter writes bytes
//! unchanged. `serde_json::value::RawValue` would parse each fragment again to validate it.

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;
use std::io;

use crate::model::field::Held;
use crate::model::limits::LONGEST_PUBLIC_URL;

/// Writes compact JSON, and bytes unchanged.
struct RawFormatter;

impl Formatter for RawFormatter {
    fn write_byte_array<W: ?Sized + io::Write>(&mut self, writer: &mut W, json: &[u8]) -> io::Result<()> {
        writer.write_all(json)
    }
}

/// Serializes a document. `capacity` is its expected size in bytes.
///
/// # Errors
/// If a value cannot be serialized, which would be a bug.
pub fn write(document: &impl Serialize, capacity: usize) -> serde_json::Result<Vec<u8>> {
    let mut body = Vec::with_capacity(capacity);
    document.serialize(&mut Serializer::with_formatter(&mut body, RawFormatter))?;
    Ok(body)
}

/// Inserts a JSON text unchanged into a document that [`write()`] serializes.
pub(super) struct RawJson<'a>(pub &'a str);

impl Serialize for RawJson<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0.as_bytes())
    }
}

/// The expected size of an object, in bytes. A larger one costs another allocation.
const OBJECT_SIZE: usize = 640;

/// A JSON object of attributes, which is built member by member.
pub(super) struct RawObject(String);

impl RawObject {
    /// An empty object.
    pub fn new() -> Self {
        Self(String::with_capacity(OBJECT_SIZE))
    }

    /// Appends a member, whose name needs no escape.
    pub fn put(&mut self, name: &str, value: Held<'_>) {
        let Self(json) = self;
        json.push_str(if json.is_empty() { "{\"" } else { ",\"" });
        json.push_str(name);
        json.push_str("\":");
        put_value(value, |part| json.push_str(part));
    }

    /// Serializes the object, which has at least one member.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: serde::Serializer>(mut self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.push('}');
        RawJson(&self.0).serialize(serializer)
    }
}

/// Enough bytes for a relationship with the longest ids, the longest type name and a cursor, and with relative URLs.
pub(super) const CAPACITY: usize = 1_280;
/// The same with absolute URLs: a relationship has five.
pub(super) const ABSOLUTE_CAPACITY: usize = CAPACITY + 5 * LONGEST_PUBLIC_URL;

/// A buffer of `SIZE` bytes for JSON that needs no allocation.
pub(super) struct Fragment<const SIZE: usize> {
    text: [u8; SIZE],
    length: usize,
    is_complete: bool,
}

impl<const SIZE: usize> Fragment<SIZE> {
    /// An empty fragment.
    pub fn new() -> Self {
        Self { text: [0; SIZE], length: 0, is_complete: true }
    }

    /// Appends JSON.
    pub fn put(&mut self, json: &str) -> &mut Self {
        let end = self.length + json.len();
        match self.text.get_mut(self.length..end) {
            Some(room) => {
                room.copy_from_slice(json.as_bytes());
                self.length = end;
            }
            None => self.is_complete = false,
        }
        self
    }

    /// Appends the value of an attribute.
    pub fn put_value(&mut self, value: Held<'_>) -> &mut Self {
        put_value(value, |part| {
            self.put(part);
        });
        self
    }

    /// The JSON; `None` if it exceeded the buffer.
    pub fn json(&self) -> Option<&[u8]> {
        self.text.get(..self.length).filter(|_| self.is_complete)
    }
}

/// Passes the JSON of a value on in parts. The usual values need neither an escape nor an allocation.
fn put_value(value: Held<'_>, mut put: impl FnMut(&str)) {
    match value {
        Held::Text(None) | Held::Integer(None) => put("null"),
        Held::List([]) => put("[]"),
        Held::Text(Some(text)) if !needs_escape(text) => {
            put("\"");
            put(text);
            put("\"");
        }
        other => put(&serde_json::to_string(&other).unwrap_or_default()),
    }
}

fn needs_escape(text: &str) -> bool {
    text.bytes().any(|byte| byte < b' ' || byte == b'"' || byte == b'\\')
}

/// A number in decimal digits, without an allocation.
pub(super) struct Digits {
    text: [u8; 20],
    start: usize,
}

impl Digits {
    /// The digits of an id, which is never negative.
    pub fn of(id: i64) -> Self {
        let (mut text, mut start, mut rest) = ([b'0'; 20], 20, id.unsigned_abs());
        for digit in text.iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
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
        fn digits_equal_display(id in 0..=i64::MAX) {
            prop_assert_eq!(Digits::of(id).as_str().to_owned(), id.to_string());
        }
    }

    proptest! {
        #[test]
        fn texts_of_attributes_are_rendered_as_serde_json_renders_them(text in prop::option::of("\\PC{0,20}|[\"\\\\\x00-\x20]{0,9}")) {
            let held = Held::Text(text.as_deref());
            let mut fragment = Fragment::<CAPACITY>::new();
            fragment.put_value(held);
            let expected = serde_json::to_string(&text).unwrap();
            prop_assert_eq!(fragment.json(), Some(expected.as_bytes()));
        }
    }

    #[test]
    fn flags_and_lists_of_attributes_are_json() {
        let mut fragment = Fragment::<CAPACITY>::new();
        fragment.put_value(Held::Flag(true)).put_value(Held::List(&["a".to_owned()]));
        assert_eq!(fragment.json(), Some(&br#"true["a"]"#[..]));
    }

    #[test]
    fn a_fragment_beyond_its_capacity_is_none() {
        assert_eq!(Digits::of(0).as_str(), "0");
        assert_eq!(Digits::of(i64::MAX).as_str(), i64::MAX.to_string());
        let mut fragment = Fragment::<CAPACITY>::new();
        fragment.put("{").put("}");
        assert_eq!(fragment.json(), Some(&b"{}"[..]));
        assert!(fragment.put(&"x".repeat(CAPACITY)).put("y").json().is_none());
    }
}

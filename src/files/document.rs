//! Reads the resources of a JSON:API document, one at a time and of limited size.

use std::cell::RefCell;
use std::fmt;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::lines::MAX_LINE_BYTES;
use crate::model::group::Properties;

/// A resource object of a document.
pub type ResourceObject = Properties;

/// Takes a resource and the number of the line on which it begins. Returns whether to go on.
pub type ResourceSink<'s> = dyn FnMut(u64, Result<ResourceObject, String>) -> bool + 's;

/// Reads a whole document. The resources are the members of `data`, each in the order of the document.
///
/// # Errors
/// Those of the file, and [`io::ErrorKind::InvalidData`] for a text that is not a document with a list of resources, and
/// for a resource that is too large.
pub fn read(file: impl BufRead, sink: &mut ResourceSink<'_>) -> io::Result<()> {
    let position = Rc::new(RefCell::new(Position { line: 1, is_fresh: true, ..Position::default() }));
    let input = PositionedReader { inner: file, position: Rc::clone(&position) };
    let mut json = serde_json::Deserializer::from_reader(input);
    let mut visitor = DocumentVisitor { position: Rc::clone(&position), sink, has_stopped: false };
    let result = json.deserialize_map(&mut visitor);
    if visitor.has_stopped {
        return Ok(());
    }
    result.and_then(|()| json.end()).map_err(|error| failure(error, position.borrow().line))
}

fn failure(error: serde_json::Error, line: u64) -> io::Error {
    if error.is_io() {
        return error.into();
    }
    let what = match error.classify() {
        serde_json::error::Category::Eof => "the document ends before it is complete; is the file cut?".to_owned(),
        serde_json::error::Category::Data => {
            "must be a JSON:API document with a list of resources, `{\"data\":[…]}`".to_owned()
        }
        _ => "the document is not valid JSON from here on".to_owned(),
    };
    io::Error::new(io::ErrorKind::InvalidData, format!("line {line}: {what}"))
}

/// Where the reader is.
#[derive(Debug, Default)]
struct Position {
    line: u64,
    /// The line on which the present resource begins.
    start: u64,
    /// The bytes of the present resource.
    bytes: usize,
    /// Whether nothing of the present resource is read yet.
    is_fresh: bool,
}

/// Counts the lines and the bytes of each resource.
struct PositionedReader<F> {
    inner: F,
    position: Rc<RefCell<Position>>,
}

impl<F: BufRead> Read for PositionedReader<F> {
    /// Reads one byte, because the parser takes them one by one and a position must be that of the parser.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(byte) = self.inner.fill_buf()?.first().copied() else { return Ok(0) };
        let Some(first) = buffer.first_mut() else { return Ok(0) };
        *first = byte;
        self.inner.consume(1);
        let mut position = self.position.borrow_mut();
        position.take(byte);
        if position.bytes > MAX_LINE_BYTES {
            let problem = format!("line {}: the resource is larger than {MAX_LINE_BYTES} bytes", position.start);
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        Ok(1)
    }
}

impl Position {
    fn take(&mut self, byte: u8) {
        if self.is_fresh && !byte.is_ascii_whitespace() && byte != b',' {
            (self.is_fresh, self.start) = (false, self.line);
        }
        self.line += u64::from(byte == b'\n');
        self.bytes += 1;
    }

    fn begin_resource(&mut self) {
        (self.bytes, self.is_fresh, self.start) = (0, true, self.line);
    }
}

struct DocumentVisitor<'s, 'f> {
    position: Rc<RefCell<Position>>,
    sink: &'s mut ResourceSink<'f>,
    has_stopped: bool,
}

impl<'de> Visitor<'de> for &mut DocumentVisitor<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a document with a list of resources")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut has_data = false;
        while let Some(name) = members.next_key::<String>()? {
            if name == "data" {
                has_data = true;
                members.next_value_seed(ListSeed(self))?;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
            self.position.borrow_mut().begin_resource();
        }
        if has_data { Ok(()) } else { Err(A::Error::custom("`data` is missing")) }
    }
}

/// The list of resources.
struct ListSeed<'v, 's, 'f>(&'v mut DocumentVisitor<'s, 'f>);

impl<'de> DeserializeSeed<'de> for ListSeed<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ListSeed<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of resources")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Self(visitor) = self;
        visitor.position.borrow_mut().begin_resource();
        while let Some(item) = items.next_element::<Value>()? {
            let line = visitor.position.borrow().start;
            let resource = match item {
                Value::Object(resource) => Ok(resource),
                _ => Err("must be a resource object with `type` and `id`".to_owned()),
            };
            if !(visitor.sink)(line, resource) {
                visitor.has_stopped = true;
                return Err(A::Error::custom("stopped"));
            }
            visitor.position.borrow_mut().begin_resource();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The lines and types of the resources.
    fn read_all(text: &[u8]) -> (Vec<(u64, String)>, Option<String>) {
        let mut found = Vec::new();
        let result = read(text, &mut |line, resource| {
            let kind = resource.map(|mut it| it.remove("type").unwrap_or_default().to_string());
            found.push((line, kind.unwrap_or_else(|problem| problem)));
            true
        });
        (found, result.err().map(|problem| problem.to_string()))
    }

    #[test]
    fn resources_are_read_one_by_one_with_their_lines() {
        let text =
            "{\"jsonapi\":{\"version\":\"1.1\"},\"data\":[\n{\"type\":\"a\"},\n\n{\"type\":\n\"b\"}, 7],\"meta\":{}}\n";
        let not_an_object = "must be a resource object with `type` and `id`".to_owned();
        let expected = [(2, "\"a\"".to_owned()), (4, "\"b\"".to_owned()), (5, not_an_object)];
        assert_eq!(read_all(text.as_bytes()), (expected.to_vec(), None));
        let mut count = 0;
        read(text.as_bytes(), &mut |_, _| {
            count += 1;
            false
        })
        .unwrap();
        assert_eq!(count, 1);
    }

    #[test]
    fn a_text_that_is_no_document_is_an_error_with_its_line() {
        for (text, problem) in [
            ("{\"data\":[\n{\"type\":\"a\"},\n{\"ty", "line 3: the document ends before it is complete"),
            ("{\"data\":[\n{\"type\":a}]}", "line 2: the document is not valid JSON"),
            ("{\"data\":[]} x", "line 1: the document is not valid JSON"),
            ("{\"data\":{}}", "line 1: must be a JSON:API document"),
            ("{}", "line 1: must be a JSON:API document"),
            ("[]", "line 1: must be a JSON:API document"),
            ("", "line 1: the document ends"),
        ] {
            let found = read_all(text.as_bytes()).1.unwrap();
            assert!(found.contains(problem), "{text}: {found}");
        }
        let long = format!("{{\"data\":[\n{{\"id\":\"{}\"}}]}}", "x".repeat(MAX_LINE_BYTES));
        assert!(read_all(long.as_bytes()).1.unwrap().contains("line 2: the resource is larger than"));
        let many = format!("{{\"data\":[{}]}}", vec!["{\"type\":\"a\"}"; MAX_LINE_BYTES / 10].join(",\n"));
        assert_eq!(read_all(many.as_bytes()).0.len(), MAX_LINE_BYTES / 10, "the limit is that of one resource");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..100), text in "[{}\\[\\]\":,a-c\n]{0,60}") {
            for rest in [&bytes[..], text.as_bytes()] {
                drop(read_all(rest));
                drop(read_all(&[b"{\"data\":[", rest].concat()));
            }
        }
    }
}

//! Computes the size of a value as JSON without writing it.

use serde::Serialize;
use std::io;

/// Counts the bytes that are written.
struct ByteCounter(usize);

impl io::Write for ByteCounter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The bytes of a value as compact JSON; `usize::MAX` for a value that JSON cannot represent.
#[must_use]
pub fn json_size(value: &impl Serialize) -> usize {
    let mut counter = ByteCounter(0);
    serde_json::to_writer(&mut counter, value).map_or(usize::MAX, |()| counter.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_size_of_a_value_is_the_length_of_its_text() {
        for value in [json!(null), json!({"a": ["ä\u{1}\"", 1.5, {}]}), json!("漢")] {
            assert_eq!(json_size(&value), value.to_string().len());
        }
    }
}

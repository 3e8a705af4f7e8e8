//! Encodes a JSON object byte for byte like the encoders of PHP, JavaScript and Python.

use std::fmt::Write;

/// The size at which the buffer goes to the sink, in bytes. A large body is never copied as a whole.
const BUFFER_BYTES: usize = 4 * 1024;

/// A JSON encoder whose output is reproduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JsonDialect {
    /// PHP's `json_encode`.
    Php,
    /// JavaScript's `JSON.stringify`; Python's `json.dumps` with `ensure_ascii=False` and without spaces.
    Plain,
    /// Python's `json.dumps`.
    Python,
}

impl JsonDialect {
    pub const ALL: [Self; 3] = [Self::Php, Self::Plain, Self::Python];
}

/// Writes one object, in parts, to a sink.
pub(super) struct JsonEncoder<F> {
    dialect: JsonDialect,
    has_members: bool,
    buffer: String,
    sink: F,
}

impl<F: FnMut(&[u8])> JsonEncoder<F> {
    pub fn new(dialect: JsonDialect, sink: F) -> Self {
        Self { dialect, has_members: false, buffer: String::with_capacity(256), sink }
    }

    /// Writes a string member.
    pub fn write_string(&mut self, name: &str, value: &str) {
        self.write_name(name);
        self.buffer.push('"');
        let dialect = self.dialect;
        let mut rest = value;
        while let Some((plain, tail)) =
            rest.bytes().position(|byte| is_escaped(byte, dialect)).and_then(|at| rest.split_at_checked(at))
        {
            self.write_plain(plain);
            let mut characters = tail.chars();
            characters.next().into_iter().for_each(|character| self.write_escaped(character));
            rest = characters.as_str();
        }
        self.write_plain(rest);
        self.buffer.push('"');
    }

    /// Writes an integer member.
    pub fn write_number(&mut self, name: &str, value: i64) {
        self.write_name(name);
        // Writing to a string cannot fail.
        let _ = write!(self.buffer, "{value}");
    }

    /// Ends the object and flushes the buffer.
    pub fn finish(mut self) {
        self.buffer.push('}');
        (self.sink)(self.buffer.as_bytes());
    }

    fn write_name(&mut self, name: &str) {
        let has_spaces = self.dialect == JsonDialect::Python;
        let is_first = !std::mem::replace(&mut self.has_members, true);
        self.buffer.push_str(match (is_first, has_spaces) {
            (true, _) => "{\"",
            (false, false) => ",\"",
            (false, true) => ", \"",
        });
        self.buffer.push_str(name);
        self.buffer.push_str(if has_spaces { "\": " } else { "\":" });
    }

    fn write_plain(&mut self, text: &str) {
        if self.buffer.len() + text.len() > BUFFER_BYTES {
            (self.sink)(self.buffer.as_bytes());
            self.buffer.clear();
        }
        if text.len() > BUFFER_BYTES {
            (self.sink)(text.as_bytes());
        } else {
            self.buffer.push_str(text);
        }
    }

    fn write_escaped(&mut self, character: char) {
        let short = match character {
            '"' => "\\\"",
            '\\' => "\\\\",
            '/' => "\\/",
            '\u{8}' => "\\b",
            '\u{c}' => "\\f",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    self.buffer.push_str("\\u");
                    for shift in [12, 8, 4, 0] {
                        self.buffer.push(hex_digit(*unit >> shift & 0xf));
                    }
                }
                return;
            }
        };
        self.buffer.push_str(short);
    }
}

/// Whether a character that starts with this byte is escaped. Comparing bytes is several times faster, and all
/// characters outside ASCII are treated alike.
fn is_escaped(byte: u8, dialect: JsonDialect) -> bool {
    match byte {
        b'"' | b'\\' | 0..=0x1f => true,
        b'/' => dialect == JsonDialect::Php,
        // PHP does not escape it.
        0x7f => dialect == JsonDialect::Python,
        _ => !byte.is_ascii() && dialect != JsonDialect::Plain,
    }
}

fn hex_digit(number: u16) -> char {
    char::from_digit(number.into(), 16).unwrap_or_default()
}

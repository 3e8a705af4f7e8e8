//! How the JSON encoders of some languages write one and the same object.

use std::fmt::Write;

/// So much is gathered before it is handed on: a body may be large, and is never held in a second spelling.
const PART: usize = 4 * 1024;

/// Whose JSON encoder made a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JsonDialect {
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

/// An object in the making, handed on in parts.
pub(super) struct JsonEncoder<F> {
    style: JsonDialect,
    has_begun: bool,
    part: String,
    take: F,
}

impl<F: FnMut(&[u8])> JsonEncoder<F> {
    pub fn new(style: JsonDialect, take: F) -> Self {
        Self { style, has_begun: false, part: String::with_capacity(256), take }
    }

    /// Adds a string.
    pub fn string(&mut self, name: &str, value: &str) {
        self.name(name);
        self.part.push('"');
        let style = self.style;
        let mut rest = value;
        while let Some((plain, tail)) =
            rest.bytes().position(|byte| begins_escaped(byte, style)).and_then(|at| rest.split_at_checked(at))
        {
            self.plain(plain);
            let mut letters = tail.chars();
            letters.next().into_iter().for_each(|letter| self.escape(letter));
            rest = letters.as_str();
        }
        self.plain(rest);
        self.part.push('"');
    }

    /// Adds a whole number.
    pub fn number(&mut self, name: &str, value: i64) {
        self.name(name);
        // Writing to a string cannot fail.
        let _ = write!(self.part, "{value}");
    }

    /// Ends the object.
    pub fn end(mut self) {
        self.part.push('}');
        (self.take)(self.part.as_bytes());
    }

    fn name(&mut self, name: &str) {
        let has_spaces = self.style == JsonDialect::Python;
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        self.part.push_str(match (is_first, has_spaces) {
            (true, _) => "{\"",
            (false, false) => ",\"",
            (false, true) => ", \"",
        });
        self.part.push_str(name);
        self.part.push_str(if has_spaces { "\": " } else { "\":" });
    }

    fn plain(&mut self, text: &str) {
        if self.part.len() + text.len() > PART {
            (self.take)(self.part.as_bytes());
            self.part.clear();
        }
        if text.len() > PART {
            (self.take)(text.as_bytes());
        } else {
            self.part.push_str(text);
        }
    }

    fn escape(&mut self, letter: char) {
        let short = match letter {
            '"' => "\\\"",
            '\\' => "\\\\",
            '/' => "\\/",
            '\u{8}' => "\\b",
            '\u{c}' => "\\f",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            _ => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    self.part.push_str("\\u");
                    for shift in [12, 8, 4, 0] {
                        self.part.push(hex_digit(*unit >> shift & 0xf));
                    }
                }
                return;
            }
        };
        self.part.push_str(short);
    }
}

/// Whether a letter that begins with this byte is escaped: to look at bytes is several times as fast, and all letters
/// beyond ASCII are treated alike.
fn begins_escaped(byte: u8, style: JsonDialect) -> bool {
    match byte {
        b'"' | b'\\' | 0..=0x1f => true,
        b'/' => style == JsonDialect::Php,
        // PHP leaves it as it is.
        0x7f => style == JsonDialect::Python,
        _ => !byte.is_ascii() && style != JsonDialect::Plain,
    }
}

fn hex_digit(number: u16) -> char {
    char::from_digit(number.into(), 16).unwrap_or_default()
}

//! How the JSON encoders of some languages write one and the same object.

use std::fmt::Write;

/// Whose JSON encoder made a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// PHP's `json_encode`.
    Php,
    /// JavaScript's `JSON.stringify`; Python's `json.dumps` with `ensure_ascii=False` and without spaces.
    Plain,
    /// Python's `json.dumps`.
    Python,
}

impl Style {
    pub const ALL: [Self; 3] = [Self::Php, Self::Plain, Self::Python];
}

/// An object in the making.
pub(super) struct Spelling {
    style: Style,
    json: String,
}

impl Spelling {
    pub fn new(style: Style, size: usize) -> Self {
        Self { style, json: String::with_capacity(size) }
    }

    /// Adds a string.
    pub fn string(&mut self, name: &str, value: &str) {
        self.name(name);
        self.json.push('"');
        for letter in value.chars() {
            self.push(letter);
        }
        self.json.push('"');
    }

    /// Adds a whole number.
    pub fn number(&mut self, name: &str, value: i64) {
        self.name(name);
        // Writing to a string cannot fail.
        let _ = write!(self.json, "{value}");
    }

    /// The object.
    pub fn end(mut self) -> Vec<u8> {
        self.json.push('}');
        self.json.into_bytes()
    }

    fn name(&mut self, name: &str) {
        let has_spaces = self.style == Style::Python;
        self.json.push_str(match (self.json.is_empty(), has_spaces) {
            (true, _) => "{\"",
            (false, false) => ",\"",
            (false, true) => ", \"",
        });
        self.json.push_str(name);
        self.json.push_str(if has_spaces { "\": " } else { "\":" });
    }

    fn push(&mut self, letter: char) {
        let short = match letter {
            '"' => Some("\\\""),
            '\\' => Some("\\\\"),
            '/' if self.style == Style::Php => Some("\\/"),
            '\u{8}' => Some("\\b"),
            '\u{c}' => Some("\\f"),
            '\n' => Some("\\n"),
            '\r' => Some("\\r"),
            '\t' => Some("\\t"),
            _ => None,
        };
        let is_escaped = match letter {
            '\0'..='\u{1f}' => true,
            // PHP leaves it as it is.
            '\u{7f}' => self.style == Style::Python,
            _ => !letter.is_ascii() && self.style != Style::Plain,
        };
        match short {
            Some(short) => self.json.push_str(short),
            None if is_escaped => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    // Writing to a string cannot fail.
                    let _ = write!(self.json, "\\u{unit:04x}");
                }
            }
            None => self.json.push(letter),
        }
    }
}

//! Positions in the write-ahead log of the database, as clients send them back to read what they have written.

use std::fmt;

/// The length of its text.
const DIGITS: usize = 16;

/// A position in the write-ahead log of PostgreSQL. A server that has replayed it shows every change before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPosition(u64);

impl LogPosition {
    /// After every position that a replica can reach: only the primary shows all changes before it. It stands for a
    /// position that is not known, and for every position of a database without replicas.
    pub const PRIMARY: Self = Self(u64::MAX);

    /// A position in bytes from the start of the log.
    #[must_use]
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// Parses the text of a position: 16 hexadecimal digits in lower case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == DIGITS && text.bytes().all(is_digit)).then(|| u64::from_str_radix(text, 16).ok().map(Self))?
    }

    /// Bytes from the start of the log; `None` if no log is that long.
    #[must_use]
    pub fn bytes(self) -> Option<i64> {
        i64::try_from(self.0).ok()
    }
}

impl fmt::Display for LogPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0DIGITS$x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_parsed_from_its_own_text_only() {
        for position in [LogPosition::new(0), LogPosition::new(0x16b_374d_8480), LogPosition::PRIMARY] {
            assert_eq!(LogPosition::parse(&position.to_string()), Some(position));
        }
        for bad in
            ["", "0", "000000000000000G", "00000000000000000", "0/16B3748", "+000000000000001", "000000000000000A"]
        {
            assert_eq!(LogPosition::parse(bad), None, "{bad}");
        }
        assert_eq!(LogPosition::new(7).bytes(), Some(7));
        assert_eq!(LogPosition::PRIMARY.bytes(), None);
    }
}

//! Lines of a file, one at a time in memory and of limited length.

use std::io::{self, BufRead, Read};

/// The longest line that is read.
pub const LONGEST: usize = 1 << 20;

/// The result of reading a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// A line, without its end.
    Read,
    /// The line was longer than [`LONGEST`] and skipped.
    TooLong,
    /// The end of the file.
    End,
}

/// Reads the next line into `line`; skips the rest of one that is too long.
///
/// # Errors
/// Those of the file.
pub fn read(file: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Line> {
    line.clear();
    let most = u64::try_from(LONGEST).unwrap_or(u64::MAX);
    if file.take(most + 1).read_until(b'\n', line)? == 0 {
        return Ok(Line::End);
    }
    if line.ends_with(b"\n") {
        line.pop();
        if line.ends_with(b"\r") {
            line.pop();
        }
    } else if line.len() > LONGEST {
        file.skip_until(b'\n')?;
        return Ok(Line::TooLong);
    }
    Ok(Line::Read)
}

/// Skips the byte order mark at the beginning of a file.
///
/// # Errors
/// Those of the file, and [`io::ErrorKind::InvalidData`] for an unsupported encoding.
pub fn pass_over_mark(file: &mut impl BufRead) -> io::Result<()> {
    let start = file.fill_buf()?;
    let refuse = |name| {
        let message = format!("the encoding is {name}; convert the file to UTF-8");
        Err(io::Error::new(io::ErrorKind::InvalidData, message))
    };
    match start {
        [0xEF, 0xBB, 0xBF, ..] => {
            file.consume(3);
            Ok(())
        }
        [0xFF, 0xFE, ..] | [_, 0, ..] => refuse("UTF-16 (little endian)"),
        [0xFE, 0xFF, ..] | [0, _, ..] => refuse("UTF-16 (big endian)"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    fn all(bytes: &[u8]) -> Vec<(Line, usize)> {
        // A small buffer, so that lines are put together from pieces.
        let mut file = BufReader::with_capacity(7, bytes);
        let mut line = Vec::new();
        let mut found = Vec::new();
        loop {
            match read(&mut file, &mut line).unwrap() {
                Line::End => return found,
                what => found.push((what, line.len())),
            }
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_the_next_is_read() {
        let longest = [b"a".repeat(LONGEST), b"\nb\r\n\nc".to_vec()].concat();
        let expected = [(Line::Read, LONGEST), (Line::Read, 1), (Line::Read, 0), (Line::Read, 1)];
        assert_eq!(all(&longest), expected);
        let too_long: Vec<_> = [b"a".repeat(3 * LONGEST), b"\nb".to_vec()].concat();
        let found = all(&too_long);
        assert_eq!(found[0].0, Line::TooLong);
        assert_eq!(found[1..], [(Line::Read, 1)]);
        assert_eq!(all(&b"a".repeat(LONGEST + 1))[0].0, Line::TooLong);
    }

    #[test]
    fn only_utf_8_is_read() {
        for (bytes, rest) in [(&b"\xEF\xBB\xBFx"[..], &b"x"[..]), (b"x", b"x"), (b"", b"")] {
            let mut file = bytes;
            pass_over_mark(&mut file).unwrap();
            assert_eq!(file, rest);
        }
        for bytes in [b"\xFF\xFE{\0", b"\xFE\xFF\0{", b"{\0\"\0", b"\0{\0\""] {
            assert!(pass_over_mark(&mut &bytes[..]).unwrap_err().to_string().contains("UTF-16"));
        }
    }
}

//! Reads lines of a file, one at a time and of limited length.

use std::io::{self, BufRead, Read};

/// The most bytes of a line.
pub const MAX_LINE_BYTES: usize = 1 << 20;

/// The result of reading a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineRead {
    /// A line, without its terminator.
    Complete,
    /// The line was longer than [`MAX_LINE_BYTES`] and skipped.
    TooLong,
    /// The end of the file.
    End,
}

/// Reads the next line into `line`; skips the rest of one that is too long.
///
/// # Errors
/// Those of the file.
pub fn read(file: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<LineRead> {
    line.clear();
    let limit = u64::try_from(MAX_LINE_BYTES).unwrap_or(u64::MAX);
    if file.take(limit + 1).read_until(b'\n', line)? == 0 {
        return Ok(LineRead::End);
    }
    if line.ends_with(b"\n") {
        line.pop();
        if line.ends_with(b"\r") {
            line.pop();
        }
    } else if line.len() > MAX_LINE_BYTES {
        file.skip_until(b'\n')?;
        return Ok(LineRead::TooLong);
    }
    Ok(LineRead::Complete)
}

/// Skips the byte order mark at the beginning of a file.
///
/// # Errors
/// Those of the file, and [`io::ErrorKind::InvalidData`] for an unsupported encoding.
pub fn skip_byte_order_mark(file: &mut impl BufRead) -> io::Result<()> {
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
    use proptest::prelude::*;
    use std::io::BufReader;

    fn all(bytes: &[u8]) -> Vec<(LineRead, usize)> {
        // A small buffer, so that lines consist of several reads.
        let mut file = BufReader::with_capacity(7, bytes);
        let mut line = Vec::new();
        let mut found = Vec::new();
        loop {
            match read(&mut file, &mut line).unwrap() {
                LineRead::End => return found,
                what => found.push((what, line.len())),
            }
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped() {
        let longest = [b"a".repeat(MAX_LINE_BYTES), b"\nb\r\n\nc".to_vec()].concat();
        let expected = [
            (LineRead::Complete, MAX_LINE_BYTES),
            (LineRead::Complete, 1),
            (LineRead::Complete, 0),
            (LineRead::Complete, 1),
        ];
        assert_eq!(all(&longest), expected);
        let too_long: Vec<_> = [b"a".repeat(3 * MAX_LINE_BYTES), b"\nb".to_vec()].concat();
        let found = all(&too_long);
        assert_eq!(found[0].0, LineRead::TooLong);
        assert_eq!(found[1..], [(LineRead::Complete, 1)]);
        assert_eq!(all(&b"a".repeat(MAX_LINE_BYTES + 1))[0].0, LineRead::TooLong);
    }

    #[test]
    fn a_file_in_utf_16_is_an_error() {
        for (bytes, rest) in [(&b"\xEF\xBB\xBFx"[..], &b"x"[..]), (b"x", b"x"), (b"", b"")] {
            let mut file = bytes;
            skip_byte_order_mark(&mut file).unwrap();
            assert_eq!(file, rest);
        }
        for bytes in [b"\xFF\xFE{\0", b"\xFE\xFF\0{", b"{\0\"\0", b"\0{\0\""] {
            assert!(skip_byte_order_mark(&mut &bytes[..]).unwrap_err().to_string().contains("UTF-16"));
        }
    }

    proptest! {
        #[test]
        fn lines_are_the_parts_between_line_ends(text in "[a\r\n\x00é]{0,40}", capacity in 1..9_usize) {
            let mut file = BufReader::with_capacity(capacity, text.as_bytes());
            let (mut line, mut found) = (Vec::new(), Vec::new());
            while read(&mut file, &mut line).unwrap() == LineRead::Complete {
                found.push(line.clone());
            }
            let mut expected: Vec<_> = text.split('\n').map(|part| part.as_bytes().to_vec()).collect();
            let last = expected.pop().unwrap();
            for line in &mut expected {
                line.truncate(line.strip_suffix(b"\r").map_or(line.len(), <[u8]>::len));
            }
            expected.extend(Some(last).filter(|last| !last.is_empty()));
            prop_assert_eq!(found, expected);
        }
    }
}

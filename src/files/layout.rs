//! Finds the delimiter of a table and the beginning of its header.

use std::io::{self, BufRead, Read};

use super::lines::MAX_LINE_BYTES;

/// The delimiters that are detected. The first of several that occur equally often wins.
const DELIMITERS: [u8; 3] = [b';', b'\t', b','];
/// The delimiter of a header with one column.
const USUAL: u8 = b',';
/// The longest line that can name a delimiter, in bytes.
const MAX_DECLARATION: usize = 16;

/// The beginning of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableStart {
    /// The delimiter.
    pub delimiter: u8,
    /// The lines before the header.
    pub line_ends: u64,
    /// The text of the header that is read already.
    pub header: Vec<u8>,
}

/// Parses a delimiter: `tab`, or one ASCII character that is neither a letter, a digit, a quotation mark nor a space.
///
/// # Errors
/// What is accepted.
pub fn parse_delimiter(text: &str) -> Result<u8, String> {
    let complaint = || Err("must be one character such as `,` `;` or `|`, or `tab`".to_owned());
    match text.as_bytes() {
        b"tab" | b"\\t" | b"\t" => Ok(b'\t'),
        [one] if one.is_ascii_punctuation() && *one != b'"' => Ok(*one),
        _ => complaint(),
    }
}

/// Reads up to the header. A first line `sep=;` names the delimiter; otherwise it is `given`, or the one that occurs most
/// often in the header outside of quotation marks.
///
/// # Errors
/// Those of the file.
pub fn read_start(file: &mut impl BufRead, given: Option<u8>) -> io::Result<TableStart> {
    let (mut line_ends, mut declared) = (0, None);
    let mut line = Vec::new();
    loop {
        let is_complete = read_line(file, &mut line)?;
        let is_blank = line.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
        if is_complete && (is_blank || declared.is_none()) {
            if !is_blank {
                declared = declared_delimiter(&line);
            }
            if is_blank || declared.is_some() {
                line_ends += 1;
                continue;
            }
        }
        let delimiter = given.or(declared).unwrap_or_else(|| most_frequent(&line));
        return Ok(TableStart { delimiter, line_ends, header: line });
    }
}

/// Reads a line, at most as long as a record. Returns whether it has a line end.
fn read_line(file: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    let limit = u64::try_from(MAX_LINE_BYTES).unwrap_or(u64::MAX);
    file.take(limit).read_until(b'\n', line)?;
    Ok(line.ends_with(b"\n"))
}

/// The delimiter of a line such as `sep=;`, which Excel reads and writes.
fn declared_delimiter(line: &[u8]) -> Option<u8> {
    if line.len() > MAX_DECLARATION {
        return None;
    }
    let text = std::str::from_utf8(line).ok()?.trim_end_matches(['\r', '\n']);
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    let (name, delimiter) = text.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("sep") {
        return None;
    }
    parse_delimiter(delimiter).ok()
}

fn most_frequent(header: &[u8]) -> u8 {
    let mut counts = [0_usize; DELIMITERS.len()];
    let mut is_quoted = false;
    for byte in header {
        is_quoted ^= *byte == b'"';
        let place = DELIMITERS.iter().position(|delimiter| delimiter == byte).filter(|_| !is_quoted);
        if let Some(count) = place.and_then(|place| counts.get_mut(place)) {
            *count += 1;
        }
    }
    let most = counts.iter().copied().max().filter(|most| *most > 0);
    let found = DELIMITERS.into_iter().zip(counts).find(|(_, count)| Some(*count) == most);
    found.map_or(USUAL, |(delimiter, _)| delimiter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_header_or_a_declaration_decides_on_the_delimiter() {
        for (text, delimiter, line_ends, header) in [
            ("email,first-name\n", b',', 0, "email,first-name\n"),
            ("email;first-name\r\n", b';', 0, "email;first-name\r\n"),
            ("email\tfirst-name", b'\t', 0, "email\tfirst-name"),
            ("email\n", b',', 0, "email\n"),
            ("\"Name, first\";Work Email;\"a,b,c\"\n", b';', 0, "\"Name, first\";Work Email;\"a,b,c\"\n"),
            ("Name, first;Work Email\n", b';', 0, "Name, first;Work Email\n"),
            ("sep=;\r\na,b\n", b';', 1, "a,b\n"),
            ("\"sep=,\"\n\n\na;b\n", b',', 3, "a;b\n"),
            ("SEP=\t\na,b\n", b'\t', 1, "a,b\n"),
            ("\n\r\na|b\n", b',', 2, "a|b\n"),
            ("sep=;\nsep=,\n", b';', 1, "sep=,\n"),
            ("", b',', 0, ""),
        ] {
            let expected = TableStart { delimiter, line_ends, header: header.as_bytes().to_vec() };
            assert_eq!(read_start(&mut text.as_bytes(), None).unwrap(), expected, "{text:?}");
        }
        assert_eq!(read_start(&mut "sep=;\na;b\n".as_bytes(), Some(b'|')).unwrap().delimiter, b'|');
        for (text, delimiter) in [("tab", Ok(b'\t')), (";", Ok(b';')), ("|", Ok(b'|'))] {
            assert_eq!(parse_delimiter(text), delimiter);
        }
        for bad in ["", "a", "\"", "\n", ";;", "ä", " "] {
            assert!(parse_delimiter(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_but_blank_lines_and_a_declaration_is_skipped(text in "(sep=;\n|SEP=,\r\n|\n|\r\n){0,3}[a;,\t\"\n]{0,20}") {
            let mut file = text.as_bytes();
            let start = read_start(&mut file, None).unwrap();
            let rest = [&start.header[..], file].concat();
            let skipped = text.strip_suffix(std::str::from_utf8(&rest).unwrap()).unwrap();
            prop_assert_eq!(skipped.matches('\n').count() as u64, start.line_ends);
            let declared = skipped.lines().filter(|line| !line.is_empty()).count();
            prop_assert!(declared <= 1 && DELIMITERS.contains(&start.delimiter));
        }
    }
}

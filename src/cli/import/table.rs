//! Reads records of a CSV file, one at a time and of limited length.

use std::borrow::Cow;
use std::io::{self, BufRead};

use super::cell::{Cell, Members};
use super::lines::MAX_LINE_BYTES;
use super::record::{RecordKind, UNKNOWN, kind_of_column};
use crate::cli::formula;
use crate::model::text::excerpt;
use crate::model::user::FieldKind;

/// The most columns of a record.
const MAX_COLUMNS: usize = 100;

/// A record, or why it cannot be read.
pub type CsvRow<'a> = Result<Vec<&'a str>, String>;

/// Reads records from a file into a buffer of fixed size.
pub struct Table<F> {
    file: F,
    parser: csv_core::Reader,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// The number of line ends read so far.
    line_ends: u64,
}

impl<F: BufRead> Table<F> {
    /// Reads from the beginning of a file.
    pub fn new(file: F) -> Self {
        Self {
            file,
            parser: csv_core::Reader::new(),
            bytes: vec![0; MAX_LINE_BYTES],
            ends: vec![0; MAX_COLUMNS],
            line_ends: 0,
        }
    }

    /// The next record and the number of the line on which it begins; `None` at the end.
    ///
    /// # Errors
    /// Those of the file.
    pub fn next(&mut self) -> io::Result<Option<(u64, CsvRow<'_>)>> {
        self.skip_line_ends()?;
        let number = self.line_ends + 1;
        let (mut filled, mut ended, mut is_too_large) = (0, 0, false);
        // The last line need not have a terminator (RFC 4180), so one is added. It does not close a quotation.
        let mut has_end = false;
        loop {
            let input = self.file.fill_buf()?;
            let is_end = input.is_empty();
            let is_open = is_end && has_end;
            let room = (self.bytes.get_mut(filled..), self.ends.get_mut(ended..));
            let (Some(bytes), Some(ends)) = room else { return Ok(None) };
            let given = if is_end && !has_end { b"\n" } else { input };
            let (result, read, written, ends) = self.parser.read_record(given, bytes, ends);
            if is_end {
                has_end |= read > 0;
            } else {
                self.line_ends += count_line_ends(input.get(..read).unwrap_or_default());
                self.file.consume(read);
            }
            filled += written;
            ended += ends;
            match result {
                csv_core::ReadRecordResult::InputEmpty => {}
                csv_core::ReadRecordResult::OutputFull | csv_core::ReadRecordResult::OutputEndsFull => {
                    // The record is too long, so skip to its end.
                    (filled, ended, is_too_large) = (0, 0, true);
                }
                csv_core::ReadRecordResult::End => return Ok(None),
                csv_core::ReadRecordResult::Record if is_too_large => {
                    return Ok(Some((
                        number,
                        Err(format!("the row is longer than {MAX_LINE_BYTES} bytes or {MAX_COLUMNS} columns")),
                    )));
                }
                csv_core::ReadRecordResult::Record if is_open => {
                    return Ok(Some((number, Err("the file ends inside quotation marks".to_owned()))));
                }
                csv_core::ReadRecordResult::Record => break,
            }
        }
        Ok(Some((number, self.cells(ended))))
    }

    fn skip_line_ends(&mut self) -> io::Result<()> {
        loop {
            let input = self.file.fill_buf()?;
            let blank = input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            if blank == 0 {
                return Ok(());
            }
            self.line_ends += count_line_ends(input.get(..blank).unwrap_or_default());
            self.file.consume(blank);
        }
    }

    fn cells(&self, ended: usize) -> CsvRow<'_> {
        let mut start = 0;
        let ends = self.ends.iter().take(ended);
        ends.map(|end| {
            let bytes = self.bytes.get(start..*end).unwrap_or_default();
            start = *end;
            std::str::from_utf8(bytes).map_err(|_| "the row is not UTF-8".to_owned())
        })
        .collect()
    }
}

fn count_line_ends(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

/// The columns of a file.
#[derive(Debug)]
pub struct CsvHeader(Vec<String>);

impl CsvHeader {
    /// Parses the header line of a file.
    ///
    /// # Errors
    /// All its problems: missing, unknown and duplicate columns.
    pub fn new(row: &CsvRow<'_>, kind: RecordKind) -> Result<Self, String> {
        let names = row.as_ref().map_err(Clone::clone)?;
        let missing = kind.required().iter().filter(|name| !names.contains(name));
        let mut complaints: Vec<_> = missing.map(|name| format!("`{name}` is missing")).collect();
        for (place, name) in names.iter().enumerate() {
            if !kind.accepts(name) {
                complaints.push(format!("`{}`: {UNKNOWN}", excerpt(name)));
            } else if names.iter().take(place).any(|other| other == name) {
                complaints.push(format!("`{name}` is a duplicate"));
            }
        }
        if complaints.is_empty() {
            return Ok(Self(names.iter().map(|name| (*name).to_owned()).collect()));
        }
        Err(format!("invalid header line: {}", complaints.join("; ")))
    }

    /// The members of a record.
    ///
    /// # Errors
    /// A wrong number of cells.
    pub fn members<'a>(&'a self, row: CsvRow<'a>) -> Result<Members<'a>, String> {
        let cells = row?;
        if cells.len() != self.0.len() {
            return Err(format!("the row has {} cells; the header line has {}", cells.len(), self.0.len()));
        }
        let mut members = Vec::with_capacity(cells.len());
        for (name, text) in self.0.iter().zip(cells) {
            members.extend(cell_of(name, text)?.map(|cell| (Cow::Borrowed(name.as_str()), cell)));
        }
        Ok(Members(members))
    }
}

/// The value of a cell; `None` if the line lacks the member.
///
/// An empty cell clears a clearable member. Lists are JSON. A string that is empty, or begins with a quotation mark, is
/// written as JSON. An apostrophe that an export put in front of a formula is removed.
fn cell_of<'a>(name: &str, text: &'a str) -> Result<Option<Cell<'a>>, String> {
    let kind = kind_of_column(name);
    let text = formula::restore(text);
    if text.is_empty() {
        let is_clearable = matches!(kind, Some(FieldKind::Text { .. } | FieldKind::List));
        return Ok(is_clearable.then_some(Cell::Null));
    }
    let json = |what: &str| serde_json::from_str(text).map_err(|_| format!("`{name}`: must be {what}"));
    match kind {
        Some(FieldKind::List) => json("a JSON array of strings, for example `[\"a\",\"b\"]`").map(Some),
        _ if text.starts_with('"') => json("a JSON string, because it begins with a quotation mark").map(Some),
        _ => Ok(Some(Cell::Text(Cow::Borrowed(text)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    fn rows(text: &[u8]) -> Vec<(u64, Result<Vec<String>, String>)> {
        let mut table = Table::new(BufReader::with_capacity(5, text));
        let mut rows = Vec::new();
        while let Some((number, row)) = table.next().unwrap() {
            rows.push((number, row.map(|cells| cells.into_iter().map(ToOwned::to_owned).collect())));
        }
        rows
    }

    #[test]
    fn a_record_has_its_line_number_and_an_invalid_one_does_not_affect_the_next() {
        let found = rows(b"a,b\r\n\r\n\"x\ny\",\"\"\"\"\n\xFF,1\nlast,\"2");
        let good = |cells: &[&str]| Ok(cells.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(found[0], (1, good(&["a", "b"])));
        assert_eq!(found[1], (3, good(&["x\ny", "\""])));
        assert_eq!(found[2], (5, Err("the row is not UTF-8".to_owned())));
        assert!(found[3].0 == 6 && found[3].1.as_ref().unwrap_err().contains("quotation marks"), "{found:?}");
        assert_eq!(found.len(), 4);
        for whole in ["a,b", "a,b\r", "a,b\n", "\"a\",\"b\"", "a,b\r\n\r\n"] {
            assert_eq!(rows(whole.as_bytes()), [(1, good(&["a", "b"]))], "{whole:?}");
        }
        assert_eq!(rows(b"a,"), [(1, good(&["a", ""]))]);
        for nothing in ["", "\n", "\r\n\n"] {
            assert_eq!(rows(nothing.as_bytes()), [], "{nothing:?}");
        }
        let long = [b"a,".to_vec(), b"x".repeat(3 * MAX_LINE_BYTES), b"\nb,c\n".to_vec()].concat();
        let found = rows(&long);
        assert!(found[0].1.as_ref().unwrap_err().contains("longer"), "{:?}", found[0].1);
        assert_eq!(found[1], (2, good(&["b", "c"])));
        let wide = [b",".repeat(1_000), b"\nb,c\n".to_vec()].concat();
        assert_eq!(rows(&wide)[1], (2, good(&["b", "c"])));
    }

    #[test]
    fn a_cell_is_read_by_the_kind_of_its_column() {
        let text = |text: &'static str| Ok(Some(Cell::Text(Cow::Borrowed(text))));
        assert_eq!(cell_of("first-name", "Ann"), text("Ann"));
        assert_eq!(cell_of("first-name", ""), Ok(Some(Cell::Null)));
        assert_eq!(cell_of("access-level", ""), Ok(None));
        assert_eq!(cell_of("first-name", r#""""#), text(""));
        assert_eq!(cell_of("first-name", r#""\"A\"""#), text("\"A\""));
        assert_eq!(cell_of("is-enabled", "TRUE"), text("TRUE"));
        assert_eq!(cell_of("is-enabled", ""), Ok(None));
        assert_eq!(cell_of("first-name", "'=1"), text("=1"));
        assert_eq!(cell_of("first-name", "'x"), text("'x"));
        assert_eq!(cell_of("phone", r#"["1"]"#), Ok(Some(Cell::List(vec!["1".to_owned()]))));
        assert_eq!(cell_of("id", "7"), text("7"));
        for (name, bad) in [("phone", "1, 2"), ("first-name", "\"A\" B")] {
            assert!(cell_of(name, bad).is_err(), "{name} {bad}");
        }
    }
}

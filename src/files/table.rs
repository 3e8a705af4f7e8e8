//! Reads records of a CSV file, one at a time and of limited length.

use std::io::{self, BufRead, Chain, Cursor, Read};

use super::layout::{self, TableStart};
use super::lines::MAX_LINE_BYTES;
use super::quotation::QuotationCheck;

/// The most columns of a record.
const MAX_COLUMNS: usize = 100;

/// A record, or why it cannot be read.
pub type CsvRow<'a> = Result<Vec<&'a str>, String>;

/// Reads records from a file into a buffer of fixed size.
pub struct Table<F> {
    file: F,
    parser: csv_core::Reader,
    delimiter: u8,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    quotation: QuotationCheck,
    line_ends: LineEnds,
}

/// Counts the ends of lines: LF, CR LF, and CR alone, each of which also ends a record.
#[derive(Debug)]
struct LineEnds {
    count: u64,
    is_after_return: bool,
}

/// A table whose header is read in part to find the delimiter.
pub type OpenTable<F> = Table<Chain<Cursor<Vec<u8>>, F>>;

impl<F: BufRead> OpenTable<F> {
    /// Reads from the beginning of a file. Without a delimiter the file decides on it.
    ///
    /// # Errors
    /// Those of the file.
    pub fn open(mut file: F, delimiter: Option<u8>) -> io::Result<Self> {
        let TableStart { delimiter, line_ends, header } = layout::read_start(&mut file, delimiter)?;
        Ok(Self::resume(Cursor::new(header).chain(file), delimiter, line_ends))
    }
}

impl<F: BufRead> Table<F> {
    /// Reads from a place between two records, after that many line ends.
    #[must_use]
    pub fn resume(file: F, delimiter: u8, line_ends: u64) -> Self {
        Self {
            file,
            parser: csv_core::ReaderBuilder::new().delimiter(delimiter).build(),
            delimiter,
            bytes: vec![0; MAX_LINE_BYTES],
            ends: vec![0; MAX_COLUMNS],
            quotation: QuotationCheck::new(delimiter),
            line_ends: LineEnds { count: line_ends, is_after_return: false },
        }
    }

    /// The delimiter.
    #[must_use]
    pub fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// The rest of the file, between two records, and the number of line ends before it.
    ///
    /// # Errors
    /// Those of the file.
    pub fn into_rest(mut self) -> io::Result<(F, u64)> {
        self.skip_line_ends()?;
        Ok((self.file, self.line_ends.count))
    }

    /// The next record and the number of the line on which it begins; `None` at the end.
    ///
    /// # Errors
    /// Those of the file.
    pub fn next_row(&mut self) -> io::Result<Option<(u64, CsvRow<'_>)>> {
        self.skip_line_ends()?;
        let number = self.line_ends.count + 1;
        let (mut filled, mut ended, mut too_large) = (0, 0, None);
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
                let taken = input.get(..read).unwrap_or_default();
                self.line_ends.read(taken);
                self.quotation.read(taken);
                self.file.consume(read);
            }
            filled += written;
            ended += ends;
            match result {
                csv_core::ReadRecordResult::InputEmpty => {}
                // A record that is too large is skipped to its end.
                csv_core::ReadRecordResult::OutputFull => {
                    too_large.get_or_insert_with(|| format!("{MAX_LINE_BYTES} bytes; shorten it"));
                    (filled, ended) = (0, 0);
                }
                csv_core::ReadRecordResult::OutputEndsFull => {
                    too_large.get_or_insert_with(|| format!("{MAX_COLUMNS} columns; remove those that are not needed"));
                    (filled, ended) = (0, 0);
                }
                csv_core::ReadRecordResult::End => return Ok(None),
                csv_core::ReadRecordResult::Record => {
                    let too_large = too_large.map(|limit| format!("the row is longer than {limit}"));
                    let is_cut = is_open.then(|| "the file ends inside quotation marks".to_owned());
                    let wrong = self.quotation.finish();
                    if let Some(problem) = too_large.or(is_cut).or(wrong) {
                        return Ok(Some((number, Err(problem))));
                    }
                    break;
                }
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
            self.line_ends.read(input.get(..blank).unwrap_or_default());
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

impl LineEnds {
    fn read(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.count += u64::from(*byte == b'\r' || (*byte == b'\n' && !self.is_after_return));
            self.is_after_return = *byte == b'\r';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    fn rows(text: &[u8]) -> Vec<(u64, Result<Vec<String>, String>)> {
        let mut table = Table::open(BufReader::with_capacity(5, text), None).unwrap();
        let mut rows = Vec::new();
        while let Some((number, row)) = table.next_row().unwrap() {
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
        let numbers: Vec<_> = rows(b"a\rb\r\r\nc\r\n\"x\ry\r\nz\"\rd\n\re").iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [1, 2, 4, 5, 8, 10]);
        let long = [b"a,".to_vec(), b"x".repeat(3 * MAX_LINE_BYTES), b"\nb,c\n".to_vec()].concat();
        let found = rows(&long);
        assert!(found[0].1.as_ref().unwrap_err().contains("longer"), "{:?}", found[0].1);
        assert_eq!(found[1], (2, good(&["b", "c"])));
        let wide = [b",".repeat(1_000), b"\nb,c\n".to_vec()].concat();
        assert_eq!(rows(&wide)[1], (2, good(&["b", "c"])));
    }
}

//! The form of CSV files.

use std::io::{self, Write};

use crate::files::formula::neutralize;
use crate::files::record::RecordKind;

/// How CSV files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CsvStyle {
    /// The delimiter, an ASCII character.
    pub delimiter: u8,
    /// Whether the file is for spreadsheets: with a byte order mark, so that they read UTF-8, and with the line ends that
    /// RFC 4180 and they have, CR LF. Other files end lines with LF, as programs do.
    pub is_spreadsheet: bool,
}

impl CsvStyle {
    /// Writes the header.
    ///
    /// # Errors
    /// Those of the file.
    pub fn write_header(self, kind: RecordKind, out: &mut dyn Write) -> io::Result<()> {
        if self.is_spreadsheet {
            out.write_all("\u{FEFF}".as_bytes())?;
        }
        for (place, name) in kind.written_members().into_iter().enumerate() {
            self.write_cell(out, place == 0, name)?;
        }
        self.end_row(out)
    }

    /// Writes a cell (RFC 4180). One that a spreadsheet would run as a formula gets an apostrophe in front.
    ///
    /// # Errors
    /// Those of the file.
    pub fn write_cell(self, out: &mut dyn Write, is_first: bool, cell: &str) -> io::Result<()> {
        if !is_first {
            out.write_all(&[self.delimiter])?;
        }
        let cell = neutralize(cell);
        let is_special = |byte: u8| matches!(byte, b'"' | b'\n' | b'\r') || byte == self.delimiter;
        if cell.bytes().any(is_special) {
            write!(out, "\"{}\"", cell.replace('"', "\"\""))
        } else {
            out.write_all(cell.as_bytes())
        }
    }

    /// Ends a row.
    ///
    /// # Errors
    /// Those of the file.
    pub fn end_row(self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(if self.is_spreadsheet { b"\r\n" } else { b"\n" })
    }
}

//! Prints what an import does as a table for people, and writes it as CSV.

use std::io::{self, Write};
use std::path::Path;

use crate::cli::command_error::CommandError;
use crate::cli::export::sink::Sink;
use crate::domain::transfer::{RowOutcome, ValueChange};
use crate::files::formula;
use crate::model::text::excerpt;

/// Tells spreadsheets that the file is UTF-8.
const BYTE_ORDER_MARK: &str = "\u{FEFF}";
/// The columns of the CSV file.
const COLUMNS: [&str; 8] = ["line", "outcome", "subject", "column", "before", "after", "problem", "file"];
/// The widths of the first columns of the table.
const WIDTHS: (usize, usize, usize) = (7, 8, 36);

/// A row, with the headings of its columns.
#[derive(Debug)]
pub struct ReportedRow<'a> {
    /// The file; empty for a user whom no line names.
    pub file: &'a str,
    /// The number of the line.
    pub line: Option<u64>,
    /// What happens.
    pub outcome: RowOutcome,
    /// The user.
    pub subject: &'a str,
    /// What changes, each with the heading of its column.
    pub changes: Vec<ValueChange>,
    /// What is wrong and what to do, or what to know.
    pub problem: Option<&'a str>,
}

/// The table and the file.
pub struct RowWriter {
    /// Whether the table is printed, and whether its head is.
    table: Option<bool>,
    file: Option<Sink>,
    failure: Option<CommandError>,
}

impl RowWriter {
    /// Begins a file, and a table if there is to be one.
    ///
    /// # Errors
    /// [`CommandError`] when the file cannot be written.
    pub fn open(has_table: bool, file: Option<&Path>) -> Result<Self, CommandError> {
        let mut file = file.map(|path| Sink::open(Some(path))).transpose()?;
        if let Some(file) = &mut file {
            file.put(|out| {
                out.write_all(BYTE_ORDER_MARK.as_bytes())?;
                write_cells(out, &COLUMNS)
            })?;
        }
        Ok(Self { table: has_table.then_some(false), file, failure: None })
    }

    /// Whether rows are shown at all.
    pub const fn is_used(&self) -> bool {
        self.table.is_some() || self.file.is_some()
    }

    /// Whether rows are printed as a table.
    pub const fn has_table(&self) -> bool {
        self.table.is_some()
    }

    /// Shows a row. A failure is returned by [`finish`](Self::finish).
    pub fn put(&mut self, row: &ReportedRow<'_>) {
        if self.failure.is_some() {
            return;
        }
        let printed = self.table.as_mut().map_or(Ok(()), |has_head| print_row(row, has_head));
        let written = self.file.as_mut().map_or(Ok(()), |file| file.put(|out| write_row(out, row)));
        self.failure = printed.and(written).err();
    }

    /// Completes the file.
    ///
    /// # Errors
    /// [`CommandError`] when a row could not be printed or written.
    pub fn finish(&mut self) -> Result<(), CommandError> {
        match (self.failure.take(), self.file.take()) {
            (Some(failure), _) => Err(failure),
            (None, Some(file)) => file.finish(),
            (None, None) => Ok(()),
        }
    }
}

fn print_row(row: &ReportedRow<'_>, has_head: &mut bool) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    let mut print = |line: &str, outcome: &str, subject: &str, what: &str| {
        let (first, second, third) = WIDTHS;
        let text = format!("{line:>first$}  {outcome:<second$}  {subject:<third$}  {what}");
        writeln!(out, "{}", text.replace(char::is_control, " ").trim_end())
    };
    let head = if *has_head { Ok(()) } else { print("LINE", "WHAT", "WHO", "") };
    *has_head = true;
    let line = row.line.map(|line| line.to_string()).unwrap_or_default();
    let printed = head.and_then(|()| print(&line, row.outcome.name(), row.subject, &describe(row)));
    printed.map_err(|error| CommandError::on_stdout(&error))
}

/// What changes and what is wrong, in one line.
fn describe(row: &ReportedRow<'_>) -> String {
    let is_change = !matches!(row.outcome, RowOutcome::Rejected | RowOutcome::Warning);
    let changes = row.changes.iter().filter(|_| is_change).map(describe_change);
    changes.chain(row.problem.map(ToOwned::to_owned)).collect::<Vec<_>>().join("; ")
}

fn describe_change(change: &ValueChange) -> String {
    let shown = |value: &str| if value.is_empty() { "(none)".to_owned() } else { excerpt(value).into_owned() };
    format!("{}: {} → {}", excerpt(&change.member), shown(&change.before), shown(&change.after))
}

/// Writes one record for each change, so that a spreadsheet can filter them.
fn write_row(out: &mut dyn Write, row: &ReportedRow<'_>) -> io::Result<()> {
    let line = row.line.map(|line| line.to_string()).unwrap_or_default();
    let mut write = |member: &str, before: &str, after: &str| {
        let problem = row.problem.unwrap_or_default();
        write_cells(out, &[&line, row.outcome.name(), row.subject, member, before, after, problem, row.file])
    };
    if row.changes.is_empty() {
        return write("", "", "");
    }
    row.changes.iter().try_for_each(|change| write(&change.member, &change.before, &change.after))
}

fn write_cells(out: &mut dyn Write, cells: &[&str]) -> io::Result<()> {
    for (place, cell) in cells.iter().enumerate() {
        if place > 0 {
            out.write_all(b",")?;
        }
        let cell = formula::neutralize(cell);
        if cell.contains([',', ';', '"', '\n', '\r', '\t']) {
            write!(out, "\"{}\"", cell.replace('"', "\"\""))?;
        } else {
            out.write_all(cell.as_bytes())?;
        }
    }
    out.write_all(b"\r\n")
}

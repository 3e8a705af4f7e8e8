//! Output: data on stdout, messages on stderr.

use std::io::{BufWriter, Write};

use super::command_error::CommandError;
use crate::model::time::Timestamp;

/// Prints lines.
///
/// # Errors
/// [`CommandError::on_stdout`] when they cannot be written.
pub fn print<L: AsRef<str>>(lines: impl IntoIterator<Item = L>) -> Result<(), CommandError> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let put = || {
        for line in lines {
            writeln!(out, "{}", line.as_ref())?;
        }
        out.flush()
    };
    put().map_err(|error| CommandError::on_stdout(&error))
}

/// Prints a message for people on stderr.
pub fn tell(message: &str) {
    // An error cannot be reported if stderr cannot be written.
    drop(writeln!(std::io::stderr(), "{message}"));
}

/// One line of a table: tab-separated columns, `-` for an unknown value.
#[must_use]
pub fn row<const N: usize>(columns: [Option<String>; N]) -> String {
    let cell = |column: Option<String>| match column {
        // A value must not contain column or line separators.
        Some(text) if !text.is_empty() => text.replace(char::is_control, " "),
        _ => "-".to_owned(),
    };
    columns.map(cell).join("\t")
}

/// An instant in RFC 3339 format, in UTC, to the second.
#[must_use]
pub fn rfc3339(time: Timestamp) -> String {
    let utc = chrono::DateTime::<chrono::Utc>::from_timestamp_micros(time.micros()).unwrap_or_default();
    utc.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

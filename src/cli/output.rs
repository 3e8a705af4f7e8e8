//! Data on stdout.

use std::io::{BufWriter, Write};

use super::failure::Failure;
use crate::model::time::Timestamp;

/// Prints lines.
///
/// # Errors
/// [`Failure::on_stdout`] when they cannot be written.
pub fn print<L: AsRef<str>>(lines: impl IntoIterator<Item = L>) -> Result<(), Failure> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let put = || {
        for line in lines {
            writeln!(out, "{}", line.as_ref())?;
        }
        out.flush()
    };
    put().map_err(|error| Failure::on_stdout(&error))
}

/// Says something to people, on stderr.
pub fn tell(sentence: &str) {
    // Nobody is left to tell if it cannot be written.
    drop(writeln!(std::io::stderr(), "{sentence}"));
}

/// One line of a table: columns with tabs between them, `-` for what is unknown.
#[must_use]
pub fn row<const N: usize>(columns: [Option<String>; N]) -> String {
    let cell = |column: Option<String>| match column {
        // What users write must not look like another column or line.
        Some(text) if !text.is_empty() => text.replace(char::is_control, " "),
        _ => "-".to_owned(),
    };
    columns.map(cell).join("\t")
}

/// An instant as RFC 3339 has it, in UTC, to the second.
#[must_use]
pub fn rfc3339(time: Timestamp) -> String {
    let utc = chrono::DateTime::<chrono::Utc>::from_timestamp_micros(time.micros()).unwrap_or_default();
    utc.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

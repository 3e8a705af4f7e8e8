//! How lists are printed: for people, or as JSON for programs.

use super::command_error::CommandError;
use super::output;

/// The option of every list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Args)]
pub struct ListFormat {
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

impl ListFormat {
    /// Whether to print JSON.
    #[must_use]
    pub fn is_json(self) -> bool {
        self.json
    }

    /// Prints the rows of a list: as `text`, or as `json`, a JSON object.
    ///
    /// # Errors
    /// As [`output::print`].
    pub fn print<T>(
        self,
        rows: &[T],
        text: impl Fn(&T) -> String,
        json: impl Fn(&T) -> serde_json::Value,
    ) -> Result<(), CommandError> {
        if self.json {
            output::print(rows.iter().map(|row| json(row).to_string()))
        } else {
            output::print(rows.iter().map(text))
        }
    }
}

//! How long changes are kept.

use std::fmt;
use std::time::Duration;

use super::read::{duration_within, show_duration};

/// How long changes are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangesRetention {
    /// No changes are logged.
    Off,
    /// This long.
    For(Duration),
    /// Without end.
    Forever,
}

impl fmt::Display for ChangesRetention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("0"),
            Self::For(duration) => f.write_str(&show_duration(*duration)),
            Self::Forever => f.write_str("forever"),
        }
    }
}

/// Reads a duration, `0` or `forever`.
///
/// # Errors
/// A message that says which values are valid.
pub(super) fn parse(text: &str) -> Result<ChangesRetention, String> {
    match text {
        "0" => Ok(ChangesRetention::Off),
        "forever" => Ok(ChangesRetention::Forever),
        text => duration_within(Duration::from_secs(1)..=Duration::from_hours(36_500 * 24))(text)
            .map(ChangesRetention::For)
            .map_err(|problem| format!("{problem}; or `0` to log no changes, or `forever`")),
    }
}

//! How settings are taken one after the other, and all that is wrong is noted.

use std::fmt;

use crate::config::raw::{Raw, Row};

/// A setting whose value is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The environment variable.
    pub setting: String,
    /// What is wrong, and what is accepted.
    pub detail: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.setting, self.detail)
    }
}

/// Takes one setting after the other and notes what is wrong.
pub(super) struct ProblemCollector {
    rows: Vec<Row>,
    /// What is wrong so far.
    pub problems: Vec<Problem>,
}

impl ProblemCollector {
    /// Nothing has been taken yet.
    pub fn new() -> Self {
        Self { rows: Raw::rows(), problems: Vec::new() }
    }

    /// The value of a setting, given or by default; `None` if it is not accepted.
    pub fn take<T>(&mut self, variable: &str, text: &str, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let default = self.rows.iter().find(|row| row.variable == variable).map_or("", |row| row.default.as_str());
        let text = if text.trim().is_empty() { default } else { text.trim() };
        let value = if text.contains(char::REPLACEMENT_CHARACTER) {
            Err("the value is not UTF-8".to_owned())
        } else {
            read(text)
        };
        match value {
            Ok(value) => Some(value),
            Err(detail) => {
                self.problems.push(Problem { setting: variable.to_owned(), detail });
                None
            }
        }
    }
}

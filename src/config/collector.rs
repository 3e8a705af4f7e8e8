//! Parses settings one by one and collects all problems.

use std::fmt;

use crate::config::raw::{RawSettings, Row};

/// A setting with an invalid value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingProblem {
    /// The environment variable.
    pub setting: String,
    /// What is wrong, and which values are valid.
    pub detail: String,
}

impl fmt::Display for SettingProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.setting, self.detail)
    }
}

/// Parses settings and collects their problems.
pub(super) struct ProblemCollector {
    rows: Vec<Row>,
    /// The problems so far.
    pub problems: Vec<SettingProblem>,
}

impl ProblemCollector {
    /// A collector without problems.
    pub fn new() -> Self {
        Self { rows: RawSettings::rows(), problems: Vec::new() }
    }

    /// The value of a setting, or of its default if `text` is empty; `None` if it is invalid.
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
                self.problems.push(SettingProblem { setting: variable.to_owned(), detail });
                None
            }
        }
    }
}

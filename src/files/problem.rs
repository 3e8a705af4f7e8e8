//! What is wrong with a line.

use std::borrow::Cow;
use std::fmt;

use super::record_kind::RecordKind;
use crate::model::error::{ErrorSource, Problem};
use crate::model::text::excerpt;

/// What is wrong with a line, or with one member of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineProblem {
    /// The member; `None` for the whole line.
    pub member: Option<Cow<'static, str>>,
    /// What is wrong and what to do; a text that follows the name of the member, if there is one.
    pub detail: String,
}

/// A rejected line, and its kind if known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedLine {
    /// Its kind.
    pub kind: Option<RecordKind>,
    /// Why.
    pub problems: Vec<LineProblem>,
}

impl LineProblem {
    /// A problem of the whole line.
    #[must_use]
    pub const fn of_line(detail: String) -> Self {
        Self { member: None, detail }
    }

    /// A problem of a value: "`email`: must be …".
    #[must_use]
    pub fn of_value(member: &str, detail: &str) -> Self {
        Self { member: Some(Cow::Owned(member.to_owned())), detail: format!(": {detail}") }
    }

    /// A problem of a member: "`email` is missing".
    #[must_use]
    pub fn of_member(member: &str, detail: &str) -> Self {
        Self { member: Some(Cow::Owned(member.to_owned())), detail: format!(" {detail}") }
    }
}

impl fmt::Display for LineProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.member {
            Some(member) => write!(f, "`{}`{}", excerpt(member), self.detail),
            None => f.write_str(&self.detail),
        }
    }
}

impl RejectedLine {
    /// A line that cannot be read at all.
    #[must_use]
    pub fn unreadable(kind: Option<RecordKind>, detail: String) -> Self {
        Self { kind, problems: vec![LineProblem::of_line(detail)] }
    }

    /// All problems, for people.
    #[must_use]
    pub fn reason(&self) -> String {
        let problems: Vec<_> = self.problems.iter().map(ToString::to_string).collect();
        problems.join("; ")
    }
}

/// The message for an unknown member.
pub const UNKNOWN: &str = "unknown member";

/// Adds what is wrong with a member.
pub(super) fn add_complaint(complaints: &mut Vec<LineProblem>, name: &str, parsed: Result<(), String>) {
    complaints.extend(parsed.err().map(|complaint| LineProblem::of_value(name, &complaint)));
}

/// Adds the problems of attributes.
pub(super) fn add_problems(complaints: &mut Vec<LineProblem>, kind: RecordKind, problems: &[Problem]) {
    for problem in problems {
        let name = if let Some(ErrorSource::Attribute(name)) = problem.source { name } else { kind.name() };
        add_complaint(complaints, name, Err(problem.detail.to_string()));
    }
}

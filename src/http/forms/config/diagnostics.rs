//! Collects the problems of form files while they are read, so that all of them are reported together.

use std::fmt;

use crate::http::forms::config::yaml::{Content, MappingKey, Node};

/// The limit for names of forms and properties, in characters.
pub const MAX_NAME_LENGTH: usize = 100;

/// A problem in a file of forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormProblem {
    /// The name of the file, or the path of the folder.
    pub file: String,
    /// The line, from 1; `None` if the problem concerns the whole file.
    pub line: Option<u64>,
    /// The problem, in one line.
    pub reason: String,
}

impl fmt::Display for FormProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.reason),
            None => write!(f, "{}: {}", self.file, self.reason),
        }
    }
}

/// Reads the values of one file and collects its problems.
#[derive(Debug)]
pub struct Diagnostics<'f> {
    file: &'f str,
    problems: Vec<FormProblem>,
}

impl<'f> Diagnostics<'f> {
    /// No problems yet.
    #[must_use]
    pub const fn new(file: &'f str) -> Self {
        Self { file, problems: Vec::new() }
    }

    /// All problems of the file.
    #[must_use]
    pub fn into_problems(self) -> Vec<FormProblem> {
        self.problems
    }

    /// Adds a problem of a line.
    pub fn report(&mut self, line: u64, reason: impl Into<String>) {
        let reason = reason.into().replace(char::is_control, " ");
        self.problems.push(FormProblem { file: self.file.to_owned(), line: Some(line), reason });
    }

    /// Reads the members of a mapping; `null` counts as an empty mapping.
    pub fn read_mapping<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [(MappingKey, Node)]> {
        match &node.content {
            Content::Mapping(members) => Some(members),
            Content::Null => Some(&[]),
            _ => {
                self.report(node.line, format!("{what} must be a mapping"));
                None
            }
        }
    }

    /// Reads the members of a mapping that may have only these keys.
    pub fn read_members<'n, const N: usize>(
        &mut self,
        node: &'n Node,
        what: &str,
        names: [&str; N],
    ) -> Option<[Option<(&'n MappingKey, &'n Node)>; N]> {
        let mut found = [None; N];
        for (key, value) in self.read_mapping(node, what)? {
            let index = names.iter().position(|name| *name == key.name);
            match index.and_then(|index| found.get_mut(index)) {
                Some(slot) => *slot = Some((key, value)),
                None => self.report(
                    key.line,
                    format!("{what} has no key `{}`; expected one of {}", key.name, quote_names(names)),
                ),
            }
        }
        Some(found)
    }

    /// Reports a required member that is missing.
    pub fn require_member<'n>(
        &mut self,
        member: Option<(&'n MappingKey, &'n Node)>,
        line: u64,
        what: &str,
        name: &str,
    ) -> Option<&'n Node> {
        if member.is_none() {
            self.report(line, format!("{what} needs a `{name}`"));
        }
        member.map(|(_, node)| node)
    }

    /// Reads a string.
    pub fn read_string<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        if let Content::Text(text) = &node.content {
            return Some(text);
        }
        self.report(node.line, format!("{what} must be a string"));
        None
    }

    /// Reads `true` or `false`; returns `false` for other values.
    pub fn read_bool(&mut self, node: &Node, what: &str) -> bool {
        if let Content::Bool(flag) = node.content {
            return flag;
        }
        self.report(node.line, format!("{what} must be `true` or `false`"));
        false
    }

    /// Reads an integer from 0.
    pub fn read_count(&mut self, node: &Node, what: &str) -> Option<usize> {
        let count = match &node.content {
            Content::Number(number) => number.as_u64().and_then(|count| usize::try_from(count).ok()),
            _ => None,
        };
        if count.is_none() {
            self.report(node.line, format!("{what} must be an integer from 0"));
        }
        count
    }

    /// Reports an invalid name; returns whether it is valid.
    pub fn check_name(&mut self, line: u64, name: &str, what: &str) -> bool {
        let is_valid = is_name(name);
        if !is_valid {
            let reason =
                format!("{what} must have 1 to {MAX_NAME_LENGTH} characters, none of them a control character");
            self.report(line, reason);
        }
        is_valid
    }
}

/// Whether a string is a valid name of a form or a property.
#[must_use]
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= MAX_NAME_LENGTH && !name.contains(char::is_control)
}

/// Joins names for a message, each in backquotes.
pub fn quote_names<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

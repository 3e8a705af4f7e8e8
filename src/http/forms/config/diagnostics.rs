//! What is wrong with files of forms, noted while they are read so that all of it can be told at once.

use std::fmt;

use crate::http::forms::config::yaml::{Content, Key, Node};

/// The longest name of a form, a type or a property, in characters.
pub const LONGEST_NAME: usize = 100;

/// Something in a file of forms that is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormProblem {
    /// The name of the file, or the path of the folder.
    pub file: String,
    /// The line, counted from 1; `None` where the file as a whole is at fault.
    pub line: Option<u64>,
    /// What is wrong, in one line.
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

/// Reads the values of one file and notes what is wrong with them.
#[derive(Debug)]
pub struct Diagnostics<'f> {
    file: &'f str,
    problems: Vec<FormProblem>,
}

impl<'f> Diagnostics<'f> {
    /// Nothing wrong so far.
    #[must_use]
    pub const fn of(file: &'f str) -> Self {
        Self { file, problems: Vec::new() }
    }

    /// Everything that was wrong.
    #[must_use]
    pub fn into_problems(self) -> Vec<FormProblem> {
        self.problems
    }

    /// Notes what is wrong in a line.
    pub fn note(&mut self, line: u64, reason: impl Into<String>) {
        let reason = reason.into().replace(char::is_control, " ");
        self.problems.push(FormProblem { file: self.file.to_owned(), line: Some(line), reason });
    }

    /// The members of a mapping; nothing at all stands for an empty one, anything else is noted.
    pub fn mapping<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [(Key, Node)]> {
        match &node.content {
            Content::Mapping(members) => Some(members),
            Content::Null => Some(&[]),
            _ => {
                self.note(node.line, format!("{what} must be a mapping"));
                None
            }
        }
    }

    /// The members of these names; any other is noted, and so is what is no mapping.
    pub fn members<'n, const N: usize>(
        &mut self,
        node: &'n Node,
        what: &str,
        names: [&str; N],
    ) -> Option<[Option<(&'n Key, &'n Node)>; N]> {
        let mut found = [None; N];
        for (key, value) in self.mapping(node, what)? {
            let place = names.iter().position(|name| *name == key.name);
            match place.and_then(|place| found.get_mut(place)) {
                Some(place) => *place = Some((key, value)),
                None => self.note(key.line, format!("{what} has no key `{}`, only {}", key.name, listed(names))),
            }
        }
        Some(found)
    }

    /// A member that must be there.
    pub fn demanded<'n>(
        &mut self,
        member: Option<(&'n Key, &'n Node)>,
        line: u64,
        what: &str,
        name: &str,
    ) -> Option<&'n Node> {
        if member.is_none() {
            self.note(line, format!("{what} needs a `{name}`"));
        }
        member.map(|(_, node)| node)
    }

    /// A text.
    pub fn text<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        if let Content::Text(text) = &node.content {
            return Some(text);
        }
        self.note(node.line, format!("{what} must be a text"));
        None
    }

    /// `true` or `false`; `false` where it is neither.
    pub fn flag(&mut self, node: &Node, what: &str) -> bool {
        if let Content::Flag(flag) = node.content {
            return flag;
        }
        self.note(node.line, format!("{what} must be `true` or `false`"));
        false
    }

    /// A whole number from 0.
    pub fn count(&mut self, node: &Node, what: &str) -> Option<usize> {
        let count = match &node.content {
            Content::Number(number) => number.as_u64().and_then(|count| usize::try_from(count).ok()),
            _ => None,
        };
        if count.is_none() {
            self.note(node.line, format!("{what} must be a whole number from 0"));
        }
        count
    }

    /// Whether something may be called so; it is noted if not.
    pub fn is_name(&mut self, line: u64, name: &str, what: &str) -> bool {
        let is_name = is_name(name);
        if !is_name {
            let reason = format!("{what} must have 1 to {LONGEST_NAME} characters, none of them a control character");
            self.note(line, reason);
        }
        is_name
    }
}

/// Whether a form, a type or a property may be called so.
#[must_use]
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= LONGEST_NAME && !name.contains(char::is_control)
}

/// Names in a sentence.
pub fn listed<'n>(names: impl IntoIterator<Item = &'n str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

//! What comes of judging a request: what is accepted of it, or why the form does not take it.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

/// How much of a name that a client made up is repeated to it.
const LONGEST_ECHO: usize = 60;

/// Messages by field: `email`, `properties.group_name`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct FieldErrors(BTreeMap<String, Vec<String>>);

impl FieldErrors {
    /// Adds a message.
    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.entry(field.into()).or_default().push(message.into());
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether something is wrong with a field.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.0.contains_key(field)
    }

    /// Adds what was found later, but for fields that have their messages already.
    pub fn complete(&mut self, later: Self) {
        for (field, messages) in later.0 {
            self.0.entry(field).or_insert(messages);
        }
    }

    /// The messages of a field.
    #[must_use]
    pub fn of(&self, field: &str) -> &[String] {
        self.0.get(field).map_or(&[], Vec::as_slice)
    }
}

/// What a request says, as far as it is accepted, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judged {
    /// The fields that were sent, but `properties`: texts, ids as numbers, `null` for what is to be cleared.
    pub values: Map<String, Value>,
    /// The properties that were sent, `null` for one that is to be cleared; of a new record with defaults and without
    /// `null`.
    pub properties: Map<String, Value>,
    /// What is wrong. Nothing may be written unless this is empty.
    pub errors: FieldErrors,
}

/// Why a form does not take what was sent, whatever the values are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misfit {
    /// The form does not list the field.
    NotListed(String),
    /// The property cannot be written.
    ReadOnly(String),
    /// The type, the second name, does not define the property.
    NotDefined(String, String),
    /// U+0000 stands in the field.
    NullCharacter(String),
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotListed(field) => write!(f, "the form does not take the field `{}`", Echo(field)),
            Self::ReadOnly(field) => write!(f, "`{}` is read-only", Echo(field)),
            Self::NotDefined(field, kind) => write!(f, "the type `{kind}` does not define `{}`", Echo(field)),
            Self::NullCharacter(field) => write!(f, "`{}` contains U+0000", Echo(field)),
        }
    }
}

/// A name that a client made up, fit for a sentence.
struct Echo<'t>(&'t str);

impl fmt::Display for Echo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.0.chars().filter(|letter| !letter.is_control()).take(LONGEST_ECHO).collect();
        let more = if self.0.chars().count() > LONGEST_ECHO { "…" } else { "" };
        write!(f, "{shown}{more}")
    }
}

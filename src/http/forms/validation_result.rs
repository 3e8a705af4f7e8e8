//! What comes of judging a request: what is accepted of it, or why the form does not take it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::model::text::{cut, excerpt};

/// Where errors of the whole request stand.
pub const BASE: &str = "base";
/// The most characters of the name of a field: `properties.`, and the longest name of a property, repeated.
const LONGEST_FIELD: usize = 128;
/// The most messages that are kept; more are counted.
const MOST_MESSAGES: usize = 20;

/// Messages by field: `email`, `properties.group_name`. Only the first ones are kept, so that no request makes the
/// service keep or send more than a bounded amount.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldErrors {
    messages: BTreeMap<String, Vec<String>>,
    kept: usize,
    dropped: usize,
}

impl FieldErrors {
    /// Adds a message.
    pub fn add(&mut self, field: impl AsRef<str>, message: impl Into<String>) {
        if self.kept < MOST_MESSAGES {
            let field = cut(field.as_ref(), LONGEST_FIELD).into_owned();
            self.messages.entry(field).or_default().push(message.into());
            self.kept += 1;
        } else {
            self.dropped += 1;
        }
    }

    /// Adds so many messages that nobody made.
    pub const fn drop_more(&mut self, messages: usize) {
        self.dropped += messages;
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.kept == 0
    }

    /// Whether something is wrong with a field.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.messages.contains_key(field)
    }

    /// Adds what was found later, but for fields that have their messages already.
    pub fn complete(&mut self, later: Self) {
        for (field, messages) in later.messages {
            if !self.has(&field) {
                for message in messages {
                    self.add(&field, message);
                }
            }
        }
        self.dropped += later.dropped;
    }

    /// The messages of a field.
    #[must_use]
    pub fn of(&self, field: &str) -> &[String] {
        self.messages.get(field).map_or(&[], Vec::as_slice)
    }
}

impl Serialize for FieldErrors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.dropped == 0 {
            return self.messages.serialize(serializer);
        }
        let mut messages = self.messages.clone();
        messages.entry(BASE.to_owned()).or_default().push(format!("{} more errors are not shown", self.dropped));
        messages.serialize(serializer)
    }
}

/// What a request says, as far as it is accepted, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Validated {
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
pub enum FormMismatch {
    /// The form does not list the field.
    NotListed(String),
    /// The property cannot be written.
    ReadOnly(String),
    /// The type, the second name, does not define the property.
    NotDefined(String, String),
    /// U+0000 stands in the field.
    NullCharacter(String),
}

impl fmt::Display for FormMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotListed(field) => write!(f, "the form does not take the field `{}`", excerpt(field)),
            Self::ReadOnly(field) => write!(f, "`{}` is read-only", excerpt(field)),
            Self::NotDefined(field, kind) => write!(f, "the type `{kind}` does not define `{}`", excerpt(field)),
            Self::NullCharacter(field) => write!(f, "`{}` contains U+0000", excerpt(field)),
        }
    }
}

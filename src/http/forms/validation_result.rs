//! The result of validating a request: accepted values and messages, or a mismatch with the form.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::model::text::{excerpt, truncate};

/// The field name for errors of the whole request.
pub const BASE: &str = "base";
/// The longest field name in a response, in characters: `properties.` and the longest name of a property fit.
const MAX_FIELD_LENGTH: usize = 128;
/// How many messages are shown; the rest is only counted.
const MAX_MESSAGES: usize = 20;

/// Messages by field, such as `email` or `properties.group_name`. Bounded, so that no request makes the service keep or
/// send many.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldErrors {
    messages: BTreeMap<String, Vec<String>>,
    shown: usize,
    omitted: usize,
}

impl FieldErrors {
    /// Adds a message.
    pub fn add(&mut self, field: impl AsRef<str>, message: impl Into<String>) {
        if self.shown < MAX_MESSAGES {
            let field = truncate(field.as_ref(), MAX_FIELD_LENGTH).into_owned();
            self.messages.entry(field).or_default().push(message.into());
            self.shown += 1;
        } else {
            self.omitted += 1;
        }
    }

    /// Counts messages that are not shown.
    pub const fn add_omitted(&mut self, messages: usize) {
        self.omitted += messages;
    }

    /// Whether there are no messages.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.shown == 0
    }

    /// Whether a field has messages.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.messages.contains_key(field)
    }

    /// Adds the messages of a later check for the fields that have none yet.
    pub fn add_missing(&mut self, later: Self) {
        for (field, messages) in later.messages {
            if !self.has(&field) {
                for message in messages {
                    self.add(&field, message);
                }
            }
        }
        self.omitted += later.omitted;
    }

    /// The messages of a field.
    #[must_use]
    pub fn messages(&self, field: &str) -> &[String] {
        self.messages.get(field).map_or(&[], Vec::as_slice)
    }
}

impl Serialize for FieldErrors {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.omitted == 0 {
            return self.messages.serialize(serializer);
        }
        let mut messages = self.messages.clone();
        messages.entry(BASE.to_owned()).or_default().push(format!("{} more errors are not shown", self.omitted));
        messages.serialize(serializer)
    }
}

/// The accepted values of a request, and the messages for the others.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Validated {
    /// The fields that were sent, without `properties`: strings, ids as numbers, and `null` to clear a field.
    pub values: Map<String, Value>,
    /// The properties that were sent, with `null` to clear one. For a new record, defaults are added and `null` removed.
    pub properties: Map<String, Value>,
    /// Nothing may be written unless this is empty.
    pub errors: FieldErrors,
}

/// Why a request does not fit its form, whatever its values are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormMismatch {
    /// The form does not list the field.
    NotListed(String),
    /// The property is read-only.
    ReadOnly(String),
    /// The property (first) is not defined by the type (second).
    NotDefined(String, String),
    /// The field contains U+0000.
    NullCharacter(String),
}

impl fmt::Display for FormMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotListed(field) => write!(f, "the form has no field `{}`", excerpt(field)),
            Self::ReadOnly(field) => write!(f, "`{}` is read-only", excerpt(field)),
            Self::NotDefined(field, kind) => write!(f, "the type `{kind}` does not define `{}`", excerpt(field)),
            Self::NullCharacter(field) => write!(f, "`{}` contains U+0000", excerpt(field)),
        }
    }
}

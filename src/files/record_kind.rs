//! The kinds of records, and the members that their lines may have.

use crate::model::attributes::Attribute;
use crate::model::relationship::EdgeAttribute;
use crate::model::user::{COMPUTED_ATTRIBUTES, Field};

/// The kind of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    /// A user.
    User,
    /// A relationship.
    Relationship,
}

impl RecordKind {
    /// The `type` of its lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Relationship => "user-relationship",
        }
    }

    /// The members that its lines must have.
    #[must_use]
    pub const fn required(self) -> &'static [&'static str] {
        match self {
            Self::User => &["email"],
            Self::Relationship => &["user", "target", "relationship"],
        }
    }

    /// All members that its lines may have.
    #[must_use]
    pub fn members(self) -> Vec<&'static str> {
        let mut names = vec!["type", "id"];
        match self {
            Self::User => {
                names.extend(Field::ALL.into_iter().map(Field::member));
                names.extend(COMPUTED_ATTRIBUTES.iter().filter(|name| !TIMES.contains(name)));
            }
            Self::Relationship => {
                names.extend(["user", "target"]);
                names.extend(EdgeAttribute::ALL.into_iter().map(EdgeAttribute::member));
            }
        }
        names.extend(TIMES);
        names
    }
}

/// The times of a record.
const TIMES: [&str; 2] = ["created-at", "updated-at"];

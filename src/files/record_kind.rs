//! The kinds of records, and the members that their lines may have.

use crate::model::attributes::Attribute;
use crate::model::field::FieldKind;
use crate::model::relationship::EdgeAttribute;
use crate::model::relationship_type::TypeAttribute;
use crate::model::user::{COMPUTED_ATTRIBUTES, Field};

/// The kind of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordKind {
    /// A relationship type.
    Type,
    /// A user.
    User,
    /// A relationship.
    Relationship,
    /// A group.
    Group,
    /// A membership.
    Member,
}

impl RecordKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Type, Self::User, Self::Relationship, Self::Group, Self::Member];

    /// The `type` of its lines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Type => "relationship-type",
            Self::User => "user",
            Self::Relationship => "user-relationship",
            Self::Group => "group",
            Self::Member => "group-member",
        }
    }

    /// What one of its records is called.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Type => "relationship type",
            Self::User => "user",
            Self::Relationship => "relationship",
            Self::Group => "group",
            Self::Member => "member",
        }
    }

    /// The members that its lines must have.
    #[must_use]
    pub const fn required(self) -> &'static [&'static str] {
        match self {
            Self::Type => &["id"],
            Self::User => &["email"],
            Self::Relationship => &["user", "target", "relationship"],
            Self::Group => &["id", "group-type"],
            Self::Member => &["member-type", "group", "user"],
        }
    }

    /// The members that the service computes. Lines may have them, and they are ignored.
    #[must_use]
    pub const fn computed(self) -> &'static [&'static str] {
        match self {
            Self::Type => &["is-tree"],
            Self::User => COMPUTED_ATTRIBUTES,
            Self::Relationship | Self::Group | Self::Member => &[],
        }
    }

    /// The kind of the value of an attribute of a user or of a type; `None` for other members.
    #[must_use]
    pub fn kind_of(self, member: &str) -> Option<FieldKind> {
        match self {
            Self::Type => TypeAttribute::of_member(member).map(Attribute::kind),
            Self::User => Field::of_member(member).map(Attribute::kind),
            Self::Relationship | Self::Group | Self::Member => None,
        }
    }

    /// The members that its lines may have and that are written: those of exports, in order.
    #[must_use]
    pub fn written_members(self) -> Vec<&'static str> {
        let mut names = vec!["id"];
        match self {
            Self::Type => names.extend(TypeAttribute::ALL.into_iter().map(Attribute::member)),
            Self::User => names.extend(Field::ALL.into_iter().map(Attribute::member)),
            Self::Relationship => {
                names.extend(["user", "target"]);
                names.extend(EdgeAttribute::ALL.into_iter().map(Attribute::member));
            }
            Self::Group => names.extend(["group-type", "owner", PROPERTIES]),
            Self::Member => names.extend(["member-type", "group", "user", PROPERTIES]),
        }
        names.extend(TIMES);
        if self == Self::User {
            names.push(PROPERTIES);
        }
        names
    }

    /// All members that its lines may have.
    #[must_use]
    pub fn members(self) -> Vec<&'static str> {
        let mut names = vec!["type"];
        names.extend(self.written_members());
        names.extend(self.computed().iter().filter(|name| !TIMES.contains(name)));
        names
    }
}

/// The member with the properties that forms store.
pub const PROPERTIES: &str = "properties";
/// The times of a record.
const TIMES: [&str; 2] = ["created-at", "updated-at"];

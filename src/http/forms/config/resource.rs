//! The resources that forms are for, and their fields.

use crate::http::forms::config::diagnostics::{Diagnostics, listed};
use crate::http::forms::config::yaml::Node;

/// What a form is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// A user.
    User,
    /// A group.
    Relationship,
    /// A member of a group.
    RelationshipUser,
    /// A session: an API token for an e-mail address and a password.
    Session,
}

/// A field of a form, beside its properties.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// The e-mail address, of users and sessions.
    Email,
    /// Of users.
    FirstName,
    /// Of users.
    LastName,
    /// The user's id in another system.
    ExternalId,
    /// Of users and sessions.
    Password,
    /// The group of a member.
    RelationshipId,
    /// The user of a member.
    UserId,
}

impl Resource {
    /// Every resource.
    pub const ALL: [Self; 4] = [Self::User, Self::Relationship, Self::RelationshipUser, Self::Session];

    /// Its name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Relationship => "Relationship",
            Self::RelationshipUser => "RelationshipUser",
            Self::Session => "Session",
        }
    }

    /// Its fields, beside `properties`.
    #[must_use]
    pub const fn fields(self) -> &'static [Field] {
        match self {
            Self::User => &[Field::Email, Field::FirstName, Field::LastName, Field::ExternalId, Field::Password],
            Self::Relationship => &[],
            Self::RelationshipUser => &[Field::RelationshipId, Field::UserId],
            Self::Session => &[Field::Email, Field::Password],
        }
    }

    /// Whether its records have properties.
    #[must_use]
    pub fn has_properties(self) -> bool {
        self != Self::Session
    }

    /// Whether its records are of configured types.
    #[must_use]
    pub fn has_types(self) -> bool {
        matches!(self, Self::Relationship | Self::RelationshipUser)
    }

    /// Reads the value of the key `resource`.
    pub(super) fn read(node: &Node, findings: &mut Diagnostics<'_>) -> Option<Self> {
        let text = findings.text(node, "`resource`")?;
        let resource = Self::ALL.into_iter().find(|resource| resource.name() == text);
        if resource.is_none() {
            let known = listed(Self::ALL.map(Self::name));
            findings.note(node.line, format!("there is no resource `{text}`, only {known}"));
        }
        resource
    }
}

impl Field {
    /// Its name in files and requests.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::FirstName => "first_name",
            Self::LastName => "last_name",
            Self::ExternalId => "external_id",
            Self::Password => "password",
            Self::RelationshipId => "relationship_id",
            Self::UserId => "user_id",
        }
    }

    /// Whether it names a record; the others are texts.
    #[must_use]
    pub const fn is_id(self) -> bool {
        matches!(self, Self::RelationshipId | Self::UserId)
    }
}

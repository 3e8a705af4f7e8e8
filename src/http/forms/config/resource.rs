//! The resources of forms, and their fields.

use crate::http::forms::config::diagnostics::{Diagnostics, quote_names};
use crate::http::forms::config::yaml::Node;

/// The resource of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FormResource {
    /// A user.
    User,
    /// A group.
    Relationship,
    /// A member of a group.
    RelationshipUser,
    /// A session: a token in exchange for an e-mail address and a password.
    Session,
}

/// A field of a form other than `properties`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FormField {
    /// The e-mail address of a user or a session.
    Email,
    /// The first name of a user.
    FirstName,
    /// The last name of a user.
    LastName,
    /// The user's id in another system.
    ExternalId,
    /// The password of a user or a session.
    Password,
    /// The group of a membership.
    RelationshipId,
    /// The user of a membership.
    UserId,
}

impl FormResource {
    /// All resources.
    pub const ALL: [Self; 4] = [Self::User, Self::Relationship, Self::RelationshipUser, Self::Session];

    /// The name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Relationship => "Relationship",
            Self::RelationshipUser => "RelationshipUser",
            Self::Session => "Session",
        }
    }

    /// The fields other than `properties`.
    #[must_use]
    pub const fn fields(self) -> &'static [FormField] {
        match self {
            Self::User => &[
                FormField::Email,
                FormField::FirstName,
                FormField::LastName,
                FormField::ExternalId,
                FormField::Password,
            ],
            Self::Relationship => &[],
            Self::RelationshipUser => &[FormField::RelationshipId, FormField::UserId],
            Self::Session => &[FormField::Email, FormField::Password],
        }
    }

    /// Whether its records have properties.
    #[must_use]
    pub fn has_properties(self) -> bool {
        self != Self::Session
    }

    /// Whether its records have a configured type.
    #[must_use]
    pub fn has_types(self) -> bool {
        matches!(self, Self::Relationship | Self::RelationshipUser)
    }

    /// Reads the value of the key `resource`.
    pub(super) fn read(node: &Node, diagnostics: &mut Diagnostics<'_>) -> Option<Self> {
        let text = diagnostics.read_string(node, "`resource`")?;
        let resource = Self::ALL.into_iter().find(|resource| resource.name() == text);
        if resource.is_none() {
            let known = quote_names(Self::ALL.map(Self::name));
            diagnostics.report(node.line, format!("unknown resource `{text}`; expected one of {known}"));
        }
        resource
    }
}

impl FormField {
    /// The name in files and requests.
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

    /// Whether it is the id of a record; the other fields are strings.
    #[must_use]
    pub const fn is_id(self) -> bool {
        matches!(self, Self::RelationshipId | Self::UserId)
    }
}

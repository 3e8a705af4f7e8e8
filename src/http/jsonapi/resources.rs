//! Resource objects (JSON:API 1.1, "Resource Objects"): what clients see of a model word.
//!
//! They borrow what they show and write themselves, so that a page costs no allocation per row.

use chrono_tz::Tz;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::fmt;

use super::document::SelfLink;
use crate::http::routes;
use crate::model::id::{RelationshipId, UserId};
use crate::model::relationship::Relationship;
use crate::model::relationship_type::RelationshipType;
use crate::model::time::Timestamp;
use crate::model::user::{Field, Held, User};

/// The type of a directed, typed edge between two users.
pub const USER_RELATIONSHIPS: &str = "user-relationships";
/// The type of a user.
pub const USERS: &str = "users";
/// The type of a name that a relationship may go by.
pub const RELATIONSHIP_TYPES: &str = "relationship-types";

/// Whatever prints itself, as a JSON string.
struct Text<T>(T);

impl<T: fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// An instant in the configured time zone, as Skillhive prints it.
struct Time(Timestamp, Tz);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.rfc2822(self.1).as_str())
    }
}

/// `{"type": …, "id": …}`: names a resource (JSON:API 1.1, "Resource Identifier Objects").
#[derive(Serialize)]
pub struct Identifier {
    #[serde(rename = "type")]
    kind: &'static str,
    id: Text<UserId>,
}

impl Identifier {
    /// Names a user.
    #[must_use]
    pub fn of_user(id: UserId) -> Self {
        Self { kind: USERS, id: Text(id) }
    }
}

#[derive(Serialize)]
struct Related<Url> {
    related: Url,
}

/// The links of a to-one relationship object.
#[derive(Serialize)]
pub struct EndLinks {
    #[serde(rename = "self")]
    this: Text<routes::LinkageUrl>,
    related: Text<routes::EndUrl>,
}

impl EndLinks {
    /// The links of the end called `name`.
    #[must_use]
    pub fn new(id: RelationshipId, name: &'static str) -> Self {
        Self { this: Text(routes::LinkageUrl(id, name)), related: Text(routes::EndUrl(id, name)) }
    }
}

#[derive(Serialize)]
struct ToOne {
    data: Identifier,
    links: EndLinks,
}

/// Something shown as a resource object, its times in a zone.
pub struct Resource<'a, T>(pub &'a T, pub Tz);

impl Serialize for Resource<'_, Relationship> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Body<'a> {
            #[serde(rename = "type")]
            kind: &'static str,
            id: Text<RelationshipId>,
            attributes: Attributes<'a>,
            relationships: Ends,
            links: SelfLink<Text<routes::RelationshipUrl>>,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "kebab-case")]
        struct Attributes<'a> {
            relationship: &'a str,
            created_at: Time,
            updated_at: Time,
        }
        #[derive(Serialize)]
        struct Ends {
            user: ToOne,
            target: ToOne,
        }
        let Self(edge, zone) = *self;
        let end = |name, id| ToOne { data: Identifier::of_user(id), links: EndLinks::new(edge.id, name) };
        Body {
            kind: USER_RELATIONSHIPS,
            id: Text(edge.id),
            attributes: Attributes {
                relationship: edge.relationship.as_str(),
                created_at: Time(edge.created_at, zone),
                updated_at: Time(edge.updated_at, zone),
            },
            relationships: Ends { user: end("user", edge.user), target: end("target", edge.target) },
            links: SelfLink { this: Text(routes::RelationshipUrl(edge.id)) },
        }
        .serialize(serializer)
    }
}

impl Serialize for Resource<'_, User> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Body<'a> {
            #[serde(rename = "type")]
            kind: &'static str,
            id: Text<UserId>,
            attributes: UserAttributes<'a>,
            relationships: Relationships,
            links: SelfLink<Text<routes::UserUrl>>,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "kebab-case")]
        struct Relationships {
            user_relationships: Links,
            targeted_by: Links,
        }
        #[derive(Serialize)]
        struct Links {
            links: Related<Text<routes::FilteredUrl>>,
        }
        let Self(user, zone) = *self;
        let filtered = |name| Links { links: Related { related: Text(routes::FilteredUrl(name, user.id)) } };
        Body {
            kind: USERS,
            id: Text(user.id),
            attributes: UserAttributes(user, zone),
            relationships: Relationships { user_relationships: filtered("user"), targeted_by: filtered("target") },
            links: SelfLink { this: Text(routes::UserUrl(user.id)) },
        }
        .serialize(serializer)
    }
}

struct UserAttributes<'a>(&'a User, Tz);

impl Serialize for UserAttributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(user, zone) = *self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &user.data.name())?;
        for field in Field::ALL {
            let member = member_of(field);
            match user.data.get(field) {
                Held::Text(text) => map.serialize_entry(member, &text)?,
                Held::List(list) => map.serialize_entry(member, list)?,
                Held::Flag(flag) => map.serialize_entry(member, &flag)?,
            }
        }
        map.serialize_entry("is-supervisor", &user.is_supervisor)?;
        map.serialize_entry("created-at", &Time(user.created_at, zone))?;
        map.serialize_entry("updated-at", &Time(user.updated_at, zone))?;
        map.end()
    }
}

/// Attributes of users that the service alone sets; clients send them back with whole records.
pub const COMPUTED: [&str; 4] = ["name", "is-supervisor", "created-at", "updated-at"];

/// What a field of a user is called in documents.
#[must_use]
pub const fn member_of(field: Field) -> &'static str {
    match field {
        Field::FirstName => "first-name",
        Field::LastName => "last-name",
        Field::Email => "email",
        Field::Description => "description",
        Field::AdditionalInfo => "additional-info",
        Field::Location => "location",
        Field::Unit => "unit",
        Field::Phone => "phone",
        Field::Mobile => "mobile",
        Field::JobTitle => "job-title",
        Field::Website => "website",
        Field::Skype => "skype",
        Field::Twitter => "twitter",
        Field::AltId => "alt-id",
        Field::IsEnabled => "is-enabled",
        Field::AccessLevel => "access-level",
    }
}

impl Serialize for Resource<'_, RelationshipType> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Body<'a> {
            #[serde(rename = "type")]
            kind: &'static str,
            id: &'a str,
            attributes: Attributes<'a>,
            links: SelfLink<String>,
        }
        #[derive(Serialize)]
        #[serde(rename_all = "kebab-case")]
        struct Attributes<'a> {
            description: Option<&'a str>,
            created_at: Time,
            updated_at: Time,
        }
        let Self(kind, zone) = *self;
        Body {
            kind: RELATIONSHIP_TYPES,
            id: kind.name.as_str(),
            attributes: Attributes {
                description: kind.description.as_deref(),
                created_at: Time(kind.created_at, zone),
                updated_at: Time(kind.updated_at, zone),
            },
            links: SelfLink { this: routes::relationship_type(&kind.name) },
        }
        .serialize(serializer)
    }
}

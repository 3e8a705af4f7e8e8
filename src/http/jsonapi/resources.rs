//! Resource objects (JSON:API 1.1, "Resource Objects"): what clients see of a model word.
//!
//! They borrow what they show and write themselves, so that a page costs no allocation per row.

use chrono_tz::Tz;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::fmt::{self, Write as _};

use super::document::SelfLink;
use super::view::{Fieldset, RenderOptions, UserMember};
use crate::http::urls;
use crate::model::id::{RelationshipId, UserId};
use crate::model::relationship_type::RelationshipType;
use crate::model::time::Timestamp;
use crate::model::user::{Field, Held, User};

/// The type of a directed, typed edge between two users.
pub const USER_RELATIONSHIPS: &str = "user-relationships";
/// The type of a user.
pub const USERS: &str = "users";
/// The type of a name that a relationship may go by.
pub const RELATIONSHIP_TYPES: &str = "relationship-types";

/// Whatever prints itself, as a JSON string. Printed first and then written in one piece: pieces are dear.
pub(super) struct Text<T>(pub T);

impl<T: fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut printed = Printed { text: [0; 96], length: 0 };
        match write!(printed, "{}", self.0) {
            Ok(()) => serializer.serialize_str(printed.as_str()),
            Err(_) => serializer.collect_str(&self.0),
        }
    }
}

/// A text with room for every URL of a resource with a number.
struct Printed {
    text: [u8; 96],
    length: usize,
}

impl Printed {
    fn as_str(&self) -> &str {
        self.text.get(..self.length).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default()
    }
}

impl fmt::Write for Printed {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        self.text.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// An instant in the configured time zone, as Skillhive prints it.
pub(super) struct Time(pub Timestamp, pub Tz);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.rfc2822(self.1).as_str())
    }
}

/// `{"type": …, "id": …}`: names a resource (JSON:API 1.1, "Resource Identifier Objects").
#[derive(Serialize)]
#[serde(bound = "Id: fmt::Display")]
pub struct Identifier<Id = UserId> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: Text<Id>,
}

impl<Id> Identifier<Id> {
    /// Names a resource of that type.
    #[must_use]
    pub fn new(kind: &'static str, id: Id) -> Self {
        Self { kind, id: Text(id) }
    }
}

impl Identifier {
    /// Names a user.
    #[must_use]
    pub fn of_user(id: UserId) -> Self {
        Self::new(USERS, id)
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
    this: Text<urls::LinkageUrl>,
    related: Text<urls::EndUrl>,
}

impl EndLinks {
    /// The links of the end called `name`.
    #[must_use]
    pub fn new(id: RelationshipId, name: &'static str) -> Self {
        Self { this: Text(urls::LinkageUrl(id, name)), related: Text(urls::EndUrl(id, name)) }
    }
}

/// `meta` of an item in a list that is paged by cursors.
#[derive(Debug, Serialize)]
pub struct ItemMeta {
    page: ItemPage,
}

#[derive(Debug, Serialize)]
struct ItemPage {
    cursor: String,
}

/// Something shown as a resource object.
pub struct Resource<'a, T> {
    pub(super) row: &'a T,
    pub(super) view: &'a RenderOptions,
    pub(super) meta: Option<ItemMeta>,
}

impl<'a, T> Resource<'a, T> {
    /// Shows a row.
    #[must_use]
    pub fn new(row: &'a T, view: &'a RenderOptions) -> Self {
        Self { row, view, meta: None }
    }

    /// Shows a row with the cursor that falls on it.
    #[must_use]
    pub fn with_cursor(row: &'a T, view: &'a RenderOptions, cursor: Option<String>) -> Self {
        let meta = cursor.map(|cursor| ItemMeta { page: ItemPage { cursor } });
        Self { row, view, meta }
    }

    /// The cursor that falls on it, in a list that is paged by them.
    pub(super) fn cursor(&self) -> Option<&str> {
        self.meta.as_ref().map(|meta| meta.page.cursor.as_str())
    }
}

/// A resource object; what no field is wanted of is left out.
#[derive(Serialize)]
pub(super) struct Body<'a, Id, Attributes, Relationships, Url> {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub id: Id,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Attributes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relationships: Option<Relationships>,
    pub links: SelfLink<Url>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta: Option<&'a ItemMeta>,
}

impl Serialize for Resource<'_, User> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "kebab-case")]
        struct Relationships {
            #[serde(skip_serializing_if = "Option::is_none")]
            user_relationships: Option<Links>,
            #[serde(skip_serializing_if = "Option::is_none")]
            targeted_by: Option<Links>,
        }
        #[derive(Serialize)]
        struct Links {
            links: Related<Text<urls::FilteredUrl>>,
        }
        let (user, wanted) = (self.row, self.view.users);
        let has_owned = wanted.has_member(UserMember::UserRelationships);
        let has_targeted = wanted.has_member(UserMember::TargetedBy);
        let filtered = |name| Links { links: Related { related: Text(urls::FilteredUrl(name, user.id)) } };
        Body {
            kind: USERS,
            id: Text(user.id),
            attributes: wanted.has_user_attributes().then_some(UserAttributes(user, self.view.zone, wanted)),
            relationships: (has_owned || has_targeted).then(|| Relationships {
                user_relationships: has_owned.then(|| filtered("user")),
                targeted_by: has_targeted.then(|| filtered("target")),
            }),
            links: SelfLink { this: Text(urls::UserUrl(user.id)) },
            meta: self.meta.as_ref(),
        }
        .serialize(serializer)
    }
}

struct UserAttributes<'a>(&'a User, Tz, Fieldset);

impl Serialize for UserAttributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(user, zone, wanted) = *self;
        let mut map = serializer.serialize_map(None)?;
        if wanted.has_member(UserMember::Name) {
            map.serialize_entry("name", &user.data.name())?;
        }
        for field in Field::ALL {
            if wanted.has_member(UserMember::Attribute(field)) {
                let member = field.member();
                match user.data.get(field) {
                    Held::Text(text) => map.serialize_entry(member, &text)?,
                    Held::List(list) => map.serialize_entry(member, list)?,
                    Held::Flag(flag) => map.serialize_entry(member, &flag)?,
                }
            }
        }
        if wanted.has_member(UserMember::IsSupervisor) {
            map.serialize_entry("is-supervisor", &user.is_supervisor)?;
        }
        if wanted.has_member(UserMember::CreatedAt) {
            map.serialize_entry("created-at", &Time(user.created_at, zone))?;
        }
        if wanted.has_member(UserMember::UpdatedAt) {
            map.serialize_entry("updated-at", &Time(user.updated_at, zone))?;
        }
        map.end()
    }
}

impl Serialize for Resource<'_, RelationshipType> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "kebab-case")]
        #[expect(clippy::option_option, reason = "left out and null are two things")]
        struct Attributes<'a> {
            // Null when there is none, left out when it is not wanted.
            #[serde(skip_serializing_if = "Option::is_none")]
            description: Option<Option<&'a str>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            created_at: Option<Time>,
            #[serde(skip_serializing_if = "Option::is_none")]
            updated_at: Option<Time>,
        }
        let (kind, zone, wanted) = (self.row, self.view.zone, self.view.types);
        Body {
            kind: RELATIONSHIP_TYPES,
            id: kind.name.as_str(),
            attributes: wanted.has_any(0..3).then(|| Attributes {
                description: wanted.has(0).then_some(kind.description.as_deref()),
                created_at: wanted.has(1).then_some(Time(kind.created_at, zone)),
                updated_at: wanted.has(2).then_some(Time(kind.updated_at, zone)),
            }),
            relationships: None::<()>,
            links: SelfLink { this: urls::relationship_type(&kind.name) },
            meta: self.meta.as_ref(),
        }
        .serialize(serializer)
    }
}

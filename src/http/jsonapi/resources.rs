//! Resource objects of users and relationship types (JSON:API 1.1, "Resource Objects").
//!
//! They borrow the rows and serialize themselves, so that a page costs no allocation per row.

use chrono_tz::Tz;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

pub use super::identifier::{Identifier, USERS};

use super::fields::{FieldSet, ResourceField, TypeField, UserField};
use super::links::SelfLink;
use super::raw_json::RawObject;
use super::render_options::RenderOptions;
use super::text::{Text, Time};
use super::user_links::UserLinks;
use crate::http::urls::{self, LinkUrl};
use crate::model::attributes::{Attribute, HasAttributes};
use crate::model::field::Held;
use crate::model::group::Properties;
use crate::model::id::{RelationshipId, UserId};
use crate::model::past::DeletedMember;
use crate::model::relationship_type::RelationshipType;
use crate::model::role::{IncludedRole, UserWithRoles};
use crate::model::traversal::TraversalStep;
use crate::model::user::{Field, User};

/// The type of a directed, typed edge between two users.
pub const USER_RELATIONSHIPS: &str = "user-relationships";
/// The type of a relationship type.
pub const RELATIONSHIP_TYPES: &str = "relationship-types";

/// `meta` of a resource: its cursor in a list with cursor pagination, and how the list leads to it.
#[derive(Serialize, Default)]
#[serde(rename_all = "kebab-case")]
pub struct ItemMeta {
    #[serde(skip_serializing_if = "Option::is_none")]
    user_relationship: Option<Text<RelationshipId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    depth: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    via: Option<Text<UserId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    below_count: Option<i64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_deleted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<ItemPage>,
    /// The properties of an exported user.
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<Properties>,
}

impl ItemMeta {
    /// That of a user with a role, in a list or a traversal.
    fn of_member(edge: Option<RelationshipId>, step: Option<TraversalStep>, cursor: Option<&str>) -> Self {
        Self {
            user_relationship: edge.map(Text),
            depth: step.map(|step| step.depth),
            via: step.map(|step| Text(step.via)),
            below_count: step.and_then(|step| step.below),
            is_deleted: false,
            page: cursor.map(|cursor| ItemPage { cursor: cursor.to_owned() }),
            properties: None,
        }
    }

    /// That of a deleted user.
    pub(super) fn of_deleted(member: Option<DeletedMember>, cursor: Option<&str>) -> Self {
        let (edge, step) = (member.map(|member| member.edge), member.and_then(|member| member.step));
        Self { is_deleted: true, ..Self::of_member(edge, step, cursor) }
    }
}

#[derive(Serialize)]
struct ItemPage {
    cursor: String,
}

/// A row that is rendered as a resource object.
pub struct Resource<'a, T> {
    pub(super) row: &'a T,
    pub(super) options: &'a RenderOptions,
    pub(super) meta: Option<ItemMeta>,
}

impl<'a, T> Resource<'a, T> {
    /// Renders a row.
    #[must_use]
    pub fn new(row: &'a T, options: &'a RenderOptions) -> Self {
        Self { row, options, meta: None }
    }

    /// Renders a row with its cursor.
    #[must_use]
    pub fn with_cursor(row: &'a T, options: &'a RenderOptions, cursor: Option<String>) -> Self {
        let page = |cursor| ItemMeta { page: Some(ItemPage { cursor }), ..ItemMeta::default() };
        Self { row, options, meta: cursor.map(page) }
    }

    /// The same with properties in `meta`, unless there are none.
    #[must_use]
    pub fn with_properties(self, properties: Properties) -> Self {
        let meta = ItemMeta { properties: Some(properties), ..ItemMeta::default() };
        Self { meta: Some(meta).filter(|meta| meta.properties.as_ref().is_some_and(|it| !it.is_empty())), ..self }
    }

    /// The cursor of the row, in a list with cursor pagination.
    pub(super) fn cursor(&self) -> Option<&str> {
        self.meta.as_ref().and_then(|meta| meta.page.as_ref()).map(|page| page.cursor.as_str())
    }
}

/// A resource object. `attributes` and `relationships` without any field are omitted.
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
        self.serialize_user(self.row, &[], self.meta.as_ref(), serializer)
    }
}

impl Serialize for Resource<'_, UserWithRoles> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let meta = ItemMeta::of_member(self.row.edge, self.row.step, self.cursor());
        let meta = (meta.user_relationship.is_some() || meta.page.is_some()).then_some(meta);
        self.serialize_user(&self.row.user, &self.row.roles, meta.as_ref(), serializer)
    }
}

impl<T> Resource<'_, T> {
    fn serialize_user<S: Serializer>(
        &self,
        user: &User,
        roles: &[IncludedRole],
        meta: Option<&ItemMeta>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let (fields, base) = (self.options.users, &self.options.base);
        let links = UserLinks { user: user.id, roles, options: self.options };
        Body {
            kind: USERS,
            id: Text(user.id),
            attributes: fields.has_attributes().then_some(UserAttributes(user, self.options.zone, fields)),
            relationships: links.has_any().then_some(links),
            links: SelfLink { this: Text(LinkUrl(base, urls::UserUrl(user.id))) },
            meta,
        }
        .serialize(serializer)
    }
}

struct UserAttributes<'a>(&'a User, Tz, FieldSet<UserField>);

impl Serialize for UserAttributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(user, zone, fields) = *self;
        let mut object = RawObject::new();
        if fields.has(UserField::Name) {
            object.put("name", Held::Text(user.data.name().as_deref()));
        }
        for field in Field::ALL.into_iter().filter(|field| fields.has(UserField::Attribute(*field))) {
            object.put(field.member(), user.data.get(field));
        }
        if fields.has(UserField::IsSupervisor) {
            object.put("is-supervisor", Held::Flag(user.is_supervisor));
        }
        for (field, time) in [(UserField::CreatedAt, user.created_at), (UserField::UpdatedAt, user.updated_at)] {
            if fields.has(field) {
                object.put(field.name(), Held::Text(Some(time.rfc2822(zone).as_str())));
            }
        }
        object.serialize(serializer)
    }
}

impl Serialize for Resource<'_, RelationshipType> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (kind, fields) = (self.row, self.options.types);
        Body {
            kind: RELATIONSHIP_TYPES,
            id: kind.name.as_str(),
            attributes: fields.has_attributes().then_some(TypeAttributes(kind, self.options.zone, fields)),
            relationships: None::<()>,
            links: SelfLink { this: self.options.base.join(&urls::relationship_type(&kind.name)) },
            meta: self.meta.as_ref(),
        }
        .serialize(serializer)
    }
}

struct TypeAttributes<'a>(&'a RelationshipType, Tz, FieldSet<TypeField>);

impl Serialize for TypeAttributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(kind, zone, fields) = *self;
        let mut map = serializer.serialize_map(None)?;
        serialize_attributes(&mut map, &kind.data, |attribute| fields.has(TypeField::Attribute(attribute)))?;
        if fields.has(TypeField::IsTree) {
            map.serialize_entry("is-tree", &kind.data.rules().is_tree())?;
        }
        if fields.has(TypeField::CreatedAt) {
            map.serialize_entry("created-at", &Time(kind.created_at, zone))?;
        }
        if fields.has(TypeField::UpdatedAt) {
            map.serialize_entry("updated-at", &Time(kind.updated_at, zone))?;
        }
        map.end()
    }
}

/// Adds the selected ones of the attributes that clients can write.
pub(super) fn serialize_attributes<R: HasAttributes, M: SerializeMap>(
    map: &mut M,
    record: &R,
    is_selected: impl Fn(R::Attribute) -> bool,
) -> Result<(), M::Error> {
    let mut selected = R::Attribute::all().iter().filter(|attribute| is_selected(**attribute));
    selected.try_for_each(|attribute| map.serialize_entry(attribute.member(), &record.get(*attribute)))
}

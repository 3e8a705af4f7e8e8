//! The resource objects of relationships and users in lists of the past. What does not exist any more has no links.

use chrono_tz::Tz;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::fields::{FieldSet, RelationshipField as Field};
use super::identifier::{USERS, UnlinkedLinkage};
use super::resources::{ItemMeta, Resource, USER_RELATIONSHIPS, serialize_attributes};
use super::text::{Text, Time};
use crate::model::authors::{AuthoredRelationship, Authors};
use crate::model::id::{RelationshipId, UserId};
use crate::model::past::{PastEdge, PastMember};
use crate::model::relationship::Relationship;

impl Serialize for Resource<'_, PastEdge> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let PastEdge { edge, is_deleted, authors } = self.row;
        let fields = self.options.relationships;
        // Lists return them only if they are named.
        let authors = authors.filter(|_| self.options.names_authors());
        if !is_deleted {
            let row = AuthoredRelationship { relationship: edge.clone(), authors };
            return Resource::with_cursor(&row, self.options, self.cursor().map(str::to_owned)).serialize(serializer);
        }
        DeletedEdge {
            kind: USER_RELATIONSHIPS,
            id: Text(edge.id),
            attributes: fields.has_attributes().then_some(EdgeAttributes(edge, self.options.zone, fields)),
            relationships: fields.has_relationships().then_some(EdgeLinkages { edge, authors, fields }),
            meta: self.meta.as_ref(),
        }
        .serialize(serializer)
    }
}

/// A relationship that does not exist any more.
#[derive(Serialize)]
struct DeletedEdge<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    id: Text<RelationshipId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<EdgeAttributes<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    relationships: Option<EdgeLinkages<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<&'a ItemMeta>,
}

struct EdgeAttributes<'a>(&'a Relationship, Tz, FieldSet<Field>);

impl Serialize for EdgeAttributes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(edge, zone, fields) = *self;
        let mut map = serializer.serialize_map(None)?;
        serialize_attributes(&mut map, &edge.data, |attribute| fields.has(Field::Attribute(attribute)))?;
        for (field, name, time) in
            [(Field::CreatedAt, "created-at", edge.created_at), (Field::UpdatedAt, "updated-at", edge.updated_at)]
        {
            if fields.has(field) {
                map.serialize_entry(name, &Time(time, zone))?;
            }
        }
        map.end()
    }
}

struct EdgeLinkages<'a> {
    edge: &'a Relationship,
    authors: Option<Authors>,
    fields: FieldSet<Field>,
}

impl Serialize for EdgeLinkages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { edge, authors, fields } = self;
        let ends = [(Field::User, "user", Some(edge.user)), (Field::Target, "target", Some(edge.target))];
        let authors = authors.iter().copied().flat_map(|Authors { created_by, updated_by }| {
            [(Field::CreatedBy, "created-by", created_by), (Field::UpdatedBy, "updated-by", updated_by)]
        });
        let mut map = serializer.serialize_map(None)?;
        for (_, name, user) in ends.into_iter().chain(authors).filter(|(field, ..)| fields.has(*field)) {
            map.serialize_entry(name, &UnlinkedLinkage::of(user))?;
        }
        map.end()
    }
}

/// A user that does not exist any more.
#[derive(Serialize)]
pub struct DeletedUser {
    #[serde(rename = "type")]
    kind: &'static str,
    id: Text<UserId>,
    meta: ItemMeta,
}

impl DeletedUser {
    /// The resource object of an included user.
    #[must_use]
    pub fn new(id: UserId) -> Self {
        Self { kind: USERS, id: Text(id), meta: ItemMeta::of_deleted(None, None) }
    }
}

impl Serialize for Resource<'_, PastMember> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.row {
            PastMember::Present(user) => {
                Resource::with_cursor(user.as_ref(), self.options, self.cursor().map(str::to_owned))
                    .serialize(serializer)
            }
            PastMember::Deleted(user) => {
                let meta = ItemMeta::of_deleted(Some(*user), self.cursor());
                DeletedUser { kind: USERS, id: Text(user.id), meta }.serialize(serializer)
            }
        }
    }
}

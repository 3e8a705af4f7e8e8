//! Resource objects of an exported document. They have the members that the API shows to an admin.

use serde::Serialize;

use super::raw_json;
use super::render_options::RenderOptions;
use super::resources::Resource;
use crate::domain::group_lists::{VisibleGroup, VisibleMember};
use crate::http::urls::BaseUrl;
use crate::model::group::{Group, Member};
use crate::model::relationship::Relationship;
use crate::model::relationship_type::RelationshipType;
use crate::model::user::User;

/// The bytes that are reserved for a resource.
const CAPACITY: usize = 1 << 10;

/// Renders resource objects, with times in UTC.
#[derive(Debug, Clone)]
pub struct ExportedResources(RenderOptions);

/// A resource object as JSON.
pub type ResourceJson = serde_json::Result<Vec<u8>>;

impl ExportedResources {
    /// Renders with URLs that start with `PUBLIC_URL`, if it is set.
    #[must_use]
    pub fn new(public_url: Option<&str>) -> Self {
        Self(RenderOptions::whole(chrono_tz::UTC).with_base(BaseUrl::new(public_url)))
    }

    /// A relationship type.
    ///
    /// # Errors
    /// If a value cannot be serialized, which would be a bug; all others alike.
    pub fn relationship_type(&self, kind: &RelationshipType) -> ResourceJson {
        self.render(kind)
    }

    /// A user. Its properties, which are no attributes, are in `meta`.
    ///
    /// # Errors
    /// As [`relationship_type`](Self::relationship_type).
    pub fn user(&self, user: &User) -> ResourceJson {
        let properties = &user.data.profile.properties;
        raw_json::write(&Resource::new(user, &self.0).with_properties(properties.clone()), CAPACITY)
    }

    /// A relationship.
    ///
    /// # Errors
    /// As [`relationship_type`](Self::relationship_type).
    pub fn relationship(&self, edge: &Relationship) -> ResourceJson {
        self.render(edge)
    }

    /// A group.
    ///
    /// # Errors
    /// As [`relationship_type`](Self::relationship_type).
    pub fn group(&self, group: &Group) -> ResourceJson {
        self.render(&VisibleGroup { group: group.clone(), is_owner_visible: true, members: None })
    }

    /// A membership.
    ///
    /// # Errors
    /// As [`relationship_type`](Self::relationship_type).
    pub fn member(&self, member: &Member) -> ResourceJson {
        self.render(&VisibleMember { member: member.clone(), is_user_visible: true })
    }

    fn render<'a, T>(&'a self, row: &'a T) -> ResourceJson
    where
        Resource<'a, T>: Serialize,
    {
        raw_json::write(&Resource::new(row, &self.0), CAPACITY)
    }
}

//! The relationships of a user in documents: those that every user has, and the included roles towards it.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::fields::{ResourceField, UserField};
use super::identifier::Identifier;
use super::render_options::RenderOptions;
use super::text::Text;
use crate::http::urls::{self, LinkUrl};
use crate::model::id::UserId;
use crate::model::role::IncludedRole;

/// The member `relationships` of a user.
pub(super) struct UserLinks<'a> {
    pub user: UserId,
    pub roles: &'a [IncludedRole],
    pub options: &'a RenderOptions,
}

impl UserLinks<'_> {
    /// Whether the user shows any relationship.
    pub fn has_any(&self) -> bool {
        self.options.users.has_relationships() || self.shown_roles().next().is_some()
    }

    fn shown_roles(&self) -> impl Iterator<Item = &IncludedRole> {
        self.roles.iter().filter(|role| self.options.shows_role(&role.role))
    }
}

#[derive(Serialize)]
struct LinksOnly<Url> {
    links: Related<Url>,
}

#[derive(Serialize)]
struct Related<Url> {
    related: Url,
}

impl Serialize for UserLinks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (field, end) in [(UserField::UserRelationships, "user"), (UserField::TargetedBy, "target")] {
            if self.options.users.has(field) {
                let related = Text(LinkUrl(&self.options.base, urls::FilteredUrl(end, self.user)));
                map.serialize_entry(field.name(), &LinksOnly { links: Related { related } })?;
            }
        }
        for role in self.shown_roles() {
            map.serialize_entry(role.role.as_str(), &RoleObject { user: self.user, role, options: self.options })?;
        }
        map.end()
    }
}

/// The relationship object of a role.
struct RoleObject<'a> {
    user: UserId,
    role: &'a IncludedRole,
    options: &'a RenderOptions,
}

impl Serialize for RoleObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "kebab-case")]
        struct TotalCount {
            total_count: i64,
        }
        #[derive(Serialize)]
        struct Links {
            #[serde(rename = "self")]
            this: String,
            related: String,
        }
        let (name, base) = (self.role.role.as_str(), &self.options.base);
        let this = base.join(&urls::role_linkage(self.user, name));
        let links = Links { this, related: base.join(&urls::role(self.user, name)) };
        let mut members = self.role.edges.iter().map(|edge| Identifier::of_user(edge.member));
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("links", &links)?;
        if self.role.is_to_one {
            map.serialize_entry("data", &members.next())?;
        } else {
            map.serialize_entry("data", &members.collect::<Vec<_>>())?;
        }
        map.serialize_entry("meta", &TotalCount { total_count: self.role.total })?;
        map.end()
    }
}

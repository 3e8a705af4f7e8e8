//! Resource objects of groups and memberships.

use serde::{Serialize, Serializer};
use std::fmt;

use super::document::SelfLink;
use super::resources::{Body, Identifier, Resource, Text, Time, USERS};
use crate::domain::group_lists::{VisibleGroup, VisibleMember};
use crate::http::jsonapi::raw_json::Raw;
use crate::http::urls::{GroupUrl, MemberUrl, RelatedLinkageUrl, RelatedUrl};
use crate::model::id::{GroupId, MemberId};

/// The type of a group of users.
pub const GROUPS: &str = "groups";
/// The type of a membership of one user in one group.
pub const GROUP_MEMBERS: &str = "group-members";

/// The links of a relationship object; one that leads to what the caller may not see is left out.
#[derive(Serialize)]
#[serde(bound = "Url: fmt::Display")]
pub struct Links<Url> {
    #[serde(rename = "self", skip_serializing_if = "Option::is_none")]
    this: Option<Text<RelatedLinkageUrl<Url>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    related: Option<Text<RelatedUrl<Url>>>,
}

impl<Url: Copy> Links<Url> {
    /// The links of the to-one relationship called `name` of the resource at `url`.
    #[must_use]
    pub fn to_one(url: Url, name: &'static str, is_seen: bool) -> Self {
        Self { this: Some(Text(RelatedLinkageUrl(url, name))), related: is_seen.then_some(Text(RelatedUrl(url, name))) }
    }

    fn to_many(url: Url, name: &'static str) -> Self {
        Self { this: None, related: Some(Text(RelatedUrl(url, name))) }
    }
}

/// A relationship object.
#[derive(Serialize)]
#[serde(bound = "Data: Serialize, Url: fmt::Display")]
struct Link<Data, Url> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data>,
    links: Links<Url>,
}

impl Serialize for Resource<'_, VisibleGroup> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "kebab-case")]
        struct Attributes<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            group_type: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            properties: Option<Raw<'a>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            created_at: Option<Time>,
            #[serde(skip_serializing_if = "Option::is_none")]
            updated_at: Option<Time>,
        }
        #[derive(Serialize)]
        struct Relationships {
            // Its data is null where nobody owns the group.
            #[serde(skip_serializing_if = "Option::is_none")]
            owner: Option<Link<Option<Identifier>, GroupUrl>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            members: Option<Link<Vec<Identifier<MemberId>>, GroupUrl>>,
        }
        let (group, zone, wanted) = (&self.row.group, self.view.zone, self.view.groups);
        let url = GroupUrl(group.id);
        let members = || {
            let of = |ids: &Vec<MemberId>| ids.iter().map(|id| Identifier::new(GROUP_MEMBERS, *id)).collect();
            Link { data: self.row.members.as_ref().map(of), links: Links::to_many(url, "members") }
        };
        Body {
            kind: GROUPS,
            id: Text(group.id),
            attributes: wanted.has_any(0..4).then(|| Attributes {
                group_type: wanted.has(0).then_some(group.kind.as_str()),
                properties: wanted.has(1).then_some(Raw(group.properties.as_text())),
                created_at: wanted.has(2).then_some(Time(group.created_at, zone)),
                updated_at: wanted.has(3).then_some(Time(group.updated_at, zone)),
            }),
            relationships: wanted.has_any(4..6).then(|| Relationships {
                owner: wanted.has(4).then(|| Link {
                    data: Some(group.owner.map(Identifier::of_user)),
                    links: Links::to_one(url, "owner", self.row.is_owner_visible),
                }),
                members: wanted.has(5).then(members),
            }),
            links: SelfLink { this: Text(url) },
            meta: self.meta.as_ref(),
        }
        .serialize(serializer)
    }
}

impl Serialize for Resource<'_, VisibleMember> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "kebab-case")]
        struct Attributes<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            member_type: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            properties: Option<Raw<'a>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            created_at: Option<Time>,
            #[serde(skip_serializing_if = "Option::is_none")]
            updated_at: Option<Time>,
        }
        #[derive(Serialize)]
        struct Relationships {
            #[serde(skip_serializing_if = "Option::is_none")]
            group: Option<Link<Identifier<GroupId>, MemberUrl>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            user: Option<Link<Identifier, MemberUrl>>,
        }
        let (member, zone, wanted) = (&self.row.member, self.view.zone, self.view.members);
        let url = MemberUrl(member.id);
        Body {
            kind: GROUP_MEMBERS,
            id: Text(member.id),
            attributes: wanted.has_any(0..4).then(|| Attributes {
                member_type: wanted.has(0).then_some(member.kind.as_str()),
                properties: wanted.has(1).then_some(Raw(member.properties.as_text())),
                created_at: wanted.has(2).then_some(Time(member.created_at, zone)),
                updated_at: wanted.has(3).then_some(Time(member.updated_at, zone)),
            }),
            relationships: wanted.has_any(4..6).then(|| Relationships {
                group: wanted.has(4).then(|| Link {
                    data: Some(Identifier::new(GROUPS, member.group)),
                    links: Links::to_one(url, "group", true),
                }),
                user: wanted.has(5).then(|| Link {
                    data: Some(Identifier::new(USERS, member.user)),
                    links: Links::to_one(url, "user", self.row.is_user_visible),
                }),
            }),
            links: SelfLink { this: Text(url) },
            meta: self.meta.as_ref(),
        }
        .serialize(serializer)
    }
}

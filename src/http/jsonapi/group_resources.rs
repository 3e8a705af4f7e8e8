//! Resource objects of groups and memberships.

use serde::{Serialize, Serializer};
use std::fmt;

use super::fields::{GroupField, MemberField};
use super::links::{RelationshipLinks, SelfLink};
use super::raw_json::RawJson;
use super::resources::{Body, Identifier, Resource};
use super::text::{Text, Time};
use crate::domain::group_lists::{VisibleGroup, VisibleMember};
use crate::http::urls::{GroupUrl, LinkUrl, MemberUrl};
use crate::model::id::{GroupId, MemberId};

/// The type of groups.
pub const GROUPS: &str = "groups";
/// The type of memberships: one user in one group.
pub const GROUP_MEMBERS: &str = "group-members";

/// A relationship object.
#[derive(Serialize)]
#[serde(bound = "Data: Serialize, Url: fmt::Display")]
struct RelationshipObject<Data, Url> {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data>,
    links: RelationshipLinks<Url>,
}

impl Serialize for Resource<'_, VisibleGroup> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "kebab-case")]
        struct GroupAttributes<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            group_type: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            properties: Option<RawJson<'a>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            created_at: Option<Time>,
            #[serde(skip_serializing_if = "Option::is_none")]
            updated_at: Option<Time>,
        }
        #[derive(Serialize)]
        struct GroupRelationships<'a> {
            // `data` is null if the group has no owner.
            #[serde(skip_serializing_if = "Option::is_none")]
            owner: Option<RelationshipObject<Option<Identifier>, LinkUrl<'a, GroupUrl>>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            members: Option<RelationshipObject<Vec<Identifier<MemberId>>, LinkUrl<'a, GroupUrl>>>,
        }
        let (group, zone, fields) = (&self.row.group, self.options.zone, self.options.groups);
        let url = LinkUrl(&self.options.base, GroupUrl(group.id));
        let members = || {
            let of = |ids: &Vec<MemberId>| ids.iter().map(|id| Identifier::new(GROUP_MEMBERS, *id)).collect();
            RelationshipObject {
                data: self.row.members.as_ref().map(of),
                links: RelationshipLinks::to_many(url, "members"),
            }
        };
        Body {
            kind: GROUPS,
            id: Text(group.id),
            attributes: fields.has_attributes().then(|| GroupAttributes {
                group_type: fields.has(GroupField::GroupType).then_some(group.kind.as_str()),
                properties: fields.has(GroupField::Properties).then_some(RawJson(group.properties.as_text())),
                created_at: fields.has(GroupField::CreatedAt).then_some(Time(group.created_at, zone)),
                updated_at: fields.has(GroupField::UpdatedAt).then_some(Time(group.updated_at, zone)),
            }),
            relationships: fields.has_relationships().then(|| GroupRelationships {
                owner: fields.has(GroupField::Owner).then(|| RelationshipObject {
                    data: Some(group.owner.map(Identifier::of_user)),
                    links: RelationshipLinks::to_one(url, "owner", self.row.is_owner_visible),
                }),
                members: fields.has(GroupField::Members).then(members),
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
        struct MemberAttributes<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            member_type: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            properties: Option<RawJson<'a>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            created_at: Option<Time>,
            #[serde(skip_serializing_if = "Option::is_none")]
            updated_at: Option<Time>,
        }
        #[derive(Serialize)]
        struct MemberRelationships<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            group: Option<RelationshipObject<Identifier<GroupId>, LinkUrl<'a, MemberUrl>>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            user: Option<RelationshipObject<Identifier, LinkUrl<'a, MemberUrl>>>,
        }
        let (member, zone, fields) = (&self.row.member, self.options.zone, self.options.members);
        let url = LinkUrl(&self.options.base, MemberUrl(member.id));
        Body {
            kind: GROUP_MEMBERS,
            id: Text(member.id),
            attributes: fields.has_attributes().then(|| MemberAttributes {
                member_type: fields.has(MemberField::MemberType).then_some(member.kind.as_str()),
                properties: fields.has(MemberField::Properties).then_some(RawJson(member.properties.as_text())),
                created_at: fields.has(MemberField::CreatedAt).then_some(Time(member.created_at, zone)),
                updated_at: fields.has(MemberField::UpdatedAt).then_some(Time(member.updated_at, zone)),
            }),
            relationships: fields.has_relationships().then(|| MemberRelationships {
                group: fields.has(MemberField::Group).then(|| RelationshipObject {
                    data: Some(Identifier::new(GROUPS, member.group)),
                    links: RelationshipLinks::to_one(url, "group", true),
                }),
                user: fields.has(MemberField::User).then(|| RelationshipObject {
                    data: Some(Identifier::of_user(member.user)),
                    links: RelationshipLinks::to_one(url, "user", self.row.is_user_visible),
                }),
            }),
            links: SelfLink { this: Text(url) },
            meta: self.meta.as_ref(),
        }
        .serialize(serializer)
    }
}

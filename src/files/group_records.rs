//! Converts the members of a line to a group or a membership.

use super::cell::Members;
use super::problem::{LineProblem, UNKNOWN, add_complaint};
use super::record_kind::PROPERTIES;
use super::values::{id, kind, properties, time, user_reference};
use crate::domain::transfer::{GroupLine, GroupOwner, MemberLine};
use crate::model::id::{GroupId, MemberId};

/// The group of a line; `None` if it lacks a required member.
pub(super) fn group_of(members: Members<'_>, complaints: &mut Vec<LineProblem>) -> Option<GroupLine> {
    let (mut own_id, mut group_type, mut owner, mut own_properties) = (None, None, GroupOwner::Absent, None);
    let (mut created_at, mut updated_at) = (None, None);
    for (name, cell) in members.0 {
        let parsed = match &*name {
            "type" => Ok(()),
            "id" => id(&cell).map(|id| own_id = id.map(GroupId::new)),
            "group-type" => kind(&cell).map(|kind| group_type = kind),
            "owner" => user_reference(cell).map(|user| owner = user.map_or(GroupOwner::NoUser, GroupOwner::User)),
            PROPERTIES => properties(cell).map(|properties| own_properties = properties),
            "created-at" => time(&cell).map(|time| created_at = time),
            "updated-at" => time(&cell).map(|time| updated_at = time),
            _ => Err(UNKNOWN.to_owned()),
        };
        add_complaint(complaints, &name, parsed);
    }
    Some(GroupLine { id: own_id?, kind: group_type?, owner, properties: own_properties, created_at, updated_at })
}

/// The membership of a line; `None` if it lacks a required member.
pub(super) fn member_of(members: Members<'_>, complaints: &mut Vec<LineProblem>) -> Option<MemberLine> {
    let (mut own_id, mut member_type, mut group, mut user, mut own_properties) = (None, None, None, None, None);
    let (mut created_at, mut updated_at) = (None, None);
    for (name, cell) in members.0 {
        let parsed = match &*name {
            "type" => Ok(()),
            "id" => id(&cell).map(|id| own_id = id.map(MemberId::new)),
            "member-type" => kind(&cell).map(|kind| member_type = kind),
            "group" => id(&cell).map(|id| group = id.map(GroupId::new)),
            "user" => user_reference(cell).map(|name| user = name),
            PROPERTIES => properties(cell).map(|properties| own_properties = properties),
            "created-at" => time(&cell).map(|time| created_at = time),
            "updated-at" => time(&cell).map(|time| updated_at = time),
            _ => Err(UNKNOWN.to_owned()),
        };
        add_complaint(complaints, &name, parsed);
    }
    let (kind, group, user) = (member_type?, group?, user?);
    Some(MemberLine { id: own_id, kind, group, user, properties: own_properties, created_at, updated_at })
}

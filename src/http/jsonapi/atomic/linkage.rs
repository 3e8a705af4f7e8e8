//! Operations on relationships of a resource (JSON:API atomic operations, "Updating To-One Relationships" and the
//! following sections).

use serde_json::Value;

use super::target::{Kind, Lids, Target, malformed, parse_id};
use crate::domain::operations::{LinkageChange, Operation, ResourceRef, RoleOperation};
use crate::domain::roles::MembershipChange;
use crate::http::jsonapi::errors::{ApiProblem, Failure};
use crate::http::jsonapi::linkage::{to_many_of, to_one_of};
use crate::model::code::Code;
use crate::model::id::UserId;

/// What an operation does with a linkage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LinkageOp {
    Add,
    Replace,
    Remove,
}

/// Parses an operation on a relationship of a resource. The ends of user relationships are immutable.
pub(super) fn parse_linkage(
    target: &Target,
    op: LinkageOp,
    data: Option<Value>,
    lids: &Lids,
) -> Result<Operation, Failure> {
    match (target.kind, target.relationship.as_deref(), target.resource.clone()) {
        (Kind::Relationships, Some("user" | "target"), Some(resource)) => {
            parse_id(resource).map(Operation::UpdateLinkage)
        }
        (Kind::Users, Some("user-relationships" | "targeted-by"), Some(_)) => {
            let detail = "relationships are created and deleted as resources of type `user-relationships`";
            Err(ApiProblem::new(Code::ImmutableRelationship, detail).pointer("").into())
        }
        (Kind::Users, Some(role), Some(resource)) => {
            let (user, role) = (parse_id(resource)?, role.to_owned());
            let data = data.ok_or_else(|| malformed("", "the operation needs `data` with the linkage"))?;
            Ok(Operation::ChangeRole(RoleOperation { user, role, change: parse_change(op, &data, lids)? }))
        }
        _ => Err(ApiProblem::new(Code::NotFound, "there is no such relationship").pointer("").into()),
    }
}

fn parse_change(op: LinkageOp, data: &Value, lids: &Lids) -> Result<LinkageChange, Failure> {
    let change = match op {
        LinkageOp::Replace if data.is_array() => return Ok(LinkageChange::ReplaceAll),
        LinkageOp::Replace => {
            let member = to_one_of(data)?;
            lids.check(member.as_ref(), "/data/lid")?;
            return Ok(LinkageChange::Replace(member));
        }
        LinkageOp::Add => MembershipChange::Add,
        LinkageOp::Remove => MembershipChange::Remove,
    };
    Ok(LinkageChange::Members(change, parse_members(data, lids)?))
}

fn parse_members(data: &Value, lids: &Lids) -> Result<Vec<ResourceRef<UserId>>, Failure> {
    let members = to_many_of(data)?;
    for (index, member) in members.iter().enumerate() {
        lids.check(Some(member), &format!("/data/{index}/lid"))?;
    }
    Ok(members)
}

//! The users who had a role towards a user at a moment.

use std::collections::HashMap;

use super::moment::{PARAMETER, PastMoment};
use crate::domain::roles::{self, RolePath};
use crate::domain::users;
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Problem, Result};
use crate::model::filter::RelationshipFilter;
use crate::model::id::UserId;
use crate::model::page::{Page, PageRequest, Sort};
use crate::model::past::{DeletedMember, PastEdge, PastMember};
use crate::model::read_budget::ReadBudget;
use crate::model::role::{RoleEdge, RoleEnd, UserWithRoles};
use crate::model::time::Timestamp;
use crate::model::traversal::TraversalStep;
use crate::store::{HeldRole, Tx};

/// A page of the users who had a role towards a user at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastRoleUsers {
    /// Whether at most one user has the role.
    pub is_to_one: bool,
    /// The page.
    pub page: Page<PastMember>,
}

/// A relationship that gave a user a role, and how a traversal reaches the user.
type PastRoleEdge = (RoleEdge, Option<TraversalStep>);

/// The users who had a role towards a user at a moment, in the order of their relationships. The types of the roles and
/// their rules are those of now. The job is one of [`list`](super::list).
///
/// # Errors
/// As [`list`](super::list); `not-found` if there is no such role or user; `invalid-parameter` if several users had a role
/// that at most one may have now.
pub fn list_members(
    tx: &mut Tx<'_>,
    caller: &Caller,
    (path, at): (&RolePath, Timestamp),
    slice: &PageRequest,
    mut budget: ReadBudget,
) -> Result<PastRoleUsers> {
    let role = find_role(tx, caller, path)?;
    let (is_to_one, first) = (role.is_to_one(), PageRequest::window(Sort::default(), 0, 1));
    let slice = if is_to_one { &first } else { slice };
    let found = PastMoment::find(tx, at)?.list(tx, caller, &filter_of(&role, path.user), slice)?;
    if is_to_one && found.total > 1 {
        return Err(too_many(&role, path.user, found.total));
    }
    let edges = found.map(|row| (role_edge(&row, path.user), None));
    Ok(PastRoleUsers { is_to_one, page: describe(tx, &edges, slice, &mut budget)? })
}

/// Finds a role of a user that the caller may see, or that was deleted if the caller is an admin.
///
/// # Errors
/// `not-found`.
pub(in crate::domain) fn find_role(tx: &mut Tx<'_>, caller: &Caller, path: &RolePath) -> Result<HeldRole> {
    let role = roles::find(tx, &path.role)?;
    match users::require_visible(tx, caller, path.user) {
        Err(Error::Refused(_)) if caller.is_admin() && !tx.retired_users(&[path.user])?.is_empty() => Ok(role),
        visible => visible.map(|()| role),
    }
}

/// The relationships that give users a role towards a user.
fn filter_of(role: &HeldRole, user: UserId) -> RelationshipFilter {
    let relationships = vec![role.held.name.clone()];
    let filter = RelationshipFilter { relationships, ..RelationshipFilter::default() };
    match role.end {
        RoleEnd::Owner => RelationshipFilter { targets: vec![user], ..filter },
        RoleEnd::Target => RelationshipFilter { users: vec![user], ..filter },
        RoleEnd::Either => RelationshipFilter { participants: vec![user], ..filter },
    }
}

fn role_edge(row: &PastEdge, user: UserId) -> RoleEdge {
    let edge = &row.edge;
    RoleEdge { id: edge.id, member: if edge.user == user { edge.target } else { edge.user } }
}

/// Adds what is known of the users. The page is cut where the budget ends.
///
/// # Errors
/// Those of the store.
pub(in crate::domain) fn describe(
    tx: &mut Tx<'_>,
    edges: &Page<PastRoleEdge>,
    slice: &PageRequest,
    budget: &mut ReadBudget,
) -> Result<Page<PastMember>> {
    let found = tx.role_members(edges.clone().map(|(edge, _)| edge), slice, budget)?;
    let is_cut = found.is_cut;
    let known: HashMap<_, _> = found.items.into_iter().map(|row| (row.user.id, row.user)).collect();
    let members = edges.items.iter().map(|(edge, _)| edge.member);
    let missing: Vec<_> = members.filter(|member| !known.contains_key(member)).collect();
    // The others are left out, because the page ends before them.
    let existing = if missing.is_empty() { Vec::new() } else { tx.existing_users(&missing)? };
    let member = |(edge, step): &PastRoleEdge| match known.get(&edge.member) {
        Some(user) => Some(PastMember::Present(Box::new(UserWithRoles {
            edge: Some(edge.id),
            step: *step,
            ..UserWithRoles::alone(user.clone())
        }))),
        None if existing.contains(&edge.member) => None,
        None => Some(PastMember::Deleted(DeletedMember { id: edge.member, edge: edge.id, step: *step })),
    };
    let mut items: Vec<_> = if slice.is_from_end {
        edges.items.iter().rev().map_while(member).collect()
    } else {
        edges.items.iter().map_while(member).collect()
    };
    if slice.is_from_end {
        items.reverse();
    }
    Ok(Page { items, total: edges.total, is_cut })
}

fn too_many(role: &HeldRole, user: UserId, total: i64) -> Error {
    let detail = format!(
        "{total} users had the role `{}` towards the user {user} at that moment, before its type allowed only one; add \
         `max-depth=1`, which returns a list",
        role.name
    );
    Problem::new(Code::InvalidParameter, detail).at(ErrorSource::Parameter(PARAMETER)).into()
}

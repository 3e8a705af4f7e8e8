//! Everybody with a role towards a user, at any depth.

mod past;
mod reach;
mod request;
mod together;
mod walk;

pub use past::traverse_past;
pub use request::Traversal;
pub use together::{traverse_alone, traverse_together};

use reach::page_above;
use request::{ReachedPage, check, is_below};

use std::collections::HashMap;

use super::roles::find_towards;
use super::users::require_visible;
use crate::model::caller::Caller;
use crate::model::error::Result;
use crate::model::page::{Page, PageRequest};
use crate::model::read_budget::ReadBudget;
use crate::model::role::{RoleEdge, RoleEnd};
use crate::model::traversal::Depth;
use crate::model::traversal::page::TraversalPage;
use crate::store::{HeldRole, HeldType, Tx};

/// The page of the users that a traversal reaches: below a user of a tree in pre-order, otherwise by distance and id. An
/// external caller sees what it would see without `max-depth`. `None` if it may visit many users and `may_search` is
/// false.
///
/// # Errors
/// `not-found`; `invalid-parameter` for a symmetric type, and for users in common in the direction of owners;
/// `invalid-cursor` if the place belongs to another order; `traversal-too-large`.
pub fn traverse(
    tx: &mut Tx<'_>,
    caller: &Caller,
    traversal: &Traversal,
    may_search: bool,
    mut budget: ReadBudget,
) -> Result<Option<TraversalPage>> {
    let (role, start) = find_towards(tx, &traversal.path)?;
    if caller.sees_only().is_some() || !start.exists {
        require_visible(tx, caller, traversal.path.user)?;
    }
    check(&role, traversal)?;
    if !may_search && needs_search(caller, &role, traversal) {
        return Ok(None);
    }
    if is_whole_path(caller, &role, traversal) {
        return list_above(tx, &role.held, traversal, &mut budget).map(Some);
    }
    let is_walk = is_below(&role) && caller.sees_only().is_none() && traversal.only.is_empty();
    let reached = if is_walk {
        walk::page(tx, &role.held, start.below, traversal)?
    } else {
        reach::page(tx, caller, &role, traversal)?
    };
    describe(tx, traversal, reached, &mut budget).map(Some)
}

/// Whether a traversal may visit many users, rather than a page and the users above it.
fn needs_search(caller: &Caller, role: &HeldRole, traversal: &Traversal) -> bool {
    if caller.sees_only().is_some() {
        return false;
    }
    let counts_levels = is_below(role) && traversal.only.is_empty() && matches!(traversal.depth, Depth::Levels(2..));
    !role.held.rules.is_tree() || counts_levels
}

/// Whether a traversal lists the users above one in a tree from the first one on, and all of them.
fn is_whole_path(caller: &Caller, role: &HeldRole, traversal: &Traversal) -> bool {
    let is_upwards = role.held.rules.is_tree() && role.end == RoleEnd::Target && caller.sees_only().is_none();
    let is_filtered = !traversal.only.is_empty() || !traversal.shared_with.is_empty();
    is_upwards && !is_filtered && traversal.after.is_none() && traversal.limit > 0
}

fn list_above(
    tx: &mut Tx<'_>,
    held: &HeldType,
    traversal: &Traversal,
    budget: &mut ReadBudget,
) -> Result<TraversalPage> {
    let size = (traversal.depth.levels(), traversal.limit);
    tx.users_above(held, traversal.path.user, size, budget).map(page_above)
}

/// Reads the properties of the users of a page. The page is cut where the budget ends.
fn describe(
    tx: &mut Tx<'_>,
    traversal: &Traversal,
    reached: ReachedPage,
    budget: &mut ReadBudget,
) -> Result<TraversalPage> {
    let ReachedPage { users, total, has_cycle, places } = reached;
    let is_more = users.len() > traversal.limit;
    let users: Vec<_> = users.into_iter().take(traversal.limit).collect();
    let edges = users.iter().map(|user| RoleEdge { id: user.step.edge, member: user.member }).collect();
    let mut page = tx.role_members(Page::whole(edges, total), &PageRequest::default(), budget)?;
    let steps: HashMap<_, _> = users.iter().map(|user| (user.member, user.step)).collect();
    for row in &mut page.items {
        row.step = steps.get(&row.user.id).copied();
    }
    let last = page.items.last().and_then(|row| users.iter().position(|user| user.member == row.user.id));
    let shown = users.get(..last.map_or(0, |last| last + 1)).unwrap_or_default();
    let end = places.of_last(shown);
    let is_more = (is_more || page.is_cut) && end.is_some();
    Ok(TraversalPage { page, is_more, has_cycle, end })
}

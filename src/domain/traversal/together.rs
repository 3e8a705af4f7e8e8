//! Traversals of one tree with short results, run together, or alone in one statement.

use std::collections::{HashMap, HashSet};

use super::reach::{count_below, explore_upwards, numbers_below, page_above, steps_upwards, window};
use super::request::{Places, is_below};
use crate::model::error::Result;
use crate::model::id::UserId;
use crate::model::page::{Page, PageRequest};
use crate::model::read_budget::ReadBudget;
use crate::model::role::{RoleEdge, UserWithRoles};
use crate::model::traversal::page::TraversalPage;
use crate::model::traversal::{Depth, ReachedUser};
use crate::store::{GatheredTraversal, HeldRole, Tx};

/// Runs traversals towards one role, of callers who may see all users, in their order. `None` for those whose result may
/// be long, and for those that an ordinary job must refuse.
///
/// # Errors
/// Those of the store.
pub fn traverse_together(tx: &mut Tx<'_>, traversals: &[&GatheredTraversal]) -> Result<Vec<Option<TraversalPage>>> {
    let role = traversals.first().map(|first| tx.hold_role(&first.role)).transpose()?.flatten();
    match role.filter(|role| role.held.rules.is_tree()) {
        Some(role) if is_below(&role) => show_counts(tx, &role, traversals),
        Some(role) => list_above(tx, &role, traversals),
        None => Ok(Vec::new()),
    }
}

/// Runs a traversal upwards in one statement, of a caller who may see all users. `None` if an ordinary job must run it.
///
/// # Errors
/// Those of the store.
pub fn traverse_alone(tx: &mut Tx<'_>, traversal: &GatheredTraversal) -> Result<Option<TraversalPage>> {
    let size = (traversal.depth.levels(), traversal.limit);
    let mut budget = ReadBudget::for_answer(traversal.has_profiles);
    let page = tx.users_with_role_above(&traversal.role, traversal.user, size, &mut budget)?;
    Ok(page.map(page_above))
}

fn show_counts(
    tx: &mut Tx<'_>,
    role: &HeldRole,
    traversals: &[&GatheredTraversal],
) -> Result<Vec<Option<TraversalPage>>> {
    let starts: Vec<_> = traversals.iter().map(|traversal| traversal.user).collect();
    let existing: HashSet<_> = tx.existing_users(&starts)?.into_iter().collect();
    let below = numbers_below(tx, role, starts.iter().copied())?;
    let count = |traversal: &&GatheredTraversal| {
        let is_count = traversal.limit == 0 && traversal.depth == Depth::All;
        let total = below.get(&traversal.user).filter(|_| is_count && existing.contains(&traversal.user));
        total.copied().map(without_rows)
    };
    Ok(traversals.iter().map(count).collect())
}

fn without_rows(total: i64) -> TraversalPage {
    TraversalPage { page: Page::whole(Vec::new(), total), is_more: false, has_cycle: false, end: None }
}

/// A part of the users above a user.
struct PathPart {
    users: Vec<ReachedUser>,
    places: Places,
    total: i64,
    is_more: bool,
}

fn list_above(
    tx: &mut Tx<'_>,
    role: &HeldRole,
    traversals: &[&GatheredTraversal],
) -> Result<Vec<Option<TraversalPage>>> {
    let starts: Vec<_> = traversals.iter().map(|traversal| traversal.user).collect();
    let steps = steps_upwards(tx, role, &starts)?;
    let mut paths = Vec::with_capacity(traversals.len());
    for traversal in traversals {
        // A user without a relationship may not exist.
        let path = steps.get(&traversal.user).and_then(|_| explore_upwards(&steps, traversal.user, traversal.depth));
        paths.push(path.map(|path| {
            let total = i64::try_from(path.len()).unwrap_or(i64::MAX);
            let (places, mut users): (Vec<_>, Vec<_>) = window(path, None, traversal.limit).unzip();
            let is_more = users.len() > traversal.limit;
            users.truncate(traversal.limit);
            PathPart { users, places: Places::Listed(places), total, is_more }
        }));
    }
    count_below(tx, role, paths.iter_mut().flatten().flat_map(|path| &mut path.users))?;
    let rows = read_users(tx, &paths, traversals.first().is_some_and(|first| first.has_profiles))?;
    Ok(paths.into_iter().map(|path| path.and_then(|path| show(&path, &rows))).collect())
}

/// Reads the users of all paths once.
fn read_users(
    tx: &mut Tx<'_>,
    paths: &[Option<PathPart>],
    has_profiles: bool,
) -> Result<HashMap<UserId, UserWithRoles>> {
    let mut seen = HashSet::new();
    let users = paths.iter().flatten().flat_map(|path| &path.users).filter(|user| seen.insert(user.member));
    let edges: Vec<_> = users.map(|user| RoleEdge { id: user.step.edge, member: user.member }).collect();
    let total = i64::try_from(edges.len()).unwrap_or(i64::MAX);
    let mut budget = ReadBudget::for_answer(has_profiles);
    let page = tx.role_members(Page::whole(edges, total), &PageRequest::default(), &mut budget)?;
    Ok(page.items.into_iter().map(|row| (row.user.id, row)).collect())
}

/// The page of a path; `None` if one of its users was not read.
fn show(path: &PathPart, rows: &HashMap<UserId, UserWithRoles>) -> Option<TraversalPage> {
    let mut items = Vec::with_capacity(path.users.len());
    for ReachedUser { member, step } in &path.users {
        let row = rows.get(member)?;
        items.push(UserWithRoles { edge: Some(step.edge), step: Some(*step), ..row.clone() });
    }
    let end = path.places.of_last(&path.users);
    let is_more = path.is_more && end.is_some();
    Some(TraversalPage { page: Page::whole(items, path.total), is_more, has_cycle: false, end })
}

//! Everybody below a user in a tree, in pre-order.

use std::collections::HashMap;

use super::request::{Places, ReachedPage, Traversal, too_large};
use crate::model::error::Result;
use crate::model::id::UserId;
use crate::model::rules::MAX_VISITED;
use crate::model::traversal::preorder::{Siblings, walk};
use crate::model::traversal::{Depth, Place};
use crate::store::{HeldRole, HeldType, Tx};

/// The page, with the number of all users.
///
/// # Errors
/// `traversal-too-large`.
pub(super) fn page(tx: &mut Tx<'_>, role: &HeldRole, traversal: &Traversal) -> Result<ReachedPage> {
    let (held, start) = (&role.held, traversal.path.user);
    let total = count(tx, held, start, traversal.depth)?;
    let path = match &traversal.after {
        Some(Place::Path(path)) => path.as_slice(),
        _ => &[],
    };
    let (mut users, mut places) = (Vec::new(), Places::After(Vec::new()));
    if traversal.limit > 0 && total > 0 {
        let rest = find_rest(tx, held, start, path)?;
        places = Places::After(path.get(..rest.len().min(path.len())).unwrap_or_default().to_vec());
        let limit = traversal.limit + 1;
        users = walk(rest, (limit, traversal.depth), |siblings| tx.children(held, siblings, limit))?;
    }
    Ok(ReachedPage { users, total, has_cycle: false, places })
}

/// What comes after the user with a path: the users below it, and the later siblings of all users on the path, the
/// deepest first. Where the path is broken, because a relationship on it is gone, its later siblings remain.
fn find_rest(tx: &mut Tx<'_>, held: &HeldType, start: UserId, path: &[i64]) -> Result<Vec<Siblings>> {
    let mut rest = Vec::with_capacity(path.len() + 1);
    let stored = if path.is_empty() { Vec::new() } else { tx.edges_with_ids(held, path)? };
    let stored: HashMap<_, _> = stored.into_iter().map(|edge| (edge.id, edge)).collect();
    let mut parent = Some(start);
    for (depth, after) in (1..).zip(path.iter().copied().map(Some).chain([None])) {
        let Some(user) = parent else { break };
        rest.push(Siblings { parent: user, after: after.unwrap_or(0), depth });
        // The ends of a relationship never change, so it leads to the user above.
        parent = after.and_then(|after| stored.get(&after)).map(|edge| UserId::new(edge.user));
    }
    rest.reverse();
    Ok(rest)
}

/// How many users are below a user. For all levels that is stored, and for one level as well; others are counted level
/// by level, the last one by what is stored of the level above.
fn count(tx: &mut Tx<'_>, held: &HeldType, start: UserId, depth: Depth) -> Result<i64> {
    let Depth::Levels(levels) = depth else {
        let below = tx.below(held, &[start])?.pop();
        return Ok(below.map_or(0, |(_, below)| below.n));
    };
    let (mut level, mut above) = (vec![start], 0_usize);
    for _ in 1..levels {
        let owners = tx.owners_of(held, &level)?;
        level = owners.into_iter().map(|(_, owner)| owner).collect();
        above += level.len();
        if above > MAX_VISITED {
            return Err(too_large());
        }
        if level.is_empty() {
            break;
        }
    }
    let last = if level.is_empty() { 0 } else { tx.count_owners(held, &level)? };
    Ok(i64::try_from(above).unwrap_or(i64::MAX).saturating_add(last))
}

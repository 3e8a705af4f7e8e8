//! Keeps the counts of users below others true, in types that are trees, when relationships are removed.

use std::collections::HashMap;

use crate::model::error::Result;
use crate::model::id::UserId;
use crate::model::tree::Tree;
use crate::store::{HeldType, Tx};

/// Removes users, and all users below them, from below the users above. Their relationships to `target` have been removed
/// from the type, and other writers of the type have been locked out before that.
///
/// # Errors
/// Those of the store.
pub(super) fn detach(tx: &mut Tx<'_>, held: &HeldType, user: UserId, target: UserId) -> Result<()> {
    detach_all(tx, held, &[user], target)
}

/// As [`detach`], for several users directly below the same one.
///
/// # Errors
/// Those of the store.
pub(super) fn detach_all(tx: &mut Tx<'_>, held: &HeldType, users: &[UserId], target: UserId) -> Result<()> {
    // Users without anybody below them may be missing.
    let below = tx.below(held, users)?;
    let n = below.iter().map(|(_, below)| below.n).sum::<i64>() + i64::try_from(users.len()).unwrap_or(i64::MAX);
    let height = below.iter().map(|(_, below)| below.height).max().unwrap_or_default();
    let steps = tx.paths_from(held, &[target])?;
    // An earlier release may have closed a cycle.
    let longest = steps.len() + 1;
    let tree = Tree::new(steps.into_iter().map(|(_, user, target)| (user, target)), []);
    let path: Vec<_> = tree.path_from(target).take(longest).collect();
    tx.subtract_below(held, &path, n)?;
    lower_heights(tx, held, &path, height)
}

/// Computes again the heights of users from which branches were removed, as long as one of them was the tallest. `branch`
/// is the height of the tallest removed one. The path begins where the branches were, and leads upwards.
fn lower_heights(tx: &mut Tx<'_>, held: &HeldType, path: &[UserId], mut branch: i32) -> Result<()> {
    let heights: HashMap<_, _> = tx.below(held, path)?.into_iter().collect();
    for user in path {
        let old = heights.get(user).map_or(0, |below| below.height);
        if old != branch + 1 {
            break;
        }
        let new = tx.compute_height(held, *user, old)?;
        if new == old {
            break;
        }
        tx.set_height(held, *user, new)?;
        branch = old;
    }
    Ok(())
}

/// The trees in which a user is below another one: the type, and that user.
///
/// # Errors
/// Those of the store.
pub(super) fn find_places(tx: &mut Tx<'_>, types: &[HeldType], user: UserId) -> Result<Vec<(HeldType, UserId)>> {
    let mut places = Vec::new();
    for held in types {
        let targets = tx.targets_of(held, &[user])?;
        places.extend(targets.into_iter().map(|(_, target)| (held.clone(), target)));
    }
    Ok(places)
}

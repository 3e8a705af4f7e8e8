//! Traversals of one tree with short results, run together or alone, in one statement.

use std::collections::HashMap;

use super::reach::page_above;
use crate::model::error::Result;
use crate::model::id::UserId;
use crate::model::page::Page;
use crate::model::read_budget::ReadBudget;
use crate::model::role::{RoleEnd, UserWithRoles};
use crate::model::rules::MAX_DEPTH;
use crate::model::traversal::page::TraversalPage;
use crate::model::traversal::{Depth, TraversalStep};
use crate::store::{GatheredTraversal, Tx};

/// Runs traversals towards one role, of callers who may see all users, in their order. `None` for those whose result may
/// be long, and for those that an ordinary job must run or refuse: if the user does not exist, or has no relationship.
///
/// # Errors
/// Those of the store.
pub fn traverse_together(tx: &mut Tx<'_>, traversals: &[&GatheredTraversal]) -> Result<Vec<Option<TraversalPage>>> {
    let Some(first) = traversals.first() else { return Ok(Vec::new()) };
    let starts: Vec<_> = traversals.iter().map(|traversal| traversal.user).collect();
    if tx.end_in_tree(&first.role) == Some(RoleEnd::Owner) {
        let below: HashMap<_, _> = tx.counts_below_with_role(&first.role, &starts)?.into_iter().collect();
        return Ok(traversals.iter().map(|traversal| show_count(traversal, &below)).collect());
    }
    let mut budget = ReadBudget::for_answer(first.has_profiles);
    let page = tx.users_with_role_above_all(&first.role, &starts, &mut budget)?;
    if page.is_cut {
        return Ok(Vec::new());
    }
    let via = |row: UserWithRoles| row.step.map(|step| (step.via, row));
    let above: HashMap<_, _> = page.items.into_iter().filter_map(via).collect();
    Ok(traversals.iter().map(|traversal| show_path(traversal, &above)).collect())
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

fn show_count(traversal: &GatheredTraversal, below: &HashMap<UserId, i64>) -> Option<TraversalPage> {
    let is_count = traversal.limit == 0 && traversal.depth == Depth::All;
    let total = *below.get(&traversal.user).filter(|_| is_count)?;
    Some(TraversalPage { page: Page::whole(Vec::new(), total), is_more: false, has_cycle: false, end: None })
}

/// The page of the users above a user. `above` has the next user of each one on the path.
fn show_path(traversal: &GatheredTraversal, above: &HashMap<UserId, UserWithRoles>) -> Option<TraversalPage> {
    let levels = traversal.depth.levels();
    let next = |row: &&UserWithRoles| above.get(&row.user.id);
    // An earlier release may have closed a cycle, which an ordinary job ends.
    let path = std::iter::successors(above.get(&traversal.user), next).take(levels.min(MAX_DEPTH + 1));
    let path: Vec<_> = path.collect();
    if path.is_empty() || path.len() > MAX_DEPTH {
        return None;
    }
    let total = i64::try_from(path.len()).unwrap_or(i64::MAX);
    let shown = (1..).zip(path).take(traversal.limit);
    let at_depth = |(depth, row): (usize, &UserWithRoles)| UserWithRoles {
        step: row.step.map(|step| TraversalStep { depth, ..step }),
        ..row.clone()
    };
    Some(page_above(Page::whole(shown.map(at_depth).collect(), total)))
}

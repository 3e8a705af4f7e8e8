//! The users that relationships led to at a moment, as a whole list in memory.

use std::collections::{HashMap, HashSet};

use super::reach::{Reached, at_level, keep_wanted};
use super::request::{Traversal, check, is_below, too_large};
use crate::domain::as_of::{PastMoment, describe, find_role};
use crate::model::caller::Caller;
use crate::model::error::Result;
use crate::model::id::{RelationshipId, UserId};
use crate::model::page::{Page, PageRequest};
use crate::model::past::PastMember;
use crate::model::read_budget::ReadBudget;
use crate::model::role::{RoleEdge, RoleEnd};
use crate::model::rules::MAX_DEPTH;
use crate::model::time::Timestamp;
use crate::model::traversal::levels::{Continuation, Levels, TraversalBudget, explore};
use crate::model::traversal::page::TraversalPage;
use crate::model::traversal::{Place, ReachedUser, TraversalStep};
use crate::store::{HeldRole, Tx};

/// As [`traverse`](super::traverse), at a moment, for a caller that sees everything, and without how many users are below
/// each one. The types of the roles and their rules are those of now. The job must see one snapshot, and all changes that
/// were committed before it must have numbers.
///
/// # Errors
/// As [`traverse`](super::traverse), and `invalid-parameter` for a moment that is not in the log, or if too much changed
/// since.
pub fn traverse_past(
    tx: &mut Tx<'_>,
    caller: &Caller,
    (traversal, at): (&Traversal, Timestamp),
    mut budget: ReadBudget,
) -> Result<TraversalPage<PastMember>> {
    let role = find_role(tx, caller, &traversal.path)?;
    check(&role, traversal)?;
    let moment = PastMoment::find(tx, at)?;
    let mut explorer = PastExplorer { tx, role: &role, moment, budget: TraversalBudget::default() };
    let (mut reached, has_cycle) = explorer.reach(traversal, traversal.path.user)?;
    keep_wanted(&mut reached, traversal, |other| explorer.reach(traversal, other).map(|(shared, _)| shared))?;
    show(tx, traversal, reached, has_cycle, &mut budget)
}

/// Cuts out the page, and adds what is known of its users.
fn show(
    tx: &mut Tx<'_>,
    traversal: &Traversal,
    reached: Reached,
    has_cycle: bool,
    budget: &mut ReadBudget,
) -> Result<TraversalPage<PastMember>> {
    let total = i64::try_from(reached.len()).unwrap_or(i64::MAX);
    let after = traversal.after.as_ref();
    let mut rest = reached.into_iter().filter(|(place, _)| after.is_none_or(|after| place > after));
    let (places, users): (Vec<_>, Vec<_>) = rest.by_ref().take(traversal.limit).unzip();
    let edge = |user: ReachedUser| (RoleEdge { id: user.step.edge, member: user.member }, Some(user.step));
    let edges = users.into_iter().map(edge).collect();
    let page = describe(tx, &Page::whole(edges, total), &PageRequest::default(), budget)?;
    let is_whole = page.items.len() == places.len();
    let end = page.items.len().checked_sub(1).and_then(|last| places.get(last)).cloned();
    let is_more = end.is_some() && (!is_whole || rest.next().is_some());
    Ok(TraversalPage { page, is_more, has_cycle, end })
}

/// Follows the relationships of a moment.
struct PastExplorer<'a, 'c> {
    tx: &'a mut Tx<'c>,
    role: &'a HeldRole,
    moment: PastMoment,
    budget: TraversalBudget,
}

impl PastExplorer<'_, '_> {
    /// The users with the role towards a user, and whether relationships led back to one of them.
    fn reach(&mut self, traversal: &Traversal, start: UserId) -> Result<(Reached, bool)> {
        let levels = traversal.depth.levels();
        if is_below(self.role) && !traversal.only.is_empty() {
            let mut reached = Vec::new();
            for user in &traversal.only {
                reached.extend(self.climb(*user, start, levels)?);
            }
            reached.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
            return Ok((reached, false));
        }
        let found = self.explore(start, self.role.end, levels)?;
        let has_cycle = found.has_cycle();
        let reached = if is_below(self.role) {
            in_pre_order(start, &found)?
        } else {
            found.users.into_iter().map(at_level).collect()
        };
        Ok((reached, has_cycle))
    }

    /// The place of a user below another one; `None` if it was not below it, or too far.
    fn climb(&mut self, user: UserId, start: UserId, levels: usize) -> Result<Option<(Place, ReachedUser)>> {
        let found = self.explore(user, RoleEnd::Target, levels.min(MAX_DEPTH))?;
        let steps: HashMap<_, _> = found.users.iter().map(|above| (above.member, above.step)).collect();
        let (mut path, mut via, mut above) = (Vec::new(), None, start);
        while let Some(step) = steps.get(&above).filter(|_| above != user) {
            path.push(step.edge.get());
            via = Some((step.edge, above));
            above = step.via;
        }
        let found = via.filter(|_| above == user).map(|(edge, via)| {
            let step = TraversalStep { edge, via, depth: path.len(), below: None };
            (Place::Path(path), ReachedUser { member: user, step })
        });
        Ok(found)
    }

    /// The users that relationships led to, up to a distance.
    fn explore(&mut self, start: UserId, end: RoleEnd, levels: usize) -> Result<Levels> {
        let Self { tx, role, moment, budget } = self;
        let found = explore(start, (levels, true), budget, |users, budget| {
            continuations(tx, (role, end), moment, users, budget.edges().saturating_add(1))
        })?;
        found.ok_or_else(too_large)
    }
}

/// The relationships that continued from some users towards an end; at most `limit` of those that did not change.
fn continuations(
    tx: &mut Tx<'_>,
    (role, end): (&HeldRole, RoleEnd),
    moment: &mut PastMoment,
    users: &[UserId],
    limit: usize,
) -> Result<Vec<Continuation>> {
    let undone = moment.undo(tx, users)?;
    let mut found = tx.continuations(&role.held, end, users, (Some(moment.at()), limit))?;
    found.retain(|step| !undone.has(RelationshipId::new(step.edge)));
    let users: HashSet<_> = users.iter().collect();
    let past = undone.past(moment.at()).filter(|past| past.edge.data.relationship == role.held.name);
    let steps = past.map(|past| {
        let (edge, user, target) = (past.edge.id.get(), past.edge.user, past.edge.target);
        let (from, to) = if end == RoleEnd::Owner { (target, user) } else { (user, target) };
        Continuation { edge, from, to, below: None }
    });
    found.extend(steps.filter(|step| users.contains(&step.from)));
    Ok(found)
}

/// Orders users of a tree: each right after the user above it, siblings in the order of their relationships.
///
/// # Errors
/// `traversal-too-large` if a path is longer than one in a tree can be: the type was no tree at the moment.
fn in_pre_order(start: UserId, found: &Levels) -> Result<Reached> {
    let mut paths: HashMap<UserId, Vec<i64>> = HashMap::from([(start, Vec::new())]);
    let mut reached = Vec::with_capacity(found.users.len());
    for user in &found.users {
        let mut path = paths.get(&user.step.via).cloned().unwrap_or_default();
        path.push(user.step.edge.get());
        if path.len() > MAX_DEPTH {
            return Err(too_large());
        }
        paths.insert(user.member, path.clone());
        reached.push((Place::Path(path), *user));
    }
    reached.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    Ok(reached)
}

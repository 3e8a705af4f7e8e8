//! The users that relationships lead to, as a whole list in memory: above a user, in a type that is no tree, for an
//! external caller, or only some users below another one.

use std::collections::{HashMap, HashSet};

use super::request::{Places, ReachedPage, Traversal, is_below, too_large};
use crate::domain::roles::visible_edges;
use crate::model::caller::Caller;
use crate::model::error::Result;
use crate::model::id::{RelationshipId, UserId};
use crate::model::page::{Page, PageRequest, Sort};
use crate::model::role::{RoleEdge, UserWithRoles};
use crate::model::rules::{MAX_DEPTH, MAX_VISITED};
use crate::model::traversal::levels::{Continuation, TraversalBudget, explore};
use crate::model::traversal::page::TraversalPage;
use crate::model::traversal::{Place, ReachedUser, TraversalStep};
use crate::store::{HeldRole, Tx};

/// Users in their order, each with its place.
pub(super) type Reached = Vec<(Place, ReachedUser)>;
/// Relationships of a tree, by owner.
type StepsUpwards = HashMap<UserId, Continuation>;

/// The page, with the number of all users.
///
/// # Errors
/// `traversal-too-large`.
pub(super) fn page(tx: &mut Tx<'_>, caller: &Caller, role: &HeldRole, traversal: &Traversal) -> Result<ReachedPage> {
    let mut explorer = Explorer::new(tx, caller, role, traversal)?;
    let (mut reached, has_cycle) = explorer.reach(traversal.path.user)?;
    keep_wanted(&mut reached, traversal, |other| explorer.reach(other).map(|(shared, _)| shared))?;
    let total = to_number(reached.len());
    let (places, mut users): (Vec<_>, Vec<_>) = window(reached, traversal.after.as_ref(), traversal.limit).unzip();
    if role.held.rules.is_tree() && caller.sees_only().is_none() {
        count_below(tx, role, users.iter_mut())?;
    }
    Ok(ReachedPage { users, total, has_cycle, places: Places::Listed(places) })
}

/// Keeps the users that a traversal is limited to. `reach` finds those from another user.
///
/// # Errors
/// Those of `reach`.
pub(super) fn keep_wanted(
    reached: &mut Reached,
    traversal: &Traversal,
    mut reach: impl FnMut(UserId) -> Result<Reached>,
) -> Result<()> {
    for other in &traversal.shared_with {
        let shared: HashSet<_> = reach(*other)?.into_iter().map(|(_, user)| user.member).collect();
        reached.retain(|(_, user)| shared.contains(&user.member));
    }
    if !traversal.only.is_empty() {
        reached.retain(|(_, user)| traversal.only.contains(&user.member));
    }
    Ok(())
}

/// The users after a place, and one more than the limit unless that is 0.
fn window(reached: Reached, after: Option<&Place>, limit: usize) -> impl Iterator<Item = (Place, ReachedUser)> {
    let rest = reached.into_iter().filter(move |(place, _)| after.is_none_or(|after| place > after));
    rest.take(if limit == 0 { 0 } else { limit + 1 })
}

/// The relationships of a tree from some users upwards, by owner.
///
/// # Errors
/// Those of the store.
fn steps_upwards(tx: &mut Tx<'_>, role: &HeldRole, users: &[UserId]) -> Result<StepsUpwards> {
    let steps = tx.continuations_upwards(&role.held, users)?;
    Ok(steps.into_iter().map(|step| (step.from, step)).collect())
}

/// A user with its place in the order of distance and id.
pub(super) fn at_level(user: ReachedUser) -> (Place, ReachedUser) {
    (Place::Level(to_number(user.step.depth), user.member.get()), user)
}

/// The page of the users above a user from the first one on.
pub(super) fn page_above(page: Page<UserWithRoles>) -> TraversalPage {
    let last = page.items.last().and_then(|row| Some(ReachedUser { member: row.user.id, step: row.step? }));
    let is_cut = page.is_cut || usize::try_from(page.total).is_ok_and(|total| total > page.items.len());
    let is_more = is_cut && last.is_some();
    TraversalPage { page, is_more, has_cycle: false, end: last.map(|last| at_level(last).0) }
}

/// Adds how many users are below each of some users of a tree, where that was not read yet.
///
/// # Errors
/// Those of the store.
fn count_below<'u>(tx: &mut Tx<'_>, role: &HeldRole, users: impl Iterator<Item = &'u mut ReachedUser>) -> Result<()> {
    let mut unknown: Vec<_> = users.filter(|user| user.step.below.is_none()).collect();
    let below = numbers_below(tx, role, unknown.iter().map(|user| user.member))?;
    for user in &mut unknown {
        user.step.below = below.get(&user.member).copied();
    }
    Ok(())
}

/// How many users are below each of some users of a tree.
///
/// # Errors
/// Those of the store.
fn numbers_below(
    tx: &mut Tx<'_>,
    role: &HeldRole,
    users: impl Iterator<Item = UserId>,
) -> Result<HashMap<UserId, i64>> {
    let mut numbers: HashMap<_, _> = users.map(|user| (user, 0)).collect();
    if numbers.is_empty() {
        return Ok(numbers);
    }
    let users: Vec<_> = numbers.keys().copied().collect();
    numbers.extend(tx.below(&role.held, &users)?.into_iter().map(|(user, below)| (user, below.n)));
    Ok(numbers)
}

/// Finds the users with a role towards several users, of whom a budget limits how many it visits.
struct Explorer<'a, 'c> {
    tx: &'a mut Tx<'c>,
    caller: &'a Caller,
    role: &'a HeldRole,
    traversal: &'a Traversal,
    budget: TraversalBudget,
    /// In a tree, the relationships of all users to start from and of all users above them, by owner.
    above: StepsUpwards,
}

impl<'a, 'c> Explorer<'a, 'c> {
    fn new(tx: &'a mut Tx<'c>, caller: &'a Caller, role: &'a HeldRole, traversal: &'a Traversal) -> Result<Self> {
        let mut above = StepsUpwards::new();
        if role.held.rules.is_tree() && caller.sees_only().is_none() {
            let starts = if is_below(role) {
                traversal.only.clone()
            } else {
                [std::slice::from_ref(&traversal.path.user), &traversal.shared_with].concat()
            };
            above = steps_upwards(tx, role, &starts)?;
        }
        Ok(Self { tx, caller, role, traversal, budget: TraversalBudget::default(), above })
    }

    /// The users with the role towards a user, and whether relationships lead back to one of them.
    fn reach(&mut self, start: UserId) -> Result<(Reached, bool)> {
        if self.caller.sees_only().is_some() {
            return self.reach_visible(start).map(|reached| (reached, false));
        }
        if is_below(self.role) {
            return Ok((self.find_below(start), false));
        }
        let (held, end) = (&self.role.held, self.role.end);
        let (levels, may_have_cycle) = (self.traversal.depth.levels(), !held.rules.is_acyclic);
        let (tx, above) = (&mut *self.tx, &self.above);
        let found = explore(start, (levels, may_have_cycle), &mut self.budget, |users, budget| {
            if held.rules.is_tree() {
                return Ok(users.iter().filter_map(|user| above.get(user).copied()).collect());
            }
            tx.continuations(held, end, users, (None, budget.edges().saturating_add(1)))
        })?;
        let found = found.ok_or_else(too_large)?;
        let has_cycle = found.has_cycle();
        Ok((found.users.into_iter().map(at_level).collect(), has_cycle))
    }

    /// Those that an external caller sees: one relationship away.
    fn reach_visible(&mut self, start: UserId) -> Result<Reached> {
        let all = PageRequest::window(Sort::default(), 0, to_number(MAX_VISITED) + 1);
        let edges = visible_edges(self.tx, self.caller, self.role, start, &all)?.items;
        if edges.len() > MAX_VISITED {
            return Err(too_large());
        }
        let placed = |RoleEdge { id, member }| {
            let place = if is_below(self.role) { Place::Path(vec![id.get()]) } else { Place::Level(1, member.get()) };
            (place, ReachedUser { member, step: TraversalStep { edge: id, via: start, depth: 1, below: None } })
        };
        let mut reached: Reached = edges.into_iter().map(placed).collect();
        reached.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Ok(reached)
    }

    /// Those of the users that the traversal is limited to which are below a user in a tree.
    fn find_below(&self, start: UserId) -> Reached {
        let mut reached: Reached = self.traversal.only.iter().filter_map(|user| self.climb(*user, start)).collect();
        reached.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        reached
    }

    /// The place of a user below another one; `None` if it is not below it, or too far.
    fn climb(&self, user: UserId, start: UserId) -> Option<(Place, ReachedUser)> {
        let first = self.above.get(&user)?;
        let mut path = Vec::new();
        let mut steps = std::iter::successors(Some(first), |step| self.above.get(&step.to));
        // An earlier release may have closed a cycle.
        while let Some(step) = steps.next().filter(|_| path.len() < MAX_DEPTH.min(self.traversal.depth.levels())) {
            path.push(step.edge);
            if step.to == start {
                path.reverse();
                let (edge, depth) = (RelationshipId::new(first.edge), path.len());
                let step = TraversalStep { edge, via: first.to, depth, below: None };
                return Some((Place::Path(path), ReachedUser { member: user, step }));
            }
        }
        None
    }
}

fn to_number(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

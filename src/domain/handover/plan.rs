//! Which relationships a transfer deletes and which it adds.

use super::super::admission::Ends;
use crate::model::handover::LockedEdge;
use crate::model::id::UserId;
use crate::model::rules::Rules;

/// The relationships of one type around the two users of a transfer.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    /// Those that target the predecessor; in a symmetric type all that it has.
    pub incoming: Vec<LockedEdge>,
    /// Those that the predecessor owns. Only read if the successor takes its place.
    pub of_predecessor: Vec<LockedEdge>,
    /// Those that the successor owns. Only read if it takes the place of the predecessor.
    pub of_successor: Vec<LockedEdge>,
}

/// What a transfer changes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct HandoverPlan {
    /// The relationships of the successor that are deleted, but for those to the predecessor.
    pub replaced: Vec<LockedEdge>,
    /// The relationships that target the predecessor, which are deleted.
    pub taken: Vec<LockedEdge>,
    /// The relationships of the predecessor that the successor gets too, those that it has included.
    pub copied: Vec<Ends>,
    /// The deleted relationships with the successor as target, in the order of their ids.
    pub moved: Vec<Ends>,
}

/// Plans a transfer. `take_place`: the successor also gets the relationships that the predecessor owns. With one
/// relationship for each user they replace its own, so that afterwards it is where the predecessor is.
pub(super) fn plan_changes(
    around: Surroundings,
    (from, to): (UserId, UserId),
    rules: Rules,
    take_place: bool,
) -> HandoverPlan {
    let Surroundings { incoming, of_predecessor, of_successor } = around;
    let to_successor = |user: UserId| if user == from { to } else { user };
    let new_ends = |edge: &LockedEdge| (to_successor(edge.ends.0), to_successor(edge.ends.1));
    let moved = incoming.iter().map(new_ends).filter(|(user, target)| user != target).collect();
    let mut plan = HandoverPlan { taken: incoming, moved, ..HandoverPlan::default() };
    if !take_place || rules.is_symmetric {
        return plan;
    }
    let targets: Vec<_> = of_predecessor.iter().map(|edge| edge.ends.1).collect();
    // A successor that is the target of the predecessor is above it already, and stays where it is.
    if rules.max_per_user == Some(1) && !targets.contains(&to) {
        let is_replaced = |edge: &LockedEdge| edge.ends.1 != from && !targets.contains(&edge.ends.1);
        plan.replaced = of_successor.iter().copied().filter(is_replaced).collect();
    }
    plan.copied = targets.into_iter().filter(|target| *target != to).map(|target| (to, target)).collect();
    plan
}

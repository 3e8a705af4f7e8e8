//! Compares the relationships of files with the stored ones.

use std::collections::{BTreeMap, HashMap};

use super::plan::{EdgeStep, NewEdgeOfStep};
use crate::domain::transfer::LinePlace;
use crate::model::edge_graph::StoredEdge;
use crate::model::id::{RelationshipId, UserId};

/// A relationship of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WantedEdge {
    /// The owner.
    pub user: UserId,
    /// The target.
    pub target: UserId,
    /// The line.
    pub place: LinePlace,
}

/// What differs.
#[derive(Debug, Default)]
pub(super) struct Differences {
    /// The changes by owner.
    pub steps: Vec<EdgeStep>,
    /// How many relationships each owner of a step has in the end.
    pub owned: HashMap<UserId, usize>,
    /// The stored relationships that stay.
    pub kept: Vec<StoredEdge>,
    /// Lines with stored relationships, and those that repeat a relationship.
    pub unchanged: u64,
}

/// The ends of a relationship, in one order if both directions are the same.
fn ends_of(user: i64, target: i64, is_symmetric: bool) -> (i64, i64) {
    if is_symmetric { (user.min(target), user.max(target)) } else { (user, target) }
}

/// Finds out which stored relationships go and which new ones come. Only those `is_of_files` go.
pub(super) fn find_differences(
    mut wanted: Vec<WantedEdge>,
    stored: Vec<StoredEdge>,
    is_symmetric: bool,
    is_of_files: impl Fn(&StoredEdge) -> bool,
    people: &HashMap<UserId, LinePlace>,
) -> Differences {
    let ends = |edge: &WantedEdge| ends_of(edge.user.get(), edge.target.get(), is_symmetric);
    wanted.sort_unstable_by_key(|edge| (ends(edge), edge.place));
    let lines = wanted.len();
    wanted.dedup_by_key(|edge| ends(edge));
    let mut found = Differences { unchanged: (lines - wanted.len()) as u64, ..Differences::default() };
    let mut is_stored = vec![false; wanted.len()];
    let mut steps = BTreeMap::new();
    for edge in stored {
        let place = wanted.binary_search_by_key(&ends_of(edge.user, edge.target, is_symmetric), &ends);
        match place.ok().and_then(|place| is_stored.get_mut(place)) {
            Some(is_stored) => {
                *is_stored = true;
                found.unchanged += 1;
                found.kept.push(edge);
            }
            None if is_of_files(&edge) => {
                step_of(&mut steps, UserId::new(edge.user), people).removed.push(edge);
            }
            None => found.kept.push(edge),
        }
    }
    for edge in wanted.iter().zip(is_stored).filter(|(_, is_stored)| !is_stored).map(|(edge, _)| edge) {
        let added = NewEdgeOfStep { target: edge.target, place: edge.place };
        step_of(&mut steps, edge.user, people).added.push(added);
    }
    found.owned = count_owned(&steps, &found.kept);
    found.steps = steps.into_values().collect();
    found
}

fn step_of<'a>(
    steps: &'a mut BTreeMap<UserId, EdgeStep>,
    user: UserId,
    people: &HashMap<UserId, LinePlace>,
) -> &'a mut EdgeStep {
    let place = people.get(&user).copied();
    steps.entry(user).or_insert_with(|| EdgeStep { user, place, removed: Vec::new(), added: Vec::new() })
}

fn count_owned(steps: &BTreeMap<UserId, EdgeStep>, kept: &[StoredEdge]) -> HashMap<UserId, usize> {
    let mut owned: HashMap<_, _> = steps.iter().map(|(user, step)| (*user, step.added.len())).collect();
    for edge in kept {
        if let Some(owned) = owned.get_mut(&UserId::new(edge.user)) {
            *owned += 1;
        }
    }
    owned
}

impl Differences {
    /// All relationships in the end.
    pub fn final_edges(&self) -> Vec<StoredEdge> {
        let added = self.steps.iter().flat_map(|step| step.added.iter().map(|edge| (step.user, edge.target)));
        let new = RelationshipId::new(0).get();
        let added = added.map(|(user, target)| StoredEdge { id: new, user: user.get(), target: target.get() });
        self.kept.iter().copied().chain(added).collect()
    }
}

//! Replaces relationships of users.

use std::collections::{HashMap, HashSet};

use super::plan::EdgeStep;
use crate::domain::admission::{self, Ends, Verdict};
use crate::domain::transfer::PendingRecords;
use crate::domain::trees;
use crate::model::change::ChangeReason;
use crate::model::code::Code;
use crate::model::edge_graph::StoredEdge;
use crate::model::error::{Error, Problem, Result};
use crate::model::handover::LockedEdge;
use crate::model::id::{RelationshipId, UserId};
use crate::model::relationship_type::TypeName;
use crate::model::rules::Refusal;
use crate::store::{HeldType, Tx};

/// The ids of the new users of a plan, by placeholder, once they are stored.
///
/// # Errors
/// Those of the store.
pub fn resolve_new_users(tx: &mut Tx<'_>, pending: &PendingRecords) -> Result<HashMap<UserId, UserId>> {
    let placeholders: HashMap<_, _> = pending.new_users().map(|(id, key)| (key, id)).collect();
    let keys: Vec<_> = placeholders.keys().cloned().collect();
    let mut ids = HashMap::with_capacity(keys.len());
    for some in keys.chunks(MAX_KEYS) {
        for (key, id) in tx.many_ids_of_emails(some)? {
            ids.extend(placeholders.get(&key).map(|placeholder| (*placeholder, id)));
        }
    }
    Ok(ids)
}

/// How many addresses one query looks up.
const MAX_KEYS: usize = 1_000;

/// Replaces the relationships of some users, each completely. Writes nothing if one of the steps is refused.
///
/// # Errors
/// One problem for each refused step, whose operation is the index of the step, and those of the store.
pub fn apply_steps(tx: &mut Tx<'_>, name: &TypeName, steps: &[EdgeStep], author: Option<UserId>) -> Result<()> {
    let held = tx.hold_types(std::slice::from_ref(name))?;
    let [held] = &*held else { return Err(Error::Internal("a held type was not returned".to_owned())) };
    tx.lock_writers(std::slice::from_ref(held))?;
    require_users(tx, steps)?;
    tx.because(ChangeReason::Import, |tx| {
        remove(tx, held, steps)?;
        add(tx, held, steps, author)
    })?;
    tx.write_edge_counts()
}

fn require_users(tx: &mut Tx<'_>, steps: &[EdgeStep]) -> Result<()> {
    let added = steps.iter().filter(|step| !step.added.is_empty());
    let users: HashSet<_> =
        added.flat_map(|step| step.added.iter().map(|edge| edge.target).chain([step.user])).collect();
    let ids: Vec<_> = users.into_iter().filter(|id| id.get() > 0).collect();
    let existing: HashSet<_> = tx.many_existing_users(&ids)?.into_iter().collect();
    let is_gone = |step: &EdgeStep| {
        let mut users = step.added.iter().map(|edge| edge.target).chain([step.user]);
        !step.added.is_empty() && users.any(|user| !existing.contains(&user))
    };
    let gone = steps.iter().enumerate().filter(|(_, step)| is_gone(step));
    Error::unless_empty(gone.map(|(index, _)| problem(index, "one of its users was deleted or not created")).collect())
}

/// Deletes the relationships that are still stored.
fn remove(tx: &mut Tx<'_>, held: &HeldType, steps: &[EdgeStep]) -> Result<()> {
    let removed: Vec<_> = steps.iter().flat_map(|step| &step.removed).map(locked).collect();
    let ids: Vec<_> = removed.iter().map(|edge| edge.id).collect();
    let stored = if ids.is_empty() { Vec::new() } else { tx.many_relationships(&ids)? };
    let stored = stored.into_iter().filter(|one| one.data.relationship == held.name);
    let stored: HashSet<_> = stored.map(|one| (one.id, (one.user, one.target))).collect();
    let removed: Vec<_> = removed.into_iter().filter(|edge| stored.contains(&(edge.id, edge.ends))).collect();
    if held.rules.is_tree() {
        // The counts below need the tree as it is before the next one is removed.
        for edge in removed {
            tx.delete_edges(held, &[edge])?;
            trees::detach(tx, held, edge.ends.0, edge.ends.1)?;
        }
        return Ok(());
    }
    tx.delete_edges(held, &removed)?;
    if held.rules.max_per_user.is_some() { tx.write_owner_counts() } else { Ok(()) }
}

fn locked(edge: &StoredEdge) -> LockedEdge {
    LockedEdge { id: RelationshipId::new(edge.id), ends: (UserId::new(edge.user), UserId::new(edge.target)) }
}

/// Stores the relationships that the rules admit.
fn add(tx: &mut Tx<'_>, held: &HeldType, steps: &[EdgeStep], author: Option<UserId>) -> Result<()> {
    let wanted = steps
        .iter()
        .enumerate()
        .flat_map(|(index, step)| step.added.iter().map(move |edge| (index, (step.user, edge.target))));
    let (indexes, ends): (Vec<_>, Vec<Ends>) = wanted.unzip();
    let admission = admission::admit_moves(tx, held, &ends)?;
    let refused = indexes.iter().zip(&admission.verdicts).filter_map(|(index, verdict)| match verdict {
        Verdict::Refused(refusal) => Some(problem(*index, describe(refusal))),
        Verdict::Admitted | Verdict::Exists(_) => None,
    });
    Error::unless_empty(refused.collect())?;
    let admitted = ends.iter().zip(&admission.verdicts).filter(|(_, verdict)| **verdict == Verdict::Admitted);
    let admitted: Vec<_> = admitted.map(|(ends, _)| *ends).collect();
    tx.insert_edges(held, &admitted, author)?;
    admission.record(tx, held)
}

const fn describe(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Cycle(_) => "it would close a cycle, because others changed relationships meanwhile",
        Refusal::TooMany => "its user got other relationships meanwhile",
        Refusal::TooDeep => "the path through it cannot be checked",
    }
}

fn problem(index: usize, reason: &str) -> Problem {
    let problem = Problem::new(Code::InvalidAttribute, format!("{reason}; run the import again"));
    Problem { operation: Some(index), ..problem }
}

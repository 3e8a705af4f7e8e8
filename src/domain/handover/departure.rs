//! Deletes a user after its relationships were handed over.

use super::checks::{require_movable, same_user};
use super::edges::Handover;
use crate::domain::{policy, relationships, users};
use crate::model::caller::Caller;
use crate::model::change::ChangeReason;
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Result};
use crate::model::handover::{Moves, TransferData};
use crate::model::id::UserId;
use crate::model::precondition::Precondition;
use crate::model::reach::{Reach, explore};
use crate::model::relationship_type::TypeName;
use crate::store::{HeldType, Tx};

/// Who takes over the relationships of a deleted user. The sources are those of the successor and of the types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Succession {
    /// The successor.
    pub to: UserId,
    /// The names of the types of the relationships, which may be unknown; `None` for all types of which a user owns at
    /// most one relationship.
    pub types: Option<Vec<TypeName>>,
    /// The sources of problems: the part of the request with the successor, and that with the types.
    pub sources: (ErrorSource, ErrorSource),
}

/// Hands over the relationships that target a user, then [deletes](users::delete) the user, in one transaction.
///
/// # Errors
/// Those of [`users::delete`], `self-relationship`, `related-resource-not-found` and `unknown-relationship-type`,
/// `transfer-too-large`, and those of the rules of the types.
pub fn delete_user(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: UserId,
    precondition: &Precondition,
    succession: &Succession,
) -> Result<()> {
    users::require_deletable(tx, caller, id, precondition)?;
    let (of_successor, _) = &succession.sources;
    if succession.to == id {
        return Err(same_user().at(of_successor.clone()).into());
    }
    require_known_types(tx, succession)?;
    tx.defer_type_counts();
    let held = tx.hold_types_of_user(id)?;
    let chosen: Vec<_> = held.iter().filter(|held| is_chosen(held, succession)).cloned().collect();
    let to_lock: Vec<_> = held.iter().filter(|held| held.rules.is_tree()).chain(&chosen).cloned().collect();
    tx.lock_writers(&to_lock)?;
    match tx.lock_user_for_edges(&chosen, id, succession.to)? {
        (false, _) => return Err(Error::not_found("user")),
        (_, false) => return Err(policy::refusal(Code::RelatedResourceNotFound).at(of_successor.clone()).into()),
        (true, true) => {}
    }
    tx.lock_user_with_edges(id)?;
    hand_over_all(tx, caller, id, succession, &chosen)?;
    users::delete_held(tx, id, &held)?;
    tx.write_type_counts()
}

fn hand_over_all(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: UserId,
    succession: &Succession,
    types: &[HeldType],
) -> Result<()> {
    let (source, _) = &succession.sources;
    let mut all = Vec::with_capacity(types.len());
    let mut count = 0;
    for held in types {
        let take_place = is_below(tx, held, succession.to, id)?;
        let handover = Handover { caller, held, from: id, to: succession.to, take_place, source: source.clone() };
        count += handover.count(tx)?;
        all.push(handover);
    }
    require_movable(count, source)?;
    for handover in all {
        let moves = tx.because(ChangeReason::Transfer, |tx| handover.run(tx))?;
        if moves != Moves::default() {
            let data = TransferData::new(handover.held.name.clone(), handover.take_place);
            tx.insert_transfer(&data, (id, succession.to), caller.id, moves)?;
        }
    }
    tx.write_edge_counts()
}

/// Whether a type's relationships are handed over.
fn is_chosen(held: &HeldType, succession: &Succession) -> bool {
    match &succession.types {
        Some(names) => names.contains(&held.name),
        None => held.rules.max_per_user == Some(1),
    }
}

/// Whether a path of relationships leads from a user to another one. A path that a traversal within its bounds does not
/// find does not count.
fn is_below(tx: &mut Tx<'_>, held: &HeldType, user: UserId, above: UserId) -> Result<bool> {
    if held.rules.is_symmetric {
        return Ok(false);
    }
    let reach = explore(user, Some(above), |level| tx.targets_of(held, level))?;
    Ok(matches!(reach, Reach::Path(_)))
}

fn require_known_types(tx: &mut Tx<'_>, succession: &Succession) -> Result<()> {
    let (_, source) = &succession.sources;
    let mut problems = Vec::new();
    for name in succession.types.iter().flatten() {
        problems
            .extend(relationships::registered_type(tx, name.as_str())?.err().map(|problem| problem.at(source.clone())));
    }
    Error::unless_empty(problems)
}

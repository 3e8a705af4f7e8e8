//! Hands relationships over: those of one type that target a user, the predecessor, get another target, the successor.
//!
//! # Design
//! The relationships of the predecessor are deleted, then the new ones are judged by the rules of the type as all new
//! relationships are, then stored: the judge reads the graph without the deleted ones. All of it is one transaction, under
//! the lock of the type and a lock of the predecessor. Others that add a relationship with the predecessor end before
//! the lock, so the relationship is handed over, or begin after the commit.

mod checks;
mod departure;
mod edges;
mod plan;

pub use departure::{Succession, delete_user};

use super::policy::{self, Action};
use super::{relationships, validation};
use crate::model::attributes::Attribute;
use crate::model::caller::Caller;
use crate::model::change::ChangeReason;
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Problem, Result};
use crate::model::field::Value;
use crate::model::handover::{Transfer, TransferAttribute, TransferData};
use crate::model::id::{TransferId, UserId};
use crate::model::page::{Page, PageRequest};
use crate::model::relationship_type::TypeName;
use crate::store::Tx;
use checks::{require_movable, same_user};
use edges::Handover;

/// A transfer to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTransfer {
    /// The predecessor.
    pub from: UserId,
    /// The successor.
    pub to: UserId,
    /// The attributes, as sent.
    pub changes: Vec<(TransferAttribute, Value)>,
}

/// Hands over all relationships of a type that target a user.
///
/// # Errors
/// `not-admin`, `invalid-attribute`, `unknown-relationship-type`, `self-relationship`, `related-resource-not-found`,
/// `transfer-too-large`, and those of the rules of the type, with the successor as their source.
pub fn create(tx: &mut Tx<'_>, caller: &Caller, new: &NewTransfer) -> Result<Transfer> {
    policy::require(caller, Action::Transfer)?;
    let data = check_new(tx, new)?;
    let held = tx.hold_types(std::slice::from_ref(&data.relationship))?;
    let [held] = &*held else { return Err(Error::Internal("a held type was not returned".to_owned())) };
    tx.lock_writers(std::slice::from_ref(held))?;
    let (from, to) = tx.lock_user_for_edges(std::slice::from_ref(held), new.from, new.to)?;
    Error::unless_empty(
        [(from, ErrorSource::Predecessor), (to, ErrorSource::Successor)]
            .into_iter()
            .filter(|(exists, _)| !exists)
            .map(|(_, source)| policy::refusal(Code::RelatedResourceNotFound).at(source))
            .collect(),
    )?;
    let source = ErrorSource::Successor;
    let handover = Handover { caller, held, from: new.from, to: new.to, take_place: data.take_place, source };
    require_movable(handover.count(tx)?, &ErrorSource::Predecessor)?;
    let moves = tx.because(ChangeReason::Transfer, |tx| handover.run(tx))?;
    tx.write_edge_counts()?;
    tx.insert_transfer(&data, (new.from, new.to), caller.id, moves)
}

/// Checks all of a new transfer that does not depend on its users.
fn check_new(tx: &mut Tx<'_>, new: &NewTransfer) -> Result<TransferData> {
    let mut problems = validation::problems_of(&new.changes);
    let sent = new.changes.iter().find_map(|change| match change {
        (TransferAttribute::Relationship, Value::Text(name)) => Some(name.as_str()),
        _ => None,
    });
    let mut name = None;
    match sent.map(|sent| relationships::registered_type(tx, sent)).transpose()? {
        Some(Ok(registered)) => name = Some(registered),
        Some(Err(problem)) => problems.push(problem),
        None if problems.is_empty() => problems.push(missing_type()),
        None => {}
    }
    if new.from == new.to {
        problems.push(same_user().at(ErrorSource::Successor));
    }
    Error::unless_empty(problems)?;
    let name: TypeName = name.ok_or_else(|| Error::from(missing_type()))?;
    let mut data = TransferData::new(name, false);
    validation::apply(&mut data, &new.changes).map(|()| data)
}

fn missing_type() -> Problem {
    let member = TransferAttribute::Relationship.member();
    Problem::new(Code::MissingAttribute, format!("`{member}` is missing")).at(ErrorSource::Missing(member))
}

/// Returns a transfer.
///
/// # Errors
/// `not-admin`, `not-found`.
pub fn get(tx: &mut Tx<'_>, caller: &Caller, id: TransferId) -> Result<Transfer> {
    policy::require(caller, Action::Transfer)?;
    tx.transfer(id)?.ok_or_else(|| Error::not_found("transfer"))
}

/// Lists transfers.
///
/// # Errors
/// `not-admin`.
pub fn list(tx: &mut Tx<'_>, caller: &Caller, slice: &PageRequest) -> Result<Page<Transfer>> {
    policy::require(caller, Action::Transfer)?;
    tx.transfers(slice)
}

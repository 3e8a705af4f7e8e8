//! Changes and deletes relationships.

use super::super::policy::{self, Action};
use super::super::{admission, trees, validation};
use super::creation::{name_of_type, registered_type};
use super::refusals::{self, not_found, require_visible};
use crate::model::caller::Caller;
use crate::model::change::ChangeOrigin;
use crate::model::error::Result;
use crate::model::field::Value;
use crate::model::id::RelationshipId;
use crate::model::precondition::Precondition;
use crate::model::relationship::{Edge, EdgeAttribute, EdgeData, Relationship};
use crate::model::relationship_type::TypeName;
use crate::model::rules::Rules;
use crate::store::{FoundRelationship, GatheredChange, GatheredDelete, GatheredWriter, HeldType, Tx};

/// Changes attributes of a relationship.
///
/// # Errors
/// `not-found`, `not-owner`, `not-admin`, `precondition-failed`, `invalid-attribute`, `unknown-relationship-type`,
/// `already-exists`, and those of the rules of the new type.
pub fn change(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: RelationshipId,
    precondition: &Precondition,
    changes: &[(EdgeAttribute, Value)],
) -> Result<Relationship> {
    let (found, held) = hold_own(tx, caller, id, precondition)?;
    let data = changed_data(tx, &found, changes)?;
    if data == found.data {
        return Ok(found);
    }
    let new = hold_new_type(tx, caller, &found, &held, &data)?;
    let to_lock: Vec<_> = std::iter::once(&held).filter(|held| held.rules.is_tree()).chain(&new).cloned().collect();
    tx.lock_writers(&to_lock)?;
    let (old, held) = lock_own(tx, (found, held), precondition)?;
    policy::require(caller, Action::WriteRelationship { owner: old.user, managed_by: held.rules.managed_by })?;
    // Another transaction may have stored the same relationship before the lock was acquired.
    let data = changed_data(tx, &old, changes)?;
    match &new {
        _ if data == old.data => Ok(old),
        Some(new) => move_to_type(tx, caller, (&old, &held), (data, new)),
        None if data.relationship == held.name => tx.update_relationship(&old, data, caller.author()),
        None => Err(tx.run_again()),
    }
}

/// The change of a relationship that its caller may change, if it can be gathered with others: it must be valid, its type
/// has no rules, and it must be allowed if the new type has none. All others need [`change`].
#[must_use]
pub fn as_gathered_change(
    caller: &Caller,
    (old, rules): (&Relationship, Rules),
    changes: &[(EdgeAttribute, Value)],
    origin: ChangeOrigin,
) -> Option<GatheredChange> {
    if !rules.allow_all() {
        return None;
    }
    let relationship = TypeName::parse(name_of_type(changes)?).filter(|name| *name != old.data.relationship)?;
    validation::apply(&mut EdgeData::new(relationship.clone()), changes).ok()?;
    let writer = gathered_writer(caller, origin)?;
    Some(GatheredChange { id: old.id, version: old.version, relationship, writer })
}

/// The delete of a relationship, if it can be gathered with others. All others need [`delete`].
#[must_use]
pub fn as_gathered_delete(
    caller: &Caller,
    id: RelationshipId,
    precondition: &Precondition,
    origin: ChangeOrigin,
) -> Option<GatheredDelete> {
    let writer = gathered_writer(caller, origin).filter(|_| *precondition == Precondition::None)?;
    Some(GatheredDelete { id, writer })
}

fn gathered_writer(caller: &Caller, origin: ChangeOrigin) -> Option<GatheredWriter> {
    let owner = policy::writable_owner(caller).ok()?;
    Some(GatheredWriter { owner, origin })
}

/// Holds the type that a relationship gets; `None` if it keeps its type. A change that ends in an edge that exists is
/// refused here, before anything is locked, and again under the locks.
fn hold_new_type(
    tx: &mut Tx<'_>,
    caller: &Caller,
    found: &Relationship,
    held: &HeldType,
    data: &EdgeData,
) -> Result<Option<HeldType>> {
    if data.relationship == held.name {
        return Ok(None);
    }
    let new = tx.hold_types(std::slice::from_ref(&data.relationship))?.pop();
    let managed_by = new.as_ref().map(|new| new.rules.managed_by).unwrap_or_default();
    policy::require(caller, Action::WriteRelationship { owner: found.user, managed_by })?;
    require_free_edge(tx, found, data).map(|()| new)
}

/// Changes the type of a relationship. Other writers of the types have been locked out as far as the rules need it.
fn move_to_type(
    tx: &mut Tx<'_>,
    caller: &Caller,
    (old, old_type): (&Relationship, &HeldType),
    (data, new_type): (EdgeData, &HeldType),
) -> Result<Relationship> {
    require_free_edge(tx, old, &data)?;
    let ends = (old.user, old.target);
    let admission = admission::admit(tx, new_type, &[ends])?;
    if let Some(refusal) = refusals::of_verdict(tx, caller, new_type, ends, admission.verdicts.first())? {
        return Err(refusal);
    }
    let stored = tx.update_relationship(old, data, caller.author())?;
    if old_type.rules.is_tree() {
        trees::detach(tx, old_type, old.user, old.target)?;
    }
    admission.record(tx, new_type).map(|()| stored)
}

/// The data of `old` after changes.
///
/// # Errors
/// `invalid-attribute`, `unknown-relationship-type`.
fn changed_data(tx: &mut Tx<'_>, old: &Relationship, changes: &[(EdgeAttribute, Value)]) -> Result<EdgeData> {
    let mut data = old.data.clone();
    if let Some(name) = name_of_type(changes).filter(|name| *name != data.relationship.as_str()) {
        data.relationship = registered_type(tx, name)??;
    }
    validation::apply(&mut data, changes)?;
    Ok(data)
}

/// Deletes a relationship.
///
/// # Errors
/// `not-found`, also for a deleted relationship, `not-owner`, `not-admin`, `precondition-failed`.
pub fn delete(tx: &mut Tx<'_>, caller: &Caller, id: RelationshipId, precondition: &Precondition) -> Result<()> {
    let (found, held) = hold_visible(tx, caller, id)?;
    let (owner, target) = (found.user, found.target);
    policy::require(caller, Action::DeleteRelationship { owner, target, rules: held.rules })?;
    policy::require_state(precondition, &found)?;
    if held.rules.is_tree() {
        tx.lock_writers(std::slice::from_ref(&held))?;
    }
    let (_, held) = lock_own(tx, (found, held), precondition)?;
    policy::require(caller, Action::DeleteRelationship { owner, target, rules: held.rules })?;
    if !tx.delete_relationship(id)? {
        return Err(not_found());
    }
    if held.rules.is_tree() { trees::detach(tx, &held, owner, target) } else { Ok(()) }
}

/// Returns a relationship that the caller may change, in an expected state, and the rules of its type. The owner is that
/// of the stored row.
///
/// # Errors
/// `not-found`, `not-owner`, `not-admin`, `precondition-failed`.
pub fn get_own(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: RelationshipId,
    precondition: &Precondition,
) -> Result<(Relationship, Rules)> {
    hold_own(tx, caller, id, precondition).map(|(found, held)| (found, held.rules))
}

/// As [`get_own`], a relationship that the store has found.
///
/// # Errors
/// As [`get_own`].
pub fn own(caller: &Caller, found: FoundRelationship, precondition: &Precondition) -> Result<(Relationship, Rules)> {
    let FoundRelationship { relationship, rules, .. } = found;
    require_visible(caller, &relationship)?;
    require_own(caller, &relationship, rules, precondition)?;
    Ok((relationship, rules))
}

/// As [`get_own`], and holds its type.
fn hold_own(
    tx: &mut Tx<'_>,
    caller: &Caller,
    id: RelationshipId,
    precondition: &Precondition,
) -> Result<(Relationship, HeldType)> {
    let (found, held) = hold_visible(tx, caller, id)?;
    require_own(caller, &found, held.rules, precondition)?;
    Ok((found, held))
}

fn require_own(caller: &Caller, found: &Relationship, rules: Rules, precondition: &Precondition) -> Result<()> {
    policy::require(caller, Action::WriteRelationship { owner: found.user, managed_by: rules.managed_by })?;
    policy::require_state(precondition, found)
}

/// Returns a relationship that the caller may see, and holds its type.
fn hold_visible(tx: &mut Tx<'_>, caller: &Caller, id: RelationshipId) -> Result<(Relationship, HeldType)> {
    let (found, held) = tx.hold_relationship(id)?.ok_or_else(not_found)?;
    require_visible(caller, &found).map(|()| (found, held))
}

/// Locks a relationship until the end of the transaction and reads it again, because it may have changed; also holds the
/// type that it has now. The lock is a write, so it comes after all checks that can refuse the request.
///
/// # Errors
/// `not-found`, `precondition-failed`. The job runs again if the type has become a tree, whose writers are locked out
/// before any relationship is locked.
fn lock_own(
    tx: &mut Tx<'_>,
    (found, held): (Relationship, HeldType),
    precondition: &Precondition,
) -> Result<(Relationship, HeldType)> {
    let locked = tx.lock_relationship(found)?.ok_or_else(not_found)?;
    policy::require_state(precondition, &locked)?;
    if locked.data.relationship == held.name {
        return Ok((locked, held));
    }
    match tx.hold_types(std::slice::from_ref(&locked.data.relationship))?.pop() {
        Some(held) if !held.rules.is_tree() => Ok((locked, held)),
        _ => Err(tx.run_again()),
    }
}

/// Refuses a change of a relationship to data whose edge exists under another id.
///
/// # Errors
/// `already-exists`.
fn require_free_edge(tx: &mut Tx<'_>, old: &Relationship, data: &EdgeData) -> Result<()> {
    let edge = Edge { relationship: data.relationship.clone(), ..old.key() };
    match tx.find_edge(&edge)? {
        Some(other) if other != old.id => Err(refusals::existing(tx, &edge)?),
        _ => Ok(()),
    }
}

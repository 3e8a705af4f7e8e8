//! Lists, registers, describes and deletes relationship types.

use super::policy::{self, Action};
use super::stored_rules;
use super::type_data::change_data;
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{Error, Problem, Result};
use crate::model::field::Value;
use crate::model::page::Page;
use crate::model::precondition::Precondition;
use crate::model::relationship_type::{MAX_TYPES, RelationshipType, TypeAttribute, TypeName, TypeRegistration};
use crate::store::Tx;

/// Lists the types, by name.
///
/// # Errors
/// Those of the store.
pub fn list(tx: &mut Tx<'_>, caller: &Caller, offset: i64, limit: i64) -> Result<Page<RelationshipType>> {
    policy::require(caller, Action::SeeTypes)?;
    tx.types(offset, limit)
}

/// Returns a type. `None` is an invalid name.
///
/// # Errors
/// `not-found`.
pub fn get(tx: &mut Tx<'_>, caller: &Caller, name: Option<&TypeName>) -> Result<RelationshipType> {
    policy::require(caller, Action::SeeTypes)?;
    let found = name.map(|name| tx.relationship_type(name)).transpose()?.flatten();
    found.ok_or_else(|| Error::not_found("relationship type"))
}

/// Registers a type.
///
/// # Errors
/// `not-admin`, `invalid-attribute`, `already-exists`, `role-taken`, `too-many-types`.
pub fn create(
    tx: &mut Tx<'_>,
    caller: &Caller,
    name: &TypeName,
    changes: &[(TypeAttribute, Value)],
) -> Result<RelationshipType> {
    policy::require(caller, Action::WriteTypes)?;
    change_data(tx, name, None, changes)?;
    // A name that is taken does not take the lock.
    if tx.relationship_type(name)?.is_some() {
        return Err(name_taken());
    }
    tx.lock_types()?;
    let data = change_data(tx, name, None, changes)?;
    match tx.insert_type(name, &data)? {
        TypeRegistration::Registered(stored) => Ok(stored),
        TypeRegistration::NameTaken => Err(name_taken()),
        TypeRegistration::Exhausted => Err(too_many_types()),
    }
}

fn name_taken() -> Error {
    Problem::new(Code::AlreadyExists, "a type with this name exists").into()
}

/// The error when no number is left for a new type.
pub(super) fn too_many_types() -> Error {
    let detail = format!(
        "at most {MAX_TYPES} types can be registered; delete a type without relationships and try again ten minutes later"
    );
    Problem::new(Code::TooManyTypes, detail).into()
}

/// Changes attributes of a type. Rules that become stricter are checked over at most `most` stored relationships.
///
/// # Errors
/// `not-admin`, `not-found`, `precondition-failed`, `invalid-attribute`, `role-taken`, `rules-violated`.
pub fn change(
    tx: &mut Tx<'_>,
    caller: &Caller,
    name: Option<&TypeName>,
    precondition: &Precondition,
    changes: &[(TypeAttribute, Value)],
    most: Option<u64>,
) -> Result<RelationshipType> {
    policy::require(caller, Action::WriteTypes)?;
    let found = get_expected(tx, caller, name, precondition)?;
    if change_data(tx, &found.name, Some(&found.data), changes)? == found.data {
        return Ok(found);
    }
    let old = if changes.iter().any(|(attribute, _)| stored_rules::is_rule(*attribute)) {
        lock_rules(tx, &found, precondition)?
    } else {
        lock_expected(tx, found, precondition)?
    };
    let data = change_data(tx, &old.name, Some(&old.data), changes)?;
    stored_rules::change(tx, &old, data.rules(), most)?;
    tx.update_type(&old, &data)?.ok_or_else(|| Error::not_found("relationship type"))
}

/// Deletes a type without relationships.
///
/// # Errors
/// `not-admin`, `not-found`, `precondition-failed`, `type-in-use`.
pub fn delete(tx: &mut Tx<'_>, caller: &Caller, name: Option<&TypeName>, precondition: &Precondition) -> Result<()> {
    policy::require(caller, Action::WriteTypes)?;
    let found = get_expected(tx, caller, name, precondition)?;
    let name = &lock_expected(tx, found, precondition)?.name;
    match tx.type_use(name)? {
        None => Err(Error::not_found("relationship type")),
        Some(0) => tx.delete_type(name),
        Some(used) => {
            let detail = match used {
                1 => "1 relationship has this type; delete or change it first".to_owned(),
                many => format!("{many} relationships have this type; delete or change them first"),
            };
            Err(Problem::new(Code::TypeInUse, detail).into())
        }
    }
}

fn get_expected(
    tx: &mut Tx<'_>,
    caller: &Caller,
    name: Option<&TypeName>,
    precondition: &Precondition,
) -> Result<RelationshipType> {
    let found = get(tx, caller, name)?;
    policy::require_state(precondition, &found).map(|()| found)
}

/// Locks a type until the end of the transaction and reads it again, because it may have changed.
///
/// # Errors
/// `not-found`, `precondition-failed`.
fn lock_expected(tx: &mut Tx<'_>, found: RelationshipType, precondition: &Precondition) -> Result<RelationshipType> {
    let locked = tx.lock_type(found)?.ok_or_else(|| Error::not_found("relationship type"))?;
    policy::require_state(precondition, &locked).map(|()| locked)
}

/// Locks the rules of a type, and its writers, until the end of the transaction, and reads it again.
///
/// # Errors
/// `not-found`, `precondition-failed`.
fn lock_rules(tx: &mut Tx<'_>, found: &RelationshipType, precondition: &Precondition) -> Result<RelationshipType> {
    let locked = tx.lock_rules(&found.name)?.ok_or_else(|| Error::not_found("relationship type"))?;
    policy::require_state(precondition, &locked).map(|()| locked)
}

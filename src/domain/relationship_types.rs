//! Lists, registers, describes and deletes relationship types.

use super::policy::{self, Action};
use super::validation;
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Problem, Result};
use crate::model::page::Page;
use crate::model::precondition::Precondition;
use crate::model::relationship_type::{MAX_TYPES, RelationshipType, TypeName, TypeRegistration};
use crate::store::Tx;

/// The most characters of a description.
pub const MAX_DESCRIPTION_CHARS: usize = 1_000;

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
/// `not-admin`, `invalid-attribute`, `already-exists`, `too-many-types`.
pub fn create(
    tx: &mut Tx<'_>,
    caller: &Caller,
    name: &TypeName,
    description: Option<&str>,
) -> Result<RelationshipType> {
    policy::require(caller, Action::WriteTypes)?;
    check_description(description)?;
    match tx.insert_type(name, description)? {
        TypeRegistration::Registered(stored) => Ok(stored),
        TypeRegistration::NameTaken => Err(Problem::new(Code::AlreadyExists, "a type with this name exists").into()),
        TypeRegistration::Exhausted => Err(too_many_types()),
    }
}

/// The error when no number is left for a new type.
pub(super) fn too_many_types() -> Error {
    let detail = format!(
        "at most {MAX_TYPES} types can be registered; delete a type without relationships and try again ten minutes later"
    );
    Problem::new(Code::TooManyTypes, detail).into()
}

/// Changes the description of a type; the outer `None` changes nothing.
///
/// # Errors
/// `not-admin`, `not-found`, `precondition-failed`, `invalid-attribute`.
pub fn change(
    tx: &mut Tx<'_>,
    caller: &Caller,
    name: Option<&TypeName>,
    precondition: &Precondition,
    description: Option<Option<&str>>,
) -> Result<RelationshipType> {
    policy::require(caller, Action::WriteTypes)?;
    let found = get_expected(tx, caller, name, precondition)?;
    let Some(description) = description.filter(|new| *new != found.description.as_deref()) else { return Ok(found) };
    check_description(description)?;
    let old = lock_expected(tx, found, precondition)?;
    tx.describe_type(&old.name, description)?.ok_or_else(|| Error::not_found("relationship type"))
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
            let detail = format!("{used} relationships have this type; delete or change them first");
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

fn check_description(description: Option<&str>) -> Result<()> {
    match description.and_then(|text| validation::complaint_about_text(text, MAX_DESCRIPTION_CHARS)) {
        None => Ok(()),
        Some(complaint) => Err(Problem::new(Code::InvalidAttribute, complaint).at(ErrorSource::Description).into()),
    }
}

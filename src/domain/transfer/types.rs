//! The relationship types of imported lines: unknown ones are registered, or their lines are rejected.

use std::collections::{HashMap, HashSet};

use super::super::relationship_types;
use super::super::type_data::change_data;
use super::lines::RelationshipLine;
use super::memory::PendingRecords;
use super::outcome::{ImportOptions, ImportOutcome};
use crate::model::error::{Error, Result};
use crate::model::relationship_type::{TypeData, TypeName, TypeRegistration};
use crate::store::Tx;

/// The types that lines cannot have, with the reasons.
pub(super) type RefusedTypes = HashMap<TypeName, String>;

/// Registers the unknown types of lines, if the options say so.
pub(super) fn register(
    tx: &mut Tx<'_>,
    lines: &[(u64, &RelationshipLine)],
    options: ImportOptions,
    outcome: &mut ImportOutcome,
) -> Result<RefusedTypes> {
    let unknown = unknown_types(tx, lines, &PendingRecords::default())?;
    if !options.creates_types || unknown.is_empty() {
        return Ok(refuse(unknown));
    }
    tx.lock_types()?;
    let (accepted, refused) = validate(tx, unknown)?;
    for (name, data) in &accepted {
        match tx.insert_type(name, data)? {
            TypeRegistration::Registered(_) => outcome.types_added += 1,
            TypeRegistration::NameTaken => {}
            TypeRegistration::Exhausted => return Err(relationship_types::too_many_types()),
        }
    }
    Ok(refused)
}

/// What [`register`] would do.
pub(super) fn dry_run(
    tx: &mut Tx<'_>,
    lines: &[(u64, &RelationshipLine)],
    options: ImportOptions,
    pending: &mut PendingRecords,
    outcome: &mut ImportOutcome,
) -> Result<RefusedTypes> {
    let unknown = unknown_types(tx, lines, pending)?;
    if !options.creates_types {
        return Ok(refuse(unknown));
    }
    let (accepted, refused) = validate(tx, unknown)?;
    outcome.types_added += accepted.len() as u64;
    pending.types.extend(accepted.into_iter().map(|(name, _)| name));
    Ok(refused)
}

/// The types of the lines that are not registered.
fn unknown_types(
    tx: &mut Tx<'_>,
    lines: &[(u64, &RelationshipLine)],
    pending: &PendingRecords,
) -> Result<HashSet<TypeName>> {
    let names: HashSet<_> = lines.iter().map(|(_, line)| &line.data.relationship).collect();
    let mut unknown = HashSet::new();
    for name in names {
        if !pending.types.contains(name) && !tx.has_type(name)? {
            unknown.insert(name.clone());
        }
    }
    Ok(unknown)
}

fn refuse(unknown: HashSet<TypeName>) -> RefusedTypes {
    let complaint =
        |name: &TypeName| format!("there is no type `{name}`; register it, or import with `--create-types`");
    unknown.into_iter().map(|name| (name.clone(), complaint(&name))).collect()
}

/// The types that can be registered, with their data, and those that cannot.
fn validate(tx: &mut Tx<'_>, unknown: HashSet<TypeName>) -> Result<(Vec<(TypeName, TypeData)>, RefusedTypes)> {
    let (mut accepted, mut refused) = (Vec::new(), RefusedTypes::new());
    for name in unknown {
        match change_data(tx, &name, None, &[]) {
            Ok(data) => accepted.push((name, data)),
            Err(Error::Refused(problems)) => {
                let details: Vec<_> = problems.into_iter().map(|problem| problem.detail).collect();
                refused.insert(name, details.join("; "));
            }
            Err(error) => return Err(error),
        }
    }
    Ok((accepted, refused))
}

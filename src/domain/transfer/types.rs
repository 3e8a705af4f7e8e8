//! The relationship types of imported lines: unknown ones are registered, or their lines are rejected; all others are
//! held.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::super::relationship_types;
use super::super::type_data::change_data;
use super::lines::{ImportLine, Record};
use super::memory::PendingRecords;
use super::outcome::{ImportOptions, ImportOutcome};
use crate::model::code::Code;
use crate::model::error::{Error, Problem, Result};
use crate::model::relationship_type::{TypeData, TypeName, TypeRegistration};
use crate::store::{HeldType, Tx};

/// The types that lines cannot have, with the reasons.
pub(super) type RefusedTypes = HashMap<TypeName, String>;

/// The types of lines.
#[derive(Debug, Default)]
pub(super) struct LineTypes {
    /// The refused ones.
    pub refused: RefusedTypes,
    /// The types with rules that restrict data. Their other writers wait until the job ends.
    pub ruled: Vec<HeldType>,
}

impl LineTypes {
    /// Whether the type has rules that restrict data.
    pub fn has_rules(&self, name: &TypeName) -> bool {
        self.ruled.iter().any(|held| held.name == *name)
    }
}

/// Registers the unknown types of lines, if the options say so. Holds and locks all types of the lines in the order of
/// all jobs, before anything is read or written that depends on their rules.
pub(super) fn prepare(
    tx: &mut Tx<'_>,
    lines: &[ImportLine],
    options: ImportOptions,
    outcome: &mut ImportOutcome,
) -> Result<LineTypes> {
    let names = names_of(lines);
    let unknown = unknown_types(tx, &names, &PendingRecords::default())?;
    let refused = register(tx, unknown, options, outcome)?;
    hold(tx, names, refused)
}

/// What [`prepare`] would do.
pub(super) fn dry_run(
    tx: &mut Tx<'_>,
    lines: &[ImportLine],
    options: ImportOptions,
    pending: &mut PendingRecords,
    outcome: &mut ImportOutcome,
) -> Result<LineTypes> {
    dry_run_of(tx, names_of(lines), options, pending, outcome)
}

/// As [`dry_run`], for the types of lines.
pub(super) fn dry_run_of(
    tx: &mut Tx<'_>,
    mut names: BTreeSet<TypeName>,
    options: ImportOptions,
    pending: &mut PendingRecords,
    outcome: &mut ImportOutcome,
) -> Result<LineTypes> {
    let unknown = unknown_types(tx, &names, pending)?;
    let refused = if options.creates_types {
        let (accepted, refused) = validate(tx, unknown)?;
        outcome.types.added += accepted.len() as u64;
        pending.types.extend(accepted);
        refused
    } else {
        refuse(unknown)
    };
    names.retain(|name| !refused.contains_key(name));
    let (changed, stored): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| pending.types.contains_key(name));
    let mut types = hold(tx, stored.into_iter().collect(), refused)?;
    for name in changed {
        let Some(data) = pending.types.get(&name) else { continue };
        let is_stored = tx.has_type(&name)?;
        let stored = if is_stored { tx.hold_types(std::slice::from_ref(&name))?.pop() } else { None };
        let held = stored.unwrap_or_else(|| HeldType::unregistered(name)).with_rules(data.rules());
        types.ruled.extend(Some(held).filter(|held| held.rules.restrict_data()));
    }
    Ok(types)
}

/// The types of lines with relationships, each once.
fn names_of(lines: &[ImportLine]) -> BTreeSet<TypeName> {
    let name = |line: &ImportLine| match &line.record {
        Record::Relationship(edge) => Some(edge.data.relationship.clone()),
        _ => None,
    };
    lines.iter().filter_map(name).collect()
}

/// Holds the types that are not refused, and makes other writers of those with rules wait.
fn hold(tx: &mut Tx<'_>, mut names: BTreeSet<TypeName>, refused: RefusedTypes) -> Result<LineTypes> {
    names.retain(|name| !refused.contains_key(name));
    let mut held = tx.hold_types(&names.into_iter().collect::<Vec<_>>())?;
    held.retain(|held| held.rules.restrict_data());
    tx.lock_writers(&held)?;
    Ok(LineTypes { refused, ruled: held })
}

fn register(
    tx: &mut Tx<'_>,
    unknown: HashSet<TypeName>,
    options: ImportOptions,
    outcome: &mut ImportOutcome,
) -> Result<RefusedTypes> {
    if !options.creates_types || unknown.is_empty() {
        return Ok(refuse(unknown));
    }
    tx.lock_types()?;
    let (accepted, refused) = validate(tx, unknown)?;
    for (name, data) in &accepted {
        match tx.insert_type(name, data)? {
            TypeRegistration::Registered(_) => outcome.types.added += 1,
            TypeRegistration::NameTaken => {}
            TypeRegistration::Exhausted => return Err(relationship_types::too_many_types()),
        }
    }
    Ok(refused)
}

/// Registers those of some types that are not registered.
pub(super) fn register_all(tx: &mut Tx<'_>, names: &[TypeName]) -> Result<()> {
    let names = names.iter().cloned().collect();
    let unknown = unknown_types(tx, &names, &PendingRecords::default())?;
    let options = ImportOptions { creates_types: true, ..ImportOptions::default() };
    let refused = register(tx, unknown, options, &mut ImportOutcome::default())?;
    match refused.into_values().next() {
        Some(complaint) => Err(Problem::new(Code::InvalidAttribute, complaint).into()),
        None => Ok(()),
    }
}

/// The types that are not registered.
fn unknown_types(tx: &mut Tx<'_>, names: &BTreeSet<TypeName>, pending: &PendingRecords) -> Result<HashSet<TypeName>> {
    let mut unknown = HashSet::new();
    for name in names {
        if !pending.types.contains_key(name) && !tx.has_type(name)? {
            unknown.insert(name.clone());
        }
    }
    Ok(unknown)
}

fn refuse(unknown: HashSet<TypeName>) -> HashMap<TypeName, String> {
    let complaint =
        |name: &TypeName| format!("there is no type `{name}`; register it, or import with `--create-types`");
    unknown.into_iter().map(|name| (name.clone(), complaint(&name))).collect()
}

/// The types that can be registered, with their data, and those that cannot.
fn validate(tx: &mut Tx<'_>, unknown: HashSet<TypeName>) -> Result<(Vec<(TypeName, TypeData)>, RefusedTypes)> {
    let (mut accepted, mut refused) = (Vec::new(), HashMap::new());
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

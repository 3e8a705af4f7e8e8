//! Imports relationship types, users, relationships, groups and memberships from the lines of files.
//!
//! # Design
//! The result is the same as if each line were imported alone, in order. Lines are looked up and written in sets: a run
//! of users, then a run of relationships. Nothing of a rejected line is written. Lines with types are written before the
//! lines after them are looked at, because these depend on the rules.

mod alt_ids;
mod edge_columns;
mod groups;
mod lines;
mod members;
mod memory;
mod names;
mod numbering;
mod outcome;
mod packed_users;
mod preview;
mod references;
mod relationships;
mod rules;
mod type_lines;
mod types;
mod users;

use std::collections::{BTreeSet, HashMap};

use crate::model::change::ChangeReason;
use crate::model::error::Result;
use crate::model::id::UserId;
use crate::model::relationship_type::TypeName;
use crate::store::Tx;
use types::LineTypes;

pub use edge_columns::{EdgeColumn, find_edge_columns};
pub use lines::{
    GroupLine, GroupOwner, ImportLine, MemberLine, NamedReference, Record, RelationshipLine, TypeLine, UserLine,
    UserReference,
};
pub use memory::{LoadMemory, MAX_REMEMBERED, PendingRecords};
pub use outcome::{ImportOptions, ImportOutcome, Tally};
pub use preview::{ImportRow, LinePlace, RowOutcome, UserNames, ValueChange, describe_user};
pub use relationships::ResolvedEdges;

/// Imports lines.
///
/// # Errors
/// Those of the store. Problems of single lines are in the outcome.
pub fn import(tx: &mut Tx<'_>, lines: &[ImportLine], options: ImportOptions) -> Result<ImportOutcome> {
    tx.because(ChangeReason::Import, |tx| write(tx, lines, options, None))
}

/// Imports lines in a bulk load, between [`Tx::begin_bulk_load`] and [`Tx::end_bulk_load`]. A relationship that occurs
/// twice counts as added until the load ends, unless its type has rules. [`count_loaded`] follows.
///
/// # Errors
/// Those of the store.
pub fn load(
    tx: &mut Tx<'_>,
    lines: &[ImportLine],
    options: ImportOptions,
    memory: &mut LoadMemory,
) -> Result<ImportOutcome> {
    tx.because(ChangeReason::Import, |tx| write(tx, lines, options, Some(memory)))
}

/// Counts what a bulk load, after [`Tx::end_bulk_load`], has added below the users of trees.
///
/// # Errors
/// Those of the store.
pub fn count_loaded(tx: &mut Tx<'_>, memory: &LoadMemory) -> Result<()> {
    memory.judged.record(tx)
}

fn write(
    tx: &mut Tx<'_>,
    lines: &[ImportLine],
    options: ImportOptions,
    mut memory: Option<&mut LoadMemory>,
) -> Result<ImportOutcome> {
    let mut outcome = ImportOutcome::new(options);
    for section in sections(lines) {
        let types = types::prepare(tx, section, options, &mut outcome)?;
        write_runs(tx, section, &types, options, memory.as_deref_mut(), &mut outcome)?;
    }
    Ok(outcome)
}

/// The lines in order, those with types apart from others.
fn sections(lines: &[ImportLine]) -> impl Iterator<Item = &[ImportLine]> {
    lines.chunk_by(|one, next| one.record.is_type() == next.record.is_type())
}

fn write_runs(
    tx: &mut Tx<'_>,
    lines: &[ImportLine],
    types: &LineTypes,
    options: ImportOptions,
    mut memory: Option<&mut LoadMemory>,
    outcome: &mut ImportOutcome,
) -> Result<()> {
    for run in runs(lines) {
        match run {
            LineRun::Types(lines) => type_lines::import(tx, &lines, memory.is_some(), outcome)?,
            LineRun::Users(lines) => users::import(tx, &lines, options, outcome)?,
            LineRun::Relationships(lines) => {
                relationships::import(tx, &lines, types, memory.as_deref_mut(), outcome)?;
            }
            LineRun::Groups(lines) => groups::import(tx, &lines, outcome)?,
            LineRun::Members(lines) => members::import(tx, &lines, outcome)?,
        }
    }
    Ok(())
}

/// Computes what an import of lines would do, and writes nothing. `pending` has the records of earlier lines.
///
/// # Errors
/// Those of the store.
pub fn dry_run(
    tx: &mut Tx<'_>,
    lines: &[ImportLine],
    options: ImportOptions,
    pending: &mut PendingRecords,
) -> Result<ImportOutcome> {
    let mut outcome = ImportOutcome::new(options);
    for section in sections(lines) {
        let types = types::dry_run(tx, section, options, pending, &mut outcome)?;
        dry_run_runs(tx, section, &types, options, pending, &mut outcome)?;
    }
    Ok(outcome)
}

/// Computes what an import of lines with users would do, as [`dry_run`] does. Returns the ids of the users as well, by the
/// keys of their addresses; those of new users are placeholders.
///
/// # Errors
/// Those of the store.
pub fn dry_run_users(
    tx: &mut Tx<'_>,
    lines: &[(u64, &UserLine)],
    options: ImportOptions,
    pending: &mut PendingRecords,
) -> Result<(ImportOutcome, HashMap<String, UserId>)> {
    let mut outcome = ImportOutcome::new(options);
    users::dry_run(tx, lines, options, pending, &mut outcome).map(|ids| (outcome, ids))
}

/// Computes what an import of lines with relationship types would do, as [`dry_run`] does.
///
/// # Errors
/// Those of the store.
pub fn dry_run_types(
    tx: &mut Tx<'_>,
    lines: &[(u64, &TypeLine)],
    options: ImportOptions,
    pending: &mut PendingRecords,
) -> Result<ImportOutcome> {
    let mut outcome = ImportOutcome::new(options);
    type_lines::dry_run(tx, lines, pending, &mut outcome).map(|()| outcome)
}

/// What is wrong with users to whom lines refer, each with the number of the line and the name of the member.
///
/// # Errors
/// Those of the store.
pub fn complaints_about_references(
    tx: &mut Tx<'_>,
    references: &[NamedReference],
    pending: &PendingRecords,
) -> Result<Vec<(u64, String)>> {
    if references.is_empty() {
        return Ok(Vec::new());
    }
    let users = references.iter().map(|it| &it.user).collect();
    let users = references::ReferencedUsers::look_up(tx, users, pending, None)?;
    let complaint = |it: &NamedReference| {
        let complaint = users.find(&it.user).err()?;
        Some((it.line, format!("`{}`: {complaint}", it.member)))
    };
    Ok(references.iter().filter_map(complaint).collect())
}

/// Finds the ends of the relationships of lines, among stored users and those of earlier lines, and writes nothing. Rules
/// of their types are not applied. Unknown types are those that an import would register.
///
/// # Errors
/// Those of the store.
pub fn resolve(
    tx: &mut Tx<'_>,
    lines: &[(u64, &RelationshipLine)],
    types: BTreeSet<TypeName>,
    options: ImportOptions,
    pending: &mut PendingRecords,
) -> Result<(ResolvedEdges, ImportOutcome)> {
    let mut outcome = ImportOutcome::new(options);
    let types = types::dry_run_of(tx, types, options, pending, &mut outcome)?;
    let found = relationships::find_ends(tx, lines, &types, pending, &mut outcome)?;
    Ok((found, outcome))
}

/// Registers types that are not registered yet.
///
/// # Errors
/// Those of the store, and types that cannot be registered.
pub fn register_types(tx: &mut Tx<'_>, names: &[TypeName]) -> Result<()> {
    types::register_all(tx, names)
}

fn dry_run_runs(
    tx: &mut Tx<'_>,
    lines: &[ImportLine],
    types: &LineTypes,
    options: ImportOptions,
    pending: &mut PendingRecords,
    outcome: &mut ImportOutcome,
) -> Result<()> {
    for run in runs(lines) {
        match run {
            LineRun::Types(lines) => type_lines::dry_run(tx, &lines, pending, outcome)?,
            LineRun::Users(lines) => drop(users::dry_run(tx, &lines, options, pending, outcome)?),
            LineRun::Relationships(lines) => relationships::dry_run(tx, &lines, types, pending, outcome)?,
            LineRun::Groups(lines) => groups::dry_run(tx, &lines, pending, outcome)?,
            LineRun::Members(lines) => members::dry_run(tx, &lines, pending, outcome)?,
        }
    }
    pending.require_room()
}

/// Consecutive lines of one kind, with their numbers.
enum LineRun<'a> {
    Types(Vec<(u64, &'a TypeLine)>),
    Users(Vec<(u64, &'a UserLine)>),
    Relationships(Vec<(u64, &'a RelationshipLine)>),
    Groups(Vec<(u64, &'a GroupLine)>),
    Members(Vec<(u64, &'a MemberLine)>),
}

/// Groups consecutive lines of the same kind.
fn runs(lines: &[ImportLine]) -> Vec<LineRun<'_>> {
    let mut runs = Vec::new();
    for line in lines {
        let number = line.number;
        match (&line.record, runs.last_mut()) {
            (Record::Type(line), Some(LineRun::Types(run))) => run.push((number, line.as_ref())),
            (Record::Type(line), _) => runs.push(LineRun::Types(vec![(number, line.as_ref())])),
            (Record::User(line), Some(LineRun::Users(run))) => run.push((number, line.as_ref())),
            (Record::User(line), _) => runs.push(LineRun::Users(vec![(number, line.as_ref())])),
            (Record::Relationship(line), Some(LineRun::Relationships(run))) => run.push((number, line)),
            (Record::Relationship(line), _) => runs.push(LineRun::Relationships(vec![(number, line)])),
            (Record::Group(line), Some(LineRun::Groups(run))) => run.push((number, line.as_ref())),
            (Record::Group(line), _) => runs.push(LineRun::Groups(vec![(number, line.as_ref())])),
            (Record::Member(line), Some(LineRun::Members(run))) => run.push((number, line.as_ref())),
            (Record::Member(line), _) => runs.push(LineRun::Members(vec![(number, line.as_ref())])),
        }
    }
    runs
}

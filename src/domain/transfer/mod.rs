//! Imports users and relationships from the lines of files.
//!
//! # Design
//! The result is the same as if each line were imported alone, in order. Lines are looked up and written in sets: a run
//! of users, then a run of relationships. Nothing of a rejected line is written.

mod edge_columns;
mod lines;
mod memory;
mod names;
mod outcome;
mod preview;
mod references;
mod relationships;
mod rules;
mod types;
mod users;

use std::collections::BTreeSet;

use crate::model::change::ChangeReason;
use crate::model::error::Result;
use crate::model::relationship_type::TypeName;
use crate::store::Tx;
use types::LineTypes;

pub use edge_columns::{EdgeColumn, find_edge_columns};
pub use lines::{ImportLine, Record, RelationshipLine, UserLine, UserReference};
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
    memory: Option<&mut LoadMemory>,
) -> Result<ImportOutcome> {
    let mut outcome = ImportOutcome::new(options);
    let types = types::prepare(tx, lines, options, &mut outcome)?;
    write_runs(tx, lines, &types, memory, &mut outcome).map(|()| outcome)
}

fn write_runs(
    tx: &mut Tx<'_>,
    lines: &[ImportLine],
    types: &LineTypes,
    mut memory: Option<&mut LoadMemory>,
    outcome: &mut ImportOutcome,
) -> Result<()> {
    for run in runs(lines) {
        match run {
            LineRun::Users(lines) => users::import(tx, &lines, &mut PendingRecords::default(), outcome)?,
            LineRun::Relationships(lines) => {
                relationships::import(tx, &lines, types, memory.as_deref_mut(), outcome)?;
            }
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
    let types = types::dry_run(tx, lines, options, pending, &mut outcome)?;
    for run in runs(lines) {
        match run {
            LineRun::Users(lines) => users::dry_run(tx, &lines, pending, &mut outcome)?,
            LineRun::Relationships(lines) => relationships::dry_run(tx, &lines, &types, pending, &mut outcome)?,
        }
    }
    Ok(outcome)
}

/// Computes what an import of lines with users would do, as [`dry_run`] does.
///
/// # Errors
/// Those of the store.
pub fn dry_run_users(
    tx: &mut Tx<'_>,
    lines: &[(u64, &UserLine)],
    options: ImportOptions,
    pending: &mut PendingRecords,
) -> Result<ImportOutcome> {
    let mut outcome = ImportOutcome::new(options);
    users::dry_run(tx, lines, pending, &mut outcome).map(|()| outcome)
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

/// Consecutive lines of one kind, with their numbers.
enum LineRun<'a> {
    Users(Vec<(u64, &'a UserLine)>),
    Relationships(Vec<(u64, &'a RelationshipLine)>),
}

/// Groups consecutive lines of the same kind.
fn runs(lines: &[ImportLine]) -> Vec<LineRun<'_>> {
    let mut runs = Vec::new();
    for line in lines {
        match (&line.record, runs.last_mut()) {
            (Record::User(user), Some(LineRun::Users(run))) => run.push((line.number, user.as_ref())),
            (Record::User(user), _) => runs.push(LineRun::Users(vec![(line.number, user.as_ref())])),
            (Record::Relationship(edge), Some(LineRun::Relationships(run))) => run.push((line.number, edge)),
            (Record::Relationship(edge), _) => runs.push(LineRun::Relationships(vec![(line.number, edge)])),
        }
    }
    runs
}

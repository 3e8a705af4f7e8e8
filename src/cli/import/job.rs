//! When the jobs of an import fail on purpose, and their batches.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use super::report::ImportReport;
use crate::domain::transfer::{self, ImportOutcome, PendingRecords};
use crate::imports::feed::{Batch, Batches};
use crate::model::change::ChangeOrigin;
use crate::model::code::Code;
use crate::model::error::{Problem, Result};
use crate::store::{Store, Tx};

/// Fails on the second run of a job that cannot be retried.
///
/// # Errors
/// [`Tx::interrupted`].
pub fn refuse_retry(is_begun: &AtomicBool) -> Result<()> {
    if is_begun.swap(true, Ordering::Relaxed) { Err(Tx::interrupted()) } else { Ok(()) }
}

/// The results of a batch, with what is wrong with users whom rejected rows name. With `--strict`, fails at the first
/// rejected line, so that its batch is rolled back. The index of the problem is the number of the line.
///
/// # Errors
/// The reason of the rejected line, and those of the store.
pub fn complete(
    tx: &mut Tx<'_>,
    mut outcome: ImportOutcome,
    batch: &Batch,
    pending: &PendingRecords,
    is_strict: bool,
) -> Result<ImportOutcome> {
    outcome.rejected.extend(transfer::complaints_about_references(tx, &batch.references, pending)?);
    match outcome.rejected.iter().min_by_key(|(number, _)| *number) {
        Some((number, reason)) if is_strict => {
            let problem = Problem::new(Code::InvalidAttribute, reason.clone());
            Err(Problem { operation: usize::try_from(*number).ok(), ..problem }.into())
        }
        _ => Ok(outcome),
    }
}

/// The next batch; `None` at the end of the files.
///
/// # Errors
/// Those of the files.
pub fn next_batch(batches: &Mutex<Batches>, report: &ImportReport) -> io::Result<Option<Batch>> {
    let batch = batches.lock().unwrap_or_else(PoisonError::into_inner).recv().ok().transpose()?;
    Ok(batch.map(|batch| report.without_rejected_people(batch)))
}

/// After this many new rows the statistics of the tables are gathered again.
const MANY_ROWS: u64 = 10_000;

/// Gathers the statistics by which PostgreSQL plans statements, if an import has stored many rows: until the server does
/// so by itself, a minute later, requests could have plans for almost empty tables.
///
/// # Errors
/// Those of the database.
pub async fn refresh_statistics(store: &Store, stored_rows: u64) -> Result<()> {
    if stored_rows < MANY_ROWS {
        return Ok(());
    }
    store.write("import.analyze", ChangeOrigin::WITHOUT_CALLER, |tx: &mut Tx<'_>| tx.refresh_statistics()).await
}

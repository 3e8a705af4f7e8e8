//! Imports the lines of an upload without a synchronization.

use std::collections::HashSet;
use std::sync::Arc;

use super::feed::{self, Batch, BatchKind, Plan};
use super::preview::open;
use super::rejected_people::RejectedPeople;
use super::rows::{counts_of, rejected_lines, rejected_row, signed, store_rows};
use super::work::{EndOfWork, ImportWork, next_batch};
use crate::domain::transfer::{self, ImportOptions, ImportOutcome, RowOutcome};
use crate::model::import::{ALL_DONE, ImportState};
use crate::model::page::{PageRequest, Sort};
use crate::store::Tx;

/// The lines of a transaction.
const LINES_PER_JOB: usize = 500;
/// The rows that one query reads.
const ROWS_PER_QUERY: i64 = 1_000;

/// A place in the passes over a file: the index of the pass, and the number of a line.
type AppliedPlace = (i64, i64);

/// Imports the lines after the last one that is written.
///
/// # Errors
/// [`EndOfWork`].
pub(super) fn import(work: &ImportWork) -> Result<(), EndOfWork> {
    let known = rejected_in_preview(work)?;
    let upload = open(work)?;
    let all_bytes = work.import.size.max(1) * signed(upload.passes.len() as u64).max(1);
    let labels: Vec<_> = upload.passes.iter().map(|pass| pass.labels.clone()).collect();
    let size = Arc::new(LINES_PER_JOB.into());
    let batches = feed::start(upload.passes, Plan { skip: 0, is_strict: false, size }, Arc::clone(&upload.bytes))?;
    let mut rejected = RejectedPeople::default();
    while let Some(batch) = next_batch(&batches)? {
        let (written, batch) = split(rejected.remove_from(batch), work.import.applied);
        let labels = labels.get(batch.source).map_or(&[][..], Vec::as_slice);
        if written.kind == BatchKind::People {
            // Which of its lines were rejected decides about relationships that are not written yet.
            let outcome = repeat(work, &written)?;
            rejected.note(&written, rejected_lines(&written, &outcome, labels).into_keys());
        }
        if batch.lines.is_empty() && batch.refused.is_empty() {
            continue;
        }
        let position = i128::from(signed(batch.position)) * i128::from(ALL_DONE) / i128::from(all_bytes);
        let progress = i64::try_from(position).unwrap_or(ALL_DONE).min(ALL_DONE);
        let problems = write(work, batch, progress, labels, &known, &mut rejected);
        problems?;
    }
    Ok(())
}

/// Writes a batch, and notes which rows of a people file it rejects.
fn write(
    work: &ImportWork,
    batch: Batch,
    progress: i64,
    labels: &[(String, String)],
    known: &Arc<HashSet<u64>>,
    rejected: &mut RejectedPeople,
) -> Result<(), EndOfWork> {
    let batch = Arc::new(batch);
    let (job_batch, labels, known) = (Arc::clone(&batch), labels.to_vec(), Arc::clone(known));
    let lines = work.step(ImportState::Running, move |tx, import| {
        let batch = &*job_batch;
        let outcome = transfer::import(tx, &batch.lines, ImportOptions::default())?;
        import.counts = import.counts.plus(counts_of(&outcome));
        import.counts.rejected += signed(batch.refused.len() as u64);
        import.applied = (signed(batch.source as u64), signed(batch.last));
        import.progress = progress;
        let problems = rejected_lines(batch, &outcome, &labels);
        let new = problems.iter().filter(|(line, _)| !known.contains(line));
        let rows = new.flat_map(|(line, reasons)| reasons.iter().map(|reason| (rejected_row(*line), reason.clone())));
        store_rows(tx, import.id, rows.collect())?;
        Ok(problems.into_keys().collect::<Vec<_>>())
    })?;
    rejected.note(&batch, lines.into_iter());
    Ok(())
}

/// Imports lines that are written already, and counts nothing.
fn repeat(work: &ImportWork, batch: &Batch) -> Result<ImportOutcome, EndOfWork> {
    if batch.lines.is_empty() {
        return Ok(ImportOutcome::default());
    }
    let lines = batch.lines.clone();
    work.step(ImportState::Running, move |tx, _| transfer::import(tx, &lines, ImportOptions::default()))
}

/// The lines of a batch up to a place, and those after it.
fn split(mut batch: Batch, applied: AppliedPlace) -> (Batch, Batch) {
    let source = signed(batch.source as u64);
    let is_written = |number: u64| (source, signed(number)) <= applied;
    let empty = Batch {
        source: batch.source,
        kind: batch.kind,
        last: batch.last,
        position: batch.position,
        ..Batch::default()
    };
    let mut written = empty;
    (written.lines, batch.lines) = batch.lines.into_iter().partition(|line| is_written(line.number));
    (written.refused, batch.refused) = batch.refused.into_iter().partition(|(number, _)| is_written(*number));
    (written, batch)
}

/// The lines that have a rejected row already.
fn rejected_in_preview(work: &ImportWork) -> Result<Arc<HashSet<u64>>, EndOfWork> {
    let mut lines = HashSet::new();
    let id = work.id();
    let mut offset = 0;
    loop {
        let slice = PageRequest::window(Sort::default(), offset, ROWS_PER_QUERY);
        let page = work.read("imports.rejected", move |tx: &mut Tx<'_>| {
            tx.import_rows(id, &[RowOutcome::Rejected.name()], &slice)
        })?;
        offset += ROWS_PER_QUERY;
        lines.extend(page.items.iter().filter_map(|row| u64::try_from(row.line?).ok()));
        if offset >= page.total {
            return Ok(Arc::new(lines));
        }
    }
}

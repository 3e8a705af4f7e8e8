//! Reads an upload, compares it with what is stored, and says what a run would do.
//!
//! # Design
//! A preview holds what a plan of a synchronization holds, or the users that the file creates or changes, in memory; the
//! rows are stored as they come. Its digest covers all rows, so that a run can tell whether its own preview is the same.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::edge_columns;
use super::feed::{self, Batch, BatchKind, Plan};
use super::passes::{self, Pass};
use super::rejected_people::RejectedPeople;
use super::repeated_passes;
use super::row_sink::RowSink;
use super::rows::{counts_of, counts_of_rows, counts_of_steps, more_problems, rejected_lines, signed};
use super::sources::{self, SourceFile, SourceFormat};
use super::work::{EndOfWork, ImportWork, next_batch};
use crate::domain::sync::{Planner, Removals, SyncPlan, rows_of_steps};
use crate::domain::transfer::{self, ImportOptions, ImportOutcome, PendingRecords};
use crate::files::record::RecordKind;
use crate::model::error::Result as JobResult;
use crate::model::import::{ALL_DONE, ImportCounts};
use crate::model::relationship_type::TypeName;
use crate::store::Tx;

/// The lines that are compared in one job.
pub(super) const LINES_PER_JOB: usize = 2_000;
/// The steps that are named in one job.
const STEPS_PER_JOB: usize = 500;

/// What a run would do.
pub(super) struct ImportPreview {
    /// How many rows have each outcome.
    pub counts: ImportCounts,
    /// A hash of all rows.
    pub digest: i64,
    /// Why it cannot be run.
    pub problem: Option<String>,
    /// What a synchronization does.
    pub plan: SyncPlan,
    /// The passes over the users of a synchronized file, each with its index among all passes.
    pub users: Vec<(usize, Pass)>,
}

/// The passes over the upload, and the types of columns that become relationships.
pub(super) struct OpenUpload {
    /// The passes, in order.
    pub passes: Vec<Pass>,
    /// The types.
    pub types: Vec<TypeName>,
    /// The bytes read so far.
    pub bytes: Arc<AtomicU64>,
}

/// Opens the upload. It is closed when the last pass ends.
///
/// # Errors
/// A file that cannot be read as its media type and its header say, and those of the store.
pub(super) fn open(work: &ImportWork) -> Result<OpenUpload, EndOfWork> {
    let bytes = Arc::<AtomicU64>::default();
    let options = work.settings.table_options().map_err(EndOfWork::Failed)?;
    let location = work.location();
    let source = if work.settings.is_table {
        sources::open_table_of_any_kind(&location, &options, &bytes)?
    } else {
        sources::open(&SourceFile { location, format: SourceFormat::Lines }, &options, &bytes)?
    };
    sources::require_used_mapping(&options, std::slice::from_ref(&source))?;
    let edges = work.wait(edge_columns::find(&work.store, &source, false))?;
    let types = edges.iter().map(|column| column.relationship.clone()).collect();
    let plan = if work.settings.is_sync { repeated_passes::plan_repeatable } else { passes::plan };
    Ok(OpenUpload { passes: plan(source, edges, &options, &bytes)?, types, bytes })
}

/// What is wrong with rejected rows beside why they were rejected, each with the number of the line.
type Complaints = Vec<(u64, String)>;

/// What a pass over a file leaves for messages.
type Labels = Vec<Vec<(String, String)>>;

/// Compares the upload with what is stored. The rows are stored if `is_stored`.
///
/// # Errors
/// [`EndOfWork`].
pub(super) fn read(work: &ImportWork, is_stored: bool) -> Result<ImportPreview, EndOfWork> {
    let upload = open(work)?;
    let users = if work.settings.is_sync {
        repeated_passes::repeat_users(&upload.passes, &Arc::default())?
    } else {
        Vec::new()
    };
    let all_bytes = work.import.size.max(1) * signed(upload.passes.len() as u64).max(1);
    let labels: Labels = upload.passes.iter().map(|pass| pass.labels.clone()).collect();
    let size = Arc::new(LINES_PER_JOB.into());
    let batches = feed::start(upload.passes, Plan { skip: 0, is_strict: false, size }, Arc::clone(&upload.bytes))?;
    let mut reader = PreviewReader {
        work,
        labels,
        sink: RowSink::new(work, is_stored),
        counts: ImportCounts::default(),
        rejected: RejectedPeople::default(),
    };
    let mut judge = Judge::new(work, upload.types);
    while let Some(batch) = next_batch(&batches)? {
        work.check_time()?;
        let batch = reader.rejected.remove_from(batch);
        let position = i128::from(signed(batch.position)) * i128::from(ALL_DONE) / i128::from(all_bytes);
        reader.sink.progress = i64::try_from(position).unwrap_or(ALL_DONE).min(ALL_DONE);
        let batch = Arc::new(batch);
        let (outcome, more) = judge.judge(&batch)?;
        reader.note(&batch, outcome, &more)?;
        reader.sink.end_batch()?;
    }
    let plan = judge.finish()?;
    reader.note_plan(&plan)?;
    let problem = work.settings.is_sync.then(|| reason_not_to_run(work, reader.counts, plan.removals)).flatten();
    let digest = reader.sink.finish()?;
    Ok(ImportPreview { counts: reader.counts, digest, problem, plan, users })
}

/// Why a synchronization must not be run.
fn reason_not_to_run(work: &ImportWork, counts: ImportCounts, removals: Removals) -> Option<String> {
    if counts.rejected > 0 {
        let rejected = counts.rejected;
        return Some(format!(
            "a synchronization runs only if no line is rejected, and {rejected} are; correct the file and upload it again"
        ));
    }
    let (limit, Removals { deletions, disablings, concerned }) = (work.settings.limit(), removals);
    limit.is_exceeded(removals).then(|| {
        format!(
            "it would delete {deletions} relationships and disable {disablings} users, with {concerned} users concerned, \
             which is more than `import-max-changes={limit}`; check the file, or allow more"
        )
    })
}

/// Compares lines with what is stored.
enum Judge<'w> {
    Sync(&'w ImportWork, Arc<Mutex<Option<Planner>>>),
    Plain(&'w ImportWork, Arc<Mutex<PendingRecords>>),
}

impl<'w> Judge<'w> {
    fn new(work: &'w ImportWork, types: Vec<TypeName>) -> Self {
        if work.settings.is_sync {
            let planner = Planner::new(work.settings.sync_options(), types);
            Self::Sync(work, Arc::new(Mutex::new(Some(planner))))
        } else {
            Self::Plain(work, Arc::default())
        }
    }

    /// The results of lines, and what is wrong with users whom rejected rows name.
    fn judge(&mut self, batch: &Arc<Batch>) -> Result<(ImportOutcome, Complaints), EndOfWork> {
        let (batch, is_begun) = (Arc::clone(batch), AtomicBool::new(false));
        match self {
            Self::Sync(work, planner) => {
                let planner = Arc::clone(planner);
                work.read("imports.plan", move |tx: &mut Tx<'_>| {
                    refuse_retry(&is_begun)?;
                    let mut planner = planner.lock().unwrap_or_else(PoisonError::into_inner);
                    let planner = planner.as_mut().ok_or_else(Tx::interrupted)?;
                    planner.note_rejected_users(refused_users(&batch));
                    let outcome = planner.add(tx, batch.source, &batch.lines)?;
                    Ok((outcome, planner.complaints_about(tx, &batch.references)?))
                })
            }
            Self::Plain(work, pending) => {
                let pending = Arc::clone(pending);
                work.read("imports.plan", move |tx: &mut Tx<'_>| {
                    refuse_retry(&is_begun)?;
                    let mut pending = pending.lock().unwrap_or_else(PoisonError::into_inner);
                    let options = ImportOptions { lists_rows: true, ..ImportOptions::default() };
                    let outcome = transfer::dry_run(tx, &batch.lines, options, &mut pending)?;
                    Ok((outcome, transfer::complaints_about_references(tx, &batch.references, &pending)?))
                })
            }
        }
    }

    fn finish(self) -> Result<SyncPlan, EndOfWork> {
        let Self::Sync(work, planner) = self else { return Ok(SyncPlan::default()) };
        let is_begun = AtomicBool::new(false);
        work.read("imports.compare", move |tx: &mut Tx<'_>| {
            refuse_retry(&is_begun)?;
            let planner = planner.lock().unwrap_or_else(PoisonError::into_inner).take();
            planner.ok_or_else(Tx::interrupted)?.finish(tx)
        })
    }
}

/// Fails on the second run of a job that changes what it is compared with.
fn refuse_retry(is_begun: &AtomicBool) -> JobResult<()> {
    if is_begun.swap(true, Ordering::Relaxed) { Err(Tx::interrupted()) } else { Ok(()) }
}

/// Lines that may have users and cannot be read.
fn refused_users(batch: &Batch) -> u64 {
    batch.refused.iter().filter(|(_, refusal)| refusal.kind != Some(RecordKind::Relationship)).count() as u64
}

/// Collects rows and counts.
struct PreviewReader<'w> {
    work: &'w ImportWork,
    labels: Labels,
    sink: RowSink<'w>,
    counts: ImportCounts,
    rejected: RejectedPeople,
}

impl PreviewReader<'_> {
    fn note(&mut self, batch: &Batch, outcome: ImportOutcome, more: &Complaints) -> Result<(), EndOfWork> {
        let labels = self.labels.get(batch.source).map_or(&[][..], Vec::as_slice);
        let problems = rejected_lines(batch, &outcome, labels);
        self.rejected.note(batch, problems.keys().copied());
        self.counts = self.counts.plus(counts_of(&outcome));
        self.counts.rejected += signed(batch.refused.len() as u64);
        self.sink.put_rejected(&problems, batch.kind == BatchKind::People)?;
        self.sink.add_problems(more_problems(batch, more, labels))?;
        self.sink.put(&outcome.rows.unwrap_or_default())
    }

    /// The rows of a synchronization that the plan has.
    fn note_plan(&mut self, plan: &SyncPlan) -> Result<(), EndOfWork> {
        self.counts.unchanged += signed(plan.unchanged_edges);
        self.counts = self.counts.plus(counts_of_rows(&plan.problems));
        self.sink.put(&plan.problems)?;
        self.sink.put(&plan.warnings)?;
        for kind in &plan.types {
            self.counts = self.counts.plus(counts_of_steps(&kind.steps));
            for steps in kind.steps.chunks(STEPS_PER_JOB) {
                let (name, steps, pending) = (kind.relationship.clone(), steps.to_vec(), Arc::clone(&plan.pending));
                let rows = self
                    .work
                    .read("imports.show", move |tx: &mut Tx<'_>| rows_of_steps(tx, &name, &steps, &pending))?;
                self.sink.put(&rows)?;
            }
        }
        let missing: Vec<_> = plan.missing.iter().map(|user| user.row()).collect();
        self.counts = self.counts.plus(counts_of_rows(&missing));
        self.sink.put(&missing)
    }
}

//! `import --sync`: plans a synchronization, and carries the plan out.
//!
//! # Design
//! The files are read twice: once for the plan, and once for the users that the plan creates or changes. Every transaction
//! is short, so that a service on the same database can write meanwhile. An interrupted run leaves whole steps only, and
//! the next one plans what is left.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use super::job::{next_batch, refuse_retry};
use super::pacing::Pacing;
use super::report::{ImportReport, Notes};
use crate::cli::command_error::CommandError;
use crate::cli::progress::count;
use crate::domain::sync::{ChangeLimit, EdgeStep, Planner, Removals, SyncOptions, SyncPlan, rows_of_steps};
use crate::domain::transfer::{ImportOutcome, ImportRow, PendingRecords, RowOutcome};
use crate::files::record::RecordKind;
use crate::imports::feed::{self, Batch, Batches, Plan};
use crate::imports::passes::Pass;
use crate::imports::repeated_passes;
use crate::model::id::UserId;
use crate::model::relationship_type::TypeName;
use crate::store::{Cost, Store, Tx};

/// The steps that one query shows.
const SHOWN_STEPS: usize = 500;

/// A synchronization.
pub struct Synchronizer {
    /// The database.
    pub store: Store,
    /// Counts and reports.
    pub report: Arc<ImportReport>,
    /// The options of the plan.
    pub options: SyncOptions,
    /// How much may be deleted and disabled.
    pub limit: ChangeLimit,
    /// Whether nothing is written.
    pub is_dry_run: bool,
    /// How much it leaves to others who use the database.
    pub pacing: Pacing,
}

impl Synchronizer {
    /// Plans, and unless this is a dry run, carries the plan out. `types` are those of columns that become relationships.
    ///
    /// # Errors
    /// [`CommandError`] when a file or the database fails, or when the plan breaks a rule or a limit: then nothing is
    /// written.
    pub async fn run(
        &self,
        passes: Vec<Pass>,
        types: Vec<TypeName>,
        bytes: &Arc<AtomicU64>,
    ) -> Result<(), CommandError> {
        let users = repeated_passes::repeat_users(&passes, bytes).map_err(|error| self.read_failure(&error))?;
        let batches = self.start(passes, bytes)?;
        let plan = self.plan(batches, types).await?;
        for row in &plan.warnings {
            self.report.warn(row);
        }
        for row in &plan.problems {
            self.report.reject(row);
        }
        if self.is_dry_run {
            self.show(&plan).await?;
        }
        let rejected = self.report.rejected();
        if rejected > 0 && !self.is_dry_run {
            return Err(CommandError::failed(format!("nothing is written, because {}", rejected_lines(rejected))));
        }
        if self.limit.is_exceeded(plan.removals) {
            return Err(self.too_many_changes(plan.removals));
        }
        if self.is_dry_run { Ok(()) } else { self.carry_out(plan, users, bytes).await }
    }

    async fn plan(&self, batches: Batches, types: Vec<TypeName>) -> Result<SyncPlan, CommandError> {
        let planner = Arc::new(Mutex::new(Some(Planner::new(self.options, types))));
        let batches = Mutex::new(batches);
        while let Some(batch) = next_batch(&batches, &self.report).map_err(|error| self.read_failure(&error))? {
            let (batch, begun) = (Arc::new(batch), Instant::now());
            let (work, planner, is_begun) = (Arc::clone(&batch), Arc::clone(&planner), AtomicBool::new(false));
            let job = move |tx: &mut Tx<'_>| {
                refuse_retry(&is_begun)?;
                let mut planner = planner.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(planner) = &mut *planner else { return Err(Tx::interrupted()) };
                planner.note_rejected_users(refused_users(&work));
                let mut outcome = planner.add(tx, work.source, &work.lines)?;
                outcome.rejected.extend(planner.complaints_about(tx, &work.references)?);
                Ok(outcome)
            };
            let outcome = self.store.read("import.plan", Cost::Unbounded, job).await?;
            self.note_planned(&batch, outcome);
            self.pacing.rest_after_read(begun).await;
        }
        let is_begun = AtomicBool::new(false);
        let job = move |tx: &mut Tx<'_>| {
            refuse_retry(&is_begun)?;
            let planner = planner.lock().unwrap_or_else(PoisonError::into_inner).take();
            planner.ok_or_else(Tx::interrupted)?.finish(tx)
        };
        let plan = self.store.read("import.compare", Cost::Unbounded, job).await?;
        let mut unchanged = ImportOutcome::default();
        unchanged.relationships.unchanged = plan.unchanged_edges;
        self.report.record(&Notes::of_outcome(unchanged));
        Ok(plan)
    }

    /// Reports what is known of the lines of a batch. Lines that create or change users are counted when they do.
    fn note_planned(&self, batch: &Batch, mut outcome: ImportOutcome) {
        self.report.report_rejected(batch, &outcome.rejected);
        self.report.advance(batch);
        let rows = outcome.rows.take().unwrap_or_default();
        if self.is_dry_run {
            self.report.list(batch.source, &rows);
        } else {
            (outcome.users.added, outcome.users.changed) = (0, 0);
            (outcome.types.added, outcome.types.changed) = (0, 0);
        }
        self.report.record(&Notes::of(batch, outcome));
    }

    /// Shows what a dry run would do with relationships and missing users.
    async fn show(&self, plan: &SyncPlan) -> Result<(), CommandError> {
        for kind in &plan.types {
            for steps in kind.steps.chunks(SHOWN_STEPS) {
                self.list_steps(&kind.relationship, steps, &plan.pending).await?;
            }
        }
        self.list_missing(plan, |_| true);
        Ok(())
    }

    pub(super) fn list_missing(&self, plan: &SyncPlan, is_listed: impl Fn(UserId) -> bool) {
        let rows: Vec<_> = plan.missing.iter().filter(|user| is_listed(user.id)).map(|user| user.row()).collect();
        self.report.list(0, &rows);
        self.report.note_missing(&rows);
        // A dry run has a table instead.
        let is_worth_knowing = |row: &&ImportRow| row.outcome == RowOutcome::Missing || row.problem.is_some();
        for row in rows.iter().filter(is_worth_knowing).filter(|_| !self.is_dry_run) {
            let note = row.problem.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
            self.report.print(&format!("not in the files: {} is {}{note}", row.subject, row.outcome.name()));
        }
    }

    pub(super) async fn list_steps(
        &self,
        name: &TypeName,
        steps: &[EdgeStep],
        pending: &Arc<PendingRecords>,
    ) -> Result<(), CommandError> {
        self.report.note_steps(steps);
        if !self.report.lists_rows() {
            return Ok(());
        }
        let (name, steps, pending) = (name.clone(), steps.to_vec(), Arc::clone(pending));
        let job = move |tx: &mut Tx<'_>| rows_of_steps(tx, &name, &steps, &pending);
        let rows = self.store.read("import.show", Cost::Unbounded, job).await?;
        self.report.list_placed(&rows);
        Ok(())
    }

    fn too_many_changes(&self, removals: Removals) -> CommandError {
        let Removals { deletions, disablings, concerned } = removals;
        let (limit, would) = (self.limit, if self.is_dry_run { "would be" } else { "is" });
        CommandError::failed(format!(
            "nothing {would} written: {} would be deleted and {} disabled, with {} concerned, which is more than \
             `--max-changes {limit}`; check the file, or allow more with `--max-changes`",
            count(deletions, "relationship"),
            count(disablings, "user"),
            count(concerned, "user")
        ))
    }

    pub(super) fn start(&self, passes: Vec<Pass>, bytes: &Arc<AtomicU64>) -> Result<Batches, CommandError> {
        let size = Arc::new(self.pacing.planned_batch().into());
        feed::start(passes, Plan { skip: 0, is_strict: false, size }, Arc::clone(bytes)).map_err(CommandError::failed)
    }

    pub(super) fn read_failure(&self, error: &io::Error) -> CommandError {
        CommandError::failed(format!("{error}; {}", self.report.progress_summary()))
    }
}

/// Lines that may have users and cannot be read.
fn refused_users(batch: &Batch) -> u64 {
    batch.refused.iter().filter(|(_, refusal)| refusal.kind != Some(RecordKind::Relationship)).count() as u64
}

/// `3 lines were rejected`.
pub fn rejected_lines(lines: u64) -> String {
    match lines {
        1 => "1 line was rejected".to_owned(),
        many => format!("{many} lines were rejected"),
    }
}

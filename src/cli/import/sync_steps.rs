//! Carries the plan of a synchronization out.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::job::next_batch;
use super::pacing::JobSize;
use super::report::Notes;
use super::sync::Synchronizer;
use crate::cli::command_error::CommandError;
use crate::domain::sync::{EdgeStep, SyncPlan, TypeSteps, apply_steps, disable, resolve_new_users};
use crate::domain::transfer::{self, ImportLine, ImportOptions, LinePlace, PendingRecords, Record};
use crate::imports::passes::Pass;
use crate::model::caller::Caller;
use crate::model::change::ChangeOrigin;
use crate::model::error::{Error, Result as JobResult};
use crate::model::id::UserId;
use crate::model::relationship_type::TypeName;
use crate::store::{Cost, Tx};

/// The fewest and the most steps of a transaction.
const STEPS_PER_JOB: (usize, usize) = (100, 5_000);
/// The fewest and the most lines with users, and disabled users, of a transaction.
const USERS_PER_JOB: (usize, usize) = (100, 500);

impl Synchronizer {
    /// Carries a plan out. `users` are the passes over the users of the files.
    ///
    /// # Errors
    /// [`CommandError`] when a file or the database fails. Refused steps are reported.
    pub(super) async fn carry_out(
        &self,
        plan: SyncPlan,
        users: Vec<(usize, Pass)>,
        bytes: &Arc<AtomicU64>,
    ) -> Result<(), CommandError> {
        for (source, lines) in &plan.type_lines {
            let lines = lines.clone();
            let mut outcome = self.write(move |tx| transfer::import(tx, &lines, ImportOptions::default())).await?;
            for (line, reason) in &outcome.rejected {
                self.report.reject_later(Some(LinePlace { source: *source, line: *line }), reason);
            }
            // The plan has counted these.
            outcome.types.unchanged = 0;
            self.report.record(&Notes::of_outcome(outcome));
        }
        if !plan.new_types.is_empty() {
            let names = plan.new_types.clone();
            self.report.note_types(names.len() as u64);
            self.write(move |tx| transfer::register_types(tx, &names)).await?;
        }
        if !plan.user_lines.is_empty() {
            self.write_users(&plan, users, bytes).await?;
        }
        let has_new_users = plan.pending.new_users().next().is_some();
        let ids = if has_new_users { self.new_ids(&plan.pending).await? } else { HashMap::new() };
        for kind in &plan.types {
            self.apply(kind, &ids, &plan.pending).await?;
        }
        self.disable_missing(&plan).await
    }

    async fn write_users(
        &self,
        plan: &SyncPlan,
        users: Vec<(usize, Pass)>,
        bytes: &Arc<AtomicU64>,
    ) -> Result<(), CommandError> {
        let (indexes, users): (Vec<_>, Vec<_>) = users.into_iter().unzip();
        let batches = Mutex::new(self.start(users, bytes)?);
        let mut waiting = Vec::new();
        let (mut of, mut size) = (0, self.pacing.job_size(USERS_PER_JOB.0, USERS_PER_JOB.1));
        while let Some(batch) = next_batch(&batches, &self.report).map_err(|error| self.read_failure(&error))? {
            let source = indexes.get(batch.source).copied().unwrap_or_default();
            if source != of {
                self.import_users(of, std::mem::take(&mut waiting), &mut size).await?;
            }
            of = source;
            let is_planned = |line: &ImportLine| {
                let place = LinePlace { source, line: line.number };
                matches!(line.record, Record::User(_)) && plan.user_lines.contains(&place)
            };
            waiting.extend(batch.lines.into_iter().filter(is_planned));
            while waiting.len() >= size.get() {
                let rest = waiting.split_off(size.get());
                self.import_users(source, std::mem::replace(&mut waiting, rest), &mut size).await?;
            }
        }
        self.import_users(of, waiting, &mut size).await
    }

    /// Imports lines in one transaction, to whose duration the size of the next one is adapted.
    async fn import_users(
        &self,
        source: usize,
        lines: Vec<ImportLine>,
        size: &mut JobSize,
    ) -> Result<(), CommandError> {
        if lines.is_empty() {
            return Ok(());
        }
        let (count, begun) = (lines.len(), Instant::now());
        let options =
            ImportOptions { lists_rows: self.report.lists_rows(), matches_alt_ids: true, creates_types: false };
        let mut outcome = self.write(move |tx| transfer::import(tx, &lines, options)).await?;
        size.adapt(count, begun);
        self.pacing.rest_after_write().await;
        for (line, reason) in &outcome.rejected {
            self.report.reject_later(Some(LinePlace { source, line: *line }), reason);
        }
        self.report.list(source, &outcome.rows.take().unwrap_or_default());
        self.report.record(&Notes::of_outcome(outcome));
        Ok(())
    }

    async fn new_ids(&self, pending: &Arc<PendingRecords>) -> Result<HashMap<UserId, UserId>, CommandError> {
        let pending = Arc::clone(pending);
        let job = move |tx: &mut Tx<'_>| resolve_new_users(tx, &pending);
        Ok(self.store.read("import.users", Cost::Unbounded, job).await?)
    }

    /// Applies the steps of a type, in their order.
    async fn apply(
        &self,
        kind: &TypeSteps,
        ids: &HashMap<UserId, UserId>,
        pending: &Arc<PendingRecords>,
    ) -> Result<(), CommandError> {
        let mut rest = kind.steps.as_slice();
        let mut size = self.pacing.job_size(STEPS_PER_JOB.0, STEPS_PER_JOB.1);
        while !rest.is_empty() {
            let (steps, following) = rest.split_at(size.get().min(rest.len()));
            rest = following;
            let begun = Instant::now();
            let applied = self.apply_batch(&kind.relationship, steps, ids).await?;
            size.adapt(steps.len(), begun);
            self.pacing.rest_after_write().await;
            self.list_steps(&kind.relationship, &applied, pending).await?;
        }
        Ok(())
    }

    /// Applies steps in one transaction. Those that are refused are reported and left out. Returns the others.
    async fn apply_batch(
        &self,
        name: &TypeName,
        steps: &[EdgeStep],
        ids: &HashMap<UserId, UserId>,
    ) -> Result<Vec<EdgeStep>, CommandError> {
        let mut steps = steps.to_vec();
        while !steps.is_empty() {
            let (name, stored) = (name.clone(), steps.iter().map(|step| step.with_ids(ids)).collect::<Vec<_>>());
            let job = move |tx: &mut Tx<'_>| apply_steps(tx, &name, &stored, None);
            let written = self.store.write("import.move", ChangeOrigin::WITHOUT_CALLER, job).await;
            let problems = match written {
                Ok(()) => break,
                Err(Error::Refused(problems)) => problems,
                Err(error) => return Err(interrupted(error)),
            };
            let refused: HashMap<_, _> =
                problems.iter().filter_map(|problem| Some((problem.operation?, &problem.detail))).collect();
            if refused.is_empty() {
                return Err(interrupted(Error::Refused(problems)));
            }
            for (index, reason) in &refused {
                self.report.reject_edge(steps.get(*index).and_then(EdgeStep::line), reason);
            }
            let left = std::mem::take(&mut steps).into_iter().enumerate();
            steps = left.filter(|(index, _)| !refused.contains_key(index)).map(|(_, step)| step).collect();
        }
        Ok(steps)
    }

    async fn disable_missing(&self, plan: &SyncPlan) -> Result<(), CommandError> {
        let all: Vec<_> = plan.missing.iter().filter(|user| user.is_to_disable).map(|user| user.id).collect();
        let mut refused = HashMap::new();
        for ids in all.chunks(USERS_PER_JOB.0) {
            let ids = ids.to_vec();
            let done = self.write(move |tx| disable(tx, &Caller::OPERATOR, &ids)).await?;
            self.pacing.rest_after_write().await;
            refused.extend(done);
        }
        for user in &plan.missing {
            if let Some(reason) = refused.get(&user.id) {
                self.report.reject_later(None, &format!("{}: {reason}", user.subject));
            }
        }
        self.list_missing(plan, |id| !refused.contains_key(&id));
        Ok(())
    }

    async fn write<T: Send + 'static>(
        &self,
        job: impl Fn(&mut Tx<'_>) -> JobResult<T> + Send + 'static,
    ) -> Result<T, CommandError> {
        self.store.write("import", ChangeOrigin::WITHOUT_CALLER, job).await.map_err(interrupted)
    }
}

fn interrupted(error: Error) -> CommandError {
    CommandError::from(error).with_message("run the import again to continue".to_owned())
}

//! Writes what a preview has shown, in transactions of bounded size.
//!
//! # Design
//! Each transaction also adds its counts to the import, so that they say what was written, whatever happens to the
//! instance. A synchronization that is taken over is planned again: the new plan has exactly what is left. An import
//! without synchronization goes on after the line up to which everything is written.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::feed::{self, Plan};
use super::passes::Pass;
use super::preview::{ImportPreview, LINES_PER_JOB};
use super::rows::{counts_of, counts_of_steps, rejected_row, signed, store_rows};
use super::work::{EndOfWork, ImportWork, next_batch};
use crate::domain::sync::{EdgeStep, SyncPlan, TypeSteps, apply_steps, disable, resolve_new_users};
use crate::domain::transfer::{self, ImportLine, ImportOptions, ImportRow, LinePlace, Record};
use crate::model::caller::Caller;
use crate::model::error::Error;
use crate::model::id::UserId;
use crate::model::import::{ALL_DONE, ImportState};
use crate::model::user::AccessLevel;
use crate::store::Tx;

/// The lines with users, and the disabled users, of a transaction.
const USERS_PER_JOB: usize = 250;
/// The fewest and the most steps of a transaction.
const STEPS_PER_JOB: (usize, usize) = (100, 2_000);
/// The intended duration of a transaction.
const TARGET_DURATION: Duration = Duration::from_millis(100);

/// How much of a synchronization is written.
struct WrittenShare {
    done: u64,
    all: u64,
}

impl WrittenShare {
    fn of(plan: &SyncPlan) -> Self {
        let steps = plan.types.iter().map(|kind| kind.steps.len()).sum::<usize>();
        let disabled = plan.missing.iter().filter(|user| user.is_to_disable).count();
        Self { done: 0, all: ((plan.user_lines.len() + steps + disabled) as u64).max(1) }
    }

    /// The share after some more, in millionths.
    fn after(&mut self, more: usize) -> i64 {
        self.done += more as u64;
        signed(self.done.min(self.all)) * ALL_DONE / signed(self.all)
    }
}

/// Writes the plan of a synchronization.
///
/// # Errors
/// [`EndOfWork`]. Steps that are refused are rejected rows.
pub(super) fn synchronize(work: &ImportWork, preview: ImportPreview) -> Result<(), EndOfWork> {
    let ImportPreview { plan, users, .. } = preview;
    let mut run = SyncRun { work, progress: WrittenShare::of(&plan) };
    for (_, lines) in &plan.type_lines {
        let lines = lines.clone();
        work.step(ImportState::Running, move |tx, import| {
            let mut outcome = transfer::import(tx, &lines, ImportOptions::default())?;
            // The plan has counted these.
            outcome.types.unchanged = 0;
            import.counts = import.counts.plus(counts_of(&outcome));
            let rows = outcome.rejected.iter().map(|(line, reason)| (rejected_row(*line), reason.clone()));
            store_rows(tx, import.id, rows.collect())
        })?;
    }
    if !plan.user_lines.is_empty() {
        run.write_users(&plan, users)?;
    }
    let has_new_users = plan.pending.new_users().next().is_some();
    let pending = Arc::clone(&plan.pending);
    let ids = if has_new_users {
        work.read("imports.users", move |tx: &mut Tx<'_>| resolve_new_users(tx, &pending))?
    } else {
        HashMap::new()
    };
    for kind in &plan.types {
        run.apply(kind, &ids)?;
    }
    run.disable_missing(&plan)
}

struct SyncRun<'w> {
    work: &'w ImportWork,
    progress: WrittenShare,
}

impl SyncRun<'_> {
    fn write_users(&mut self, plan: &SyncPlan, users: Vec<(usize, Pass)>) -> Result<(), EndOfWork> {
        let (indexes, users): (Vec<_>, Vec<_>) = users.into_iter().unzip();
        let size = Arc::new(LINES_PER_JOB.into());
        let batches = feed::start(users, Plan { skip: 0, is_strict: false, size }, Arc::default())?;
        while let Some(batch) = next_batch(&batches)? {
            let source = indexes.get(batch.source).copied().unwrap_or_default();
            let is_planned = |line: &ImportLine| {
                let place = LinePlace { source, line: line.number };
                matches!(line.record, Record::User(_)) && plan.user_lines.contains(&place)
            };
            let planned: Vec<_> = batch.lines.into_iter().filter(is_planned).collect();
            for lines in planned.chunks(USERS_PER_JOB) {
                let progress = self.progress.after(lines.len());
                let lines = lines.to_vec();
                let options = ImportOptions { matches_alt_ids: true, ..ImportOptions::default() };
                self.work.step(ImportState::Running, move |tx, import| {
                    let outcome = transfer::import(tx, &lines, options)?;
                    import.counts = import.counts.plus(counts_of(&outcome));
                    import.progress = progress;
                    let rows = outcome.rejected.iter().map(|(line, reason)| (rejected_row(*line), reason.clone()));
                    store_rows(tx, import.id, rows.collect())
                })?;
            }
        }
        Ok(())
    }

    /// Applies the steps of a type, in their order.
    fn apply(&mut self, kind: &TypeSteps, ids: &HashMap<UserId, UserId>) -> Result<(), EndOfWork> {
        let mut rest = kind.steps.as_slice();
        let mut size = STEPS_PER_JOB.0;
        while !rest.is_empty() {
            let (steps, following) = rest.split_at(size.min(rest.len()));
            rest = following;
            let begun = Instant::now();
            self.apply_batch(kind, steps, ids)?;
            let next = steps.len() as u128 * TARGET_DURATION.as_micros() / begun.elapsed().as_micros().max(1);
            size = usize::try_from(next).unwrap_or(STEPS_PER_JOB.1).clamp(STEPS_PER_JOB.0, STEPS_PER_JOB.1);
        }
        Ok(())
    }

    /// Applies steps in one transaction. Those that are refused are left out, and their rows are rejected.
    fn apply_batch(
        &mut self,
        kind: &TypeSteps,
        steps: &[EdgeStep],
        ids: &HashMap<UserId, UserId>,
    ) -> Result<(), EndOfWork> {
        let progress = self.progress.after(steps.len());
        let mut steps: Vec<_> = steps.iter().map(|step| step.with_ids(ids)).collect();
        let mut refused = Vec::new();
        loop {
            let (name, applied, rows) = (kind.relationship.clone(), steps.clone(), refused.clone());
            let written = self.work.write_step(ImportState::Running, move |tx, import| {
                apply_steps(tx, &name, &applied, None)?;
                import.counts = import.counts.plus(counts_of_steps(&applied));
                import.counts.rejected += signed(rows.len() as u64);
                import.progress = progress;
                store_rows(tx, import.id, rows.clone())
            })?;
            let problems = match written {
                Ok(()) => return Ok(()),
                Err(Error::Refused(problems)) => problems,
                Err(error) => return Err(error.into()),
            };
            let reasons: HashMap<_, _> =
                problems.iter().filter_map(|problem| Some((problem.operation?, problem.detail.to_string()))).collect();
            if reasons.is_empty() {
                return Err(Error::Refused(problems).into());
            }
            for (index, reason) in &reasons {
                let place = steps.get(*index).and_then(EdgeStep::line);
                refused.push((
                    ImportRow { place, ..rejected_row(0) },
                    reason.replace("run the import", "upload the file"),
                ));
            }
            let left = std::mem::take(&mut steps).into_iter().enumerate();
            steps = left.filter(|(index, _)| !reasons.contains_key(index)).map(|(_, step)| step).collect();
        }
    }

    fn disable_missing(&mut self, plan: &SyncPlan) -> Result<(), EndOfWork> {
        let actor = self.work.import.actor;
        let caller = Caller { id: actor, level: AccessLevel::Admin };
        let to_disable: Vec<_> = plan.missing.iter().filter(|user| user.is_to_disable).collect();
        for users in to_disable.chunks(USERS_PER_JOB) {
            let progress = self.progress.after(users.len());
            let subjects: Vec<_> = users.iter().map(|user| (user.id, user.subject.clone())).collect();
            self.work.step(ImportState::Running, move |tx, import| {
                let others: Vec<_> = subjects.iter().map(|(id, _)| *id).filter(|id| *id != actor).collect();
                let mut refused = disable(tx, &caller, &others)?;
                if others.len() < subjects.len() {
                    refused.push((actor, "not disabled: the user runs this import".to_owned()));
                }
                import.counts.disabled += signed((subjects.len() - refused.len()) as u64);
                import.counts.rejected += signed(refused.len() as u64);
                import.progress = progress;
                let subject =
                    |id: &UserId| subjects.iter().find(|(known, _)| known == id).map(|(_, text)| text.clone());
                let row = |(id, reason): &(UserId, String)| {
                    let subject = subject(id).unwrap_or_default();
                    (ImportRow { place: None, subject, ..rejected_row(0) }, reason.clone())
                };
                store_rows(tx, import.id, refused.iter().map(row).collect())
            })?;
        }
        Ok(())
    }
}

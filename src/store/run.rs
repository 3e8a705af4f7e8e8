//! Runs jobs on the engine of a store.

use std::sync::Arc;

use super::cost::Cost;
use super::job::{ErasedJob, attempt, erase, log_changes, no_result, track};
use super::metrics::JobTimer;
use super::postgres::mode::Mode;
use super::tx::Tx;
use super::{Engine, Store};
use crate::model::change::ChangeOrigin;
use crate::model::error::Result;
use crate::model::log_position::LogPosition;

impl Store {
    /// Starts to measure a job.
    pub(super) fn start(&self, name: &'static str) -> JobTimer {
        self.shared.metrics.time(name)
    }

    pub(super) async fn run_read<T: Send + 'static>(
        &self,
        timer: &JobTimer,
        cost: Cost,
        job: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let mut found = None;
        if let Some(read) = self.read_here(timer, cost, &mut |tx| job(tx).map(|read| found = Some(read))) {
            return read.and_then(|()| found.ok_or_else(no_result));
        }
        let (job, result) = erase(job);
        self.read_elsewhere(timer, cost, job).await?;
        result.take()
    }

    /// Runs a short read on this thread, if SQLite has a free connection; `None` if it must run elsewhere.
    fn read_here(
        &self,
        timer: &JobTimer,
        cost: Cost,
        job: &mut dyn FnMut(&mut Tx<'_>) -> Result<()>,
    ) -> Option<Result<()>> {
        let Engine::Sqlite(engine) = &self.engine else { return None };
        let tracker = self.shared.metrics.follow();
        engine.read_here(cost, timer.deadline(self.longest_job), &mut |tx| attempt(&tracker, job, tx))
    }

    /// Runs a read on another thread.
    async fn read_elsewhere(&self, timer: &JobTimer, cost: Cost, job: ErasedJob) -> Result<()> {
        let job = track(self.shared.metrics.follow(), job);
        let deadline = timer.deadline(self.longest_job);
        match &self.engine {
            Engine::Sqlite(engine) => engine.read_elsewhere(cost, deadline, job).await,
            Engine::Postgres { primary, .. } => primary.run(timer.job(), Mode::of(cost), deadline, job).await,
        }
    }

    pub(super) async fn run_replica_read<T: Send + 'static>(
        &self,
        timer: &JobTimer,
        (cost, after): (Cost, Option<LogPosition>),
        job: impl Fn(&mut Tx<'_>) -> Result<T> + Send + Sync + 'static,
    ) -> Result<T> {
        let Some(replica) = self.replica_for(after) else { return self.run_read(timer, cost, job).await };
        let job = Arc::new(job);
        let deadline = timer.deadline(self.longest_job);
        if let Ok(found) = replica.read(timer.job(), (cost, after), deadline, &job).await {
            return Ok(found);
        }
        self.run_read(timer, cost, move |tx| job(tx)).await
    }

    pub(super) async fn run_write<T: Send + 'static>(
        &self,
        timer: &JobTimer,
        origin: ChangeOrigin,
        job: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (job, result) = erase(job);
        self.write_elsewhere(timer, origin, job).await?;
        result.take()
    }

    async fn write_elsewhere(&self, timer: &JobTimer, origin: ChangeOrigin, job: ErasedJob) -> Result<()> {
        let job = track(self.shared.metrics.follow(), log_changes(origin, job));
        let deadline = timer.deadline(self.longest_job);
        self.writes.record(match &self.engine {
            Engine::Sqlite(engine) => engine.write(deadline, job).await,
            Engine::Postgres { primary, .. } => primary.run(timer.job(), Mode::Write, deadline, job).await,
        })
    }
}

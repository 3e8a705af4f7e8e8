//! Reads after writes: the position that a write answers, and the servers that may serve a read after it.

use std::sync::Arc;
use std::time::Duration;

use super::postgres::positions::PositionQuery;
use super::postgres::replica::Replica;
use super::tx::Tx;
use super::{Cost, Engine, Store};
use crate::model::error::Result;
use crate::model::log_position::LogPosition;

/// The longest wait for a position. A write that has succeeded must be answered although the primary is gone.
const PATIENCE: Duration = Duration::from_millis(500);

impl Store {
    /// A position after every write that has ended. Without a replica it needs no query: every read sees every write.
    pub async fn position(&self) -> LogPosition {
        let Engine::Postgres { primary, replica: Some(_) } = &self.engine else { return LogPosition::PRIMARY };
        let pool = primary.current();
        let asked = tokio::time::timeout(PATIENCE, pool.positions.ask(PositionQuery)).await;
        asked.ok().and_then(std::result::Result::ok).flatten().unwrap_or(LogPosition::PRIMARY)
    }

    /// Whether there is a replica, at this moment reachable or not.
    #[must_use]
    pub fn has_replica(&self) -> bool {
        self.replica_for(None).is_some()
    }

    /// Runs a job that only reads on the replica, as old as that may be, because the primary does not answer; `None` if it
    /// fails there.
    pub async fn read_standby<T: Send + 'static>(
        &self,
        name: &'static str,
        cost: Cost,
        job: impl Fn(&mut Tx<'_>) -> Result<T> + Send + Sync + 'static,
    ) -> Option<T> {
        let timer = self.start(name);
        let replica = self.replica_for(None)?;
        replica.read(timer.job(), (cost, None), timer.deadline(self.longest_job), &Arc::new(job)).await.ok()
    }

    /// The replica, if there is one and it may have replayed a position.
    pub(super) fn replica_for(&self, after: Option<LogPosition>) -> Option<&Arc<Replica>> {
        let Engine::Postgres { replica, .. } = &self.engine else { return None };
        replica.as_ref().filter(|_| after != Some(LogPosition::PRIMARY))
    }
}

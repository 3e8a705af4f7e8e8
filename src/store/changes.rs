//! Work on the change log beside the jobs of requests.

use tokio::sync::watch;

use super::cost::Cost;
use super::tx::Tx;
use super::{Engine, Store};
use crate::model::change::ChangeOrigin;
use crate::model::error::Result;
use crate::model::time::Timestamp;

impl Store {
    /// A receiver that is notified when this process has committed changes. Those of other processes do not notify it.
    #[must_use]
    pub fn change_signal(&self) -> watch::Receiver<()> {
        self.shared.changes.committed.subscribe()
    }

    /// Numbers all changes that are committed when it begins, before [`read_changes`](Self::read_changes) reads them.
    /// On SQLite, where changes are numbered as they are written, it does nothing. Returns how many it has numbered.
    ///
    /// # Errors
    /// Those of [`write`](Self::write).
    pub async fn number_changes(&self) -> Result<usize> {
        let mut numbered = 0;
        if matches!(self.engine, Engine::Sqlite(_)) {
            return Ok(numbered);
        }
        let unnumbered = || self.read("changes.find_unnumbered", Cost::Bounded, |tx| tx.unnumbered_changes());
        let Some((_, last)) = unnumbered().await? else { return Ok(numbered) };
        loop {
            numbered += self.write("changes.number", ChangeOrigin::WITHOUT_CALLER, |tx| tx.number_changes()).await?;
            // Sets that come later are not waited for: while others write there are always some.
            if unnumbered().await?.is_none_or(|(first, _)| first > last) {
                return Ok(numbered);
            }
        }
    }

    /// Runs a job that reads the change log, after all changes that are committed when this begins have numbers. It runs on
    /// the primary, because a replica may lack some of them.
    ///
    /// # Errors
    /// Those of [`read`](Self::read) and [`number_changes`](Self::number_changes).
    pub async fn read_changes<T: Send + 'static>(
        &self,
        name: &'static str,
        cost: Cost,
        job: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.number_changes().await?;
        self.read(name, cost, job).await
    }

    /// Turns the change log on or off, for all processes with this database.
    ///
    /// # Errors
    /// Those of [`write`](Self::write).
    pub async fn set_change_log(&self, is_on: bool) -> Result<()> {
        // Without a lock, so that a service can start while an import writes.
        if self.read("changes.state", Cost::Bounded, |tx| tx.change_log()).await?.is_on == is_on {
            self.shared.changes.set_switch(is_on);
            return Ok(());
        }
        self.write("changes.switch", ChangeOrigin::WITHOUT_CALLER, move |tx| tx.set_change_log(is_on)).await
    }

    /// Deletes the changes before a time, in small steps.
    ///
    /// # Errors
    /// Those of [`write`](Self::write).
    pub async fn prune_changes(&self, before: Timestamp) -> Result<()> {
        // Without a lock, which an import in another process may hold for long.
        while self.read("changes.find_old", Cost::Bounded, move |tx| tx.has_old_changes(before)).await? {
            self.write("changes.prune", ChangeOrigin::WITHOUT_CALLER, move |tx| tx.prune_changes(before)).await?;
        }
        Ok(())
    }

    /// Sets the metrics of the log, and remembers whether it is on.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub async fn measure_changes(&self) -> Result<()> {
        let (log, unnumbered) = self.read("changes.measure", Cost::Bounded, |tx| tx.measure_changes()).await?;
        self.shared.changes.set_switch(log.is_on);
        self.shared.metrics.set_changes(&log, unnumbered);
        Ok(())
    }
}

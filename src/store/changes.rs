//! Work on the change log beside the jobs of requests.

use tokio::sync::watch;

use super::cost::Cost;
use super::{Engine, Store};
use crate::model::change::ChangeOrigin;
use crate::model::error::Result;

impl Store {
    /// A receiver that is notified when this process has committed changes. Those of other processes do not notify it.
    #[must_use]
    pub fn change_signal(&self) -> watch::Receiver<()> {
        self.shared.changes.committed.subscribe()
    }

    /// Numbers all committed changes. Readers of the log call it before they read, outside of a job. On SQLite, where
    /// changes are numbered as they are written, it does nothing.
    ///
    /// # Errors
    /// Those of [`write`](Self::write).
    pub async fn number_changes(&self) -> Result<()> {
        if matches!(self.engine, Engine::Sqlite(_)) {
            return Ok(());
        }
        loop {
            if !self.read("changes.find_unnumbered", Cost::Bounded, |tx| tx.has_unnumbered_changes()).await? {
                return Ok(());
            }
            self.write("changes.number", ChangeOrigin::default(), |tx| tx.number_changes()).await?;
        }
    }
}

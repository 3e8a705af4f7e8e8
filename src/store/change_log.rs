//! The change log as all jobs of a process share it, and the numbering of changes.

use tokio::sync::watch;

use super::{Engine, Store};
use crate::model::error::Result;

/// What the jobs of a process share about the change log.
#[derive(Debug)]
pub(super) struct ChangeLog {
    committed: watch::Sender<()>,
}

impl Default for ChangeLog {
    fn default() -> Self {
        Self { committed: watch::Sender::new(()) }
    }
}

impl ChangeLog {
    /// Wakes readers that wait for changes.
    #[expect(dead_code, reason = "nothing writes changes yet")]
    pub fn wake_readers(&self) {
        self.committed.send_replace(());
    }
}

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
            if !self.read("changes.find_unnumbered", super::Cost::Bounded, |tx| tx.has_unnumbered_changes()).await? {
                return Ok(());
            }
            self.write("changes.number", |tx| tx.number_changes()).await?;
        }
    }
}

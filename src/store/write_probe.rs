//! Finds out whether the database can write again after its disk was full.
//!
//! # Design
//! An orchestrator sends no requests to an instance that is not ready, so the instance must find out for itself. The probe
//! writes as much as the largest profile of a user, because a disk that is almost full still takes small writes, and deletes
//! it in a second transaction: SQLite does not write pages that the same transaction has freed.

use super::Store;
use crate::model::change::ChangeOrigin;
use crate::model::database_problem::DatabaseProblem;
use crate::model::error::{Error, Result};
use crate::model::user::Profile;

/// The name of the row that a probe writes, among those of the secrets.
const PROBE: &str = "write-probe";

impl Store {
    /// Why the database cannot write; `None` if no write has failed since the last successful probe. Probes at most once a
    /// second.
    pub async fn find_write_problem(&self) -> Option<DatabaseProblem> {
        let cause = self.writes.cause()?;
        if self.writes.begin_probe() {
            match self.probe_write().await {
                // A role that may not write this table must not stay unready for ever: the next request is the probe.
                Ok(()) => self.writes.clear(),
                Err(Error::Unavailable(cause)) if cause.contains("permission denied") => self.writes.clear(),
                Err(_) => {}
            }
        }
        self.writes.cause().map(|_| DatabaseProblem::Unwritable(cause))
    }

    async fn probe_write(&self) -> Result<()> {
        let text = random_text()?;
        let origin = ChangeOrigin::WITHOUT_CALLER;
        self.write("health.write", origin.clone(), move |tx| tx.set_secret(PROBE, &text)).await?;
        // What stays if this fails is overwritten by the next probe.
        self.write("health.write", origin, |tx| tx.delete_secret(PROBE)).await
    }
}

/// A text that a database cannot compress.
fn random_text() -> Result<String> {
    let mut bytes = vec![0; Profile::LARGEST / 2];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::Internal("the system has no random numbers".to_owned()))?;
    Ok(bytes.iter().fold(String::with_capacity(Profile::LARGEST), |mut text, byte| {
        text.extend([byte >> 4, byte & 15].map(|digit| char::from_digit(digit.into(), 16).unwrap_or_default()));
        text
    }))
}

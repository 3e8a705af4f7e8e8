//! Keeps the change log of a running service: turns it on or off, numbers committed changes, prunes old ones.
//!
//! # Design
//! Every instance does all of it; a database lock makes instances take turns. Readers number changes as well, so that they
//! wait for no instance.

use std::time::Duration;

use crate::clock::Clock;
use crate::config::ChangesRetention;
use crate::model::error::Result;
use crate::model::time::Timestamp;
use crate::store::Store;

/// How often committed changes are numbered and old ones are pruned.
const INTERVAL: Duration = Duration::from_secs(2);

/// Turns the log on or off, as the settings say. Other instances and commands follow.
///
/// # Errors
/// Those of the store.
pub async fn switch(store: &Store, retention: ChangesRetention) -> Result<()> {
    store.set_change_log(retention != ChangesRetention::Off).await
}

/// Keeps the log until it is dropped. The first of several failures is logged. `is_switched`: [`switch`] has succeeded.
pub async fn run(store: Store, retention: ChangesRetention, clock: Clock, mut is_switched: bool) {
    let mut is_failing = false;
    loop {
        let kept = keep(&store, retention, &clock, &mut is_switched).await;
        if let Err(error) = &kept
            && !is_failing
        {
            log::warn!("cannot keep the change log: {error:?}");
        }
        is_failing = kept.is_err();
        tokio::time::sleep(INTERVAL).await;
    }
}

async fn keep(store: &Store, retention: ChangesRetention, clock: &Clock, is_switched: &mut bool) -> Result<()> {
    if !*is_switched {
        switch(store, retention).await?;
        *is_switched = true;
    }
    let maintained = maintain(store, retention, clock).await;
    // Also after a failure, of which the metrics tell.
    store.measure_changes().await.and(maintained)
}

async fn maintain(store: &Store, retention: ChangesRetention, clock: &Clock) -> Result<()> {
    store.number_changes().await?;
    match first_kept(retention, clock.now()) {
        Some(before) => store.prune_changes(before).await,
        None => Ok(()),
    }
}

/// The time before which changes are pruned.
fn first_kept(retention: ChangesRetention, now: Timestamp) -> Option<Timestamp> {
    match retention {
        ChangesRetention::Off => Some(now),
        ChangesRetention::For(time) => {
            Some(now.plus_seconds(i64::try_from(time.as_secs()).unwrap_or(i64::MAX).saturating_neg()))
        }
        ChangesRetention::Forever => None,
    }
}

//! Keeps the change log of a running service: turns it on or off, numbers committed changes, prunes old ones.
//!
//! # Design
//! Every instance does all of it; a database lock makes instances take turns. Readers number changes as well, so that they
//! wait for no instance.

use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::config::ChangesRetention;
use crate::model::error::Result;
use crate::model::time::Timestamp;
use crate::store::Store;

/// How often committed changes are numbered and old ones are pruned.
const INTERVAL: Duration = Duration::from_secs(2);
/// How often changes are numbered while there are many: little work at a time, so that no request waits long for it.
const BUSY_INTERVAL: Duration = Duration::from_millis(100);
/// How many changes are many.
const MANY: usize = 20;

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
        let next = Instant::now() + INTERVAL;
        number_until(&store, next, kept.unwrap_or_default()).await;
    }
}

/// Numbers changes until `next`, as long as there are many each time. `numbered`: how many the last time. A failure ends
/// it: the next upkeep meets it as well.
async fn number_until(store: &Store, next: Instant, mut numbered: usize) {
    while numbered >= MANY && Instant::now() + BUSY_INTERVAL < next {
        tokio::time::sleep(BUSY_INTERVAL).await;
        numbered = store.number_changes().await.unwrap_or_default();
    }
    tokio::time::sleep_until(next.into()).await;
}

/// Returns how many changes it has numbered.
async fn keep(store: &Store, retention: ChangesRetention, clock: &Clock, is_switched: &mut bool) -> Result<usize> {
    if !*is_switched {
        switch(store, retention).await?;
        *is_switched = true;
    }
    let maintained = maintain(store, retention, clock).await;
    // Also after a failure, of which the metrics tell.
    store.measure_changes().await.and(maintained)
}

async fn maintain(store: &Store, retention: ChangesRetention, clock: &Clock) -> Result<usize> {
    let numbered = store.number_changes().await?;
    if let Some(before) = first_kept(retention, clock.now()) {
        store.prune_changes(before).await?;
    }
    Ok(numbered)
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

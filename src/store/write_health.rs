//! Remembers that writes fail because of the disk, until a probe has written successfully.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::model::error::{Error, Result};

/// The shortest time between two probes.
const INTERVAL: Duration = Duration::from_secs(1);
/// Messages of SQLite and PostgreSQL when a disk is full, failing or read-only. diesel does not expose their codes.
const DISK_FAILURES: [&str; 8] = [
    "database or disk is full",
    "disk I/O error",
    "attempt to write a readonly database",
    "No space left on device",
    "Disk quota exceeded",
    "could not extend file",
    "could not write to file",
    "disk full",
];

/// Whether writes fail because of the disk.
#[derive(Debug, Default)]
pub(super) struct WriteHealth {
    /// Read without a lock on every path of a write that has failed.
    is_failing: AtomicBool,
    failure: Mutex<Option<WriteFailure>>,
}

#[derive(Debug)]
struct WriteFailure {
    cause: String,
    probed: Option<Instant>,
}

impl WriteHealth {
    /// Remembers a failure because of the disk; ignores every other result.
    pub fn record<T>(&self, result: Result<T>) -> Result<T> {
        if let Err(Error::Unavailable(cause)) = &result
            && is_disk_failure(cause)
        {
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            let probed = failure.as_ref().and_then(|failure| failure.probed);
            *failure = Some(WriteFailure { cause: cause.clone(), probed });
            self.is_failing.store(true, Ordering::Relaxed);
        }
        result
    }

    /// Why the last write has failed, if no probe has succeeded since.
    pub fn cause(&self) -> Option<String> {
        if !self.is_failing.load(Ordering::Relaxed) {
            return None;
        }
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|failure| failure.cause.clone())
    }

    /// Whether it is time for a probe, which then counts as begun.
    pub fn begin_probe(&self) -> bool {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        match failure.as_mut() {
            Some(failure) if failure.probed.is_none_or(|probed| probed.elapsed() >= INTERVAL) => {
                failure.probed = Some(Instant::now());
                true
            }
            _ => false,
        }
    }

    /// Forgets the failure: a probe has succeeded.
    pub fn clear(&self) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.is_failing.store(false, Ordering::Relaxed);
    }
}

fn is_disk_failure(cause: &str) -> bool {
    DISK_FAILURES.iter().any(|text| cause.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_of_the_disk_are_remembered_until_a_probe_succeeds() {
        let health = WriteHealth::default();
        for other in ["users.create: no connection: timed out", "4096 writes are already waiting"] {
            drop(health.record::<()>(Err(Error::Unavailable(other.to_owned()))));
            assert_eq!(health.cause(), None);
        }
        assert!(!health.begin_probe());
        let full = "users.create: database or disk is full".to_owned();
        drop(health.record::<()>(Err(Error::Unavailable(full.clone()))));
        assert_eq!(health.cause(), Some(full.clone()));
        drop(health.record(Ok(1)));
        assert_eq!(health.cause(), Some(full.clone()), "a job that writes nothing proves nothing");
        assert!(health.begin_probe() && !health.begin_probe());
        drop(health.record::<()>(Err(Error::Unavailable(full))));
        assert!(!health.begin_probe(), "not more often after a failed probe");
        health.clear();
        assert_eq!(health.cause(), None);
    }
}

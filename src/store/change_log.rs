//! The change log as all jobs of a process share it.
//!
//! # Design
//! A job that changes something must know whether the change is logged, without a question of its own. On SQLite each
//! transaction, which is that of many jobs, reads it first. On PostgreSQL a process remembers what it has read
//! ([`ChangeLog::switch`]), and another process may turn the log on or off.
//!
//! * Remembered on: the job collects its changes, and the statement that stores them reads whether the log is on.
//! * Remembered off: the transaction begins with a check that the log is off.
//! * Not known: the first change of the job reads it.
//!
//! A job that turns the log on waits until all transactions that have read `change_log` have ended, and those that read it
//! later wait: a statement takes its locks before its snapshot. So a transaction that does not log ends before the horizon.

use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use tokio::sync::watch;

const UNKNOWN: u8 = 0;
const ON: u8 = 1;
const OFF: u8 = 2;

/// What the jobs of a process share about the change log.
#[derive(Debug)]
pub(super) struct ChangeLog {
    pub committed: watch::Sender<()>,
    switch: AtomicU8,
    last: AtomicI64,
}

impl Default for ChangeLog {
    fn default() -> Self {
        Self { committed: watch::Sender::new(()), switch: AtomicU8::new(UNKNOWN), last: AtomicI64::new(i64::MIN) }
    }
}

impl ChangeLog {
    /// Wakes readers that wait for changes.
    pub fn wake_readers(&self) {
        if self.committed.receiver_count() > 0 {
            self.committed.send_replace(());
        }
    }

    /// Whether the log was on when a job read it; `None` if no job has read it.
    pub fn switch(&self) -> Option<bool> {
        match self.switch.load(Ordering::Acquire) {
            ON => Some(true),
            OFF => Some(false),
            _ => None,
        }
    }

    /// The time of the next change, in microseconds: at the earliest that of the one before.
    pub fn next_time(&self, now: i64) -> i64 {
        self.last.fetch_max(now, Ordering::AcqRel).max(now)
    }

    /// Remembers the time of the last change, in microseconds.
    pub fn set_last(&self, at: i64) {
        self.last.store(at, Ordering::Release);
    }

    /// Remembers whether the log is on.
    pub fn set_switch(&self, is_on: bool) {
        self.switch.store(if is_on { ON } else { OFF }, Ordering::Release);
    }
}

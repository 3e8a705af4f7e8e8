//! The attempts at jobs that are running, with their starts.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::store::limit::Backend;

/// Attempts by number, at most as many as there are connections.
#[derive(Default)]
pub(super) struct Running(Mutex<Attempts>);

#[derive(Default)]
struct Attempts {
    begun: u64,
    since: BTreeMap<u64, (Instant, Option<Backend>)>,
}

impl Running {
    /// Records an attempt on a backend, until the result is dropped.
    pub fn begin(&self, backend: Option<Backend>) -> RunningAttempt<'_> {
        let mut attempts = self.attempts();
        attempts.begun += 1;
        let number = attempts.begun;
        attempts.since.insert(number, (Instant::now(), backend));
        RunningAttempt { running: self, number }
    }

    /// How long the longest attempt has been running.
    pub fn longest(&self) -> Option<Duration> {
        self.attempts().since.first_key_value().map(|(_, (since, _))| since.elapsed())
    }

    /// The backends of all attempts that have been running for longer than that, as far as they are known.
    pub fn longer_than(&self, patience: Duration) -> Vec<Backend> {
        let attempts = self.attempts();
        let long = attempts.since.values().filter(|(since, _)| since.elapsed() > patience);
        long.filter_map(|(_, backend)| *backend).collect()
    }

    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running attempt.
pub(super) struct RunningAttempt<'r> {
    running: &'r Running,
    number: u64,
}

impl Drop for RunningAttempt<'_> {
    fn drop(&mut self) {
        self.running.attempts().since.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_attempt_is_the_oldest_one_that_is_running() {
        let running = Running::default();
        assert_eq!(running.longest(), None);
        let first = running.begin(None);
        std::thread::sleep(Duration::from_millis(30));
        let second = running.begin(None);
        assert!(running.longest() >= Some(Duration::from_millis(30)));
        drop(first);
        assert!(running.longest().is_some());
        drop(second);
        assert_eq!(running.longest(), None);
    }
}

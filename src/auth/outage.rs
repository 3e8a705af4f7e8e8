//! Whether the primary answers, and which requests may be served without it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::model::error::Error;

/// How often the primary is asked again while it does not answer; one request waits for the answer.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// What a request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It only reads.
    Read,
    /// It may change something.
    Change,
}

impl Purpose {
    /// The purpose of a request with this method.
    #[must_use]
    pub fn of_method(method: &str) -> Self {
        if matches!(method, "GET" | "HEAD") { Self::Read } else { Self::Change }
    }
}

/// The result of a query to the primary.
pub(super) enum Asked<T> {
    /// The primary has answered.
    Answered(T),
    /// It has not, and the request may be served without it.
    Unreachable(Error),
}

/// When the primary last failed to answer, if it has not answered since.
#[derive(Debug, Default)]
pub(super) struct Outage(Mutex<Option<Instant>>);

impl Outage {
    /// Whether to ask the primary now.
    pub fn may_ask(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| last.elapsed() >= RETRY_INTERVAL);
        if is_due && last.is_some() {
            *last = Some(Instant::now());
        }
        is_due
    }

    /// Records whether the primary has answered.
    pub fn record(&self, is_answered: bool) {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if is_answered == last.is_none() {
            return;
        }
        if is_answered {
            log::info!("the primary answers again and verifies credentials");
        } else {
            log::warn!("the primary does not answer: known credentials are trusted for `AUTH_GRACE`, for reads only");
        }
        *last = (!is_answered).then(Instant::now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_asks_again_while_the_primary_does_not_answer() {
        let outage = Outage::default();
        assert!(outage.may_ask() && outage.may_ask());
        outage.record(false);
        assert!(!outage.may_ask());
        *outage.0.lock().unwrap() = Instant::now().checked_sub(RETRY_INTERVAL);
        assert!(outage.may_ask() && !outage.may_ask());
        outage.record(true);
        assert!(outage.may_ask() && outage.may_ask());
    }
}

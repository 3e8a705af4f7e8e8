//! Counts failed authentication attempts, to slow down guessing.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::model::network;

/// How long a failure counts.
const WINDOW: Duration = Duration::from_mins(1);
/// The limit of pairs of source and credential with a count; about 3 MiB.
const MAX_COUNTS: usize = 65_536;

/// The limit of wrong passwords of one source for all e-mail addresses, as a multiple of the limit for one address.
const SESSIONS_FACTOR: u32 = 5;

/// The credential that an attempt is for. Each has its own limit, so that guessing one does not block another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttemptTarget<'a> {
    /// A signature of the client with this `Api-Id`.
    Client(&'a str),
    /// An API token with this visible prefix.
    Token(&'a str),
    /// A JWT with this unverified issuer and key id.
    Bearer {
        /// `iss`, if it is a string.
        issuer: &'a str,
        /// `kid`.
        key: &'a str,
    },
    /// A password for this e-mail address.
    Session(&'a str),
    /// A password for any e-mail address.
    Sessions,
    /// Any credential of a request.
    Any,
}

/// The number of seconds after which an attempt is possible again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryAfter(pub u64);

/// Counts failures per source and credential. It stores only hashes, no names or addresses.
#[derive(Debug)]
pub struct Failures {
    limit: u32,
    hasher: RandomState,
    counts: Mutex<HashMap<u64, FailureCount>>,
}

#[derive(Debug, Clone, Copy)]
struct FailureCount {
    since: Instant,
    failures: u32,
}

/// A failure recorded before its attempt. Dropping it undoes the record unless [`keep`](Self::keep) was called: an
/// attempt that ends for another reason, such as 503, is not a failure.
#[derive(Debug)]
pub struct PendingFailure<'f> {
    failures: &'f Failures,
    source: IpAddr,
    attempt: AttemptTarget<'f>,
    is_kept: bool,
}

impl PendingFailure<'_> {
    /// Makes the failure permanent, unless [`undo`](Self::undo) follows.
    pub fn keep(&mut self) {
        self.is_kept = true;
    }

    /// Removes the failure from the count.
    pub fn undo(mut self) {
        self.is_kept = false;
    }
}

impl Drop for PendingFailure<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            self.failures.undo(self.source, self.attempt);
        }
    }
}

impl FailureCount {
    fn is_recent_at(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) < WINDOW
    }
}

impl Failures {
    /// At most `limit` failures per minute, source and credential.
    #[must_use]
    pub fn new(limit: u32) -> Self {
        Self { limit, hasher: RandomState::new(), counts: Mutex::default() }
    }

    /// Checks whether another attempt is permitted.
    ///
    /// # Errors
    /// [`RetryAfter`] after too many failures.
    pub fn check(&self, source: IpAddr, attempt: AttemptTarget<'_>) -> Result<(), RetryAfter> {
        // Many people can sign in from one address, each with a few mistakes.
        let limit = match attempt {
            AttemptTarget::Sessions => self.limit.saturating_mul(SESSIONS_FACTOR),
            _ => self.limit,
        };
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get(&self.key(source, attempt)) {
            Some(count) if count.is_recent_at(Instant::now()) && count.failures >= limit => {
                let left = WINDOW.saturating_sub(count.since.elapsed());
                Err(RetryAfter(left.as_secs() + 1))
            }
            _ => Ok(()),
        }
    }

    /// Counts a failure.
    pub fn record(&self, source: IpAddr, attempt: AttemptTarget<'_>) {
        let key = self.key(source, attempt);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if counts.len() >= MAX_COUNTS && !counts.contains_key(&key) {
            // Removal must free many places, or a flood of new names would scan the map for each of them.
            counts.retain(|_, count| count.is_recent_at(now));
            if counts.len() > MAX_COUNTS / 2 {
                // Keep the counts that have reached the limit, or a flood would lift it.
                counts.retain(|_, count| count.failures >= self.limit);
            }
            if counts.len() > MAX_COUNTS / 2 {
                counts.clear();
            }
        }
        let count = counts.entry(key).or_insert(FailureCount { since: now, failures: 0 });
        if !count.is_recent_at(now) {
            *count = FailureCount { since: now, failures: 0 };
        }
        count.failures = count.failures.saturating_add(1);
    }

    /// Counts a failure before the attempt is verified, so that concurrent attempts cannot exceed the limit. Dropping
    /// the guard undoes it.
    #[must_use]
    pub fn record_pending<'f>(&'f self, source: IpAddr, attempt: AttemptTarget<'f>) -> PendingFailure<'f> {
        self.record(source, attempt);
        PendingFailure { failures: self, source, attempt, is_kept: false }
    }

    fn undo(&self, source: IpAddr, attempt: AttemptTarget<'_>) {
        let key = self.key(source, attempt);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&key) {
            count.failures = count.failures.saturating_sub(1);
        }
    }

    fn key(&self, source: IpAddr, attempt: AttemptTarget<'_>) -> u64 {
        self.hasher.hash_one((network::client_prefix(source), attempt))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn only_the_source_and_credential_over_the_limit_must_wait() {
        let failures = Failures::new(3);
        let attempt = AttemptTarget::Session("ann@example.com");
        for _ in 0..3 {
            assert_eq!(failures.check(HERE, attempt), Ok(()));
            failures.record(HERE, attempt);
        }
        let RetryAfter(seconds) = failures.check(HERE, attempt).unwrap_err();
        assert!((59..=60).contains(&seconds), "{seconds}");
        for (source, other) in [
            (HERE, AttemptTarget::Session("bob@example.com")),
            (HERE, AttemptTarget::Client("ann@example.com")),
            ("10.0.0.1".parse().unwrap(), attempt),
        ] {
            assert_eq!(failures.check(source, other), Ok(()));
        }
    }

    #[test]
    fn an_ipv6_network_is_one_source_and_so_is_a_mapped_ipv4_address() {
        let same = |one: &str, other: &str| {
            network::client_prefix(one.parse().unwrap()) == network::client_prefix(other.parse().unwrap())
        };
        assert!(same("2001:db8::1", "2001:db8::ffff:1"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(same("::ffff:10.0.0.1", "10.0.0.1"));
    }

    #[test]
    fn the_map_is_bounded_and_keeps_counts_over_the_limit() {
        let failures = Failures::new(2);
        let slow = AttemptTarget::Client("slow");
        failures.record(HERE, slow);
        failures.record(HERE, slow);
        for number in 0..3 * MAX_COUNTS {
            failures.record(HERE, AttemptTarget::Token(&number.to_string()));
            assert!(failures.counts.lock().unwrap().len() <= MAX_COUNTS);
        }
        assert!(failures.check(HERE, slow).is_err());
    }

    #[test]
    fn a_full_map_frees_at_least_half_of_its_places() {
        let failures = Failures::new(2);
        let long_ago = Instant::now().checked_sub(WINDOW).expect("a machine that has been running for a minute");
        let counts = (0..MAX_COUNTS).map(|number| {
            let since = if number < 10 { long_ago } else { Instant::now() };
            (number as u64, FailureCount { since, failures: 1 })
        });
        failures.counts.lock().unwrap().extend(counts);
        failures.record(HERE, AttemptTarget::Token("new"));
        assert!(failures.counts.lock().unwrap().len() <= MAX_COUNTS / 2);
    }
}

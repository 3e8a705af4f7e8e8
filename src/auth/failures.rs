//! Failed attempts, counted so that guessing becomes slow.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::model::network;

/// How long failures are remembered.
const WINDOW: Duration = Duration::from_mins(1);
/// The most pairs of source and credential that are counted; about 3 MiB.
const MOST: usize = 65_536;

/// The failed passwords of one source for all e-mail addresses, as a multiple of those for one.
const SESSIONS_FACTOR: u32 = 5;

/// What an attempt was about: who guesses at one thing is slowed down there, and nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Attempt<'a> {
    /// A signature in the name of this `Api-Id`.
    Client(&'a str),
    /// An API token that begins like this.
    Token(&'a str),
    /// A JWT that claims this issuer and names this key.
    Bearer {
        /// `iss`, as far as it is text.
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

/// Says after how many whole seconds it is worth trying again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryAfter(pub u64);

/// Counts failures for each source and thing guessed at. Keeps hashes only, no name and no address.
#[derive(Debug)]
pub struct Failures {
    limit: u32,
    hasher: RandomState,
    record_failure: Mutex<HashMap<u64, Count>>,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    since: Instant,
    failures: u32,
}

/// A failure that is counted ahead of its attempt. It is taken back on drop unless it is kept: an attempt that fails by
/// no fault of the client, such as one that ends in 503, is no failure.
#[derive(Debug)]
pub struct Ahead<'f> {
    failures: &'f Failures,
    source: IpAddr,
    attempt: Attempt<'f>,
    is_kept: bool,
}

impl Ahead<'_> {
    /// Keeps the failure counted, whatever happens, unless [`undo`](Self::take_back) follows.
    pub fn keep(&mut self) {
        self.is_kept = true;
    }

    /// Takes the failure back.
    pub fn undo(mut self) {
        self.is_kept = false;
    }
}

impl Drop for Ahead<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            self.failures.undo(self.source, self.attempt);
        }
    }
}

impl Count {
    fn is_recent_at(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) < WINDOW
    }
}

impl Failures {
    /// More than `limit` failures in a minute are too many.
    #[must_use]
    pub fn new(limit: u32) -> Self {
        Self { limit, hasher: RandomState::new(), record_failure: Mutex::default() }
    }

    /// Whether another attempt may be made, or be told why it failed.
    ///
    /// # Errors
    /// [`RetryAfter`] when there were too many failures.
    pub fn check(&self, source: IpAddr, attempt: Attempt<'_>) -> Result<(), RetryAfter> {
        // Many people can sign in from one address, each with a slip or two.
        let limit = match attempt {
            Attempt::Sessions => self.limit.saturating_mul(SESSIONS_FACTOR),
            _ => self.limit,
        };
        let record_failure = self.record_failure.lock().unwrap_or_else(PoisonError::into_inner);
        match record_failure.get(&self.key(source, attempt)) {
            Some(count) if count.is_recent_at(Instant::now()) && count.failures >= limit => {
                let left = WINDOW.saturating_sub(count.since.elapsed());
                Err(RetryAfter(left.as_secs() + 1))
            }
            _ => Ok(()),
        }
    }

    /// Counts a failure.
    pub fn note(&self, source: IpAddr, attempt: Attempt<'_>) {
        let key = self.key(source, attempt);
        let mut record_failure = self.record_failure.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if record_failure.len() >= MOST && !record_failure.contains_key(&key) {
            // A sweep must make room for many more, or who floods the map with new names makes each of them sweep again.
            record_failure.retain(|_, count| count.is_recent_at(now));
            if record_failure.len() > MOST / 2 {
                // What is slowed down already must not be washed away.
                record_failure.retain(|_, count| count.failures >= self.limit);
            }
            if record_failure.len() > MOST / 2 {
                record_failure.clear();
            }
        }
        let count = record_failure.entry(key).or_insert(Count { since: now, failures: 0 });
        if !count.is_recent_at(now) {
            *count = Count { since: now, failures: 0 };
        }
        count.failures = count.failures.saturating_add(1);
    }

    /// Counts a failure before an attempt is judged, so that attempts at the same moment cannot exceed the limit. Dropping
    /// the guard takes the failure back.
    #[must_use]
    pub fn note_ahead<'f>(&'f self, source: IpAddr, attempt: Attempt<'f>) -> Ahead<'f> {
        self.note(source, attempt);
        Ahead { failures: self, source, attempt, is_kept: false }
    }

    fn undo(&self, source: IpAddr, attempt: Attempt<'_>) {
        let key = self.key(source, attempt);
        let mut record_failure = self.record_failure.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = record_failure.get_mut(&key) {
            count.failures = count.failures.saturating_sub(1);
        }
    }

    fn key(&self, source: IpAddr, attempt: Attempt<'_>) -> u64 {
        self.hasher.hash_one((network::client_prefix(source), attempt))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn too_many_failures_of_one_source_at_one_thing_are_slowed_down_and_no_others() {
        let failures = Failures::new(3);
        let attempt = Attempt::Session("ann@example.com");
        for _ in 0..3 {
            assert_eq!(failures.check(HERE, attempt), Ok(()));
            failures.note(HERE, attempt);
        }
        let RetryAfter(seconds) = failures.check(HERE, attempt).unwrap_err();
        assert!((59..=60).contains(&seconds), "{seconds}");
        for (source, other) in [
            (HERE, Attempt::Session("bob@example.com")),
            (HERE, Attempt::Client("ann@example.com")),
            ("10.0.0.1".parse().unwrap(), attempt),
        ] {
            assert_eq!(failures.check(source, other), Ok(()));
        }
    }

    #[test]
    fn one_network_of_ipv6_is_one_source_and_so_are_both_spellings_of_ipv4() {
        let same = |one: &str, other: &str| {
            network::client_prefix(one.parse().unwrap()) == network::client_prefix(other.parse().unwrap())
        };
        assert!(same("2001:db8::1", "2001:db8::ffff:1"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
        assert!(same("::ffff:10.0.0.1", "10.0.0.1"));
    }

    #[test]
    fn the_map_stays_bounded_and_keeps_who_is_slowed_down() {
        let failures = Failures::new(2);
        let slow = Attempt::Client("slow");
        failures.note(HERE, slow);
        failures.note(HERE, slow);
        for number in 0..3 * MOST {
            failures.note(HERE, Attempt::Token(&number.to_string()));
            assert!(failures.record_failure.lock().unwrap().len() <= MOST);
        }
        assert!(failures.check(HERE, slow).is_err());
    }
    #[test]
    fn a_full_map_makes_room_for_many_at_once() {
        let failures = Failures::new(2);
        let long_ago = Instant::now().checked_sub(WINDOW).expect("a machine that has been running for a minute");
        let counts = (0..MOST).map(|number| {
            let since = if number < 10 { long_ago } else { Instant::now() };
            (number as u64, Count { since, failures: 1 })
        });
        failures.record_failure.lock().unwrap().extend(counts);
        failures.note(HERE, Attempt::Token("new"));
        assert!(failures.record_failure.lock().unwrap().len() <= MOST / 2);
    }
}

//! `RATE_LIMIT`: how often a caller may ask, or a client that is nobody.
//!
//! # Design
//! One number is kept for each caller: the moment at which it will have all of its requests back (GCRA). Who has all of
//! them back need not be remembered, so the memory is bounded by who asked within the last moments; if even those are
//! too many, newcomers share one number until there is room again.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::model::id::UserId;
use crate::model::network;
use crate::model::rate::Rate;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

const SECOND: u64 = 1_000_000_000;
/// Parts that are locked apart from each other.
const PARTS: usize = 16;
/// The most callers that a part remembers; about 2 MiB in all.
const MOST: usize = 4_096;
/// A part that is full is looked through at most this often, in nanoseconds.
const PAUSE: u64 = SECOND / 10;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Asker {
    /// A verified user, wherever it asks from.
    User(UserId),
    /// Nobody that is known, from this address.
    Address(IpAddr),
}

/// What is said to somebody who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Seconds after which to try again, for whoever asks too often.
    pub retry_after: Option<u64>,
    limit: u32,
    remaining: u64,
    reset: u64,
}

/// Counts requests.
#[derive(Debug)]
pub struct RateLimit {
    rate: Rate,
    /// How long it takes to get one request back, in nanoseconds.
    interval: u64,
    began: Instant,
    hasher: RandomState,
    parts: [Mutex<Part>; PARTS],
}

#[derive(Debug, Default)]
struct Part {
    /// When each caller has everything back.
    full_at: HashMap<u64, u64>,
    /// The same for all that there is no room for.
    others_full_at: u64,
    looked_through: u64,
}

impl RateLimit {
    /// A limit for everybody.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        let interval = SECOND / u64::from(rate.per_second.max(1));
        Self { rate, interval, began: Instant::now(), hasher: RandomState::new(), parts: Default::default() }
    }

    /// Takes a request of somebody, or says when the next one may come.
    #[must_use]
    pub fn ask(&self, asker: Asker) -> Verdict {
        self.ask_at(asker, u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn ask_at(&self, asker: Asker, now: u64) -> Verdict {
        let asker = match asker {
            Asker::Address(address) => Asker::Address(network::client_prefix(address)),
            user @ Asker::User(_) => user,
        };
        let key = self.hasher.hash_one(asker);
        let part = usize::try_from(key).unwrap_or(0) % PARTS;
        let whole = self.interval.saturating_mul(self.rate.burst.into());
        let Some(part) = self.parts.get(part) else { return self.verdict(None, now, now) };
        let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = part.full_at_of(key, now);
        let then = (*full_at).max(now).saturating_add(self.interval);
        match (then - now).checked_sub(whole) {
            None | Some(0) => {
                *full_at = then;
                self.verdict(None, then, now)
            }
            Some(wait) => self.verdict(Some(wait.div_ceil(SECOND)), *full_at, now),
        }
    }

    fn verdict(&self, retry_after: Option<u64>, full_at: u64, now: u64) -> Verdict {
        let taken = full_at.saturating_sub(now);
        let remaining = u64::from(self.rate.burst).saturating_sub(taken.div_ceil(self.interval.max(1)));
        Verdict { retry_after, limit: self.rate.burst, remaining, reset: taken.div_ceil(SECOND) }
    }
}

impl Part {
    fn full_at_of(&mut self, key: u64, now: u64) -> &mut u64 {
        let is_new = !self.full_at.contains_key(&key);
        if is_new && self.full_at.len() >= MOST && now >= self.looked_through {
            self.full_at.retain(|_, full_at| *full_at > now);
            self.looked_through = now.saturating_add(PAUSE);
        }
        if is_new && self.full_at.len() >= MOST {
            return &mut self.others_full_at;
        }
        self.full_at.entry(key).or_insert(now)
    }
}

impl Verdict {
    /// Says it in the header fields of an answer (draft-ietf-httpapi-ratelimit-headers-06).
    pub fn write(&self, headers: &mut HeaderMap) {
        headers.insert(LIMIT, HeaderValue::from(self.limit));
        headers.insert(REMAINING, HeaderValue::from(self.remaining));
        headers.insert(RESET, HeaderValue::from(self.reset));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ANN: Asker = Asker::User(UserId::new(1));
    const BOB: Asker = Asker::User(UserId::new(2));

    fn limit(per_second: u32, burst: u32) -> RateLimit {
        RateLimit::new(Rate { per_second, burst })
    }

    #[test]
    fn a_burst_is_let_through_and_then_one_each_interval() {
        let limit = limit(2, 3);
        let at = |asker, millis: u64| limit.ask_at(asker, 5 * SECOND + millis * 1_000_000);
        for remaining in [2, 1, 0] {
            let verdict = at(ANN, 0);
            assert_eq!((verdict.retry_after, verdict.remaining), (None, remaining));
        }
        assert_eq!(at(ANN, 0), Verdict { retry_after: Some(1), limit: 3, remaining: 0, reset: 2 });
        assert_eq!(at(ANN, 499).retry_after, Some(1));
        assert_eq!(at(BOB, 499).retry_after, None, "one caller's haste is nobody else's");
        assert_eq!(at(ANN, 500).retry_after, None);
        assert_eq!(at(ANN, 500).retry_after, Some(1));
        assert_eq!(at(ANN, 60_000).remaining, 2, "after a pause everything is back");
    }

    #[test]
    fn whoever_waits_as_long_as_it_is_told_is_let_in() {
        let limit = limit(1, 1);
        assert_eq!(limit.ask_at(ANN, 0).retry_after, None);
        for round in 0..5 {
            let refused = limit.ask_at(ANN, round * SECOND + 1).retry_after.unwrap();
            assert_eq!(limit.ask_at(ANN, round * SECOND + 1 + refused * SECOND).retry_after, None);
        }
    }

    #[test]
    fn a_network_of_ipv6_is_one_asker() {
        let limit = limit(1, 1);
        let from = |address: &str| limit.ask_at(Asker::Address(address.parse().unwrap()), 0).retry_after;
        assert_eq!((from("2001:db8::1"), from("2001:db8::2"), from("2001:db8:0:1::1")), (None, Some(1), None));
        assert_eq!((from("10.0.0.1"), from("::ffff:10.0.0.1"), from("10.0.0.2")), (None, Some(1), None));
    }

    #[test]
    fn memory_is_bounded_and_a_flood_does_not_wash_away_who_is_limited() {
        let limit = limit(1, 1);
        assert_eq!(limit.ask_at(ANN, 0).retry_after, None);
        for number in 0..200_000_u32 {
            let _ = limit.ask_at(Asker::Address(IpAddr::from(number.to_be_bytes())), 1);
        }
        let kept = |limit: &RateLimit| limit.parts.iter().map(|part| part.lock().unwrap().full_at.len()).sum::<usize>();
        assert!(kept(&limit) <= PARTS * MOST);
        assert_eq!(limit.ask_at(ANN, 2).retry_after, Some(1));
        for number in 0..200_000_u32 {
            let _ = limit.ask_at(Asker::Address(IpAddr::from(number.to_be_bytes())), 10 * SECOND + u64::from(number));
        }
        assert!(kept(&limit) <= PARTS * MOST);
    }

    proptest! {
        #[test]
        fn no_second_has_more_than_rate_and_burst(
            per_second in 1_u32..50,
            burst in 1_u32..50,
            pauses in proptest::collection::vec(0_u64..SECOND / 10, 1..300),
        ) {
            let limit = limit(per_second, burst);
            let mut now = 0;
            let mut let_in = Vec::new();
            for pause in pauses {
                now += pause;
                let verdict = limit.ask_at(ANN, now);
                prop_assert!(verdict.remaining <= burst.into());
                if verdict.retry_after.is_none() {
                    let_in.push(now);
                }
            }
            for (at, start) in let_in.iter().enumerate() {
                let within = let_in[at..].iter().take_while(|moment| **moment - start < SECOND).count();
                prop_assert!(within <= (per_second + burst) as usize);
            }
        }
    }
}

//! `RATE_LIMIT`: limits the requests of each caller, or of each address for unauthenticated requests.
//!
//! # Design
//! The limiter stores one number for each caller: the time at which its whole burst is available again (GCRA). Entries
//! in the past are dropped, so memory is bounded by the callers of the last moments. If even those are too many, new
//! callers share one number until there is room again.

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
/// The number of shards, each with its own lock.
const SHARDS: usize = 16;
/// The most callers in one shard; about 2 MiB in all.
const SHARD_CAPACITY: usize = 4_096;
/// How often a full shard is searched for expired entries at most, in nanoseconds.
const CLEANUP_INTERVAL: u64 = SECOND / 10;

/// What requests are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RateLimitKey {
    /// An authenticated user, from any address.
    User(UserId),
    /// The address of an unauthenticated request.
    Address(IpAddr),
}

/// The state of a limit after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimitStatus {
    /// Seconds after which to try again, if the request exceeds the limit.
    pub retry_after: Option<u64>,
    limit: u32,
    remaining: u64,
    reset: u64,
}

/// Counts requests and limits their rate.
#[derive(Debug)]
pub struct RateLimit {
    rate: Rate,
    /// After how many nanoseconds one more request is available.
    interval: u64,
    started: Instant,
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Debug, Default)]
struct Shard {
    /// When the whole burst of each caller is available again, in nanoseconds since the start.
    full_at: HashMap<u64, u64>,
    /// The same for all callers without an entry of their own.
    others_full_at: u64,
    next_cleanup: u64,
}

impl RateLimit {
    /// Applies the same limit to every caller.
    #[must_use]
    pub fn new(rate: Rate) -> Self {
        let interval = SECOND / u64::from(rate.per_second.max(1));
        Self { rate, interval, started: Instant::now(), hasher: RandomState::new(), shards: Default::default() }
    }

    /// Counts a request, unless it exceeds the limit.
    #[must_use]
    pub fn count(&self, key: RateLimitKey) -> RateLimitStatus {
        self.count_at(key, u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }

    fn count_at(&self, key: RateLimitKey, now: u64) -> RateLimitStatus {
        let key = match key {
            RateLimitKey::Address(address) => RateLimitKey::Address(network::client_prefix(address)),
            user @ RateLimitKey::User(_) => user,
        };
        let hash = self.hasher.hash_one(key);
        let shard = usize::try_from(hash).unwrap_or(0) % SHARDS;
        let whole_burst = self.interval.saturating_mul(self.rate.burst.into());
        let Some(shard) = self.shards.get(shard) else { return self.status(None, now, now) };
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = shard.full_at_of(hash, now);
        let then = (*full_at).max(now).saturating_add(self.interval);
        match (then - now).checked_sub(whole_burst) {
            None | Some(0) => {
                *full_at = then;
                self.status(None, then, now)
            }
            Some(wait) => self.status(Some(wait.div_ceil(SECOND)), *full_at, now),
        }
    }

    fn status(&self, retry_after: Option<u64>, full_at: u64, now: u64) -> RateLimitStatus {
        let used = full_at.saturating_sub(now);
        let remaining = u64::from(self.rate.burst).saturating_sub(used.div_ceil(self.interval.max(1)));
        RateLimitStatus { retry_after, limit: self.rate.burst, remaining, reset: used.div_ceil(SECOND) }
    }
}

impl Shard {
    fn full_at_of(&mut self, hash: u64, now: u64) -> &mut u64 {
        let is_new = !self.full_at.contains_key(&hash);
        if is_new && self.full_at.len() >= SHARD_CAPACITY && now >= self.next_cleanup {
            self.full_at.retain(|_, full_at| *full_at > now);
            self.next_cleanup = now.saturating_add(CLEANUP_INTERVAL);
        }
        if is_new && self.full_at.len() >= SHARD_CAPACITY {
            return &mut self.others_full_at;
        }
        self.full_at.entry(hash).or_insert(now)
    }
}

impl RateLimitStatus {
    /// Writes the `RateLimit-*` header fields of a response (draft-ietf-httpapi-ratelimit-headers-06).
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

    const ANN: RateLimitKey = RateLimitKey::User(UserId::new(1));
    const BOB: RateLimitKey = RateLimitKey::User(UserId::new(2));

    fn limit(per_second: u32, burst: u32) -> RateLimit {
        RateLimit::new(Rate { per_second, burst })
    }

    #[test]
    fn a_burst_is_allowed_and_then_one_request_per_interval() {
        let limit = limit(2, 3);
        let at = |key, millis: u64| limit.count_at(key, 5 * SECOND + millis * 1_000_000);
        for remaining in [2, 1, 0] {
            let status = at(ANN, 0);
            assert_eq!((status.retry_after, status.remaining), (None, remaining));
        }
        assert_eq!(at(ANN, 0), RateLimitStatus { retry_after: Some(1), limit: 3, remaining: 0, reset: 2 });
        assert_eq!(at(ANN, 499).retry_after, Some(1));
        assert_eq!(at(BOB, 499).retry_after, None, "each caller has its own limit");
        assert_eq!(at(ANN, 500).retry_after, None);
        assert_eq!(at(ANN, 500).retry_after, Some(1));
        assert_eq!(at(ANN, 60_000).remaining, 2, "after a pause the burst is available again");
    }

    #[test]
    fn a_request_after_retry_after_is_allowed() {
        let limit = limit(1, 1);
        assert_eq!(limit.count_at(ANN, 0).retry_after, None);
        for round in 0..5 {
            let refused = limit.count_at(ANN, round * SECOND + 1).retry_after.unwrap();
            assert_eq!(limit.count_at(ANN, round * SECOND + 1 + refused * SECOND).retry_after, None);
        }
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let limit = limit(1, 1);
        let from = |address: &str| limit.count_at(RateLimitKey::Address(address.parse().unwrap()), 0).retry_after;
        assert_eq!((from("2001:db8::1"), from("2001:db8::2"), from("2001:db8:0:1::1")), (None, Some(1), None));
        assert_eq!((from("10.0.0.1"), from("::ffff:10.0.0.1"), from("10.0.0.2")), (None, Some(1), None));
    }

    #[test]
    fn memory_is_bounded_and_a_flood_does_not_evict_limited_callers() {
        let limit = limit(1, 1);
        assert_eq!(limit.count_at(ANN, 0).retry_after, None);
        for number in 0..200_000_u32 {
            let _ = limit.count_at(RateLimitKey::Address(IpAddr::from(number.to_be_bytes())), 1);
        }
        let entries =
            |limit: &RateLimit| limit.shards.iter().map(|shard| shard.lock().unwrap().full_at.len()).sum::<usize>();
        assert!(entries(&limit) <= SHARDS * SHARD_CAPACITY);
        assert_eq!(limit.count_at(ANN, 2).retry_after, Some(1));
        for number in 0..200_000_u32 {
            let _ = limit
                .count_at(RateLimitKey::Address(IpAddr::from(number.to_be_bytes())), 10 * SECOND + u64::from(number));
        }
        assert!(entries(&limit) <= SHARDS * SHARD_CAPACITY);
    }

    proptest! {
        #[test]
        fn no_second_has_more_requests_than_rate_plus_burst(
            per_second in 1_u32..50,
            burst in 1_u32..50,
            pauses in proptest::collection::vec(0_u64..SECOND / 10, 1..300),
        ) {
            let limit = limit(per_second, burst);
            let mut now = 0;
            let mut allowed = Vec::new();
            for pause in pauses {
                now += pause;
                let status = limit.count_at(ANN, now);
                prop_assert!(status.remaining <= burst.into());
                if status.retry_after.is_none() {
                    allowed.push(now);
                }
            }
            for (at, start) in allowed.iter().enumerate() {
                let within = allowed[at..].iter().take_while(|moment| **moment - start < SECOND).count();
                prop_assert!(within <= (per_second + burst) as usize);
            }
        }
    }
}

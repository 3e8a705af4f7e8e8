//! The URLs by which the connections of a pool are made.
//!
//! # Design
//! Connections to the primary try the hosts of its URL in their order. Those to a replica begin with each host in turn, so
//! that all standbys serve reads, and are replaced after a while, so that a standby that was away gets its share again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::options::{add_options, default_options};

/// How long a connection to one of several standbys is used, at most; up to a half is added, so that not all are replaced
/// together.
const LONGEST_USE: Duration = Duration::from_secs(36);
/// The same as a multiple of the longest statement, where that is short.
const STATEMENTS: u32 = 4;

/// The URLs of the connections of a pool.
#[derive(Debug)]
pub(super) struct Addresses {
    /// Without and with the limits of a session.
    urls: Vec<[String; 2]>,
    made: AtomicUsize,
    lifetime: Option<Duration>,
}

/// The URL of the next connection.
pub(super) struct Address<'a> {
    pub url: &'a str,
    /// The same with limits of the session.
    pub limited_url: &'a str,
    /// When to replace the connection.
    pub until: Option<Instant>,
}

impl Addresses {
    /// The addresses of a server with one URL, or of one that has several.
    pub fn new(urls: Vec<String>, options: &str, longest_statement: Duration) -> Self {
        let lifetime = (urls.len() > 1).then(|| (longest_statement * STATEMENTS).min(LONGEST_USE));
        let default = default_options();
        let limited = |url: String| {
            let limited = add_options(&url, options, &default);
            [url, limited]
        };
        Self { urls: urls.into_iter().map(limited).collect(), made: AtomicUsize::new(0), lifetime }
    }

    /// The address of the next connection.
    pub fn next(&self) -> Address<'_> {
        let made = self.made.fetch_add(1, Ordering::Relaxed);
        let place = made.checked_rem(self.urls.len()).unwrap_or_default();
        let [url, limited_url] = self.urls.get(place).map_or(["", ""], |[url, limited]| [url, limited]);
        // A different time for each, without randomness.
        let until = |lifetime: Duration| {
            let part = u32::try_from(made % 8).unwrap_or_default();
            Instant::now() + lifetime + lifetime * part / 16
        };
        Address { url, limited_url, until: self.lifetime.map(until) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_to_several_hosts_take_turns_and_end_within_a_minute() {
        let several =
            Addresses::new(vec!["postgres://a,b".into(), "postgres://b,a".into()], "", Duration::from_mins(5));
        for number in 0..20 {
            let next = several.next();
            assert_eq!(next.url, ["postgres://a,b", "postgres://b,a"][number % 2]);
            assert!(next.limited_url.starts_with(next.url));
            assert!(next.until.expect("an end") < Instant::now() + Duration::from_secs(55));
        }
        let one = Addresses::new(vec!["postgres://a".into()], "", Duration::from_secs(1));
        assert!((0..3).all(|_| one.next().url == "postgres://a" && one.next().until.is_none()));
    }
}

//! The nonces that this instance has accepted while the primary could not store them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::model::id::ClientId;

/// How long a nonce is stored: a request is valid for five minutes before and after its timestamp.
pub(super) const NONCE_SECONDS: i64 = 600;
const LIFETIME: Duration = Duration::from_mins(10);
/// The most nonces that are remembered; beyond that, signed reads with a nonce are refused until the primary answers.
const MAX_NONCES: usize = 65_536;

/// The nonces that this instance has accepted without the primary.
#[derive(Debug, Default)]
pub(super) struct LocalNonces(Mutex<HashMap<(ClientId, String), Instant>>);

impl LocalNonces {
    /// Whether a nonce was used.
    pub fn contains(&self, client: ClientId, nonce: &str) -> bool {
        let used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        !used.is_empty() && used.contains_key(&(client, nonce.to_owned()))
    }

    /// Records the use of a nonce. `Some(false)` if it was used before, `None` if too many are remembered.
    pub fn insert(&self, client: ClientId, nonce: String) -> Option<bool> {
        let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= MAX_NONCES {
            used.retain(|_, since| since.elapsed() < LIFETIME);
        }
        (used.len() < MAX_NONCES).then(|| used.insert((client, nonce), Instant::now()).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_accepted_once_and_the_memory_is_bounded() {
        let (nonces, client) = (LocalNonces::default(), ClientId::new(1));
        assert!(!nonces.contains(client, "a"));
        assert_eq!(nonces.insert(client, "a".to_owned()), Some(true));
        assert!(nonces.contains(client, "a") && !nonces.contains(ClientId::new(2), "a"));
        assert_eq!(nonces.insert(client, "a".to_owned()), Some(false));
        for number in 1..MAX_NONCES {
            assert_eq!(nonces.insert(client, number.to_string()), Some(true));
        }
        assert_eq!(nonces.insert(client, "one more".to_owned()), None);
    }
}

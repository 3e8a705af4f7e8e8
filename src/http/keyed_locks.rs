//! Locks by key. Each key has one holder at a time; the others wait in order, without a thread or a connection.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The keys that are held or waited for now: at most one for each request in flight.
pub struct KeyedLocks<K: Eq + Hash>(Arc<Mutex<HashMap<K, KeyEntry>>>);

struct KeyEntry {
    semaphore: Arc<Semaphore>,
    /// Requests that hold the key or wait for it; the last of them removes the entry.
    users: usize,
}

impl<K: Eq + Hash> Default for KeyedLocks<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Clone + Eq + Hash> KeyedLocks<K> {
    /// Waits until no other request holds the key, and holds it until the guard is dropped.
    pub async fn lock(&self, key: K) -> KeyGuard<K> {
        let registration = self.register(key);
        // The semaphore is never closed, so `acquire_owned` never fails.
        let permit = Arc::clone(&registration.semaphore).acquire_owned().await.ok();
        KeyGuard { _permit: permit, _registration: registration }
    }

    fn register(&self, key: K) -> KeyRegistration<K> {
        let mut entries = entries(&self.0);
        let entry = entries.entry(key.clone());
        let entry = entry.or_insert_with(|| KeyEntry { semaphore: Arc::new(Semaphore::new(1)), users: 0 });
        entry.users += 1;
        KeyRegistration { entries: Arc::clone(&self.0), semaphore: Arc::clone(&entry.semaphore), key }
    }
}

/// Holds a key until it is dropped.
pub struct KeyGuard<K: Eq + Hash> {
    _permit: Option<OwnedSemaphorePermit>,
    _registration: KeyRegistration<K>,
}

/// Counts a request that holds a key or waits for it.
struct KeyRegistration<K: Eq + Hash> {
    entries: Arc<Mutex<HashMap<K, KeyEntry>>>,
    semaphore: Arc<Semaphore>,
    key: K,
}

impl<K: Eq + Hash> Drop for KeyRegistration<K> {
    fn drop(&mut self) {
        let mut entries = entries(&self.entries);
        if let Some(entry) = entries.get_mut(&self.key) {
            entry.users -= 1;
            if entry.users == 0 {
                entries.remove(&self.key);
            }
        }
    }
}

fn entries<K: Eq + Hash>(map: &Mutex<HashMap<K, KeyEntry>>) -> MutexGuard<'_, HashMap<K, KeyEntry>> {
    map.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    const SHORT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn a_key_has_one_holder_and_is_removed_after_the_last() {
        let locks = KeyedLocks::default();
        let first = locks.lock("a").await;
        assert!(timeout(SHORT, locks.lock("a")).await.is_err());
        let other = timeout(SHORT, locks.lock("b")).await;
        assert!(other.is_ok(), "another key is free");
        drop(first);
        let next = timeout(SHORT, locks.lock("a")).await;
        assert!(next.is_ok());
        drop((next, other));
        assert!(entries(&locks.0).is_empty());
    }
}

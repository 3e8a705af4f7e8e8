//! Short-lived caches of verified credentials and accounts, so that most requests authenticate without a query.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::bearer::Bearer;
use super::client::Verifier;
use super::identity::AccountKey;
use crate::model::client::Account;
use crate::model::id::UserId;
use crate::model::token::{Digest, TokenOwner};

/// The capacity of a cache; this many tokens take about 10 MiB.
const MAX_ENTRIES: usize = 65_536;
/// The capacity for signing clients, whose parsed keys are larger.
const MAX_CLIENTS: usize = 1_024;

/// All caches. A lookup without a result is not cached, so that a new credential works immediately.
pub(super) struct Cache {
    /// Incremented by every `forget`, so that a result read before it is not cached after it.
    generation: AtomicU64,
    /// Tokens and their owners.
    pub tokens: TtlCache<Digest, TokenOwner>,
    /// Signing clients with their keys, by `Api-Id`.
    pub clients: TtlCache<String, Arc<Verifier>>,
    /// Verified JWTs, with the number of the keys that verified them.
    pub bearers: TtlCache<Digest, (u64, Bearer)>,
    /// Accounts of users that JWTs and signatures name.
    pub accounts: TtlCache<AccountKey, Account>,
}

impl Cache {
    pub fn new(refresh: Duration) -> Self {
        Self {
            generation: AtomicU64::new(0),
            tokens: TtlCache::new(refresh, MAX_ENTRIES),
            clients: TtlCache::new(refresh, MAX_CLIENTS),
            bearers: TtlCache::new(refresh, MAX_ENTRIES),
            accounts: TtlCache::new(refresh, MAX_ENTRIES),
        }
    }

    /// The current generation. Take it before the query whose result is to be cached.
    pub fn generation(&self) -> Generation<'_> {
        Generation { now: &self.generation, at_start: self.generation.load(Ordering::Acquire) }
    }

    /// Removes a credential that the primary does not have any more, so that it is not trusted later, and a result that was
    /// read before is not cached.
    pub fn revoke<K: Eq + Hash, V: Clone>(&self, cache: &TtlCache<K, V>, key: &K) {
        if cache.contains(key) {
            self.generation.fetch_add(1, Ordering::AcqRel);
            cache.remove(key);
        }
    }

    /// Removes all entries of a user.
    pub fn forget(&self, user: UserId) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.tokens.remove_where(|owner| owner.user == user);
        self.accounts.remove_where(|account| account.user == user);
    }
}

/// The generation at the start of a query.
#[derive(Clone, Copy)]
pub(super) struct Generation<'c> {
    now: &'c AtomicU64,
    at_start: u64,
}

impl Generation<'_> {
    fn is_stale(self) -> bool {
        self.now.load(Ordering::Acquire) != self.at_start
    }
}

/// A bounded map whose entries expire.
pub(super) struct TtlCache<K, V> {
    refresh: Duration,
    capacity: usize,
    entries: RwLock<HashMap<K, (Instant, V)>>,
}

impl<K: Eq + Hash, V: Clone> TtlCache<K, V> {
    pub fn new(refresh: Duration, capacity: usize) -> Self {
        Self { refresh, capacity, entries: RwLock::default() }
    }

    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.get_within(key, self.refresh)
    }

    /// An entry of at most that age. Older ones than those that [`get`](Self::get) returns are kept until the cache is full.
    pub fn get_within<Q: Eq + Hash + ?Sized>(&self, key: &Q, age: Duration) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let (since, value) = entries.get(key)?;
        (since.elapsed() < age).then(|| value.clone())
    }

    fn contains(&self, key: &K) -> bool {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).contains_key(key)
    }

    fn remove(&self, key: &K) {
        self.entries.write().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// Caches the result of a query, unless `forget` was called since `generation`.
    pub fn put(&self, generation: Generation<'_>, key: K, value: V) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        // Checked under the lock: `forget` increments the generation before it removes entries.
        if generation.is_stale() {
            return;
        }
        let now = Instant::now();
        if entries.len() >= self.capacity {
            entries.retain(|_, (since, _)| now.saturating_duration_since(*since) < self.refresh);
            // Removal must free many places, or every following insert would scan the map again.
            if entries.len() > self.capacity / 2 {
                entries.clear();
            }
        }
        entries.insert(key, (now, value));
    }

    fn remove_where(&self, is_match: impl Fn(&V) -> bool) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, (_, value)| !is_match(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::client::SigningClient;
    use crate::model::id::{ClientId, TokenId};
    use crate::model::user::AccessLevel;

    fn owner(user: i64) -> TokenOwner {
        TokenOwner {
            token: TokenId::new(user),
            expires_at: None,
            last_used_at: None,
            user: UserId::new(user),
            level: AccessLevel::User,
            is_enabled: true,
        }
    }

    fn digest(number: u32) -> Digest {
        let mut digest = [0; 32];
        digest[..4].copy_from_slice(&number.to_le_bytes());
        digest
    }

    #[test]
    fn the_token_cache_is_bounded() {
        let cache = Cache::new(Duration::from_hours(1));
        for number in 0..100_000 {
            cache.tokens.put(cache.generation(), digest(number), owner(1));
            assert!(cache.tokens.entries.read().unwrap().len() <= MAX_ENTRIES);
        }
        assert!(cache.tokens.get(&digest(99_999)).is_some());
        assert!(cache.tokens.entries.read().unwrap().capacity() <= 4 * MAX_ENTRIES);
    }

    #[test]
    fn the_caches_of_accounts_and_clients_are_bounded() {
        let cache = Cache::new(Duration::from_hours(1));
        let account = |user| Account { user: UserId::new(user), level: AccessLevel::User, is_enabled: true };
        for number in 0..100_000 {
            cache.accounts.put(cache.generation(), AccountKey::Id(UserId::new(number)), account(number));
            assert!(cache.accounts.entries.read().unwrap().len() <= MAX_ENTRIES);
        }
        let row = SigningClient { id: ClientId::new(1), allows_sha1: false, keys: Vec::new() };
        let client = Arc::new(Verifier::new(row));
        for number in 0..3_000 {
            cache.clients.put(cache.generation(), format!("client {number}"), Arc::clone(&client));
            assert!(cache.clients.entries.read().unwrap().len() <= MAX_CLIENTS);
        }
    }

    #[test]
    fn a_result_read_before_forget_is_not_cached() {
        let cache = Cache::new(Duration::from_hours(1));
        let before = cache.generation();
        cache.forget(UserId::new(7));
        cache.tokens.put(before, digest(1), owner(7));
        assert!(cache.tokens.get(&digest(1)).is_none());
        cache.tokens.put(cache.generation(), digest(1), owner(7));
        cache.tokens.put(cache.generation(), digest(2), owner(8));
        cache.forget(UserId::new(7));
        assert!(cache.tokens.get(&digest(1)).is_none() && cache.tokens.get(&digest(2)).is_some());
    }

    #[test]
    fn a_revoked_credential_is_not_trusted_later() {
        let (cache, grace) = (Cache::new(Duration::ZERO), Duration::from_hours(1));
        let before = cache.generation();
        cache.tokens.put(before, digest(1), owner(7));
        assert!(cache.tokens.get(&digest(1)).is_none() && cache.tokens.get_within(&digest(1), grace).is_some());
        cache.revoke(&cache.tokens, &digest(1));
        cache.tokens.put(before, digest(1), owner(7));
        assert!(cache.tokens.get_within(&digest(1), grace).is_none());
    }

    #[test]
    fn a_full_cache_frees_at_least_half_of_its_places() {
        let refresh = Duration::from_millis(200);
        for (old, left) in [(6, 3), (2, 1)] {
            let (cache, generation) = (TtlCache::new(refresh, 8), AtomicU64::new(0));
            let put = |number| cache.put(Generation { now: &generation, at_start: 0 }, number, ());
            (0..old).for_each(put);
            std::thread::sleep(refresh);
            (old..9).for_each(put);
            assert_eq!(cache.entries.read().unwrap().len(), left, "{old} of 8 have expired");
        }
    }

    #[test]
    fn a_refresh_of_zero_caches_nothing() {
        let cache = Cache::new(Duration::ZERO);
        cache.tokens.put(cache.generation(), digest(1), owner(1));
        assert!(cache.tokens.get(&digest(1)).is_none());
    }
}

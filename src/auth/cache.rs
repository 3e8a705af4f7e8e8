//! What was verified or read, kept for a moment so that most requests need not ask the database.

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

/// The most entries of a kind; about 10 MiB of tokens.
const MOST: usize = 65_536;
/// The most clients that sign, whose parsed keys are larger.
const MOST_CLIENTS: usize = 1_024;

/// Everything that is kept. Nothing is kept of what was not found, so that what was just made works at once.
pub(super) struct Cache {
    /// Raised by every `forget`, so that an answer read before it is not kept after it.
    generation: AtomicU64,
    /// Tokens and their owners.
    pub tokens: TtlCache<Digest, TokenOwner>,
    /// Clients that sign, with their keys.
    pub clients: TtlCache<String, Arc<Verifier>>,
    /// JWTs that were verified, and with which keys.
    pub bearers: TtlCache<Digest, (u64, Bearer)>,
    /// Accounts of users whom other credentials name.
    pub accounts: TtlCache<AccountKey, Account>,
}

impl Cache {
    pub fn new(refresh: Duration) -> Self {
        Self {
            generation: AtomicU64::new(0),
            tokens: TtlCache::new(refresh, MOST),
            clients: TtlCache::new(refresh, MOST_CLIENTS),
            bearers: TtlCache::new(refresh, MOST),
            accounts: TtlCache::new(refresh, MOST),
        }
    }

    /// The moment that a question to the database belongs to.
    pub fn generation(&self) -> Generation<'_> {
        Generation { now: &self.generation, asked: self.generation.load(Ordering::Acquire) }
    }

    /// Forgets what is known of a user.
    pub fn forget(&self, user: UserId) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.tokens.drop_where(|owner| owner.user == user);
        self.accounts.drop_where(|account| account.user == user);
    }
}

/// The moment at which a question was asked.
#[derive(Clone, Copy)]
pub(super) struct Generation<'c> {
    now: &'c AtomicU64,
    asked: u64,
}

impl Generation<'_> {
    fn is_over(self) -> bool {
        self.now.load(Ordering::Acquire) != self.asked
    }
}

/// A bounded map whose entries are believed for a while.
pub(super) struct TtlCache<K, V> {
    refresh: Duration,
    most: usize,
    entries: RwLock<HashMap<K, (Instant, V)>>,
}

impl<K: Eq + Hash, V: Clone> TtlCache<K, V> {
    pub fn new(refresh: Duration, most: usize) -> Self {
        Self { refresh, most, entries: RwLock::default() }
    }

    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let (since, value) = entries.get(key)?;
        (since.elapsed() < self.refresh).then(|| value.clone())
    }

    /// Keeps what was found by a question, unless something was forgotten since.
    pub fn put(&self, generation: Generation<'_>, key: K, value: V) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        // Asked while holding the map: who forgets raises the epoch first and sweeps the map after.
        if generation.is_over() {
            return;
        }
        let now = Instant::now();
        if entries.len() >= self.most {
            entries.retain(|_, (since, _)| now.saturating_duration_since(*since) < self.refresh);
            // A sweep must make room for many more, or each of them would sweep again.
            if entries.len() > self.most / 2 {
                entries.clear();
            }
        }
        entries.insert(key, (now, value));
    }

    fn drop_where(&self, is_meant: impl Fn(&V) -> bool) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, (_, value)| !is_meant(value));
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
    fn a_hundred_thousand_tokens_do_not_make_the_cache_grow() {
        let cache = Cache::new(Duration::from_hours(1));
        for number in 0..100_000 {
            cache.tokens.put(cache.generation(), digest(number), owner(1));
            assert!(cache.tokens.entries.read().unwrap().len() <= MOST);
        }
        assert!(cache.tokens.get(&digest(99_999)).is_some());
        assert!(cache.tokens.entries.read().unwrap().capacity() <= 4 * MOST);
    }

    #[test]
    fn neither_do_a_hundred_thousand_users_and_some_thousand_clients() {
        let cache = Cache::new(Duration::from_hours(1));
        let account = |user| Account { user: UserId::new(user), level: AccessLevel::User, is_enabled: true };
        for number in 0..100_000 {
            cache.accounts.put(cache.generation(), AccountKey::Id(UserId::new(number)), account(number));
            assert!(cache.accounts.entries.read().unwrap().len() <= MOST);
        }
        let row = SigningClient { id: ClientId::new(1), allows_sha1: false, keys: Vec::new() };
        let client = Arc::new(Verifier::new(row));
        for number in 0..3_000 {
            cache.clients.put(cache.generation(), format!("client {number}"), Arc::clone(&client));
            assert!(cache.clients.entries.read().unwrap().len() <= MOST_CLIENTS);
        }
    }

    #[test]
    fn what_was_asked_before_a_user_was_forgotten_is_not_kept() {
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
    fn a_full_cache_makes_room_for_many_at_once() {
        let refresh = Duration::from_millis(200);
        for (old, left) in [(6, 3), (2, 1)] {
            let (kept, generation) = (TtlCache::new(refresh, 8), AtomicU64::new(0));
            let put = |number| kept.put(Generation { now: &generation, asked: 0 }, number, ());
            (0..old).for_each(put);
            std::thread::sleep(refresh);
            (old..9).for_each(put);
            assert_eq!(kept.entries.read().unwrap().len(), left, "{old} of 8 are believed no longer");
        }
    }

    #[test]
    fn nothing_is_believed_when_it_is_to_be_asked_every_time() {
        let cache = Cache::new(Duration::ZERO);
        cache.tokens.put(cache.generation(), digest(1), owner(1));
        assert!(cache.tokens.get(&digest(1)).is_none());
    }
}

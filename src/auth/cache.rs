//! Verified tokens and their owners, kept for a moment so that most requests need not ask the database.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::model::id::UserId;
use crate::model::token::{Digest, TokenOwner};

/// The most tokens that are kept; about 10 MiB.
const MOST: usize = 65_536;

pub(super) struct Cache {
    refresh: Duration,
    /// Raised by every `forget`, so that an answer read before it is not kept after it.
    epoch: AtomicU64,
    kept: RwLock<HashMap<Digest, (Instant, TokenOwner)>>,
}

impl Cache {
    pub fn new(refresh: Duration) -> Self {
        Self { refresh, epoch: AtomicU64::new(0), kept: RwLock::default() }
    }

    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    pub fn get(&self, digest: &Digest) -> Option<TokenOwner> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let (since, owner) = kept.get(digest)?;
        (since.elapsed() < self.refresh).then_some(*owner)
    }

    pub fn put(&self, epoch: u64, digest: Digest, owner: TokenOwner) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if self.epoch() != epoch {
            return;
        }
        if kept.len() >= MOST {
            kept.retain(|_, (since, _)| since.elapsed() < self.refresh);
            if kept.len() >= MOST {
                kept.clear();
            }
        }
        kept.insert(digest, (Instant::now(), owner));
    }

    pub fn forget(&self, user: UserId) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        self.epoch.fetch_add(1, Ordering::AcqRel);
        kept.retain(|_, (_, owner)| owner.user != user);
    }
}

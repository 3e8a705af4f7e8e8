//! The key that signs cursors. It is in the database, and `secret rotate` replaces it while instances run.
//!
//! # Design
//! A request uses the key of the last two seconds without a query, so a cursor that an earlier key has signed is refused
//! within that time. A cursor that the cached key has not signed may come from an instance that has read a newer one: then
//! the key is read again before the cursor is refused.

use aws_lc_rs::hmac;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::model::error::{Error, Result};
use crate::store::{Cost, Store, Tx, migrations};

/// How long a key is used without reading it again.
const FRESH: Duration = Duration::from_secs(2);
/// How long a request waits for the key while there is an earlier one to use.
const PATIENCE: Duration = Duration::from_millis(500);

/// The key, as last read.
#[derive(Default)]
pub struct CursorKey {
    cached: Mutex<Option<CachedKey>>,
}

#[derive(Clone)]
struct CachedKey {
    key: Arc<hmac::Key>,
    since: Instant,
}

impl CursorKey {
    /// Creates the cursors that the key signs. If they do not accept what a client sent, the key is read again.
    ///
    /// # Errors
    /// Those of the store, if the key is not known yet.
    pub async fn cursors<C>(
        &self,
        store: &Store,
        create: impl Fn(&Arc<hmac::Key>) -> C,
        accept: impl Fn(&C) -> bool,
    ) -> Result<C> {
        let cursors = create(&self.current(store).await?);
        if accept(&cursors) {
            return Ok(cursors);
        }
        Ok(create(&self.refresh(read(store)).await?))
    }

    async fn current(&self, store: &Store) -> Result<Arc<hmac::Key>> {
        let fresh = self.lock().as_ref().filter(|cached| cached.since.elapsed() < FRESH).map(|it| Arc::clone(&it.key));
        match fresh {
            Some(key) => Ok(key),
            None => self.refresh(read(store)).await,
        }
    }

    /// Reads the key; keeps the earlier one while the database does not respond.
    async fn refresh(&self, read: impl Future<Output = Result<Arc<hmac::Key>>>) -> Result<Arc<hmac::Key>> {
        let Some(earlier) = self.renew() else {
            let key = read.await?;
            return Ok(self.keep(key));
        };
        match tokio::time::timeout(PATIENCE, read).await {
            Ok(Ok(key)) => Ok(self.keep(key)),
            Ok(Err(_)) | Err(_) => Ok(earlier),
        }
    }

    /// Counts the earlier key as fresh, so that concurrent requests use it instead of waiting as well.
    fn renew(&self) -> Option<Arc<hmac::Key>> {
        let mut cached = self.lock();
        let earlier = cached.as_mut()?;
        earlier.since = Instant::now();
        Some(Arc::clone(&earlier.key))
    }

    fn keep(&self, key: Arc<hmac::Key>) -> Arc<hmac::Key> {
        *self.lock() = Some(CachedKey { key: Arc::clone(&key), since: Instant::now() });
        key
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<CachedKey>> {
        self.cached.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(store: &Store) -> Result<Arc<hmac::Key>> {
    let job = |tx: &mut Tx<'_>| tx.secret(migrations::CURSOR_SECRET);
    let secret = store.read("secrets.cursor", Cost::Bounded, job).await?;
    let secret = secret.ok_or_else(|| Error::Unavailable("the database has no key for cursors yet".to_owned()))?;
    Ok(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> Arc<hmac::Key> {
        Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &[byte; 32]))
    }

    #[tokio::test]
    async fn an_earlier_key_is_used_while_the_database_does_not_respond() {
        let cached = CursorKey::default();
        let down = || async { Err(Error::Unavailable("down".to_owned())) };
        assert!(cached.refresh(down()).await.is_err());
        let first = cached.refresh(async { Ok(key(1)) }).await.unwrap();
        assert!(Arc::ptr_eq(&first, &cached.refresh(down()).await.unwrap()));
        let hanging = std::future::pending();
        assert!(Arc::ptr_eq(&first, &cached.refresh(hanging).await.unwrap()));
        let second = cached.refresh(async { Ok(key(2)) }).await.unwrap();
        assert!(!Arc::ptr_eq(&first, &second));
    }
}

//! Looks credentials up in the primary database, and where else while that cannot be reached.
//!
//! # Design
//! The primary decides about every credential. While it does not answer, a request that only reads, which a replica can
//! serve, is not refused: a credential that the primary has verified within `AUTH_GRACE` is trusted, and any other one is
//! looked up in the replica. What the replica does not have is refused as unavailable and not as invalid, because it may
//! be late. Requests that change something need the primary anyway, so they are never authenticated without it.

use std::hash::Hash;
use std::time::Duration;

use super::cache::TtlCache;
use super::outage::{Asked, Purpose};
use super::{Auth, AuthError};
use crate::model::error::{Error, Result as JobResult};
use crate::store::{Cost, Tx};

/// How long a request that reads waits for the primary.
const PATIENCE: Duration = Duration::from_millis(500);

impl Auth {
    /// Looks a credential up that is not in the cache, and keeps what is found there.
    pub(super) async fn look_up<K: Eq + Hash + Clone, V: Clone + Send + 'static>(
        &self,
        purpose: Purpose,
        (cache, key): (&TtlCache<K, V>, K),
        name: &'static str,
        job: impl Fn(&mut Tx<'_>) -> JobResult<Option<V>> + Clone + Send + Sync + 'static,
    ) -> Result<Option<V>, AuthError> {
        let generation = self.cache.generation();
        let found = match self.ask_primary(purpose, name, job.clone()).await? {
            Asked::Answered(found) => found,
            Asked::Unreachable(error) => match cache.get_within(&key, self.grace) {
                Some(known) => return Ok(Some(known)),
                None => Some(self.ask_replica(error, name, job).await?),
            },
        };
        match &found {
            Some(value) => cache.put(generation, key, value.clone()),
            None => self.cache.revoke(cache, &key),
        }
        Ok(found)
    }

    /// Asks the primary. A request that may be served without it waits only briefly.
    pub(super) async fn ask_primary<T: Send + 'static>(
        &self,
        purpose: Purpose,
        name: &'static str,
        job: impl Fn(&mut Tx<'_>) -> JobResult<T> + Send + Sync + 'static,
    ) -> Result<Asked<T>, AuthError> {
        let answer = self.store.read(name, Cost::Bounded, job);
        self.reach_primary(purpose, answer).await
    }

    /// Waits for an answer of the primary.
    pub(super) async fn reach_primary<T>(
        &self,
        purpose: Purpose,
        answer: impl Future<Output = JobResult<T>>,
    ) -> Result<Asked<T>, AuthError> {
        if purpose == Purpose::Change || self.grace.is_zero() || !self.store.has_replica() {
            return answer.await.map(Asked::Answered).map_err(AuthError::Failed);
        }
        let unreachable = || Error::Unavailable("the primary does not answer".to_owned());
        if !self.outage.may_ask() {
            return Ok(Asked::Unreachable(unreachable()));
        }
        let answer = tokio::time::timeout(PATIENCE, answer).await.unwrap_or_else(|_| Err(unreachable()));
        self.outage.record(!matches!(answer, Err(Error::Unavailable(_))));
        match answer {
            Ok(answer) => Ok(Asked::Answered(answer)),
            Err(error @ Error::Unavailable(_)) => Ok(Asked::Unreachable(error)),
            Err(error) => Err(AuthError::Failed(error)),
        }
    }

    /// Asks the replica, because the primary does not answer.
    pub(super) async fn ask_replica<T: Send + 'static>(
        &self,
        unreachable: Error,
        name: &'static str,
        job: impl Fn(&mut Tx<'_>) -> JobResult<Option<T>> + Send + Sync + 'static,
    ) -> Result<T, AuthError> {
        let found = self.store.read_standby(name, Cost::Bounded, job).await;
        found.flatten().ok_or(AuthError::Failed(unreachable))
    }
}

//! Who is asking: turns what a request brings into a verified caller.

mod cache;
pub mod token;

use std::time::Duration;

use crate::clock::Clock;
use crate::model::caller::Caller;
use crate::model::error::Error;
use crate::model::id::{TokenId, UserId};
use crate::model::time::Timestamp;
use crate::model::token::{Digest, TokenOwner};
use crate::model::user::AccessLevel;
use crate::store::{Cost, Store};
use cache::Cache;

/// How long a use of a token may go unnoted.
const NOTED_EVERY_SECONDS: i64 = 60;

/// Why nobody is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    /// No credential, or none that is valid: 401. The sentence says what to send; it never tells why one failed.
    Unauthenticated(&'static str),
    /// The credential is valid, its user is disabled or excluded: 403.
    Disabled,
    /// Nobody can tell at present.
    Failed(Error),
}

/// Checks credentials; keeps what it verified for a moment.
pub struct Auth {
    store: Store,
    clock: Clock,
    cache: Cache,
}

impl Auth {
    /// Verified callers are asked for again after `refresh`.
    #[must_use]
    pub fn new(store: Store, clock: Clock, refresh: Duration) -> Self {
        Self { store, clock, cache: Cache::new(refresh) }
    }

    /// The caller that the `Authorization` header fields of a request name.
    ///
    /// # Errors
    /// [`Denied`].
    pub async fn identify(&self, authorization: &[&[u8]]) -> Result<Caller, Denied> {
        let header = match authorization {
            [] => return Err(Denied::Unauthenticated("send `Authorization: Token token=…`")),
            [one] => *one,
            _ => return Err(Denied::Unauthenticated("send exactly one `Authorization` header")),
        };
        let secret = token::presented(header).ok_or(Denied::Unauthenticated(
            "the `Authorization` header is none of `Token token=…` and `Bearer urt_…`",
        ))?;
        let owner = self.owner(token::digest(secret)).await?;
        if owner.expires_at.is_some_and(|end| end <= self.clock.now()) {
            return Err(INVALID);
        }
        if !owner.is_enabled || owner.level == AccessLevel::Excluded {
            return Err(Denied::Disabled);
        }
        Ok(Caller { id: owner.user, level: owner.level })
    }

    /// Forgets what is known of a user, so that a change made here is obeyed here at once.
    pub fn forget(&self, user: UserId) {
        self.cache.forget(user);
    }

    async fn owner(&self, digest: Digest) -> Result<TokenOwner, Denied> {
        if let Some(owner) = self.cache.get(&digest) {
            return Ok(owner);
        }
        let epoch = self.cache.epoch();
        let found = self.store.read("tokens.owner", Cost::Bounded, move |tx| tx.token_owner(&digest)).await;
        let owner = found.map_err(Denied::Failed)?.ok_or(INVALID)?;
        self.cache.put(epoch, digest, owner);
        self.note_use(owner.token, owner.last_used_at);
        Ok(owner)
    }

    /// Notes the use of a token, in the background and about once a minute: it is information, not a condition.
    fn note_use(&self, token: TokenId, last: Option<Timestamp>) {
        if last.is_some_and(|last| last.plus_seconds(NOTED_EVERY_SECONDS) > self.clock.now()) {
            return;
        }
        let store = self.store.clone();
        tokio::spawn(async move {
            if let Err(error) = store.write("tokens.touch", move |tx| tx.touch_token(token)).await {
                log::debug!("the use of a token was not noted: {error:?}");
            }
        });
    }
}

const INVALID: Denied = Denied::Unauthenticated("the token is unknown, expired or revoked");

//! Who is asking: turns what a request brings into a verified caller.

mod bearer;
mod cache;
pub mod claims;
mod client;
mod decoy_keys;
pub mod failures;
mod identify_jwt;
mod identity;
mod json_encoding;
pub mod jwt;
pub mod keys;
pub mod keyset;
pub mod password;
mod reload;
mod rsa;
pub mod signature;
mod signed;
pub mod token;
pub mod turns;

use std::net::IpAddr;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

pub use client::Recognized;
pub use identity::{Identity, Scheme};

use crate::clock::Clock;
use crate::model::caller::Caller;
use crate::model::client::Account;
use crate::model::error::Error;
use crate::model::id::{TokenId, UserId};
use crate::model::time::Timestamp;
use crate::model::token::{Digest, TokenOwner};
use crate::model::user::AccessLevel;
use crate::store::{Cost, Store};
use cache::Cache;
use failures::{Attempt, Failures, RetryAfter};
use jwt::Issuer;
use reload::ReloadingKeys;
use tokio::sync::{Semaphore, SemaphorePermit};

/// How long a use of a token may go unnoted.
const NOTED_EVERY_SECONDS: i64 = 60;

/// How many credentials of sources with too many failures are looked up at the same time.
const LOOKUPS_OF_SUSPECTS: usize = 2;

/// What is set about credentials.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Verified callers are asked for again after this time.
    pub refresh: Duration,
    /// Failures in a minute, of one source at one credential, that are told what they are.
    pub failure_limit: u32,
    /// Whether signed requests must not be repeatable.
    pub require_timestamp: bool,
    /// What verifies JWTs, where they are taken.
    pub jwt: Option<jwt::Settings>,
}

/// Why nobody is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthError {
    /// No credential, or none that is valid: 401. The sentence says what to send; it never tells why one failed.
    Unauthenticated(&'static str),
    /// The credential is valid, its user is disabled or excluded: 403.
    Disabled,
    /// The request is signed, but not well: 403, and nobody is told what is wrong.
    Rejected,
    /// No credential that is valid, once more: 429.
    RateLimited(RetryAfter),
    /// Nobody can tell at present.
    Failed(Error),
}

/// Checks credentials; keeps what it verified for a moment.
pub struct Auth {
    store: Store,
    clock: Clock,
    cache: Cache,
    failures: Failures,
    /// Turns of sources with too many failures: they may ask the database, but not keep it from others.
    suspects: Semaphore,
    require_timestamp: bool,
    issuer: Option<Issuer>,
    /// When old nonces were last cleared away, in microseconds.
    nonces_cleared: AtomicI64,
}

impl Auth {
    /// A door to what `store` knows of users and credentials.
    #[must_use]
    pub fn new(store: Store, clock: Clock, settings: &Settings) -> Self {
        Self {
            store,
            clock,
            cache: Cache::new(settings.refresh),
            failures: Failures::new(settings.failure_limit),
            suspects: Semaphore::new(LOOKUPS_OF_SUSPECTS),
            require_timestamp: settings.require_timestamp,
            issuer: settings.jwt.clone().map(|jwt::Settings { source, requirements }| Issuer {
                keys: ReloadingKeys::new(source, settings.refresh),
                requirements,
            }),
            nonces_cleared: AtomicI64::new(0),
        }
    }

    /// The caller that the `Authorization` header fields of a request from `source` name.
    ///
    /// # Errors
    /// [`AuthError`].
    pub async fn identify(&self, source: IpAddr, authorization: &[&[u8]]) -> Result<Identity, AuthError> {
        let header = match authorization {
            [] => return Err(AuthError::Unauthenticated("send `Authorization: Token token=…`")),
            [one] => *one,
            _ => return Err(AuthError::Unauthenticated("send exactly one `Authorization` header")),
        };
        let header = std::str::from_utf8(header).unwrap_or_default();
        if let Some(secret) = token::token_from_header(header) {
            let identity = self.by_token(source, secret).await;
            return identity
                .map_err(|denied| self.record_failure(denied, source, Attempt::Token(token::beginning(secret))));
        }
        match (&self.issuer, bearer::bearer_token(header)) {
            (Some(issuer), Some(token)) => self.identify_bearer(source, issuer, token).await,
            _ => Err(AuthError::Unauthenticated(
                "the `Authorization` header is none of `Token token=…` and `Bearer …` with a token that is taken here",
            )),
        }
    }

    /// Failed attempts, for whoever checks a credential of another kind.
    #[must_use]
    pub fn failures(&self) -> &Failures {
        &self.failures
    }

    /// Forgets what is known of a user, so that a change made here is obeyed here at once.
    pub fn forget(&self, user: UserId) {
        self.cache.forget(user);
    }

    /// Counts an attempt that failed. A valid credential is let in however many others failed before.
    fn record_failure(&self, denied: AuthError, source: IpAddr, attempt: Attempt<'_>) -> AuthError {
        if !matches!(denied, AuthError::Unauthenticated(_) | AuthError::Rejected) {
            return denied;
        }
        self.failures.note(source, Attempt::Any);
        if let Err(after) = self.failures.check(source, attempt) {
            return AuthError::RateLimited(after);
        }
        self.failures.note(source, attempt);
        denied
    }

    /// Waits for a turn if the source has had too many failures in the last minute, whatever credentials they were of.
    /// A valid credential is let in all the same, and one that was verified a moment ago does not come here.
    async fn turn_of(&self, source: IpAddr) -> Result<Option<SemaphorePermit<'_>>, AuthError> {
        if self.failures.check(source, Attempt::Any).is_ok() {
            return Ok(None);
        }
        let turn = self.suspects.acquire().await;
        turn.map(Some).map_err(|_| AuthError::Failed(Error::Unavailable("no turn is to be had".to_owned())))
    }

    async fn by_token(&self, source: IpAddr, secret: &str) -> Result<Identity, AuthError> {
        if !token::is_well_formed(secret) {
            return Err(INVALID);
        }
        let owner = self.owner(source, token::digest(secret)).await?;
        if owner.expires_at.is_some_and(|end| end <= self.clock.now()) {
            return Err(INVALID);
        }
        let account = Account { user: owner.user, level: owner.level, is_enabled: owner.is_enabled };
        Ok(Identity { token: Some(owner.token), ..authorize_account(&account, Scheme::Token)? })
    }

    async fn owner(&self, source: IpAddr, digest: Digest) -> Result<TokenOwner, AuthError> {
        if let Some(owner) = self.cache.tokens.get(&digest) {
            return Ok(owner);
        }
        let _turn = self.turn_of(source).await?;
        let generation = self.cache.generation();
        let found = self.store.read("tokens.owner", Cost::Bounded, move |tx| tx.token_owner(&digest)).await;
        let owner = found.map_err(AuthError::Failed)?.ok_or(INVALID)?;
        self.cache.tokens.put(generation, digest, owner);
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

/// Lets in whoever may use the service at all.
fn authorize_account(account: &Account, scheme: Scheme) -> Result<Identity, AuthError> {
    if !account.is_enabled || account.level == AccessLevel::Excluded {
        return Err(AuthError::Disabled);
    }
    let caller = Caller { id: account.user, level: account.level };
    Ok(Identity { caller, scheme, token: None })
}

const INVALID: AuthError = AuthError::Unauthenticated("the token is not valid, or not any more");

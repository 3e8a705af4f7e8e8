//! Authentication: turns the credential of a request into a verified caller.

pub(crate) mod bearer;
mod cache;
mod claim_value;
pub mod claims;
mod client;
mod confirm;
mod decoy_keys;
pub mod failures;
pub mod fair_semaphore;
mod identify_jwt;
mod identity;
pub(crate) mod json_encoding;
mod jwk;
pub mod jwt;
pub mod keys;
pub mod keyset;
mod local_nonces;
mod lookup;
mod nonces;
mod outage;
pub mod password;
mod reload;
mod rsa;
pub mod signature;
mod signed;
pub mod token;
pub mod user_claim;
mod verification_key;

use std::net::IpAddr;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

pub use client::RecognizedClient;
pub use identity::{Identity, Scheme};
pub use outage::Purpose;

use crate::clock::Clock;
use crate::model::caller::Caller;
use crate::model::change::ChangeOrigin;
use crate::model::client::Account;
use crate::model::error::Error;
use crate::model::id::{TokenId, UserId};
use crate::model::time::Timestamp;
use crate::model::token::{Digest, TokenOwner};
use crate::model::user::AccessLevel;
use crate::store::{Store, Tx};
use cache::Cache;
use failures::{AttemptTarget, Failures, RetryAfter};
use jwt::Issuer;
use local_nonces::LocalNonces;
use outage::Outage;
use reload::ReloadingKeys;
use tokio::sync::{Semaphore, SemaphorePermit};

/// The use of a token is recorded at most once in this time.
const USE_RECORDED_EVERY_SECONDS: i64 = 60;

/// How many credentials of sources with too many failures are looked up concurrently.
const CONCURRENT_SUSPECT_LOOKUPS: usize = 2;

/// The settings of authentication.
#[derive(Debug, Clone)]
pub struct AuthSettings {
    /// How long a verified credential is cached.
    pub refresh: Duration,
    /// How long it is trusted for reads while the primary cannot be reached; zero refuses them.
    pub grace: Duration,
    /// Failures per minute, per source and credential, before 429.
    pub failure_limit: u32,
    /// Whether signed requests need a timestamp and a nonce.
    pub require_timestamp: bool,
    /// How JWTs are verified; `None` rejects them.
    pub jwt: Option<jwt::JwtSettings>,
}

/// Why a request is not authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthError {
    /// No valid credential: 401. The message says what to send, and never why a credential is invalid.
    Unauthenticated(&'static str),
    /// The credential is valid, but its user is disabled or excluded: 403.
    Disabled,
    /// The signature is invalid: 403, without a reason.
    Rejected,
    /// No valid credential after too many failures: 429.
    RateLimited(RetryAfter),
    /// The credential cannot be checked at present.
    Failed(Error),
}

/// A credential in an `Authorization` header.
enum Credential<'a> {
    /// An API token.
    Token(&'a str),
    /// A JWT, and who may issue it.
    Jwt(&'a Issuer, &'a str),
}

/// Verifies credentials and caches the results.
pub struct Auth {
    store: Store,
    clock: Clock,
    cache: Cache,
    failures: Failures,
    /// Limits the queries of sources with too many failures, so that they do not slow down others.
    suspects: Semaphore,
    require_timestamp: bool,
    issuer: Option<Issuer>,
    grace: Duration,
    outage: Outage,
    nonces: LocalNonces,
    /// When expired nonces were last deleted, in microseconds.
    nonces_cleared: AtomicI64,
}

impl Auth {
    /// Verifies credentials against `store`.
    #[must_use]
    pub fn new(store: Store, clock: Clock, settings: &AuthSettings) -> Self {
        Self {
            store,
            clock,
            cache: Cache::new(settings.refresh),
            failures: Failures::new(settings.failure_limit),
            suspects: Semaphore::new(CONCURRENT_SUSPECT_LOOKUPS),
            grace: settings.grace,
            outage: Outage::default(),
            nonces: LocalNonces::default(),
            require_timestamp: settings.require_timestamp,
            issuer: settings.jwt.clone().map(|jwt::JwtSettings { source, requirements }| Issuer {
                keys: ReloadingKeys::new(source, settings.refresh),
                requirements,
            }),
            nonces_cleared: AtomicI64::new(0),
        }
    }

    /// The caller that the `Authorization` headers of a request from `source` name.
    ///
    /// # Errors
    /// [`AuthError`].
    pub async fn identify(
        &self,
        source: IpAddr,
        purpose: Purpose,
        authorization: &[&[u8]],
    ) -> Result<Identity, AuthError> {
        match self.credential_of(authorization)? {
            Credential::Token(secret) => {
                let identity = self.authenticate_token(source, purpose, secret).await;
                identity.map_err(|denied| {
                    self.record_failure(denied, source, AttemptTarget::Token(token::visible_prefix(secret)))
                })
            }
            Credential::Jwt(issuer, token) => self.identify_jwt(source, purpose, issuer, token).await,
        }
    }

    /// The credential in the `Authorization` headers of a request.
    fn credential_of<'a>(&'a self, authorization: &[&'a [u8]]) -> Result<Credential<'a>, AuthError> {
        let header = match authorization {
            [] => return Err(AuthError::Unauthenticated("send `Authorization: Token token=…`")),
            [one] => *one,
            _ => return Err(AuthError::Unauthenticated("send exactly one `Authorization` header")),
        };
        let header = std::str::from_utf8(header).unwrap_or_default();
        if let Some(secret) = token::token_from_header(header) {
            return Ok(Credential::Token(secret));
        }
        match (&self.issuer, bearer::bearer_token(header)) {
            (Some(issuer), Some(token)) => Ok(Credential::Jwt(issuer, token)),
            _ => Err(AuthError::Unauthenticated(
                "the `Authorization` header must be `Token token=…` or `Bearer …` with a token that this service accepts",
            )),
        }
    }

    /// The counts of failures, for code that verifies passwords.
    #[must_use]
    pub fn failures(&self) -> &Failures {
        &self.failures
    }

    /// Removes a user from the cache, so that this instance applies a change immediately.
    pub fn forget(&self, user: UserId) {
        self.cache.forget(user);
    }

    /// Counts a failed attempt, and replaces its error with 429 after too many. Valid credentials are not limited.
    fn record_failure(&self, denied: AuthError, source: IpAddr, attempt: AttemptTarget<'_>) -> AuthError {
        if !matches!(denied, AuthError::Unauthenticated(_) | AuthError::Rejected) {
            return denied;
        }
        self.failures.record(source, AttemptTarget::Any);
        if let Err(after) = self.failures.check(source, attempt) {
            return AuthError::RateLimited(after);
        }
        self.failures.record(source, attempt);
        denied
    }

    /// Waits for a permit if the source had too many failures in the last minute, with any credential. A valid
    /// credential is still accepted, and a cached one does not wait.
    async fn wait_if_suspect(&self, source: IpAddr) -> Result<Option<SemaphorePermit<'_>>, AuthError> {
        if self.failures.check(source, AttemptTarget::Any).is_ok() {
            return Ok(None);
        }
        let permit = self.suspects.acquire().await;
        permit
            .map(Some)
            .map_err(|_| AuthError::Failed(Error::Unavailable("authentication is shutting down".to_owned())))
    }

    async fn authenticate_token(&self, source: IpAddr, purpose: Purpose, secret: &str) -> Result<Identity, AuthError> {
        if !token::is_well_formed(secret) {
            return Err(INVALID);
        }
        let owner = self.find_token_owner(source, purpose, token::digest(secret)).await?;
        if owner.expires_at.is_some_and(|end| end <= self.clock.now()) {
            return Err(INVALID);
        }
        let account = Account { user: owner.user, level: owner.level, is_enabled: owner.is_enabled };
        Ok(Identity { token: Some(owner.token), ..authorize_account(&account, Scheme::Token)? })
    }

    async fn find_token_owner(
        &self,
        source: IpAddr,
        purpose: Purpose,
        digest: Digest,
    ) -> Result<TokenOwner, AuthError> {
        if let Some(owner) = self.cache.tokens.get(&digest) {
            return Ok(owner);
        }
        let _permit = self.wait_if_suspect(source).await?;
        let find = move |tx: &mut Tx<'_>| tx.token_owner(&digest);
        let found = self.look_up(purpose, (&self.cache.tokens, digest), "tokens.owner", find).await?;
        let owner = found.ok_or(INVALID)?;
        self.record_use(owner.token, owner.last_used_at);
        Ok(owner)
    }

    /// Records the use of a token in the background, about once a minute.
    fn record_use(&self, token: TokenId, last: Option<Timestamp>) {
        if last.is_some_and(|last| last.plus_seconds(USE_RECORDED_EVERY_SECONDS) > self.clock.now()) {
            return;
        }
        let store = self.store.clone();
        tokio::spawn(async move {
            if let Err(error) =
                store.write("tokens.touch", ChangeOrigin::WITHOUT_CALLER, move |tx| tx.record_token_use(token)).await
            {
                log::debug!("the use of a token was not recorded: {error:?}");
            }
        });
    }
}

/// Refuses disabled and excluded users.
fn authorize_account(account: &Account, scheme: Scheme) -> Result<Identity, AuthError> {
    if !account.is_enabled || account.level == AccessLevel::Excluded {
        return Err(AuthError::Disabled);
    }
    let caller = Caller { id: account.user, level: account.level };
    Ok(Identity { caller, scheme, token: None })
}

const INVALID: AuthError = AuthError::Unauthenticated("the token is invalid or has expired");

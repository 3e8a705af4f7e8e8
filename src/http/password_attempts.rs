//! Verifies passwords that clients send, and limits how many a source can try.

use std::future::Future;
use std::net::IpAddr;

use crate::auth::failures::{AttemptTarget, PendingFailure};
use crate::auth::fair_semaphore::Overloaded;
use crate::auth::password::busy_error;
use crate::http::jsonapi::errors::Failure;
use crate::http::state::AppState;
use crate::model::code::Code;
use crate::model::error::Result as JobResult;

/// A password that a client sends for an account.
pub struct PasswordAttempt<'a> {
    /// The shared state.
    pub state: &'a AppState,
    /// The address of the client.
    pub source: IpAddr,
    /// The key of the account's e-mail address.
    pub address: &'a str,
    /// The password.
    pub password: String,
}

impl PasswordAttempt<'_> {
    /// Verifies the password and returns its hash; `None` if it is wrong, or the account has no password, after the same
    /// time. `find_hash` reads the hash of the account's password.
    ///
    /// # Errors
    /// 429 after too many wrong passwords; 503 if too many passwords are being hashed; those of `find_hash`.
    pub async fn verify(
        self,
        find_hash: impl Future<Output = JobResult<Option<String>>>,
    ) -> Result<Option<String>, Failure> {
        let failures = self.state.auth.failures();
        // All failures of a source count together as well, or a source could try one password at each of many addresses.
        let attempts = [AttemptTarget::Session(self.address), AttemptTarget::Sessions];
        for attempt in attempts {
            failures.check(self.source, attempt).map_err(|after| self.rate_limited(after.0))?;
        }
        // Counted before the password is hashed, so that concurrent guesses can neither exceed the limit nor occupy a core
        // each. A request that ends before its password is verified, for example with 503, does not count.
        let mut counted = attempts.map(|attempt| failures.record_pending(self.source, attempt));
        let hash = find_hash.await.map_err(Failure::without_document)?;
        // A client that disconnects during the hashing has used the processor all the same.
        counted.iter_mut().for_each(PendingFailure::keep);
        let verified = match self.state.passwords.verify(Some(self.source), self.password.clone(), hash.clone()).await {
            Ok(verified) => verified.map_err(Failure::without_document),
            Err(Overloaded::SourceIsBusy) => Err(self.rate_limited(1)),
            Err(Overloaded::AllAreBusy) => Err(Failure::without_document(busy_error())),
        };
        if let Ok(false) = verified {
            self.state.metrics.record_auth_failure("password", Code::Unauthenticated.name());
            return Ok(None);
        }
        counted.into_iter().for_each(PendingFailure::undo);
        verified.map(|_| hash)
    }

    fn rate_limited(&self, seconds: u64) -> Failure {
        self.state.metrics.record_auth_failure("password", Code::RateLimited.name());
        Failure::rate_limited(seconds)
    }
}

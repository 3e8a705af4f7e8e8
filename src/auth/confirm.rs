//! Verifies credentials again while their request waits.

use std::net::IpAddr;
use std::sync::Arc;

use super::client::Verifier;
use super::identity::{AccountKey, Identity, Scheme};
use super::{Auth, AuthError, Credential, authorize_account};
use crate::store::Cost;

impl Auth {
    /// The caller whom the `Authorization` headers of a request name at present. The request was verified before, so a
    /// failure is not counted.
    ///
    /// # Errors
    /// [`AuthError`]: the credential or the account is not valid any more.
    pub async fn confirm(&self, source: IpAddr, authorization: &[&[u8]]) -> Result<Identity, AuthError> {
        match self.credential_of(authorization)? {
            Credential::Token(secret) => self.authenticate_token(source, secret).await,
            Credential::Jwt(issuer, token) => self.authenticate_jwt(issuer, token).await,
        }
    }

    /// The same for a request whose signature was verified before. A signature is not verified twice, because its nonce is
    /// used up; what can change is the client and the account.
    ///
    /// # Errors
    /// [`AuthError`].
    pub async fn confirm_signed(&self, api_id: &str, email: &str) -> Result<Identity, AuthError> {
        if !self.has_client(api_id).await? {
            return Err(AuthError::Rejected);
        }
        let account = self.find_account(AccountKey::of_email(email)).await?.ok_or(AuthError::Rejected)?;
        authorize_account(&account, Scheme::Signature)
    }

    /// Whether a signing client exists and is enabled.
    async fn has_client(&self, api_id: &str) -> Result<bool, AuthError> {
        if self.cache.clients.get(api_id).is_some() {
            return Ok(true);
        }
        let (generation, wanted) = (self.cache.generation(), api_id.to_owned());
        let found = self.store.read("clients.signing", Cost::Bounded, move |tx| tx.signing_client(&wanted)).await;
        let Some(row) = found.map_err(AuthError::Failed)? else { return Ok(false) };
        self.cache.clients.put(generation, api_id.to_owned(), Arc::new(Verifier::new(row)));
        Ok(true)
    }
}

//! Verifies credentials again while their request waits.

use std::net::IpAddr;
use std::sync::Arc;

use super::client::Verifier;
use super::identity::{AccountKey, Identity, Scheme};
use super::outage::Purpose;
use super::{Auth, AuthError, Credential, authorize_account};
use crate::store::Tx;

impl Auth {
    /// The caller whom the `Authorization` headers of a request name at present. The request was verified before, so a
    /// failure is not counted. Only the primary can confirm it.
    ///
    /// # Errors
    /// [`AuthError`]: the credential or the account is not valid any more.
    pub async fn confirm(&self, source: IpAddr, authorization: &[&[u8]]) -> Result<Identity, AuthError> {
        match self.credential_of(authorization)? {
            Credential::Token(secret) => self.authenticate_token(source, Purpose::Change, secret).await,
            Credential::Jwt(issuer, token) => self.authenticate_jwt(Purpose::Change, issuer, token).await,
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
        let account =
            self.find_account(Purpose::Change, AccountKey::of_email(email)).await?.ok_or(AuthError::Rejected)?;
        authorize_account(&account, Scheme::Signature)
    }

    /// Whether a signing client exists and is enabled, as the primary knows.
    async fn has_client(&self, api_id: &str) -> Result<bool, AuthError> {
        if self.cache.clients.get(api_id).is_some() {
            return Ok(true);
        }
        let wanted = api_id.to_owned();
        let find = move |tx: &mut Tx<'_>| Ok(tx.signing_client(&wanted)?.map(|row| Arc::new(Verifier::new(row))));
        let known = (&self.cache.clients, api_id.to_owned());
        Ok(self.look_up(Purpose::Change, known, "clients.signing", find).await?.is_some())
    }
}

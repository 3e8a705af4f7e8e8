//! Identifies the caller of a request with a JWT.

use std::net::IpAddr;

use super::bearer::{self, Bearer};
use super::failures::AttemptTarget;
use super::identity::{AccountKey, Identity, Scheme};
use super::jwt::Issuer;
use super::outage::Purpose;
use super::{Auth, AuthError, INVALID, authorize_account, token};
use crate::model::client::Account;
use crate::store::Tx;

impl Auth {
    /// The caller that a JWT names.
    pub(super) async fn identify_jwt(
        &self,
        source: IpAddr,
        purpose: Purpose,
        issuer: &Issuer,
        token: &str,
    ) -> Result<Identity, AuthError> {
        let identity = self.authenticate_jwt(purpose, issuer, token).await;
        identity.map_err(|denied| {
            let (issuer, key) = bearer::unverified_issuer_and_key_id(token);
            self.record_failure(denied, source, AttemptTarget::Bearer { issuer: &issuer, key: &key })
        })
    }

    pub(super) async fn authenticate_jwt(
        &self,
        purpose: Purpose,
        issuer: &Issuer,
        token: &str,
    ) -> Result<Identity, AuthError> {
        let bearer = self.verify_cached(issuer, token).ok_or(INVALID)?;
        if !bearer.is_within_validity(self.clock.now()) {
            return Err(INVALID);
        }
        let account = self.find_account(purpose, bearer.subject).await?.ok_or(INVALID)?;
        authorize_account(&account, Scheme::Bearer)
    }

    /// Verifies a token, or takes it from the cache if the same keys verified it.
    fn verify_cached(&self, issuer: &Issuer, token: &str) -> Option<Bearer> {
        let (digest, number) = (token::digest(token), issuer.keys.number());
        if let Some((_, bearer)) = self.cache.bearers.get(&digest).filter(|(verified, _)| *verified == number) {
            return Some(bearer);
        }
        let keys = issuer.keys.reload_if_changed();
        let bearer = bearer::verify(token, &keys.set, &issuer.requirements)?;
        self.cache.bearers.put(self.cache.generation(), digest, (keys.number, bearer.clone()));
        Some(bearer)
    }

    /// Finds the account that a credential names.
    pub(super) async fn find_account(
        &self,
        purpose: Purpose,
        subject: AccountKey,
    ) -> Result<Option<Account>, AuthError> {
        if let Some(account) = self.cache.accounts.get(&subject) {
            return Ok(Some(account));
        }
        let wanted = subject.clone();
        let find = move |tx: &mut Tx<'_>| match &wanted {
            AccountKey::Id(user) => tx.account(*user),
            AccountKey::IdAndEmail(user, email) => {
                Ok(tx.account_of_email(email)?.filter(|account| account.user == *user))
            }
            AccountKey::AltId(alt_id) => tx.account_of_alt_id(alt_id),
            AccountKey::Email(email) => tx.account_of_email(email),
        };
        self.look_up(purpose, (&self.cache.accounts, subject), "users.account", find).await
    }
}

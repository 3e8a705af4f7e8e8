//! Identifies the caller of a request that brings a JWT.

use std::net::IpAddr;

use super::bearer::{self, Bearer};
use super::failures::Attempt;
use super::identity::{Identity, Scheme, Subject};
use super::jwt::Issuer;
use super::{Auth, Denied, INVALID, admit, token};
use crate::model::client::Account;
use crate::store::Cost;

impl Auth {
    /// The caller whom a JWT names.
    pub(super) async fn identify_bearer(
        &self,
        source: IpAddr,
        issuer: &Issuer,
        token: &str,
    ) -> Result<Identity, Denied> {
        let identity = self.by_bearer(issuer, token).await;
        identity.map_err(|denied| {
            let (issuer, key) = bearer::names(token);
            self.counted(denied, source, Attempt::Bearer { issuer: &issuer, key: &key })
        })
    }

    async fn by_bearer(&self, issuer: &Issuer, token: &str) -> Result<Identity, Denied> {
        let bearer = self.verified(issuer, token).ok_or(INVALID)?;
        if !bearer.is_timely(self.clock.now()) {
            return Err(INVALID);
        }
        let account = self.find_account(bearer.subject).await?.ok_or(INVALID)?;
        admit(&account, Scheme::Bearer)
    }

    /// A verified token is believed for a moment, as long as the keys are the same.
    fn verified(&self, issuer: &Issuer, token: &str) -> Option<Bearer> {
        let (digest, number) = (token::digest(token), issuer.keys.number());
        if let Some((_, bearer)) = self.cache.bearers.get(&digest).filter(|(verified, _)| *verified == number) {
            return Some(bearer);
        }
        let keys = issuer.keys.refreshed();
        let bearer = bearer::verify(token, &keys.set, &issuer.demands)?;
        self.cache.bearers.put(self.cache.epoch(), digest, (keys.number, bearer.clone()));
        Some(bearer)
    }

    /// The account that a credential names.
    pub(super) async fn find_account(&self, subject: Subject) -> Result<Option<Account>, Denied> {
        if let Some(account) = self.cache.accounts.get(&subject) {
            return Ok(Some(account));
        }
        let (epoch, wanted) = (self.cache.epoch(), subject.clone());
        let found = self.store.read("users.account", Cost::Bounded, move |tx| match &wanted {
            Subject::Id(user) => tx.account(*user),
            Subject::Email(email) => tx.account_of_email(email),
        });
        let account = found.await.map_err(Denied::Failed)?;
        if let Some(account) = &account {
            self.cache.accounts.put(epoch, subject, *account);
        }
        Ok(account)
    }
}

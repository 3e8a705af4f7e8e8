//! Who asks by a signature over the request.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::client::{Lookup, Operations, Recognized, Verifier};
use super::failures::Attempt;
use super::identity::{AccountKey, Identity, Scheme};
use super::signature::{Claim, SignedRequest};
use super::{Auth, AuthError, authorize_account};
use crate::model::client::Account;
use crate::model::id::ClientId;
use crate::store::Cost;

/// How long a nonce must be remembered: a request is good for as long before its time as after it.
const NONCE_SECONDS: i64 = 600;
/// How often old nonces are cleared away.
const CLEARED_EVERY_SECONDS: i64 = 60;
/// Nonces that are cleared away in one transaction.
const CLEARED_AT_ONCE: i64 = 500;

impl Auth {
    /// Whether the signature in the head of a request from `source` is one that the client has made: only then is its
    /// body worth reading. Whatever is wrong, it costs the same: the database is asked once, and the same number of
    /// operations is made.
    ///
    /// # Errors
    /// [`AuthError`].
    pub async fn recognize(&self, source: IpAddr, head: &SignedRequest<'_>) -> Result<Recognized, AuthError> {
        let claim = Claim::of(&SignedRequest { body: Some(b""), ..*head });
        let recognized = self.by_head(source, &claim).await;
        recognized.map_err(|denied| self.record_failure(denied, source, Attempt::Client(claim.api_id)))
    }

    /// The caller in whose name a recognized request from `source` is made, now that its body is there.
    ///
    /// # Errors
    /// [`AuthError`].
    pub async fn identify_signed(
        &self,
        source: IpAddr,
        request: &SignedRequest<'_>,
        recognized: Recognized,
    ) -> Result<Identity, AuthError> {
        let claim = Claim::of(request);
        let identity = self.by_whole(source, &claim, recognized).await;
        identity.map_err(|denied| self.record_failure(denied, source, Attempt::Client(claim.api_id)))
    }

    fn may_pass(&self, claim: &Claim<'_>) -> bool {
        claim.is_whole && claim.is_fresh(self.clock.now()) && (claim.stamp.is_some() || !self.require_timestamp)
    }

    async fn by_head(&self, source: IpAddr, claim: &Claim<'_>) -> Result<Recognized, AuthError> {
        let may_pass = self.may_pass(claim);
        let mut operations = Operations::default();
        let known = self.cache.clients.get(claim.api_id);
        if let Some(client) = &known
            && let Some(found) = client.recover(&claim.signature, &mut operations)
            && may_pass
        {
            return Ok(Recognized { client: Arc::clone(client), found, operations, account: Lookup::Pending });
        }

        let _turn = self.turn_of(source).await?;
        let generation = self.cache.generation();
        let (api_id, email) = (claim.api_id.to_owned(), claim.user.to_owned());
        let ask = self.store.read("clients.signing", Cost::Bounded, move |tx| {
            Ok((tx.signing_client(&api_id)?, tx.account_of_email(&email)?))
        });
        let (row, account) = ask.await.map_err(AuthError::Failed)?;
        let mut recovered = None;
        if let Some(row) = row {
            let same = known.filter(|known| known.is_of(&row));
            let was_tried = same.is_some();
            let client = same.unwrap_or_else(|| Arc::new(Verifier::new(row)));
            // Kept however this ends: parsing its keys again would tell that they are there.
            self.cache.clients.put(generation, claim.api_id.to_owned(), Arc::clone(&client));
            if !was_tried {
                let found = client.recover(&claim.signature, &mut operations);
                recovered = found.map(|found| (client, found));
            }
        }
        let (true, Some((client, found))) = (may_pass, recovered) else {
            operations.fill_up(&claim.signature);
            return Err(AuthError::Rejected);
        };
        if let Some(account) = &account {
            self.cache.accounts.put(generation, AccountKey::of_email(claim.user), *account);
        }
        Ok(Recognized { client, found, operations, account: Lookup::Done(account) })
    }

    async fn by_whole(&self, source: IpAddr, claim: &Claim<'_>, recognized: Recognized) -> Result<Identity, AuthError> {
        let Recognized { client, found, mut operations, account } = recognized;
        // Only a signature that was made once for something else can fail here, and cost what its body costs.
        let _turn = if claim.is_large() { self.turn_of(source).await? } else { None };
        let is_good = self.may_pass(claim) && client.verifies(claim, &found).await;
        let account = match account {
            Lookup::Done(account) => account,
            Lookup::Pending => self.find_account(AccountKey::of_email(claim.user)).await?,
        };
        let (true, Some(account)) = (is_good, account) else {
            operations.fill_up(&claim.signature);
            return Err(AuthError::Rejected);
        };
        self.admit_signed(claim, client.id, &account).await
    }

    async fn admit_signed(
        &self,
        claim: &Claim<'_>,
        client: ClientId,
        account: &Account,
    ) -> Result<Identity, AuthError> {
        let identity = authorize_account(account, Scheme::Signature)?;
        if let Some(stamp) = claim.stamp {
            let nonce = stamp.nonce.to_owned();
            let used = self.store.write("nonces.use", move |tx| tx.use_nonce(client, &nonce)).await;
            if !used.map_err(AuthError::Failed)? {
                return Err(AuthError::Rejected);
            }
            self.clear_nonces();
        }
        Ok(identity)
    }

    /// Clears old nonces away, in the background, now and then, some at a time.
    fn clear_nonces(&self) {
        let now = self.clock.now();
        let latest = self.nonces_cleared.load(Ordering::Relaxed);
        let is_due = now.micros() - latest >= CLEARED_EVERY_SECONDS * 1_000_000;
        let is_ours =
            || self.nonces_cleared.compare_exchange(latest, now.micros(), Ordering::Relaxed, Ordering::Relaxed);
        if !is_due || is_ours().is_err() {
            return;
        }
        let (store, before) = (self.store.clone(), now.plus_seconds(-NONCE_SECONDS));
        tokio::spawn(async move {
            loop {
                let cleared = store.write("nonces.clear", move |tx| tx.clear_nonces(before, CLEARED_AT_ONCE)).await;
                match cleared {
                    Ok(cleared) if i64::try_from(cleared).is_ok_and(|it| it >= CLEARED_AT_ONCE) => {}
                    Ok(_) => return,
                    Err(error) => return log::debug!("old nonces were not cleared away: {error:?}"),
                }
            }
        });
    }
}

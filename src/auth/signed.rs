//! Who asks by a signature over the request.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::client::{Tries, Verifier};
use super::failures::Attempt;
use super::identity::{Identity, Scheme, Subject};
use super::signature::{Claim, SignedRequest};
use super::{Auth, Denied, admit};
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
    /// The caller in whose name a signed request from `source` is made.
    ///
    /// # Errors
    /// [`Denied`].
    pub async fn identify_signed(&self, source: IpAddr, request: &SignedRequest<'_>) -> Result<Identity, Denied> {
        let claim = Claim::of(request);
        let identity = self.by_signature(&claim).await;
        identity.map_err(|denied| self.counted(denied, source, Attempt::Client(claim.api_id)))
    }

    /// Whether a signed request can be good, as far as its head says: whether its body is worth reading. That tells
    /// its sender nothing but what it sent; whether there is such a client is not asked.
    #[must_use]
    pub fn is_worth_reading(&self, head: &SignedRequest<'_>) -> bool {
        self.may_pass(&Claim::of(&SignedRequest { body: Some(b""), ..*head }))
    }

    fn may_pass(&self, claim: &Claim<'_>) -> bool {
        claim.is_whole && claim.is_timely(self.clock.now()) && (claim.stamp.is_some() || !self.require_timestamp)
    }

    /// Whatever is wrong, it costs the same: the database is asked once, and so many signatures are tried.
    async fn by_signature(&self, claim: &Claim<'_>) -> Result<Identity, Denied> {
        let may_pass = self.may_pass(claim);
        let mut tries = Tries::new(claim);
        let subject = Subject::of_email(claim.user);
        let (known, account) = (self.cache.clients.get(claim.api_id), self.cache.accounts.get(&subject));
        let was_tried = known.is_some() && account.is_some();
        if let (Some(client), Some(account)) = (&known, &account)
            && client.verifies(&mut tries).await
            && may_pass
        {
            return self.admit_signed(claim, client.id, account).await;
        }

        let epoch = self.cache.epoch();
        let (api_id, email) = (claim.api_id.to_owned(), claim.user.to_owned());
        let ask = self.store.read("clients.signing", Cost::Bounded, move |tx| {
            Ok((tx.signing_client(&api_id)?, tx.account_of_email(&email)?))
        });
        let (row, account) = ask.await.map_err(Denied::Failed)?;
        let mut verified = None;
        if let Some(row) = row {
            let same = known.filter(|known| known.is_of(&row));
            let was_tried = was_tried && same.is_some();
            let client = same.unwrap_or_else(|| Arc::new(Verifier::new(row)));
            // Kept however this ends: parsing its keys again would tell that they are there.
            self.cache.clients.put(epoch, claim.api_id.to_owned(), Arc::clone(&client));
            if !was_tried && client.verifies(&mut tries).await {
                verified = Some(client);
            }
        }
        let (true, Some(client), Some(account)) = (may_pass, verified, account) else {
            tries.fill_up().await;
            return Err(Denied::Rejected);
        };
        self.cache.accounts.put(epoch, subject, account);
        self.admit_signed(claim, client.id, &account).await
    }

    async fn admit_signed(&self, claim: &Claim<'_>, client: ClientId, account: &Account) -> Result<Identity, Denied> {
        let identity = admit(account, Scheme::Signature)?;
        if let Some(stamp) = claim.stamp {
            let nonce = stamp.nonce.to_owned();
            let used = self.store.write("nonces.use", move |tx| tx.use_nonce(client, &nonce)).await;
            if !used.map_err(Denied::Failed)? {
                return Err(Denied::Rejected);
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

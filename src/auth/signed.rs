//! Identifies the caller of a signed request.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::client::{AccountLookup, KeyOperations, RecognizedClient, Verifier};
use super::failures::AttemptTarget;
use super::identity::{AccountKey, Identity, Scheme};
use super::signature::{SignatureClaim, SignedRequest};
use super::{Auth, AuthError, authorize_account};
use crate::model::change::ChangeOrigin;
use crate::model::client::Account;
use crate::model::id::ClientId;
use crate::store::Cost;

/// How long a nonce is stored: a request is valid for five minutes before and after its timestamp.
const NONCE_SECONDS: i64 = 600;
/// How often expired nonces are deleted.
const CLEAR_EVERY_SECONDS: i64 = 60;
/// Nonces deleted in one transaction.
const CLEAR_BATCH: i64 = 500;

impl Auth {
    /// Checks, before the body is read, that the client made the signature in the head of a request from `source`.
    /// Every refusal costs one query and the same number of public-key operations.
    ///
    /// # Errors
    /// [`AuthError`].
    pub async fn recognize(&self, source: IpAddr, head: &SignedRequest<'_>) -> Result<RecognizedClient, AuthError> {
        let claim = SignatureClaim::of(&SignedRequest { body: Some(b""), ..*head });
        let recognized = self.authenticate_head(source, &claim).await;
        recognized.map_err(|denied| self.record_failure(denied, source, AttemptTarget::Client(claim.api_id)))
    }

    /// The caller of a request from `source`, whose body has been read.
    ///
    /// # Errors
    /// [`AuthError`].
    pub async fn identify_signed(
        &self,
        source: IpAddr,
        request: &SignedRequest<'_>,
        recognized: RecognizedClient,
    ) -> Result<Identity, AuthError> {
        let claim = SignatureClaim::of(request);
        let identity = self.authenticate_request(source, &claim, recognized).await;
        identity.map_err(|denied| self.record_failure(denied, source, AttemptTarget::Client(claim.api_id)))
    }

    fn is_acceptable(&self, claim: &SignatureClaim<'_>) -> bool {
        claim.is_complete && claim.is_fresh(self.clock.now()) && (claim.stamp.is_some() || !self.require_timestamp)
    }

    async fn authenticate_head(
        &self,
        source: IpAddr,
        claim: &SignatureClaim<'_>,
    ) -> Result<RecognizedClient, AuthError> {
        let is_acceptable = self.is_acceptable(claim);
        let mut operations = KeyOperations::default();
        let known = self.cache.clients.get(claim.api_id);
        if let Some(client) = &known
            && let Some(found) = client.recover(&claim.signature, &mut operations)
            && is_acceptable
        {
            return Ok(RecognizedClient {
                client: Arc::clone(client),
                found,
                operations,
                account: AccountLookup::Pending,
            });
        }

        let _permit = self.wait_if_suspect(source).await?;
        let generation = self.cache.generation();
        let (api_id, email) = (claim.api_id.to_owned(), claim.user.to_owned());
        let query = self.store.read("clients.signing", Cost::Bounded, move |tx| {
            Ok((tx.signing_client(&api_id)?, tx.account_of_email(&email)?))
        });
        let (row, account) = query.await.map_err(AuthError::Failed)?;
        let mut recovered = None;
        if let Some(row) = row {
            let same = known.filter(|known| known.is_built_from(&row));
            let was_tried = same.is_some();
            let client = same.unwrap_or_else(|| Arc::new(Verifier::new(row)));
            // Cached in any case: parsing the keys again would reveal by its time that they exist.
            self.cache.clients.put(generation, claim.api_id.to_owned(), Arc::clone(&client));
            if !was_tried {
                let found = client.recover(&claim.signature, &mut operations);
                recovered = found.map(|found| (client, found));
            }
        }
        let (true, Some((client, found))) = (is_acceptable, recovered) else {
            operations.pad(&claim.signature);
            return Err(AuthError::Rejected);
        };
        if let Some(account) = &account {
            self.cache.accounts.put(generation, AccountKey::of_email(claim.user), *account);
        }
        Ok(RecognizedClient { client, found, operations, account: AccountLookup::Done(account) })
    }

    async fn authenticate_request(
        &self,
        source: IpAddr,
        claim: &SignatureClaim<'_>,
        recognized: RecognizedClient,
    ) -> Result<Identity, AuthError> {
        let RecognizedClient { client, found, mut operations, account } = recognized;
        // Only a genuine signature of another request can fail here, at the cost of digesting the body.
        let _permit = if claim.is_large() { self.wait_if_suspect(source).await? } else { None };
        let is_good = self.is_acceptable(claim) && client.verify(claim, &found).await;
        let account = match account {
            AccountLookup::Done(account) => account,
            AccountLookup::Pending => self.find_account(AccountKey::of_email(claim.user)).await?,
        };
        let (true, Some(account)) = (is_good, account) else {
            operations.pad(&claim.signature);
            return Err(AuthError::Rejected);
        };
        self.authorize_signed(claim, client.id, &account).await
    }

    async fn authorize_signed(
        &self,
        claim: &SignatureClaim<'_>,
        client: ClientId,
        account: &Account,
    ) -> Result<Identity, AuthError> {
        let identity = authorize_account(account, Scheme::Signature)?;
        if let Some(stamp) = claim.stamp {
            let nonce = stamp.nonce.to_owned();
            let used = self
                .store
                .write("nonces.use", ChangeOrigin::WITHOUT_CALLER, move |tx| tx.use_nonce(client, &nonce))
                .await;
            if !used.map_err(AuthError::Failed)? {
                return Err(AuthError::Rejected);
            }
            self.delete_expired_nonces();
        }
        Ok(identity)
    }

    /// Deletes expired nonces in the background, at intervals and in batches.
    fn delete_expired_nonces(&self) {
        let now = self.clock.now();
        let latest = self.nonces_cleared.load(Ordering::Relaxed);
        let is_due = now.micros() - latest >= CLEAR_EVERY_SECONDS * 1_000_000;
        let is_ours =
            || self.nonces_cleared.compare_exchange(latest, now.micros(), Ordering::Relaxed, Ordering::Relaxed);
        if !is_due || is_ours().is_err() {
            return;
        }
        let (store, before) = (self.store.clone(), now.plus_seconds(-NONCE_SECONDS));
        tokio::spawn(async move {
            loop {
                let cleared = store
                    .write("nonces.clear", ChangeOrigin::WITHOUT_CALLER, move |tx| tx.clear_nonces(before, CLEAR_BATCH))
                    .await;
                match cleared {
                    Ok(cleared) if i64::try_from(cleared).is_ok_and(|it| it >= CLEAR_BATCH) => {}
                    Ok(_) => return,
                    Err(error) => return log::debug!("expired nonces were not deleted: {error:?}"),
                }
            }
        });
    }
}

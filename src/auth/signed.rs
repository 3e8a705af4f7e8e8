//! Identifies the caller of a signed request.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::cache::Generation;
use super::client::{AccountLookup, KeyOperations, RecognizedClient, Verifier};
use super::failures::AttemptTarget;
use super::identity::{AccountKey, Identity, Scheme};
use super::local_nonces::NONCE_SECONDS;
use super::outage::{Asked, Purpose};
use super::signature::{SignatureClaim, SignedRequest};
use super::{Auth, AuthError, authorize_account};
use crate::model::change::ChangeOrigin;
use crate::model::client::{Account, SigningClient};
use crate::model::id::ClientId;
use crate::store::Tx;

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
        let purpose = Purpose::of_method(head.method);
        let recognized = self.authenticate_head(source, purpose, &claim).await;
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
        let purpose = Purpose::of_method(request.method);
        let identity = self.authenticate_request(source, purpose, &claim, recognized).await;
        identity.map_err(|denied| self.record_failure(denied, source, AttemptTarget::Client(claim.api_id)))
    }

    fn is_acceptable(&self, claim: &SignatureClaim<'_>) -> bool {
        claim.is_complete && claim.is_fresh(self.clock.now()) && (claim.stamp.is_some() || !self.require_timestamp)
    }

    async fn authenticate_head(
        &self,
        source: IpAddr,
        purpose: Purpose,
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
        let query = move |tx: &mut Tx<'_>| Ok((tx.signing_client(&api_id)?, tx.account_of_email(&email)?));
        let name = "clients.signing";
        let (client, account) = match self.ask_primary(purpose, name, query.clone()).await? {
            Asked::Answered((row, account)) => {
                if row.is_none() {
                    self.cache.revoke(&self.cache.clients, &claim.api_id.to_owned());
                }
                (row.map(|row| self.keep_client(generation, claim.api_id, row)), AccountLookup::Done(account))
            }
            Asked::Unreachable(error) => {
                if let Some(client) = self.cache.clients.get_within(claim.api_id, self.grace) {
                    (Some(client), AccountLookup::Pending)
                } else {
                    let query = move |tx: &mut Tx<'_>| query(tx).map(|(row, account)| row.map(|row| (row, account)));
                    let (row, account) = self.ask_replica(error, name, query).await?;
                    (Some(self.keep_client(generation, claim.api_id, row)), AccountLookup::Done(account))
                }
            }
        };
        // The keys of a client that was known have been tried.
        let client = client.filter(|client| known.is_none_or(|known| !Arc::ptr_eq(client, &known)));
        let recovered = client.and_then(|client| {
            let found = client.recover(&claim.signature, &mut operations)?;
            Some((client, found))
        });
        let (true, Some((client, found))) = (is_acceptable, recovered) else {
            operations.pad(&claim.signature);
            return Err(AuthError::Rejected);
        };
        if let AccountLookup::Done(Some(account)) = &account {
            self.cache.accounts.put(generation, AccountKey::of_email(claim.user), *account);
        }
        Ok(RecognizedClient { client, found, operations, account })
    }

    /// The verifier of a client, which is cached in any case: parsing the keys again would reveal by its time that they
    /// exist.
    fn keep_client(&self, generation: Generation<'_>, api_id: &str, row: SigningClient) -> Arc<Verifier> {
        let known = self.cache.clients.get(api_id).filter(|known| known.is_built_from(&row));
        let client = known.unwrap_or_else(|| Arc::new(Verifier::new(row)));
        self.cache.clients.put(generation, api_id.to_owned(), Arc::clone(&client));
        client
    }

    async fn authenticate_request(
        &self,
        source: IpAddr,
        purpose: Purpose,
        claim: &SignatureClaim<'_>,
        recognized: RecognizedClient,
    ) -> Result<Identity, AuthError> {
        let RecognizedClient { client, found, mut operations, account } = recognized;
        // Only a genuine signature of another request can fail here, at the cost of digesting the body.
        let _permit = if claim.is_large() { self.wait_if_suspect(source).await? } else { None };
        let is_good = self.is_acceptable(claim) && client.verify(claim, &found).await;
        let account = match account {
            AccountLookup::Done(account) => account,
            AccountLookup::Pending => self.find_account(purpose, AccountKey::of_email(claim.user)).await?,
        };
        let (true, Some(account)) = (is_good, account) else {
            operations.pad(&claim.signature);
            return Err(AuthError::Rejected);
        };
        self.authorize_signed(purpose, claim, client.id, &account).await
    }

    async fn authorize_signed(
        &self,
        purpose: Purpose,
        claim: &SignatureClaim<'_>,
        client: ClientId,
        account: &Account,
    ) -> Result<Identity, AuthError> {
        let identity = authorize_account(account, Scheme::Signature)?;
        if let Some(stamp) = claim.stamp {
            if !self.use_nonce(purpose, client, stamp.nonce).await? {
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

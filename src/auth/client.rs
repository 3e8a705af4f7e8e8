//! A signing client with its parsed keys.
//!
//! # Design
//! The digest that an RSA signature was made over can be recovered from the signature with the public key, and only the
//! private key produces a well-formed one ([`RsaKey::recover`]). The service therefore checks the signature before it
//! reads the body: a forged signature costs a few public-key operations, however large the body is. Only for a genuine
//! signature it digests the body and compares the two digests.

use aws_lc_rs::digest::{Context, Digest};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::task::yield_now;

use super::rsa::{DIGESTS, RsaKey, SignedDigest};
use super::signature::SignatureClaim;
use crate::auth::decoy_keys;
use crate::auth::json_encoding::JsonDialect;
use crate::model::client::{Account, SigningClient};
use crate::model::id::ClientId;

/// Every refusal makes a multiple of this number of public-key operations: the cost of a client with four keys.
const OPERATIONS_PER_REFUSAL: usize = 4;

/// Verifies the signatures of one client. It caches no signature.
pub(super) struct Verifier {
    pub id: ClientId,
    row: SigningClient,
    keys: Vec<RsaKey>,
    /// The index of the key and of the JSON dialect of the last valid signature; a client rarely changes them.
    latest_key: AtomicUsize,
    latest_dialect: AtomicUsize,
}

/// A client that made the signature of a request. Whether it signs this request is decided when the body is there.
pub struct RecognizedClient {
    pub(super) client: Arc<Verifier>,
    pub(super) found: SignedDigest,
    pub(super) operations: KeyOperations,
    pub(super) account: AccountLookup,
}

/// The account of the user in `Api-User`.
pub(super) enum AccountLookup {
    /// Not looked up yet.
    Pending,
    /// Looked up together with the client; `None` if the user does not exist.
    Done(Option<Account>),
}

impl Verifier {
    pub fn new(row: SigningClient) -> Self {
        let keys = row.keys.iter().filter_map(|key| RsaKey::new(key, row.allows_sha1)).collect();
        Self { id: row.id, keys, row, latest_key: AtomicUsize::new(0), latest_dialect: AtomicUsize::new(0) }
    }

    /// Whether this verifier was built from `row`, which has not changed since.
    pub fn is_built_from(&self, row: &SigningClient) -> bool {
        self.row == *row
    }

    /// The digest that was signed, if a key of this client made the signature.
    pub fn recover(&self, signature: &[u8], operations: &mut KeyOperations) -> Option<SignedDigest> {
        latest_first(&self.latest_key, self.keys.len()).find_map(|at| {
            let key = self.keys.get(at).filter(|key| key.can_have_made(signature))?;
            operations.made += 1;
            let digest = key.recover(signature)?;
            self.latest_key.store(at, Ordering::Relaxed);
            Some(digest)
        })
    }

    /// Whether the request has the signed digest in any of the three JSON dialects. Yields to other requests between
    /// the dialects of a large body.
    pub async fn verify(&self, claim: &SignatureClaim<'_>, signed: &SignedDigest) -> bool {
        for at in latest_first(&self.latest_dialect, JsonDialect::ALL.len()) {
            let Some(digest) = digest(claim, at, signed.algorithm) else { return false };
            if digest.as_ref() == signed.value {
                self.latest_dialect.store(at, Ordering::Relaxed);
                return true;
            }
            if claim.is_large() {
                yield_now().await;
            }
        }
        false
    }
}

/// All indexes below `count`, the one of the last success first.
fn latest_first(latest: &AtomicUsize, count: usize) -> impl Iterator<Item = usize> + use<> {
    let latest = latest.load(Ordering::Relaxed);
    let others = (0..count).filter(move |at| *at != latest);
    (latest < count).then_some(latest).into_iter().chain(others)
}

/// The digest of a request in one JSON dialect. The encoded text is never held in memory.
fn digest(claim: &SignatureClaim<'_>, dialect: usize, algorithm: usize) -> Option<Digest> {
    let mut context = Context::new(DIGESTS.get(algorithm)?);
    claim.encode(*JsonDialect::ALL.get(dialect)?, |part| context.update(part));
    Some(context.finish())
}

/// Counts the public-key operations of a request. The time of a refusal may depend on what was sent, but not on whether
/// the client or the user exists or which keys the client has.
#[derive(Default)]
pub(super) struct KeyOperations {
    made: usize,
}

impl KeyOperations {
    /// Adds operations with a decoy key up to the next multiple of [`OPERATIONS_PER_REFUSAL`].
    pub fn pad(&mut self, signature: &[u8]) {
        let Some(key) = decoy_keys::select_key(signature.len()) else { return };
        // Not the signature that was sent: this key may reject it early, without the expensive operation.
        let signature = vec![1; key.bytes()];
        while self.made == 0 || !self.made.is_multiple_of(OPERATIONS_PER_REFUSAL) {
            // Only the time matters.
            let _ = key.recover(&signature);
            self.made += 1;
        }
    }
}

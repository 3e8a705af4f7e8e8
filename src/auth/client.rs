//! A client that signs, with its keys parsed and ready to verify.
//!
//! # Design
//! An RSA signature says itself which digest it was made over, and only the private key makes one that says so well
//! ([`Key::recover`]). So a signature is looked at before the body of its request is read: anything but a signature of
//! the client costs a few operations with a public key, however large the body is. Only then the body is digested, and
//! its digest compared with that of the signature.

use aws_lc_rs::digest::{Context, Digest};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::task::yield_now;

use super::rsa::{DIGESTS, Key, SignedDigest};
use super::signature::Claim;
use crate::auth::decoy_keys;
use crate::auth::json_encoding::JsonDialect;
use crate::model::client::{Account, SigningClient};
use crate::model::id::ClientId;

/// A refusal takes a multiple of so many operations with a public key: what a client with four keys takes.
const OPERATIONS: usize = 4;

/// A client whose signatures can be verified. Never remembers a signature.
pub(super) struct Verifier {
    pub id: ClientId,
    row: SigningClient,
    keys: Vec<Key>,
    /// The key and the spelling that were right the last time: a client sticks to them.
    latest_key: AtomicUsize,
    latest_style: AtomicUsize,
}

/// A signature that a client has made over something; whether over its request, its body tells.
pub struct Recognized {
    pub(super) client: Arc<Verifier>,
    pub(super) found: SignedDigest,
    pub(super) operations: Operations,
    pub(super) account: Lookup,
}

/// The account of the user who is named.
pub(super) enum Lookup {
    /// The database has not been asked.
    Pending,
    /// It has been asked, together with the client; `None` if there is no such user.
    Done(Option<Account>),
}

impl Verifier {
    pub fn new(row: SigningClient) -> Self {
        let keys = row.keys.iter().filter_map(|key| Key::new(key, row.allows_sha1)).collect();
        Self { id: row.id, keys, row, latest_key: AtomicUsize::new(0), latest_style: AtomicUsize::new(0) }
    }

    /// Whether the client is still the one that this was made from.
    pub fn is_of(&self, row: &SigningClient) -> bool {
        self.row == *row
    }

    /// What the signature was made over, if a key of this client made it.
    pub fn recover(&self, signature: &[u8], operations: &mut Operations) -> Option<SignedDigest> {
        latest_first(&self.latest_key, self.keys.len()).find_map(|at| {
            let key = self.keys.get(at).filter(|key| key.fits(signature))?;
            operations.made += 1;
            let digest = key.recover(signature)?;
            self.latest_key.store(at, Ordering::Relaxed);
            Some(digest)
        })
    }

    /// Whether a claim has the digest that its signature was made over, in any of the three spellings. The spellings of
    /// a large body take a while, between which other requests have their turn.
    pub async fn verifies(&self, claim: &Claim<'_>, signed: &SignedDigest) -> bool {
        for at in latest_first(&self.latest_style, JsonDialect::ALL.len()) {
            let Some(digest) = digest(claim, at, signed.algorithm) else { return false };
            if digest.as_ref() == signed.value {
                self.latest_style.store(at, Ordering::Relaxed);
                return true;
            }
            if claim.is_large() {
                yield_now().await;
            }
        }
        false
    }
}

/// All numbers below `count`, the latest one that was right first.
fn latest_first(latest: &AtomicUsize, count: usize) -> impl Iterator<Item = usize> + use<> {
    let latest = latest.load(Ordering::Relaxed);
    let others = (0..count).filter(move |at| *at != latest);
    (latest < count).then_some(latest).into_iter().chain(others)
}

/// The digest of a claim in one spelling. The text is never held in memory.
fn digest(claim: &Claim<'_>, style: usize, algorithm: usize) -> Option<Digest> {
    let mut context = Context::new(DIGESTS.get(algorithm)?);
    claim.spell(*JsonDialect::ALL.get(style)?, |part| context.update(part));
    Some(context.finish())
}

/// Operations with public keys that a request has cost. However a client was found wanting, a refusal shall take as
/// long: it depends on what was sent, and not on whether there is such a client, which keys it has, or whether the user
/// is there.
#[derive(Default)]
pub(super) struct Operations {
    made: usize,
}

impl Operations {
    /// Makes those that are missing with a key of nobody.
    pub fn fill_up(&mut self, signature: &[u8]) {
        let Some(key) = decoy_keys::key_for(signature.len()) else { return };
        // A signature of its own: that which was sent may be a number that this key refuses in no time.
        let signature = vec![1; key.bytes()];
        while self.made == 0 || !self.made.is_multiple_of(OPERATIONS) {
            // What comes of it is known.
            let _ = key.recover(&signature);
            self.made += 1;
        }
    }
}

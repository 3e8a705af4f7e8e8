//! A client that signs, with its keys parsed and ready to verify.

use aws_lc_rs::digest::{Context, Digest};
use std::iter::once;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::task::yield_now;

use super::nobody;
use super::rsa::{DIGESTS, Key};
use super::signature::Claim;
use super::spelling::Style;
use crate::model::client::SigningClient;
use crate::model::id::ClientId;

/// Ways to sign a claim with one key.
const WAYS: usize = DIGESTS.len() * Style::ALL.len();
/// A refusal has tried a multiple of so many signatures: what two keys take, or one that may use SHA-1.
const TRIES: usize = 12;

/// A client whose signatures can be verified. Never remembers a signature.
pub(super) struct Verifier {
    pub id: ClientId,
    row: SigningClient,
    keys: Vec<Key>,
    /// Which of all combinations of key, digest and spelling was right the last time: a client sticks to one.
    latest: AtomicUsize,
}

impl Verifier {
    pub fn new(row: SigningClient) -> Self {
        let keys = row.keys.iter().filter_map(|key| Key::new(key, row.allows_sha1)).collect();
        Self { id: row.id, keys, row, latest: AtomicUsize::new(0) }
    }

    /// Whether the client is still the one that this was made from.
    pub fn is_of(&self, row: &SigningClient) -> bool {
        self.row == *row
    }

    /// Whether the signature of a claim is one of this client, over any of the three spellings.
    pub async fn verifies(&self, tries: &mut Tries<'_, '_>) -> bool {
        let latest = self.latest.load(Ordering::Relaxed);
        if let Some(style) = Style::ALL.get(latest % Style::ALL.len()) {
            tries.digest(*style, once(latest % WAYS));
        }
        if self.is_good(tries, latest) {
            return true;
        }
        tries.digest_all().await;
        (0..self.keys.len() * WAYS).any(|at| at != latest && self.is_good(tries, at))
    }

    fn is_good(&self, tries: &mut Tries<'_, '_>, at: usize) -> bool {
        let is_good = self.keys.get(at / WAYS).is_some_and(|key| tries.is_good(key, at % WAYS));
        if is_good {
            self.latest.store(at, Ordering::Relaxed);
        }
        is_good
    }
}

/// What has been tried with a claim. However a client was found wanting, a refusal shall take as long: it depends on
/// what was sent, and not on whether there is such a client, which keys it has, or whether the user is there.
pub(super) struct Tries<'t, 'r> {
    claim: &'t Claim<'r>,
    digests: [Option<Digest>; WAYS],
    made: usize,
}

impl<'t, 'r> Tries<'t, 'r> {
    pub fn new(claim: &'t Claim<'r>) -> Self {
        Self { claim, digests: [const { None }; WAYS], made: 0 }
    }

    fn is_good(&mut self, key: &Key, way: usize) -> bool {
        let Some(parsed) = key.parsed.get(way / Style::ALL.len()) else { return false };
        if !key.fits(&self.claim.signature) {
            return false;
        }
        self.made += 1;
        let digest = self.digests.get(way).and_then(Option::as_ref);
        digest.is_some_and(|digest| parsed.verify_digest_sig(digest, &self.claim.signature).is_ok())
    }

    /// Makes those of the digests that are missing, all of one spelling. The text is never held in memory.
    fn digest(&mut self, style: Style, ways: impl Iterator<Item = usize>) {
        let missing = ways.filter(|way| self.digests.get(*way).is_some_and(Option::is_none));
        let context = |way: usize| Some((way, Context::new(DIGESTS.get(way / Style::ALL.len())?.0)));
        let mut contexts: Vec<_> = missing.filter_map(context).collect();
        if !contexts.is_empty() {
            self.claim.spell(style, |part| contexts.iter_mut().for_each(|(_, context)| context.update(part)));
        }
        for (way, context) in contexts {
            if let Some(digest) = self.digests.get_mut(way) {
                *digest = Some(context.finish());
            }
        }
    }

    /// Makes all digests. Those of a large body take a while, in which others shall have their turn.
    async fn digest_all(&mut self) {
        for (at, style) in Style::ALL.into_iter().enumerate() {
            self.digest(style, (at..WAYS).step_by(Style::ALL.len()));
            if self.claim.is_large() {
                yield_now().await;
            }
        }
    }

    /// Tries what is missing with a key of nobody.
    pub async fn fill_up(&mut self) {
        self.digest_all().await;
        let Some(key) = nobody::key_for(self.claim.signature.len()) else { return };
        // A signature of its own: that which was sent may be a number that this key refuses in no time.
        let signature = vec![1; key.bytes()];
        while self.made == 0 || !self.made.is_multiple_of(TRIES) {
            let way = self.made % WAYS;
            if let (Some(parsed), Some(Some(digest))) = (key.parsed.get(way / Style::ALL.len()), self.digests.get(way))
            {
                // What comes of it is known.
                let _ = parsed.verify_digest_sig(digest, &signature);
            }
            self.made += 1;
        }
    }
}

//! A client that signs, with its keys parsed and ready to verify.

use aws_lc_rs::signature::{
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA512, RsaParameters,
};
use std::iter::once;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::keys;
use super::signature::Claim;
use super::spelling::Style;
use crate::model::client::SigningClient;
use crate::model::id::ClientId;

/// The digests that every client may use, and the one that must be allowed.
const DIGESTS: [&RsaParameters; 3] =
    [&RSA_PKCS1_2048_8192_SHA256, &RSA_PKCS1_2048_8192_SHA512, &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY];

/// A client whose signatures can be verified. Never remembers a signature.
pub(super) struct Verifier {
    pub id: ClientId,
    row: SigningClient,
    /// Each key with each digest, since a parsed key has one.
    keys: Vec<ParsedPublicKey>,
    /// Which of all combinations of key, digest and spelling was right the last time: a client sticks to one.
    latest: AtomicUsize,
}

impl Verifier {
    pub fn new(row: SigningClient) -> Self {
        let digests = DIGESTS.iter().take(if row.allows_sha1 { 3 } else { 2 });
        let keys = digests.flat_map(|digest| row.keys.iter().filter_map(|key| ParsedPublicKey::new(*digest, key).ok()));
        Self { id: row.id, keys: keys.collect(), row, latest: AtomicUsize::new(0) }
    }

    /// Whether the client is still the one that this was made from.
    pub fn is_of(&self, row: &SigningClient) -> bool {
        self.row == *row
    }

    /// Whether the signature of a claim is one of this client, over any of the three spellings.
    pub fn verifies(&self, claim: &Claim<'_>) -> bool {
        let mut texts = Style::ALL.map(|style| (style, None));
        let latest = self.latest.load(Ordering::Relaxed);
        let all = once(latest).chain((0..self.keys.len() * texts.len()).filter(|at| *at != latest));
        for at in all {
            let (Some(key), Some((style, text))) =
                (self.keys.get(at / texts.len()), texts.get_mut(at % Style::ALL.len()))
            else {
                continue;
            };
            let text = text.get_or_insert_with(|| claim.text(*style));
            if key.verify_sig(text, &claim.signature).is_ok() {
                self.latest.store(at, Ordering::Relaxed);
                return true;
            }
        }
        false
    }
}

/// Stands in for a client that is not there, so that it takes no less time to refuse. Nobody has its private key.
pub(super) static NOBODY: LazyLock<Verifier> = LazyLock::new(|| {
    let key = keys::rsa_of_pem(NOBODYS_KEY.as_bytes()).unwrap_or_default();
    Verifier::new(SigningClient { id: ClientId::new(0), allows_sha1: false, keys: vec![key] })
});

const NOBODYS_KEY: &str = "\
-----BEGIN PUBLIC KEY-----\n\
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAzHq6SbvC/qrQ+l9gefyt\n\
qBOlAMrlJe/19vrhAZZnZHTPlCs0zC5+yTdH1tiIelO1CALV/wQQCN+wAlRMtgUs\n\
V8Nd+xHkWk/iLOI9aAjZ9CU0bLYjMNuBKc2sLzq/ffsDf7jDsKYifKycVKGQgb5F\n\
I3bAH9j5zgdjgckUJBTxU2nv2W+ND18Qkfo2l2KQKG2XE8gA3E/KDO+WJtLR+i88\n\
HyQSJl29WNkEaKkhK+jxlDFFVXVsU5f4GvyWAuTwJN9H5E+kgf5t51hUbXx3xmaf\n\
IPwUBtIyeDS4ikf1bxWg7q0GMWV2zaYC+kqefd96N2cSVlrLl0L8ujVxrSCw2k2Y\n\
IwIDAQAB\n\
-----END PUBLIC KEY-----\n\
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_as_long_as_a_client_with_one_key() {
        assert_eq!(NOBODY.keys.len(), 2);
    }
}

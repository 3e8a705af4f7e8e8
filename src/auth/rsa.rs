//! The RSA keys that clients sign with, parsed and ready to verify.

use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512};
use aws_lc_rs::signature::{
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA512, RsaParameters,
};

use super::keys;

/// The digests that every client may use, and the one that must be allowed.
pub(super) const DIGESTS: [(&Algorithm, &RsaParameters); 3] = [
    (&SHA256, &RSA_PKCS1_2048_8192_SHA256),
    (&SHA512, &RSA_PKCS1_2048_8192_SHA512),
    (&SHA1_FOR_LEGACY_USE_ONLY, &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY),
];

/// A key, parsed with each digest that it may be used with.
pub(super) struct Key {
    modulus: Vec<u8>,
    pub parsed: Vec<ParsedPublicKey>,
}

impl Key {
    /// Parses a key in DER.
    pub fn new(der: &[u8], allows_sha1: bool) -> Option<Self> {
        let digests = DIGESTS.iter().take(if allows_sha1 { 3 } else { 2 });
        let parsed = digests.map(|(_, parameters)| ParsedPublicKey::new(*parameters, der).ok());
        Some(Self { modulus: keys::modulus_of_rsa(der)?, parsed: parsed.collect::<Option<_>>()? })
    }

    /// How long its signatures are.
    pub fn bytes(&self) -> usize {
        self.modulus.len()
    }

    /// Whether a signature is a number that the key can have made. One that is not is refused in no time.
    pub fn fits(&self, signature: &[u8]) -> bool {
        signature.len() == self.modulus.len() && signature < self.modulus.as_slice()
    }
}

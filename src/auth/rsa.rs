//! The RSA keys that clients sign with, parsed and ready to verify.

use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512};
use aws_lc_rs::signature::{
    ParsedPublicKey, RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA512, RsaParameters,
};
use openssl::pkey::Public;
use openssl::rsa::{Padding, Rsa};

use super::keys;

/// The digests that every client may use, and the one that must be allowed.
pub(super) const DIGESTS: [(&Algorithm, &RsaParameters); 3] = [
    (&SHA256, &RSA_PKCS1_2048_8192_SHA256),
    (&SHA512, &RSA_PKCS1_2048_8192_SHA512),
    (&SHA1_FOR_LEGACY_USE_ONLY, &RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY),
];

/// What stands before each of [`DIGESTS`] in a signature (RFC 8017 section 9.2, note 1).
const PREFIXES: [&[u8]; 3] = [
    b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
    b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40",
    b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14",
];

/// A key, parsed with each digest that it may be used with.
pub(super) struct Key {
    modulus: Vec<u8>,
    pub parsed: Vec<ParsedPublicKey>,
    /// The same key for [`recover`](Self::recover), which the other library does not offer.
    public: Rsa<Public>,
}

/// The digest that a signature was made over, as the signature itself says. It proves that the key made the signature,
/// and not yet what it is a signature of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SignedDigest {
    /// Which of [`DIGESTS`].
    pub algorithm: usize,
    /// Its value.
    pub value: Vec<u8>,
}

impl Key {
    /// Parses a key in DER.
    pub fn new(der: &[u8], allows_sha1: bool) -> Option<Self> {
        let digests = DIGESTS.iter().take(if allows_sha1 { 3 } else { 2 });
        let parsed = digests.map(|(_, parameters)| ParsedPublicKey::new(*parameters, der).ok());
        let public = Rsa::public_key_from_der(der).ok()?;
        Some(Self { modulus: keys::modulus_of_rsa(der)?, parsed: parsed.collect::<Option<_>>()?, public })
    }

    /// How long its signatures are.
    pub fn bytes(&self) -> usize {
        self.modulus.len()
    }

    /// Whether a signature is a number that the key can have made. One that is not is refused in no time.
    pub fn fits(&self, signature: &[u8]) -> bool {
        signature.len() == self.modulus.len() && signature < self.modulus.as_slice()
    }

    /// The digest in a signature of this key (RFC 8017 section 8.2.2, steps 2 and 3, without the message). `None` for
    /// any other number: nobody can make one that passes without the private key.
    pub fn recover(&self, signature: &[u8]) -> Option<SignedDigest> {
        let mut text = vec![0; usize::try_from(self.public.size()).ok()?];
        let length = self.public.public_decrypt(signature, &mut text, Padding::PKCS1).ok()?;
        let text = text.get(..length)?;
        let allowed = PREFIXES.iter().zip(DIGESTS).take(self.parsed.len()).enumerate();
        allowed.into_iter().find_map(|(algorithm, (prefix, (digest, _)))| {
            let value = text.strip_prefix(*prefix).filter(|value| value.len() == digest.output_len())?;
            Some(SignedDigest { algorithm, value: value.to_vec() })
        })
    }
}

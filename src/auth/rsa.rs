//! Parsed RSA public keys of signing clients.

use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512};
use openssl::pkey::Public;
use openssl::rsa::{Padding, Rsa};
use std::ops::RangeInclusive;

use super::keys;

/// The digests: two that every client may use, and SHA-1, which must be allowed per client.
pub(super) const DIGESTS: [&Algorithm; 3] = [&SHA256, &SHA512, &SHA1_FOR_LEGACY_USE_ONLY];

/// The length of keys of 2,048 to 8,192 bits, in bytes.
const BYTES: RangeInclusive<usize> = 256..=1024;

/// The `DigestInfo` prefix of each of [`DIGESTS`] in a signature (RFC 8017 section 9.2, note 1).
const PREFIXES: [&[u8]; 3] = [
    b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
    b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40",
    b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14",
];

/// A parsed public key.
pub(super) struct RsaKey {
    modulus: Vec<u8>,
    public: Rsa<Public>,
    /// How many of [`DIGESTS`] it may be used with.
    digests: usize,
}

/// The digest that a signature was made over. The signature is valid for every text with this digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SignedDigest {
    /// Which of [`DIGESTS`].
    pub algorithm: usize,
    /// Its value.
    pub value: Vec<u8>,
}

impl RsaKey {
    /// Parses a key in DER.
    pub fn new(der: &[u8], allows_sha1: bool) -> Option<Self> {
        let public = Rsa::public_key_from_der(der).ok()?;
        let modulus = keys::rsa_modulus(der).filter(|modulus| BYTES.contains(&modulus.len()))?;
        Some(Self { modulus, public, digests: if allows_sha1 { 3 } else { 2 } })
    }

    /// The length of its signatures, in bytes.
    pub fn bytes(&self) -> usize {
        self.modulus.len()
    }

    /// Whether a signature has the right length and range for this key.
    pub fn can_have_made(&self, signature: &[u8]) -> bool {
        signature.len() == self.modulus.len() && signature < self.modulus.as_slice()
    }

    /// The digest in a signature of this key (RFC 8017 section 8.2.2, decoding the message instead of encoding the text
    /// again). `None` if the signature is not well-formed, which only the private key can make it. The encoding of
    /// prefix and digest is unique, and the padding must fill the rest. A signature without its leading zeros is too
    /// short (section 8.2.2, step 1).
    pub fn recover(&self, signature: &[u8]) -> Option<SignedDigest> {
        if !self.can_have_made(signature) {
            return None;
        }
        let mut text = vec![0; usize::try_from(self.public.size()).ok()?];
        let length = self.public.public_decrypt(signature, &mut text, Padding::PKCS1).ok()?;
        let text = text.get(..length)?;
        let allowed = PREFIXES.iter().zip(DIGESTS).take(self.digests).enumerate();
        allowed.into_iter().find_map(|(algorithm, (prefix, digest))| {
            let value = text.strip_prefix(*prefix).filter(|value| value.len() == digest.output_len())?;
            Some(SignedDigest { algorithm, value: value.to_vec() })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::digest::digest;
    use aws_lc_rs::encoding::AsDer;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaEncoding};
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static PAIR: LazyLock<KeyPair> = LazyLock::new(|| KeyPair::generate(KeySize::Rsa2048).unwrap());

    fn key(allows_sha1: bool) -> RsaKey {
        RsaKey::new(PAIR.public_key().as_der().unwrap().as_ref(), allows_sha1).unwrap()
    }

    fn sign(encoding: &'static dyn RsaEncoding, text: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; PAIR.public_modulus_len()];
        PAIR.sign(encoding, &SystemRandom::new(), text, &mut signature).unwrap();
        signature
    }

    #[test]
    fn the_digest_of_a_signed_text_is_recovered() {
        let encodings: [&'static dyn RsaEncoding; 2] = [&RSA_PKCS1_SHA256, &RSA_PKCS1_SHA512];
        for (algorithm, encoding) in encodings.into_iter().enumerate() {
            let signature = sign(encoding, b"text");
            let value = digest(DIGESTS[algorithm], b"text").as_ref().to_vec();
            assert_eq!(key(false).recover(&signature), Some(SignedDigest { algorithm, value }));
            let mut broken = signature.clone();
            broken[100] ^= 1;
            assert_eq!(key(true).recover(&broken), None);
        }
        assert_eq!(key(true).recover(&sign(&RSA_PKCS1_SHA384, b"text")), None, "an unsupported algorithm");
    }

    #[test]
    fn a_signature_without_its_leading_zero_is_too_short() {
        let zero = (0..=u16::MAX).map(|text| sign(&RSA_PKCS1_SHA256, &text.to_be_bytes())).find(|made| made[0] == 0);
        let signature = zero.expect("one of about 256 signatures");
        assert!(key(false).recover(&signature).is_some());
        assert_eq!(key(false).recover(&signature[1..]), None);
    }

    #[test]
    fn a_sha1_digest_is_recovered_only_if_allowed() {
        let value = digest(&SHA1_FOR_LEGACY_USE_ONLY, b"text").as_ref().to_vec();
        let private = openssl::rsa::Rsa::generate(2048).unwrap();
        let sign = |text: &[u8]| {
            let mut signature = vec![0; 256];
            private.private_encrypt(text, &mut signature, Padding::PKCS1).unwrap();
            signature
        };
        let der = private.public_key_to_der().unwrap();
        let good = [PREFIXES[2], &value].concat();
        let [strict, lenient] = [false, true].map(|allows_sha1| RsaKey::new(&der, allows_sha1).unwrap());
        assert_eq!(lenient.recover(&sign(&good)), Some(SignedDigest { algorithm: 2, value: value.clone() }));
        assert_eq!(strict.recover(&sign(&good)), None);
        // Bytes after the digest, or missing from it, must be rejected (CVE-2006-4339).
        for bad in [[&good, &b"\0"[..]].concat(), good[..good.len() - 1].to_vec(), value, Vec::new()] {
            assert_eq!(lenient.recover(&sign(&bad)), None);
        }
    }

    proptest! {
        #[test]
        fn any_signature_is_processed_without_a_panic(number in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(key(true).recover(&number), None);
        }
    }
}

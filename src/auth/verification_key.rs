//! One key that verifies JWTs, bound to one algorithm.

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};

/// The names that an algorithm has in the `alg` of tokens and keys.
pub(super) type AlgorithmNames = &'static [&'static str];

pub(super) const HS256: AlgorithmNames = &["HS256"];
pub(super) const RS256: AlgorithmNames = &["RS256"];
pub(super) const ES256: AlgorithmNames = &["ES256"];
/// The second name is that of RFC 9864, which deprecates the first.
pub(super) const ED25519_NAMES: AlgorithmNames = &["EdDSA", "Ed25519"];

/// A key that verifies JWTs.
pub(super) struct VerificationKey {
    id: Option<String>,
    algorithm: AlgorithmNames,
    material: Material,
}

enum Material {
    Secret(Box<hmac::Key>),
    Public(ParsedPublicKey),
}

impl VerificationKey {
    /// A public key for the algorithm, with its `kid`.
    pub fn new(id: Option<String>, algorithm: AlgorithmNames, key: ParsedPublicKey) -> Self {
        Self { id, algorithm, material: Material::Public(key) }
    }

    /// A secret for HS256.
    pub fn of_secret(secret: &[u8]) -> Self {
        let key = Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret));
        Self { id: None, algorithm: HS256, material: Material::Secret(key) }
    }

    /// Its `kid`.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether the algorithm is that of the key, and the signature that of the message.
    pub fn verify(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        self.algorithm.contains(&algorithm)
            && match &self.material {
                Material::Secret(secret) => hmac::verify(secret, message, signature).is_ok(),
                Material::Public(public) => public.verify_sig(message, signature).is_ok(),
            }
    }
}

/// An RSA key from its DER, for RS256.
pub(super) fn parse_rsa(der: &[u8]) -> Result<ParsedPublicKey, String> {
    ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der).map_err(|_| "the RSA key is invalid".to_owned())
}

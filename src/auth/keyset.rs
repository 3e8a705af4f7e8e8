//! Keys that verify JWTs: a secret, one public key in PEM, or a JWK Set (RFC 7517).

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey};
use std::fmt;
use std::path::{Path, PathBuf};

use super::jwk;
use super::keys;
use super::verification_key::{ED25519_NAMES, ES256, RS256, VerificationKey, parse_rsa};

/// The minimum length of a secret, in bytes: the output size of HS256 (RFC 7518 section 3.2).
const MIN_SECRET_BYTES: usize = 32;
/// The largest key file, in bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// The most skipped keys that an error lists.
const MAX_REASONS: usize = 10;

/// A text that `Debug` does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The format of a key file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFormat {
    /// A secret, optionally followed by a line end.
    Secret,
    /// A public key in PEM.
    Pem,
    /// A JWK Set.
    Jwks,
}

/// The source of keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A secret.
    Secret(Secret),
    /// A file, which is reloaded when it changes.
    File(KeyFormat, PathBuf),
}

impl KeySource {
    /// Reads the keys.
    ///
    /// # Errors
    /// A message that says what is wrong.
    pub fn read(&self) -> Result<KeySet, String> {
        match self {
            Self::Secret(secret) => KeySet::from_secret(secret.0.as_bytes()),
            Self::File(format, path) => {
                let wrong = |reason: String| format!("`{}`: {reason}", path.display());
                let bytes = read_bytes(path).map_err(wrong)?;
                match format {
                    KeyFormat::Secret => KeySet::from_secret(trim_line_end(&bytes)),
                    KeyFormat::Pem => KeySet::from_pem(&bytes),
                    KeyFormat::Jwks => KeySet::from_jwks(&bytes),
                }
                .map_err(wrong)
            }
        }
    }
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, String> {
    let size = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > MAX_FILE_BYTES {
        return Err(format!("a key file has at most {MAX_FILE_BYTES} bytes; this one has {size}"));
    }
    std::fs::read(path).map_err(|error| error.to_string())
}

fn trim_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

/// Keys, each bound to one algorithm, so that a token cannot choose another.
#[derive(Default)]
pub struct KeySet {
    keys: Vec<VerificationKey>,
    skipped: Vec<String>,
}

impl KeySet {
    fn single(key: VerificationKey) -> Self {
        Self { keys: vec![key], skipped: Vec::new() }
    }

    fn from_secret(secret: &[u8]) -> Result<Self, String> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(format!("the secret has {} bytes; it needs at least {MIN_SECRET_BYTES}", secret.len()));
        }
        let looks_public = std::str::from_utf8(secret).is_ok_and(|text| text.contains("-----BEGIN"));
        if looks_public {
            return Err("this is a PEM key, not a secret; set `JWT_PUBLIC_KEY_FILE` instead".to_owned());
        }
        Ok(Self::single(VerificationKey::of_secret(secret)))
    }

    fn from_pem(pem: &[u8]) -> Result<Self, String> {
        let der = keys::parse_public_pem(pem)?;
        let public = |algorithm, key| Ok(Self::single(VerificationKey::new(None, algorithm, key)));
        if let Ok(key) = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &der) {
            return public(ES256, key);
        }
        if let Ok(key) = ParsedPublicKey::new(&ED25519, &der) {
            return public(ED25519_NAMES, key);
        }
        match keys::parse_rsa_der(&der) {
            Ok(der) => public(RS256, parse_rsa(&der)?),
            Err(reason) if reason.starts_with("the RSA key") => Err(reason),
            Err(_) => Err("not a valid RSA, EC P-256 or Ed25519 key".to_owned()),
        }
    }

    /// Reads a JWK Set. Keys that cannot verify tokens are skipped (RFC 7517 section 5).
    fn from_jwks(json: &[u8]) -> Result<Self, String> {
        let jwk::ParsedSet { keys, skipped } = jwk::parse_set(json)?;
        match (keys.is_empty(), skipped.is_empty()) {
            (false, _) => Ok(Self { keys, skipped }),
            (true, true) => Err("the set has no key".to_owned()),
            (true, false) => Err(format!("the set has no key that can verify tokens: {}", summarize(&skipped))),
        }
    }

    /// The skipped keys of the set, one message each.
    pub(super) fn skipped(&self) -> &[String] {
        &self.skipped
    }

    /// Verifies the signature of a message with the keys that the token may mean. The token must name the algorithm of
    /// the key.
    ///
    /// A `kid` need not be unique (RFC 7517 section 4.5), so every key with the `kid` of the token is tried, and every
    /// key without one. A token without `kid` also means the only key of a set.
    pub(super) fn verify(&self, algorithm: &str, id: Option<&str>, message: &[u8], signature: &[u8]) -> bool {
        let is_only = self.keys.len() == 1;
        let is_meant = |key: &&VerificationKey| match (key.id(), id) {
            (None, _) => true,
            (Some(_), None) => is_only,
            (Some(key), Some(id)) => key == id,
        };
        self.keys.iter().filter(is_meant).any(|key| key.verify(algorithm, message, signature))
    }
}

/// The first messages, and the number of the others.
fn summarize(messages: &[String]) -> String {
    let shown: Vec<_> = messages.iter().take(MAX_REASONS).map(String::as_str).collect();
    match messages.len() - shown.len() {
        0 => shown.join("; "),
        more => format!("{}; and {more} more", shown.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;

    #[test]
    fn debug_output_hides_the_secret() {
        let source = KeySource::Secret(Secret::new("hunter2"));
        assert!(!format!("{source:?}").contains("hunter2"));
    }

    proptest! {
        #[test]
        fn any_key_file_is_parsed_without_a_panic(noise: Vec<u8>, kty in "(RSA|EC|OKP|oct)", crv in "(P-256|Ed25519|x)", text: String) {
            let encoded = URL_SAFE_NO_PAD.encode(&noise);
            for value in [&encoded, &text] {
                let key = serde_json::json!({"kty": kty, "crv": crv, "n": value, "e": value, "x": value, "y": value});
                let set = serde_json::json!({ "keys": [key] }).to_string();
                prop_assert!(KeySet::from_jwks(set.as_bytes()).is_err() || noise.len() == 32);
            }
            prop_assert!(KeySet::from_jwks(&noise).is_err());
            prop_assert!(KeySet::from_pem(&noise).is_err());
            prop_assert_eq!(KeySet::from_secret(&noise).is_ok(), noise.len() >= MIN_SECRET_BYTES);
        }
    }
}

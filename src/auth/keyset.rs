//! Keys that verify JWTs: a secret, one public key in PEM, or a JWK set (RFC 7517). Each key has one algorithm, so
//! that a token cannot choose another.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use super::keys;

/// The shortest secret, in bytes: as long as what it makes (RFC 7518 section 3.2).
const SHORTEST_SECRET: usize = 32;
/// The largest key file, in bytes.
const LARGEST_FILE: u64 = 1024 * 1024;

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
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

/// What a key file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A secret, which a line end may follow.
    Secret,
    /// A public key in PEM.
    Pem,
    /// A JWK set.
    Jwks,
}

/// Where keys come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A secret.
    Secret(Secret),
    /// A file, which is read again when it changes.
    File(Format, PathBuf),
}

impl Source {
    /// Reads the keys.
    ///
    /// # Errors
    /// A sentence that says what is wrong with them.
    pub fn read(&self) -> Result<KeySet, String> {
        match self {
            Self::Secret(secret) => KeySet::of_secret(secret.0.as_bytes()),
            Self::File(format, path) => {
                let wrong = |reason: String| format!("`{}`: {reason}", path.display());
                let bytes = bytes_of(path).map_err(wrong)?;
                match format {
                    Format::Secret => KeySet::of_secret(without_line_end(&bytes)),
                    Format::Pem => KeySet::of_pem(&bytes),
                    Format::Jwks => KeySet::of_jwks(&bytes),
                }
                .map_err(wrong)
            }
        }
    }
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, String> {
    let size = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > LARGEST_FILE {
        return Err("this is too large for a file of keys".to_owned());
    }
    std::fs::read(path).map_err(|error| error.to_string())
}

fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

/// Keys, each good for one algorithm.
#[derive(Default)]
pub struct KeySet(Vec<Key>);

struct Key {
    /// What tokens call it; one without a name is alone.
    id: Option<String>,
    algorithm: &'static str,
    material: Material,
}

enum Material {
    Secret(Box<hmac::Key>),
    Public(ParsedPublicKey),
}

impl KeySet {
    fn alone(algorithm: &'static str, material: Material) -> Self {
        Self(vec![Key { id: None, algorithm, material }])
    }

    fn of_secret(secret: &[u8]) -> Result<Self, String> {
        if secret.len() < SHORTEST_SECRET {
            return Err(format!("the secret has {} bytes; it needs at least {SHORTEST_SECRET}", secret.len()));
        }
        let looks_public = std::str::from_utf8(secret).is_ok_and(|text| text.contains("-----BEGIN"));
        if looks_public {
            return Err("this is a PEM key, not a secret; set `JWT_PUBLIC_KEY_FILE` instead".to_owned());
        }
        Ok(Self::alone("HS256", Material::Secret(Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret)))))
    }

    fn of_pem(pem: &[u8]) -> Result<Self, String> {
        let der = keys::public_of_pem(pem)?;
        if let Ok(key) = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &der) {
            return Ok(Self::alone("ES256", Material::Public(key)));
        }
        if let Ok(key) = ParsedPublicKey::new(&ED25519, &der) {
            return Ok(Self::alone("EdDSA", Material::Public(key)));
        }
        match keys::rsa_of_der(&der) {
            Ok(der) => Ok(Self::alone("RS256", Material::Public(rsa(&der)?))),
            Err(reason) if reason.starts_with("the RSA key") => Err(reason),
            Err(_) => Err("not a valid RSA, EC P-256 or Ed25519 key".to_owned()),
        }
    }

    fn of_jwks(json: &[u8]) -> Result<Self, String> {
        let set: JwkSet = serde_json::from_slice(json).map_err(|error| format!("not a JWK Set: {error}"))?;
        let mut keys = Vec::new();
        for (at, jwk) in set.keys.iter().enumerate() {
            let wrong = |reason: String| match &jwk.kid {
                Some(kid) => format!("the key `{kid}`: {reason}"),
                None => format!("key number {}: {reason}", at + 1),
            };
            if jwk.usage.as_deref() != Some("enc") {
                keys.push(jwk.key().map_err(wrong)?);
            }
        }
        if keys.is_empty() {
            return Err("the set has no key that verifies signatures".to_owned());
        }
        if keys.len() > 1 && keys.iter().any(|key| key.id.is_none()) {
            return Err("with several keys each needs a `kid`, so that a token can select one".to_owned());
        }
        let mut ids = HashSet::new();
        match keys.iter().find(|key| !ids.insert(key.id.as_deref())) {
            Some(key) => Err(format!("two keys have the `kid` `{}`", key.id.as_deref().unwrap_or_default())),
            None => Ok(Self(keys)),
        }
    }

    /// Whether the signature of a message is good. The key is the one that the token names, or the only one; the
    /// algorithm is that of the key, and the token has to say so.
    pub(super) fn verifies(&self, algorithm: &str, id: Option<&str>, message: &[u8], signature: &[u8]) -> bool {
        let key = match (self.0.as_slice(), id) {
            ([only], id) if only.id.is_none() || id.is_none() => Some(only),
            (keys, Some(id)) => keys.iter().find(|key| key.id.as_deref() == Some(id)),
            (_, None) => None,
        };
        key.filter(|key| key.algorithm == algorithm).is_some_and(|key| match &key.material {
            Material::Secret(secret) => hmac::verify(secret, message, signature).is_ok(),
            Material::Public(public) => public.verify_sig(message, signature).is_ok(),
        })
    }
}

fn rsa(der: &[u8]) -> Result<ParsedPublicKey, String> {
    ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der).map_err(|_| "the RSA key is broken".to_owned())
}

#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<Jwk>,
}

/// A JSON Web Key (RFC 7517 section 4, RFC 7518 section 6, RFC 8037).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    /// Of private keys.
    d: Option<IgnoredAny>,
}

impl Jwk {
    fn key(&self) -> Result<Key, String> {
        if self.d.is_some() {
            return Err("this is a private key; use the public key and keep the private one secret".to_owned());
        }
        let curve = self.crv.as_deref().unwrap_or_default();
        let (algorithm, public) = match (self.kty.as_str(), curve) {
            ("RSA", _) => ("RS256", self.rsa()?),
            ("EC", "P-256") => {
                let point = [vec![4], decoded("x", self.x.as_ref())?, decoded("y", self.y.as_ref())?].concat();
                (
                    "ES256",
                    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                        .map_err(|_| "`x`, `y` are not a point of P-256")?,
                )
            }
            ("OKP", "Ed25519") => {
                let point = decoded("x", self.x.as_ref())?;
                let key = ParsedPublicKey::new(&ED25519, &point).ok().filter(|_| point.len() == 32);
                ("EdDSA", key.ok_or("`x` is not a point of Ed25519")?)
            }
            ("EC" | "OKP", curve) => {
                return Err(format!("`crv` must be P-256 (EC) or Ed25519 (OKP); got `{curve}`"));
            }
            (kty, _) => return Err(format!("`kty` must be RSA, EC or OKP; got `{kty}`")),
        };
        match self.alg.as_deref() {
            Some(alg) if alg != algorithm => Err(format!("`alg` of such a key must be `{algorithm}`; got `{alg}`")),
            _ => Ok(Key { id: self.kid.clone(), algorithm, material: Material::Public(public) }),
        }
    }

    fn rsa(&self) -> Result<ParsedPublicKey, String> {
        let stripped = |bytes: Vec<u8>| bytes.into_iter().skip_while(|byte| *byte == 0).collect::<Vec<_>>();
        let n = stripped(decoded("n", self.n.as_ref())?);
        let e = stripped(decoded("e", self.e.as_ref())?);
        let der = RsaPublicKeyComponents { n, e }.as_der().map_err(|_| "`n`, `e` are not an RSA key")?;
        rsa(&keys::rsa_of_der(der.as_ref())?)
    }
}

fn decoded(name: &str, text: Option<&String>) -> Result<Vec<u8>, String> {
    let bytes = text.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    bytes.ok_or_else(|| format!("`{name}` is missing, or not base64url without padding"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_secret_is_never_shown() {
        let source = Source::Secret(Secret::new("hunter2"));
        assert!(!format!("{source:?}").contains("hunter2"));
    }

    proptest! {
        #[test]
        fn any_key_file_is_read_without_a_panic(noise: Vec<u8>, kty in "(RSA|EC|OKP|oct)", crv in "(P-256|Ed25519|x)", text: String) {
            let encoded = URL_SAFE_NO_PAD.encode(&noise);
            for value in [&encoded, &text] {
                let key = serde_json::json!({"kty": kty, "crv": crv, "n": value, "e": value, "x": value, "y": value});
                let set = serde_json::json!({ "keys": [key] }).to_string();
                prop_assert!(KeySet::of_jwks(set.as_bytes()).is_err() || noise.len() == 32);
            }
            prop_assert!(KeySet::of_jwks(&noise).is_err());
            prop_assert!(KeySet::of_pem(&noise).is_err());
            prop_assert_eq!(KeySet::of_secret(&noise).is_ok(), noise.len() >= SHORTEST_SECRET);
        }
    }
}

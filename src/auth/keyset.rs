//! Keys that verify JWTs: a secret, one public key in PEM, or a JWK Set (RFC 7517). Each key is bound to one algorithm,
//! so that a token cannot choose another.

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

/// The minimum length of a secret, in bytes: the output size of HS256 (RFC 7518 section 3.2).
const MIN_SECRET_BYTES: usize = 32;
/// The largest key file, in bytes.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

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

/// Keys, each bound to one algorithm.
#[derive(Default)]
pub struct KeySet(Vec<JwtKey>);

struct JwtKey {
    /// The `kid` of the key; only a single key may have none.
    id: Option<String>,
    algorithm: &'static str,
    material: Material,
}

enum Material {
    Secret(Box<hmac::Key>),
    Public(ParsedPublicKey),
}

impl KeySet {
    fn single(algorithm: &'static str, material: Material) -> Self {
        Self(vec![JwtKey { id: None, algorithm, material }])
    }

    fn from_secret(secret: &[u8]) -> Result<Self, String> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(format!("the secret has {} bytes; it needs at least {MIN_SECRET_BYTES}", secret.len()));
        }
        let looks_public = std::str::from_utf8(secret).is_ok_and(|text| text.contains("-----BEGIN"));
        if looks_public {
            return Err("this is a PEM key, not a secret; set `JWT_PUBLIC_KEY_FILE` instead".to_owned());
        }
        Ok(Self::single("HS256", Material::Secret(Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret)))))
    }

    fn from_pem(pem: &[u8]) -> Result<Self, String> {
        let der = keys::parse_public_pem(pem)?;
        if let Ok(key) = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &der) {
            return Ok(Self::single("ES256", Material::Public(key)));
        }
        if let Ok(key) = ParsedPublicKey::new(&ED25519, &der) {
            return Ok(Self::single("EdDSA", Material::Public(key)));
        }
        match keys::parse_rsa_der(&der) {
            Ok(der) => Ok(Self::single("RS256", Material::Public(rsa(&der)?))),
            Err(reason) if reason.starts_with("the RSA key") => Err(reason),
            Err(_) => Err("not a valid RSA, EC P-256 or Ed25519 key".to_owned()),
        }
    }

    fn from_jwks(json: &[u8]) -> Result<Self, String> {
        let set: JwkSet = serde_json::from_slice(json).map_err(|error| format!("not a JWK Set: {error}"))?;
        let mut keys = Vec::new();
        for (at, jwk) in set.keys.iter().enumerate() {
            let wrong = |reason: String| match &jwk.kid {
                Some(kid) => format!("the key `{kid}`: {reason}"),
                None => format!("key number {}: {reason}", at + 1),
            };
            if jwk.usage.as_deref() != Some("enc") {
                keys.push(jwk.to_key().map_err(wrong)?);
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

    /// Verifies the signature of a message with the key that the token names, or with the only key. The token must name
    /// the algorithm of the key.
    pub(super) fn verify(&self, algorithm: &str, id: Option<&str>, message: &[u8], signature: &[u8]) -> bool {
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
    ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der).map_err(|_| "the RSA key is invalid".to_owned())
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
    /// Present only in private keys.
    d: Option<IgnoredAny>,
}

impl Jwk {
    fn to_key(&self) -> Result<JwtKey, String> {
        if self.d.is_some() {
            return Err("this is a private key; use the public key and keep the private one secret".to_owned());
        }
        let curve = self.crv.as_deref().unwrap_or_default();
        let (algorithm, public) = match (self.kty.as_str(), curve) {
            ("RSA", _) => ("RS256", self.rsa()?),
            ("EC", "P-256") => {
                let point = [vec![4], decode_base64url("x", self.x.as_ref())?, decode_base64url("y", self.y.as_ref())?]
                    .concat();
                (
                    "ES256",
                    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                        .map_err(|_| "`x`, `y` are not a point of P-256")?,
                )
            }
            ("OKP", "Ed25519") => {
                let point = decode_base64url("x", self.x.as_ref())?;
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
            _ => Ok(JwtKey { id: self.kid.clone(), algorithm, material: Material::Public(public) }),
        }
    }

    fn rsa(&self) -> Result<ParsedPublicKey, String> {
        let stripped = |bytes: Vec<u8>| bytes.into_iter().skip_while(|byte| *byte == 0).collect::<Vec<_>>();
        let n = stripped(decode_base64url("n", self.n.as_ref())?);
        let e = stripped(decode_base64url("e", self.e.as_ref())?);
        let der = RsaPublicKeyComponents { n, e }.as_der().map_err(|_| "`n`, `e` are not an RSA key")?;
        rsa(&keys::parse_rsa_der(der.as_ref())?)
    }
}

fn decode_base64url(name: &str, text: Option<&String>) -> Result<Vec<u8>, String> {
    let bytes = text.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    bytes.ok_or_else(|| format!("`{name}` is missing, or not base64url without padding"))
}

#[cfg(test)]
mod tests {
    use super::*;
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

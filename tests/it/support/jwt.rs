//! Issuers of JWTs, with keys made for this run of the tests.

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsBigEndian, AsDer, EcPublicKeyUncompressedBin};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::signing::{now, openssl, pem, public_key, sign};

/// The secret of [`Key::Secret`].
pub const SECRET: &str = "a secret of the tests that is long enough";

static CURVE: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"));
static EDWARDS: LazyLock<Ed25519KeyPair> = LazyLock::new(|| Ed25519KeyPair::generate().expect("a key"));
static FOLDER: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().expect("a folder"));

/// A key that signs tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// HS256 with [`SECRET`].
    Secret,
    /// RS256 with one of the keys that sign requests.
    Rsa(usize),
    /// ES256.
    Curve,
    /// `EdDSA`.
    Edwards,
}

impl Key {
    /// Its algorithm.
    pub const fn algorithm(self) -> &'static str {
        match self {
            Self::Secret => "HS256",
            Self::Rsa(_) => "RS256",
            Self::Curve => "ES256",
            Self::Edwards => "EdDSA",
        }
    }

    /// The signature before base64url.
    pub fn sign(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Secret => hmac_of(SECRET.as_bytes(), message),
            Self::Rsa(key) => STANDARD.decode(sign(key, &RSA_PKCS1_SHA256, message)).expect("base64"),
            Self::Curve => CURVE.sign(&SystemRandom::new(), message).expect("a signature").as_ref().to_vec(),
            Self::Edwards => EDWARDS.sign(message).as_ref().to_vec(),
        }
    }

    /// The public key as `SubjectPublicKeyInfo`.
    pub fn der(self) -> Vec<u8> {
        match self {
            Self::Secret => Vec::new(),
            Self::Rsa(key) => public_key(key),
            Self::Curve => CURVE.public_key().as_der().expect("an encoding").as_ref().to_vec(),
            Self::Edwards => EDWARDS.public_key().as_der().expect("an encoding").as_ref().to_vec(),
        }
    }

    /// The public key as a JWK with that `kid`.
    pub fn jwk(self, kid: &str) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Secret => json!({"kty": "oct", "kid": kid, "k": encode(SECRET.as_bytes())}),
            Self::Rsa(key) => {
                let pem = pem("PUBLIC KEY", &public_key(key));
                let printed = openssl(&["rsa", "-pubin", "-noout", "-modulus"], pem.as_bytes());
                let printed = String::from_utf8(printed).expect("text");
                let digits = printed.trim().strip_prefix("Modulus=").expect("a modulus");
                let pairs = (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16));
                let modulus: Vec<_> = pairs.map(|byte| byte.expect("a byte")).collect();
                json!({"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", "n": encode(&modulus), "e": "AQAB"})
            }
            Self::Curve => {
                let point: EcPublicKeyUncompressedBin = CURVE.public_key().as_be_bytes().expect("a point");
                let (x, y) = point.as_ref()[1..].split_at(32);
                json!({"kty": "EC", "kid": kid, "crv": "P-256", "x": encode(x), "y": encode(y)})
            }
            Self::Edwards => {
                json!({"kty": "OKP", "kid": kid, "crv": "Ed25519", "x": encode(EDWARDS.public_key().as_ref())})
            }
        }
    }
}

/// HMAC with SHA-256.
pub fn hmac_of(secret: &[u8], message: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message).as_ref().to_vec()
}

/// Claims that are valid for a minute, merged with these.
pub fn claims(others: &Value) -> Value {
    let mut claims = json!({"exp": now() + 60});
    let all = claims.as_object_mut().expect("an object");
    all.extend(others.as_object().expect("an object").clone());
    claims
}

/// A token with the header that fits the key, and an optional `kid`.
pub fn token(key: Key, kid: Option<&str>, claims: &Value) -> String {
    let mut header = json!({"alg": key.algorithm(), "typ": "JWT"});
    if let Some(kid) = kid {
        header["kid"] = json!(kid);
    }
    signed(&header.to_string(), &claims.to_string(), |message| key.sign(message))
}

/// A token of any header and claims.
pub fn signed(header: &str, claims: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

/// A file that exists as long as the tests run.
pub fn file(name: &str, content: &str) -> PathBuf {
    let path = FOLDER.path().join(name);
    fs::write(&path, content).expect("a file");
    path
}

/// A file with the public keys as a JWK set; their ids are the algorithm and position.
pub fn jwks(name: &str, keys: &[Key]) -> PathBuf {
    let all: Vec<_> = keys.iter().map(|key| key.jwk(&kid(*key))).collect();
    file(name, &json!({ "keys": all }).to_string())
}

/// The id that [`jwks`] gives a key.
pub fn kid(key: Key) -> String {
    format!("{key:?}")
}

//! Parses JWK Sets (RFC 7517): a set may have keys of any kind, of which some can verify tokens.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RsaPublicKeyComponents};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::keys;
use super::verification_key::{ED25519_NAMES, ES256, RS256, VerificationKey, parse_rsa};
use crate::model::text::excerpt;

/// The keys of a set.
pub(super) struct ParsedSet {
    /// The keys that can verify tokens.
    pub keys: Vec<VerificationKey>,
    /// The others, each with its `kid`, its `kty`, and why it cannot.
    pub skipped: Vec<String>,
}

/// Parses a set. Keys that cannot verify tokens do not affect the others (RFC 7517 section 5).
///
/// # Errors
/// A message that says why the text is not a JWK Set.
pub(super) fn parse_set(json: &[u8]) -> Result<ParsedSet, String> {
    let json = json.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(json);
    let set: JwkSet = serde_json::from_slice(json).map_err(|error| format!("not a JWK Set: {error}"))?;
    let mut parsed = ParsedSet { keys: Vec::new(), skipped: Vec::new() };
    for (at, value) in set.keys.iter().enumerate() {
        match parse_key(value) {
            Ok(key) => parsed.keys.push(key),
            Err(reason) => parsed.skipped.push(format!("{}: {reason}", describe(at, value))),
        }
    }
    Ok(parsed)
}

/// The key as messages name it: by `kid`, or by its place in the set, and with `kty`.
fn describe(at: usize, key: &Value) -> String {
    let member = |name: &str| key.get(name).and_then(Value::as_str).map(excerpt);
    let name = member("kid").map_or_else(|| format!("key number {}", at + 1), |kid| format!("the key `{kid}`"));
    match member("kty") {
        Some(kty) => format!("{name} (`kty` {kty})"),
        None => name,
    }
}

fn parse_key(value: &Value) -> Result<VerificationKey, String> {
    if !value.is_object() {
        return Err("a key must be a JSON object".to_owned());
    }
    let jwk = Jwk::deserialize(value).map_err(|error| format!("a member is invalid: {error}"))?;
    jwk.to_key()
}

#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<Value>,
}

/// A JSON Web Key (RFC 7517 section 4, RFC 7518 section 6, RFC 8037).
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
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
    fn to_key(&self) -> Result<VerificationKey, String> {
        self.check_purpose()?;
        let curve = self.crv.as_deref().unwrap_or_default();
        let (algorithm, public) = match (self.kty.as_str(), curve) {
            ("RSA", _) => (RS256, self.rsa()?),
            ("EC", "P-256") => (ES256, self.p256()?),
            ("OKP", "Ed25519") => (ED25519_NAMES, self.ed25519()?),
            ("EC" | "OKP", curve) => {
                return Err(format!("`crv` must be P-256 (EC) or Ed25519 (OKP); got `{}`", excerpt(curve)));
            }
            (kty, _) => return Err(format!("`kty` must be RSA, EC or OKP; got `{}`", excerpt(kty))),
        };
        match self.alg.as_deref() {
            Some(alg) if !algorithm.contains(&alg) => {
                let expected = algorithm.join("` or `");
                Err(format!("`alg` of such a key must be `{expected}`; got `{}`", excerpt(alg)))
            }
            _ => Ok(VerificationKey::new(self.kid.clone(), algorithm, public)),
        }
    }

    /// Refuses keys that are for something else than verifying signatures (RFC 7517 sections 4.2 and 4.3).
    fn check_purpose(&self) -> Result<(), String> {
        if self.d.is_some() {
            return Err("this is a private key; use the public key and keep the private one secret".to_owned());
        }
        if self.usage.as_deref() == Some("enc") {
            return Err("`use` is `enc`; a key that verifies signatures has `sig`".to_owned());
        }
        if self.key_ops.as_ref().is_some_and(|all| !all.iter().any(|operation| operation == "verify")) {
            return Err("`key_ops` does not include `verify`".to_owned());
        }
        Ok(())
    }

    fn rsa(&self) -> Result<ParsedPublicKey, String> {
        let stripped = |bytes: Vec<u8>| bytes.into_iter().skip_while(|byte| *byte == 0).collect::<Vec<_>>();
        let n = stripped(decode_base64url("n", self.n.as_ref())?);
        let e = stripped(decode_base64url("e", self.e.as_ref())?);
        let der = RsaPublicKeyComponents { n, e }.as_der().map_err(|_| "`n`, `e` are not an RSA key")?;
        parse_rsa(&keys::parse_rsa_der(der.as_ref())?)
    }

    fn p256(&self) -> Result<ParsedPublicKey, String> {
        let (x, y) = (decode_base64url("x", self.x.as_ref())?, decode_base64url("y", self.y.as_ref())?);
        let point = [vec![4], x, y].concat();
        let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        key.map_err(|_| "`x`, `y` are not a point of P-256".to_owned())
    }

    fn ed25519(&self) -> Result<ParsedPublicKey, String> {
        let point = decode_base64url("x", self.x.as_ref())?;
        let key = ParsedPublicKey::new(&ED25519, &point).ok().filter(|_| point.len() == 32);
        key.ok_or_else(|| "`x` is not a point of Ed25519".to_owned())
    }
}

fn decode_base64url(name: &str, text: Option<&String>) -> Result<Vec<u8>, String> {
    let bytes = text.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    bytes.ok_or_else(|| format!("`{name}` is missing, or not base64url without padding"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
    use proptest::prelude::*;
    use serde_json::json;

    fn good_key(kid: &str) -> Value {
        let pair = Ed25519KeyPair::generate().unwrap();
        let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": x})
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-zA-Z0-9_-]{0,60}".prop_map(Value::from),
            Just(json!("EC")),
        ];
        let name = "(kty|kid|use|alg|crv|n|e|x|y|d|key_ops)";
        leaf.prop_recursive(2, 16, 8, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                proptest::collection::hash_map(name, inner, 0..8)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_other_key_leaves_a_good_one_usable(other in any_json(), is_first: bool) {
            let good = good_key("good");
            let keys = if is_first { [other, good] } else { [good, other] };
            let set = parse_set(json!({ "keys": keys }).to_string().as_bytes()).unwrap();
            prop_assert!(set.keys.iter().any(|key| key.id() == Some("good")));
            prop_assert_eq!(set.keys.len() + set.skipped.len(), 2);
        }

        #[test]
        fn any_bytes_are_a_set_or_an_error(noise: Vec<u8>) {
            prop_assert!(parse_set(&noise).is_err());
        }
    }

    #[test]
    fn a_skipped_key_is_named_by_kid_or_place_and_by_kty() {
        let keys = [
            json!({"kty": "AKP", "kid": "new", "alg": "ML-DSA-44", "pub": "AA"}),
            json!({"kty": "oct", "k": "AA"}),
            json!({"kid": "bare"}),
            json!(7),
            json!({"kty": "RSA", "kid": 7}),
            json!({"kty": "RSA", "kid": "e", "use": "enc", "n": "AA", "e": "AQAB"}),
            json!({"kty": "EC", "kid": "s", "key_ops": ["sign"]}),
        ];
        let set = parse_set(json!({ "keys": keys }).to_string().as_bytes()).unwrap();
        assert!(set.keys.is_empty());
        for (message, start) in set.skipped.iter().zip([
            "the key `new` (`kty` AKP): `kty` must be",
            "key number 2 (`kty` oct): `kty` must be",
            "the key `bare`: a member is invalid: missing field `kty`",
            "key number 4: a key must be a JSON object",
            "key number 5 (`kty` RSA): a member is invalid",
            "the key `e` (`kty` RSA): `use` is `enc`",
            "the key `s` (`kty` EC): `key_ops`",
        ]) {
            assert!(message.starts_with(start), "{message}");
        }
    }
}

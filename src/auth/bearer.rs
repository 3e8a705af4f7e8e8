//! JSON Web Tokens (RFC 7519) in the compact serialization of RFC 7515: parsing and verification.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;

use super::claims::{ClaimRequirements, Claims};
use super::identity::AccountKey;
use super::keyset::KeySet;
use crate::model::time::Timestamp;

/// The longest token, in bytes.
const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// Tolerated difference between the clocks of issuer and service, in seconds.
const LEEWAY_SECONDS: f64 = 30.0;

/// A verified token.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bearer {
    pub subject: AccountKey,
    /// Seconds since 1970, like all times in a token.
    expires: f64,
    starts: Option<f64>,
}

impl Bearer {
    /// Whether `now` is between `nbf` and `exp`, with leeway.
    pub fn is_within_validity(&self, now: Timestamp) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "only fractions of a second are lost")]
        let now = now.micros() as f64 / 1e6;
        now < self.expires + LEEWAY_SECONDS && self.starts.is_none_or(|starts| now >= starts - LEEWAY_SECONDS)
    }
}

#[derive(Deserialize)]
struct JoseHeader<'j> {
    #[serde(borrow)]
    alg: Cow<'j, str>,
    #[serde(borrow)]
    kid: Option<Cow<'j, str>>,
    /// Extensions that a recipient must understand. None is supported, so any value is a refusal.
    crit: Option<IgnoredAny>,
}

/// The JWT in an `Authorization` header.
pub(crate) fn bearer_token(header: &str) -> Option<&str> {
    let (scheme, token) = header.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start()).filter(|token| !token.is_empty())
}

/// Verifies the signature and the claims of a token, except its validity period.
pub(crate) fn verify(token: &str, keys: &KeySet, requirements: &ClaimRequirements) -> Option<Bearer> {
    let (message, header, claims, signature) = split_compact(token)?;
    let header = URL_SAFE_NO_PAD.decode(header).ok()?;
    let header: JoseHeader = parse_object(&header)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    if header.crit.is_some() || !keys.verify(&header.alg, header.kid.as_deref(), message.as_bytes(), &signature) {
        return None;
    }
    let json = URL_SAFE_NO_PAD.decode(claims).ok()?;
    let claims: Claims = parse_object(&json)?;
    if !claims.satisfies(requirements) {
        return None;
    }
    let subject = claims.account_key(&requirements.user, &json)?;
    Some(Bearer { subject, expires: claims.exp, starts: claims.nbf })
}

/// The issuer and the key id in a token, without verification. Failures are counted by them.
pub(crate) fn unverified_issuer_and_key_id(token: &str) -> (String, String) {
    #[derive(Deserialize)]
    struct Issued {
        iss: String,
    }
    let (_, header, claims, _) = split_compact(token).unwrap_or_default();
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.decode(part).unwrap_or_default());
    let key = parse_object::<JoseHeader>(&header).and_then(|header| header.kid);
    let issuer = parse_object::<Issued>(&claims).map(|claims| claims.iss);
    (issuer.unwrap_or_default(), key.unwrap_or_default().into_owned())
}

/// The signed part, the header, the claims and the signature.
fn split_compact(token: &str) -> Option<(&str, &str, &str, &str)> {
    if token.len() > MAX_TOKEN_BYTES {
        return None;
    }
    let (header, rest) = token.split_once('.')?;
    // A third dot becomes part of the signature, where base64 decoding rejects it.
    let (claims, signature) = rest.split_once('.')?;
    Some((token.get(..header.len() + 1 + claims.len())?, header, claims, signature))
}

/// Parses a JSON object in UTF-8 (RFC 7519 section 7.2). Duplicate members are an error.
fn parse_object<'j, T: Deserialize<'j>>(json: &'j [u8]) -> Option<T> {
    // Of bytes, serde would not check the members that it ignores.
    let json = std::str::from_utf8(json).ok()?;
    // Serde would also accept an array of the values in order.
    json.trim_ascii_start().starts_with('{').then(|| serde_json::from_str(json).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::keyset::{KeySource, Secret};
    use aws_lc_rs::hmac;
    use proptest::prelude::*;
    use serde_json::json;

    const SECRET: &str = "a secret that is thirty-two bytes";

    fn keys() -> KeySet {
        KeySource::Secret(Secret::new(SECRET)).read().unwrap_or_default()
    }

    fn signed(header: &str, claims: impl AsRef<[u8]>) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    #[test]
    fn issuer_and_key_id_are_read_without_verification() {
        let token = signed(r#"{"alg":"none","kid":"k"}"#, r#"{"iss":"i","exp":"never"}"#);
        assert_eq!(unverified_issuer_and_key_id(&token), ("i".to_owned(), "k".to_owned()));
        for bad in ["", "..", "a.b.c", "e30.e30.", &"x.".repeat(9_000)] {
            assert_eq!(unverified_issuer_and_key_id(bad), (String::new(), String::new()), "{bad:.20}");
        }
    }

    #[test]
    fn claims_that_are_not_utf_8_are_refused() {
        let verified = |member: &[u8]| {
            let claims = [br#"{"exp":9000000000,"sub":"7","#, member, b"}"].concat();
            verify(&signed(r#"{"alg":"HS256"}"#, claims), &keys(), &ClaimRequirements::default()).is_some()
        };
        assert!(verified("\"x\":\"\u{e9}\"".as_bytes()));
        assert!(!verified(b"\"x\":\"\xe9\""));
    }

    proptest! {
        #[test]
        fn any_authorization_header_is_parsed_without_a_panic(header: String) {
            if let Some(token) = bearer_token(&header) {
                prop_assert!(verify(token, &keys(), &ClaimRequirements::default()).is_none());
                unverified_issuer_and_key_id(token);
            }
        }

        #[test]
        fn any_claims_are_parsed_without_a_panic(claims: String, header: String) {
            let (good, mine) = (r#"{"alg":"HS256"}"#, r#"{"exp":9e9,"sub":1}"#);
            for (header, claims, is_valid) in [(good, &*claims, false), (&*header, mine, false), (good, mine, true)] {
                let verified = verify(&signed(header, claims), &keys(), &ClaimRequirements::default());
                prop_assert_eq!(verified.is_some(), is_valid);
            }
        }

        #[test]
        fn a_numeric_sub_names_its_user_only_together_with_an_email(id in 1..=i64::MAX, email: String, has_email: bool) {
            let user = id.to_string().parse().unwrap();
            for sub in [json!(id), json!(id.to_string())] {
                let claims = if has_email { json!({"exp": 9e9, "sub": sub, "email": email}) } else { json!({"exp": 9e9, "sub": sub}) };
                let bearer = verify(&signed(r#"{"alg":"HS256"}"#, claims.to_string()), &keys(), &ClaimRequirements::default());
                let is_address = !email.is_empty() && !email.contains(char::is_control);
                let expected = match (has_email, is_address) {
                    (false, _) => Some(AccountKey::Id(user)),
                    (true, true) => Some(AccountKey::of_id_and_email(user, &email)),
                    (true, false) => None,
                };
                prop_assert_eq!(bearer.map(|it| it.subject), expected);
            }
        }
    }
}

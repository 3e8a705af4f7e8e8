//! JSON Web Tokens (RFC 7519) in the compact form of RFC 7515: read, verified, and asked whose they are.

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
const LONGEST: usize = 8 * 1024;
/// How far the clocks of issuer and service may be apart, in seconds.
const LEEWAY: f64 = 30.0;

/// A verified token.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bearer {
    pub subject: AccountKey,
    /// Seconds since 1970, as everywhere in a token.
    expires: f64,
    starts: Option<f64>,
}

impl Bearer {
    /// Whether its time has come and not gone.
    pub fn is_within_validity(&self, now: Timestamp) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "fractions of a second are all that is lost")]
        let now = now.micros() as f64 / 1e6;
        now < self.expires + LEEWAY && self.starts.is_none_or(|starts| now >= starts - LEEWAY)
    }
}

#[derive(Deserialize)]
struct Header<'j> {
    #[serde(borrow)]
    alg: Cow<'j, str>,
    #[serde(borrow)]
    kid: Option<Cow<'j, str>>,
    /// Names what must be understood; nothing of it is.
    crit: Option<IgnoredAny>,
}

/// The JWT in an `Authorization` header.
pub(super) fn bearer_token(header: &str) -> Option<&str> {
    let (scheme, token) = header.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start()).filter(|token| !token.is_empty())
}

/// Reads a token that one of these keys has signed. Its time is not looked at.
pub(super) fn verify(token: &str, keys: &KeySet, requirements: &ClaimRequirements) -> Option<Bearer> {
    let (message, header, claims, signature) = parts(token)?;
    let header = URL_SAFE_NO_PAD.decode(header).ok()?;
    let header: Header = object(&header)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    if header.crit.is_some() || !keys.verifies(&header.alg, header.kid.as_deref(), message.as_bytes(), &signature) {
        return None;
    }
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    let claims: Claims = object(&claims)?;
    if !claims.satisfies(requirements) {
        return None;
    }
    Some(Bearer { subject: claims.subject()?, expires: claims.exp, starts: claims.nbf })
}

/// The issuer and the key that a token names, true or not: what failures are counted by.
pub(super) fn names(token: &str) -> (String, String) {
    #[derive(Deserialize)]
    struct Issued {
        iss: String,
    }
    let (_, header, claims, _) = parts(token).unwrap_or_default();
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.decode(part).unwrap_or_default());
    let key = object::<Header>(&header).and_then(|header| header.kid);
    let issuer = object::<Issued>(&claims).map(|claims| claims.iss);
    (issuer.unwrap_or_default(), key.unwrap_or_default().into_owned())
}

/// What is signed, header, claims and signature.
fn parts(token: &str) -> Option<(&str, &str, &str, &str)> {
    if token.len() > LONGEST {
        return None;
    }
    let (header, rest) = token.split_once('.')?;
    // One more dot would be part of the signature, and is none of its letters.
    let (claims, signature) = rest.split_once('.')?;
    Some((token.get(..header.len() + 1 + claims.len())?, header, claims, signature))
}

/// Reads a JSON object; a member that stands twice makes it illegible.
fn object<'j, T: Deserialize<'j>>(json: &'j [u8]) -> Option<T> {
    // To serde a list of all values would do as well.
    json.trim_ascii_start().starts_with(b"{").then(|| serde_json::from_slice(json).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::keyset::{Secret, Source};
    use aws_lc_rs::hmac;
    use proptest::prelude::*;

    const SECRET: &str = "a secret that is thirty-two bytes";

    fn keys() -> KeySet {
        Source::Secret(Secret::new(SECRET)).read().unwrap_or_default()
    }

    fn signed(header: &str, claims: &str) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    #[test]
    fn what_failures_are_counted_by_is_read_without_belief() {
        let token = signed(r#"{"alg":"none","kid":"k"}"#, r#"{"iss":"i","exp":"never"}"#);
        assert_eq!(names(&token), ("i".to_owned(), "k".to_owned()));
        for bad in ["", "..", "a.b.c", "e30.e30.", &"x.".repeat(9_000)] {
            assert_eq!(names(bad), (String::new(), String::new()), "{bad:.20}");
        }
    }

    proptest! {
        #[test]
        fn any_header_field_is_read_without_a_panic(header: String) {
            if let Some(token) = bearer_token(&header) {
                prop_assert!(verify(token, &keys(), &ClaimRequirements::default()).is_none());
                names(token);
            }
        }

        #[test]
        fn any_claims_are_read_without_a_panic(claims: String, header: String) {
            let (good, mine) = (r#"{"alg":"HS256"}"#, r#"{"exp":9e9,"sub":1}"#);
            for (header, claims, is_taken) in [(good, &*claims, false), (&*header, mine, false), (good, mine, true)] {
                let taken = verify(&signed(header, claims), &keys(), &ClaimRequirements::default());
                prop_assert_eq!(taken.is_some(), is_taken);
            }
        }

        #[test]
        fn a_numeric_sub_is_the_id_whatever_else_is_said(id in 1..=i64::MAX, email: String) {
            for sub in [serde_json::json!(id), serde_json::json!(id.to_string())] {
                let claims = serde_json::json!({"exp": 9e9, "sub": sub, "email": email}).to_string();
                let bearer = verify(&signed(r#"{"alg":"HS256"}"#, &claims), &keys(), &ClaimRequirements::default());
                prop_assert_eq!(bearer.map(|it| it.subject), id.to_string().parse().ok().map(AccountKey::Id));
            }
        }
    }
}

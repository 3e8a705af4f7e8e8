//! Cursors, signature headers and JWTs.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use std::sync::{Arc, LazyLock};

use super::support::select;
use crate::auth::bearer::{bearer_token, unverified_issuer_and_key_id, verify};
use crate::auth::claims::ClaimRequirements;
use crate::auth::json_encoding::JsonDialect;
use crate::auth::keyset::{KeySet, KeySource, Secret};
use crate::auth::signature::{HeaderField, SignatureClaim, SignedRequest};
use crate::auth::user_claim::UserClaim;
use crate::domain::changes::ChangeBound;
use crate::http::jsonapi::change_cursor::{ChangeCursors, ParsedCursor};
use crate::http::jsonapi::cursor::Cursors;
use crate::model::change::ChangePosition;

const SECRET: &str = "a secret that is thirty-two bytes";

/// A text is a cursor only of the list for which it was signed, and a signed one is the same after it was printed,
/// whatever it contains.
pub fn cursor(data: &[u8]) {
    static KEY: LazyLock<Arc<hmac::Key>> = LazyLock::new(|| Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &[7; 32])));
    let list = Cursors::new(&KEY, ["users", "name"].into_iter());
    let changes = ChangeCursors::new(&KEY);
    if let Ok(text) = std::str::from_utf8(data) {
        assert!(list.parse(text).is_none() && list.parse_place(text).is_none() && !list.has_signed(text));
        assert!(!matches!(changes.parse(text), Some(ParsedCursor::Valid(_))));
    }
    let sealed = list.seal(data.to_vec());
    let other = Cursors::new(&KEY, ["users", "nam", "e"].into_iter());
    assert!(!other.has_signed(&sealed) && other.parse(&sealed).is_none() && other.parse_place(&sealed).is_none());
    if let Some(bound) = list.parse(&sealed) {
        assert_eq!(list.parse(&list.write(&bound)), Some(bound));
    }
    if let Some(place) = list.parse_place(&sealed) {
        assert_eq!(list.parse_place(&list.at_place(&place)), Some(place));
    }
    if let Some((number, fingerprint)) =
        data.split_first_chunk().and_then(|(one, rest)| Some((one, rest.first_chunk()?)))
    {
        let position =
            ChangePosition { number: i64::from_be_bytes(*number), fingerprint: i64::from_be_bytes(*fingerprint) };
        let bound = ChangeBound { position, is_inclusive: data.len().is_multiple_of(2) };
        assert_eq!(changes.parse(&changes.write(bound)), Some(ParsedCursor::Valid(bound)));
    }
}

/// The header fields and the body are lines; the first byte says which fields are missing or repeated.
///
/// In every dialect, the text to verify is JSON with exactly the values of the request.
pub fn signature(data: &[u8]) {
    let (missing, data) = select(data);
    let mut lines = data.splitn(7, |byte| *byte == b'\n');
    let mut field = |bit: usize| {
        let line = lines.next().unwrap_or_default();
        match (missing & (1 << bit), missing & (1 << 5)) {
            (0, _) => HeaderField::Once(line),
            (_, 0) => HeaderField::Nothing,
            _ => HeaderField::Repeated,
        }
    };
    let [api_id, user, signature, timestamp, nonce] = [0, 1, 2, 3, 4].map(&mut field);
    let url = lines.next().and_then(|url| std::str::from_utf8(url).ok());
    let request = SignedRequest { api_id, user, signature, timestamp, nonce, method: "POST", url, body: lines.next() };
    let claim = SignatureClaim::of(&request);
    for dialect in JsonDialect::ALL {
        let mut text = Vec::new();
        claim.encode(dialect, |part| text.extend_from_slice(part));
        let object: Value = serde_json::from_slice(&text).unwrap_or_default();
        let member = |name: &str| object.get(name).and_then(Value::as_str);
        assert_eq!((member("api_id"), member("user")), (Some(claim.api_id), Some(claim.user)));
        if claim.is_complete {
            assert_eq!(member("url"), url);
            assert_eq!(member("content").map(str::as_bytes), request.body);
            let is_stamped = request.timestamp != HeaderField::Nothing || request.nonce != HeaderField::Nothing;
            assert_eq!(claim.stamp.is_some(), is_stamped, "a stamp that the client sent is signed");
        }
        assert_eq!(member("nonce"), claim.stamp.map(|stamp| stamp.nonce));
    }
}

/// A header, which is sent alone, and a header and claims in two lines, which get a valid signature.
///
/// Only a signed token is verified, and then it has an expiry and the algorithm of the key.
pub fn jwt(data: &[u8]) {
    static KEYS: LazyLock<KeySet> = LazyLock::new(|| KeySource::Secret(Secret::new(SECRET)).read().unwrap_or_default());
    static KEY: LazyLock<hmac::Key> = LazyLock::new(|| hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()));
    let (case, data) = select(data);
    let requirements = requirements(case);
    if let Some(token) = std::str::from_utf8(data).ok().and_then(bearer_token) {
        assert!(verify(token, &KEYS, &requirements).is_none());
        let (issuer, key) = unverified_issuer_and_key_id(token);
        assert!(issuer.len() + key.len() <= token.len());
    }
    let mut parts = data.splitn(2, |byte| *byte == b'\n').map(|part| URL_SAFE_NO_PAD.encode(part));
    let (header, claims) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let message = format!("{header}.{claims}");
    let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&KEY, message.as_bytes())));
    if verify(&token, &KEYS, &requirements).is_some() {
        let (Some(header), Some(claims)) = (read_json(&header), read_json(&claims)) else { return };
        let is = |claim: &str, value: &str| claims.get(claim).and_then(Value::as_str) == Some(value);
        assert_eq!(header.get("alg").and_then(Value::as_str), Some("HS256"));
        assert!(claims.get("exp").is_some_and(Value::is_number));
        assert!(requirements.issuer.as_deref().is_none_or(|issuer| is("iss", issuer)));
        assert!(requirements.audiences.iter().all(|audience| is("aud", audience) || is_in_list(&claims, audience)));
        let forged = format!("x{token}");
        assert!(verify(&forged, &KEYS, &requirements).is_none());
    }
    unverified_issuer_and_key_id(&token);
}

/// A part of an accepted token, which must be JSON. `None` for what JSON has and this reader refuses, while the service ignores
/// it in a member that it does not know: numbers beyond those of `f64`, and escapes of half a character (RFC 8259 sections
/// 6 and 8.2).
fn read_json(part: &str) -> Option<Value> {
    const REFUSED: [&str; 3] = ["number out of range", "unexpected end of hex escape", "lone leading surrogate"];
    let read: Result<Value, _> = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap_or_default());
    if let Err(error) = &read {
        assert!(REFUSED.iter().any(|cause| error.to_string().starts_with(cause)), "{error}");
    }
    read.ok()
}

fn is_in_list(claims: &Value, audience: &str) -> bool {
    claims.get("aud").and_then(Value::as_array).is_some_and(|all| all.iter().any(|it| it.as_str() == Some(audience)))
}

fn requirements(case: usize) -> ClaimRequirements {
    let user = match case % 3 {
        0 => UserClaim::SubAsId,
        1 => UserClaim::SubAsAltId,
        _ => UserClaim::Email("upn".to_owned()),
    };
    let issuer = (case & 16 != 0).then(|| "i".to_owned());
    let audiences = if case & 32 == 0 { Vec::new() } else { vec!["a".to_owned()] };
    ClaimRequirements { issuer, audiences, user }
}

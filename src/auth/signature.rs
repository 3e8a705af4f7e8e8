//! Signed requests: what a client claims, and the texts that it may have signed.
//!
//! Clients sign a JSON text that their language's encoder makes of the same members, so there are three spellings of
//! it: that of PHP, the plain one of JavaScript, and that of Python.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::ops::RangeInclusive;

use crate::auth::json_encoding::{JsonDialect, JsonEncoder};
use crate::model::time::Timestamp;

/// How far the clocks of client and service may be apart, in seconds.
const WINDOW_SECONDS: i64 = 300;
/// The longest nonce.
const LONGEST_NONCE: usize = 255;
/// A body of so many bytes takes a millisecond or so to digest in one way.
const LARGE: usize = 64 * 1024;
/// How long signatures of keys of 2,048 to 8,192 bits are.
const SIGNATURE_BYTES: RangeInclusive<usize> = 256..=1024;

/// A header field as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent<'r> {
    /// Not at all.
    Nothing,
    /// Once, with this value.
    Once(&'r [u8]),
    /// More than once, which is never right.
    Repeated,
}

impl<'r> Sent<'r> {
    fn text(self) -> Option<&'r str> {
        match self {
            Self::Once(value) => std::str::from_utf8(value).ok(),
            Self::Nothing | Self::Repeated => None,
        }
    }
}

/// A request that says it is signed.
#[derive(Debug, Clone, Copy)]
pub struct SignedRequest<'r> {
    /// `Api-Id`.
    pub api_id: Sent<'r>,
    /// `Api-User`.
    pub user: Sent<'r>,
    /// `Api-Signature`.
    pub signature: Sent<'r>,
    /// `Api-Timestamp`.
    pub timestamp: Sent<'r>,
    /// `Api-Nonce`.
    pub nonce: Sent<'r>,
    /// The method.
    pub method: &'r str,
    /// The URL that was called, query included; `None` where nobody knows the host.
    pub url: Option<&'r str>,
    /// The body; `None` where it did not arrive whole, or is too large.
    pub body: Option<&'r [u8]>,
}

/// What a signed request claims. A claim that is not whole is looked at like any other, and then refused: how long
/// that takes tells nobody what was wrong.
#[derive(Debug)]
pub(super) struct Claim<'r> {
    pub api_id: &'r str,
    pub user: &'r str,
    pub signature: Vec<u8>,
    /// What keeps the request from being repeated, if the client cares.
    pub stamp: Option<Stamp<'r>>,
    pub is_whole: bool,
    url: &'r str,
    content: &'r str,
}

/// What makes a request unlike any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp<'r> {
    seconds: i64,
    pub nonce: &'r str,
    method: &'r str,
}

impl<'r> Claim<'r> {
    pub fn of(request: &SignedRequest<'r>) -> Self {
        let signature = request.signature.text().and_then(|text| STANDARD.decode(text).ok());
        let signature = signature.filter(|bytes| SIGNATURE_BYTES.contains(&bytes.len()));
        let content = request.body.and_then(|body| std::str::from_utf8(body).ok());
        let stamp = match (request.timestamp, request.nonce) {
            (Sent::Nothing, Sent::Nothing) => Some(None),
            (timestamp, nonce) => stamp(timestamp, nonce, request.method).map(Some),
        };
        let (api_id, user) = (filled(request.api_id), filled(request.user));
        let has_all = api_id.is_some() && user.is_some() && signature.is_some();
        Self {
            is_whole: has_all && stamp.is_some() && request.url.is_some() && content.is_some(),
            api_id: api_id.unwrap_or_default(),
            user: user.unwrap_or_default(),
            signature: signature.unwrap_or_default(),
            stamp: stamp.unwrap_or_default(),
            url: request.url.unwrap_or_default(),
            content: content.unwrap_or_default(),
        }
    }

    /// Whether the request was made just now, as far as it says when.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.stamp
            .is_none_or(|stamp| (now.micros() / 1_000_000).abs_diff(stamp.seconds) <= WINDOW_SECONDS.unsigned_abs())
    }

    /// Whether its text takes long to digest.
    pub fn is_large(&self) -> bool {
        self.content.len() > LARGE
    }

    /// The text that a client signs, in one of its spellings, in parts.
    pub fn spell(&self, style: JsonDialect, take: impl FnMut(&[u8])) {
        let mut text = JsonEncoder::new(style, take);
        text.string("url", self.url);
        text.string("content", self.content);
        text.string("api_id", self.api_id);
        text.string("user", self.user);
        if let Some(stamp) = &self.stamp {
            text.number("timestamp", stamp.seconds);
            text.string("nonce", stamp.nonce);
            text.string("method", stamp.method);
        }
        text.end();
    }
}

fn filled(sent: Sent<'_>) -> Option<&str> {
    sent.text().filter(|text| !text.is_empty())
}

fn stamp<'r>(timestamp: Sent<'r>, nonce: Sent<'r>, method: &'r str) -> Option<Stamp<'r>> {
    let digits = timestamp.text()?;
    let seconds = digits.parse().ok()?;
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    let nonce =
        filled(nonce).filter(|it| it.len() <= LONGEST_NONCE && it.bytes().all(|byte| byte.is_ascii_graphic()))?;
    is_plain.then_some(Stamp { seconds, nonce, method })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn sent(text: &str) -> Sent<'_> {
        Sent::Once(text.as_bytes())
    }

    impl Claim<'_> {
        fn text(&self, style: JsonDialect) -> Vec<u8> {
            let mut text = Vec::new();
            self.spell(style, |part| text.extend_from_slice(part));
            text
        }
    }

    const PLAIN: SignedRequest<'_> = SignedRequest {
        api_id: Sent::Once(b"xasx7as87xash7978"),
        user: Sent::Once(b"demouser@skillhive.com"),
        signature: Sent::Once(&[b'A'; 344]),
        timestamp: Sent::Nothing,
        nonce: Sent::Nothing,
        method: "GET",
        url: Some("https://demo.skillhive.com/api/v2/users"),
        body: Some(b""),
    };

    #[test]
    fn the_text_is_that_of_the_documentation() {
        let text = Claim::of(&PLAIN).text(JsonDialect::Plain);
        let expected = r#"{"url":"https://demo.skillhive.com/api/v2/users","content":"","api_id":"xasx7as87xash7978","user":"demouser@skillhive.com"}"#;
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    /// The files were printed by PHP 8.2 (`json_encode`), by Node 20 and Python 3.11 alike (`JSON.stringify`;
    /// `json.dumps` with `ensure_ascii=False, separators=(",", ":")`), and by Python 3.11 (`json.dumps`).
    #[test]
    fn the_texts_are_those_of_php_javascript_and_python() {
        let request = SignedRequest {
            user: sent("démo/user@skillhive.com"),
            timestamp: sent("1700000000"),
            nonce: sent("n/0\"1"),
            method: "DELETE",
            url: Some("https://demo.skillhive.com/api/v2/users?query=%C3%A9&limit=5"),
            body: Some(include_bytes!("../../tests/golden/signed-content.txt")),
            ..PLAIN
        };
        let claim = Claim::of(&request);
        assert!(claim.is_whole);
        for (style, golden) in [
            (JsonDialect::Php, include_str!("../../tests/golden/signed-php.json")),
            (JsonDialect::Plain, include_str!("../../tests/golden/signed-plain.json")),
            (JsonDialect::Python, include_str!("../../tests/golden/signed-python.json")),
        ] {
            assert_eq!(String::from_utf8(claim.text(style)).unwrap(), golden, "{style:?}");
        }
    }

    #[test]
    fn a_claim_is_whole_only_with_every_part_once_and_legible() {
        assert!(Claim::of(&PLAIN).is_whole);
        let stamped = SignedRequest { timestamp: sent("1700000000"), nonce: sent("n"), ..PLAIN };
        assert!(Claim::of(&stamped).is_whole);
        for broken in [
            SignedRequest { api_id: Sent::Nothing, ..PLAIN },
            SignedRequest { api_id: Sent::Repeated, ..PLAIN },
            SignedRequest { api_id: sent(""), ..PLAIN },
            SignedRequest { user: Sent::Nothing, ..PLAIN },
            SignedRequest { user: Sent::Once(b"\xff"), ..PLAIN },
            SignedRequest { signature: Sent::Nothing, ..PLAIN },
            SignedRequest { signature: sent("not base64"), ..PLAIN },
            SignedRequest { signature: sent("AAA"), ..PLAIN },
            SignedRequest { signature: sent("AAAA"), ..PLAIN },
            SignedRequest { signature: Sent::Once(&[b'A'; 1368]), ..PLAIN },
            SignedRequest { url: None, ..PLAIN },
            SignedRequest { body: None, ..PLAIN },
            SignedRequest { body: Some(b"\xc3"), ..PLAIN },
            SignedRequest { timestamp: Sent::Nothing, ..stamped },
            SignedRequest { nonce: Sent::Nothing, ..stamped },
            SignedRequest { nonce: Sent::Repeated, ..stamped },
            SignedRequest { nonce: sent("a b"), ..stamped },
            SignedRequest { timestamp: sent("+1"), ..stamped },
            SignedRequest { timestamp: sent("01"), ..stamped },
            SignedRequest { timestamp: sent("1.5"), ..stamped },
            SignedRequest { timestamp: sent("99999999999999999999"), ..stamped },
        ] {
            assert!(!Claim::of(&broken).is_whole, "{broken:?}");
        }
    }

    #[test]
    fn five_minutes_are_the_window_on_both_sides() {
        let request = SignedRequest { timestamp: sent("1700000000"), nonce: sent("n"), ..PLAIN };
        let claim = Claim::of(&request);
        for (offset, is_fresh) in [(0, true), (300, true), (-300, true), (301, false), (-301, false)] {
            assert_eq!(
                claim.is_fresh(Timestamp::from_micros((1_700_000_000 + offset) * 1_000_000)),
                is_fresh,
                "{offset}"
            );
        }
        assert!(!claim.is_fresh(Timestamp::from_micros(i64::MAX)));
        assert!(Claim::of(&PLAIN).is_fresh(Timestamp::from_micros(0)));
    }

    proptest! {
        #[test]
        fn every_spelling_says_the_same_and_the_plain_one_is_that_of_serde(
            url: String, body: String, user: String, times in prop_oneof![Just(1_usize), 1..300_usize],
        ) {
            let body = body.repeat(times);
            let request = SignedRequest { url: Some(&url), body: Some(body.as_bytes()), user: sent(&user), ..PLAIN };
            let claim = Claim::of(&request);
            let value = json!({"url": url, "content": body, "api_id": "xasx7as87xash7978", "user": user});
            for style in JsonDialect::ALL {
                let text = String::from_utf8(claim.text(style)).unwrap();
                prop_assert_eq!(&serde_json::from_str::<Value>(&text).unwrap(), &value);
                prop_assert!(style == JsonDialect::Plain || text.is_ascii());
            }
            let string = |text: &str| serde_json::to_string(text).unwrap();
            let plain = format!(
                r#"{{"url":{},"content":{},"api_id":"xasx7as87xash7978","user":{}}}"#,
                string(&url), string(&body), string(&user)
            );
            prop_assert_eq!(String::from_utf8(claim.text(JsonDialect::Plain)).unwrap(), plain);
        }

        #[test]
        fn any_header_fields_are_read_without_a_panic(fields: [Option<Vec<u8>>; 5], body: Option<Vec<u8>>) {
            let field = |at: usize| fields[at].as_deref().map_or(Sent::Nothing, Sent::Once);
            let request = SignedRequest {
                api_id: field(0), user: field(1), signature: field(2), timestamp: field(3), nonce: field(4),
                body: body.as_deref(), ..PLAIN
            };
            let claim = Claim::of(&request);
            for style in JsonDialect::ALL {
                prop_assert!(serde_json::from_slice::<Value>(&claim.text(style)).is_ok());
            }
        }
    }
}

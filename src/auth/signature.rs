//! Signed requests: their parts, and the text that a client signs.
//!
//! A client signs a JSON object as its language encodes it, so the service accepts three encodings of the same members:
//! those of PHP, JavaScript and Python.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::ops::RangeInclusive;

use crate::auth::json_encoding::{JsonDialect, JsonEncoder};
use crate::model::time::Timestamp;

/// Tolerated difference between the clocks of client and service, in seconds.
const WINDOW_SECONDS: i64 = 300;
/// The longest nonce, in bytes.
const MAX_NONCE_BYTES: usize = 255;
/// Digesting a body of this many bytes in one dialect takes about a millisecond.
const LARGE_BODY: usize = 64 * 1024;
/// The length of signatures of keys of 2,048 to 8,192 bits, in bytes.
const SIGNATURE_BYTES: RangeInclusive<usize> = 256..=1024;

/// A header field of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderField<'r> {
    /// The field is missing.
    Nothing,
    /// It occurs once, with this value.
    Once(&'r [u8]),
    /// It occurs several times, which is never valid.
    Repeated,
}

impl<'r> HeaderField<'r> {
    fn text(self) -> Option<&'r str> {
        match self {
            Self::Once(value) => std::str::from_utf8(value).ok(),
            Self::Nothing | Self::Repeated => None,
        }
    }
}

/// A request with at least one signature header.
#[derive(Debug, Clone, Copy)]
pub struct SignedRequest<'r> {
    /// `Api-Id`.
    pub api_id: HeaderField<'r>,
    /// `Api-User`.
    pub user: HeaderField<'r>,
    /// `Api-Signature`.
    pub signature: HeaderField<'r>,
    /// `Api-Timestamp`.
    pub timestamp: HeaderField<'r>,
    /// `Api-Nonce`.
    pub nonce: HeaderField<'r>,
    /// The method.
    pub method: &'r str,
    /// The requested URL with its query; `None` if the host is unknown.
    pub url: Option<&'r str>,
    /// The body; `None` if it is incomplete or too large.
    pub body: Option<&'r [u8]>,
}

/// The parsed parts of a signed request. An incomplete one is processed like any other and then refused, so that the
/// response time does not reveal what is wrong.
#[derive(Debug)]
pub(crate) struct SignatureClaim<'r> {
    pub api_id: &'r str,
    pub user: &'r str,
    pub signature: Vec<u8>,
    /// Protects the request against replay; optional unless `REQUIRE_SIGNED_TIMESTAMP` is set.
    pub stamp: Option<Stamp<'r>>,
    pub is_complete: bool,
    url: &'r str,
    content: &'r str,
}

/// The values that make a signed request unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp<'r> {
    seconds: i64,
    pub nonce: &'r str,
    method: &'r str,
}

impl<'r> SignatureClaim<'r> {
    pub fn of(request: &SignedRequest<'r>) -> Self {
        let signature = request.signature.text().and_then(|text| STANDARD.decode(text).ok());
        let signature = signature.filter(|bytes| SIGNATURE_BYTES.contains(&bytes.len()));
        let content = request.body.and_then(|body| std::str::from_utf8(body).ok());
        let stamp = match (request.timestamp, request.nonce) {
            (HeaderField::Nothing, HeaderField::Nothing) => Some(None),
            (timestamp, nonce) => parse_stamp(timestamp, nonce, request.method).map(Some),
        };
        let (api_id, user) = (non_empty(request.api_id), non_empty(request.user));
        let has_all = api_id.is_some() && user.is_some() && signature.is_some();
        Self {
            is_complete: has_all && stamp.is_some() && request.url.is_some() && content.is_some(),
            api_id: api_id.unwrap_or_default(),
            user: user.unwrap_or_default(),
            signature: signature.unwrap_or_default(),
            stamp: stamp.unwrap_or_default(),
            url: request.url.unwrap_or_default(),
            content: content.unwrap_or_default(),
        }
    }

    /// Whether the timestamp, if there is one, is current.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.stamp
            .is_none_or(|stamp| (now.micros() / 1_000_000).abs_diff(stamp.seconds) <= WINDOW_SECONDS.unsigned_abs())
    }

    /// Whether its text takes a while to digest.
    pub fn is_large(&self) -> bool {
        self.content.len() > LARGE_BODY
    }

    /// Writes the text that a client signs, in one JSON dialect, in parts.
    pub fn encode(&self, dialect: JsonDialect, sink: impl FnMut(&[u8])) {
        let mut text = JsonEncoder::new(dialect, sink);
        text.write_string("url", self.url);
        text.write_string("content", self.content);
        text.write_string("api_id", self.api_id);
        text.write_string("user", self.user);
        if let Some(stamp) = &self.stamp {
            text.write_number("timestamp", stamp.seconds);
            text.write_string("nonce", stamp.nonce);
            text.write_string("method", stamp.method);
        }
        text.finish();
    }
}

fn non_empty(sent: HeaderField<'_>) -> Option<&str> {
    sent.text().filter(|text| !text.is_empty())
}

fn parse_stamp<'r>(timestamp: HeaderField<'r>, nonce: HeaderField<'r>, method: &'r str) -> Option<Stamp<'r>> {
    let digits = timestamp.text()?;
    let seconds = digits.parse().ok()?;
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    let nonce =
        non_empty(nonce).filter(|it| it.len() <= MAX_NONCE_BYTES && it.bytes().all(|byte| byte.is_ascii_graphic()))?;
    is_plain.then_some(Stamp { seconds, nonce, method })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn sent(text: &str) -> HeaderField<'_> {
        HeaderField::Once(text.as_bytes())
    }

    impl SignatureClaim<'_> {
        fn text(&self, dialect: JsonDialect) -> Vec<u8> {
            let mut text = Vec::new();
            self.encode(dialect, |part| text.extend_from_slice(part));
            text
        }
    }

    const PLAIN: SignedRequest<'_> = SignedRequest {
        api_id: HeaderField::Once(b"xasx7as87xash7978"),
        user: HeaderField::Once(b"demouser@skillhive.com"),
        signature: HeaderField::Once(&[b'A'; 344]),
        timestamp: HeaderField::Nothing,
        nonce: HeaderField::Nothing,
        method: "GET",
        url: Some("https://demo.skillhive.com/api/v2/users"),
        body: Some(b""),
    };

    #[test]
    fn the_signed_text_is_the_documented_one() {
        let text = SignatureClaim::of(&PLAIN).text(JsonDialect::Plain);
        let expected = r#"{"url":"https://demo.skillhive.com/api/v2/users","content":"","api_id":"xasx7as87xash7978","user":"demouser@skillhive.com"}"#;
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    /// The files were printed by PHP 8.2 (`json_encode`), by Node 20 and Python 3.11 alike (`JSON.stringify`;
    /// `json.dumps` with `ensure_ascii=False, separators=(",", ":")`), and by Python 3.11 (`json.dumps`).
    #[test]
    fn the_signed_texts_equal_those_of_php_javascript_and_python() {
        let request = SignedRequest {
            user: sent("démo/user@skillhive.com"),
            timestamp: sent("1700000000"),
            nonce: sent("n/0\"1"),
            method: "DELETE",
            url: Some("https://demo.skillhive.com/api/v2/users?query=%C3%A9&limit=5"),
            body: Some(include_bytes!("../../tests/golden/signed-content.txt")),
            ..PLAIN
        };
        let claim = SignatureClaim::of(&request);
        assert!(claim.is_complete);
        for (dialect, golden) in [
            (JsonDialect::Php, include_str!("../../tests/golden/signed-php.json")),
            (JsonDialect::Plain, include_str!("../../tests/golden/signed-plain.json")),
            (JsonDialect::Python, include_str!("../../tests/golden/signed-python.json")),
        ] {
            assert_eq!(String::from_utf8(claim.text(dialect)).unwrap(), golden, "{dialect:?}");
        }
    }

    #[test]
    fn a_claim_is_complete_with_every_part_once_and_valid() {
        assert!(SignatureClaim::of(&PLAIN).is_complete);
        let stamped = SignedRequest { timestamp: sent("1700000000"), nonce: sent("n"), ..PLAIN };
        assert!(SignatureClaim::of(&stamped).is_complete);
        for broken in [
            SignedRequest { api_id: HeaderField::Nothing, ..PLAIN },
            SignedRequest { api_id: HeaderField::Repeated, ..PLAIN },
            SignedRequest { api_id: sent(""), ..PLAIN },
            SignedRequest { user: HeaderField::Nothing, ..PLAIN },
            SignedRequest { user: HeaderField::Once(b"\xff"), ..PLAIN },
            SignedRequest { signature: HeaderField::Nothing, ..PLAIN },
            SignedRequest { signature: sent("not base64"), ..PLAIN },
            SignedRequest { signature: sent("AAA"), ..PLAIN },
            SignedRequest { signature: sent("AAAA"), ..PLAIN },
            SignedRequest { signature: HeaderField::Once(&[b'A'; 1368]), ..PLAIN },
            SignedRequest { url: None, ..PLAIN },
            SignedRequest { body: None, ..PLAIN },
            SignedRequest { body: Some(b"\xc3"), ..PLAIN },
            SignedRequest { timestamp: HeaderField::Nothing, ..stamped },
            SignedRequest { nonce: HeaderField::Nothing, ..stamped },
            SignedRequest { nonce: HeaderField::Repeated, ..stamped },
            SignedRequest { nonce: sent("a b"), ..stamped },
            SignedRequest { timestamp: sent("+1"), ..stamped },
            SignedRequest { timestamp: sent("01"), ..stamped },
            SignedRequest { timestamp: sent("1.5"), ..stamped },
            SignedRequest { timestamp: sent("99999999999999999999"), ..stamped },
        ] {
            assert!(!SignatureClaim::of(&broken).is_complete, "{broken:?}");
        }
    }

    #[test]
    fn a_timestamp_may_be_off_by_five_minutes() {
        let request = SignedRequest { timestamp: sent("1700000000"), nonce: sent("n"), ..PLAIN };
        let claim = SignatureClaim::of(&request);
        for (offset, is_fresh) in [(0, true), (300, true), (-300, true), (301, false), (-301, false)] {
            assert_eq!(
                claim.is_fresh(Timestamp::from_micros((1_700_000_000 + offset) * 1_000_000)),
                is_fresh,
                "{offset}"
            );
        }
        assert!(!claim.is_fresh(Timestamp::from_micros(i64::MAX)));
        assert!(SignatureClaim::of(&PLAIN).is_fresh(Timestamp::from_micros(0)));
    }

    proptest! {
        #[test]
        fn all_dialects_are_equivalent_and_the_plain_one_is_that_of_serde(
            url: String, body: String, user: String, times in prop_oneof![Just(1_usize), 1..300_usize],
        ) {
            let body = body.repeat(times);
            let request = SignedRequest { url: Some(&url), body: Some(body.as_bytes()), user: sent(&user), ..PLAIN };
            let claim = SignatureClaim::of(&request);
            let value = json!({"url": url, "content": body, "api_id": "xasx7as87xash7978", "user": user});
            for dialect in JsonDialect::ALL {
                let text = String::from_utf8(claim.text(dialect)).unwrap();
                prop_assert_eq!(&serde_json::from_str::<Value>(&text).unwrap(), &value);
                prop_assert!(dialect == JsonDialect::Plain || text.is_ascii());
            }
            let string = |text: &str| serde_json::to_string(text).unwrap();
            let plain = format!(
                r#"{{"url":{},"content":{},"api_id":"xasx7as87xash7978","user":{}}}"#,
                string(&url), string(&body), string(&user)
            );
            prop_assert_eq!(String::from_utf8(claim.text(JsonDialect::Plain)).unwrap(), plain);
        }

        #[test]
        fn any_header_fields_are_parsed_without_a_panic(fields: [Option<Vec<u8>>; 5], body: Option<Vec<u8>>) {
            let field = |at: usize| fields[at].as_deref().map_or(HeaderField::Nothing, HeaderField::Once);
            let request = SignedRequest {
                api_id: field(0), user: field(1), signature: field(2), timestamp: field(3), nonce: field(4),
                body: body.as_deref(), ..PLAIN
            };
            let claim = SignatureClaim::of(&request);
            for dialect in JsonDialect::ALL {
                prop_assert!(serde_json::from_slice::<Value>(&claim.text(dialect)).is_ok());
            }
        }
    }
}

//! The `Prefer` header field (RFC 7240).

use actix_web::http::header::{HeaderMap, HeaderName};

/// The header field with the preferences of the client.
pub const PREFER: HeaderName = HeaderName::from_static("prefer");
/// The header field with the preferences that the response follows.
pub const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The preferences of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Preferences {
    /// `handling=strict`: only what JSON:API defines, without the aliases of Skillhive's API and plain JSON.
    pub strict: bool,
    /// `return=representation`: a response with a body instead of an empty one.
    pub representation: bool,
    /// `wait`: how long the response may wait for something to report, in seconds.
    pub wait: Option<u64>,
}

impl Preferences {
    /// Parses all preferences. Unknown ones are ignored, and the first of several with the same name applies
    /// (RFC 7240 §2).
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let mut handling = None;
        let mut answer = None;
        let mut wait = None;
        let preferences =
            headers.get_all(PREFER).filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(','));
        for preference in preferences {
            let preference = preference.split(';').next().unwrap_or_default();
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "handling" => drop(handling.get_or_insert(value)),
                "return" => drop(answer.get_or_insert(value)),
                "wait" => drop(wait.get_or_insert(value)),
                _ => {}
            }
        }
        Self {
            strict: handling == Some("strict"),
            representation: answer == Some("representation"),
            wait: wait.and_then(parse_seconds),
        }
    }
}

/// Parses a number of seconds (RFC 9111 §1.2.2, `delta-seconds`): one that is too large is the largest, and anything else
/// is a preference that the service does not know.
fn parse_seconds(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;

    #[test]
    fn unknown_preferences_are_ignored() {
        let read = |sent: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(PREFER, HeaderValue::from_static(sent));
            let preferences = Preferences::of(&headers);
            (preferences.strict, preferences.representation)
        };
        assert_eq!(read("handling=strict"), (true, false));
        assert_eq!(read("wait=10, Return=\"representation\"; x=1, handling = strict"), (true, true));
        assert_eq!(read("handling=lenient, handling=strict"), (false, false));
        assert_eq!(read("respond-async"), (false, false));
    }

    #[test]
    fn a_wait_is_a_number_of_seconds() {
        let wait = |sent: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(PREFER, HeaderValue::from_static(sent));
            Preferences::of(&headers).wait
        };
        for (sent, seconds) in [
            ("wait=20", Some(20)),
            ("handling=strict, Wait = \"7\"; x", Some(7)),
            ("wait=0", Some(0)),
            ("wait=1000000000", Some(1_000_000_000)),
            ("wait=99999999999999999999999", Some(u64::MAX)),
            ("wait=3, wait=5", Some(3)),
        ] {
            assert_eq!(wait(sent), seconds, "{sent}");
        }
        for sent in ["wait", "wait=", "wait=-1", "wait=+1", "wait=1.5", "wait=1s", "wait=x", "await=3"] {
            assert_eq!(wait(sent), None, "{sent}");
        }
    }
}

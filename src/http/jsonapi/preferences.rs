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
}

impl Preferences {
    /// Parses all preferences. Unknown ones are ignored, and the first of several with the same name applies
    /// (RFC 7240 §2).
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let mut handling = None;
        let mut answer = None;
        let preferences =
            headers.get_all(PREFER).filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(','));
        for preference in preferences {
            let preference = preference.split(';').next().unwrap_or_default();
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "handling" => drop(handling.get_or_insert(value)),
                "return" => drop(answer.get_or_insert(value)),
                _ => {}
            }
        }
        Self { strict: handling == Some("strict"), representation: answer == Some("representation") }
    }
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
}

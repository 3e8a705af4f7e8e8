//! The `Prefer` header (RFC 7240): wishes that may be granted.

use actix_web::http::header::{HeaderMap, HeaderName};

/// The header that carries wishes.
pub const PREFER: HeaderName = HeaderName::from_static("prefer");
/// The header that says which were granted.
pub const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// What a client would like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Preferences {
    /// `handling=strict`: JSON:API to the letter, without Skillhive's names and plain JSON.
    pub strict: bool,
    /// `return=representation`: an answer with a body where there would be none.
    pub representation: bool,
}

impl Preferences {
    /// Reads all wishes; unknown ones are passed over, and the first of several for the same thing counts
    /// (RFC 7240 §2).
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let mut handling = None;
        let mut answer = None;
        let wishes = headers.get_all(PREFER).filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(','));
        for wish in wishes {
            let wish = wish.split(';').next().unwrap_or_default();
            let (name, value) = wish.split_once('=').unwrap_or((wish, ""));
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
    fn known_wishes_are_read_among_unknown_ones() {
        let read = |sent: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(PREFER, HeaderValue::from_static(sent));
            let wishes = Preferences::of(&headers);
            (wishes.strict, wishes.representation)
        };
        assert_eq!(read("handling=strict"), (true, false));
        assert_eq!(read("wait=10, Return=\"representation\"; x=1, handling = strict"), (true, true));
        assert_eq!(read("handling=lenient, handling=strict"), (false, false));
        assert_eq!(read("respond-async"), (false, false));
    }
}

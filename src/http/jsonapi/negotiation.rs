//! Content negotiation (JSON:API 1.1, "Content Negotiation"; RFC 9110 §8.3 and §12.5.1).

use actix_web::http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};

use super::errors::ApiProblem;
use super::media_type::MEDIA_TYPE;
use super::profile::{ATOMIC, Applied};
use crate::model::code::Code;

/// A media type or media range with its parameters; names are in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MediaType {
    pub essence: String,
    pub parameters: Vec<(String, String)>,
}

/// The kind of a request body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    /// A JSON:API document. Plain JSON is accepted as well, for curl.
    Resource {
        /// Whether plain JSON is refused (`Prefer: handling=strict`).
        strict: bool,
    },
    /// A document of the atomic operations extension.
    Operations,
}

/// Checks the media type of a request body.
///
/// # Errors
/// 415 `unsupported-media-type`.
pub fn check_content_type(headers: &HeaderMap, kind: BodyKind) -> Result<(), ApiProblem> {
    let refuse = |detail: &'static str| Err(ApiProblem::new(Code::UnsupportedMediaType, detail).header("Content-Type"));
    let mut values = headers.get_all(CONTENT_TYPE);
    let wanted = match kind {
        BodyKind::Resource { .. } => "send the body with one `Content-Type: application/vnd.api+json`",
        BodyKind::Operations => {
            "send the body with one `Content-Type: application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\"`"
        }
    };
    let (Some(Ok(sent)), None) = (values.next().map(|value| value.to_str()), values.next()) else {
        return refuse(wanted);
    };
    match parse_media_types(sent).as_slice() {
        [sent] if sent.essence == "application/json" && kind == (BodyKind::Resource { strict: false }) => Ok(()),
        [sent] if sent.essence == MEDIA_TYPE => {
            if !sent.parameters.iter().all(|(name, _)| name == "ext" || name == "profile") {
                refuse("`application/vnd.api+json` must have no parameters except `ext` and `profile`")
            } else if sent.needs_unknown_extension() {
                refuse(match kind {
                    BodyKind::Resource { .. } => {
                        "this resource supports no extension; send `application/vnd.api+json` without `ext`"
                    }
                    BodyKind::Operations => {
                        "this resource supports the extension `https://jsonapi.org/ext/atomic` only"
                    }
                })
            } else if sent.extensions().next().is_some() == (kind == BodyKind::Operations) {
                Ok(())
            } else {
                refuse(wanted)
            }
        }
        _ => refuse(wanted),
    }
}

/// Checks that a request body is not compressed.
///
/// # Errors
/// 415 `unsupported-media-type`.
pub fn check_content_encoding(headers: &HeaderMap) -> Result<(), ApiProblem> {
    let is_none = |coding: &str| coding.is_empty() || coding.eq_ignore_ascii_case("identity");
    let is_plain = |sent: &str| sent.split(',').all(|coding| is_none(coding.trim()));
    if headers.get_all(CONTENT_ENCODING).all(|value| value.to_str().is_ok_and(is_plain)) {
        return Ok(());
    }
    let detail = "compressed bodies are not supported; send the body without `Content-Encoding`";
    Err(ApiProblem::new(Code::UnsupportedMediaType, detail).header("Content-Encoding"))
}

/// What `Accept` requests beyond the base of JSON:API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Accepted {
    /// Whether a media range has the cursor profile.
    pub cursor_profile: bool,
}

/// Checks that the client accepts JSON:API.
///
/// # Errors
/// 406 `not-acceptable`.
pub fn check_accept(headers: &HeaderMap) -> Result<Accepted, ApiProblem> {
    let mut values = headers.get_all(ACCEPT).peekable();
    if values.peek().is_none() {
        return Ok(Accepted::default());
    }
    let ranges: Vec<_> = values.filter_map(|value| value.to_str().ok()).flat_map(parse_media_types).collect();
    let mut ours = ranges.iter().filter(|range| range.essence == MEDIA_TYPE).peekable();
    if ours.peek().is_some() {
        let mut usable = ours
            .filter(|range| range.is_wanted() && range.has_only_known_parameters() && !range.needs_unknown_extension());
        if let Some(first) = usable.next() {
            let cursor_profile = first.names_cursor_profile() || usable.any(MediaType::names_cursor_profile);
            return Ok(Accepted { cursor_profile });
        }
    } else if ranges.is_empty() || ranges.iter().any(MediaType::covers_json) {
        return Ok(Accepted::default());
    }
    let detail = "`Accept` must allow `application/vnd.api+json` without parameters except `profile`";
    Err(ApiProblem::new(Code::NotAcceptable, detail).header("Accept"))
}

impl MediaType {
    /// Whether the weight is not zero, which means "not acceptable".
    fn is_wanted(&self) -> bool {
        let weight = self.parameters.iter().find(|(name, _)| name == "q");
        weight.is_none_or(|(_, value)| value.parse::<f32>().is_ok_and(|weight| weight > 0.0))
    }

    /// Whether there are no parameters except the weight `q`, `ext` and `profile`.
    fn has_only_known_parameters(&self) -> bool {
        self.parameters.iter().all(|(name, _)| matches!(name.as_str(), "q" | "ext" | "profile"))
    }

    fn covers_json(&self) -> bool {
        matches!(self.essence.as_str(), "*/*" | "application/*" | "application/json") && self.is_wanted()
    }

    fn uris<'m>(&'m self, name: &'static str) -> impl Iterator<Item = &'m str> {
        let values = self.parameters.iter().filter(move |(known, _)| known == name);
        values.flat_map(|(_, uris)| uris.split_ascii_whitespace())
    }

    fn extensions(&self) -> impl Iterator<Item = &str> {
        self.uris("ext")
    }

    fn needs_unknown_extension(&self) -> bool {
        self.extensions().any(|uri| uri != ATOMIC)
    }

    fn names_cursor_profile(&self) -> bool {
        self.uris("profile").any(Applied::is_cursor_profile)
    }
}

/// Parses a comma-separated list of media types. Invalid entries are ignored; quoted strings may contain separators.
pub(super) fn parse_media_types(text: &str) -> Vec<MediaType> {
    let entry = |entry: &str| {
        let mut parts = split(entry, b';');
        let essence = parts.next()?.trim().to_ascii_lowercase();
        // A name without a value is a parameter as well; an empty part is not.
        let parameters = parts.filter(|part| !part.trim().is_empty()).map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (name.trim().to_ascii_lowercase(), unquote(value.trim()))
        });
        essence.contains('/').then(|| MediaType { essence, parameters: parameters.collect() })
    };
    split(text, b',').filter_map(entry).collect()
}

/// Splits at separators outside of quoted strings.
fn split(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let (mut is_quoted, mut is_escaped) = (false, false);
        let end = text.bytes().position(|byte| {
            let is_end = byte == separator && !is_quoted;
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' if is_quoted => is_escaped = true,
                b'"' => is_quoted = !is_quoted,
                _ => {}
            }
            is_end
        });
        let (part, others) = match end {
            Some(end) => (text.get(..end), text.get(end + 1..)),
            None => (Some(text), None),
        };
        rest = others;
        part
    })
}

fn unquote(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut plain = String::with_capacity(inner.len());
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        plain.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;
    use proptest::prelude::*;

    fn accepts(value: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_str(value).unwrap());
        check_accept(&headers).is_ok()
    }

    fn is_valid_content_type(value: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_str(value).unwrap());
        check_content_type(&headers, BodyKind::Resource { strict: false }).is_ok()
    }

    #[test]
    fn accept_must_allow_json_api_without_parameters() {
        for good in [
            "*/*",
            "application/*",
            "application/json",
            "application/vnd.api+json",
            "Application/Vnd.Api+Json",
            "application/vnd.api+json;q=0.5",
            "application/vnd.api+json; foo=1, application/vnd.api+json",
            "application/vnd.api+json; ext=\"https://unknown.example/x\", application/vnd.api+json",
            "application/vnd.api+json; profile=\"https://a.example/, b;c\"; q=0.9",
            "text/html, */*;q=0.1",
        ] {
            assert!(accepts(good), "{good}");
        }
        for bad in [
            "text/html",
            "application/vnd.api+json; foo=1",
            "application/vnd.api+json; foo=1, */*",
            "application/vnd.api+json; ext=\"https://unknown.example/x\"",
            "application/vnd.api+json;q=0",
        ] {
            assert!(!accepts(bad), "{bad}");
        }
    }

    #[test]
    fn a_body_must_be_json_api_or_json() {
        for good in [
            "application/vnd.api+json",
            "application/json",
            "application/json; charset=utf-8",
            "application/vnd.api+json; profile=\"https://a.example/x\"",
        ] {
            assert!(is_valid_content_type(good), "{good}");
        }
        for bad in [
            "text/plain",
            "application/vnd.api+json; charset=utf-8",
            "application/vnd.api+json; ext=\"https://unknown.example/x\"",
            "application/vnd.api+json, application/json",
            "",
        ] {
            assert!(!is_valid_content_type(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_causes_a_panic(text in "[ -~é]{0,60}") {
            let _ = parse_media_types(&text);
        }
    }
}

//! Entity tags, computed from the states of the rows in a response, so that 304 and 412 need no rendering
//! (RFC 9110 §8.8.3, §13).
//!
//! # Design
//! The tag of one resource is `"{state}-{answer}{check}"`, in hexadecimal digits:
//!
//! * `state` is the [`RowState`] of the resource: type, id, times, version, computed members.
//! * `answer` is a hash of everything else that the response depends on: the URL, the included rows, the time zone,
//!   `PUBLIC_URL` and the media type.
//! * `check` is a hash of the two.
//!
//! A conditional change compares `state` with the stored row, so a tag of a response with `include` or `fields` works for
//! a change. It cannot compare `answer`, which would need the rows of that response, but `check` detects tags that the
//! service did not create. The hash needs no key: a client that forges a tag could as well send no `If-Match`.
//!
//! The tag of a list is one hash of everything.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use std::hash::{DefaultHasher, Hasher};

use super::errors::ApiProblem;
use super::profile::Applied;
use super::render_options::RenderOptions;
use super::tag_format;
use super::tagged::Tagged;
use crate::model::code::Code;
use crate::model::precondition::{Precondition, WEAK_TAG};
use crate::model::state::RowState;

/// An entity tag, quotes included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag(String);

/// Hashes what a tag covers. The hash is a fast one (`SipHash`), since a page has many rows: a client gains nothing by a
/// collision in its own response.
pub struct TagBuilder(DefaultHasher);

impl TagBuilder {
    /// Starts the tag of the response to `target` (path and query) with these options and this media type.
    #[must_use]
    pub fn new(target: &str, options: &RenderOptions, applied: Applied) -> Self {
        let mut hasher = DefaultHasher::new();
        // Another release may render the same rows differently.
        let (zone, base) = (options.zone.name(), options.base.as_str());
        for text in [env!("CARGO_PKG_VERSION"), zone, base, applied.media_type(), target] {
            hasher.write(text.as_bytes());
            hasher.write_u8(0);
        }
        Self(hasher)
    }

    /// Adds rows.
    #[must_use]
    pub fn rows<T: Tagged>(mut self, rows: &[T]) -> Self {
        self.0.write_usize(rows.len());
        for row in rows {
            row.write(&mut self.0);
        }
        self
    }

    /// Adds a number.
    #[must_use]
    pub fn number(mut self, number: i64) -> Self {
        self.0.write_i64(number);
        self
    }

    /// The tag of a list.
    #[must_use]
    pub fn of_list(self) -> Tag {
        Tag::quoted(|text| tag_format::push_hex(text, &self.0.finish().to_be_bytes()))
    }

    /// The tag of one resource in this state.
    #[must_use]
    pub fn of_resource(self, state: RowState) -> Tag {
        Tag::quoted(|text| tag_format::push(text, state, self.0.finish().to_be_bytes()))
    }
}

impl Tag {
    fn quoted(push: impl FnOnce(&mut String)) -> Self {
        let mut text = String::with_capacity(tag_format::LENGTH + 2);
        text.push('"');
        push(&mut text);
        text.push('"');
        Self(text)
    }

    /// The value of the header field.
    #[must_use]
    pub fn value(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
    }

    /// The tag of this response, in any encoding, that `If-None-Match` contains (weak comparison).
    #[must_use]
    pub fn find_in_if_none_match(&self, headers: &HeaderMap) -> Option<Self> {
        tags(headers, &IF_NONE_MATCH).find_map(|sent| {
            let tag = sent.strip_prefix("W/").unwrap_or(sent);
            match tag {
                "*" => Some(self.clone()),
                tag if tag == self.0 || is_encoded(tag, &self.0) => Some(Self(tag.to_owned())),
                _ => None,
            }
        })
    }
}

/// Checks `If-Match` of a fetch. A weak tag never matches.
///
/// # Errors
/// `precondition-failed` if the response has another tag.
pub fn check_if_match(headers: &HeaderMap, tag: &Tag) -> Result<(), ApiProblem> {
    let is_this = |sent: &str| sent == "*" || sent == tag.0 || is_encoded(sent, &tag.0);
    if !headers.contains_key(IF_MATCH) || tags(headers, &IF_MATCH).any(is_this) {
        return Ok(());
    }
    let detail = if has_weak_tag(headers) {
        WEAK_TAG
    } else {
        "the response has another `ETag` than `If-Match`; fetch it without `If-Match`"
    };
    Err(ApiProblem::new(Code::PreconditionFailed, detail).header("If-Match"))
}

/// The encodings in which a response can be sent.
const ENCODINGS: [&str; 2] = ["zstd", "gzip"];

/// The tag of the same response in an encoding.
#[must_use]
pub fn with_encoding(tag: &HeaderValue, encoding: &str) -> Option<HeaderValue> {
    let plain = tag.to_str().ok()?.strip_suffix('"')?;
    HeaderValue::from_str(&format!("{plain}.{encoding}\"")).ok()
}

/// Whether a tag is that of the same response in an encoding.
fn is_encoded(sent: &str, plain: &str) -> bool {
    let rest = plain.strip_suffix('"').and_then(|start| sent.strip_prefix(start)?.strip_prefix('.'));
    rest.and_then(|rest| rest.strip_suffix('"')).is_some_and(|encoding| ENCODINGS.contains(&encoding))
}

/// The state in a strong tag of one resource, in any encoding; `None` for a tag that the service did not create.
fn state_of(tag: &str) -> Option<RowState> {
    let tag = tag.strip_prefix('"')?.strip_suffix('"')?;
    match tag.split_once('.') {
        None => tag_format::parse(tag),
        Some((plain, encoding)) if ENCODINGS.contains(&encoding) => tag_format::parse(plain),
        Some(_) => None,
    }
}

/// Parses the precondition of a change: `If-Match`, or else `If-None-Match`. Weak tags never match the former and match
/// the latter like strong ones.
#[must_use]
pub fn parse_precondition(headers: &HeaderMap) -> Precondition {
    let is_any = |name| tags(headers, name).any(|sent| sent == "*");
    if headers.contains_key(IF_MATCH) && !is_any(&IF_MATCH) {
        let states = tags(headers, &IF_MATCH).filter_map(state_of).collect();
        return Precondition::Match { states, has_weak_tag: has_weak_tag(headers) };
    }
    if !headers.contains_key(IF_NONE_MATCH) {
        return Precondition::None;
    }
    let weakly = |tag: &str| state_of(tag.strip_prefix("W/").unwrap_or(tag));
    Precondition::Except((!is_any(&IF_NONE_MATCH)).then(|| tags(headers, &IF_NONE_MATCH).filter_map(weakly).collect()))
}

fn has_weak_tag(headers: &HeaderMap) -> bool {
    tags(headers, &IF_MATCH).any(|tag| tag.starts_with("W/"))
}

/// The tags of a comma-separated list. Our own tags contain no commas.
fn tags<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    headers.get_all(name).filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(',').map(str::trim))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::state::STATE_BYTES;

    fn state(first: u8) -> RowState {
        let mut bytes = [7; STATE_BYTES];
        bytes[0] = first;
        RowState::from_bytes(bytes)
    }

    fn tag(first: u8, target: &str) -> String {
        TagBuilder::new(target, &RenderOptions::whole(chrono_tz::UTC), Applied::Nothing).of_resource(state(first)).0
    }

    #[test]
    fn only_a_strong_tag_of_the_service_names_a_state() {
        let parse = |sent: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_MATCH, HeaderValue::from_str(sent).unwrap());
            parse_precondition(&headers)
        };
        let matches = |states: &[RowState], has_weak_tag| Precondition::Match { states: states.to_vec(), has_weak_tag };
        let (one, two) = (tag(1, "/a"), tag(2, "/b?include=c"));
        assert_eq!(parse(&one), matches(&[state(1)], false));
        assert_eq!(parse(&format!("{one}, {two}")), matches(&[state(1), state(2)], false));
        let encoded = one.replace('"', "") + ".gzip";
        assert_eq!(parse(&format!("\"{encoded}\"")), matches(&[state(1)], false));
        assert_eq!(parse(&format!("W/{one}, {two}")), matches(&[state(2)], true));
        // The state of one tag with the rest of another, a changed digit in each part, and tags of other shapes.
        let (state_1, rest_1) = one.split_once('-').unwrap();
        let (_, rest_2) = two.split_once('-').unwrap();
        let other = |digit: &str| if digit == "0" { "1" } else { "0" };
        let mut made_up = vec![format!("{state_1}-{rest_2}"), one.to_uppercase(), one.replace('"', "")];
        for place in [1, 32, 34, 49, 50, 57] {
            let mut changed = one.clone();
            changed.replace_range(place..=place, other(&one[place..=place]));
            made_up.push(changed);
        }
        made_up.extend(["\"1-zzz\"", "\"3-00ff\"", "nonsense", "\"\"", "\"-\""].map(str::to_owned));
        made_up.push(format!("\"{}.br\"", one.replace('"', "")));
        made_up.push(format!("{state_1}-{}0\"", rest_1.trim_end_matches('"')));
        for sent in made_up {
            assert_eq!(parse(&sent), matches(&[], false), "{sent}");
        }
        assert_eq!(parse("*"), Precondition::None);
        assert_eq!(parse_precondition(&HeaderMap::new()), Precondition::None);
    }

    #[test]
    fn a_tag_matches_in_every_encoding() {
        let tag = Tag("\"3-00ff\"".to_owned());
        let known = |sent: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, HeaderValue::from_str(sent).unwrap());
            tag.find_in_if_none_match(&headers).map(|tag| tag.0)
        };
        for same in ["\"3-00ff\"", "\"3-00ff.gzip\"", "\"3-00ff.zstd\""] {
            assert_eq!(known(same).as_deref(), Some(same));
            assert_eq!(known(&format!("\"x\", W/{same}")).as_deref(), Some(same));
        }
        assert_eq!(known("*").as_deref(), Some("\"3-00ff\""));
        for other in ["\"3-00ff.br\"", "\"3-00ff.gzip", "\"3-00ffgzip\"", "\"3-00fe.gzip\"", "\"3-00ff.\"", "3-00ff"] {
            assert_eq!(known(other), None, "{other}");
        }
        let sent = with_encoding(&tag.value(), "gzip").unwrap();
        assert_eq!(known(sent.to_str().unwrap()).as_deref(), Some("\"3-00ff.gzip\""));
    }
}

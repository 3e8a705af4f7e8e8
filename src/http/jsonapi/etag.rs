//! Entity tags, made from the versions of the rows that an answer shows, so that 304 and 412 need no rendering
//! (RFC 9110 §8.8.3, §13).
//!
//! # Design
//! The tag of a resource is `"{version}-{hash}"`. The hash covers every row shown, the URL and what was applied, as a
//! strong tag must; the version is that of the resource itself. A conditional change looks at the version alone: a
//! client that fetched a resource with `include` or `fields` may use that answer's tag for the change.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use aws_lc_rs::digest::{Context, SHA256};

use super::errors::Problem;
use super::profile::Applied;
use crate::domain::group_lists::{SeenGroup, SeenMember};
use crate::model::code::Code;
use crate::model::id::UserId;
use crate::model::precondition::Precondition;
use crate::model::relationship::Relationship;
use crate::model::relationship_type::RelationshipType;
use crate::model::user::User;

/// An entity tag, quotes included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag(String);

/// What a row adds to a tag: everything of it that can change without its URL.
pub trait Versioned {
    /// Its version.
    fn version(&self) -> i64;
    /// What names it, and what is computed from other rows.
    fn mark(&self, context: &mut Context);
}

impl Versioned for Relationship {
    fn version(&self) -> i64 {
        self.version
    }

    fn mark(&self, context: &mut Context) {
        context.update(&self.id.get().to_be_bytes());
    }
}

impl Versioned for User {
    fn version(&self) -> i64 {
        self.version
    }

    fn mark(&self, context: &mut Context) {
        context.update(&self.id.get().to_be_bytes());
        context.update(&[u8::from(self.is_supervisor)]);
    }
}

impl Versioned for RelationshipType {
    fn version(&self) -> i64 {
        self.version
    }

    fn mark(&self, context: &mut Context) {
        context.update(self.name.as_str().as_bytes());
        context.update(&[0]);
    }
}

impl Versioned for SeenGroup {
    fn version(&self) -> i64 {
        self.group.version
    }

    fn mark(&self, context: &mut Context) {
        // A release that does not know groups yet takes an owner away without a new version.
        let owner = self.group.owner.map_or(0, UserId::get);
        for number in [self.group.id.get(), owner, self.is_owner_seen.into()] {
            context.update(&number.to_be_bytes());
        }
    }
}

impl Versioned for SeenMember {
    fn version(&self) -> i64 {
        self.member.version
    }

    fn mark(&self, context: &mut Context) {
        for number in [self.member.id.get(), self.is_user_seen.into()] {
            context.update(&number.to_be_bytes());
        }
    }
}

/// Gathers what a tag covers.
pub struct TagOf(Context);

impl TagOf {
    /// A tag of the answer to `target` (path and query), in this zone and with this applied.
    #[must_use]
    pub fn new(target: &str, zone: chrono_tz::Tz, applied: Applied) -> Self {
        let mut context = Context::new(&SHA256);
        // A release may render the same rows otherwise.
        for text in [env!("CARGO_PKG_VERSION"), zone.name(), applied.media_type(), target] {
            context.update(text.as_bytes());
            context.update(&[0]);
        }
        Self(context)
    }

    /// Covers these rows.
    #[must_use]
    pub fn rows<T: Versioned>(mut self, rows: &[T]) -> Self {
        self.0.update(&rows.len().to_be_bytes());
        for row in rows {
            self.0.update(&row.version().to_be_bytes());
            row.mark(&mut self.0);
        }
        self
    }

    /// Covers a number.
    #[must_use]
    pub fn number(mut self, number: i64) -> Self {
        self.0.update(&number.to_be_bytes());
        self
    }

    /// The tag of a list.
    #[must_use]
    pub fn of_list(self) -> Tag {
        Tag(format!("\"{:016x}\"", self.hash()))
    }

    /// The tag of one resource.
    #[must_use]
    pub fn of_resource(self, version: i64) -> Tag {
        Tag(format!("\"{version}-{:016x}\"", self.hash()))
    }

    fn hash(self) -> u64 {
        let digest = self.0.finish();
        digest.as_ref().first_chunk::<8>().map_or(0, |start| u64::from_be_bytes(*start))
    }
}

impl Tag {
    /// The header field's value.
    #[must_use]
    pub fn value(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
    }

    /// The tag that the client has of this very answer, in whichever encoding (`If-None-Match`, compared weakly).
    #[must_use]
    pub fn known(&self, headers: &HeaderMap) -> Option<Self> {
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

/// Refuses a fetch of another answer than `If-Match` asks for. A weak tag never matches.
///
/// # Errors
/// `precondition-failed`.
pub fn require(headers: &HeaderMap, tag: &Tag) -> Result<(), Problem> {
    let is_this = |sent: &str| sent == "*" || sent == tag.0 || is_encoded(sent, &tag.0);
    if !headers.contains_key(IF_MATCH) || tags(headers, &IF_MATCH).any(is_this) {
        return Ok(());
    }
    let detail = "the answer is no longer the one that `If-Match` names; fetch it without";
    Err(Problem::new(Code::PreconditionFailed, detail).header("If-Match"))
}

/// The names of the encodings in which an answer can be sent.
const ENCODINGS: [&str; 2] = ["zstd", "gzip"];

/// The tag of the same answer in an encoding.
#[must_use]
pub fn encoded(tag: &HeaderValue, encoding: &str) -> Option<HeaderValue> {
    let plain = tag.to_str().ok()?.strip_suffix('"')?;
    HeaderValue::from_str(&format!("{plain}.{encoding}\"")).ok()
}

/// Whether a tag is that of the same answer in an encoding.
fn is_encoded(sent: &str, plain: &str) -> bool {
    let rest = plain.strip_suffix('"').and_then(|start| sent.strip_prefix(start)?.strip_prefix('.'));
    rest.and_then(|rest| rest.strip_suffix('"')).is_some_and(|encoding| ENCODINGS.contains(&encoding))
}

/// What `If-Match`, or else `If-None-Match`, demands of a resource that is about to change. A weak tag never matches the
/// former, and is as good as any other for the latter.
#[must_use]
pub fn precondition(headers: &HeaderMap) -> Precondition {
    let version = |tag: &str| tag.strip_prefix('"')?.strip_suffix('"')?.split_once('-')?.0.parse().ok();
    let is_any = |name| tags(headers, name).any(|sent| sent == "*");
    if headers.contains_key(IF_MATCH) && !is_any(&IF_MATCH) {
        return Precondition::Versions(tags(headers, &IF_MATCH).filter_map(version).collect());
    }
    if !headers.contains_key(IF_NONE_MATCH) {
        return Precondition::None;
    }
    let weakly = |tag: &str| version(tag.strip_prefix("W/").unwrap_or(tag));
    Precondition::Except((!is_any(&IF_NONE_MATCH)).then(|| tags(headers, &IF_NONE_MATCH).filter_map(weakly).collect()))
}

/// The tags of a list of them; our own have no commas in them.
fn tags<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    headers.get_all(name).filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(',').map(str::trim))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weak_or_foreign_tag_matches_no_version() {
        let versions = |sent: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_MATCH, HeaderValue::from_static(sent));
            precondition(&headers)
        };
        assert_eq!(versions("\"3-00ff\", \"4-x\""), Precondition::Versions(vec![3, 4]));
        assert_eq!(versions("\"3-00ff.gzip\""), Precondition::Versions(vec![3]));
        assert_eq!(versions("W/\"3-00ff\""), Precondition::Versions(vec![]));
        assert_eq!(versions("nonsense"), Precondition::Versions(vec![]));
        assert_eq!(versions("*"), Precondition::None);
        assert_eq!(precondition(&HeaderMap::new()), Precondition::None);
    }

    #[test]
    fn a_tag_is_known_in_every_encoding_of_its_answer() {
        let tag = Tag("\"3-00ff\"".to_owned());
        let known = |sent: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, HeaderValue::from_str(sent).unwrap());
            tag.known(&headers).map(|tag| tag.0)
        };
        for same in ["\"3-00ff\"", "\"3-00ff.gzip\"", "\"3-00ff.zstd\""] {
            assert_eq!(known(same).as_deref(), Some(same));
            assert_eq!(known(&format!("\"x\", W/{same}")).as_deref(), Some(same));
        }
        assert_eq!(known("*").as_deref(), Some("\"3-00ff\""));
        for other in ["\"3-00ff.br\"", "\"3-00ff.gzip", "\"3-00ffgzip\"", "\"3-00fe.gzip\"", "\"3-00ff.\"", "3-00ff"] {
            assert_eq!(known(other), None, "{other}");
        }
        let sent = encoded(&tag.value(), "gzip").unwrap();
        assert_eq!(known(sent.to_str().unwrap()).as_deref(), Some("\"3-00ff.gzip\""));
    }
}

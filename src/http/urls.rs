//! The URLs that documents contain; `routes` serves all of them. Documents contain them after a [`BaseUrl`].

use std::fmt;
use std::sync::Arc;

use crate::model::code::Code;
use crate::model::id::{GroupId, ImportId, MemberId, RelationshipId, TransferId, UserId};
use crate::model::relationship_type::TypeName;

/// The longest accepted request target (path and query), in bytes; a longer one is 414 `uri-too-long`.
pub const LONGEST_URI: usize = 8 * 1024;
/// The URL of a relationship up to its id.
pub const RELATIONSHIPS: &str = "/api/v2/user-relationships/";
/// The part of a linkage URL between the URL of the resource and the name of the relationship.
pub const LINKAGE: &str = "/relationships/";

/// The start of every URL in documents: `PUBLIC_URL`, which may have a path. Without it, URLs are relative.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BaseUrl {
    text: Option<Arc<str>>,
    /// Where the path starts.
    path_start: usize,
}

impl BaseUrl {
    /// The base of `PUBLIC_URL`; a slash at its end is removed.
    #[must_use]
    pub fn new(public_url: Option<&str>) -> Self {
        let text = public_url.unwrap_or_default().trim_end_matches('/');
        let host_start = text.find("://").map_or(0, |at| at + 3);
        let host_length = text.get(host_start..).and_then(|rest| rest.find('/'));
        let path_start = host_length.map_or(text.len(), |length| host_start + length);
        Self { text: (!text.is_empty()).then(|| text.into()), path_start }
    }

    /// The base as text; empty if URLs are relative.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }

    /// Whether URLs are relative.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.text.is_none()
    }

    /// The path under which the service is served; empty if that is the root.
    #[must_use]
    pub fn path(&self) -> &str {
        self.as_str().get(self.path_start..).unwrap_or_default()
    }

    /// The length of scheme and host, which are not part of a request target.
    #[must_use]
    pub const fn origin_length(&self) -> usize {
        self.path_start
    }

    /// The URL of a path of the service.
    #[must_use]
    pub fn join(&self, path: &str) -> String {
        [self.as_str(), path].concat()
    }
}

/// A URL of the service after its base, as documents contain it.
#[derive(Clone, Copy)]
pub struct LinkUrl<'a, Url>(pub &'a BaseUrl, pub Url);

impl<Url: fmt::Display> fmt::Display for LinkUrl<'_, Url> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())?;
        self.1.fmt(f)
    }
}

/// The URL of a relationship.
#[must_use]
pub fn relationship(id: RelationshipId) -> String {
    RelationshipUrl(id).to_string()
}

/// The URL of a user.
#[must_use]
pub fn user(id: UserId) -> String {
    UserUrl(id).to_string()
}

/// The URL of a relationship type.
#[must_use]
pub fn relationship_type(name: &TypeName) -> String {
    format!("/api/v2/relationship-types/{name}")
}

/// The URL of the documentation of an error code.
#[must_use]
pub fn error_documentation(code: Code) -> String {
    format!("/docs#{}", code.name())
}

/// The URL of a relationship, as `Display`.
pub struct RelationshipUrl(pub RelationshipId);

impl fmt::Display for RelationshipUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{RELATIONSHIPS}{}", self.0)
    }
}

/// The URL of the linkage to one end of a relationship.
pub struct LinkageUrl(pub RelationshipId, pub &'static str);

impl fmt::Display for LinkageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{RELATIONSHIPS}{}{LINKAGE}{}", self.0, self.1)
    }
}

/// The URL of the user at one end of a relationship.
pub struct EndUrl(pub RelationshipId, pub &'static str);

impl fmt::Display for EndUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{RELATIONSHIPS}{}/{}", self.0, self.1)
    }
}

/// The URL of a user, as `Display`.
pub struct UserUrl(pub UserId);

impl fmt::Display for UserUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/api/v2/users/{}", self.0)
    }
}

/// The URL of the users with a role towards a user.
#[must_use]
pub fn role(user: UserId, name: &str) -> String {
    format!("{}/{name}", UserUrl(user))
}

/// The URL of the linkage to these users.
#[must_use]
pub fn role_linkage(user: UserId, name: &str) -> String {
    format!("{}{LINKAGE}{name}", UserUrl(user))
}

/// The URL of a group.
#[derive(Clone, Copy)]
pub struct GroupUrl(pub GroupId);

impl fmt::Display for GroupUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/api/v2/groups/{}", self.0)
    }
}

/// The URL of a membership.
#[derive(Clone, Copy)]
pub struct MemberUrl(pub MemberId);

impl fmt::Display for MemberUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/api/v2/group-members/{}", self.0)
    }
}

/// The URL of a transfer.
#[derive(Clone, Copy)]
pub struct TransferUrl(pub TransferId);

impl fmt::Display for TransferUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/api/v2/transfers/{}", self.0)
    }
}

/// The URL of an import.
#[derive(Clone, Copy)]
pub struct ImportUrl(pub ImportId);

impl fmt::Display for ImportUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/api/v2/imports/{}", self.0)
    }
}

/// The URL of the resources that a relationship of the resource at a URL links to.
pub struct RelatedUrl<Url>(pub Url, pub &'static str);

impl<Url: fmt::Display> fmt::Display for RelatedUrl<Url> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

/// The URL of the linkage of a relationship of the resource at a URL.
pub struct RelatedLinkageUrl<Url>(pub Url, pub &'static str);

impl<Url: fmt::Display> fmt::Display for RelatedLinkageUrl<Url> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/relationships/{}", self.0, self.1)
    }
}

/// The URL of the relationships that have a user at the end with this name.
pub struct FilteredUrl(pub &'static str, pub UserId);

impl fmt::Display for FilteredUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/api/v2/user-relationships?filter%5B{}%5D={}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_has_an_origin_and_a_path() {
        for (public_url, text, path) in [
            (None, "", ""),
            (Some("https://a.example"), "https://a.example", ""),
            (Some("https://a.example/"), "https://a.example", ""),
            (Some("http://a.example:8080/people/edges/"), "http://a.example:8080/people/edges", "/people/edges"),
        ] {
            let base = BaseUrl::new(public_url);
            assert_eq!((base.as_str(), base.path()), (text, path));
            assert_eq!(base.origin_length() + path.len(), text.len());
            assert_eq!(base.is_empty(), public_url.is_none());
            assert_eq!(LinkUrl(&base, UserUrl(UserId::new(5))).to_string(), base.join("/api/v2/users/5"));
        }
    }
}

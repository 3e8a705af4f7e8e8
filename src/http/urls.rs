//! The URLs that documents contain; `routes` serves all of them.

use std::fmt;

use crate::model::code::Code;
use crate::model::id::{GroupId, MemberId, RelationshipId, UserId};
use crate::model::relationship_type::TypeName;

/// The longest accepted request target (path and query), in bytes; a longer one is 414 `uri-too-long`.
pub const LONGEST_URI: usize = 8 * 1024;
/// The URL of a relationship up to its id.
pub const RELATIONSHIPS: &str = "/api/v2/user-relationships/";
/// The part of a linkage URL between the URL of the resource and the name of the relationship.
pub const LINKAGE: &str = "/relationships/";

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

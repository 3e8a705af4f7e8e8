//! Every URL that a document shows; `routes` answers them all.

use std::fmt;

use crate::model::code::Code;
use crate::model::id::{GroupId, MemberId, RelationshipId, UserId};
use crate::model::relationship_type::TypeName;

/// The longest request target (path and query) that the service accepts, in bytes; a longer one is 414 `uri-too-long`.
pub const LONGEST_URI: usize = 8 * 1024;
/// What stands before the id of a relationship in its URL.
pub const RELATIONSHIPS: &str = "/api/v2/user-relationships/";
/// What stands between the URL of a resource and the name of an end, where that is a linkage.
pub const LINKAGE: &str = "/relationships/";

/// Where a relationship can be fetched.
#[must_use]
pub fn relationship(id: RelationshipId) -> String {
    RelationshipUrl(id).to_string()
}

/// Where a user can be fetched.
#[must_use]
pub fn user(id: UserId) -> String {
    UserUrl(id).to_string()
}

/// Where a relationship type can be fetched.
#[must_use]
pub fn relationship_type(name: &TypeName) -> String {
    format!("/api/v2/relationship-types/{name}")
}

/// Where an error code is explained.
#[must_use]
pub fn error_documentation(code: Code) -> String {
    format!("/docs#{}", code.name())
}

/// Prints where a relationship can be fetched.
pub struct RelationshipUrl(pub RelationshipId);

impl fmt::Display for RelationshipUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{RELATIONSHIPS}{}", self.0)
    }
}

/// Prints where the linkage to one end of a relationship can be fetched.
pub struct LinkageUrl(pub RelationshipId, pub &'static str);

impl fmt::Display for LinkageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{RELATIONSHIPS}{}{LINKAGE}{}", self.0, self.1)
    }
}

/// Prints where the user at one end of a relationship can be fetched.
pub struct EndUrl(pub RelationshipId, pub &'static str);

impl fmt::Display for EndUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{RELATIONSHIPS}{}/{}", self.0, self.1)
    }
}

/// Prints where a user can be fetched.
pub struct UserUrl(pub UserId);

impl fmt::Display for UserUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/api/v2/users/{}", self.0)
    }
}

/// Prints where a group can be fetched.
#[derive(Clone, Copy)]
pub struct GroupUrl(pub GroupId);

impl fmt::Display for GroupUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/api/v2/groups/{}", self.0)
    }
}

/// Prints where a membership can be fetched.
#[derive(Clone, Copy)]
pub struct MemberUrl(pub MemberId);

impl fmt::Display for MemberUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/api/v2/group-members/{}", self.0)
    }
}

/// Prints where what is related to the resource at a URL can be fetched.
pub struct RelatedUrl<Url>(pub Url, pub &'static str);

impl<Url: fmt::Display> fmt::Display for RelatedUrl<Url> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

/// Prints where the linkage to what is related to the resource at a URL can be fetched.
pub struct RelatedLinkageUrl<Url>(pub Url, pub &'static str);

impl<Url: fmt::Display> fmt::Display for RelatedLinkageUrl<Url> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/relationships/{}", self.0, self.1)
    }
}

/// Prints where the relationships with a user at the end called so can be fetched.
pub struct FilteredUrl(pub &'static str, pub UserId);

impl fmt::Display for FilteredUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/api/v2/user-relationships?filter%5B{}%5D={}", self.0, self.1)
    }
}

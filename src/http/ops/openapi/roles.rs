//! Operations and schemas of the users with a role towards a user.

use serde_json::{Value, json};

use super::build::{document, linkage_document, list_document, object, one_of, schema};
use super::operation::{ApiOperation, Success, operation};
use crate::http::v2::parameters;
use crate::model::code::Code;

const TAG: &str = "users";
/// An example of a role, which every new database has.
pub const EXAMPLE: &str = "mentors";

const USERS: &str = "/api/v2/users/{id}/{role}";
const LINKAGE: &str = "/api/v2/users/{id}/relationships/{role}";

const LISTED: &str = "The users in the order of their relationships; `meta.user-relationship` of each is the id of the \
relationship. A role that at most one user has (the `target-role` of a type with `max-per-user` 1) gives that user or \
`null`, and takes no pagination parameters. Disabled users are listed. `me` is the caller. Callers with the access level \
`ext` see the users at the other ends of their own relationships.";
const LINKED: &str = "The identifiers of the users that the URL without `relationships` lists, in the same pages.";

/// The operations on roles.
#[rustfmt::skip]
pub const OF_ROLES: [ApiOperation; 2] = [
    operation("GET", USERS, "listUsersWithRole", TAG, "List the users with a role towards a user", Success::Listed("RoleUsers"))
        .description(LISTED).query(parameters::LIST_ROLE_USERS).error_codes(&[Code::InvalidCursor]),
    operation("GET", LINKAGE, "getRoleLinkage", TAG, "List the identifiers of the users with a role", Success::Listed("RoleLinkage"))
        .description(LINKED).query(parameters::LIST_ROLE_LINKAGE).error_codes(&[Code::InvalidCursor]),
];

/// Schemas of documents.
pub fn schemas() -> Value {
    let nullable = |name: &str| json!({ "oneOf": [schema(name), { "type": "null" }] });
    json!({
        "RoleUsers": one_of(&["RoleUserList", "RoleUserDocument"]),
        "RoleUserList": list_document("User", &["User"]),
        "RoleUserDocument": document(nullable("User"), &["User"]),
        "RoleLinkage": one_of(&["RoleLinkageList", "RoleLinkageDocument"]),
        "RoleLinkageList": object(&["jsonapi", "data", "links", "meta"], json!({
            "jsonapi": schema("JsonApi"),
            "data": { "type": "array", "items": schema("UserIdentifier") },
            "links": schema("PageLinks"),
            "meta": schema("ListMeta"),
        })),
        "RoleLinkageDocument": linkage_document(nullable("UserIdentifier"), schema("LinkageLinks")),
    })
}

//! Operations and schemas of the users with a role towards a user.

use serde_json::{Value, json};

use super::build::{ID, document, linkage_document, list_document, object, one_of, schema};
use super::examples;
use super::operation::{ApiOperation, Success, operation};
use crate::domain::roles::MAX_MEMBERS;
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
const REPLACED: &str = "For a role that at most one user has: gives it to one user, or with `null` to none, in place of the \
present one. Readers see the old relationship or the new one. The present value changes nothing. For the owner of the \
relationship and admins; the rules of the type apply. Other roles get 403.";
const ADDED: &str = "For a role that several users may have: gives it to at most 1,000 users. Users that have it already keep \
it. For the user itself if it owns the relationships, otherwise for admins; the rules of the type apply. The response has \
the first page of the linkage.";
const REMOVED: &str = "For a role that several users may have: takes it from at most 1,000 users. Users that do not have it \
stay without it. For the same callers as POST. The response has the first page of the linkage.";
const LINKED: &str = "The identifiers of the users that the URL without `relationships` lists, in the same pages.";

const CHANGED: &[Code] = &[
    Code::NotOwner,
    Code::NotAdmin,
    Code::UnsupportedUpdate,
    Code::RelatedResourceNotFound,
    Code::InvalidRelationship,
    Code::SelfRelationship,
    Code::RelationshipCycle,
    Code::TooManyRelationships,
    Code::RelationshipTooDeep,
];

fn reassigned() -> Value {
    json!({ "data": { "type": "users", "id": examples::TARGET } })
}

fn members() -> Value {
    json!({ "data": [{ "type": "users", "id": examples::TARGET }] })
}

/// The operations on roles.
#[rustfmt::skip]
pub const OF_ROLES: [ApiOperation; 5] = [
    operation("GET", USERS, "listUsersWithRole", TAG, "List the users with a role towards a user", Success::Listed("RoleUsers"))
        .description(LISTED).query(parameters::LIST_ROLE_USERS).error_codes(&[Code::InvalidCursor, Code::NotAdmin]),
    operation("GET", LINKAGE, "getRoleLinkage", TAG, "List the identifiers of the users with a role", Success::Listed("RoleLinkage"))
        .description(LINKED).query(parameters::LIST_ROLE_LINKAGE).error_codes(&[Code::InvalidCursor]),
    operation("PATCH", LINKAGE, "reassignRole", TAG, "Replace the only user with a role", Success::Changed("ReassignmentDocument"))
        .description(REPLACED).body("ReassignedRole", reassigned).error_codes(CHANGED),
    operation("POST", LINKAGE, "addUsersToRole", TAG, "Give users a role", Success::Changed("RoleLinkageList"))
        .description(ADDED).body("RoleMembers", members).error_codes(CHANGED),
    operation("DELETE", LINKAGE, "removeUsersFromRole", TAG, "Take a role from users", Success::Changed("RoleLinkageList"))
        .description(REMOVED).body("RoleMembers", members).error_codes(CHANGED),
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
        "ReassignedRole": object(&["data"], json!({ "data": nullable("UserIdentifier") })),
        "RoleMembers": object(&["data"], json!({
            "data": { "type": "array", "items": schema("UserIdentifier"), "maxItems": MAX_MEMBERS, "uniqueItems": true },
        })),
        "ReassignmentDocument": object(&["jsonapi", "data", "links", "meta"], json!({
            "jsonapi": schema("JsonApi"),
            "data": nullable("UserIdentifier"),
            "links": schema("LinkageLinks"),
            "meta": object(&["previous", "user-relationship"], json!({
                "previous": { "type": "array", "items": schema("UserIdentifier"), "description": "The users that had the role before" },
                "user-relationship": nullable(ID),
            })),
        })),
        "RoleLinkageDocument": linkage_document(nullable("UserIdentifier"), schema("LinkageLinks")),
    })
}

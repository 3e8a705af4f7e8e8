//! All operations, except those of the forms dialect.

use std::sync::LazyLock;

use super::operation::{ApiOperation, Success, operation};
use super::{changes, examples, groups, imports, roles, transfers};
use crate::http::jsonapi::parameter::{Parameter, Schema};
use crate::http::v2::deletion_parameters;
use crate::http::v2::parameters;
use crate::model::code::Code;

const RELATIONSHIPS: &str = "user-relationships";
const USERS: &str = "users";
const TYPES: &str = "relationship-types";
const OPERATIONS_TAG: &str = "operations";
const SERVICE: &str = "service";

/// The tags and their descriptions.
pub const TAGS: &[(&str, &str)] = &[
    (RELATIONSHIPS, "Directed, typed relationships from a user (the owner) to another user (the target)."),
    (USERS, "The users at the ends of relationships."),
    (TYPES, "The types that relationships can have."),
    (transfers::TAG, transfers::ABOUT),
    (imports::TAG, imports::ABOUT),
    (changes::TAG, changes::ABOUT),
    (groups::TAG, groups::ABOUT),
    (OPERATIONS_TAG, "Several changes in one transaction."),
    (SERVICE, "The service itself. No credentials needed."),
];

const EDGES: &str = "/api/v2/user-relationships";
const EDGE: &str = "/api/v2/user-relationships/{id}";
const LINKAGE: &str = "/api/v2/user-relationships/{id}/relationships/{end}";
const END: &str = "/api/v2/user-relationships/{id}/{end}";
const ALL_USERS: &str = "/api/v2/users";
const ME: &str = "/api/v2/users/me";
const USER: &str = "/api/v2/users/{id}";
const ALL_TYPES: &str = "/api/v2/relationship-types";
const TYPE: &str = "/api/v2/relationship-types/{id}";

const FIXED: &str =
    "The user and the target of a relationship cannot change: delete it and create another. Always fails with 403.";
const COUNTED: &str = "`meta.total-count` is the exact number of matches on all pages. \
A resource must match every filter, and one of the values of each filter. A value that does not exist matches nothing.";
const CHANGED_USER: &str = "Users can change their own profile. Only admins can change `email`, `alt-id`, `is-enabled` and \
`access-level`; others may send these with their current value. Omitted attributes keep their values, and `null` clears \
an attribute. `type` and `id` may be omitted. A `password` ends all sessions of the user; for the own account it needs \
`current-password`, and a wrong one is 422 `invalid-attribute`.";
const TYPE_RULES: &str = "The client chooses the `id`, which is the name of the type. Roles are unique across all types: a role cannot be \
a role or the name of another type, or an attribute or relationship of users. `is-symmetric` excludes `is-acyclic` and `max-per-user`.";
const CHANGED_TYPE: &str = "The name cannot change. Omitted attributes keep their values. The stored relationships must obey a rule before it \
can be set: otherwise nothing changes, and the error has the number of violations and examples. Removing a rule always succeeds.";

/// Lists the checks of `/readyz`.
const VERBOSE: &[Parameter] = &[Parameter::new("verbose", Schema::Presence, "Lists the checks; the value is ignored")];

/// All of them.
pub static OPERATIONS: LazyLock<Vec<ApiOperation>> = LazyLock::new(|| {
    [
        WITHOUT_GROUPS,
        &roles::OF_ROLES,
        &transfers::OF_TRANSFERS,
        &imports::OF_IMPORTS,
        &changes::OF_CHANGES,
        &groups::OF_GROUPS,
        &groups::OF_MEMBERS,
        OF_SERVICE,
    ]
    .concat()
});

#[rustfmt::skip]
const WITHOUT_GROUPS: &[ApiOperation] = &[
    operation("GET", "/api/v2", "getIndex", RELATIONSHIPS, "Links to the lists", Success::Document("MetaDocument"))
        .description("`meta.links` has the URLs of the lists, of the caller and of the documentation."),
    operation("GET", EDGES, "listUserRelationships", RELATIONSHIPS, "List relationships", Success::Listed("UserRelationshipList"))
        .description(COUNTED).query(parameters::LIST_RELATIONSHIPS).example("?filter[user]=1234&filter[relationship]=subordinate&page[limit]=20").error_codes(&[Code::InvalidCursor, Code::NotAdmin]),
    operation("POST", EDGES, "createUserRelationship", RELATIONSHIPS, "Create a relationship", Success::Created("UserRelationshipDocument"))
        .description("Without `relationships.user`, the caller is the owner. Only admins can create relationships of other owners. The target need not agree. The rules of the type apply.")
        .query(parameters::ONE_RELATIONSHIP).body("NewUserRelationship", examples::new_relationship)
        .error_codes(&[Code::NotOwner, Code::ClientGeneratedId, Code::RelatedResourceNotFound, Code::AlreadyExists,
            Code::MissingAttribute, Code::MissingRelationship, Code::InvalidRelationship, Code::UnknownRelationship,
            Code::SelfRelationship, Code::UnknownRelationshipType, Code::NotAdmin, Code::RelationshipCycle,
            Code::TooManyRelationships, Code::RelationshipTooDeep]),
    operation("GET", EDGE, "getUserRelationship", RELATIONSHIPS, "Fetch a relationship", Success::Fetched("UserRelationshipDocument"))
        .description("`include` adds the owner and the target. Use the `ETag` with `If-Match` and `If-None-Match`.")
        .query(parameters::ONE_RELATIONSHIP).example("?include=user,target"),
    operation("PATCH", EDGE, "updateUserRelationship", RELATIONSHIPS, "Change the type of a relationship", Success::Changed("UserRelationshipDocument"))
        .description("For the owner and admins. The rules of both types apply. `user` and `target` may be sent back unchanged; other values are rejected.")
        .query(parameters::ONE_RELATIONSHIP).body("ChangedUserRelationship", examples::changed_relationship)
        .error_codes(&[Code::NotOwner, Code::ImmutableRelationship, Code::AlreadyExists, Code::IdMismatch,
            Code::InvalidRelationship, Code::UnknownRelationship, Code::UnknownRelationshipType, Code::NotAdmin,
            Code::RelationshipCycle, Code::TooManyRelationships, Code::RelationshipTooDeep]),
    operation("DELETE", EDGE, "deleteUserRelationship", RELATIONSHIPS, "Delete a relationship", Success::Deleted)
        .description("For the owner and admins, unless only admins manage relationships of its type.")
        .error_codes(&[Code::NotOwner, Code::NotAdmin]),
    operation("GET", LINKAGE, "getUserRelationshipLinkage", RELATIONSHIPS, "Fetch the identifier of the owner or the target", Success::Document("LinkageDocument"))
        .description("Only the type and the id of the user at this end: `user` is the owner, `target` the other user."),
    operation("PATCH", LINKAGE, "updateUserRelationshipLinkage", RELATIONSHIPS, "Replace the owner or the target (always fails)", Success::AlwaysFails)
        .description(FIXED).error_codes(&[Code::ImmutableRelationship]),
    operation("POST", LINKAGE, "addUserRelationshipLinkage", RELATIONSHIPS, "Add an owner or a target (always fails)", Success::AlwaysFails)
        .description(FIXED).error_codes(&[Code::ImmutableRelationship]),
    operation("DELETE", LINKAGE, "removeUserRelationshipLinkage", RELATIONSHIPS, "Remove the owner or the target (always fails)", Success::AlwaysFails)
        .description(FIXED).error_codes(&[Code::ImmutableRelationship]),
    operation("GET", END, "getUserRelationshipEnd", RELATIONSHIPS, "Fetch the owner or the target", Success::Fetched("UserDocument"))
        .description("`user` is the owner, `target` the other user.").query(parameters::ONE_USER),
    operation("PATCH", END, "updateUserRelationshipEnd", RELATIONSHIPS, "Change the owner or the target (always fails)", Success::AlwaysFails)
        .description("This URL is read-only. Use the `links.self` of the user.").error_codes(&[Code::UnsupportedUpdate]),

    operation("GET", ALL_USERS, "listUsers", USERS, "List and search users", Success::Listed("UserList"))
        .description(COUNTED).query(parameters::LIST_USERS).example("?filter[query]=virtanen&fields[users]=name,email").error_codes(&[Code::InvalidCursor]),
    operation("POST", ALL_USERS, "createUser", USERS, "Create a user (admin)", Success::Created("UserDocument"))
        .description("`email` is required and must be unique, ignoring case. The service assigns the id.")
        .query(parameters::ONE_USER).body("NewUser", examples::new_user)
        .error_codes(&[Code::NotAdmin, Code::ClientGeneratedId, Code::ImmutableRelationship, Code::EmailTaken,
            Code::MissingAttribute, Code::UnknownRelationship]),
    operation("GET", ME, "getMe", USERS, "Fetch the caller", Success::Fetched("UserDocument"))
        .description("The user of the credential. `include` adds the users with roles towards the user.").query(parameters::SHOWN_USER),
    operation("PATCH", ME, "updateMe", USERS, "Change the caller", Success::Changed("UserDocument"))
        .description(CHANGED_USER).query(parameters::ONE_USER).body("ChangedUser", examples::changed_user)
        .error_codes(&[Code::AdminOnlyAttribute, Code::ImmutableRelationship, Code::IdMismatch, Code::EmailTaken, Code::MissingAttribute, Code::UnknownRelationship]),
    operation("GET", USER, "getUser", USERS, "Fetch a user", Success::Fetched("UserDocument"))
        .description("Callers with the access level `ext` see only the users at the ends of their own relationships. For other users they get 404. `include` adds the users with roles towards the user.").query(parameters::SHOWN_USER),
    operation("PATCH", USER, "updateUser", USERS, "Change a user", Success::Changed("UserDocument"))
        .description(CHANGED_USER).query(parameters::ONE_USER).body("ChangedUser", examples::changed_user)
        .error_codes(&[Code::NotOwner, Code::AdminOnlyAttribute, Code::ImmutableRelationship, Code::IdMismatch, Code::EmailTaken, Code::MissingAttribute, Code::UnknownRelationship]),
    operation("DELETE", USER, "deleteUser", USERS, "Delete a user (admin)", Success::Deleted)
        .description("Deletes the user with all relationships in both directions, memberships and tokens. Groups of the user remain without an owner. With `transfer-to`, the relationships that target the user are handed over before, in the same transaction: the successor takes the place of the user where it is below.")
        .query(deletion_parameters::DELETED_USER)
        .error_codes(&[Code::NotAdmin, Code::OwnAccount, Code::RelatedResourceNotFound, Code::SelfRelationship, Code::UnknownRelationshipType, Code::RelationshipCycle, Code::TooManyRelationships, Code::RelationshipTooDeep, Code::TransferTooLarge]),

    operation("POST", "/api/v2/operations", "runOperations", OPERATIONS_TAG, "Apply several changes in one transaction", Success::OperationResults)
        .description("The [atomic operations extension](https://jsonapi.org/ext/atomic): `add`, `update` and `remove` of relationships and \
users, and of the roles of a user. If an operation fails, nothing is written; the response has the status of that operation and a `source` below `/atomic:operations/{n}`.")
        .atomic_body("Operations", examples::operations)
        .error_codes(&[Code::NotOwner, Code::NotAdmin, Code::AdminOnlyAttribute, Code::ClientGeneratedId, Code::ImmutableRelationship,
            Code::NotFound, Code::RelatedResourceNotFound, Code::AlreadyExists, Code::EmailTaken, Code::OwnAccount, Code::IdMismatch,
            Code::MissingAttribute, Code::MissingRelationship, Code::InvalidRelationship, Code::UnknownRelationship,
            Code::SelfRelationship, Code::UnknownRelationshipType, Code::RelationshipCycle, Code::TooManyRelationships,
            Code::RelationshipTooDeep, Code::UnsupportedUpdate]),

    operation("GET", ALL_TYPES, "listRelationshipTypes", TYPES, "List relationship types", Success::Listed("RelationshipTypeList"))
        .description("All types, sorted by name.").query(parameters::LIST_TYPES),
    operation("POST", ALL_TYPES, "createRelationshipType", TYPES, "Register a relationship type (admin)", Success::Created("RelationshipTypeDocument"))
        .description(TYPE_RULES)
        .query(parameters::ONE_USER).body("NewRelationshipType", examples::new_type)
        .error_codes(&[Code::NotAdmin, Code::AlreadyExists, Code::RoleTaken, Code::TooManyTypes, Code::MissingAttribute, Code::UnknownRelationship]),
    operation("GET", TYPE, "getRelationshipType", TYPES, "Fetch a relationship type", Success::Fetched("RelationshipTypeDocument"))
        .description("The `id` is the name, as in the attribute `relationship` of a relationship.").query(parameters::ONE_USER),
    operation("PATCH", TYPE, "updateRelationshipType", TYPES, "Change a relationship type (admin)", Success::Changed("RelationshipTypeDocument"))
        .description(CHANGED_TYPE).query(parameters::ONE_USER).body("ChangedRelationshipType", examples::changed_type)
        .error_codes(&[Code::NotAdmin, Code::IdMismatch, Code::RoleTaken, Code::RulesViolated, Code::UnknownRelationship]),
    operation("DELETE", TYPE, "deleteRelationshipType", TYPES, "Remove a relationship type (admin)", Success::Deleted)
        .description("Fails if a relationship has this type.").error_codes(&[Code::NotAdmin, Code::TypeInUse]),
];

#[rustfmt::skip]
const OF_SERVICE: &[ApiOperation] = &[
    operation("GET", "/", "getRoot", SERVICE, "Name, version and links", Success::Document("MetaDocument"))
        .description("The version, and the URLs of the API and its documentation."),
    operation("GET", "/livez", "getLiveness", SERVICE, "Liveness: whether the process responds", Success::Document("MetaDocument"))
        .description("Does not use the database."),
    operation("GET", "/readyz", "getReadiness", SERVICE, "Readiness: whether requests can be served", Success::Document("MetaDocument"))
        .description("503 while the database is unavailable, its schema is too old, or the process is shutting down.")
        .query(VERBOSE).error_codes(&[Code::Unavailable]),
    operation("GET", "/metrics", "getMetrics", SERVICE, "Metrics in the Prometheus format", Success::Text)
        .description("Does not use the database. `docs/OPERATIONS.md` lists the metrics."),
    operation("GET", "/docs", "getDocumentation", SERVICE, "API reference", Success::Page)
        .description("All requests, with a form to send each, and all error codes."),
    operation("GET", "/openapi.json", "getOpenApi", SERVICE, "This document", Success::Json)
        .description("OpenAPI 3.1. `user-relationships openapi` prints the same document."),
];

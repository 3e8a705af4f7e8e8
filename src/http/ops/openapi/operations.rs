//! Every operation in words, and what its answers depend on.

use std::sync::LazyLock;

use super::operation::{Answer, Operation, operation};
use super::{examples, groups};
use crate::http::jsonapi::query::Parameter;
use crate::http::v2::relationship_types;
use crate::http::v2::relationships;
use crate::http::v2::users;
use crate::model::code::Code;

const RELATIONSHIPS: &str = "user-relationships";
const USERS: &str = "users";
const TYPES: &str = "relationship-types";
const OPERATIONS_TAG: &str = "operations";
const SERVICE: &str = "service";

/// The groups of operations, with a sentence each.
pub const TAGS: &[(&str, &str)] = &[
    (RELATIONSHIPS, "Directed, typed relationships: a user stands in a relationship to a target."),
    (USERS, "The users at the ends of relationships."),
    (TYPES, "The names that relationships may go by."),
    (groups::TAG, groups::ABOUT),
    (OPERATIONS_TAG, "Several changes at once, all or none."),
    (SERVICE, "The service itself; open to everybody."),
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

const FIXED: &str = "The ends of a relationship are fixed: delete it and create another. Always refused.";
const COUNTED: &str = "`meta.total-count` is the exact number of rows that the filters match, whatever the page. \
Values of one filter are alternatives; filters together narrow. A value that names nothing matches nothing.";
const CHANGED_USER: &str = "Users change their own profile; `email`, `alt-id`, `is-enabled` and `access-level` are for \
admins, unless they are sent with their present value. Attributes that are left out stay, `null` clears. `type` and \
`id` may be left out.";

/// All of them.
pub static OPERATIONS: LazyLock<Vec<Operation>> =
    LazyLock::new(|| [WITHOUT_GROUPS, &groups::OF_GROUPS, &groups::OF_MEMBERS].concat());

#[rustfmt::skip]
const WITHOUT_GROUPS: &[Operation] = &[
    operation("GET", EDGES, "listUserRelationships", RELATIONSHIPS, "List relationships", Answer::Listed("UserRelationshipList"))
        .about(COUNTED).takes(relationships::LIST).tried("?filter[user]=1234&filter[relationship]=subordinate&page[limit]=20").sorted(relationships::ORDERS).may_be(&[Code::InvalidCursor]),
    operation("POST", EDGES, "createUserRelationship", RELATIONSHIPS, "Create a relationship", Answer::Created("UserRelationshipDocument"))
        .about("Without `relationships.user` the caller is the owner; only admins create for somebody else. The target is not asked.")
        .takes(relationships::ONE).sends("NewUserRelationship", examples::new_relationship)
        .may_be(&[Code::NotOwner, Code::ClientGeneratedId, Code::RelatedResourceNotFound, Code::AlreadyExists,
            Code::MissingAttribute, Code::MissingRelationship, Code::InvalidRelationship, Code::UnknownRelationship,
            Code::SelfRelationship, Code::UnknownRelationshipType]),
    operation("GET", EDGE, "getUserRelationship", RELATIONSHIPS, "Fetch a relationship", Answer::Fetched("UserRelationshipDocument"))
        .about("`include` brings the users at its ends along. Its `ETag` is for `If-Match` and `If-None-Match`.")
        .takes(relationships::ONE).tried("?include=user,target"),
    operation("PATCH", EDGE, "updateUserRelationship", RELATIONSHIPS, "Change the type of a relationship", Answer::Changed("UserRelationshipDocument"))
        .about("By its owner or an admin. The ends may be sent back as they are; other ones are refused.")
        .takes(relationships::ONE).sends("ChangedUserRelationship", examples::changed_relationship)
        .may_be(&[Code::NotOwner, Code::ImmutableRelationship, Code::AlreadyExists, Code::IdMismatch,
            Code::InvalidRelationship, Code::UnknownRelationship, Code::UnknownRelationshipType]),
    operation("DELETE", EDGE, "deleteUserRelationship", RELATIONSHIPS, "Delete a relationship", Answer::Deleted)
        .about("By its owner or an admin.").may_be(&[Code::NotOwner]),
    operation("GET", LINKAGE, "getUserRelationshipLinkage", RELATIONSHIPS, "Fetch the linkage to one end", Answer::Plain("LinkageDocument"))
        .about("The type and the id of the user at that end, and no more: `user` is the owner, `target` the other end."),
    operation("PATCH", LINKAGE, "updateUserRelationshipLinkage", RELATIONSHIPS, "Replace one end (refused)", Answer::Refused)
        .about(FIXED).may_be(&[Code::ImmutableRelationship]),
    operation("POST", LINKAGE, "addUserRelationshipLinkage", RELATIONSHIPS, "Add to one end (refused)", Answer::Refused)
        .about(FIXED).may_be(&[Code::ImmutableRelationship]),
    operation("DELETE", LINKAGE, "removeUserRelationshipLinkage", RELATIONSHIPS, "Remove from one end (refused)", Answer::Refused)
        .about(FIXED).may_be(&[Code::ImmutableRelationship]),
    operation("GET", END, "getUserRelationshipEnd", RELATIONSHIPS, "Fetch the user at one end", Answer::Fetched("UserDocument"))
        .about("`user` is the owner, `target` the other end.").takes(relationships::END),
    operation("PATCH", END, "updateUserRelationshipEnd", RELATIONSHIPS, "Change the user at one end (refused)", Answer::Refused)
        .about("Here the user can only be read; change it under its own `links.self`.").may_be(&[Code::UnsupportedUpdate]),

    operation("GET", ALL_USERS, "listUsers", USERS, "List and search users", Answer::Listed("UserList"))
        .about(COUNTED).takes(users::LIST).tried("?filter[query]=virtanen&fields[users]=name,email").sorted(users::ORDERS).may_be(&[Code::InvalidCursor]),
    operation("POST", ALL_USERS, "createUser", USERS, "Create a user (admin)", Answer::Created("UserDocument"))
        .about("`email` is required, and nobody else may have it, whatever its case. The service gives the id.")
        .takes(relationships::END).sends("NewUser", examples::new_user)
        .may_be(&[Code::NotAdmin, Code::ClientGeneratedId, Code::ImmutableRelationship, Code::EmailTaken,
            Code::MissingAttribute, Code::UnknownRelationship]),
    operation("GET", ME, "getMe", USERS, "Fetch the caller", Answer::Fetched("UserDocument"))
        .about("The user whom the credential names.").takes(relationships::END),
    operation("PATCH", ME, "updateMe", USERS, "Change the caller", Answer::Changed("UserDocument"))
        .about(CHANGED_USER).takes(relationships::END).sends("ChangedUser", examples::changed_user)
        .may_be(&[Code::AdminOnlyAttribute, Code::ImmutableRelationship, Code::IdMismatch, Code::EmailTaken, Code::UnknownRelationship]),
    operation("GET", USER, "getUser", USERS, "Fetch a user", Answer::Fetched("UserDocument"))
        .about("Callers of the level `ext` see the users at the ends of their own relationships; all others are 404 to them.").takes(relationships::END),
    operation("PATCH", USER, "updateUser", USERS, "Change a user", Answer::Changed("UserDocument"))
        .about(CHANGED_USER).takes(relationships::END).sends("ChangedUser", examples::changed_user)
        .may_be(&[Code::NotOwner, Code::AdminOnlyAttribute, Code::ImmutableRelationship, Code::IdMismatch, Code::EmailTaken, Code::UnknownRelationship]),
    operation("DELETE", USER, "deleteUser", USERS, "Delete a user (admin)", Answer::Deleted)
        .about("With its relationships in both directions, its memberships and its tokens. Groups that it owned stay without an owner.").may_be(&[Code::NotAdmin, Code::OwnAccount]),

    operation("POST", "/api/v2/operations", "runOperations", OPERATIONS_TAG, "Run several changes, all or none", Answer::Operated)
        .about("The [atomic operations extension](https://jsonapi.org/ext/atomic): `add`, `update` and `remove` of relationships and \
users. The first operation that fails is answered with its own status and a `source` below `/atomic:operations/{n}`, and nothing is written.")
        .sends_operations("Operations", examples::operations)
        .may_be(&[Code::NotOwner, Code::NotAdmin, Code::AdminOnlyAttribute, Code::ClientGeneratedId, Code::ImmutableRelationship,
            Code::NotFound, Code::RelatedResourceNotFound, Code::AlreadyExists, Code::EmailTaken, Code::OwnAccount, Code::IdMismatch,
            Code::MissingAttribute, Code::MissingRelationship, Code::InvalidRelationship, Code::UnknownRelationship,
            Code::SelfRelationship, Code::UnknownRelationshipType]),

    operation("GET", ALL_TYPES, "listRelationshipTypes", TYPES, "List relationship types", Answer::Listed("RelationshipTypeList"))
        .about("All of them, in the order of their names.").takes(relationship_types::LIST),
    operation("POST", ALL_TYPES, "createRelationshipType", TYPES, "Register a relationship type (admin)", Answer::Created("RelationshipTypeDocument"))
        .about("The `id`, which the client gives here, is the name.")
        .takes(relationships::END).sends("NewRelationshipType", examples::new_type)
        .may_be(&[Code::NotAdmin, Code::AlreadyExists, Code::TooManyTypes, Code::MissingAttribute, Code::UnknownRelationship]),
    operation("GET", TYPE, "getRelationshipType", TYPES, "Fetch a relationship type", Answer::Fetched("RelationshipTypeDocument"))
        .about("Its `id` is its name, as in `relationship` of a relationship.").takes(relationships::END),
    operation("PATCH", TYPE, "updateRelationshipType", TYPES, "Describe a relationship type (admin)", Answer::Changed("RelationshipTypeDocument"))
        .about("Its `description`; the name stays.").takes(relationships::END).sends("ChangedRelationshipType", examples::changed_type)
        .may_be(&[Code::NotAdmin, Code::IdMismatch, Code::UnknownRelationship]),
    operation("DELETE", TYPE, "deleteRelationshipType", TYPES, "Remove a relationship type (admin)", Answer::Deleted)
        .about("Only one that no relationship has.").may_be(&[Code::NotAdmin, Code::TypeInUse]),

    operation("GET", "/", "getRoot", SERVICE, "What this is, and where to go", Answer::Plain("MetaDocument"))
        .about("The version, and the URLs of the API and of its description."),
    operation("GET", "/livez", "getLiveness", SERVICE, "Whether the process answers", Answer::Plain("MetaDocument"))
        .about("Never touches the database."),
    operation("GET", "/readyz", "getReadiness", SERVICE, "Whether requests can be served", Answer::Plain("MetaDocument"))
        .about("503 while the database is away, its schema is older than the program, or the process is about to end.")
        .takes(&[Parameter::new("verbose")]).may_be(&[Code::Unavailable]),
    operation("GET", "/metrics", "getMetrics", SERVICE, "What Prometheus reads", Answer::Text)
        .about("Never touches the database. `docs/OPERATIONS.md` lists the metrics."),
    operation("GET", "/docs", "getDocumentation", SERVICE, "This API for people", Answer::Page)
        .about("Every request with a form to try it, and every error code explained."),
    operation("GET", "/openapi.json", "getOpenApi", SERVICE, "This document", Answer::Json)
        .about("OpenAPI 3.1. `user-relationships openapi` prints the same."),
];

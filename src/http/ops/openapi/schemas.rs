//! Schemas of responses. The members come from the lists that resources are rendered from.

use serde_json::{Value, json};

use super::build::{
    ACCESS_LEVEL, ID, MANAGER, TYPE_NAME, TYPE_NAME_PATTERN, any_object, constant, document, enumeration, identifier,
    insert, linkage_document, list_document, maybe_deleted, object, one_of, optional_user_linkage, resource, schema,
    written_schema,
};
use super::relationship_types;
use crate::http::jsonapi::fields::{RelationshipField, TypeField, UserField};
use crate::http::jsonapi::problems::MOST_ERRORS;
use crate::http::jsonapi::profile::{ATOMIC, CURSOR};
use crate::http::jsonapi::resources::{RELATIONSHIP_TYPES, USER_RELATIONSHIPS, USERS};
use crate::model::code::Code;
use crate::model::manager::Manager;
use crate::model::relationship::EdgeAttribute;
use crate::model::user::{AccessLevel, Field};

/// The schemas of everything but groups, requests and forms.
pub fn parts() -> [Value; 4] {
    [primitives(), resources(), documents(), errors()]
}

fn primitives() -> Value {
    json!({
        ID: { "type": "string", "pattern": "^[1-9][0-9]{0,18}$", "description": "A positive 64-bit integer in decimal notation", "examples": ["1234"] },
        TYPE_NAME: { "type": "string", "pattern": TYPE_NAME_PATTERN, "examples": ["subordinate"] },
        "Time": {
            "type": "string",
            "description": "RFC 2822 with a numeric offset, in the configured time zone",
            "pattern": "^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}$",
            "examples": ["Tue, 03 Jun 2014 12:28:56 +0300"],
        },
        "Url": { "type": "string", "format": "uri-reference" },
        "JsonApi": object(&["version"], json!({
            "version": constant("1.1"),
            "ext": { "type": "array", "items": constant(ATOMIC) },
            "profile": { "type": "array", "items": constant(CURSOR) },
        })),
        ACCESS_LEVEL: enumeration(AccessLevel::ALL.map(AccessLevel::name)),
        MANAGER: enumeration(Manager::ALL.map(Manager::name)),
        "UserIdentifier": identifier(USERS),
        "ResourceLinks": object(&["self"], json!({ "self": schema("Url") })),
        "ResourceMeta": object(&[], json!({
            "page": object(&["cursor"], json!({ "cursor": { "type": "string" } })),
            "user-relationship": schema(ID),
            "is-deleted": { "type": "boolean", "description": "`true` for a user of a list at a moment who does not exist any more. It has no attributes and no links" },
        })),
        "LinkageLinks": object(&["self", "related"], json!({ "self": schema("Url"), "related": schema("Url") })),
        "RelatedLink": object(&["related"], json!({ "related": schema("Url") })),
        "LinkObject": object(&["href", "type"], json!({ "href": schema("Url"), "type": { "type": "string" } })),
    })
}

fn resources() -> Value {
    // A deleted relationship has no links.
    let end = object(&["data"], json!({ "data": schema("UserIdentifier"), "links": schema("LinkageLinks") }));
    let author = optional_user_linkage();
    let link = |name: &str| if matches!(name, "created-by" | "updated-by") { author.clone() } else { end.clone() };
    let related = object(&["links"], json!({ "links": schema("RelatedLink") }));
    json!({
        "UserRelationship": maybe_deleted(resource::<RelationshipField>(USER_RELATIONSHIPS, ID, link, written_schema::<EdgeAttribute>)),
        "User": maybe_deleted(resource::<UserField>(USERS, ID, |_| related.clone(), |name| match name {
            "is-supervisor" => json!({ "type": "boolean", "description": "Whether the user is the target of a `subordinate` relationship" }),
            "name" => json!({ "type": ["string", "null"], "description": "First and last name" }),
            name => written_schema::<Field>(name),
        })),
        "RelationshipType": resource::<TypeField>(RELATIONSHIP_TYPES, TYPE_NAME, |_| Value::Null, relationship_types::attribute),
    })
}

fn documents() -> Value {
    let page = json!({ "type": ["string", "null"], "format": "uri-reference" });
    let this = one_of(&["Url", "LinkObject"]);
    let one = |name: &str| document(schema(name), &["User"]);
    let list = |name: &str| list_document(name, &["User"]);
    json!({
        "PageLinks": object(&["self", "first", "last", "prev", "next"], json!({
            "self": this, "related": schema("Url"), "first": page, "last": page, "prev": page, "next": page,
        })),
        "ListMeta": object(&["total-count"], json!({
            "total-count": { "type": "integer", "minimum": 0 },
            "as-of": { "type": "string", "format": "date-time", "description": "The moment of a list with `filter[as-of]`" },
            "page": object(&["total"], json!({ "total": { "type": "integer", "minimum": 0 }, "rangeTruncated": { "type": "boolean", "description": "`true` if the range has more resources than the page" } })),
        })),
        "UserRelationshipDocument": one("UserRelationship"),
        "UserRelationshipList": list("UserRelationship"),
        "UserDocument": one("User"),
        "UserList": list("User"),
        "RelationshipTypeDocument": one("RelationshipType"),
        "RelationshipTypeList": list("RelationshipType"),
        "LinkageDocument": linkage_document(schema("UserIdentifier"), schema("LinkageLinks")),
        "MetaDocument": object(&["jsonapi", "meta"], json!({
            "jsonapi": schema("JsonApi"),
            "links": { "type": "object", "additionalProperties": schema("Url") },
            "meta": any_object("Depends on the request"),
        })),
        "OperationResults": object(&["jsonapi", "atomic:results"], json!({
            "jsonapi": schema("JsonApi"),
            "atomic:results": { "type": "array", "items": schema("OperationResult") },
        })),
        "OperationResult": object(&[], json!({ "data": one_of(&["UserRelationship", "User"]) })),
        "OpenApiDocument": any_object("This document"),
    })
}

fn errors() -> Value {
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
    let statuses: std::collections::BTreeSet<_> = Code::ALL.iter().map(|code| code.status().to_string()).collect();
    let text = json!({ "type": "string" });
    let mut source = object(&[], json!({ "pointer": text, "parameter": text, "header": text }));
    let mut meta = any_object("Depends on the code");
    insert(&mut meta, "properties", relationship_types::error_meta());
    insert(&mut source, "minProperties", 1);
    insert(&mut source, "maxProperties", 1);
    json!({
        "ErrorCode": { "type": "string", "enum": codes, "description": "Stable identifier, explained at `/docs#{code}`" },
        "RuleViolation": relationship_types::rule_violation(),
        "ErrorDocument": object(&["jsonapi", "errors"], json!({
            "jsonapi": schema("JsonApi"),
            "errors": { "type": "array", "minItems": 1, "maxItems": MOST_ERRORS, "items": schema("Error") },
            "meta": object(&["more"], json!({
                "more": { "type": "integer", "minimum": 1, "description": "Number of further errors that are not listed" },
            })),
        })),
        "Error": object(&["id", "status", "code", "title", "detail", "links"], json!({
            "id": { "type": "string", "description": "The id of the request" },
            "status": enumeration(statuses),
            "code": schema("ErrorCode"),
            "title": { "type": "string", "description": "Summary of the code, the same in every response" },
            "detail": { "type": "string", "description": "What is wrong in this request, and how to fix it" },
            "source": source,
            "links": object(&["type"], json!({ "type": schema("Url"), "about": schema("Url") })),
            "meta": meta,
        })),
    })
}

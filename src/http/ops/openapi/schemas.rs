//! Schemas of responses. The members come from the lists that resources are rendered from.

use serde_json::{Value, json};

use super::build::{
    ID, TYPE_NAME, document, identifier, linkage_document, list_document, object, resource, schema, user_field_schema,
};
use crate::http::jsonapi::fields::{RelationshipField, TypeField, UserField};
use crate::http::jsonapi::problems::MOST_ERRORS;
use crate::http::jsonapi::profile::{ATOMIC, CURSOR};
use crate::http::jsonapi::resources::{RELATIONSHIP_TYPES, USER_RELATIONSHIPS, USERS};
use crate::model::code::Code;
use crate::model::user::Field;

/// The schemas of everything but groups, requests and forms.
pub fn parts() -> [Value; 4] {
    [primitives(), resources(), documents(), errors()]
}

fn primitives() -> Value {
    json!({
        ID: { "type": "string", "pattern": "^[1-9][0-9]{0,18}$", "description": "A positive 64-bit integer in decimal notation", "examples": ["1234"] },
        TYPE_NAME: { "type": "string", "pattern": "^[a-z][a-z0-9-]{0,63}$", "examples": ["subordinate"] },
        "Time": {
            "type": "string",
            "description": "RFC 2822 with a numeric offset, in the configured time zone",
            "pattern": "^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}$",
            "examples": ["Tue, 03 Jun 2014 12:28:56 +0300"],
        },
        "Url": { "type": "string", "format": "uri-reference" },
        "JsonApi": object(&["version"], json!({
            "version": { "const": "1.1" },
            "ext": { "type": "array", "items": { "const": ATOMIC } },
            "profile": { "type": "array", "items": { "const": CURSOR } },
        })),
        "UserIdentifier": identifier(USERS),
    })
}

fn resources() -> Value {
    let end = object(&["data", "links"], json!({ "data": schema("UserIdentifier"), "links": linkage_links() }));
    let related = object(&["links"], json!({ "links": object(&["related"], json!({ "related": schema("Url") })) }));
    json!({
        "UserRelationship": resource::<RelationshipField>(USER_RELATIONSHIPS, ID, |_| end.clone(), |_| schema(TYPE_NAME)),
        "User": resource::<UserField>(USERS, ID, |_| related.clone(), |name| match (Field::of_member(name), name) {
            (Some(field), _) => user_field_schema(field.kind()),
            (None, "is-supervisor") => json!({ "type": "boolean", "description": "Whether the user is the target of a `subordinate` relationship" }),
            (None, _) => json!({ "type": ["string", "null"], "description": "First and last name" }),
        }),
        "RelationshipType": resource::<TypeField>(RELATIONSHIP_TYPES, TYPE_NAME, |_| Value::Null, |_| json!({ "type": ["string", "null"] })),
    })
}

/// The links of a relationship.
fn linkage_links() -> Value {
    object(&["self", "related"], json!({ "self": schema("Url"), "related": schema("Url") }))
}

fn documents() -> Value {
    let page = json!({ "type": ["string", "null"], "format": "uri-reference" });
    let this = json!({ "oneOf": [schema("Url"), object(&["href", "type"], json!({ "href": schema("Url"), "type": { "type": "string" } }))] });
    let one = |name: &str| document(schema(name), &["User"]);
    let list = |name: &str| list_document(name, &["User"]);
    let result = object(&[], json!({ "data": { "oneOf": [schema("UserRelationship"), schema("User")] } }));
    json!({
        "PageLinks": object(&["self", "first", "last", "prev", "next"], json!({
            "self": this, "first": page, "last": page, "prev": page, "next": page,
        })),
        "ListMeta": object(&["total-count"], json!({
            "total-count": { "type": "integer", "minimum": 0 },
            "page": object(&["total"], json!({ "total": { "type": "integer", "minimum": 0 }, "rangeTruncated": { "const": true } })),
        })),
        "UserRelationshipDocument": one("UserRelationship"),
        "UserRelationshipList": list("UserRelationship"),
        "UserDocument": one("User"),
        "UserList": list("User"),
        "RelationshipTypeDocument": one("RelationshipType"),
        "RelationshipTypeList": list("RelationshipType"),
        "LinkageDocument": linkage_document(schema("UserIdentifier"), linkage_links()),
        "MetaDocument": object(&["jsonapi", "meta"], json!({
            "jsonapi": schema("JsonApi"),
            "links": { "type": "object", "additionalProperties": schema("Url") },
            "meta": { "type": "object" },
        })),
        "OperationResults": object(&["jsonapi", "atomic:results"], json!({
            "jsonapi": schema("JsonApi"),
            "atomic:results": { "type": "array", "items": result },
        })),
    })
}

fn errors() -> Value {
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
    let statuses: std::collections::BTreeSet<_> = Code::ALL.iter().map(|code| code.status().to_string()).collect();
    let text = json!({ "type": "string" });
    let source = |name: &str| object(&[name], json!({ name: text }));
    json!({
        "ErrorCode": { "enum": codes, "description": "Stable identifier, explained at `/docs#{code}`" },
        "ErrorDocument": object(&["jsonapi", "errors"], json!({
            "jsonapi": schema("JsonApi"),
            "errors": { "type": "array", "minItems": 1, "maxItems": MOST_ERRORS, "items": schema("Error") },
            "meta": object(&["more"], json!({
                "more": { "type": "integer", "minimum": 1, "description": "Number of further errors that are not listed" },
            })),
        })),
        "Error": object(&["id", "status", "code", "title", "detail", "links"], json!({
            "id": { "type": "string", "description": "The id of the request" },
            "status": { "enum": statuses },
            "code": schema("ErrorCode"),
            "title": { "type": "string", "description": "Summary of the code, the same in every response" },
            "detail": { "type": "string", "description": "What is wrong in this request, and how to fix it" },
            "source": { "oneOf": [source("pointer"), source("parameter"), source("header")] },
            "links": object(&["type"], json!({ "type": schema("Url"), "about": schema("Url") })),
            "meta": { "type": "object" },
        })),
    })
}

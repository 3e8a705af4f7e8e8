//! Example bodies of requests, each of which a test sends, and of errors.

use serde_json::{Map, Value, json};

use super::build::insert;
use crate::http::jsonapi::resources::{RELATIONSHIP_TYPES, USER_RELATIONSHIPS, USERS};
use crate::http::jsonapi::transfer_resource::TRANSFERS;
use crate::http::urls;
use crate::model::code::Code;
use crate::model::rules::{MAX_DEPTH, MAX_VISITED};

/// The relationship of Skillhive's own examples.
pub const RELATIONSHIP: &str = "12345";
/// Its owner.
pub const USER: &str = "1234";
/// Its target.
pub const TARGET: &str = "9876";
/// A type that every database has.
pub const TYPE: &str = "mentor";

fn user(id: &str) -> Value {
    json!({ "data": { "type": USERS, "id": id } })
}

pub fn new_relationship() -> Value {
    json!({ "data": {
        "type": USER_RELATIONSHIPS,
        "attributes": { "relationship": "subordinate" },
        "relationships": { "user": user(USER), "target": user(TARGET) },
    } })
}

pub fn changed_relationship() -> Value {
    json!({ "data": { "type": USER_RELATIONSHIPS, "id": RELATIONSHIP, "attributes": { "relationship": "colleague" } } })
}

pub fn new_transfer() -> Value {
    json!({ "data": {
        "type": TRANSFERS,
        "attributes": { "relationship": TYPE, "take-place": true },
        "relationships": { "from": user(USER), "to": user(TARGET) },
    } })
}

pub fn new_user() -> Value {
    json!({ "data": { "type": USERS, "attributes": {
        "email": "aino.virtanen@example.com",
        "first-name": "Aino",
        "last-name": "Virtanen",
        "job-title": ["Platform engineer"],
        "location": ["Tampere"],
    } } })
}

pub fn changed_user() -> Value {
    json!({ "data": { "attributes": { "description": "Asks questions first", "phone": ["+358 40 1234567"] } } })
}

pub fn new_type() -> Value {
    json!({ "data": {
        "type": RELATIONSHIP_TYPES,
        "id": "sponsor",
        "attributes": {
            "description": "The target sponsors the user",
            "user-role": "proteges",
            "target-role": "sponsors",
            "is-acyclic": true,
            "max-per-user": 3,
        },
    } })
}

pub fn changed_type() -> Value {
    json!({ "data": { "type": RELATIONSHIP_TYPES, "id": TYPE, "attributes": { "description": "The target teaches the user", "max-per-user": 5 } } })
}

pub fn operations() -> Value {
    json!({ "atomic:operations": [
        { "op": "add", "data": { "type": USERS, "lid": "new", "attributes": { "email": "ben.okafor@example.com" } } },
        { "op": "add", "data": {
            "type": USER_RELATIONSHIPS,
            "attributes": { "relationship": "subordinate" },
            "relationships": {
                "user": { "data": { "type": USERS, "lid": "new" } },
                "target": user(TARGET),
            },
        } },
    ] })
}

/// Errors about the roles and rules of relationship types, by code.
pub fn rule_errors() -> Value {
    let attribute = |name: &str| format!("/data/attributes/{name}");
    let target = "/data/relationships/target/data";
    let all = [
        (
            Code::RoleTaken,
            "`mentors` is the `target-role` of the relationship type `mentor`; choose another name, or change that role",
            attribute("target-role"),
            json!({}),
        ),
        (
            Code::RulesViolated,
            "2 users own more than 1 of these relationships; delete those above the limit",
            attribute("max-per-user"),
            json!({ "count": 2, "examples": [USER, TARGET] }),
        ),
        (
            Code::RelationshipCycle,
            "user 9876 already leads back to user 1234 along `subordinate` relationships",
            target.to_owned(),
            json!({ "path": [USER, TARGET, USER] }),
        ),
        (
            Code::TooManyRelationships,
            "the user owns 1 `subordinate` relationships, which is the most that it may; delete one of them first",
            target.to_owned(),
            json!({ "max": 1, "existing-ids": [RELATIONSHIP] }),
        ),
        (
            Code::RelationshipTooDeep,
            "a path of more than 64 `subordinate` relationships would result",
            target.to_owned(),
            json!({ "max-depth": MAX_DEPTH, "max-visited": MAX_VISITED }),
        ),
    ];
    all.into_iter()
        .map(|(code, detail, pointer, meta)| rule_error(code, detail, &pointer, &meta))
        .collect::<Map<_, _>>()
        .into()
}

fn rule_error(code: Code, detail: &str, pointer: &str, meta: &Value) -> (String, Value) {
    let mut error = json!({
        "id": "73aa7977ca6c1dc6-00000020",
        "status": code.status().to_string(),
        "code": code.name(),
        "title": code.title(),
        "detail": detail,
        "source": { "pointer": pointer },
        "links": { "type": urls::error_documentation(code) },
    });
    if meta.as_object().is_some_and(|members| !members.is_empty()) {
        insert(&mut error, "meta", meta.clone());
    }
    (code.name().to_owned(), json!({ "value": { "jsonapi": { "version": "1.1" }, "errors": [error] } }))
}

//! Example bodies. A test sends each of them.

use serde_json::{Value, json};

use crate::http::jsonapi::resources::{RELATIONSHIP_TYPES, USER_RELATIONSHIPS, USERS};

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

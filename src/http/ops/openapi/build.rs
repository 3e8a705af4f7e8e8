//! Builders of schemas, which the tables of this folder are written with.

use serde_json::{Map, Value, json};

use crate::model::user::{AccessLevel, Kind};

/// The schema of an id.
pub const ID: &str = "Id";
/// The schema of the name of a relationship type.
pub const TYPE_NAME: &str = "RelationshipTypeName";

/// Refers to a component.
pub fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

/// Refers to a schema.
pub fn schema(name: &str) -> Value {
    reference("schemas", name)
}

/// Gives an object one more member.
pub fn set(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value.into());
    }
}

/// An object with these members.
#[expect(clippy::needless_pass_by_value, reason = "reads better around `json!`")]
pub fn object(required: &[&str], properties: Value) -> Value {
    json!({ "type": "object", "required": required, "properties": properties })
}

/// A resource object as it is shown. Which members are there is for `fields[…]` to say.
pub fn resource(
    kind: &str,
    id: &str,
    fields: &[&str],
    links: &[&str],
    link: impl Fn(&str) -> Value,
    attribute: impl Fn(&str) -> Value,
) -> Value {
    let (mut attributes, mut relationships) = (Map::new(), Map::new());
    for name in fields {
        match *name {
            "created-at" | "updated-at" => drop(attributes.insert((*name).to_owned(), schema("Time"))),
            name if links.contains(&name) => drop(relationships.insert(name.to_owned(), link(name))),
            name => drop(attributes.insert(name.to_owned(), attribute(name))),
        }
    }
    let mut members = json!({
        "type": { "const": kind },
        "id": schema(id),
        "attributes": { "type": "object", "properties": attributes },
        "links": object(&["self"], json!({ "self": schema("Url") })),
        "meta": object(&["page"], json!({ "page": object(&["cursor"], json!({ "cursor": { "type": "string" } })) })),
    });
    if !relationships.is_empty() {
        set(&mut members, "relationships", json!({ "type": "object", "properties": relationships }));
    }
    object(&["type", "id", "links"], members)
}

/// What a field of a user is shown as.
pub fn shown(kind: Kind) -> Value {
    match kind {
        Kind::Text { .. } => json!({ "type": ["string", "null"] }),
        Kind::Email => json!({ "type": "string" }),
        Kind::List => json!({ "type": "array", "items": { "type": "string" } }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Level => json!({ "enum": AccessLevel::ALL.map(AccessLevel::name) }),
    }
}

pub fn list(items: &Value, most: usize) -> Value {
    json!({ "type": "array", "items": items, "minItems": 1, "maxItems": most })
}

/// A list of values of which there are only a few: those sent twice count once, so it may be of any length.
pub fn some(items: &Value) -> Value {
    json!({ "type": "array", "items": items, "minItems": 1 })
}

fn included(names: &[&str]) -> Value {
    let schemas: Vec<_> = names.iter().map(|name| schema(name)).collect();
    json!({ "type": "array", "items": { "oneOf": schemas } })
}

/// A document of one resource; what these schemas describe may come along.
#[expect(clippy::needless_pass_by_value, reason = "reads better around `schema`")]
pub fn document(data: Value, companions: &[&str]) -> Value {
    object(
        &["jsonapi", "data"],
        json!({ "jsonapi": schema("JsonApi"), "data": data, "included": included(companions) }),
    )
}

/// A page of a list; what these schemas describe may come along.
pub fn list_document(name: &str, companions: &[&str]) -> Value {
    object(
        &["jsonapi", "data", "links", "meta"],
        json!({
            "jsonapi": schema("JsonApi"),
            "data": { "type": "array", "items": schema(name) },
            "included": included(companions),
            "links": schema("PageLinks"),
            "meta": schema("ListMeta"),
        }),
    )
}

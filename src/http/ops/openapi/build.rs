//! Builders of schemas.

use serde_json::{Map, Value, json};

use crate::http::jsonapi::fields::{self, ResourceField};
use crate::model::attributes::Attribute;
use crate::model::field::FieldKind;

/// The name of the schema of an id.
pub const ID: &str = "Id";
/// The name of the schema of the name of a relationship type.
pub const TYPE_NAME: &str = "RelationshipTypeName";

/// The pattern of the name of a relationship type, and of a role.
pub const TYPE_NAME_PATTERN: &str = "^[a-z][a-z0-9-]{0,63}$";
/// The name of the schema of an access level.
pub const ACCESS_LEVEL: &str = "AccessLevel";
/// The name of the schema of who manages the relationships of a type.
pub const MANAGER: &str = "RelationshipManager";

/// A reference to a component.
pub fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

/// A reference to a schema.
pub fn schema(name: &str) -> Value {
    reference("schemas", name)
}

/// Inserts a member into an object.
pub fn insert(object: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value.into());
    }
}

/// A string that must be this value.
pub fn constant(value: &str) -> Value {
    json!({ "type": "string", "const": value })
}

/// A string that must be one of these values.
pub fn enumeration(values: impl IntoIterator<Item: Into<Value>>) -> Value {
    let values: Vec<Value> = values.into_iter().map(Into::into).collect();
    json!({ "type": "string", "enum": values })
}

/// A member that must be omitted. It is not `false`, which is a valid schema, because generators reject it.
pub fn forbidden(description: &str) -> Value {
    json!({ "not": {}, "description": description })
}

/// An object with these members.
#[expect(clippy::needless_pass_by_value, reason = "reads better around `json!`")]
pub fn object(required: &[&str], properties: Value) -> Value {
    json!({ "type": "object", "required": required, "properties": properties })
}

/// The linkage of a user, without links.
pub fn user_linkage() -> Value {
    object(&["data"], json!({ "data": schema("UserIdentifier") }))
}

/// The linkage of a user or of none, without links.
pub fn optional_user_linkage() -> Value {
    object(&["data"], json!({ "data": { "oneOf": [schema("UserIdentifier"), { "type": "null" }] } }))
}

/// An object with any members. Without `additionalProperties`, generators describe one without members.
pub fn any_object(description: &str) -> Value {
    json!({ "type": "object", "description": description, "additionalProperties": true })
}

/// A resource identifier object.
pub fn identifier(kind: &str) -> Value {
    object(&["type", "id"], json!({ "type": constant(kind), "id": schema(ID) }))
}

/// A document with the identifier of a related resource.
#[expect(clippy::needless_pass_by_value, reason = "reads better around `schema`")]
pub fn linkage_document(data: Value, links: Value) -> Value {
    object(&["jsonapi", "data", "links"], json!({ "jsonapi": schema("JsonApi"), "data": data, "links": links }))
}

/// A resource object of a response. No attribute or relationship is required, because `fields[…]` selects them.
pub fn resource<F: ResourceField>(
    kind: &str,
    id: &str,
    link: impl Fn(&str) -> Value,
    attribute: impl Fn(&str) -> Value,
) -> Value {
    let (mut attributes, mut relationships) = (Map::new(), Map::new());
    let links = fields::relationship_names::<F>();
    for name in fields::names::<F>() {
        match name {
            "created-at" | "updated-at" => drop(attributes.insert(name.to_owned(), schema("Time"))),
            name if links.contains(&name) => drop(relationships.insert(name.to_owned(), link(name))),
            name => drop(attributes.insert(name.to_owned(), attribute(name))),
        }
    }
    let mut members = json!({
        "type": constant(kind),
        "id": schema(id),
        "attributes": { "type": "object", "properties": attributes },
        "links": schema("ResourceLinks"),
        "meta": schema("ResourceMeta"),
    });
    if !relationships.is_empty() {
        insert(&mut members, "relationships", json!({ "type": "object", "properties": relationships }));
    }
    object(&["type", "id", "links"], members)
}

/// The same resource object in lists at a moment as well, where one that does not exist any more has no links.
pub fn maybe_deleted(mut resource: Value) -> Value {
    insert(&mut resource, "required", json!(["type", "id"]));
    resource
}

/// The schema of an attribute in responses, if clients can write it.
pub fn written_schema<A: Attribute>(name: &str) -> Value {
    A::of_member(name).map_or(Value::Null, |attribute| kind_schema(attribute.kind()))
}

/// The schema of the values of a kind in responses.
pub fn kind_schema(kind: FieldKind) -> Value {
    match kind {
        FieldKind::Text { .. } => json!({ "type": ["string", "null"] }),
        FieldKind::Email => json!({ "type": "string" }),
        FieldKind::List => json!({ "type": "array", "items": { "type": "string" } }),
        FieldKind::Flag => json!({ "type": "boolean" }),
        FieldKind::Level => schema(ACCESS_LEVEL),
        FieldKind::TypeName => schema(TYPE_NAME),
        FieldKind::Role => json!({ "type": ["string", "null"], "pattern": TYPE_NAME_PATTERN }),
        FieldKind::Integer { min, max } => json!({ "type": ["integer", "null"], "minimum": min, "maximum": max }),
        FieldKind::Manager => schema(MANAGER),
    }
}

/// An array of 1 to `most` items.
pub fn list(items: &Value, most: usize) -> Value {
    json!({ "type": "array", "items": items, "minItems": 1, "maxItems": most })
}

/// An array of at least one item. It has no maximum, because repeated values count once.
pub fn non_empty_array(items: &Value) -> Value {
    json!({ "type": "array", "items": items, "minItems": 1 })
}

fn included(names: &[&str]) -> Value {
    let items = match names {
        [name] => schema(name),
        _ => one_of(names),
    };
    json!({ "type": "array", "items": items })
}

/// A value of exactly one of these schemas.
pub fn one_of(names: &[&str]) -> Value {
    let schemas: Vec<_> = names.iter().map(|name| schema(name)).collect();
    json!({ "oneOf": schemas })
}

/// A document of one resource; resources of these schemas may be included.
#[expect(clippy::needless_pass_by_value, reason = "reads better around `schema`")]
pub fn document(data: Value, includable: &[&str]) -> Value {
    object(
        &["jsonapi", "data"],
        json!({ "jsonapi": schema("JsonApi"), "data": data, "included": included(includable) }),
    )
}

/// A page of a list; resources of these schemas may be included.
pub fn list_document(name: &str, includable: &[&str]) -> Value {
    object(
        &["jsonapi", "data", "links", "meta"],
        json!({
            "jsonapi": schema("JsonApi"),
            "data": { "type": "array", "items": schema(name) },
            "included": included(includable),
            "links": schema("PageLinks"),
            "meta": schema("ListMeta"),
        }),
    )
}

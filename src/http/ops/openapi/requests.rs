//! Schemas of request documents. They describe exactly what is accepted.

use serde_json::{Map, Value, json};

use super::build::{ID, TYPE_NAME, insert, object, schema, user_field_schema};
use crate::domain::relationship_types::MAX_DESCRIPTION_CHARS;
use crate::http::jsonapi::atomic;
use crate::http::jsonapi::resources::{RELATIONSHIP_TYPES, USER_RELATIONSHIPS, USERS};
use crate::model::relationship::End;
use crate::model::user::{
    self, COMPUTED_ATTRIBUTES, Field, FieldKind, MAX_EMAIL_BYTES, MAX_ITEM_CHARS, MAX_LIST_ITEMS,
};

/// Any string without U+0000.
const TEXT: &str = "^[^\\u0000]*$";

/// Attributes that the service sets.
const TIMES: [&str; 2] = ["created-at", "updated-at"];

/// An object that rejects unknown members, except names that begin with `@`, which are ignored.
fn closed(required: &[&str], properties: Map<String, Value>) -> Value {
    let mut closed = object(required, properties.into());
    insert(&mut closed, "patternProperties", json!({ "^@": {} }));
    insert(&mut closed, "additionalProperties", false);
    closed
}

/// Adds the members that are ignored because the service sets them.
fn with_ignored(
    properties: impl Iterator<Item = (&'static str, Value)>,
    ignored: &[&'static str],
) -> Map<String, Value> {
    let ignored = ignored.iter().map(|name| (*name, json!({ "description": "Ignored: the service sets it" })));
    properties.chain(ignored).map(|(name, schema)| (name.to_owned(), schema)).collect()
}

/// A request about one resource.
fn request(data: &Value) -> Value {
    object(&["data"], json!({ "data": data }))
}

/// A resource object of a request.
fn data(required: &[&str], kind: &str, id: &Value, attributes: &Value, relationships: &Value) -> Value {
    object(
        required,
        json!({ "type": { "const": kind }, "id": id, "attributes": attributes, "relationships": relationships }),
    )
}

/// Requires exactly one of two members.
fn require_one_of(schema: &mut Value, one: &str, other: &str) {
    insert(schema, "oneOf", json!([{ "required": [one] }, { "required": [other] }]));
}

fn relationship() -> Map<String, Value> {
    with_ignored([("relationship", schema(TYPE_NAME))].into_iter(), &TIMES)
}

fn user() -> Map<String, Value> {
    with_ignored(Field::ALL.into_iter().map(|field| (field.member(), sent_field_schema(field))), COMPUTED_ATTRIBUTES)
}

/// The relationships `user` and `target`, with identifiers of this schema.
fn ends(required: &[&str], identifier: &str) -> Value {
    let end = object(&["data"], json!({ "data": schema(identifier) }));
    closed(required, End::ALL.into_iter().map(|it| (it.name().to_owned(), end.clone())).collect())
}

/// The relationships of users, which may be sent back, but without `data`.
fn links() -> Value {
    let link = json!({ "not": { "required": ["data"] } });
    closed(&[], user::USER_RELATIONSHIP_MEMBERS.iter().map(|name| ((*name).to_owned(), link.clone())).collect())
}

/// All schemas of requests.
pub fn all() -> Value {
    // Clients must not send an id: the service assigns it.
    let (no_id, id, name) = (json!(false), schema(ID), schema(TYPE_NAME));
    let text = json!({ "type": ["string", "null"], "maxLength": MAX_DESCRIPTION_CHARS, "pattern": TEXT });
    let description = closed(&[], with_ignored([("description", text)].into_iter(), &TIMES));
    let of_type = data(&["type", "id"], RELATIONSHIP_TYPES, &name, &description, &closed(&[], Map::new()));
    let needed = ["type", "attributes", "relationships"];
    let mut all = json!({
        "NewUserRelationship": request(
            &data(&needed, USER_RELATIONSHIPS, &no_id, &closed(&["relationship"], relationship()), &ends(&["target"], "UserIdentifier")),
        ),
        "ChangedUserRelationship": request(
            &data(&["type", "id"], USER_RELATIONSHIPS, &id, &closed(&[], relationship()), &ends(&[], "UserIdentifier")),
        ),
        "NewUser": request(&data(&["type", "attributes"], USERS, &no_id, &closed(&["email"], user()), &links())),
        "ChangedUser": request(&data(&[], USERS, &id, &closed(&[], user()), &links())),
        "NewRelationshipType": request(&of_type),
        "ChangedRelationshipType": request(&of_type),
    });
    if let (Some(all), Value::Object(more)) = (all.as_object_mut(), atomic_operations()) {
        all.extend(more);
    }
    all
}

/// The operations of the atomic extension, with `lid` for resources that earlier operations add.
fn atomic_operations() -> Value {
    let lid = json!({ "type": "string", "description": "The local id of a resource that an earlier operation adds" });
    let local = |kind: &Value| {
        let mut local = object(&["type"], json!({ "type": kind, "id": schema(ID), "lid": lid }));
        require_one_of(&mut local, "id", "lid");
        local
    };
    let with_lid = |mut data: Value, needs_target: bool| {
        if let Some(members) = data.get_mut("properties") {
            insert(members, "lid", lid.clone());
        }
        if needs_target {
            require_one_of(&mut data, "id", "lid");
        }
        data
    };
    let (no_id, id) = (json!(false), schema(ID));
    let needed = ["type", "attributes", "relationships"];
    let new_edge = data(
        &needed,
        USER_RELATIONSHIPS,
        &no_id,
        &closed(&["relationship"], relationship()),
        &ends(&["target"], "LocalUserIdentifier"),
    );
    let new_user = data(&["type", "attributes"], USERS, &no_id, &closed(&["email"], user()), &links());
    let edge =
        data(&["type"], USER_RELATIONSHIPS, &id, &closed(&[], relationship()), &ends(&[], "LocalUserIdentifier"));
    let user = data(&["type"], USERS, &id, &closed(&[], user()), &links());
    let url = json!({ "type": "string", "format": "uri-reference", "description": "The URL of the resource, instead of `ref`" });
    let mut update = object(
        &["op", "data"],
        json!({
            "op": { "const": "update" },
            "ref": schema("OperationTarget"),
            "href": url,
            "data": { "oneOf": [with_lid(edge, true), with_lid(user, true)] },
        }),
    );
    insert(&mut update, "not", json!({ "required": ["ref", "href"] }));
    let mut remove =
        object(&["op"], json!({ "op": { "const": "remove" }, "ref": schema("OperationTarget"), "href": url }));
    require_one_of(&mut remove, "ref", "href");
    json!({
        "LocalUserIdentifier": local(&json!({ "const": USERS })),
        "OperationTarget": local(&json!({ "enum": [USER_RELATIONSHIPS, USERS] })),
        "AddOperation": object(&["op", "data"], json!({
            "op": { "const": "add" },
            "ref": false,
            "data": { "oneOf": [with_lid(new_edge, false), with_lid(new_user, false)] },
        })),
        "UpdateOperation": update,
        "RemoveOperation": remove,
        "Operations": object(&[atomic::OPERATIONS], json!({ atomic::OPERATIONS: {
            "type": "array",
            "minItems": 1,
            "maxItems": atomic::MOST,
            "items": { "oneOf": [schema("AddOperation"), schema("UpdateOperation"), schema("RemoveOperation")] },
        } })),
    })
}

fn sent_field_schema(field: Field) -> Value {
    let mut schema = match field.kind() {
        FieldKind::Text { max_chars } => json!({ "type": ["string", "null"], "maxLength": max_chars, "pattern": TEXT }),
        FieldKind::Email => json!({ "type": "string", "format": "email", "maxLength": MAX_EMAIL_BYTES }),
        FieldKind::List => {
            let item = json!({ "type": "string", "maxLength": MAX_ITEM_CHARS, "pattern": TEXT });
            json!({ "type": ["array", "null"], "maxItems": MAX_LIST_ITEMS, "items": item })
        }
        other => user_field_schema(other),
    };
    if field.is_admin_only() {
        insert(&mut schema, "description", "Only admins can change it");
    }
    schema
}

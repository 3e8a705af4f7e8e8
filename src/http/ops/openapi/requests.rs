//! Schemas of request documents. They describe exactly what is accepted.

use serde_json::{Map, Value, json};

use super::build::{
    ID, TYPE_NAME, TYPE_NAME_PATTERN, constant, enumeration, forbidden, insert, kind_schema, object, one_of, schema,
    user_linkage,
};
use super::relationship_types;
use crate::domain::accounts::CURRENT_PASSWORD;
use crate::domain::roles::MAX_MEMBERS;
use crate::http::jsonapi::atomic;
use crate::http::jsonapi::fields::{RelationshipField, ResourceField, TransferField, TypeField, UserField};
use crate::http::jsonapi::input::RESPONSE_MEMBERS;
use crate::http::jsonapi::resources::{RELATIONSHIP_TYPES, USER_RELATIONSHIPS, USERS};
use crate::http::jsonapi::transfer_resource::TRANSFERS;
use crate::model::attributes::Attribute;
use crate::model::field::{FieldKind, MAX_EMAIL_BYTES, MAX_ITEM_CHARS, MAX_LIST_ITEMS};
use crate::model::handover::TransferAttribute;
use crate::model::password::{MAX_PASSWORD_BYTES, MIN_PASSWORD_CHARS};
use crate::model::relationship::EdgeAttribute;
use crate::model::relationship::End;
use crate::model::relationship_type::TypeAttribute;
use crate::model::user::{Field, USER_RELATIONSHIP_MEMBERS};

/// Any string without U+0000.
const TEXT: &str = "^[^\\u0000]*$";

const NO_ID: &str = "Must be omitted: the service assigns the id";

/// An object that rejects unknown members, except names that begin with `@` and members that only responses have, which
/// are ignored.
pub(super) fn closed(required: &[&str], properties: Map<String, Value>) -> Value {
    let properties: Map<_, _> =
        with_ignored(std::iter::empty(), &RESPONSE_MEMBERS).into_iter().chain(properties).collect();
    let mut closed = object(required, properties.into());
    insert(&mut closed, "patternProperties", json!({ "^@": {} }));
    insert(&mut closed, "additionalProperties", false);
    closed
}

/// Adds the members that are ignored because the service sets them.
pub(super) fn with_ignored(
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
        json!({ "type": constant(kind), "id": id, "attributes": attributes, "relationships": relationships }),
    )
}

/// Requires exactly one of `id` and `lid`. Not with `oneOf`, for which generators write two classes.
fn require_id_or_lid(schema: &mut Value) {
    insert(schema, "if", json!({ "required": ["id"] }));
    insert(schema, "then", json!({ "not": { "required": ["lid"] } }));
    insert(schema, "else", json!({ "required": ["lid"] }));
}

/// The attributes of a resource in requests.
fn attributes<A: Attribute, F: ResourceField>() -> Map<String, Value> {
    let written = A::all().iter().map(|attribute| (attribute.member(), sent_kind_schema(attribute.kind())));
    with_ignored(written, F::COMPUTED)
}

fn relationship() -> Map<String, Value> {
    let authors = [RelationshipField::CreatedBy, RelationshipField::UpdatedBy].map(ResourceField::name);
    let mut attributes = attributes::<EdgeAttribute, RelationshipField>();
    attributes.extend(with_ignored(std::iter::empty(), &authors));
    attributes
}

fn user() -> Map<String, Value> {
    let written = Field::ALL.into_iter().map(|field| {
        let mut schema = sent_kind_schema(field.kind());
        if field.is_admin_only() {
            insert(&mut schema, "description", "Only admins can change it");
        }
        (field.member(), schema)
    });
    with_ignored(written, &[UserField::COMPUTED, USER_RELATIONSHIP_MEMBERS].concat())
}

/// The attributes of a user in a request that can change its password.
fn user_with_password() -> Map<String, Value> {
    let text = "Never in a response. Ends all sessions of the user";
    let own = "The password to replace: needed for the own account, and not allowed for another one";
    let mut attributes = user();
    for (name, fewest, text) in [("password", MIN_PASSWORD_CHARS, text), (CURRENT_PASSWORD, 0, own)] {
        let mut schema = json!({ "type": "string", "format": "password", "maxLength": MAX_PASSWORD_BYTES, "writeOnly": true, "description": text });
        if fewest > 0 {
            insert(&mut schema, "minLength", fewest);
            insert(&mut schema, "pattern", TEXT);
        }
        attributes.insert(name.to_owned(), schema);
    }
    attributes
}

fn relationship_type() -> Map<String, Value> {
    let mut attributes = attributes::<TypeAttribute, TypeField>();
    for attribute in TypeAttribute::ALL {
        if let Some(schema) = attributes.get_mut(attribute.member()) {
            relationship_types::describe(attribute.member(), schema);
        }
    }
    attributes
}

/// The relationships `user` and `target` of a change, with identifiers of this schema.
fn ends(identifier: &str) -> Value {
    let end = object(&["data"], json!({ "data": schema(identifier) }));
    let authors = [RelationshipField::CreatedBy, RelationshipField::UpdatedBy].map(ResourceField::name);
    let ignored = [RelationshipField::COMPUTED, &authors].concat();
    closed(&[], with_ignored(End::ALL.into_iter().map(|it| (it.name(), end.clone())), &ignored))
}

/// The relationships of a new transfer.
fn successors() -> Value {
    let user = user_linkage();
    let users = [TransferField::From, TransferField::To].map(|field| (field.name(), user.clone()));
    let ignored = [TransferField::COMPUTED, &[TransferField::Actor.name()]].concat();
    closed(&["from", "to"], with_ignored(users.into_iter(), &ignored))
}

/// The relationships of a new relationship, where `user` may be null.
fn new_ends(identifier: &str) -> Value {
    let mut ends = ends(identifier);
    insert(&mut ends, "required", json!(["target"]));
    if let Some(user) = ends.pointer_mut("/properties/user/properties") {
        let data =
            json!({ "oneOf": [schema(identifier), { "type": "null" }], "description": "Null stands for the caller" });
        insert(user, "data", data);
    }
    ends
}

/// The relationships of users, which may be sent back, but without `data`.
fn links() -> Value {
    let link = json!({ "not": { "required": ["data"] } });
    let links = USER_RELATIONSHIP_MEMBERS.iter().map(|name| (*name, link.clone()));
    closed(&[], with_ignored(links, UserField::COMPUTED))
}

/// All schemas of requests.
pub fn all() -> Value {
    let (no_id, id, name) = (forbidden(NO_ID), schema(ID), schema(TYPE_NAME));
    let of_type = data(
        &["type", "id"],
        RELATIONSHIP_TYPES,
        &name,
        &closed(&[], relationship_type()),
        &closed(&[], with_ignored(std::iter::empty(), TypeField::COMPUTED)),
    );
    let needed = ["type", "attributes", "relationships"];
    let mut all = json!({
        "NewUserRelationship": request(
            &data(&needed, USER_RELATIONSHIPS, &no_id, &closed(&["relationship"], relationship()), &new_ends("UserIdentifier")),
        ),
        "ChangedUserRelationship": request(
            &data(&["type", "id"], USER_RELATIONSHIPS, &id, &closed(&[], relationship()), &ends("UserIdentifier")),
        ),
        "NewUser": request(&data(&["type", "attributes"], USERS, &no_id, &closed(&["email"], user()), &links())),
        "ChangedUser": request(&data(&[], USERS, &id, &closed(&[], user_with_password()), &links())),
        "NewRelationshipType": request(&of_type),
        "ChangedRelationshipType": request(&of_type),
        "NewTransfer": request(&data(&needed, TRANSFERS, &no_id, &closed(&["relationship"], attributes::<TransferAttribute, TransferField>()), &successors())),
        "ListItem": { "type": "string", "maxLength": MAX_ITEM_CHARS, "pattern": TEXT },
    });
    if let (Some(all), Value::Object(more)) = (all.as_object_mut(), atomic_operations()) {
        all.extend(more);
    }
    all
}

/// The operations of the atomic extension, with `lid` for resources that earlier operations add.
fn atomic_operations() -> Value {
    let lid = json!({ "type": "string", "description": "The local id of a resource that an earlier operation adds" });
    let with_lid = |mut data: Value, needs_target: bool| {
        if let Some(members) = data.get_mut("properties") {
            insert(members, "lid", lid.clone());
        }
        if needs_target {
            require_id_or_lid(&mut data);
        }
        data
    };
    let (no_id, id) = (forbidden(NO_ID), schema(ID));
    let needed = ["type", "attributes", "relationships"];
    let new_edge = data(
        &needed,
        USER_RELATIONSHIPS,
        &no_id,
        &closed(&["relationship"], relationship()),
        &new_ends("LocalUserIdentifier"),
    );
    let new_user = data(&["type", "attributes"], USERS, &no_id, &closed(&["email"], user()), &links());
    let edge = data(&["type"], USER_RELATIONSHIPS, &id, &closed(&[], relationship()), &ends("LocalUserIdentifier"));
    let user = data(&["type"], USERS, &id, &closed(&[], user()), &links());
    let url = json!({ "type": "string", "format": "uri-reference", "description": "The URL of the resource, instead of `ref`" });
    let mut update = object(
        &["op", "data"],
        json!({
            "op": constant("update"),
            "ref": schema("OperationTarget"),
            "href": url,
            "data": one_of(&["UpdatedUserRelationship", "UpdatedUser"]),
        }),
    );
    insert(&mut update, "not", json!({ "required": ["ref", "href"] }));
    let no_role = || forbidden("Must be omitted: the operation is about the resource itself");
    let target = |member: &str, value: Value| {
        object(&["type", member], json!({ "type": schema("TargetType"), member: value, "relationship": no_role() }))
    };
    let role_target = |member: &str, value: Value| {
        let role =
            json!({ "type": "string", "pattern": TYPE_NAME_PATTERN, "description": "The role, such as `supervisor`" });
        object(
            &["type", member, "relationship"],
            json!({ "type": constant(USERS), member: value, "relationship": role }),
        )
    };
    let remove =
        |member: &str, value: Value| object(&["op", member], json!({ "op": constant("remove"), member: value }));
    json!({
        "LocalUserIdentifier": one_of(&["UserIdentifier", "UserLid"]),
        "UserLid": object(&["type", "lid"], json!({ "type": constant(USERS), "lid": lid })),
        "OperationTarget": one_of(&["TargetById", "TargetByLid"]),
        "TargetType": enumeration([USER_RELATIONSHIPS, USERS]),
        "TargetById": target("id", schema(ID)),
        "TargetByLid": target("lid", lid.clone()),
        "AddedUserRelationship": with_lid(new_edge, false),
        "AddedUser": with_lid(new_user, false),
        "UpdatedUserRelationship": with_lid(edge, true),
        "UpdatedUser": with_lid(user, true),
        "AddOperation": object(&["op", "data"], json!({
            "op": constant("add"),
            "ref": forbidden("Must be omitted to create a resource"),
            "data": one_of(&["AddedUserRelationship", "AddedUser"]),
        })),
        "UpdateOperation": update,
        "RemoveByRef": remove("ref", schema("OperationTarget")),
        "RemoveByHref": remove("href", url),
        "RoleByRef": object(&["op", "ref", "data"], json!({
            "op": schema("RoleOp"),
            "ref": schema("RoleTarget"),
            "data": schema("RoleOperationData"),
        })),
        "RoleOp": enumeration(["add", "update", "remove"]),
        "RoleTarget": one_of(&["RoleTargetById", "RoleTargetByLid"]),
        "RoleTargetById": role_target("id", schema(ID)),
        "RoleTargetByLid": role_target("lid", lid.clone()),
        "RoleOperationData": json!({ "oneOf": [
            schema("LocalUserIdentifier"),
            { "type": "array", "items": schema("LocalUserIdentifier"), "maxItems": MAX_MEMBERS },
            { "type": "null" },
        ] }),
        "AtomicOperation": one_of(&["AddOperation", "UpdateOperation", "RemoveByRef", "RemoveByHref", "RoleByRef"]),
        "Operations": object(&[atomic::OPERATIONS], json!({ atomic::OPERATIONS: {
            "type": "array",
            "minItems": 1,
            "maxItems": atomic::MOST,
            "items": schema("AtomicOperation"),
        } })),
    })
}

/// The schema of the values of a kind in requests.
fn sent_kind_schema(kind: FieldKind) -> Value {
    match kind {
        FieldKind::Text { max_chars } => json!({ "type": ["string", "null"], "maxLength": max_chars, "pattern": TEXT }),
        FieldKind::Email => json!({ "type": "string", "format": "email", "maxLength": MAX_EMAIL_BYTES }),
        FieldKind::List => {
            json!({ "type": ["array", "null"], "maxItems": MAX_LIST_ITEMS, "items": schema("ListItem") })
        }
        other => kind_schema(other),
    }
}

//! Schemas of request documents: exactly what is accepted.

use serde_json::{Map, Value, json};

use super::schemas::{ID, TYPE_NAME, object, schema, shown};
use super::set;
use crate::domain::relationship_types::LONGEST_DESCRIPTION;
use crate::domain::validation::{LONGEST_EMAIL, LONGEST_ITEM, MOST_ITEMS};
use crate::http::jsonapi::atomic;
use crate::http::jsonapi::resources::{COMPUTED, RELATIONSHIP_TYPES, USER_RELATIONSHIPS, USERS};
use crate::http::jsonapi::view::{ENDS, member_of};
use crate::model::user::{Field, Kind};

/// Any text but one with U+0000.
const TEXT: &str = "^[^\\u0000]*$";

/// A closed set of members: unknown ones are refused, but those with an `@` in front are passed over.
fn closed(required: &[&str], properties: Map<String, Value>) -> Value {
    let mut closed = object(required, properties.into());
    set(&mut closed, "patternProperties", json!({ "^@": {} }));
    set(&mut closed, "additionalProperties", false);
    closed
}

/// The properties, and those that are computed and thus ignored.
fn with_ignored(
    properties: impl Iterator<Item = (&'static str, Value)>,
    ignored: &[&'static str],
) -> Map<String, Value> {
    let ignored = ignored.iter().map(|name| (*name, json!({ "description": "Ignored: the service sets it" })));
    properties.chain(ignored).map(|(name, schema)| (name.to_owned(), schema)).collect()
}

fn request(required: &[&str], kind: &str, id: Option<&str>, attributes: &Value, relationships: Option<Value>) -> Value {
    let mut members = json!({ "type": { "const": kind }, "attributes": attributes });
    match id {
        Some(id) => set(&mut members, "id", schema(id)),
        // It would be the service's to give.
        None => set(&mut members, "id", false),
    }
    if let Some(relationships) = relationships {
        set(&mut members, "relationships", relationships);
    }
    object(&["data"], json!({ "data": object(required, members) }))
}

/// All of them.
pub fn all() -> Value {
    let times = ["created-at", "updated-at"];
    let relationship = || with_ignored([("relationship", schema(TYPE_NAME))].into_iter(), &times);
    let end = || object(&["data"], json!({ "data": schema("UserIdentifier") }));
    let ends = |required| closed(required, ENDS.iter().map(|(name, _)| ((*name).to_owned(), end())).collect());
    let user = || with_ignored(Field::ALL.into_iter().map(|field| (member_of(field), sent(field))), &COMPUTED);
    let description = || {
        let text = json!({ "type": ["string", "null"], "maxLength": LONGEST_DESCRIPTION, "pattern": TEXT });
        closed(&[], with_ignored([("description", text)].into_iter(), &times))
    };
    let subject = json!({ "type": "string", "minLength": 1 });
    let target = object(
        &["type"],
        json!({
            "type": { "enum": [USER_RELATIONSHIPS, USERS] }, "id": schema(ID), "lid": subject, "relationship": { "type": "string" },
        }),
    );
    json!({
        "NewUserRelationship": request(&["type", "attributes", "relationships"], USER_RELATIONSHIPS, None,
            &closed(&["relationship"], relationship()), Some(ends(&["target"]))),
        "ChangedUserRelationship": request(&["type", "id"], USER_RELATIONSHIPS, Some(ID), &closed(&[], relationship()), Some(ends(&[]))),
        "NewUser": request(&["type", "attributes"], USERS, None, &closed(&["email"], user()), None),
        "ChangedUser": request(&[], USERS, Some(ID), &closed(&[], user()), None),
        "NewRelationshipType": request(&["type", "id"], RELATIONSHIP_TYPES, Some(TYPE_NAME), &description(), None),
        "ChangedRelationshipType": request(&["type", "id"], RELATIONSHIP_TYPES, Some(TYPE_NAME), &description(), None),
        "Operations": object(&[atomic::OPERATIONS], json!({ atomic::OPERATIONS: {
            "type": "array", "minItems": 1, "maxItems": atomic::MOST, "items": schema("Operation"),
        } })),
        "Operation": object(&["op"], json!({
            "op": { "enum": ["add", "update", "remove"] },
            "ref": target,
            "href": { "type": "string", "format": "uri-reference", "description": "A URL of this API, instead of `ref`" },
            "data": {
                "type": "object",
                "description": "A resource object as in the requests about one resource; `lid` names what an earlier operation added",
                "properties": { "type": { "enum": [USER_RELATIONSHIPS, USERS] }, "id": schema(ID), "lid": subject },
            },
        })),
    })
}

fn sent(field: Field) -> Value {
    let mut schema = match field.kind() {
        Kind::Text { most } => json!({ "type": ["string", "null"], "maxLength": most, "pattern": TEXT }),
        Kind::Email => json!({ "type": "string", "format": "email", "maxLength": LONGEST_EMAIL }),
        Kind::List => {
            let item = json!({ "type": "string", "maxLength": LONGEST_ITEM, "pattern": TEXT });
            json!({ "type": ["array", "null"], "maxItems": MOST_ITEMS, "items": item })
        }
        other => shown(other),
    };
    if field.is_admin_only() {
        set(&mut schema, "description", "Only an admin may change it");
    }
    schema
}

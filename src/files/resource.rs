//! Converts resource objects (JSON:API 1.1, "Resource Objects") to the members of records.

use std::borrow::Cow;

use serde_json::Value;

use super::cell::{Cell, Members};
use super::document::ResourceObject;
use super::record_kind::{PROPERTIES, RecordKind};
use crate::model::group::Properties;

/// The names of resources in documents, and the kinds of their records.
const TYPES: [(&str, RecordKind); 5] = [
    ("relationship-types", RecordKind::Type),
    ("users", RecordKind::User),
    ("user-relationships", RecordKind::Relationship),
    ("groups", RecordKind::Group),
    ("group-members", RecordKind::Member),
];

/// Relationships that members of records become. Others, such as `user-relationships` of a user, have only links.
const ENDS: [&str; 4] = ["user", "target", "group", "owner"];

/// The members of the record that a resource is, and its kind. `meta.properties` of a user are its properties.
///
/// # Errors
/// What is wrong with the resource object.
pub fn members_of(mut resource: ResourceObject) -> Result<(RecordKind, Members<'static>), String> {
    let kind = kind_of(resource.get("type"))?;
    let mut members = Vec::new();
    if let Some(id) = resource.remove("id") {
        members.push((Cow::Borrowed("id"), id_cell(id)));
    }
    for (name, value) in object(&mut resource, "attributes")? {
        members.push((Cow::Owned(name), Cell::from(value)));
    }
    for (name, value) in object(&mut resource, "relationships")? {
        let end = ENDS.into_iter().find(|end| *end == name);
        if let (Some(name), Some(data)) = (end, value.get("data")) {
            members.push((Cow::Borrowed(name), linkage(data)));
        }
    }
    if kind == RecordKind::User
        && let Some(properties) = object(&mut resource, "meta")?.remove(PROPERTIES)
    {
        members.push((Cow::Borrowed(PROPERTIES), Cell::from(properties)));
    }
    Ok((kind, Members(members)))
}

fn kind_of(name: Option<&Value>) -> Result<RecordKind, String> {
    let found = TYPES.into_iter().find(|(known, _)| name.and_then(Value::as_str) == Some(known));
    found.map(|(_, kind)| kind).ok_or_else(|| {
        let names = TYPES.map(|(name, _)| format!("`{name}`"));
        format!("`type` must be one of {}", names.join(", "))
    })
}

fn object(resource: &mut ResourceObject, name: &str) -> Result<Properties, String> {
    match resource.remove(name) {
        None => Ok(Properties::new()),
        Some(Value::Object(members)) => Ok(members),
        Some(_) => Err(format!("`{name}` must be an object")),
    }
}

/// An id, which is a string in a document.
fn id_cell(id: Value) -> Cell<'static> {
    match id {
        Value::String(text) => Cell::Text(Cow::Owned(text)),
        _ => Cell::Other,
    }
}

/// The id of a resource identifier; null for no resource.
fn linkage(data: &Value) -> Cell<'static> {
    match data {
        Value::Null => Cell::Null,
        data => id_cell(data.get("id").cloned().unwrap_or_default()),
    }
}

impl From<Value> for Cell<'_> {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(flag) => Self::Flag(flag),
            Value::Number(number) => number.as_i64().map_or(Self::Other, Self::Number),
            Value::String(text) => Self::Text(Cow::Owned(text)),
            Value::Array(items) => {
                let text = |item| if let Value::String(text) = item { Some(text) } else { None };
                items.into_iter().map(text).collect::<Option<_>>().map_or(Self::Other, Self::List)
            }
            Value::Object(members) => Self::Object(members),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_resource_becomes_members_or_a_problem(text in "[{}\\[\\]\":,a-c1]{0,40}") {
            for name in ["attributes", "relationships", "meta", "id", "type"] {
                let json = format!("{{\"type\":\"users\",\"{name}\":{text}}}");
                if let Ok(resource) = serde_json::from_str(&json) {
                    prop_assert!(members_of(resource).map_or_else(|problem| !problem.is_empty(), |(_, it)| it.0.len() < 50));
                }
            }
        }
    }
}

//! Names for nested schemas.
//!
//! Generators name an anonymous object by its position, such as `Attributes7`. Here each nested object and enumeration
//! becomes a component, named after its component and its member: `User` and `attributes` give `UserAttributes`.

use serde_json::{Map, Value};

use super::build::{insert, schema};

/// Endings of component names that do not occur in the names of their members: `NewUserData` has `NewUserAttributes`.
const SILENT_ENDINGS: [&str; 2] = ["Data", "Relations"];

/// Moves nested objects and enumerations into components, and gives each component its name as title.
pub fn name_nested(schemas: Map<String, Value>) -> Map<String, Value> {
    let mut named = Map::new();
    for (name, mut schema) in schemas {
        extract_members(&name, &mut schema, &mut named);
        named.insert(name, schema);
    }
    for (name, schema) in &mut named {
        insert(schema, "title", name.as_str());
    }
    named
}

fn extract_members(name: &str, schema: &mut Value, named: &mut Map<String, Value>) {
    let start = SILENT_ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name);
    for (member, schema) in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
        extract(&format!("{start}{}", pascal_case(member)), schema, named);
    }
    if let Some(items) = schema.get_mut("items") {
        extract(&format!("{name}Item"), items, named);
    }
}

fn extract(name: &str, part: &mut Value, named: &mut Map<String, Value>) {
    extract_members(name, part, named);
    if part.get("properties").is_some() || part.get("enum").is_some() {
        named.insert(name.to_owned(), std::mem::replace(part, schema(name)));
    }
}

/// `user-relationships` as `UserRelationships`. The member `relationships` becomes `Relations`, because
/// `UserRelationships` would read like several of `UserRelationship`.
pub fn pascal_case(member: &str) -> String {
    if member == "relationships" {
        return "Relations".to_owned();
    }
    let capitalize = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    member.split(|letter: char| !letter.is_ascii_alphanumeric()).map(capitalize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nested_objects_and_enumerations_become_components() {
        let nested = json!({ "NewUser": { "type": "object", "properties": { "data": { "type": "object", "properties": {
            "attributes": { "type": "object", "properties": { "access-level": { "enum": ["user", "admin"] } } },
            "relationships": { "type": "object", "properties": { "targeted-by": { "properties": {} } } },
        } } } } });
        let Value::Object(nested) = nested else { unreachable!() };
        let schemas = name_nested(nested);
        let all: Vec<_> = schemas.keys().map(String::as_str).collect();
        let expected =
            ["NewUser", "NewUserAttributes", "NewUserAttributesAccessLevel", "NewUserData", "NewUserRelations"];
        assert_eq!(all, [&expected[..], &["NewUserTargetedBy"]].concat());
        assert_eq!(schemas["NewUser"]["properties"]["data"], schema("NewUserData"));
        assert_eq!(schemas["NewUserData"]["title"], "NewUserData");
    }
}

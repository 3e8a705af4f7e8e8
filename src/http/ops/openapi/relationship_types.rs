//! Schemas of the attributes of relationship types, and of what errors say about their rules.

use serde_json::{Value, json};

use super::build::{insert, schema, written_schema};
use crate::model::relationship_type::TypeAttribute;

/// The schema of an attribute in responses.
pub fn attribute(name: &str) -> Value {
    let mut attribute = match name {
        "is-tree" => json!({ "type": "boolean" }),
        name => written_schema::<TypeAttribute>(name),
    };
    describe(name, &mut attribute);
    attribute
}

/// Inserts the description of an attribute into its schema.
pub fn describe(name: &str, attribute: &mut Value) {
    let description = match name {
        "description" => "For people",
        "user-role" => {
            "Name for the users at the owner end, seen from the target: its `subordinates`. Unique across all types"
        }
        "target-role" => {
            "Name for the users at the target end, seen from the owner: its `supervisors`. Unique across all types"
        }
        "is-symmetric" => {
            "Whether both directions are the same relationship. Then both roles are equal or null, `is-acyclic` is false and `max-per-user` is null"
        }
        "is-acyclic" => "Whether no path along relationships of the type leads back to its start",
        "max-per-user" => "The most relationships of the type that one user may own",
        "managed-by" => {
            "Who may create, change and delete relationships of the type: their owner and admins, or admins only"
        }
        "is-tree" => "Whether `is-acyclic` is true and `max-per-user` is 1",
        _ => return,
    };
    insert(attribute, "description", description);
}

/// The members of `meta` of errors about relationships.
pub fn error_meta() -> Value {
    let ids = |description: &str, example: Value| json!({ "type": "array", "items": { "type": "string" }, "description": description, "examples": [example] });
    let integer = |description: &str| json!({ "type": "integer", "minimum": 1, "description": description });
    json!({
        "existing-id": { "type": "string", "description": "With `already-exists`: the id of the resource that exists" },
        "existing-ids": ids("With `too-many-relationships`: the ids of the relationships that the user owns", json!(["12345"])),
        "path": ids("With `relationship-cycle`: the ids of the users from the owner through the target back to the owner", json!(["1234", "9876", "1234"])),
        "max": integer("With `too-many-relationships`: the value of `max-per-user`"),
        "max-depth": integer("With `relationship-too-deep`: the most relationships of a path"),
        "max-visited": integer("With `relationship-too-deep`: the most users that the check visits"),
        "count": integer("With `transfer-too-large`: the relationships that would be handed over. With `rules-violated`: users above `max-per-user`, groups of users that are connected by cycles, or pairs of opposite relationships"),
        "examples": {
            "type": "array",
            "maxItems": 10,
            "items": schema("RuleViolation"),
            "description": "With `rules-violated`: ids of users above `max-per-user`, closed paths of ids of users, or pairs of ids of relationships",
        },
    })
}

/// An example of a broken rule.
pub fn rule_violation() -> Value {
    json!({
        "oneOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }],
        "description": "An id, or the ids of a closed path or a pair",
        "examples": ["1234", ["1234", "9876", "1234"]],
    })
}

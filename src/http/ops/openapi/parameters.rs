//! Parameters of paths, queries and header fields.

use serde_json::{Map, Value, json};

use super::build::{ID, TYPE_NAME, insert, list, non_empty_array, reference};
use super::operation::Operation;
use super::{examples, groups};
use crate::http::jsonapi::query::Parameter;
use crate::http::jsonapi::view::{ENDS, GROUP_FIELDS, MEMBER_FIELDS, RELATIONSHIP_FIELDS, TYPE_FIELDS};
use crate::http::routes;
use crate::model::filter::MAX_FILTER_VALUES;
use crate::model::page::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::model::user::{AccessLevel, USER_MEMBERS};

/// The parameters of a path.
pub fn of_path(path: &str) -> Value {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameter = |name: &str| {
        let (schema, about, example) = match name {
            "end" => {
                (json!({ "enum": names_of_ends() }), "`user` for the owner, `target` for the other user", "target")
            }
            _ if path.contains("relationship-types") => {
                (json!({ "type": "string" }), "The name of the type", examples::TYPE)
            }
            _ if path.contains("user-relationships") => (
                json!({ "type": "string" }),
                "The id of the relationship; anything but a positive integer gets 404",
                examples::RELATIONSHIP,
            ),
            _ if path.contains("groups") => (
                json!({ "type": "string" }),
                "The id of the group; anything but a positive integer gets 404",
                groups::EXAMPLE,
            ),
            _ if path.contains("group-members") => (
                json!({ "type": "string" }),
                "The id of the membership; anything but a positive integer gets 404",
                groups::EXAMPLE,
            ),
            _ => (
                json!({ "type": "string" }),
                "The id of the user; anything but a positive integer gets 404",
                examples::USER,
            ),
        };
        json!({ "name": name, "in": "path", "required": true, "description": about, "schema": schema, "example": example })
    };
    names.map(parameter).collect()
}

fn names_of_ends() -> Vec<&'static str> {
    ENDS.iter().map(|(name, _)| *name).collect()
}

/// The parameters of the query, each with its alias, and those in header fields.
pub fn of_operation(operation: &Operation) -> Value {
    let mut all = Vec::new();
    for parameter in operation.query {
        all.push(of_query(operation, parameter, parameter.name, ""));
        if let Some(bare) = parameter.bare {
            let alias_of = format!("Alias of `{}` (Skillhive's name); send only one of the two. ", parameter.name);
            all.push(of_query(operation, parameter, bare, &alias_of));
        }
    }
    let mut header = |name: &str| all.push(reference("parameters", name));
    if routes::needs_caller(operation.path) {
        header("Prefer");
    }
    if operation.allows_preconditions() {
        header("If-None-Match");
        header("If-Match");
    }
    if operation.allows_idempotency_key() {
        header("Idempotency-Key");
    }
    header("X-Request-Id");
    all.into()
}

fn of_query(operation: &Operation, parameter: &Parameter, name: &str, prefix: &str) -> Value {
    let ids = || list(&reference("schemas", ID), MAX_FILTER_VALUES);
    let fields = |names: &[&str]| json!({ "type": "array", "items": { "enum": names } });
    let cursor = || json!({ "type": "string", "minLength": 1 });
    let default = || match parameter.name {
        "page[offset]" => (
            json!({ "type": "integer", "minimum": 0, "default": 0 }),
            "Number of resources to skip, at most `MAX_OFFSET`",
        ),
        "page[limit]" => (
            json!({ "type": "integer", "minimum": 0, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT }),
            "Maximum number of resources; 0 returns only the count",
        ),
        "page[size]" => (
            json!({ "type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT }),
            "Maximum number of resources with cursor pagination; the response follows the cursor pagination profile",
        ),
        "page[after]" => (cursor(), "The page begins after this cursor"),
        "page[before]" => (cursor(), "The page ends before this cursor"),
        "filter[user]" => (ids(), "Only relationships that these users own"),
        "filter[target]" => (ids(), "Only relationships that target these users"),
        "filter[relationship]" => {
            (list(&reference("schemas", TYPE_NAME), MAX_FILTER_VALUES), "Only relationships of these types")
        }
        "filter[query]" => {
            (json!({ "type": "string" }), "Words that must all occur in the names or the e-mail address, ignoring case")
        }
        "filter[id]" => (ids(), "Only these users"),
        "filter[email]" => (
            list(&json!({ "type": "string", "minLength": 1 }), MAX_FILTER_VALUES),
            "Only users with these e-mail addresses, ignoring case",
        ),
        "filter[is-enabled]" => (
            non_empty_array(&json!({ "type": "boolean" })),
            "Only enabled or only disabled users; the default is `true`. Only admins see disabled users",
        ),
        "filter[access-level]" => (
            non_empty_array(&json!({ "enum": AccessLevel::ALL.map(AccessLevel::name) })),
            "Only users with these access levels",
        ),
        "sort" => (
            json!({ "enum": sort_values(operation) }),
            "Sort key; the prefix `-` reverses the order. Ties are sorted by id in the same direction",
        ),
        "include" => (
            json!({ "type": "array", "items": { "enum": names_of_ends() } }),
            "Adds the owners (`user`) or the targets to `included`",
        ),
        "fields[user-relationships]" => (
            fields(RELATIONSHIP_FIELDS),
            "The attributes and relationships of `user-relationships` to return; an empty value returns none",
        ),
        "fields[users]" => {
            (fields(USER_MEMBERS), "The attributes and relationships of `users` to return; an empty value returns none")
        }
        "fields[relationship-types]" => {
            (fields(TYPE_FIELDS), "The attributes of `relationship-types` to return; an empty value returns none")
        }
        "fields[groups]" => (
            fields(GROUP_FIELDS),
            "The attributes and relationships of `groups` to return; an empty value returns none",
        ),
        "fields[group-members]" => (
            fields(MEMBER_FIELDS),
            "The attributes and relationships of `group-members` to return; an empty value returns none",
        ),
        "verbose" => (json!({ "type": "string" }), "Lists the checks; the value is ignored"),
        _ => (json!({ "type": "string" }), ""),
    };
    let (schema, about) = groups::describe_parameter(operation, parameter.name).unwrap_or_else(default);
    let is_list = schema.get("type").is_some_and(|kind| kind == "array");
    let mut described =
        json!({ "name": name, "in": "query", "description": format!("{prefix}{about}."), "schema": schema });
    if is_list {
        // Values are separated by commas. Brackets in names do not denote deep objects.
        insert(&mut described, "style", "form");
        insert(&mut described, "explode", false);
    }
    if parameter.name.starts_with("fields[") || parameter.name == "include" || parameter.name == "verbose" {
        insert(&mut described, "allowEmptyValue", true);
    }
    described
}

fn sort_values(operation: &Operation) -> Vec<String> {
    operation.sort_keys.iter().flat_map(|(name, _)| [(*name).to_owned(), format!("-{name}")]).collect()
}

/// The components for header fields of requests.
pub fn of_headers() -> Value {
    let header = |name: &str, about: &str, schema: Value| {
        (name.to_owned(), json!({ "name": name, "in": "header", "description": about, "schema": schema }))
    };
    let text = || json!({ "type": "string" });
    let all = [
        header(
            "If-Match",
            "Changes the resource only if it still has this `ETag`; returns it only if the response has this `ETag`. \
             Otherwise 412.",
            text(),
        ),
        header(
            "If-None-Match",
            "GET: 304 if the response has this `ETag`. Other methods: 412 if the resource has this `ETag`.",
            text(),
        ),
        header(
            "Idempotency-Key",
            "A unique key, such as a UUID, that makes the request safe to retry for 24 hours: the same request with the \
             same key is not performed again and gets the first response.",
            json!({ "type": "string", "pattern": "^[!-~]{1,255}$" }),
        ),
        header(
            "Prefer",
            "`handling=strict` disables the query aliases and `application/json` bodies; `return=representation` requests \
             a document instead of an empty response to a deletion.",
            text(),
        ),
        header(
            "X-Request-Id",
            "An id for the request, 1 to 128 visible ASCII characters. An invalid id is replaced.",
            text(),
        ),
    ];
    all.into_iter().collect::<Map<_, _>>().into()
}

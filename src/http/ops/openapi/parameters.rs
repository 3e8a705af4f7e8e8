//! Parameters in paths, queries and header fields.

use serde_json::{Map, Value, json};

use super::build::{ID, TYPE_NAME, list, reference, set, some};
use super::operation::Operation;
use super::{examples, groups};
use crate::http::jsonapi::query::Parameter;
use crate::http::jsonapi::view::{ENDS, GROUP_FIELDS, MEMBER_FIELDS, RELATIONSHIP_FIELDS, TYPE_FIELDS, USER_FIELDS};
use crate::http::routes;
use crate::model::filter::MAX_FILTER_VALUES;
use crate::model::page::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::model::user::AccessLevel;

/// Those in the path itself.
pub fn of_path(path: &str) -> Value {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameter = |name: &str| {
        let (schema, about, example) = match name {
            "end" => (json!({ "enum": names_of_ends() }), "Which end of the relationship", "target"),
            _ if path.contains("relationship-types") => {
                (json!({ "type": "string" }), "The name of the type", examples::TYPE)
            }
            _ if path.contains("user-relationships") => (
                json!({ "type": "string" }),
                "The id of the relationship; one that is no positive integer names nothing",
                examples::RELATIONSHIP,
            ),
            _ if path.contains("groups") => (
                json!({ "type": "string" }),
                "The id of the group; one that is no positive integer names nothing",
                groups::EXAMPLE,
            ),
            _ if path.contains("group-members") => (
                json!({ "type": "string" }),
                "The id of the membership; one that is no positive integer names nothing",
                groups::EXAMPLE,
            ),
            _ => (
                json!({ "type": "string" }),
                "The id of the user; one that is no positive integer names nothing",
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

/// Those of the query, each under both of its names, then those in header fields.
pub fn of_operation(operation: &Operation) -> Value {
    let mut all = Vec::new();
    for parameter in operation.query {
        all.push(of_query(operation, parameter, parameter.name, ""));
        if let Some(bare) = parameter.bare {
            let other = format!("Skillhive's name of `{}`; send one of the two. ", parameter.name);
            all.push(of_query(operation, parameter, bare, &other));
        }
    }
    let mut header = |name: &str| all.push(reference("parameters", name));
    if routes::needs_caller(operation.path) {
        header("Prefer");
    }
    if operation.is_conditional() {
        header("If-None-Match");
        header("If-Match");
    }
    if operation.is_repeatable() {
        header("Idempotency-Key");
    }
    header("X-Request-Id");
    all.into()
}

fn of_query(operation: &Operation, parameter: &Parameter, name: &str, prefix: &str) -> Value {
    let ids = || list(&reference("schemas", ID), MAX_FILTER_VALUES);
    let fields = |names: &[&str]| json!({ "type": "array", "items": { "enum": names } });
    let cursor = || json!({ "type": "string", "minLength": 1 });
    let elsewhere = || match parameter.name {
        "page[offset]" => {
            (json!({ "type": "integer", "minimum": 0, "default": 0 }), "Rows to leave out, at most `MAX_OFFSET`")
        }
        "page[limit]" => (
            json!({ "type": "integer", "minimum": 0, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT }),
            "Rows to show at most; 0 answers the count alone",
        ),
        "page[size]" => (
            json!({ "type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT }),
            "Rows to show at most, by cursors: the answer follows the cursor pagination profile",
        ),
        "page[after]" => (cursor(), "The cursor after which the page begins"),
        "page[before]" => (cursor(), "The cursor before which the page ends"),
        "filter[user]" => (ids(), "Only relationships of these users"),
        "filter[target]" => (ids(), "Only relationships to these users"),
        "filter[relationship]" => {
            (list(&reference("schemas", TYPE_NAME), MAX_FILTER_VALUES), "Only relationships of these types")
        }
        "filter[query]" => (
            json!({ "type": "string" }),
            "Words that must all occur in the names or the e-mail address, without regard to case",
        ),
        "filter[id]" => (ids(), "Only these users"),
        "filter[email]" => (
            list(&json!({ "type": "string", "minLength": 1 }), MAX_FILTER_VALUES),
            "Only users with these addresses, without regard to case",
        ),
        "filter[is-enabled]" => (
            some(&json!({ "type": "boolean" })),
            "Only enabled or only disabled users; without it, the enabled ones. Disabled ones are shown to admins",
        ),
        "filter[access-level]" => {
            (some(&json!({ "enum": AccessLevel::ALL.map(AccessLevel::name) })), "Only users of these levels")
        }
        "sort" => (
            json!({ "enum": orders(operation) }),
            "The order; `-` turns it round. Ties are broken by id, in the same direction",
        ),
        "include" => (
            json!({ "type": "array", "items": { "enum": names_of_ends() } }),
            "Ends of the relationships whose users come along, in `included`",
        ),
        "fields[user-relationships]" => {
            (fields(RELATIONSHIP_FIELDS), "The members of relationships to show; an empty value shows none")
        }
        "fields[users]" => (fields(USER_FIELDS), "The members of users to show; an empty value shows none"),
        "fields[relationship-types]" => {
            (fields(TYPE_FIELDS), "The members of relationship types to show; an empty value shows none")
        }
        "fields[groups]" => (fields(GROUP_FIELDS), "The members of groups to show; an empty value shows none"),
        "fields[group-members]" => {
            (fields(MEMBER_FIELDS), "The members of memberships to show; an empty value shows none")
        }
        "verbose" => (json!({ "type": "string" }), "Lists what was looked at; the value does not matter"),
        _ => (json!({ "type": "string" }), ""),
    };
    let (schema, about) = groups::parameter(operation, parameter.name).unwrap_or_else(elsewhere);
    let is_list = schema.get("type").is_some_and(|kind| kind == "array");
    let mut described =
        json!({ "name": name, "in": "query", "description": format!("{prefix}{about}."), "schema": schema });
    if is_list {
        // A comma list; brackets in names are not those of deep objects.
        set(&mut described, "style", "form");
        set(&mut described, "explode", false);
    }
    if parameter.name.starts_with("fields[") || parameter.name == "include" || parameter.name == "verbose" {
        set(&mut described, "allowEmptyValue", true);
    }
    described
}

fn orders(operation: &Operation) -> Vec<String> {
    operation.orders.iter().flat_map(|(name, _)| [(*name).to_owned(), format!("-{name}")]).collect()
}

/// Header fields of requests.
pub fn of_headers() -> Value {
    let header = |name: &str, about: &str, schema: Value| {
        (name.to_owned(), json!({ "name": name, "in": "header", "description": about, "schema": schema }))
    };
    let text = || json!({ "type": "string" });
    let all = [
        header(
            "If-Match",
            "Changes the resource only while it is as an answer with this `ETag` showed it; shows it only while the \
             answer would have this `ETag`.",
            text(),
        ),
        header(
            "If-None-Match",
            "Answers 304 while the answer would have this `ETag`; changes nothing that is as an answer with this \
             `ETag` showed it.",
            text(),
        ),
        header(
            "Idempotency-Key",
            "Makes the request safe to repeat for 24 hours: the same request with the same key, such as a UUID, is not \
             performed again, and shows what the first one did.",
            json!({ "type": "string", "pattern": "^[!-~]{1,255}$" }),
        ),
        header(
            "Prefer",
            "`handling=strict` turns off the bare query names and `application/json` bodies; `return=representation` asks \
             for a document where a deletion would answer nothing.",
            text(),
        ),
        header(
            "X-Request-Id",
            "An id for the request, of 1 to 128 visible ASCII characters; any other is replaced.",
            text(),
        ),
    ];
    all.into_iter().collect::<Map<_, _>>().into()
}

//! Parameters of paths, queries and header fields.

use serde_json::{Map, Value, json};

use super::build::{
    ACCESS_LEVEL, ID, TYPE_NAME, TYPE_NAME_PATTERN, constant, enumeration, insert, list, non_empty_array, reference,
    schema,
};
use super::naming::pascal_case;
use super::operation::{ApiOperation, Success};
use super::operations::OPERATIONS;
use super::{changes, examples, groups, imports, roles, transfers};
use crate::http::jsonapi::fields::ID as FIELD_ID;
use crate::http::jsonapi::parameter::{ME, NOW, Parameter, Schema};
use crate::http::paths;
use crate::model::filter::MAX_FILTER_VALUES;
use crate::model::relationship::End;
use crate::model::user::MAX_EMAIL_BYTES;

/// The header field with which a client reads what it has written.
pub const CONSISTENCY_TOKEN: &str = "Consistency-Token";

/// The name of the schema of the end of a relationship.
const END: &str = "RelationshipEnd";

/// The parameters of a path.
pub fn of_path(path: &str) -> Value {
    let names = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameter = |name: &str| {
        let (schema, about, example) = match name {
            "end" => (schema(END), "`user` for the owner, `target` for the other user", "target"),
            "role" => (
                json!({ "type": "string" }),
                "The `user-role` or `target-role` of a relationship type; any other name gets 404",
                roles::EXAMPLE,
            ),
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
            _ if path.contains("imports") => (
                json!({ "type": "string" }),
                "The id of the import; anything but a positive integer gets 404",
                imports::EXAMPLE,
            ),
            _ if path.contains("transfers") => (
                json!({ "type": "string" }),
                "The id of the transfer; anything but a positive integer gets 404",
                transfers::EXAMPLE,
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

/// The schemas of the values of parameters that accept certain names only.
pub fn enumerations() -> Map<String, Value> {
    let mut all = Map::new();
    all.insert(END.to_owned(), enumeration(End::ALL.map(End::name)));
    for operation in OPERATIONS.iter() {
        for parameter in operation.query {
            let name = || enumeration_name(parameter, operation);
            names_of(&parameter.schema).map(|names| all.insert(name(), enumeration(names)));
        }
    }
    all
}

/// `UserField` for `fields[users]`; `GroupInclude` for `include` of groups.
fn enumeration_name(parameter: &Parameter, operation: &ApiOperation) -> String {
    let fields_of = parameter.name.strip_prefix("fields[").and_then(|rest| rest.strip_suffix("s]"));
    let resource = match operation.success {
        Success::Fetched(schema)
        | Success::Listed(schema)
        | Success::Accepted(schema)
        | Success::Created(schema)
        | Success::Changed(schema) => schema,
        Success::Changes => changes::LIST,
        _ => "",
    };
    let resource = ["List", "Document"].iter().find_map(|ending| resource.strip_suffix(ending)).unwrap_or(resource);
    fields_of.map_or_else(
        || format!("{resource}{}", pascal_case(parameter.name)),
        |kind| format!("{}Field", pascal_case(kind)),
    )
}

fn names_of(schema: &Schema) -> Option<Vec<String>> {
    let names = match schema {
        Schema::Sort(orders) => orders.iter().flat_map(|(name, _)| [(*name).to_owned(), format!("-{name}")]).collect(),
        Schema::Paths(paths) => paths.iter().map(|(name, _)| (*name).to_owned()).collect(),
        Schema::Names(known) | Schema::Choice(known) => known().into_iter().map(str::to_owned).collect(),
        Schema::Fields(fields) => [FIELD_ID].into_iter().chain(fields()).map(str::to_owned).collect(),
        _ => return None,
    };
    Some(names)
}

/// The parameters of the query, each with its alias, and those in header fields.
pub fn of_operation(operation: &ApiOperation) -> Value {
    let mut all = Vec::new();
    for parameter in operation.query {
        all.push(of_query(parameter, operation, parameter.name, ""));
        if let Some(alias) = parameter.alias {
            let alias_of = format!("Alias of `{}` (Skillhive's name); send only one of the two. ", parameter.name);
            all.push(of_query(parameter, operation, alias, &alias_of));
        }
    }
    let mut header = |name: &str| all.push(reference("parameters", name));
    if paths::needs_caller(operation.path) {
        header("Prefer");
    }
    if paths::needs_caller(operation.path) && !operation.may_write() {
        header(CONSISTENCY_TOKEN);
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

fn of_query(parameter: &Parameter, operation: &ApiOperation, name: &str, prefix: &str) -> Value {
    let schema = schema_of(parameter, operation);
    let is_list = schema.get("type").is_some_and(|kind| kind == "array");
    let default = default_of(&parameter.schema);
    let description = format!("{prefix}{}.{default}", parameter.description);
    let mut described = json!({ "name": name, "in": "query", "description": description, "schema": schema });
    if is_list {
        // Values are separated by commas. Brackets in names do not denote deep objects.
        insert(&mut described, "style", "form");
        insert(&mut described, "explode", false);
    }
    if parameter.allows_empty() {
        insert(&mut described, "allowEmptyValue", true);
    }
    described
}

/// Says the default in words. Clients would send a `default` of the schema, but an offset with a cursor, or a parameter
/// with its alias, is an error.
fn default_of(schema: &Schema) -> String {
    match schema {
        Schema::Integer { default, .. } => format!(" Default: {default}."),
        _ => String::new(),
    }
}

fn schema_of(parameter: &Parameter, operation: &ApiOperation) -> Value {
    let names = || schema(&enumeration_name(parameter, operation));
    match &parameter.schema {
        Schema::Text | Schema::Presence => json!({ "type": "string" }),
        Schema::NonEmptyText => json!({ "type": "string", "minLength": 1 }),
        Schema::Integer { min, max: None, .. } => json!({ "type": "integer", "minimum": min }),
        Schema::Integer { min, max: Some(max), .. } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        // A pattern rather than alternatives: generated clients then have a list of strings.
        Schema::UserIds => {
            list(&json!({ "type": "string", "pattern": format!("^({ME}|[1-9][0-9]{{0,18}})$") }), MAX_FILTER_VALUES)
        }
        Schema::Depth => json!({ "type": "string", "pattern": "^(all|[1-9]|[1-5][0-9]|6[0-4])$" }),
        Schema::ChangeLimit => json!({ "type": "string", "pattern": "^([0-9]{1,9}|[0-9]{1,2}%|100%)$" }),
        Schema::Id => reference("schemas", ID),
        Schema::Ids => list(&reference("schemas", ID), MAX_FILTER_VALUES),
        Schema::TypeNames => list(&reference("schemas", TYPE_NAME), MAX_FILTER_VALUES),
        Schema::RoleNames => list(&json!({ "type": "string", "pattern": TYPE_NAME_PATTERN }), MAX_FILTER_VALUES),
        Schema::Texts => list(&json!({ "type": "string", "minLength": 1 }), MAX_FILTER_VALUES),
        Schema::Emails => {
            list(&json!({ "type": "string", "format": "email", "maxLength": MAX_EMAIL_BYTES }), MAX_FILTER_VALUES)
        }
        Schema::Moment => json!({ "type": "string", "format": "date-time" }),
        Schema::Now => constant(NOW),
        Schema::Names(_) => non_empty_array(&names()),
        Schema::Flags => non_empty_array(&json!({ "type": "boolean" })),
        Schema::AccessLevels => non_empty_array(&schema(ACCESS_LEVEL)),
        Schema::Sort(_) | Schema::Choice(_) => names(),
        Schema::Roles | Schema::FieldsAndRoles(_) => {
            json!({ "type": "array", "items": { "type": "string", "pattern": TYPE_NAME_PATTERN } })
        }
        Schema::Paths(_) | Schema::Fields(_) => json!({ "type": "array", "items": names() }),
    }
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
            CONSISTENCY_TOKEN,
            "The token of the response to a write: the response shows that write, also if a replica answers the request.",
            json!({ "type": "string", "pattern": "^[0-9a-f]{16}$" }),
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
             a document instead of an empty response to a deletion; `wait=20` lets the feed of changes wait up to 20 \
             seconds for the next change.",
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

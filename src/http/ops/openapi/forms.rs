//! The forms dialect in the document. Its schemas are generic, because the named form defines the fields.

use serde_json::{Map, Value, json};

use super::build::{any_object, insert, reference};

/// The tag and its description.
pub const TAG: (&str, &str) = (
    "forms",
    "A second API over the same data: each request names a form configuration, which defines the accepted fields. A \
     `relationship` of this API is a group, and a `relationship_user` is a membership.",
);

/// A method of a path.
#[derive(Debug, Clone, Copy)]
pub struct FormOperation {
    pub method: &'static str,
    pub path: &'static str,
    pub id: &'static str,
    pub summary: &'static str,
    pub description: &'static str,
    /// The built-in form of the example, without its prefix.
    form: &'static str,
}

const fn operation(
    (method, path): (&'static str, &'static str),
    id: &'static str,
    (summary, description): (&'static str, &'static str),
    form: &'static str,
) -> FormOperation {
    FormOperation { method, path, id, summary, description, form }
}

/// All operations.
pub const OPERATIONS: &[FormOperation] = &[
    operation(
        ("POST", "/api/users"),
        "createUserByForm",
        ("Create a user", "Accepts the fields that the form lists. The `password` is stored as a hash."),
        "create_user",
    ),
    operation(
        ("PUT", "/api/users/{id}"),
        "changeUserByForm",
        ("Change a user", "Omitted fields keep their values. For the user and admins, unless the form allows anyone."),
        "update_user",
    ),
    operation(
        ("POST", "/api/sessions"),
        "openSession",
        (
            "Open a session",
            "Returns a token for an e-mail address and a password; needs no credentials. The token expires after `SESSION_TTL`. An unknown address and a wrong password get the same 401.",
        ),
        "create_session",
    ),
    operation(
        ("DELETE", "/api/sessions"),
        "closeSession",
        ("End the session of the caller", "The token is revoked; other instances accept it for up to `AUTH_REFRESH`."),
        "delete_session",
    ),
    operation(
        ("POST", "/api/user/relationships"),
        "createGroup",
        (
            "Create a group",
            "`parent_resource_id` is the type, which defines the properties. The caller becomes the owner.",
        ),
        "relationship_create",
    ),
    operation(
        ("PUT", "/api/user/relationships/{id}"),
        "changeGroup",
        ("Change a group", "Omitted properties keep their values. For the owner and admins."),
        "relationship_update",
    ),
    operation(
        ("DELETE", "/api/user/relationships/{id}"),
        "deleteGroup",
        (
            "Delete a group with its memberships",
            "For the owner and admins. The form can be named in the query or in the body.",
        ),
        "relationship_delete",
    ),
    operation(
        ("POST", "/api/user/relationship_users"),
        "addMember",
        ("Add a user to a group", "`relationship_id` is the group, `user_id` the user."),
        "relationship_user_create",
    ),
    operation(
        ("PUT", "/api/user/relationship_users/{id}"),
        "changeMember",
        (
            "Change a membership",
            "Omitted fields keep their values. For the member, the owner of the group, and admins.",
        ),
        "relationship_user_update",
    ),
    operation(
        ("DELETE", "/api/user/relationship_users/{id}"),
        "removeMember",
        (
            "Remove a user from a group",
            "For the member, the owner of the group, and admins. The form can be named in the query or in the body.",
        ),
        "relationship_user_delete",
    ),
];

/// The path items of the dialect.
pub fn paths() -> Map<String, Value> {
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let item = paths.entry(operation.path).or_insert_with(|| json!({ "parameters": parameters(operation.path) }));
        insert(item, &operation.method.to_ascii_lowercase(), describe(operation));
    }
    paths
}

/// The schemas of the dialect, by name.
pub fn schemas() -> Map<String, Value> {
    let answer = json!({
        "type": "object",
        "required": ["model", "errors"],
        "properties": {
            "model": any_object("The new record, or the values that were sent, without passwords"),
            "errors": {
                "type": "object",
                "description": "Messages by field, such as `email` or `properties.group_name`; `base` is for the whole request",
                "additionalProperties": { "type": "array", "items": { "type": "string" } },
            },
        },
        "additionalProperties": false,
    });
    let request = json!({
        "type": "object",
        "required": ["form_configuration_name", "form"],
        "properties": {
            "form_configuration_name": { "type": "string", "description": "The name of a form configuration" },
            "form": any_object("The values of the fields that the form configuration lists"),
        },
    });
    let mut typed = request.clone();
    insert(&mut typed, "required", json!(["form_configuration_name", "parent_resource_id", "form"]));
    if let Some(properties) = typed.get_mut("properties") {
        let kind = json!({ "type": ["string", "integer"], "description": "The name or id of a type" });
        insert(properties, "parent_resource_id", kind);
    }
    let deletion = json!({
        "type": "object",
        "properties": { "form_configuration_name": { "type": "string" } },
    });
    let empty = json!({ "type": "object", "description": "No members", "maxProperties": 0 });
    let all = [
        ("FormAnswer", answer),
        ("EmptyFormAnswer", empty),
        ("FormRequest", request),
        ("TypedFormRequest", typed),
        ("FormDeletion", deletion),
    ];
    all.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

fn parameters(path: &str) -> Value {
    if !path.contains("{id}") {
        return json!([]);
    }
    json!([{
        "name": "id",
        "in": "path",
        "required": true,
        "description": "The id of the record; the suffix `.json` is accepted",
        "schema": { "type": "string", "pattern": "^[1-9][0-9]{0,18}$" },
    }])
}

fn describe(operation: &FormOperation) -> Value {
    let FormOperation { method, path, id, summary, description, form } = *operation;
    let name = format!("reference_rest_api_{form}");
    let is_deletion = method == "DELETE";
    let opens_session = id == "openSession";
    let mut query = Vec::new();
    if is_deletion {
        query.push(json!({
            "name": "form_configuration_name",
            "in": "query",
            "description": "The name of a form configuration, in the query or in the body",
            "schema": { "type": "string" },
        }));
    }
    let has_key = method == "POST" && !opens_session;
    if has_key {
        query.push(reference("parameters", "Idempotency-Key"));
    }
    let kind = example_type(path).filter(|_| method == "POST");
    let schema = match (is_deletion, kind) {
        (true, _) => "FormDeletion",
        (false, None) => "FormRequest",
        (false, Some(_)) => "TypedFormRequest",
    };
    let mut example = json!({ "form_configuration_name": name });
    if !is_deletion {
        insert(&mut example, "form", example_values(form));
    }
    if let Some(kind) = kind {
        insert(&mut example, "parent_resource_id", kind);
    }
    let mut described = json!({
        "operationId": id,
        "tags": [TAG.0],
        "summary": summary,
        "description": description,
        "parameters": query,
        "requestBody": {
            "required": !is_deletion,
            "content": { "application/json": {
                "schema": { "$ref": format!("#/components/schemas/{schema}") },
                "example": example,
            } },
        },
        "responses": responses(method, path.contains("{id}"), opens_session, has_key),
    });
    if opens_session {
        insert(&mut described, "security", json!([]));
    }
    described
}

fn example_type(path: &str) -> Option<&'static str> {
    match path {
        "/api/user/relationships" => Some("special_group"),
        "/api/user/relationship_users" => Some("special_group_users"),
        _ => None,
    }
}

fn example_values(form: &str) -> Value {
    match form {
        "create_user" => json!({ "first_name": "Ann", "email": "ann@example.com", "password": "correct horse" }),
        "update_user" => json!({ "last_name": "Lee" }),
        "create_session" => json!({ "email": "ann@example.com", "password": "correct horse" }),
        "relationship_create" | "relationship_update" => json!({ "properties": { "group_name": "Captains" } }),
        "relationship_user_create" => {
            json!({ "relationship_id": 1, "user_id": 2, "properties": { "status": "active" } })
        }
        _ => json!({ "properties": { "status": "not_verified" } }),
    }
}

fn responses(method: &str, has_id: bool, opens_session: bool, has_key: bool) -> Value {
    let response = |description: &str| {
        let schema = json!({ "schema": { "$ref": "#/components/schemas/FormAnswer" } });
        json!({
            "description": description,
            "content": { "application/json": schema, "application/vnd.api+json": schema },
        })
    };
    let mut responses = json!({
        "401": response(if opens_session { "The e-mail address or the password is wrong" } else { "No valid credential" }),
        "403": response("The caller may not use this form on this record, or the account is disabled"),
        "404": response("The record does not exist, or the caller cannot see it"),
        "406": response("Wrong parameters: the form configuration, the type, or a field that the form does not list"),
        "413": response("The body is too large"),
        "422": response("Values fail the validations; the response lists all messages of all fields"),
        "500": response("An error of the service"),
        "503": response("The database does not respond, or the service is overloaded; see `Retry-After`"),
    });
    if method == "POST" {
        insert(&mut responses, "201", response("Created"));
    } else {
        insert(&mut responses, "204", json!({ "description": "Done" }));
        insert(
            &mut responses,
            "200",
            json!({
                "description": "Done; with `Prefer: return=representation`",
                "content": { "application/json": { "schema": { "$ref": "#/components/schemas/EmptyFormAnswer" } } },
            }),
        );
    }
    if has_key {
        insert(&mut responses, "400", response("The `Idempotency-Key` is malformed"));
        insert(&mut responses, "409", response("The first request with this `Idempotency-Key` is still running"));
    }
    if let (false, Some(members)) = (has_id || method == "DELETE", responses.as_object_mut()) {
        members.remove("404");
    }
    responses
}

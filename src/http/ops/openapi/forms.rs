//! The forms dialect in the document: seven paths whose bodies name a form, and the form says what they may hold.

use serde_json::{Map, Value, json};

use super::build::set;
use crate::http::routes;

/// The group of operations, with a sentence.
pub const TAG: (&str, &str) = (
    "forms",
    "The older dialect over the same data: a request names a form configuration, which says what may be sent. What it \
     calls a relationship is a group, and a relationship user is a membership.",
);

/// A method of a path.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    pub method: &'static str,
    pub path: &'static str,
    pub id: &'static str,
    pub summary: &'static str,
    /// What is to be known besides.
    pub about: &'static str,
    /// The built-in form for it.
    form: &'static str,
}

const fn operation(
    (method, path): (&'static str, &'static str),
    id: &'static str,
    (summary, about): (&'static str, &'static str),
    form: &'static str,
) -> Operation {
    Operation { method, path, id, summary, about, form }
}

const OPERATIONS: &[Operation] = &[
    operation(
        ("POST", "/api/users"),
        "createUserByForm",
        ("Create a user", "With the fields that the form lists; a `password` is kept as a hash and opens sessions."),
        "create_user",
    ),
    operation(
        ("PUT", "/api/users/{id}"),
        "changeUserByForm",
        ("Change a user", "Fields that are left out stay as they are. The form says who may: the user, or an admin."),
        "update_user",
    ),
    operation(
        ("POST", "/api/sessions"),
        "openSession",
        (
            "Open a session: a token for an address and a password",
            "Needs no credential. The token works for `SESSION_TTL`; an unknown address and a wrong password are told alike.",
        ),
        "create_session",
    ),
    operation(
        ("DELETE", "/api/sessions"),
        "closeSession",
        ("End the session whose token is sent", "The token works no longer, on any instance, within `AUTH_REFRESH`."),
        "delete_session",
    ),
    operation(
        ("POST", "/api/user/relationships"),
        "createGroup",
        (
            "Create a group",
            "Of the type in `parent_resource_id`; its properties are those of the type. The caller owns it.",
        ),
        "relationship_create",
    ),
    operation(
        ("PUT", "/api/user/relationships/{id}"),
        "changeGroup",
        ("Change a group", "Properties that are left out stay as they are. For its owner and admins."),
        "relationship_update",
    ),
    operation(
        ("DELETE", "/api/user/relationships/{id}"),
        "deleteGroup",
        (
            "Delete a group with its memberships",
            "For its owner and admins. The form may be named in the query instead of a body.",
        ),
        "relationship_delete",
    ),
    operation(
        ("POST", "/api/user/relationship_users"),
        "addMember",
        ("Make a user a member of a group", "`relationship_id` names the group, `user_id` the user."),
        "relationship_user_create",
    ),
    operation(
        ("PUT", "/api/user/relationship_users/{id}"),
        "changeMember",
        ("Change a membership", "Its properties; group and user stay as they are."),
        "relationship_user_update",
    ),
    operation(
        ("DELETE", "/api/user/relationship_users/{id}"),
        "removeMember",
        ("End a membership", "The group and the user stay. The form may be named in the query instead of a body."),
        "relationship_user_delete",
    ),
];

/// Every operation in the order of the routes.
pub fn in_order() -> impl Iterator<Item = &'static Operation> {
    let find = |path: &str, method: &str| OPERATIONS.iter().find(|it| it.path == path && it.method == method);
    routes::FORMS.iter().flat_map(move |(path, methods)| methods.iter().filter_map(move |method| find(path, method)))
}

/// The path items of the dialect.
pub fn paths() -> Map<String, Value> {
    let mut paths = Map::new();
    for operation in in_order() {
        let item = paths.entry(operation.path).or_insert_with(|| json!({ "parameters": parameters(operation.path) }));
        set(item, &operation.method.to_ascii_lowercase(), described(operation));
    }
    paths
}

/// The schemas of the dialect, by name.
pub fn schemas() -> [(&'static str, Value); 4] {
    let answer = json!({
        "type": "object",
        "required": ["model", "errors"],
        "properties": {
            "model": { "type": "object", "description": "What was made, or the values that were sent, without passwords" },
            "errors": {
                "type": "object",
                "description": "By field, such as `email` or `properties.group_name`; `base` is the whole request",
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
            "form": { "type": "object", "description": "The values that the form configuration lists" },
        },
    });
    let mut typed = request.clone();
    set(&mut typed, "required", json!(["form_configuration_name", "parent_resource_id", "form"]));
    if let Some(properties) = typed.get_mut("properties") {
        let kind = json!({ "type": ["string", "integer"], "description": "The name or id of a type" });
        set(properties, "parent_resource_id", kind);
    }
    let deletion = json!({
        "type": "object",
        "properties": { "form_configuration_name": { "type": "string" } },
    });
    [("FormAnswer", answer), ("FormRequest", request), ("TypedFormRequest", typed), ("FormDeletion", deletion)]
}

fn parameters(path: &str) -> Value {
    if !path.contains("{id}") {
        return json!([]);
    }
    json!([{
        "name": "id",
        "in": "path",
        "required": true,
        "description": "The id; `.json` may follow it",
        "schema": { "type": "string", "pattern": "^[1-9][0-9]{0,18}$" },
    }])
}

fn described(operation: &Operation) -> Value {
    let Operation { method, path, id, summary, about, form } = *operation;
    let name = format!("reference_rest_api_{form}");
    let is_deletion = method == "DELETE";
    let opens_session = id == "openSession";
    let mut query = Vec::new();
    if is_deletion {
        query.push(json!({
            "name": "form_configuration_name",
            "in": "query",
            "description": "The name of a form configuration, here or in the body",
            "schema": { "type": "string" },
        }));
    }
    let kind = kind_of(path).filter(|_| method == "POST");
    let schema = match (is_deletion, kind) {
        (true, _) => "FormDeletion",
        (false, None) => "FormRequest",
        (false, Some(_)) => "TypedFormRequest",
    };
    let mut example = json!({ "form_configuration_name": name });
    if !is_deletion {
        set(&mut example, "form", values(form));
    }
    if let Some(kind) = kind {
        set(&mut example, "parent_resource_id", kind);
    }
    let mut described = json!({
        "operationId": id,
        "tags": [TAG.0],
        "summary": summary,
        "description": about,
        "parameters": query,
        "requestBody": {
            "required": !is_deletion,
            "content": { "application/json": {
                "schema": { "$ref": format!("#/components/schemas/{schema}") },
                "example": example,
            } },
        },
        "responses": responses(method, path.contains("{id}"), opens_session),
    });
    if opens_session {
        set(&mut described, "security", json!([]));
    }
    described
}

fn kind_of(path: &str) -> Option<&'static str> {
    match path {
        "/api/user/relationships" => Some("special_group"),
        "/api/user/relationship_users" => Some("special_group_users"),
        _ => None,
    }
}

fn values(form: &str) -> Value {
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

fn responses(method: &str, has_id: bool, opens_session: bool) -> Value {
    let answer = |description: &str| {
        let schema = json!({ "schema": { "$ref": "#/components/schemas/FormAnswer" } });
        json!({
            "description": description,
            "content": { "application/json": schema, "application/vnd.api+json": schema },
        })
    };
    let mut responses = json!({
        "401": answer(if opens_session { "The e-mail address or the password is wrong" } else { "No valid credential" }),
        "403": answer("The caller may not use this form on this record, or not use the service at all"),
        "404": answer("There is no such record, or none that the caller may see"),
        "406": answer("The parameters are wrong: the form, its name, its resource, its type, or a field that it does not list"),
        "413": answer("The body is too large"),
        "422": answer("Values do not match the validations: every failing field, every message"),
        "500": answer("A fault of the service"),
        "503": answer("The database does not answer, or the service is overloaded; see `Retry-After`"),
    });
    if method == "POST" {
        set(&mut responses, "201", answer("It was created"));
    } else {
        set(&mut responses, "204", json!({ "description": "It was done" }));
        set(
            &mut responses,
            "200",
            json!({
                "description": "It was done, and the client asked for a body (`Prefer: return=representation`)",
                "content": { "application/json": { "schema": { "type": "object" } } },
            }),
        );
    }
    if let (false, Some(members)) = (has_id || method == "DELETE", responses.as_object_mut()) {
        members.remove("404");
    }
    responses
}

//! `/openapi.json` and `/docs` match the behaviour of the service.

use std::collections::{BTreeMap, BTreeSet};

use user_relationships::domain::users;
use user_relationships::http::ops::openapi::{self, operations::OPERATIONS};
use user_relationships::http::routes;
use user_relationships::http::routes::{FORMS, OPEN, TABLE};
use user_relationships::http::v2::parameters::{
    LIST_GROUPS, LIST_MEMBERS, LIST_MEMBERS_OF_GROUP, LIST_RELATIONSHIPS, LIST_ROLE_LINKAGE, LIST_ROLE_USERS,
    LIST_TYPES, LIST_USERS, ONE_GROUP, ONE_MEMBER, ONE_RELATIONSHIP, ONE_USER, SHOWN_USER,
};
use user_relationships::model::caller::Caller;
use user_relationships::model::code::Code;
use user_relationships::model::id::UserId;
use user_relationships::model::user::{Field, Value as Sent};

use crate::both;
use crate::support::process::run;
use crate::support::sql::Raw;
use crate::support::uploads::{NDJSON, preview};
use crate::support::{App, Client, Value, edge, json};

const METHODS: [&str; 5] = ["get", "post", "patch", "put", "delete"];

/// Every operation of the document: method, path, operation object.
fn operations() -> Vec<(String, &'static str, &'static Value)> {
    let paths = openapi::document()["paths"].as_object().expect("paths");
    let of = |(path, item): (&'static String, &'static Value)| {
        let methods =
            item.as_object().expect("a path item").iter().filter(|(name, _)| METHODS.contains(&name.as_str()));
        methods.map(move |(name, operation)| (name.to_uppercase(), path.as_str(), operation)).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of).collect()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Follows a reference; panics if its target does not exist.
fn resolve(value: &'static Value) -> &'static Value {
    let Some(reference) = value["$ref"].as_str() else { return value };
    let pointer = reference.strip_prefix('#').expect("a reference within the document");
    openapi::document().pointer(pointer).unwrap_or_else(|| panic!("{reference} has no target"))
}

/// Calls `visit` with a value and everything in it.
fn walk(value: &'static Value, visit: &mut impl FnMut(&'static Value)) {
    visit(value);
    match value {
        Value::Object(members) => members.values().for_each(|member| walk(member, visit)),
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        _ => {}
    }
}

#[test]
fn the_document_describes_exactly_the_routes() {
    let of = |table: &'static [routes::RouteEntry]| {
        table.iter().flat_map(|(path, methods)| methods.iter().map(move |method| (*method, *path)))
    };
    let served: BTreeSet<_> = of(TABLE).chain(OPEN.iter().map(|path| ("GET", *path))).collect();
    let forms: BTreeSet<_> = of(FORMS).collect();
    let mut all = operations();
    let (described, rest): (Vec<_>, _) =
        all.drain(..).partition(|(method, path, _)| forms.contains(&(method.as_str(), *path)));
    assert_eq!(described.len(), forms.len(), "describe it in `src/http/ops/openapi/forms.rs`");
    let all: Vec<_> = rest;
    let described: BTreeSet<_> = all.iter().map(|(method, path, _)| (method.as_str(), *path)).collect();
    assert_eq!(served, described, "describe it in `src/http/ops/openapi/operations.rs`");
    let written: BTreeSet<_> = OPERATIONS.iter().map(|operation| (operation.method, operation.path)).collect();
    assert_eq!((&served, served.len()), (&written, OPERATIONS.len()));
}

#[test]
fn the_document_is_valid_openapi() {
    let document = openapi::document();
    assert_eq!(document["openapi"], "3.1.1");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    walk(document, &mut |value| {
        resolve(value);
    });
    let tags: BTreeSet<_> = array(&document["tags"]).iter().map(|tag| &tag["name"]).map(Value::to_string).collect();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations() {
        let what = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().expect("an id")), "{what}: duplicate id");
        assert!(!operation["summary"].as_str().expect("a summary").is_empty(), "{what}");
        assert!(array(&operation["tags"]).iter().all(|tag| tags.contains(&tag.to_string())), "{what}");
        let is_open = OPEN.contains(&path) || what == "POST /api/sessions";
        assert_eq!(operation["security"] == json!([]), is_open, "{what}");

        let item = array(&document["paths"][path]["parameters"]);
        let parameters: Vec<_> = item.iter().chain(array(&operation["parameters"])).map(resolve).collect();
        let named: BTreeSet<_> = parameters.iter().map(|it| (it["in"].as_str(), it["name"].as_str())).collect();
        assert_eq!(named.len(), parameters.len(), "{what}: duplicate parameter");
        for parameter in &parameters {
            assert!(parameter["schema"].is_object(), "{what}: {parameter}");
            assert!(parameter["description"].as_str().is_some_and(|about| about.len() > 1), "{what}: {parameter}");
            assert_eq!(parameter["required"] == true, parameter["in"] == "path", "{what}: {parameter}");
        }
        let declared: BTreeSet<_> =
            named.iter().filter(|(place, _)| *place == Some("path")).filter_map(|it| it.1).collect();
        let in_path: BTreeSet<_> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        assert_eq!(declared, in_path, "{what}");

        let responses = operation["responses"].as_object().expect("responses");
        assert!(
            responses.values().all(|response| !response["description"].as_str().expect("words").is_empty()),
            "{what}"
        );
        if method == "GET" && !OPEN.contains(&path) {
            assert!(responses.contains_key("200") && responses.contains_key("406"), "{what}");
        }
    }
}

#[test]
fn every_error_code_is_documented_under_its_status() {
    let document = openapi::document();
    let codes: BTreeSet<_> =
        array(&document["components"]["schemas"]["ErrorCode"]["enum"]).iter().filter_map(Value::as_str).collect();
    assert_eq!(codes, Code::ALL.iter().map(|code| code.name()).collect());
    let mut descriptions: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (_, _, operation) in operations() {
        for (status, answer) in operation["responses"].as_object().expect("responses") {
            descriptions.entry(status).or_default().insert(answer["description"].as_str().expect("words").to_owned());
        }
    }
    for code in Code::ALL {
        let (status, named) = (code.status().to_string(), format!("`{}`", code.name()));
        let general = &document["components"]["responses"][format!("Error{status}")]["description"];
        assert!(general.as_str().is_some_and(|words| words.contains(&named)), "{named}");
        let is_described =
            descriptions.get(status.as_str()).is_some_and(|all| all.iter().any(|words| words.contains(&named)));
        // 405 is for methods that are not operations.
        assert!(is_described || *code == Code::MethodNotAllowed, "no operation has {named}");
    }
}

#[test]
fn every_query_parameter_is_documented_with_its_alias() {
    for (path, list) in [
        ("/api/v2/user-relationships", LIST_RELATIONSHIPS),
        ("/api/v2/user-relationships/{id}", ONE_RELATIONSHIP),
        ("/api/v2/user-relationships/{id}/{end}", ONE_USER),
        ("/api/v2/users", LIST_USERS),
        ("/api/v2/users/{id}", SHOWN_USER),
        ("/api/v2/users/{id}/{role}", LIST_ROLE_USERS),
        ("/api/v2/users/{id}/relationships/{role}", LIST_ROLE_LINKAGE),
        ("/api/v2/relationship-types", LIST_TYPES),
        ("/api/v2/groups", LIST_GROUPS),
        ("/api/v2/groups/{id}", ONE_GROUP),
        ("/api/v2/groups/{id}/members", LIST_MEMBERS_OF_GROUP),
        ("/api/v2/groups/{id}/owner", ONE_USER),
        ("/api/v2/group-members", LIST_MEMBERS),
        ("/api/v2/group-members/{id}", ONE_MEMBER),
        ("/api/v2/group-members/{id}/group", ONE_GROUP),
        ("/api/v2/group-members/{id}/user", ONE_USER),
    ] {
        let parameters = array(&openapi::document()["paths"][path]["get"]["parameters"]);
        let described: BTreeSet<_> =
            parameters.iter().filter(|it| it["in"] == "query").filter_map(|it| it["name"].as_str()).collect();
        let known: BTreeSet<_> = list.iter().flat_map(|known| [Some(known.name), known.alias]).flatten().collect();
        assert_eq!(described, known, "{path}");
    }
}

both!(a_request_with_all_documented_defaults_is_accepted, |app| {
    let (admin, made) = create_examples(app);
    // Generated clients send the defaults of all parameters.
    for (method, path, operation) in operations().into_iter().filter(|(method, ..)| method == "GET") {
        let parameters = array(&operation["parameters"]).iter().map(resolve);
        let query = parameters.filter_map(|it| {
            let default = &resolve(&it["schema"])["default"];
            Some(format!("{}={default}", it["name"].as_str()?)).filter(|_| !default.is_null())
        });
        let query = query.collect::<Vec<_>>().join("&");
        if ["/api/v2/users", "/api/v2/user-relationships", "/api/v2/user-relationships/{id}"].contains(&path) {
            admin.get(&format!("{}?{query}", path.replace("{id}", &made))).expect(200);
        }
        assert_eq!(query, "", "{method} {path}: parameters exclude each other");
    }
});

#[test]
fn every_schema_is_an_object_with_a_type_that_generators_know() {
    walk(openapi::document(), &mut |value| {
        let Some(members) = value.as_object() else { return };
        // Groups have a member with the name `properties`.
        let properties = members.get("properties").filter(|_| value["type"] == "object").and_then(Value::as_object);
        for (name, schema) in properties.into_iter().flatten() {
            assert!(schema.is_object(), "`{name}` is {schema}");
        }
        let has_members =
            ["properties", "additionalProperties", "maxProperties"].iter().any(|it| members.contains_key(*it));
        assert!(value["type"] != "object" || has_members, "generators describe an object without members: {value}");
        for word in ["items", "not", "if", "then", "else"] {
            assert!(!members.get(word).is_some_and(Value::is_boolean), "`{word}` is a boolean: {value}");
        }
        // Python generators write invalid code for a constant that is not a string.
        if members.get("const").is_some_and(|constant| !constant.is_object()) {
            assert!(value["const"].is_string() && value["type"] == "string", "{value}");
        }
        if members.get("enum").is_some_and(Value::is_array) {
            assert_eq!(value["type"], "string", "{value}");
        }
    });
}

#[test]
fn generated_classes_have_readable_names() {
    let schemas = openapi::document()["components"]["schemas"].as_object().expect("schemas");
    for (name, schema) in schemas {
        assert_eq!(schema["title"], name.as_str());
        assert!(name.len() < 40 && name.bytes().all(|letter| letter.is_ascii_alphabetic()), "{name}");
    }
    // Generators number classes without a name: `Attributes7`.
    walk(openapi::document(), &mut |value| {
        let is_class = value["properties"].is_object() && value["type"] == "object" || value["enum"].is_array();
        assert!(!is_class || value["title"].is_string(), "no name: {value}");
    });
    for name in [
        "NewUser",
        "NewUserAttributes",
        "UserAttributes",
        "UserRelationshipAttributes",
        "UserSort",
        "UserRelationshipField",
    ] {
        assert!(schemas.contains_key(name), "{name}");
    }
    for (_, path, operation) in operations() {
        let id = operation["operationId"].as_str().expect("an id");
        assert!(id.len() < 40 && id.bytes().all(|letter| letter.is_ascii_alphabetic()), "{path}: {id}");
    }
}

/// Creates users 1234 and 9876, and a relationship between them. Returns its id, which replaces 12345 in the examples.
fn create_examples(app: &App) -> (Client, String) {
    for id in [1234, 9876] {
        let email = vec![(Field::Email, Sent::Text(format!("u{id}@example.com")))];
        app.write(move |tx| users::create(tx, &Caller::OPERATOR, Some(UserId::new(id)), &email));
    }
    let admin = app.admin();
    let limit = json!({"data": {"type": "relationship-types", "id": "subordinate", "attributes": {"max-per-user": 1}}});
    admin.patch("/api/v2/relationship-types/subordinate", &limit).expect(200);
    let made = admin.post("/api/v2/user-relationships", &edge(Some(1234), "mentor", 9876)).expect(201);
    let import = preview(&admin, "", NDJSON, "\n");
    let mut raw = Raw::connect(&app.config.database_url);
    raw.run(&format!("UPDATE import_chunks SET import_id = 7; UPDATE imports SET id = 7 WHERE id = {import}"));
    (admin, made.id().to_string())
}

both!(all_example_bodies_are_accepted, |app| {
    let (admin, made) = create_examples(app);
    let mut sent = 0;
    for (method, path, operation) in operations() {
        let Some(content) = operation["requestBody"]["content"].as_object() else { continue };
        if FORMS.iter().any(|(form, _)| *form == path) {
            continue;
        }
        let item = array(&openapi::document()["paths"][path]["parameters"]);
        let url = item.iter().fold(path.to_owned(), |url, parameter| {
            let name = format!("{{{}}}", parameter["name"].as_str().expect("a name"));
            url.replace(&name, parameter["example"].as_str().expect("an example"))
        });
        // Only one media type: a create cannot be repeated with the other.
        let (media_type, content) = content.iter().next_back().expect("a media type");
        let body = content["example"].to_string().replace("\"12345\"", &format!("\"{made}\""));
        let url = url.replace("/12345", &format!("/{made}"));
        // Only a role of one user can be replaced.
        let url = if method == "PATCH" { url.replace("/mentors", "/supervisors") } else { url };
        let answer = admin.send(&method, &url, &[("content-type", media_type)], Some(body.as_bytes()));
        let status = answer.status.to_string();
        assert!((200..300).contains(&answer.status), "{method} {url} {body}: {}", answer.text);
        assert!(operation["responses"][&status].is_object(), "{method} {url}: {status} is not documented");
        sent += 1;
    }
    assert!(sent >= 8);
});

#[test]
fn examples_of_errors_have_the_documented_members() {
    let schemas = &openapi::document()["components"]["schemas"];
    let examples = &openapi::document()["components"]["responses"]["Error409"]["content"];
    let examples = examples["application/vnd.api+json"]["examples"].as_object().expect("examples");
    assert_eq!(examples.len(), 5);
    for (name, example) in examples {
        let error = &example["value"]["errors"][0];
        let code = Code::ALL.iter().find(|code| code.name() == name).expect("a code");
        assert_eq!(
            (&error["code"], &error["title"], &error["status"]),
            (&json!(name), &json!(code.title()), &json!("409"))
        );
        for required in array(&schemas["Error"]["required"]) {
            assert!(error[required.as_str().expect("a name")].is_string() || required == "links", "{name}: {required}");
        }
        for (member, value) in error["meta"].as_object().into_iter().flatten() {
            let schema = &schemas["ErrorMeta"]["properties"][member];
            let kind = if value.is_array() { "array" } else { "integer" };
            assert_eq!(schema["type"], kind, "{name}: {member}");
            assert!(
                schema["description"].as_str().is_some_and(|words| words.contains(&format!("`{name}`"))),
                "{member}"
            );
        }
    }
}

both!(all_example_forms_are_accepted, |app| {
    let (admin, _) = create_examples(app);
    let all: Vec<_> = operations();
    let example = |method: &str, path: &str| {
        let found = all.iter().find(|it| it.0 == method && it.1 == path);
        let (_, _, operation) = found.unwrap_or_else(|| panic!("{method} {path} is not described"));
        operation["requestBody"]["content"]["application/json"]["example"].clone()
    };
    let user = admin.form("POST", "/api/users", &example("POST", "/api/users")).expect(201).model_id();
    admin.form("PUT", &format!("/api/users/{user}"), &example("PUT", "/api/users/{id}")).expect(204);
    let opened = app.anonymous().form("POST", "/api/sessions", &example("POST", "/api/sessions")).expect(201);
    let token = opened.body["model"]["token"].as_str().expect("a token");
    let me = app.anonymous().with_authorization(&format!("Token token={token}"));
    me.form("DELETE", "/api/sessions", &example("DELETE", "/api/sessions")).expect(204);
    let groups = "/api/user/relationships";
    let group = admin.form("POST", groups, &example("POST", groups)).expect(201).model_id();
    let members = "/api/user/relationship_users";
    let mut values = example("POST", members);
    (values["form"]["relationship_id"], values["form"]["user_id"]) = (group.into(), user.into());
    let member = admin.form("POST", members, &values).expect(201).model_id();
    for (path, id) in [(members, member), (groups, group)] {
        for method in ["PUT", "DELETE"] {
            admin.form(method, &format!("{path}/{id}"), &example(method, &format!("{path}/{{id}}"))).expect(204);
        }
    }
});

both!(all_example_queries_are_accepted, |app| {
    let (admin, made) = create_examples(app);
    for operation in OPERATIONS.iter().filter(|operation| !operation.example.is_empty()) {
        let path = operation.path.replace("{id}", &made);
        admin.get(&format!("{path}{}", operation.example)).expect(200);
    }
});

both!(the_command_prints_the_served_document, |app| {
    let served = app.anonymous().get("/openapi.json").expect(200);
    assert_eq!(served.header("content-type"), Some("application/json"));
    assert_eq!(served.body, *openapi::document());
    assert_eq!(run("", &["openapi"]).expect(0).stdout, served.text);
    let root = app.anonymous().get("/").expect(200);
    app.anonymous().get(root.body["links"]["describedby"].as_str().expect("a link")).expect(200);
});

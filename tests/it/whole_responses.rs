//! Whole responses, as a client receives them.
//!
//! Each test compares a request and its response with a file in `tests/it/snapshots`, the same for both databases.
//! Times, entity tags, cursors and the ids of errors are replaced by placeholders, and members are sorted by name. To
//! accept a new response, run `INSTA_UPDATE=always cargo test --test it whole_responses` and review the changed files.

use std::fmt::Write as _;

use insta::{Settings, assert_snapshot};
use regex::Regex;

use crate::both;
use crate::forms;
use crate::support::groups::{new_group, new_member};
use crate::support::{App, Client, Value, edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const USERS: &str = "/api/v2/users";
const JSON_API: &str = "application/vnd.api+json";
const ATOMIC: &str = "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\"";
const CURSORS: &str =
    "application/vnd.api+json;profile=\"https://jsonapi.org/profiles/ethanresnick/cursor-pagination/\"";

/// The header fields of a response that a snapshot shows.
const HEADERS: [&str; 6] = ["content-type", "location", "etag", "cache-control", "vary", "retry-after"];

/// What differs from run to run, and what a snapshot has instead.
const REPLACEMENTS: [(&str, &str); 5] = [
    (r"\b\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} [+-]\d{4}\b", "<time>"),
    (r"(?m)^etag: .*$", "etag: <tag>"),
    (r"(page%5B(?:after|before)%5D=)[\w-]+", "$1<cursor>"),
    (r#"("id": )"[0-9a-f]{16}-[0-9a-f]{8}""#, r#"$1"<error id>""#),
    (r#"("cursor": )"[^"]+""#, r#"$1"<cursor>""#),
];

/// Sends a request and compares it and its response with a snapshot.
#[track_caller]
fn assert_response(
    name: &str,
    client: &Client,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Option<&Value>,
) {
    let sent = body.map(Value::to_string);
    let answer = client.send(method, path, headers, sent.as_ref().map(String::as_bytes));
    let mut text = format!("{method} {path}\n");
    text.extend(headers.iter().map(|(name, value)| format!("{name}: {value}\n")));
    text.extend(body.map(|body| format!("\n{body:#}\n")));
    writeln!(text, "\n{}", answer.status).expect("a string grows");
    text.extend(HEADERS.iter().filter_map(|name| Some(format!("{name}: {}\n", answer.header(name)?))));
    writeln!(text, "\n{:#}", answer.body).expect("a string grows");
    for (pattern, replacement) in REPLACEMENTS {
        text = Regex::new(pattern).expect("a pattern").replace_all(&text, replacement).into_owned();
    }
    let mut settings = Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| assert_snapshot!(name, text));
}

/// Ann and Bob, and an edge from Ann to Bob as mentor.
fn ann_and_bob(app: &App) -> (Client, Client) {
    let (ann, bob) = (app.named("ann@example.com", "user"), app.named("bob@example.com", "user"));
    ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201);
    (ann, bob)
}

both!(a_list_of_relationships, |app| {
    let (ann, _) = ann_and_bob(app);
    assert_response("list", &ann, "GET", &format!("{EDGES}?user={}&limit=1", ann.id), &[], None);
});

both!(a_relationship, |app| {
    let (ann, _) = ann_and_bob(app);
    assert_response("one", &ann, "GET", &format!("{EDGES}/1"), &[], None);
});

both!(a_created_relationship, |app| {
    let (ann, bob) = ann_and_bob(app);
    let document = edge(None, "colleague", bob.id);
    assert_response("created", &ann, "POST", EDGES, &[("content-type", JSON_API)], Some(&document));
});

both!(an_error_document, |app| {
    let (ann, _) = ann_and_bob(app);
    let document = json!({"data": {"type": "user-relationships", "attributes": {"relationship": 7}}});
    assert_response("errors", &ann, "POST", EDGES, &[("content-type", JSON_API)], Some(&document));
});

both!(atomic_operations, |app| {
    let admin = app.named("root@example.com", "admin");
    let operations = json!({"atomic:operations": [
        {"op": "add", "data": {"type": "users", "lid": "new", "attributes": {"email": "cleo@example.com"}}},
        {"op": "add", "data": {
            "type": "user-relationships",
            "lid": "edge",
            "attributes": {"relationship": "mentor"},
            "relationships": {"target": {"data": {"type": "users", "lid": "new"}}},
        }},
        {
            "op": "update",
            "ref": {"type": "user-relationships", "lid": "edge"},
            "data": {"type": "user-relationships", "attributes": {"relationship": "colleague"}},
        },
    ]});
    assert_response("operations", &admin, "POST", "/api/v2/operations", &[("content-type", ATOMIC)], Some(&operations));
});

both!(a_page_by_cursor, |app| {
    let (ann, bob) = ann_and_bob(app);
    bob.post(EDGES, &edge(None, "mentor", ann.id)).expect(201);
    let path = format!("{USERS}?sort=-id&page[size]=1&fields[users]=email").replace('[', "%5B").replace(']', "%5D");
    assert_response("cursor-page", &ann, "GET", &path, &[("accept", CURSORS)], None);
});

both!(a_response_of_the_forms_dialect, |app| {
    let admin = app.named("root@example.com", "admin");
    let headers = [("content-type", "application/json"), ("accept", "application/json")];
    let create = |email: &str| {
        forms::form("create_user", &json!({"first_name": "Ann", "email": email, "password": "some password"}))
    };
    assert_response("form", &admin, "POST", "/api/users", &headers, Some(&create("ann@example.com")));
    assert_response("form-refused", &admin, "POST", "/api/users", &headers, Some(&create("ann")));
});

both!(included_users_with_selected_fields, |app| {
    let (ann, _) = ann_and_bob(app);
    let path =
        format!("{EDGES}/1?include=target&fields[users]=email,access-level").replace('[', "%5B").replace(']', "%5D");
    assert_response("include", &ann, "GET", &path, &[], None);
});

both!(a_user, |app| {
    let (ann, _) = ann_and_bob(app);
    assert_response("user", &ann, "GET", &format!("{USERS}/me"), &[], None);
});

both!(a_group_with_its_members, |app| {
    let (ann, bob) = ann_and_bob(app);
    let group = new_group(app, ann.id, r#"{"group_name":"Captains"}"#);
    new_member(app, group, bob.id, r#"{"status":"active"}"#);
    assert_response("group", &ann, "GET", &format!("/api/v2/groups/{group}?include=members"), &[], None);
});

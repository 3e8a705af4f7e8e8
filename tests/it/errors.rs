//! Every error code of the catalogue, caused by a request, and the members of every error object.

use std::time::Duration;

use user_relationships::model::code::Code;

use crate::both;
use crate::support::citus::skips_on_spread_rows;
use crate::support::sql::Raw;
use crate::support::{Answer, App, Client, Value, edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const USERS: &str = "/api/v2/users";
const TYPES: &str = "/api/v2/relationship-types";
const CHANGES: &str = "/api/v2/changes";
const JSON_API: (&str, &str) = ("content-type", "application/vnd.api+json");

/// The idempotency key of the request that created the edge of the fixture.
const KEY: (&str, &str) = ("idempotency-key", "the-first");

/// The users of the requests, and edges from ann to bob as mentor and as report, a type that is a tree.
struct ErrorFixture {
    anonymous: Client,
    excluded: Client,
    ann: Client,
    bob: Client,
    admin: Client,
    edge: i64,
}

impl ErrorFixture {
    fn new(app: &App) -> Self {
        let (ann, bob) = (app.named("ann@example.com", "user"), app.user());
        let document = edge(None, "mentor", bob.id).to_string();
        let made = ann.send("POST", EDGES, &[JSON_API, KEY], Some(document.as_bytes())).expect(201);
        let admin = app.admin();
        let rules = json!({"is-acyclic": true, "max-per-user": 1});
        let tree = json!({"data": {"type": "relationship-types", "id": "report", "attributes": rules}});
        admin.post(TYPES, &tree).expect(201);
        ann.post(EDGES, &edge(None, "report", bob.id)).expect(201);
        Self { anonymous: app.anonymous(), excluded: app.caller("excluded"), ann, bob, admin, edge: made.id() }
    }

    fn edge_url(&self) -> String {
        format!("{EDGES}/{}", self.edge)
    }

    /// Everything that is stored, as an admin sees it.
    fn everything(&self) -> Vec<Value> {
        let lists = [EDGES.to_owned(), format!("{USERS}?filter[is-enabled]=true,false"), TYPES.to_owned()];
        lists.iter().map(|list| self.admin.get(list).expect(200).body["data"].clone()).collect()
    }
}

/// A request that fails.
struct Request {
    client: Client,
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<Vec<u8>>,
}

impl Request {
    fn get(client: &Client, path: impl Into<String>) -> Self {
        Self { client: client.clone(), method: "GET", path: path.into(), headers: Vec::new(), body: None }
    }

    fn with(client: &Client, method: &'static str, path: impl Into<String>, document: &Value) -> Self {
        let body = Some(document.to_string().into_bytes());
        let headers = vec![(JSON_API.0, JSON_API.1.to_owned())];
        Self { method, headers, body, ..Self::get(client, path) }
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }

    fn bytes(self, body: &[u8]) -> Self {
        Self { body: Some(body.to_owned()), ..self }
    }

    fn send(&self) -> Answer {
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        self.client.send(self.method, &self.path, &headers, self.body.as_deref())
    }
}

/// A code of the catalogue and a request that causes it.
type Row = (&'static str, fn(&ErrorFixture) -> Request);

fn post(fixture: &ErrorFixture, document: &Value) -> Request {
    Request::with(&fixture.ann, "POST", EDGES, document)
}

fn change(id: i64, attributes: &Value) -> Value {
    json!({"data": {"type": "user-relationships", "id": id.to_string(), "attributes": attributes}})
}

fn linked(target: &Value) -> Value {
    json!({"data": {"type": "user-relationships", "attributes": {"relationship": "mentor"},
        "relationships": {"target": {"data": target}}}})
}

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("malformed-json", |s| post(s, &json!({})).bytes(b"{\"data\":")),
    ("malformed-document", |s| post(s, &json!([]))),
    ("unknown-parameter", |s| Request::get(&s.ann, format!("{EDGES}?fooBar=1"))),
    ("invalid-parameter", |s| Request::get(&s.ann, format!("{EDGES}?limit=51"))),
    ("duplicate-parameter", |s| Request::get(&s.ann, format!("{EDGES}?limit=1&limit=2"))),
    ("invalid-cursor", |s| Request::get(&s.ann, format!("{EDGES}?page%5Bafter%5D=nonsense"))),
    ("unsupported-include", |s| Request::get(&s.ann, format!("{EDGES}?include=enemy"))),
    ("unsupported-sort", |s| Request::get(&s.ann, format!("{EDGES}?sort=colour"))),
    ("unknown-field", |s| Request::get(&s.ann, format!("{EDGES}?fields%5Buser-relationships%5D=colour"))),
    ("unauthenticated", |s| Request::get(&s.anonymous, USERS)),
    ("not-owner", |s| Request::with(&s.bob, "DELETE", s.edge_url(), &json!({}))),
    ("not-admin", |s| Request::with(&s.ann, "POST", USERS, &json!({}))),
    ("admin-only-attribute", |s| Request::with(&s.ann, "PATCH", "/api/v2/users/me", &json!({"data": {"attributes": {"alt-id": "1"}}}))),
    ("client-generated-id", |s| post(s, &change(7, &json!({})))),
    ("immutable-relationship", |s| Request::with(&s.ann, "PATCH", format!("{}/relationships/target", s.edge_url()), &json!({"data": null}))),
    ("unsupported-update", |s| Request::with(&s.ann, "PATCH", format!("{}/user", s.edge_url()), &json!({}))),
    ("signature-rejected", |s| Request::get(&s.anonymous, USERS).header("api-signature", "x")),
    ("account-disabled", |s| Request::get(&s.excluded, USERS)),
    ("not-found", |s| Request::get(&s.ann, format!("{EDGES}/999999"))),
    ("related-resource-not-found", |s| post(s, &edge(None, "mentor", 999_999))),
    ("method-not-allowed", |s| Request::with(&s.ann, "PUT", EDGES, &json!({}))),
    ("not-acceptable", |s| Request::get(&s.ann, EDGES).header("accept", "text/html")),
    ("unsupported-media-type", |s| post(s, &edge(None, "colleague", s.bob.id)).header("content-type", "text/plain")),
    ("already-exists", |s| post(s, &edge(None, "mentor", s.bob.id))),
    ("email-taken", |s| Request::with(&s.admin, "POST", USERS, &json!({"data": {"type": "users", "attributes": {"email": "ANN@example.com"}}}))),
    ("type-in-use", |s| Request::with(&s.admin, "DELETE", format!("{TYPES}/mentor"), &json!({}))),
    ("role-taken", |s| Request::with(&s.admin, "POST", TYPES, &json!({"data": {"type": "relationship-types", "id": "supervisors"}}))),
    ("relationship-cycle", |s| Request::with(&s.bob, "POST", EDGES, &edge(None, "report", s.ann.id))),
    ("too-many-relationships", |s| post(s, &edge(None, "report", s.admin.id))),
    ("own-account", |s| Request::with(&s.admin, "DELETE", format!("{USERS}/{}", s.admin.id), &json!({}))),
    ("type-mismatch", |s| post(s, &linked(&json!({"type": "people", "id": "1"})))),
    ("id-mismatch", |s| Request::with(&s.ann, "PATCH", s.edge_url(), &change(s.edge + 1, &json!({})))),
    ("cursor-expired", |s| {
        let page = s.admin.get(&format!("{CHANGES}?filter[from]=now"));
        let mut cursor = page.body["meta"]["cursor"].as_str().expect("a cursor").to_owned();
        // Another key has signed it.
        cursor.replace_range(3..6, if &cursor[3..6] == "AAA" { "BBB" } else { "AAA" });
        Request::get(&s.admin, format!("{CHANGES}?page[after]={cursor}"))
    }),
    ("precondition-failed", |s| Request::with(&s.ann, "PATCH", s.edge_url(), &change(s.edge, &json!({"relationship": "colleague"}))).header("if-match", "\"stale\"")),
    ("body-too-large", |s| post(s, &json!({})).bytes(&vec![b' '; 2 * 1024 * 1024])),
    ("uri-too-long", |s| Request::get(&s.ann, format!("{USERS}?query={}", "x".repeat(8 * 1024)))),
    ("headers-too-large", |s| Request::get(&s.ann, USERS).header("x-long", "x".repeat(64 * 1024))),
    ("missing-attribute", |s| post(s, &json!({"data": {"type": "user-relationships"}}))),
    ("missing-relationship", |s| post(s, &json!({"data": {"type": "user-relationships", "attributes": {"relationship": "mentor"}, "relationships": {}}}))),
    ("invalid-attribute", |s| Request::with(&s.ann, "PATCH", "/api/v2/users/me", &json!({"data": {"attributes": {"first-name": 1}}}))),
    ("invalid-relationship", |s| post(s, &linked(&json!([])))),
    ("unknown-attribute", |s| Request::with(&s.ann, "PATCH", s.edge_url(), &change(s.edge, &json!({"a/b~c": 1})))),
    ("unknown-relationship", |s| Request::with(&s.ann, "PATCH", "/api/v2/users/me", &json!({"data": {"relationships": {"boss": {"data": null}}}}))),
    ("idempotency-key-reused", |s| post(s, &edge(None, "colleague", s.bob.id)).header(KEY.0, KEY.1)),
    ("self-relationship", |s| post(s, &edge(None, "mentor", s.ann.id))),
    ("unknown-relationship-type", |s| post(s, &edge(None, "foe", s.bob.id))),
];

/// Codes that no single request causes, and the tests that cover them.
const ELSEWHERE: &[(&str, &str)] = &[
    ("too-many-types", "a full table of types: `registering_returns_409_when_all_numbers_are_in_use`"),
    (
        "rules-violated",
        "a new rule over more than one relationship: `a_cycle_of_stored_relationships_is_shown_as_a_path`",
    ),
    ("traversal-too-large", "10,001 users: `a_traversal_visits_ten_thousand_users_and_no_more`"),
    ("transfer-too-large", "10,001 relationships: `a_transfer_of_more_than_10000_relationships_is_refused`"),
    ("import-outdated", "a preview: `a_preview_that_others_made_outdated_is_not_run`"),
    ("import-running", "a run: `one_import_runs_at_a_time`"),
    ("import-not-runnable", "a preview: `a_synchronization_that_takes_too_much_away_cannot_be_run`"),
    ("relationship-too-deep", "a long path of an acyclic type: `a_chain_of_64_is_accepted_and_one_of_65_refused`"),
    ("internal", "a defect of the program: `an_unexpected_database_result_is_an_internal_error`"),
    ("unavailable", "a database in trouble: `a_database_that_does_not_answer_makes_the_service_unavailable`"),
    ("rate-limited", "earlier failures: `a_credential_that_fails_repeatedly_is_rate_limited`"),
    ("answer-too-large", "large profiles: `operations_with_a_response_above_the_limit_are_a_413`"),
    ("idempotency-key-in-use", "two concurrent requests: `a_repeat_of_an_unfinished_request_is_a_409`"),
];

#[test]
fn every_error_code_has_a_request_or_a_reason() {
    for code in Code::ALL {
        let rows = ROWS.iter().map(|row| row.0).chain(ELSEWHERE.iter().map(|row| row.0));
        assert_eq!(rows.filter(|name| *name == code.name()).count(), 1, "{}", code.name());
    }
}

both!(every_error_has_a_complete_error_object_and_writes_nothing, |app| {
    let fixture = ErrorFixture::new(app);
    let before = fixture.everything();
    for code in Code::ALL {
        let Some((name, request)) = ROWS.iter().find(|row| row.0 == code.name()) else { continue };
        let request = request(&fixture);
        let answer = request.send().refused(code.status(), name);
        for error in answer.body["errors"].as_array().unwrap() {
            assert_is_whole(error, &request);
            let (page, anchor) = error["links"]["type"].as_str().unwrap().split_once('#').unwrap();
            let page = app.anonymous().get(page).expect(200).text;
            let row = page.split(&format!("<tr id=\"{anchor}\">")).nth(1).unwrap_or_default();
            let row = row.split("</tr>").next().unwrap_or_default();
            let cells: Vec<_> = row.split("<td>").skip(1).collect();
            assert!(anchor == error["code"] && cells.len() == 3, "{name} is not documented");
            assert!(cells[0].starts_with(&code.status().to_string()), "{row}");
            assert!(cells[2].len() > 15, "{name} is not explained: {row}");
        }
        assert_eq!(answer.header("vary").map(|vary| vary.starts_with("Accept")), Some(true), "{name}");
        assert_eq!(answer.header("www-authenticate").is_some(), answer.status == 401, "{name}");
        assert_eq!(answer.header("allow").is_some(), answer.status == 405, "{name}");
        for secret in ["SELECT", "panicked", ".rs:", "urt_", "diesel"] {
            assert!(!answer.text.contains(secret) || *name == "unauthenticated", "{name}: {}", answer.text);
        }
        assert_eq!(fixture.everything(), before, "{name} wrote something");
    }
    app.assert_no_drift();
});

/// Asserts that an error has a constant title and points at an existing part of the request.
#[track_caller]
fn assert_is_whole(error: &Value, request: &Request) {
    let code = Code::ALL.iter().find(|code| error["code"] == code.name()).expect("a code of the catalogue");
    assert_eq!((&error["title"], &error["status"]), (&json!(code.title()), &json!(code.status().to_string())));
    let members = ["id", "links", "status", "code", "title", "detail", "source", "meta"];
    assert!(error.as_object().unwrap().iter().all(|(name, value)| members.contains(&&**name) && !value.is_null()));
    let Some(source) = error.get("source") else { return };
    assert_eq!(source.as_object().unwrap().len(), 1, "{error}");
    if let Some(pointer) = source["pointer"].as_str() {
        let document: Value = serde_json::from_slice(request.body.as_deref().unwrap()).unwrap();
        assert!(document.pointer(pointer).is_some(), "`{pointer}` is not in {document}");
    } else if let Some(parameter) = source["parameter"].as_str() {
        let query = request.path.split_once('?').unwrap().1;
        assert!(form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == parameter), "{parameter}");
    } else {
        let name = source["header"].as_str().expect("a pointer, a parameter or a header").to_lowercase();
        assert!(name == "authorization" || request.headers.iter().any(|(sent, _)| *sent == name), "{name}");
    }
}

both!(
    a_database_that_does_not_answer_makes_the_service_unavailable,
    |config| {
        config.request_timeout = Duration::from_secs(2);
        config.database_timeout = Duration::from_secs(2);
    },
    |app| {
        let fixture = ErrorFixture::new(app);
        let mut holder = Raw::connect(&app.home().url());
        holder.run(match app.store.engine_name() {
            "sqlite" => "BEGIN IMMEDIATE",
            _ => "BEGIN; LOCK TABLE user_relationships IN ACCESS EXCLUSIVE MODE",
        });
        let refused = fixture.ann.post(EDGES, &edge(None, "colleague", fixture.bob.id)).refused(503, "unavailable");
        assert!(refused.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()));
        assert!(!refused.text.contains("lock"), "{}", refused.text);
        holder.run("ROLLBACK");
    }
);

both!(an_unexpected_database_result_is_an_internal_error, |app| {
    if skips_on_spread_rows("the test writes rows itself, with statements that Citus refuses") {
        return;
    }
    let fixture = ErrorFixture::new(app);
    // A relationship of an unregistered type, which this program never writes.
    let nonsense = format!("UPDATE user_relationships SET type_id = 99 WHERE id = {}", fixture.edge);
    let free = match app.store.engine_name() {
        "sqlite" => "PRAGMA foreign_keys = OFF",
        _ => "SET LOCAL session_replication_role = replica",
    };
    Raw::connect(&app.home().url()).run(&format!("{free}; {nonsense}"));
    let refused = fixture.ann.get(&fixture.edge_url()).refused(500, "internal");
    let detail = refused.body["errors"][0]["detail"].as_str().unwrap();
    assert!(!detail.contains("99") && refused.header("retry-after").is_none(), "{detail}");
});

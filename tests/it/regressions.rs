//! Former violations of the contracts, one test for each.

use std::time::Duration;

use crate::both;
use crate::support::import::{ImportFixture, counts};
use crate::support::process::{PATIENCE, Service, run, until};
use crate::support::{Answer, Client, Value, edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const OPERATIONS: &str = "/api/v2/operations";
const JSON_API: &str = "application/vnd.api+json";
const ATOMIC: &str = "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\"";

fn changed(id: i64, kind: &str) -> Vec<u8> {
    let data = json!({"type": "user-relationships", "id": id.to_string(), "attributes": {"relationship": kind}});
    json!({"data": data}).to_string().into_bytes()
}

fn operate(client: &Client, operation: &Value) -> Answer {
    let document = json!({"atomic:operations": [operation]}).to_string();
    client.send("POST", OPERATIONS, &[("content-type", ATOMIC)], Some(document.as_bytes()))
}

/// The code of each error, and the part of the request that it points at.
fn errors<'a>(answer: &'a Answer, kind: &str) -> Vec<(&'a str, &'a str)> {
    let all = answer.body["errors"].as_array().expect("errors").iter();
    all.map(|error| (error["code"].as_str().unwrap(), error["source"][kind].as_str().unwrap())).collect()
}

both!(writes_that_match_if_none_match_are_412_and_change_nothing, |app| {
    let (ann, bob) = (app.user(), app.user());
    let made = ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201);
    let (url, id) = (made.header("location").unwrap(), made.id());
    let tag = made.header("etag").unwrap();
    let body = changed(id, "colleague");
    let send = |method: &str, sent: &str| {
        let headers = [("content-type", JSON_API), ("if-none-match", sent)];
        ann.send(method, url, &headers, (method == "PATCH").then_some(&*body))
    };
    for sent in ["*", tag, &format!("W/{tag}"), &format!("\"x\", {tag}")] {
        for method in ["PATCH", "DELETE"] {
            let refused = send(method, sent).refused(412, "precondition-failed");
            assert_eq!(refused.source("header"), Some("If-None-Match"), "{method} {sent}");
        }
    }
    let now = ann.get(url).expect(200);
    assert_eq!((&now.body["data"], now.header("etag")), (&made.body["data"], Some(tag)));
    // Forbidden and missing resources get the same errors as without the header.
    bob.send("DELETE", url, &[("if-none-match", "*")], None).refused(403, "not-owner");
    ann.send("DELETE", &format!("{EDGES}/999999"), &[("if-none-match", "*")], None).refused(404, "not-found");
    send("PATCH", "\"x\"").expect(200);
    send("DELETE", tag).expect(204);
});

both!(a_fetch_that_does_not_match_if_match_is_a_412, |app| {
    let (ann, bob) = (app.user(), app.user());
    let made = ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201);
    let url = made.header("location").unwrap();
    for path in [url, &format!("{url}?include=target"), EDGES, "/api/v2/users/me", "/api/v2/relationship-types"] {
        let full = ann.get(path).expect(200);
        let tag = full.header("etag").unwrap();
        for method in ["GET", "HEAD"] {
            for sent in [tag, "*", &format!("\"x\", {tag}")] {
                ann.send(method, path, &[("if-match", sent)], None).expect(200);
            }
            for sent in ["\"x\"", &format!("W/{tag}"), ""] {
                assert_eq!(ann.send(method, path, &[("if-match", sent)], None).status, 412, "{method} {path} {sent}");
            }
        }
        let refused = ann.send("GET", path, &[("if-match", "\"x\""), ("if-none-match", tag)], None);
        assert_eq!(refused.refused(412, "precondition-failed").source("header"), Some("If-Match"));
    }
});

both!(an_op_that_is_not_a_string_is_reported_at_its_pointer, |app| {
    let admin = app.admin();
    for op in [json!(1), json!(null), json!({}), json!("create")] {
        let refused = operate(&admin, &json!({"op": op})).refused(400, "malformed-document");
        assert_eq!(refused.source("pointer"), Some("/atomic:operations/0/op"), "{op}");
    }
    let refused = operate(&admin, &json!({"data": {}})).refused(400, "malformed-document");
    assert_eq!(refused.source("pointer"), Some("/atomic:operations/0"), "a missing value cannot be pointed at");
});

both!(operations_accept_the_me_url_as_a_target, |app| {
    let ann = app.user();
    let change = |id: Option<i64>, name: &str| {
        let mut data = json!({"type": "users", "attributes": {"first-name": name}});
        if let Some(id) = id {
            data["id"] = json!(id.to_string());
        }
        operate(&ann, &json!({"op": "update", "href": "/api/v2/users/me", "data": data}))
    };
    for (id, name) in [(Some(ann.id), "Ann"), (None, "Anna")] {
        change(id, name).expect(200);
        assert_eq!(ann.get("/api/v2/users/me").expect(200).body["data"]["attributes"]["first-name"], name);
    }
    let refused = change(Some(ann.id + 1), "Bob").refused(409, "id-mismatch");
    assert_eq!(refused.source("pointer"), Some("/atomic:operations/0/data/id"));
});

both!(a_media_type_parameter_without_a_value_is_a_parameter, |app| {
    let (ann, bob) = (app.user(), app.user());
    let body = edge(None, "mentor", bob.id).to_string();
    let post = |kind: &str| ann.send("POST", EDGES, &[("content-type", kind)], Some(body.as_bytes()));
    for kind in ["application/vnd.api+json;foo", "application/vnd.api+json; charset", "application/vnd.api+json;foo="] {
        post(kind).refused(415, "unsupported-media-type");
        ann.send("GET", EDGES, &[("accept", kind)], None).refused(406, "not-acceptable");
    }
    ann.send("GET", EDGES, &[("accept", "application/vnd.api+json;")], None).expect(200);
    post("application/vnd.api+json; ").expect(201);
});

both!(a_compressed_body_is_a_415_with_the_reason, |app| {
    let (ann, bob) = (app.user(), app.user());
    let body = edge(None, "mentor", bob.id).to_string();
    let post = |coding: &str| {
        let headers = [("content-type", JSON_API), ("content-encoding", coding)];
        ann.send("POST", EDGES, &headers, Some(body.as_bytes()))
    };
    for coding in ["gzip", "br", "identity, zstd", "x"] {
        let refused = post(coding).refused(415, "unsupported-media-type");
        assert_eq!(refused.source("header"), Some("Content-Encoding"), "{coding}");
    }
    post("Identity").expect(201);
});

both!(all_errors_in_a_query_are_reported_together, |app| {
    let query = "x=1&_=2&limit=99&limit=9&user=abc&sort=q&include=zz&fields[users]=bad";
    let refused = app.user().get(&format!("{EDGES}?{query}")).expect(400);
    let mut found: Vec<_> = errors(&refused, "parameter");
    found.sort_unstable();
    let mut all = [
        ("unknown-parameter", "x"),
        ("unknown-parameter", "_"),
        ("duplicate-parameter", "limit"),
        ("invalid-parameter", "limit"),
        ("invalid-parameter", "user"),
        ("unsupported-sort", "sort"),
        ("unsupported-include", "include"),
        ("unknown-field", "fields[users]"),
    ];
    all.sort_unstable();
    assert_eq!(found, all);
    let one = app.user().get("/api/v2/users/me?x=1&fields[users]=Bad").expect(400);
    assert_eq!(errors(&one, "parameter"), [("unknown-parameter", "x"), ("unknown-field", "fields[users]")]);
});

both!(all_errors_in_a_user_are_reported_together, |app| {
    let (admin, ann) = (app.admin(), app.user());
    let document = |attributes: Value| json!({"data": {"type": "users", "attributes": attributes, "relationships": {"friends": {}}}});
    let wrong = [
        ("unknown-attribute", "/data/attributes/foo"),
        ("unknown-relationship", "/data/relationships/friends"),
        ("invalid-attribute", "/data/attributes/first-name"),
        ("invalid-attribute", "/data/attributes/location"),
    ];
    let bad = document(json!({"foo": 1, "first-name": 5, "location": [1]}));
    let refused = admin.post("/api/v2/users", &bad).expect(422);
    let found = errors(&refused, "pointer");
    assert_eq!(found.first(), Some(&("missing-attribute", "/data/attributes")));
    assert_eq!(found[1..], wrong);
    let refused = ann.patch("/api/v2/users/me", &bad).expect(422);
    let sorted = |mut errors: Vec<_>| {
        errors.sort_unstable();
        errors
    };
    assert_eq!(sorted(errors(&refused, "pointer")), sorted(wrong.to_vec()));
    // An admin-only attribute is refused as such, whatever its value.
    ann.patch("/api/v2/users/me", &json!({"data": {"attributes": {"email": "x"}}}))
        .refused(403, "admin-only-attribute");
});

#[test]
fn readyz_lists_its_checks_while_it_is_not_ready() {
    for fixture in ImportFixture::all() {
        let mut service = Service::start(&fixture.home.text(), &[("DRAIN_DELAY", "1m")]);
        let anonymous = service.anonymous();
        let checks =
            |path: &str, status| anonymous.get(path).expect(status).body["errors"][0]["meta"]["checks"].clone();
        service.signal("TERM");
        until("`/readyz` turns 503", PATIENCE, || anonymous.get("/readyz").status == 503);
        assert_eq!(checks("/readyz", 503), Value::Null);
        assert_eq!(checks("/readyz?verbose", 503), json!({"database": true, "schema": true, "not-draining": false}));
        service.signal("TERM");
        assert!(service.wait(Duration::from_secs(5)).success());
    }
}

#[test]
fn the_last_line_of_a_csv_file_needs_no_newline() {
    for fixture in ImportFixture::all() {
        let users = fixture.write("u.csv", "id,email\r\n1,ann@example.com\r\n2,bob@example.com");
        let edges = fixture.write("e.csv", "user,target,relationship\n1,2,mentor\n2,1,\"mentor\"");
        let outcome =
            fixture.run(&["import", "--format", "csv", "--users", &users, "--relationships", &edges]).expect(0);
        assert_eq!(counts(&outcome), [[2, 0, 0, 0], [2, 0, 0, 0]]);
    }
}

#[test]
fn an_import_refuses_ids_that_leave_no_room_for_new_ones() {
    for fixture in ImportFixture::all() {
        let add = |email: &str, id: &str| fixture.run(&["user", "add", "--email", email, "--id", id]);
        for id in ["9223372036854775807", "4611686018427387904", "0", "x"] {
            let refused = add("ann@example.com", id).expect(2);
            assert!(refused.stderr.contains("--id") && refused.stdout.is_empty(), "{}", refused.stderr);
        }
        assert_eq!(add("ann@example.com", "4611686018427387903").expect(0).line(), "4611686018427387903");
        let next = fixture.run(&["user", "add", "--email", "bob@example.com"]).expect(0);
        assert_eq!(next.line(), "4611686018427387904");
    }
}

#[test]
fn a_url_that_libpq_rejects_is_reported_without_its_password() {
    for (url, found) in [
        ("postgres://ann:SECRET/x@127.0.0.1/db", "%2F"),
        ("postgres://ann:SECRET@x@127.0.0.1/db", "%40"),
        ("postgres://ann:SECRET%zz@127.0.0.1/db", "%25"),
        ("postgres://ann:SECRET@[::1/db", "brackets"),
        ("postgres://ann:SECRET@[::1]x/db", "brackets"),
        ("postgres://ann:SECRET@127.0.0.1/db?SECRET", "name=value"),
        ("postgres://ann:SECRET@127.0.0.1/db?bogus=1", "query parameter"),
        ("postgres://ann:SECRET@127.0.0.1/db?sslmode=bogus", "sslmode"),
    ] {
        for args in [&["user", "list"][..], &["serve", "--listen", "127.0.0.1:0"], &["migrate", "run"]] {
            let outcome = run(url, args).expect(78);
            let all = format!("{}{}", outcome.stdout, outcome.stderr);
            assert!(all.contains("DATABASE_URL") && all.contains(found) && !all.contains("SECRET"), "{url}: {all}");
        }
    }
    for url in ["postgres://ann:a?HUSH@127.0.0.1/db", "postgres://ann:12/HUSH@127.0.0.1/db"] {
        let shown = run(url, &["config"]).expect(0).stdout;
        assert!(shown.contains("DATABASE_URL=postgres://ann:***@") && !shown.contains("HUSH"), "{shown}");
    }
}

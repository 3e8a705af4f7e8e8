//! Atomic operations are bounded in bytes and time, and show each resource once, as the last operation left it.

use std::time::Duration;

use crate::both;
use crate::support::sql::Raw;
use crate::support::{Answer, App, Client, Engine, Value, app, edge, json};

const PATH: &str = "/api/v2/operations";
const ME: &str = "/api/v2/users/me";
const USERS: &str = "/api/v2/users";
const EDGES: &str = "/api/v2/user-relationships";
const MEDIA_TYPE: &str = "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\"";
const MAX_ANSWER: usize = 8 * 1024 * 1024;
const PROFILE: usize = 60_000;

fn send(client: &Client, operations: &[Value]) -> Answer {
    let document = json!({"atomic:operations": operations});
    client.send("POST", PATH, &[("content-type", MEDIA_TYPE)], Some(document.to_string().as_bytes()))
}

fn data(kind: &str, id: i64, attributes: &Value) -> Value {
    json!({"type": kind, "id": id.to_string(), "attributes": attributes})
}

pub fn update(id: i64, attributes: &Value) -> Value {
    json!({"op": "update", "data": data("users", id, attributes)})
}

fn remove(kind: &str, id: i64) -> Value {
    json!({"op": "remove", "ref": {"type": kind, "id": id.to_string()}})
}

/// Fills the profile of a user with about [`PROFILE`] bytes.
pub fn fill_profile(client: &Client) {
    let places = vec!["x".repeat(1_000); PROFILE / 1_000];
    let document = json!({"data": data("users", client.id, &json!({"location": places}))});
    client.patch(ME, &document).expect(200);
}

fn assert_too_large(answer: Answer, what: &str) {
    let refused = answer.refused(413, "answer-too-large");
    let detail = refused.body["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains(what) && detail.contains(&MAX_ANSWER.to_string()), "{detail}");
    assert!(detail.contains("send fewer operations"), "{detail}");
    assert!(refused.text.len() < 2_000);
}

/// Operations on SQLite may take a twentieth of it; a test machine is slow.
pub fn patient(config: &mut user_relationships::config::Config) {
    config.request_timeout = Duration::from_mins(10);
}

both!(operations_with_a_response_above_the_limit_are_a_413, |config| { patient(config) }, |app| {
    let ann = app.user();
    fill_profile(&ann);
    // The profiles alone fit, but not together with the rest of each result.
    let operations: Vec<_> = (0..138).map(|n| update(ann.id, &json!({"first-name": format!("Ann {n}")}))).collect();
    const { assert!(138 * (PROFILE + 300) < MAX_ANSWER && 138 * (PROFILE + 1_000) > MAX_ANSWER) };
    assert_too_large(send(&ann, &operations), "results");
    assert_eq!(ann.get(ME).expect(200).body["data"]["attributes"]["first-name"], json!(null));
    let answer = send(&ann, &operations[..10]).expect(200);
    assert!(answer.text.len() > 10 * PROFILE);
});

both!(operations_that_rewrite_large_profiles_too_often_are_a_413, |config| { patient(config) }, |app| {
    let ann = app.user();
    fill_profile(&ann);
    let mut operations: Vec<_> = (0..300).map(|n| update(ann.id, &json!({"first-name": format!("Ann {n}")}))).collect();
    // The response would be small.
    operations.push(update(ann.id, &json!({"location": []})));
    assert_too_large(send(&ann, &operations), "profiles");
    assert_eq!(ann.get(ME).expect(200).body["data"]["attributes"]["first-name"], json!(null));
});

both!(every_result_shows_the_resource_after_the_last_operation, |app| {
    let (admin, bob) = (app.admin(), app.user());
    let add = json!({"op": "add", "data": {"type": "users", "lid": "new", "attributes": {"email": "new@x.org"}}});
    let by_lid = |first: &str| {
        json!({"op": "update", "ref": {"type": "users", "lid": "new"},
            "data": {"type": "users", "attributes": {"first-name": first}}})
    };
    let mut boss = edge(Some(bob.id), "subordinate", 1);
    boss["data"]["relationships"]["target"]["data"] = json!({"type": "users", "lid": "new"});
    let boss = json!({"op": "add", "data": boss["data"]});
    let answer = send(&admin, &[add, by_lid("A"), by_lid("B"), boss]).expect(200);
    let results = answer.body["atomic:results"].as_array().unwrap();
    assert_eq!((&results[0], &results[1]), (&results[2], &results[2]));
    let shown = &results[0]["data"];
    assert_eq!(
        (&shown["attributes"]["first-name"], &shown["attributes"]["is-supervisor"]),
        (&json!("B"), &json!(true))
    );
    let id = shown["id"].as_str().unwrap();
    assert_eq!(admin.get(&format!("{USERS}/{id}")).expect(200).body["data"], *shown);
});

both!(a_resource_removed_later_is_shown_as_it_was_before, |app| {
    let (admin, ann, bob) = (app.admin(), app.user(), app.user());
    let first = edge(Some(ann.id), "mentor", bob.id);
    let second = edge(Some(bob.id), "mentor", ann.id);
    let made = admin.post(EDGES, &second).expect(201).id();
    let other = json!({"relationship": "colleague"});
    let operations = [
        json!({"op": "add", "data": first["data"]}),
        update(ann.id, &json!({"first-name": "Ann"})),
        json!({"op": "update", "data": data("user-relationships", made, &other)}),
        remove("user-relationships", made),
        // It deletes the first relationship as well.
        remove("users", ann.id),
    ];
    let answer = send(&admin, &operations).expect(200);
    let results = answer.body["atomic:results"].as_array().unwrap();
    assert_eq!(results[0]["data"]["relationships"]["user"]["data"]["id"], json!(ann.id.to_string()));
    assert_eq!(results[1]["data"]["attributes"]["first-name"], "Ann");
    assert_eq!(results[2]["data"]["attributes"]["relationship"], "colleague");
    assert_eq!((&results[3], &results[4]), (&json!({}), &json!({})));
    assert_eq!(admin.get(EDGES).expect(200).total(), 0);
    app.assert_no_drift();
});

#[test]
pub fn operations_that_keep_other_writers_waiting_are_a_503() {
    app::run(
        Engine::Sqlite,
        |_config| {},
        |app: &App| {
            let admin = app.admin();
            // Every new user takes about 20 ms.
            Raw::connect(&app.home().url()).run(
                "CREATE TRIGGER slow AFTER INSERT ON users BEGIN SELECT COUNT(*) FROM (WITH RECURSIVE n(i) AS \
             (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) SELECT i FROM n); END",
            );
            let add = |n: usize| {
                let attributes = json!({"email": format!("u{n}@x.org")});
                json!({"op": "add", "data": {"type": "users", "attributes": attributes}})
            };
            let operations: Vec<_> = (0..300).map(add).collect();
            let refused = send(&admin, &operations).refused(503, "unavailable");
            let detail = refused.body["errors"][0]["detail"].as_str().unwrap();
            assert!(detail.contains("500ms") && detail.contains("send fewer operations"), "{detail}");
            assert!(refused.header("retry-after").is_some());
            assert_eq!(Raw::connect(&app.home().url()).number("SELECT COUNT(*) AS number FROM users"), 1);
        },
    );
}

#[test]
fn many_operations_lock_no_count_that_other_creates_need() {
    app::run(Engine::Postgres, patient, |app: &App| {
        let (admin, ann, bob) = (app.admin(), app.user(), app.user());
        // More than the count rows of one type.
        let targets: Vec<_> = (0..40).map(|_| app.user().id).collect();
        let mut holder = Raw::connect(&app.home().url());
        holder.run(&format!("BEGIN; SELECT 1 FROM users WHERE id = {} FOR NO KEY UPDATE", ann.id));
        let add = |target: &i64| json!({"op": "add", "data": edge(None, "mentor", *target)["data"]});
        let mut operations: Vec<_> = targets.iter().map(add).collect();
        operations.push(update(ann.id, &json!({"first-name": "Ann"})));
        std::thread::scope(|scope| {
            let batch = scope.spawn(|| send(&ann, &operations));
            let mut observer = Raw::connect(&app.home().url());
            while observer.waiting_sessions() == 0 {
                std::thread::sleep(Duration::from_millis(10));
            }
            for target in &targets {
                admin.post(EDGES, &edge(Some(*target), "mentor", bob.id)).expect(201);
            }
            assert_eq!(observer.waiting_sessions(), 1, "the batch still waits");
            holder.run("ROLLBACK");
            batch.join().expect("an answer").expect(200);
        });
        assert_eq!(admin.get(&format!("{EDGES}?filter[relationship]=mentor")).expect(200).total(), 80);
        app.assert_no_drift();
    });
}

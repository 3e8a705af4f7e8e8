//! A repeat of a request with an `Idempotency-Key` shows only what its caller may see now, and waits without a
//! connection.

use std::time::{Duration, Instant};

use user_relationships::model::change::ChangeOrigin;
use user_relationships::model::id::UserId;
use user_relationships::model::idempotency::{IdempotencyKey, StoredAnswer};
use user_relationships::model::limits::MAX_STORED_ANSWER;

use crate::both;
use crate::support::app::{run, wait};
use crate::support::sql::Raw;
use crate::support::{Answer, App, Client, Engine, Value, edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const USERS: &str = "/api/v2/users";
const TYPES: &str = "/api/v2/relationship-types";
const PATH: &str = "/api/v2/operations";
const JSON_API: &str = "application/vnd.api+json";
const ATOMIC: &str = "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\"";

fn keyed(client: &Client, key: &str, path: &str, document: &Value) -> Answer {
    let media_type = if path == PATH { ATOMIC } else { JSON_API };
    let headers = [("content-type", media_type), ("idempotency-key", key)];
    client.send("POST", path, &headers, Some(document.to_string().as_bytes()))
}

/// Repeats a request, and asserts that the response is a replay.
#[track_caller]
fn replay(client: &Client, key: &str, path: &str, document: &Value, status: u16) -> Answer {
    let answer = keyed(client, key, path, document).expect(status);
    assert_eq!(answer.header("idempotent-replayed"), Some("true"));
    answer
}

fn identifier(kind: &str, id: i64) -> Value {
    json!({"type": kind, "id": id.to_string()})
}

fn user(email: &str) -> Value {
    json!({"data": {"type": "users", "attributes": {"email": email, "first-name": "Confidential"}}})
}

/// Gives a user another access level.
fn set_level(app: &App, client: &Client, level: &str) {
    let document = json!({"data": {"type": "users", "attributes": {"access-level": level}}});
    app.admin().patch(&format!("{USERS}/{}", client.id), &document).expect(200);
}

/// The stored bodies as text.
fn stored(app: &App) -> Vec<String> {
    let mut raw = Raw::connect(&app.home().url());
    let text = match raw {
        Raw::Sqlite(_) => "CAST(body AS TEXT)",
        Raw::Postgres(_) => "convert_from(body, 'UTF8')",
    };
    raw.lines(&format!("SELECT {text} AS line FROM idempotency_keys ORDER BY created_at"))
}

both!(a_replay_shows_only_identifiers_after_access_is_lost, |app| {
    let (caller, ann, bob) = (app.admin(), app.user(), app.user());
    let path = format!("{EDGES}?include=target");
    let document = edge(Some(ann.id), "mentor", bob.id);
    let first = keyed(&caller, "k", &path, &document).expect(201);
    assert!(first.text.contains("@example.com"), "the target is included");
    assert_eq!(replay(&caller, "k", &path, &document, 201).text, first.text);
    set_level(app, &caller, "ext");
    let again = replay(&caller, "k", &path, &document, 201);
    assert_eq!(again.body["data"], identifier("user-relationships", first.id()));
    assert_eq!(again.header("location"), first.header("location"));
    assert!(again.header("etag").is_none() && again.body.get("included").is_none());
});

both!(a_replay_shows_only_the_identifier_of_a_deleted_resource, |app| {
    let (admin, bob) = (app.admin(), app.user());
    let new_type = json!({"data": {"type": "relationship-types", "id": "friend"}});
    for (path, document, kind) in [
        (EDGES, edge(None, "mentor", bob.id), "user-relationships"),
        (USERS, user("new@people.example"), "users"),
        (TYPES, new_type, "relationship-types"),
    ] {
        let first = keyed(&admin, path, path, &document).expect(201);
        let location = first.header("location").unwrap().to_owned();
        admin.delete(&location).expect(204);
        let again = replay(&admin, path, path, &document, 201);
        assert_eq!(again.body["data"], json!({"type": kind, "id": first.body["data"]["id"]}));
        assert_eq!((again.header("location"), again.header("content-type")), (Some(&*location), Some(JSON_API)));
    }
});

both!(a_replay_shows_the_current_resource, |app| {
    let (ann, bob) = (app.user(), app.user());
    let document = edge(None, "mentor", bob.id);
    let first = keyed(&ann, "k", EDGES, &document).expect(201);
    let location = first.header("location").unwrap();
    let change = json!({"data": {"type": "user-relationships", "id": first.id().to_string(),
        "attributes": {"relationship": "colleague"}}});
    let changed = ann.patch(location, &change).expect(200);
    let again = replay(&ann, "k", EDGES, &document, 201);
    assert_eq!(again.body["data"], changed.body["data"]);
    let tag = again.header("etag").unwrap();
    assert_ne!(Some(tag), first.header("etag"));
    ann.send("DELETE", location, &[("if-match", tag)], None).expect(204);
});

both!(only_identifiers_are_stored_for_replays, |app| {
    let (admin, bob) = (app.admin(), app.user());
    let made = keyed(&admin, "a", USERS, &user("new@people.example")).expect(201).id();
    let add = json!({"op": "add", "data": edge(None, "mentor", bob.id)["data"]});
    let remove = json!({"op": "remove", "ref": identifier("users", made)});
    let operations = json!({"atomic:operations": [add, remove]});
    let answer = keyed(&admin, "b", PATH, &operations).expect(200);
    let edge = &answer.body["atomic:results"][0]["data"]["id"];
    assert_eq!(
        stored(app),
        [
            format!(r#"{{"data":{{"type":"users","id":"{made}"}}}}"#),
            format!(r#"{{"atomic:results":[{{"data":{{"type":"user-relationships","id":{edge}}}}},{{}}]}}"#),
        ]
    );
});

both!(operations_are_replayed_with_the_current_rights, |app| {
    let (caller, ann, bob) = (app.admin(), app.user(), app.user());
    let add = |relationship: &str| json!({"op": "add", "data": edge(Some(ann.id), relationship, bob.id)["data"]});
    let name = |client: &Client| {
        json!({"op": "update", "data": {"type": "users", "id": client.id.to_string(),
            "attributes": {"first-name": "Confidential"}}})
    };
    let operations = json!({"atomic:operations": [add("mentor"), name(&ann), name(&caller), add("colleague")]});
    let first = keyed(&caller, "k", PATH, &operations).expect(200);
    assert_eq!(replay(&caller, "k", PATH, &operations, 200).text, first.text);
    let edge = |place: usize| first.body["atomic:results"][place]["data"].clone();
    let url = format!("{EDGES}/{}", edge(3)["id"].as_str().unwrap());
    ann.delete(&url).expect(204);
    let again = replay(&caller, "k", PATH, &operations, 200);
    assert_eq!(again.body["atomic:results"][0]["data"], edge(0));
    assert_eq!(again.body["atomic:results"][3], json!({"data": {"type": "user-relationships", "id": edge(3)["id"]}}));
    set_level(app, &caller, "ext");
    let again = replay(&caller, "k", PATH, &operations, 200);
    let results = again.body["atomic:results"].as_array().unwrap();
    assert_eq!(results[0], json!({"data": {"type": "user-relationships", "id": edge(0)["id"]}}));
    assert_eq!(results[1], json!({"data": identifier("users", ann.id)}));
    assert_eq!(results[2]["data"]["attributes"]["first-name"], "Confidential", "the caller itself");
    assert_eq!(again.header("content-type"), Some(ATOMIC));
});

both!(responses_stored_by_earlier_releases_replay_identifiers, |app| {
    let (admin, bob) = (app.admin(), app.user());
    let document = user("new@people.example");
    let first = keyed(&admin, "k", USERS, &document).expect(201);
    let operations = json!({"atomic:operations": [{"op": "add", "data": edge(None, "mentor", bob.id)["data"]}]});
    let operated = keyed(&admin, "o", PATH, &operations).expect(200);
    // That release stored all header fields and the whole document.
    let mut raw = Raw::connect(&app.home().url());
    let bytes = |text: &str| match raw {
        Raw::Sqlite(_) => format!("CAST('{text}' AS BLOB)"),
        Raw::Postgres(_) => format!("convert_to('{text}', 'UTF8')"),
    };
    let location = first.header("location").unwrap();
    let headers = format!("content-type:{JSON_API}\nlocation:{location}\netag:\"1-old\"\n");
    let statements = format!(
        "UPDATE idempotency_keys SET headers = '{headers}', body = {} WHERE key = 'k'; \
         UPDATE idempotency_keys SET headers = 'content-type:{ATOMIC}\n', body = {} WHERE key = 'o'",
        bytes(&first.text),
        bytes(&operated.text)
    );
    raw.run(&statements);
    let again = replay(&admin, "k", USERS, &document, 201);
    assert_eq!((&again.text, again.header("etag")), (&first.text, first.header("etag")));
    assert_eq!(replay(&admin, "o", PATH, &operations, 200).text, operated.text);
    admin.delete(location).expect(204);
    let again = replay(&admin, "k", USERS, &document, 201);
    assert_eq!(
        (again.header("location"), again.body["data"].clone()),
        (Some(location), identifier("users", first.id()))
    );
    assert!(!again.text.contains("Confidential"));
    // A stored response that is too large is not read into memory.
    let mut raw = Raw::connect(&app.home().url());
    let size = 8 * 1024 * 1024 + 1;
    raw.run(&match raw {
        Raw::Sqlite(_) => format!("UPDATE idempotency_keys SET body = zeroblob({size}) WHERE key = 'k'"),
        Raw::Postgres(_) => {
            format!("UPDATE idempotency_keys SET body = convert_to(repeat('x', {size}), 'UTF8') WHERE key = 'k'")
        }
    });
    keyed(&admin, "k", USERS, &document).refused(413, "answer-too-large");
});

both!(repeats_of_a_running_request_hold_no_connections, |app| {
    let (ann, bob) = (app.user(), app.user());
    let document = edge(None, "mentor", bob.id);
    // The first request runs in another instance, which has not committed yet.
    let mut first = Raw::connect(&app.home().url());
    let is_sqlite = matches!(first, Raw::Sqlite(_));
    first.claim_key(ann.id, "slow");
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let repeat = || scope.spawn(|| keyed(&ann, "slow", EDGES, &document));
        let repeats: Vec<_> = (0..16).map(|_| repeat()).collect();
        std::thread::sleep(Duration::from_millis(200));
        let mut observer = Raw::connect(&app.home().url());
        for number in 0..5 {
            let since = Instant::now();
            bob.get(&format!("{EDGES}?sort=-created-at")).expect(200);
            if !is_sqlite {
                // SQLite has one writer, which is the other instance.
                assert!(observer.waiting_sessions() <= 1, "one repeat asks for the key, the others wait for that one");
                // A job of the same kind.
                let colleague = edge(None, "colleague", ann.id);
                keyed(&bob, &format!("k{number}"), &format!("{EDGES}?include=user"), &colleague).expect(201);
                bob.post(EDGES, &edge(None, "mentor", ann.id)).expect(201);
                bob.post(EDGES, &edge(None, "mentor", 999_999)).refused(404, "related-resource-not-found");
                let edges = bob.get(&format!("{EDGES}?filter[user]={}", bob.id)).expect(200);
                for id in edges.ids() {
                    bob.delete(&format!("{EDGES}/{id}")).expect(204);
                }
            }
            assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
        }
        first.run("ROLLBACK");
        repeats.into_iter().map(|repeat| repeat.join().expect("an answer")).collect()
    });
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.text == answers[0].text), "{answers:?}");
    let replayed = answers.iter().filter(|answer| answer.header("idempotent-replayed").is_some());
    assert_eq!(replayed.count(), 15);
    assert_eq!(ann.get(&format!("{EDGES}?filter[user]={}", ann.id)).expect(200).total(), 1);
    app.assert_no_drift();
});

/// Each key has one repeat that asks the database for it.
#[test]
fn repeats_of_several_running_requests_hold_connections_only_briefly() {
    let test = |app: &App| {
        let (admin, ann, bob) = (app.admin(), app.user(), app.user());
        // More than the connections that such jobs may use.
        let keys = ["slow-1", "slow-2", "slow-3", "slow-4"];
        let mut first = Raw::connect(&app.home().url());
        for key in keys {
            admin.post(TYPES, &json!({"data": {"type": "relationship-types", "id": key}})).expect(201);
        }
        first.claim_keys(ann.id, &keys);
        std::thread::scope(|scope| {
            let repeat = |key: &'static str| {
                let ann = &ann;
                scope.spawn(move || keyed(ann, key, EDGES, &edge(None, key, bob.id)))
            };
            let repeats = keys.map(|key| [repeat(key), repeat(key)]);
            std::thread::sleep(Duration::from_millis(300));
            for (number, relationship) in ["mentor", "colleague", "subordinate"].into_iter().enumerate() {
                let since = Instant::now();
                keyed(&bob, &format!("k{number}"), EDGES, &edge(None, relationship, ann.id)).expect(201);
                assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
            }
            first.run("ROLLBACK");
            for [one, other] in repeats {
                let answers = [one, other].map(|repeat| repeat.join().expect("an answer").expect(201));
                assert_eq!(answers[0].text, answers[1].text);
            }
        });
        assert_eq!(ann.get(&format!("{EDGES}?filter[user]={}", ann.id)).expect(200).total(), 4);
        app.assert_no_drift();
    };
    run(Engine::Postgres, |_| {}, test);
}

// No request has a receipt that large.
both!(a_receipt_above_the_limit_is_not_stored, |app| {
    let ann = app.user();
    for (size, is_stored) in [(MAX_STORED_ANSWER, true), (MAX_STORED_ANSWER + 1, false)] {
        let key = IdempotencyKey { caller: UserId::new(ann.id), key: size.to_string(), fingerprint: [0; 32] };
        let answer = StoredAnswer { status: 201, headers: String::new(), body: vec![b'x'; size] };
        let done = wait(app.store.write("test.receipt", ChangeOrigin::WITHOUT_CALLER, move |tx| {
            tx.claim_key(&key)?;
            tx.store_answer(&key, &answer)
        }));
        assert_eq!(done.is_ok(), is_stored, "{done:?}");
        assert!(is_stored || format!("{done:?}").contains("AnswerTooLarge"), "{done:?}");
    }
    assert_eq!(stored(app), ["x".repeat(MAX_STORED_ANSWER)], "the other one is rolled back");
});

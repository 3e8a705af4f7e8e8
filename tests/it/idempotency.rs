//! `Idempotency-Key`: requests that may be repeated (items I1 to I9).

use crate::both;
use crate::conformance::{Checked, EDGES, JSON_API, TYPES, USERS, make};
use crate::item;
use crate::support::sql::Raw;
use crate::support::{Answer, App, Client, Value, edge, json};

const DAY: i64 = 24 * 60 * 60 * 1_000_000;

fn keyed(client: &Checked<Client>, key: &str, path: &str, document: &Value) -> Answer {
    client.put_in("POST", path, &[("idempotency-key", key)], document)
}

/// Whether it is the stored response to an earlier request.
fn is_replay(answer: &Answer) -> bool {
    match answer.header("idempotent-replayed") {
        Some(value) => {
            assert_eq!(value, "true");
            true
        }
        None => false,
    }
}

/// Everything that a response and its replay have in common.
fn same(answer: &Answer) -> (u16, [Option<&str>; 4], &str) {
    let headers = ["content-type", "location", "etag", "vary"].map(|name| answer.header(name));
    (answer.status, headers, &answer.text)
}

fn kept(app: &App) -> i64 {
    Raw::connect(&app.home().url()).number("SELECT COUNT(*) AS number FROM idempotency_keys")
}

item!([I1], a_repeated_create_gets_the_first_response_and_creates_nothing, |app| {
    let (admin, bob) = (app.admin(), app.user());
    let user = json!({"data": {"type": "users", "attributes": {"email": "new@people.example"}}});
    let kind = json!({"data": {"type": "relationship-types", "id": "friend"}});
    for (path, document) in [
        (EDGES.to_owned(), edge(None, "mentor", bob.id)),
        (format!("{EDGES}?include=target&fields[users]=email"), edge(None, "colleague", bob.id)),
        (USERS.to_owned(), user),
        (TYPES.to_owned(), kind),
    ] {
        let key = format!("key-of-{path}");
        let first = keyed(&admin, &key, &path, &document).expect(201);
        assert!(!is_replay(&first));
        assert_eq!(
            admin.get(first.header("location").unwrap()).expect(200).body["data"]["id"],
            first.body["data"]["id"]
        );
        let mut ids = vec![first.header("x-request-id").map(str::to_owned)];
        for _ in 0..3 {
            let again = keyed(&admin, &key, &path, &document);
            assert!(is_replay(&again) && same(&again) == same(&first), "{path}: {again:?} {first:?}");
            ids.push(again.header("x-request-id").map(str::to_owned));
        }
        ids.dedup();
        assert_eq!(ids.len(), 4, "each request has its own id");
        // It is not performed again, whatever happened to the resource since.
        admin.delete(first.header("location").unwrap()).expect(204);
        assert!(is_replay(&keyed(&admin, &key, &path, &document).expect(201)));
    }
    assert_eq!(admin.get(EDGES).expect(200).total(), 0);
    app.assert_no_drift();
});

item!([I1], without_a_key_nothing_is_stored_and_fetches_need_none, |app| {
    let (ann, bob) = (app.user(), app.user());
    let made = make(&ann, "mentor", bob.id);
    ann.post(EDGES, &edge(None, "mentor", bob.id)).refused(409, "already-exists");
    let key = [("idempotency-key", "k")];
    assert!(!is_replay(&ann.get_with(EDGES, &key).expect(200)));
    assert!(!is_replay(&ann.get_with(made.header("location").unwrap(), &key).expect(200)));
    assert_eq!(kept(&app), 0);
});

item!([I2, 119], the_same_key_with_another_request_is_a_422, |app| {
    let (admin, bob) = (app.admin(), app.user());
    let document = edge(None, "mentor", bob.id);
    let first = keyed(&admin, "k", EDGES, &document).expect(201);
    let user = json!({"data": {"type": "users", "attributes": {"email": "x@people.example"}}});
    let spaced = format!(" {document}");
    let json = [("content-type", "application/json"), ("idempotency-key", "k")];
    let ours = [JSON_API, ("idempotency-key", "k")];
    for other in [
        keyed(&admin, "k", EDGES, &edge(None, "colleague", bob.id)),
        keyed(&admin, "k", USERS, &user),
        keyed(&admin, "k", &format!("{EDGES}?include=user"), &document),
        admin.send("POST", EDGES, &json, Some(document.to_string().as_bytes())),
        admin.send("POST", EDGES, &ours, Some(spaced.as_bytes())),
    ] {
        let refused = other.refused(422, "idempotency-key-reused");
        assert_eq!(refused.source("header"), Some("Idempotency-Key"));
    }
    assert_eq!(same(&keyed(&admin, "k", EDGES, &document)), same(&first), "the first is still valid");
    keyed(&admin, "K", EDGES, &edge(None, "colleague", bob.id)).expect(201);
    assert_eq!((admin.get(EDGES).total(), kept(&app)), (2, 2));
});

item!([I3], callers_do_not_share_idempotency_keys, |app| {
    let (ann, bob, cleo) = (app.user(), app.user(), app.user());
    let document = edge(None, "mentor", cleo.id);
    let (anns, bobs) = (keyed(&ann, "k", EDGES, &document), keyed(&bob, "k", EDGES, &document));
    assert!(!is_replay(&anns) && !is_replay(&bobs));
    assert_ne!(anns.expect(201).id(), bobs.expect(201).id());
    let again = keyed(&bob, "k", EDGES, &document).expect(201);
    assert_eq!(again.body["data"]["relationships"]["user"]["data"]["id"], json!(bob.id.to_string()));
    let refused = app.anonymous().put_in("POST", EDGES, &[("idempotency-key", "k")], &document);
    assert!(!is_replay(&refused.refused(401, "unauthenticated")));
});

item!([I4], only_successful_responses_are_stored, |app| {
    let (ann, bob) = (app.user(), app.user());
    let first = make(&ann, "mentor", bob.id);
    let good = edge(None, "mentor", bob.id);
    for (document, status) in [
        (edge(None, "mentor", bob.id), 409),
        (edge(None, "mentor", 999_999), 404),
        (edge(None, "foe", bob.id), 422),
        (edge(Some(bob.id), "mentor", ann.id), 403),
        (json!({"data": []}), 400),
    ] {
        for _ in 0..2 {
            assert!(!is_replay(&keyed(&ann, "k", EDGES, &document).expect(status)));
        }
    }
    assert_eq!(kept(&app), 0);
    ann.delete(first.header("location").unwrap()).expect(204);
    let made = keyed(&ann, "k", EDGES, &good).expect(201);
    assert!(!is_replay(&made) && is_replay(&keyed(&ann, "k", EDGES, &good)));
});

item!([I5], sixteen_requests_with_one_key_are_performed_once, |app| {
    let (ann, bob) = (app.user(), app.user());
    let other = app.beside();
    let there = other.client_like(&ann);
    let document = edge(None, "mentor", bob.id);
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|number| {
                let (ann, there, document) = (&ann, &there, &document);
                scope.spawn(move || {
                    let headers = [JSON_API, ("idempotency-key", "at-once")];
                    let client: &Client = if number % 2 == 0 { ann } else { there };
                    client.send("POST", EDGES, &headers, Some(document.to_string().as_bytes()))
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    });
    assert_eq!(answers.iter().filter(|answer| !is_replay(answer)).count(), 1);
    assert!(answers.iter().all(|answer| answer.status == 201 && same(answer) == same(&answers[0])), "{answers:?}");
    assert_eq!(ann.get(EDGES).expect(200).total(), 1);
    app.assert_no_drift();
});

item!([I6, 119], an_invalid_idempotency_key_is_a_400, |app| {
    let (ann, bob) = (app.user(), app.user());
    let document = edge(None, "mentor", bob.id);
    let longest = "x".repeat(255);
    for bad in ["", "a b", "a\tb", "caf\u{e9}", &format!("{longest}x")] {
        let refused = keyed(&ann, bad, EDGES, &document).refused(400, "invalid-parameter");
        assert_eq!(refused.source("header"), Some("Idempotency-Key"), "{bad}");
    }
    let twice = [("idempotency-key", "a"), ("idempotency-key", "a")];
    ann.put_in("POST", EDGES, &twice, &document).refused(400, "invalid-parameter");
    assert_eq!(ann.get(EDGES).expect(200).total(), 0);
    for (good, kind) in [("!", "mentor"), ("~\"{}", "colleague"), (&longest, "subordinate")] {
        keyed(&ann, good, EDGES, &edge(None, kind, bob.id)).expect(201);
    }
});

item!([I7], another_instance_replays_the_stored_response, |app| {
    let (ann, bob) = (app.user(), app.user());
    let document = edge(None, "mentor", bob.id);
    let first = keyed(&ann, "k", EDGES, &document).expect(201);
    let later = app.beside();
    let headers = [JSON_API, ("idempotency-key", "k")];
    let again = later.client_like(&ann).send("POST", EDGES, &headers, Some(document.to_string().as_bytes()));
    assert!(is_replay(&again) && same(&again) == same(&first));
});

item!([I8], a_stored_response_expires_after_24_hours, |app| {
    let (ann, bob) = (app.user(), app.user());
    let document = edge(None, "mentor", bob.id);
    let first = keyed(&ann, "k", EDGES, &document).expect(201);
    let mut raw = Raw::connect(&app.home().url());
    let mut age =
        |hours: i64| raw.run(&format!("UPDATE idempotency_keys SET created_at = created_at - {}", hours * DAY / 24));
    age(23);
    assert!(is_replay(&keyed(&ann, "k", EDGES, &document)));
    age(2);
    keyed(&ann, "k", EDGES, &document).refused(409, "already-exists");
    ann.delete(first.header("location").unwrap()).expect(204);
    let again = keyed(&ann, "k", EDGES, &document).expect(201);
    assert!(!is_replay(&again) && again.id() != first.id());
    assert_eq!(same(&keyed(&ann, "k", EDGES, &document)), same(&again));
    age(25);
    keyed(&ann, "another", EDGES, &edge(None, "colleague", bob.id)).expect(201);
    assert_eq!(kept(&app), 1, "expired responses are deleted");
});

item!([I9], deleting_a_user_deletes_its_stored_responses, |app| {
    let (ann, bob, admin) = (app.user(), app.user(), app.admin());
    keyed(&ann, "k", EDGES, &edge(None, "mentor", bob.id)).expect(201);
    keyed(&bob, "k", EDGES, &edge(None, "mentor", admin.id)).expect(201);
    assert_eq!(kept(&app), 2);
    admin.delete(&format!("{USERS}/{}", ann.id)).expect(204);
    assert_eq!(kept(&app), 1);
    keyed(&ann, "k", EDGES, &edge(None, "mentor", bob.id)).refused(401, "unauthenticated");
});

/// A request waits for another one with the same key for at most half of its time.
fn with_short_timeout(config: &mut user_relationships::config::Config) {
    config.request_timeout = std::time::Duration::from_secs(2);
}

both!(a_repeat_of_an_unfinished_request_is_a_409, |config| { with_short_timeout(config) }, |app| {
    let (ann, bob) = (app.user(), app.user());
    let mut first = Raw::connect(&app.home().url());
    let is_sqlite = matches!(first, Raw::Sqlite(_));
    first.claim_key(ann.id, "slow");
    let document = edge(None, "mentor", bob.id).to_string();
    let headers = [JSON_API, ("idempotency-key", "slow")];
    let second = ann.send("POST", EDGES, &headers, Some(document.as_bytes()));
    if is_sqlite {
        // The writers queue there: this one does not get as far as reading the key.
        second.refused(503, "unavailable");
    } else {
        let second = second.refused(409, "idempotency-key-in-use");
        assert_eq!(second.source("header"), Some("Idempotency-Key"));
    }
    first.run("ROLLBACK");
    ann.send("POST", EDGES, &headers, Some(document.as_bytes())).expect(201);
});

//! Readers of the feed that wait for changes (`Prefer: wait`).

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use user_relationships::auth::claims::ClaimRequirements;
use user_relationships::auth::jwt::JwtSettings;
use user_relationships::auth::keyset::{KeySource, Secret};

use crate::both;
use crate::support::app::{Engine, Home};
use crate::support::changes::{CHANGES, Log, Row, after, cursor, now};
use crate::support::jwt::{Key, SECRET, claims, token};
use crate::support::process::{PATIENCE, Service, until};
use crate::support::scrape::scrape;
use crate::support::signing::{self, Signer};
use crate::support::{Answer, Client, Value, edge, json};

const WAITING: &str = "changes_readers_waiting";

/// Sends a request that may wait, in a thread of its own.
fn ask(client: &Client, query: &str, preference: &str) -> JoinHandle<(Answer, Duration)> {
    let (client, path, preference) = (client.clone(), format!("{CHANGES}?{query}"), preference.to_owned());
    thread::spawn(move || {
        let start = Instant::now();
        let answer = client.send("GET", &path, &[("prefer", &preference)], None);
        (answer, start.elapsed())
    })
}

/// The same for a reader that has seen everything so far, once it waits.
#[track_caller]
fn begin(admin: &Client, query: &str, preference: &str) -> JoinHandle<(Answer, Duration)> {
    let before = waiting(admin);
    let asked = ask(admin, &format!("page[after]={}&{query}", now(admin)), preference);
    until("the reader waits", PATIENCE, || waiting(admin) > before);
    asked
}

fn waiting(client: &Client) -> i64 {
    scrape(client).count(WAITING, &[])
}

fn end(asked: JoinHandle<(Answer, Duration)>) -> (Answer, Duration) {
    asked.join().expect("the request ends")
}

fn applied(answer: &Answer) -> Option<&str> {
    answer.header("preference-applied")
}

both!(a_wait_ends_with_the_first_change, |app| {
    let admin = app.admin();
    let asked = begin(&admin, "", "wait=20");
    let first = Log::of(app).append(&[Row::user(1, 5, "unit", 1)]);
    let (answer, took) = end(asked);
    let answer = answer.expect(200);
    assert_eq!(answer.ids(), [first]);
    assert!(took < Duration::from_secs(5), "{took:?}");
    // `REQUEST_TIMEOUT` is 10 s.
    assert_eq!(applied(&answer), Some("wait=9"));
    assert!(answer.header("vary").is_some_and(|vary| vary.contains("Prefer")));
    assert_eq!(cursor(&answer), now(&admin));
    until("no reader waits", PATIENCE, || waiting(&admin) == 0);
});

both!(a_wait_without_changes_ends_with_an_empty_page, |app| {
    let admin = app.admin();
    let position = now(&admin);
    let (answer, took) = end(begin(&admin, "", "wait=1"));
    let answer = answer.expect(200);
    assert!(answer.ids().is_empty() && took >= Duration::from_millis(950), "{took:?}");
    assert_eq!((applied(&answer), cursor(&answer)), (Some("wait=1"), position));
});

both!(a_change_that_does_not_match_does_not_end_a_wait, |app| {
    let admin = app.admin();
    let asked = begin(&admin, "filter[action]=deleted&filter[user]=5", "wait=2");
    let mut log = Log::of(app);
    log.append(&[Row::user(1, 5, "unit", 1), Row::user(2, 6, "unit", 1)]);
    let (answer, took) = end(asked);
    let answer = answer.expect(200);
    assert!(answer.ids().is_empty() && took >= Duration::from_millis(1_900), "{took:?} {}", answer.text);
    // Its cursor has passed them.
    assert_eq!(cursor(&answer), now(&admin));
    let asked = begin(&admin, "filter[action]=deleted&filter[user]=5", "wait=9");
    log.append(&[Row::user(1, 5, "unit", 1)]);
    thread::sleep(Duration::from_millis(400));
    let deleted = log.append(&[Row::user(2, 5, "unit", 1)]);
    let (answer, took) = end(asked);
    assert_eq!(answer.expect(200).ids(), [deleted]);
    assert!(took < Duration::from_secs(5), "{took:?}");
});

both!(more_changes_than_one_query_reads_end_a_wait_too, |app| {
    let admin = app.admin();
    let asked = begin(&admin, "filter[action]=deleted", "wait=9");
    let mut log = Log::of(app);
    log.append_many(300);
    let deleted = log.append(&[Row::user(2, 5, "unit", 1)]);
    assert_eq!(end(asked).0.expect(200).ids(), [deleted]);
});

both!(a_wait_is_granted_as_far_as_it_is_a_number, |app| {
    let admin = app.admin();
    let first = Log::of(app).append_many(1);
    for (preference, granted) in [
        ("wait=0", Some("wait=0")),
        ("wait=3", Some("wait=3")),
        ("wait=1000000000", Some("wait=9")),
        ("wait=99999999999999999999999", Some("wait=9")),
        ("wait=-1", None),
        ("wait=1.5", None),
        ("wait=soon", None),
        ("wait", None),
        ("respond-async", None),
    ] {
        // There is something to report, or nothing to wait for.
        let (answer, _) = end(ask(&admin, "sort=id", preference));
        assert_eq!((answer.ids().last(), applied(&answer)), (Some(&first), granted), "{preference}");
        if granted != Some("wait=9") && granted != Some("wait=3") {
            let (answer, took) = end(ask(&admin, "filter[from]=now", preference));
            assert_eq!((answer.status, applied(&answer)), (200, granted), "{preference}");
            assert!(took < Duration::from_secs(3), "{preference}: {took:?}");
        }
    }
    let strict = end(ask(&admin, "sort=id", "handling=strict, wait=2")).0;
    let all: Vec<_> = strict.headers.get_all("preference-applied").iter().collect();
    assert_eq!(all, ["wait=2", "handling=strict"]);
    // Nothing new comes in these directions, and histories are not followed.
    let position = now(&admin);
    for query in ["sort=-id&filter[action]=loaded".to_owned(), format!("page[before]={position}&filter[action]=loaded")]
    {
        let (answer, took) = end(ask(&admin, &query, "wait=9"));
        assert_eq!((answer.status, applied(&answer)), (200, None), "{query}");
        assert!(took < Duration::from_secs(3), "{took:?}");
    }
    let history = format!("/api/v2/users/{}/changes?filter[from]=now", admin.id);
    assert_eq!(applied(&admin.send("GET", &history, &[("prefer", "wait=9")], None).expect(200)), None);
});

both!(
    waiting_readers_hold_no_database_connection,
    |config| {
        config.database_pool_size = 2;
    },
    |app| {
        let admin = app.admin();
        let position = now(&admin);
        let asked: Vec<_> =
            (0..12).map(|_| ask(&admin, &format!("page[after]={position}&filter[action]=deleted"), "wait=5")).collect();
        until("all of them wait", PATIENCE, || waiting(&admin) == 12);
        for _ in 0..20 {
            admin.get("/api/v2/users").expect(200);
            after(&admin, &position, "");
        }
        let deleted = Log::of(app).append(&[Row::user(2, 5, "unit", 1)]);
        for asked in asked {
            assert_eq!(end(asked).0.expect(200).ids(), [deleted]);
        }
        until("no reader waits", PATIENCE, || waiting(&admin) == 0);
    }
);

both!(changes_of_another_instance_end_a_wait, |app| {
    let admin = app.admin();
    let asked = begin(&admin, "filter[subject-type]=users", "wait=9");
    let first = Log::of(&app.beside()).append(&[Row::user(1, 5, "unit", 1)]);
    let (answer, took) = end(asked);
    assert_eq!(answer.expect(200).ids(), [first]);
    assert!(took < Duration::from_secs(5), "{took:?}");
});

both!(
    readers_beyond_the_limit_get_503_and_others_are_served,
    |config| {
        config.waiting_readers = 6;
    },
    |app| {
        let admin = app.admin();
        let position = now(&admin);
        let path = format!("page[after]={position}");
        let asked: Vec<_> = (0..6).map(|_| ask(&admin, &path, "wait=9")).collect();
        until("all of them wait", PATIENCE, || waiting(&admin) == 6);
        for _ in 0..50 {
            let refused = admin.send("GET", &format!("{CHANGES}?{path}"), &[("prefer", "wait=9")], None);
            let refused = refused.refused(503, "unavailable");
            assert_eq!((refused.header("retry-after"), applied(&refused)), (Some("1"), None));
        }
        // Without a wait, the feed and everything else is served.
        assert_eq!(cursor(&after(&admin, &position, "")), position);
        admin.get("/api/v2/users").expect(200);
        let deleted = Log::of(app).append(&[Row::user(2, 5, "unit", 1)]);
        for asked in asked {
            assert_eq!(end(asked).0.expect(200).ids(), [deleted]);
        }
        until("no reader waits", PATIENCE, || waiting(&admin) == 0);
        let (answer, _) = end(begin(&admin, "", "wait=1"));
        assert_eq!(answer.status, 200);
    }
);

#[test]
fn waiting_readers_are_answered_at_sigterm() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(home) = Home::new(engine) else { continue };
        let token = crate::support::process::new_user_token(&home.text(), "root@example.com", "admin");
        let mut service = Service::start(&home.text(), &[("SHUTDOWN_TIMEOUT", "20s")]);
        let admin = service.client(&token);
        let position = now(&admin);
        let asked: Vec<_> = (0..5).map(|_| ask(&admin, &format!("page[after]={position}"), "wait=9")).collect();
        until("all of them wait", PATIENCE, || waiting(&admin) == 5);
        let start = Instant::now();
        service.signal("TERM");
        for asked in asked {
            let answer = end(asked).0.expect(200);
            assert_eq!((answer.ids(), cursor(&answer)), (vec![], position.clone()));
        }
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        assert!(service.wait(PATIENCE).success());
    }
}

/// Asserts that a wait ends with this refusal soon after an event.
#[track_caller]
fn assert_ends(asked: JoinHandle<(Answer, Duration)>, status: u16, code: &str) {
    let start = Instant::now();
    let (answer, _) = end(asked);
    answer.refused(status, code);
    // `AUTH_REFRESH` is 1 s; the machine may be busy.
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
}

fn change_user(admin: &Client, id: i64, attributes: &Value) {
    let document = json!({"data": {"type": "users", "id": id.to_string(), "attributes": attributes}});
    admin.patch(&format!("/api/v2/users/{id}"), &document).expect(200);
}

both!(
    a_wait_ends_when_the_caller_loses_its_right,
    |config| {
        config.auth_refresh = Duration::from_secs(1);
    },
    |app| {
        let (root, other) = (app.admin(), app.beside());
        let filter = "filter[relationship]=no-such-type";
        // By this instance, and by another one.
        for instance in [app, &other] {
            let root = instance.client_like(&root);
            let lost = app.admin();
            let asked = begin(&lost, filter, "wait=9");
            change_user(&root, lost.id, &json!({"access-level": "user"}));
            assert_ends(asked, 403, "not-admin");
            let lost = app.admin();
            let asked = begin(&lost, filter, "wait=9");
            change_user(&root, lost.id, &json!({"is-enabled": false}));
            assert_ends(asked, 403, "account-disabled");
        }
        let lost = app.admin();
        let asked = begin(&lost, filter, "wait=9");
        Log::of(app).raw().run(&format!("DELETE FROM api_tokens WHERE user_id = {}", lost.id));
        assert_ends(asked, 401, "unauthenticated");
        // Others go on waiting.
        let (answer, _) = end(begin(&root, filter, "wait=2"));
        assert_eq!(answer.status, 200);
    }
);

both!(
    a_wait_of_a_signed_request_ends_when_its_client_is_disabled,
    |config| {
        config.auth_refresh = Duration::from_secs(1);
    },
    |app| {
        let root = app.named("root@example.com", "admin");
        let signer = Signer { is_stamped: true, ..Signer::new(app, "root@example.com") };
        let signed = root.with_signer(signer.clone());
        // A stamped request is verified once: its nonce is used up.
        let (answer, _) = end(begin(&signed, "filter[action]=loaded", "wait=2"));
        assert_eq!(answer.status, 200, "{}", answer.text);
        let asked = begin(&signed, "filter[action]=loaded", "wait=9");
        Log::of(app).raw().run("UPDATE api_clients SET is_enabled = FALSE");
        assert_ends(asked, 403, "signature-rejected");
    }
);

both!(
    a_wait_ends_when_the_token_expires,
    |config| {
        config.auth_refresh = Duration::from_secs(1);
        let source = KeySource::Secret(Secret::new(SECRET));
        config.jwt = Some(JwtSettings { source, requirements: ClaimRequirements::default() });
    },
    |app| {
        let root = app.admin();
        // Clocks may differ by 30 s.
        let claims = claims(&json!({"sub": root.id.to_string(), "exp": signing::now() - 26}));
        let expiring = root.with_authorization(&format!("Bearer {}", token(Key::Secret, None, &claims)));
        assert_ends(begin(&expiring, "filter[action]=loaded", "wait=9"), 401, "unauthenticated");
    }
);

/// A create, which another instance may do.
fn write(client: &Client, target: i64) -> i64 {
    client.post("/api/v2/user-relationships", &edge(None, "mentor", target)).expect(201).id()
}

both!(an_own_commit_ends_a_wait, |app| {
    let (admin, bob) = (app.admin(), app.user());
    let asked = begin(&admin, "filter[subject-type]=user-relationships", "wait=9");
    let id = write(&admin, bob.id);
    let (answer, took) = end(asked);
    let answer = answer.expect(200);
    assert_eq!(answer.body["data"][0]["attributes"]["subject-id"], id.to_string());
    assert!(took < Duration::from_secs(5), "{took:?}");
});

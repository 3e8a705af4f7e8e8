//! `Consistency-Token`: a read that sends the token of a write shows that write, also where replicas are late.

use std::thread;
use std::time::{Duration, Instant};

use crate::both;
use crate::forms::form;
use crate::support::process::Service;
use crate::support::replica::{ReplicaPair, admin, fallbacks, raw, replica_pair};
use crate::support::{Answer, Client, edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const USERS: &str = "/api/v2/users";
const TOKEN: &str = "consistency-token";
/// Writers at the same time, and creates of each.
const WRITERS: usize = 6;
const CREATES: usize = 50;

fn token(answer: &Answer) -> String {
    answer.header(TOKEN).unwrap_or_else(|| panic!("no token in {answer:?}")).to_owned()
}

fn get_with(client: &Client, path: &str, token: &str) -> Answer {
    client.send("GET", path, &[(TOKEN, token)], None)
}

both!(every_successful_write_answers_a_token_and_nothing_else_does, |app| {
    let (root, bob) = (app.admin(), app.user());
    let made = root.post(EDGES, &edge(None, "mentor", bob.id)).expect(201);
    let id = made.id();
    let named = json!({"data": {"type": "users", "id": bob.id.to_string(), "attributes": {"first-name": "Bob"}}});
    let key = [("idempotency-key", "once"), ("content-type", "application/vnd.api+json")];
    let keyed =
        || root.send("POST", EDGES, &key, Some(edge(None, "colleague", bob.id).to_string().as_bytes())).expect(201);
    let form =
        form("create_user", &json!({"first_name": "New", "email": "new@example.com", "password": "long enough"}));
    let writes = [
        root.patch(&format!("{USERS}/{}", bob.id), &named).expect(200),
        keyed(),
        keyed(),
        root.delete(&format!("{EDGES}/{id}")).expect(204),
        root.form("POST", "/api/users", &form).expect(201),
    ];
    assert!(writes[2].header("idempotent-replayed").is_some());
    let first = token(&made);
    // Without a replica the token is the same for all writes, and any server may answer.
    for answer in &writes {
        assert_eq!(token(answer), first, "{answer:?}");
    }
    let others = [
        root.post(EDGES, &edge(None, "mentor", root.id)).expect(422),
        root.delete(&format!("{EDGES}/{id}")).expect(404),
        get_with(&root, EDGES, &first).expect(200),
        app.anonymous().post(EDGES, &edge(None, "mentor", bob.id)).expect(401),
    ];
    for answer in others {
        assert_eq!(answer.header(TOKEN), None, "{answer:?}");
    }
});

both!(a_malformed_token_is_400_and_names_the_header, |app| {
    let ann = app.user();
    for path in [EDGES, USERS, "/api/v2/users/me", "/api/v2/groups", "/api/v2"] {
        for bad in ["", "0/16B3748", "16b374d848", "00000000000000000", "000000016B374D84", "none"] {
            let refused = get_with(&ann, path, bad).refused(400, "invalid-parameter");
            assert_eq!(refused.source("header"), Some("Consistency-Token"), "{path} {bad:?}");
        }
        let good = "0000000000000000";
        let twice = ann.send("GET", path, &[(TOKEN, good), (TOKEN, good)], None);
        twice.refused(400, "invalid-parameter");
        get_with(&ann, path, good).expect(200);
        ann.send("HEAD", path, &[(TOKEN, good)], None).expect(200);
    }
    get_with(&app.anonymous(), EDGES, "bad").refused(401, "unauthenticated");
    let headers = [(TOKEN, "bad"), ("content-type", "application/vnd.api+json")];
    let body = edge(None, "mentor", app.user().id).to_string();
    ann.send("POST", EDGES, &headers, Some(body.as_bytes())).expect(201);
});

/// Delays the replay on the standby.
fn delay(pair: &ReplicaPair, time: &str) {
    let mut standby = pair.on_standby();
    standby.run(&format!("ALTER SYSTEM SET recovery_min_apply_delay = '{time}'"));
    standby.run("SELECT pg_reload_conf()");
}

/// Creates relationships in several threads, lists them after each create, and returns how many lists lacked it.
fn count_stale(pair: &ReplicaPair, service: &Service, has_token: bool) -> usize {
    let root = admin(&pair.url(), service);
    let user = |number: usize| {
        let email = format!("{number}-of-{}@example.com", root.id);
        root.post(USERS, &json!({"data": {"type": "users", "attributes": {"email": email}}})).expect(201).id()
    };
    let owners: Vec<_> = (0..WRITERS).map(user).collect();
    let targets: Vec<_> = (0..CREATES).map(|number| user(WRITERS + number)).collect();
    pair.settle();
    let write = |owner: i64| {
        let mut stale = 0;
        for (made, target) in (1..).zip(&targets) {
            let token = token(&root.post(EDGES, &edge(Some(owner), "mentor", *target)).expect(201));
            let shape =
                ["", "&include=target", "&sort=-id", "&relationship=mentor"][usize::try_from(made).expect("few") % 4];
            let path = format!("{EDGES}?user={owner}&limit=1{shape}");
            let shown = if has_token { get_with(&root, &path, &token) } else { root.get(&path) };
            stale += usize::from(shown.expect(200).total() != made);
        }
        stale
    };
    thread::scope(|scope| {
        let all: Vec<_> = owners.iter().map(|owner| scope.spawn(|| write(*owner))).collect();
        all.into_iter().map(|writer| writer.join().expect("no panic")).sum()
    })
}

#[test]
fn a_list_with_the_token_of_a_create_is_never_stale() {
    let Some(pair) = replica_pair() else { return };
    let service = pair.serve(&[]);
    delay(&pair, "20ms");
    let stale = [true, false].map(|has_token| count_stale(&pair, &service, has_token));
    delay(&pair, "0");
    let behind = fallbacks(&service, "behind");
    println!(
        "of {} lists, {} were stale with the token and {} without; the primary answered {behind}",
        WRITERS * CREATES,
        stale[0],
        stale[1]
    );
    assert_eq!(stale[0], 0);
    assert!(stale[1] > 0, "the replica is not late, so the test proves nothing");
    assert!(behind < 100, "the replica answers what it has replayed in time: {behind}");
}

#[test]
fn a_read_waits_briefly_for_a_late_replica_and_then_uses_the_primary() {
    let Some(pair) = replica_pair() else { return };
    let service = pair.serve(&[("AUTH_REFRESH", "1h")]);
    let (ann, bob) = (admin(&pair.url(), &service), admin(&pair.url(), &service));
    let list = format!("{EDGES}?user={}", ann.id);
    pair.settle();
    ann.get(&list).expect(200);
    pair.pause();
    let made = ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201);
    let token = token(&made);
    assert_eq!(ann.get(&list).expect(200).total(), 0, "the replica is late");
    for path in [&list, &format!("{list}&include=target"), &format!("{USERS}/{}/mentor?max-depth=1", ann.id)] {
        let asked = Instant::now();
        let shown = get_with(&ann, path, &token);
        let time = asked.elapsed();
        assert!(shown.status == 404 || shown.total() == 1, "{path}: {shown:?}");
        assert!(time > Duration::from_millis(90) && time < Duration::from_secs(1), "{path}: {time:?}");
    }
    assert!(fallbacks(&service, "behind") >= 2);
    // A position that is not known is one that no replica has replayed, without a wait.
    let behind = fallbacks(&service, "behind");
    assert_eq!(get_with(&ann, &list, "ffffffffffffffff").expect(200).total(), 1);
    assert_eq!(fallbacks(&service, "behind"), behind);
    pair.resume();
    pair.settle();
    assert_eq!(get_with(&ann, &list, &token).expect(200).total(), 1);
    assert_eq!(fallbacks(&service, "behind"), behind, "the replica has it now");
}

/// Statements of positions, in the log of the primary.
#[test]
fn a_token_costs_concurrent_writes_less_than_a_statement_each() {
    let Some(pair) = replica_pair() else { return };
    raw(&pair.url()).run("ALTER ROLE postgres SET log_statement = 'all'");
    let service = pair.serve(&[]);
    let log = || std::fs::read_to_string(pair.primary.folder().join("log")).expect("the server's log");
    let count = || log().lines().filter(|line| line.contains("pg_current_wal_insert_lsn")).count();
    let before = count();
    let stale = count_stale(&pair, &service, true);
    raw(&pair.url()).run("ALTER ROLE postgres RESET log_statement");
    let asked = count() - before;
    println!("{asked} statements for {} writes", WRITERS * CREATES + WRITERS + CREATES);
    assert!(stale == 0 && asked > 0 && asked <= WRITERS * CREATES + WRITERS + CREATES);
}

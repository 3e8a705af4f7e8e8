//! Every statement on PostgreSQL has time limits, and stalled statements do not use up further connections.

use std::thread;
use std::time::{Duration, Instant};

use user_relationships::clock::Clock;
use user_relationships::model::error::Result;
use user_relationships::model::filter::RelationshipFilter;
use user_relationships::model::id::UserId;
use user_relationships::model::page::{PageRequest, Sort};
use user_relationships::model::relationship_query::{RelationshipPage, RelationshipQuery};
use user_relationships::store::url::DatabaseUrl;
use user_relationships::store::{Cost, Store, Tx};

use crate::support::app::{Engine, config, run, wait};
use crate::support::citus::skips_on_spread_rows;
use crate::support::cluster::PrivateServer;
use crate::support::hold::hold;
use crate::support::load::user;
use crate::support::process::{Service, in_time, new_user_token, until};
use crate::support::sql::Raw;
use crate::support::{Client, edge, json, pooler};

const EDGES: &str = "/api/v2/user-relationships";
const OURS: &str = "SELECT count(*) AS number FROM pg_stat_activity WHERE application_name = 'user-relationships'";
const SETTINGS: [(&str, &str); 3] =
    [("REQUEST_TIMEOUT", "1s"), ("DATABASE_TIMEOUT", "500ms"), ("DATABASE_POOL_SIZE", "4")];

fn raw(server: &PrivateServer) -> Raw {
    Raw::connect(&DatabaseUrl::parse(&server.url("postgres")).expect("the server's URL"))
}

/// Two users and a relationship.
fn fill(admin: &Client) -> [i64; 2] {
    let ids =
        ["one@example.com", "two@example.com"].map(|email| admin.post("/api/v2/users", &user(email)).expect(201).id());
    admin.post(EDGES, &edge(Some(ids[0]), "mentor", ids[1])).expect(201);
    ids
}

#[test]
fn a_locked_table_blocks_only_requests_that_need_it() {
    let Some(server) = PrivateServer::start() else { return };
    let token = new_user_token(&server.url("postgres"), "root@example.com", "admin");
    let service = Service::start(&server.url("postgres"), &[&SETTINGS[..], &[("AUTH_REFRESH", "5m")]].concat());
    let admin = service.client(&token);
    let ids = fill(&admin);
    let (mut holder, mut watcher) = (raw(&server), raw(&server));
    holder.run("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE");
    let begun = Instant::now();
    let patch = json!({"data": {"type": "users", "id": ids[0].to_string(), "attributes": {"first-name": "Ann"}}});
    let requests: [&(dyn Fn() -> u16 + Sync); 3] =
        [&|| admin.get(&format!("/api/v2/users/{}", ids[0])).status, &|| admin.get("/api/v2/users").status, &|| {
            admin.patch(&format!("/api/v2/users/{}", ids[0]), &patch).status
        }];
    thread::scope(|scope| {
        for ask in requests {
            scope.spawn(move || {
                while begun.elapsed() < Duration::from_millis(2_500) {
                    let asked = Instant::now();
                    assert_eq!(ask(), 503);
                    assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
                }
            });
        }
        while begun.elapsed() < Duration::from_millis(2_500) {
            let list = || admin.get(&format!("{EDGES}?user={}", ids[0])).expect(200);
            assert_eq!(in_time("a list", Duration::from_secs(1), list).total(), 1);
            let connections = watcher.number(OURS);
            assert!(connections <= 4 + 3, "{connections} connections");
            thread::sleep(Duration::from_millis(50));
        }
    });
    let waiting = format!("{OURS} AND wait_event_type = 'Lock'");
    until("no session waits for the lock any more", Duration::from_secs(3), || watcher.number(&waiting) == 0);
    holder.run("COMMIT");
    until("users are served again", Duration::from_secs(5), || admin.get("/api/v2/users").status == 200);
    assert!(!service.log().iter().any(|line| line.contains("opening new connections")), "{:?}", service.log());
}

/// Requests the paths, 12 times each, while the tables of groups are locked, and waits until that number of sessions wait
/// for the lock, for longer than another job waits for a connection. That one still gets a connection immediately.
fn assert_connections_are_left(paths: &[&str], waiting: i64) {
    let Some(server) = PrivateServer::start() else { return };
    let token = new_user_token(&server.url("postgres"), "root@example.com", "admin");
    let settings = [("DATABASE_POOL_SIZE", "9"), ("REQUEST_TIMEOUT", "30s"), ("AUTH_REFRESH", "5m")];
    let service = Service::start(&server.url("postgres"), &settings);
    let admin = service.client(&token);
    let ids = fill(&admin);
    let (mut holder, mut watcher) = (raw(&server), raw(&server));
    holder.run("BEGIN; LOCK TABLE groups, group_members IN ACCESS EXCLUSIVE MODE");
    thread::scope(|scope| {
        for path in paths {
            for _ in 0..12 {
                scope.spawn(|| admin.get(path));
            }
        }
        let sessions = format!("{OURS} AND wait_event_type = 'Lock'");
        until("jobs wait for the lock", Duration::from_secs(2), || watcher.number(&sessions) >= waiting);
        for _ in 0..10 {
            let user = || admin.get(&format!("/api/v2/users/{}", ids[0])).expect(200);
            in_time("a user", Duration::from_millis(500), user);
        }
        assert!(watcher.number(&sessions) >= waiting, "they still wait");
        holder.run("COMMIT");
    });
}

/// More requests wait for a locked table than there are connections.
#[test]
fn jobs_that_wait_for_a_lock_leave_connections_to_others() {
    assert_connections_are_left(&["/api/v2/groups"], 3);
}

/// The shares of three kinds of jobs would be all connections.
#[test]
fn three_kinds_of_jobs_that_wait_for_a_lock_leave_connections_to_others() {
    assert_connections_are_left(&["/api/v2/groups", "/api/v2/groups/1", "/api/v2/group-members"], 7);
}

/// Outside of transactions, too: a statement that waits for a lock ends before its request.
#[test]
fn behind_a_pooler_every_statement_still_has_its_limits() {
    let Some(server) = PrivateServer::start() else { return };
    let token = new_user_token(&server.url("postgres"), "root@example.com", "admin");
    let address = pooler::start(&server.socket());
    let url = format!("postgres://postgres@{address}/postgres?sslmode=disable&gssencmode=disable");
    let service = Service::start(&url, &[&SETTINGS[..], &[("AUTH_REFRESH", "5m")]].concat());
    let admin = service.client(&token);
    let ids = fill(&admin);
    assert!(service.log().iter().any(|line| line.contains("behind a pooler")), "{:?}", service.log());
    let (mut holder, mut watcher) = (raw(&server), raw(&server));
    holder.run("BEGIN; LOCK TABLE users, user_relationships IN ACCESS EXCLUSIVE MODE");
    let waiting = format!("{OURS} AND wait_event_type = 'Lock'");
    for path in [EDGES.to_owned(), "/api/v2/users".to_owned(), format!("/api/v2/users/{}", ids[0])] {
        admin.get(&path).refused(503, "unavailable");
        until("the statement ends", Duration::from_secs(2), || watcher.number(&waiting) == 0);
    }
    holder.run("COMMIT");
    until("lists are served again", Duration::from_secs(5), || admin.get(EDGES).status == 200);
    // The limits belonged to the transactions: a later client of the session does not get them.
    let left = "SELECT count(*) AS number FROM pg_stat_activity WHERE application_name = 'user-relationships' \
                AND state LIKE 'idle in transaction%'";
    until("no transaction is left", Duration::from_secs(2), || watcher.number(left) == 0);
}

#[test]
fn a_page_and_its_included_users_share_a_snapshot() {
    if skips_on_spread_rows("the page and the users are on different nodes, each with a snapshot of its own") {
        return;
    }
    run(
        Engine::Postgres,
        |_| {},
        |app| {
            let (ann, bob) = (app.user(), app.user());
            ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201);
            // A list in this order is not read in one statement.
            let path = format!("{EDGES}?user={}&include=target&sort=-id", ann.id);
            let before = ann.get(&path).expect(200).body["included"].clone();
            let mut other = Raw::connect(&app.config.database_url);
            other.run("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE");
            let shown = thread::scope(|scope| {
                let asked = scope.spawn(|| ann.get(&path).expect(200));
                until("the page is read and its users are not", Duration::from_secs(5), || {
                    other.waiting_sessions() == 1
                });
                other.run(&format!("UPDATE users SET first_name = 'New', version = 9 WHERE id = {}; COMMIT", bob.id));
                asked.join().expect("an answer")
            });
            assert_eq!(shown.body["included"], before);
        },
    );
}

#[test]
fn a_batched_list_that_waits_too_long_fails_alone() {
    run(
        Engine::Postgres,
        |_| {},
        |app| {
            let ann = app.user();
            let mut config = config(app.config.database_url.clone());
            config.database_pool_size = 1;
            config.database_timeout = Duration::from_millis(600);
            let store = Store::open(&config.store_settings(), Clock::System).expect("the database opens");
            let ask = || {
                let store = store.clone();
                let filter = RelationshipFilter { users: vec![UserId::new(ann.id)], ..RelationshipFilter::default() };
                let page = PageRequest::window(Sort::default(), 0, 20);
                let query = RelationshipQuery { filter, page, ..RelationshipQuery::default() };
                tokio::spawn(async move {
                    let left_out = |_: &mut Tx<'_>, _: &RelationshipQuery| Ok(None::<RelationshipPage>);
                    store.list_relationships("test.lists", query, None, left_out).await
                })
            };
            let version: fn(&mut Tx<'_>) -> Result<Option<String>> = |tx| tx.schema_version();
            wait(async {
                store.read("test.warm", Cost::Bounded, version).await.expect("a version");
                let (held, resume) = hold(&store).await;
                let late = ask();
                tokio::time::sleep(Duration::from_millis(400)).await;
                let in_time = ask();
                let refused = late.await.expect("no panic").expect_err("no connection became free");
                assert!(format!("{refused:?}").contains("no connection became free"), "{refused:?}");
                resume.send(()).expect("the connection is held");
                held.await.expect("no panic").expect("it is given back");
                let page = in_time.await.expect("no panic").expect("a connection became free in time").expect("a list");
                assert_eq!(page.page.total, 0);
            });
        },
    );
}

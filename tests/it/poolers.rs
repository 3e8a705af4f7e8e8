//! Poolers: those that mix up prepared statements are refused, and none returns the rows of another query.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::cluster::PrivateServer;
use crate::support::endless_searches::{EndlessSearches, abandon, search};
use crate::support::pgbouncer::{PgBouncer, program};
use crate::support::process::{Service, finish, new_user_token, program as service, run, until};
use crate::support::replica::raw;
use crate::support::{Engine, edge, json, pooler};

const EDGES: &str = "/api/v2/user-relationships";
const USERS: &str = "/api/v2/users";
/// The first version that can rename prepared statements.
const RENAMES: (u32, u32) = (1, 21);
/// A short delay on a machine that is busy with other tests.
const SOON: Duration = Duration::from_secs(8);

/// A server with the schema and the token of an admin, and `PgBouncer` with its version.
fn server() -> Option<(PrivateServer, String, std::path::PathBuf, (u32, u32))> {
    let server = PrivateServer::start()?;
    let (pgbouncer, version) = program()?;
    run(&server.url("postgres"), &["migrate", "run"]).expect(0);
    let token = new_user_token(&server.url("postgres"), "root@example.com", "admin");
    Some((server, token, pgbouncer, version))
}

/// Settings by which a version forwards the names of prepared statements: Debian 12's always does.
fn forwarding(version: (u32, u32)) -> &'static str {
    if version < RENAMES { "" } else { "max_prepared_statements = 0" }
}

#[test]
fn a_pooler_that_mixes_up_statements_is_refused_with_69() {
    let Some((server, _, pgbouncer, version)) = server() else { return };
    for ignored in ["", "ignore_startup_parameters = options"] {
        let settings = format!("{}\n{ignored}", forwarding(version));
        let pooler = PgBouncer::start(&pgbouncer, &server, "transaction", &settings);
        let url = pooler.url("postgres");
        let listen = [("DATABASE_URL", &*url), ("LISTEN", "127.0.0.1:0"), ("LOG_FORMAT", "text")];
        for args in [&["serve"][..], &["serve", "--no-migrate"], &["migrate", "status"], &["token", "list"]] {
            let refused = finish(service().envs(listen).args(args)).expect(69).stderr;
            assert!(refused.contains("mixes up the prepared statements"), "{args:?} {ignored}: {refused}");
            assert!(refused.contains("PgBouncer 1.21"), "{refused}");
        }
    }
}

/// The service starts while the pooler is away, so it cannot refuse it.
#[test]
fn a_pooler_that_comes_later_returns_no_wrong_row() {
    let Some((server, token, pgbouncer, version)) = server() else { return };
    let direct = Service::start(&server.url("postgres"), &[]);
    let root = direct.client(&token);
    let user = |number: i64| {
        let email = format!("user{number}@example.com");
        root.post(USERS, &json!({"data": {"type": "users", "attributes": {"email": email}}})).expect(201).id()
    };
    let ids: Vec<_> = (0..12).map(user).collect();
    for (number, owner) in ids.iter().enumerate() {
        for target in ids.iter().filter(|target| *target != owner).take(number) {
            root.post(EDGES, &edge(Some(*owner), "mentor", *target)).expect(201);
        }
    }
    drop(direct);
    let pooler = PgBouncer::start(&pgbouncer, &server, "transaction", forwarding(version));
    let url = pooler.url("postgres");
    let folder = url.split_once("host=").expect("a host").1.split_once('&').expect("a port").0.to_owned();
    // Away while the service starts: its socket has another name.
    let names = [".s.PGSQL.6432", "away"].map(|name| std::path::Path::new(&folder).join(name));
    std::fs::rename(&names[0], &names[1]).expect("renaming the socket");
    let settings =
        [("NO_MIGRATE", "true"), ("DATABASE_POOL_SIZE", "12"), ("REQUEST_TIMEOUT", "3s"), ("AUTH_REFRESH", "0s")];
    let service = Service::start(&url, &[&settings[..], &[("DATABASE_TIMEOUT", "500ms")]].concat());
    let (right, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let root = service.client(&token);
    std::fs::rename(&names[1], &names[0]).expect("renaming the socket");
    thread::scope(|scope| {
        for worker in 0..8 {
            let (ids, root, right, refused) = (&ids, &root, &right, &refused);
            scope.spawn(move || {
                for turn in 0..40 {
                    let place = (worker + turn) % ids.len();
                    let (id, total) = (ids[place], i64::try_from(place).expect("few"));
                    let email = format!("user{place}@example.com");
                    let list = root.get(&format!("{EDGES}?user={id}&include=target"));
                    let shown = root.get(&format!("{USERS}/{id}"));
                    let is_right = list.status == 200 && list.total() == total;
                    assert!(is_right || list.status == 503, "{list:?}");
                    let is_right_user = shown.status == 200 && shown.body["data"]["attributes"]["email"] == *email;
                    assert!(is_right_user || shown.status == 503, "{shown:?}");
                    right.fetch_add(usize::from(is_right) + usize::from(is_right_user), Ordering::Relaxed);
                    refused.fetch_add(usize::from(!is_right) + usize::from(!is_right_user), Ordering::Relaxed);
                }
            });
        }
    });
    println!("{right:?} right answers, {refused:?} times 503");
    assert!(refused.into_inner() > 0, "the pooler mixes nothing up, so the test proves nothing");
    let log = service.log();
    assert!(log.iter().any(|line| line.contains("mixes up the prepared statements")), "{log:?}");
    until("`/readyz` names the pooler", Duration::from_secs(10), || {
        let answer = service.anonymous().get("/readyz");
        answer.status == 503 && answer.text.contains("mixes up prepared statements")
    });
}

#[test]
fn a_pooler_with_a_session_for_each_client_works() {
    let Some((server, token, pgbouncer, version)) = server() else { return };
    let modes = [("session", ""), ("transaction", "max_prepared_statements = 100")];
    for (mode, settings) in modes.iter().take(if version < RENAMES { 1 } else { 2 }) {
        let pooler = PgBouncer::start(&pgbouncer, &server, mode, settings);
        let service = Service::start(&pooler.url("postgres"), &[("DATABASE_POOL_SIZE", "6")]);
        let root = service.client(&token);
        assert!(service.log().iter().any(|line| line.contains("behind a pooler")), "{:?}", service.log());
        let listed = run(&pooler.url("postgres"), &["user", "list"]).expect(0);
        assert_eq!(listed.stderr, "", "a command says nothing about the pooler");
        let new = json!({"data": {"type": "users", "attributes": {"email": format!("{mode}@example.com")}}});
        let id = root.post(USERS, &new).expect(201).id();
        let make = |owner: i64, target: i64| root.post(EDGES, &edge(Some(owner), "mentor", target)).expect(201);
        let me = root.get("/api/v2/users/me").expect(200).id();
        make(me, id);
        thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        assert_eq!(root.get(&format!("{EDGES}?target={id}")).expect(200).total(), 1);
                        assert_eq!(root.get(&format!("{USERS}/{id}")).expect(200).id(), id);
                    }
                });
            }
        });
        service.anonymous().get("/readyz").expect(200);
    }
}

#[test]
fn a_killed_pooler_fails_no_acknowledged_create_and_needs_no_restart_of_the_service() {
    let Some((server, token, pgbouncer, version)) = server() else { return };
    let (mode, settings) =
        if version < RENAMES { ("session", "") } else { ("transaction", "max_prepared_statements = 100") };
    let mut pooler = PgBouncer::start(&pgbouncer, &server, mode, settings);
    let service = Service::start(&pooler.url("postgres"), &[("DATABASE_POOL_SIZE", "6"), ("DATABASE_TIMEOUT", "1s")]);
    let root = service.client(&token);
    let (is_over, created) = (AtomicBool::new(false), AtomicUsize::new(0));
    let acknowledged: Vec<i64> = thread::scope(|scope| {
        let _end = EndOnDrop(&is_over);
        let create = |worker: usize| {
            let (root, is_over, created) = (&root, &is_over, &created);
            move || {
                let mut ids = Vec::new();
                for number in (0..).take_while(|_| !is_over.load(Ordering::Relaxed)) {
                    let email = format!("killed-{worker}-{number}@example.com");
                    let answer = root.post(USERS, &json!({"data": {"type": "users", "attributes": {"email": email}}}));
                    match answer.status {
                        201 => {
                            ids.push(answer.id());
                            created.fetch_add(1, Ordering::Relaxed);
                        }
                        503 => {}
                        _ => panic!("{answer:?}"),
                    }
                }
                ids
            }
        };
        let workers: Vec<_> = (0..4).map(|worker| scope.spawn(create(worker))).collect();
        for round in 0..3 {
            pooler.kill();
            let before = created.load(Ordering::Relaxed);
            until(&format!("creates succeed after kill {round}"), SOON, || {
                root.get("/readyz").status == 200 && created.load(Ordering::Relaxed) > before + 20
            });
        }
        is_over.store(true, Ordering::Relaxed);
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker")).collect()
    });
    for id in acknowledged {
        root.get(&format!("{USERS}/{id}")).expect(200);
    }
}

/// The next client gets the session of the server after each transaction. A cancel request that came late would stop a
/// statement of that client, which nothing else here ends.
#[test]
fn abandoned_searches_stop_and_no_statement_of_another_client() {
    let Some((server, token, pgbouncer, version)) = server() else { return };
    new_user_token(&server.url("postgres"), "slow@example.com", "user");
    let mut direct = raw(&server.url("postgres"));
    let user = direct.number("SELECT max(id) AS number FROM users");
    let _endless = EndlessSearches::on(raw(&server.url("postgres")), user, Engine::Postgres);
    let modes = [("session", ""), ("transaction", "max_prepared_statements = 100\ndefault_pool_size = 6")];
    for (mode, settings) in modes.iter().take(if version < RENAMES { 1 } else { 2 }) {
        let pooler = PgBouncer::start(&pgbouncer, &server, mode, settings);
        let service =
            Service::start(&pooler.url("postgres"), &[("DATABASE_POOL_SIZE", "8"), ("REQUEST_TIMEOUT", "1m")]);
        let root = service.client(&token);
        root.get("/api/v2/users/me").expect(200);
        let (is_over, others) = (AtomicBool::new(false), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut other = raw(&pooler.url("postgres"));
                    while !is_over.load(Ordering::Relaxed) {
                        other.number("SELECT count(*) AS number FROM pg_sleep(0.002)");
                        others.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            // Also when an assertion fails, so that the others end.
            let _end = EndOnDrop(&is_over);
            let searching = "SELECT count(*) AS number FROM pg_stat_activity \
                             WHERE state = 'active' AND wait_event = 'PgSleep' AND query LIKE '%FROM %users%'";
            for round in 0..5 {
                let searches: Vec<_> = (0..3).map(|_| search(&root)).collect();
                until("two searches run", SOON, || direct.number(searching) == 2);
                abandon(searches);
                until(&format!("the server stopped them in round {round}"), SOON, || direct.number(searching) == 0);
            }
        });
        println!("{mode}: {others:?} statements of other clients meanwhile");
        assert!(others.into_inner() > 0);
    }
}

struct EndOnDrop<'a>(&'a AtomicBool);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The service has no connection to the server while it is idle, or shares one with the import.
#[test]
fn an_import_behind_a_pooler_never_locks_the_tables() {
    let Some(server) = PrivateServer::start() else { return };
    let url = server.url("postgres");
    run(&url, &["migrate", "run"]).expect(0);
    let address = pooler::start(&server.socket());
    let pooled = format!("postgres://postgres@{address}/postgres?sslmode=disable&gssencmode=disable");
    let users = tempfile::NamedTempFile::new().expect("a file");
    let lines = (1..=40).map(|id| format!("{{\"type\":\"user\",\"id\":{id},\"email\":\"user{id}@example.com\"}}\n"));
    let edges = (2..=40).map(|id| {
        format!("{{\"type\":\"user-relationship\",\"user\":{id},\"target\":1,\"relationship\":\"mentor\"}}\n")
    });
    std::fs::write(users.path(), lines.chain(edges).collect::<String>()).expect("the lines");
    let file = users.path().to_str().expect("a path");
    let first_load = "building the indexes at the end";
    let log = |url: &str| run(url, &["import", file]).expect(0).stderr;
    let of_pooler = log(&pooled);
    assert!(!of_pooler.contains(first_load), "{of_pooler}");
    raw(&url).run("CREATE DATABASE other");
    run(&server.url("other"), &["migrate", "run"]).expect(0);
    let direct = log(&server.url("other"));
    assert!(direct.contains(first_load), "{direct}");
    raw(&url).run("CREATE DATABASE target");
    let refused = run(&url, &["copy", "--from", &url, "--to", &pooled.replace("/postgres?", "/target?")]).expect(1);
    assert!(refused.stderr.contains("behind a pooler"), "{refused:?}");
}

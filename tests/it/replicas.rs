//! `DATABASE_READ_URL`, with a standby that streams from the tests' own primary: what callers are shown comes from it,
//! what is decided does not, and nobody notices when it is late or away.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use user_relationships::store::url::DatabaseUrl;

use crate::support::app::{Engine, Home};
use crate::support::cluster::PrivateServer;
use crate::support::process::{Service, finish, program, run, until};
use crate::support::scrape::scrape;
use crate::support::sql::Raw;
use crate::support::{Client, edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const USERS: &str = "/api/v2/users";
const SOON: Duration = Duration::from_secs(10);
const FALLBACKS: &str = "store_replica_fallbacks_total";

/// A primary and a standby of it, for one test at a time.
pub struct Stage {
    pub primary: PrivateServer,
    pub standby: PrivateServer,
}

/// The stage, set up once; `None` where there is no PostgreSQL.
pub fn stage() -> Option<MutexGuard<'static, Stage>> {
    static STAGE: LazyLock<Option<Mutex<Stage>>> = LazyLock::new(|| {
        let primary = PrivateServer::start()?;
        // What is answered is flushed, and so sent to the standby, at once.
        raw(&primary.url("postgres")).run("ALTER ROLE postgres SET synchronous_commit = on");
        let standby = primary.standby();
        let mut settings = raw(&standby.url("postgres"));
        settings.run("ALTER SYSTEM SET wal_retrieve_retry_interval = '100ms'");
        settings.run("SELECT pg_reload_conf()");
        Some(Mutex::new(Stage { primary, standby }))
    });
    let Some(stage) = &*STAGE else {
        eprintln!("SKIPPED: no PostgreSQL programs");
        return None;
    };
    Some(stage.lock().unwrap_or_else(PoisonError::into_inner))
}

fn raw(url: &str) -> Raw {
    Raw::connect(&DatabaseUrl::parse(url).expect("a server's URL"))
}

impl Stage {
    /// The `DATABASE_URL`.
    pub fn url(&self) -> String {
        self.primary.url("postgres")
    }

    /// A service on both, once it uses the standby.
    fn serve(&self, settings: &[(&str, &str)]) -> Service {
        let url = self.standby.url("postgres");
        let service = Service::start(&self.url(), &[&[("DATABASE_READ_URL", &*url)], settings].concat());
        until("the replica is used", SOON, || is_used(&service));
        service
    }

    fn on_standby(&self) -> Raw {
        raw(&self.standby.url("postgres"))
    }

    /// Waits until the standby has all that the primary has.
    pub fn settle(&self) {
        let at = raw(&self.url()).lines("SELECT pg_current_wal_flush_lsn()::text AS line").remove(0);
        let is_there = format!("SELECT (pg_last_wal_replay_lsn() >= '{at}')::int::bigint AS number");
        let mut standby = self.on_standby();
        until("the standby has caught up", SOON, || standby.number(&is_there) == 1);
    }

    fn pause(&self) {
        self.settle();
        let mut standby = self.on_standby();
        standby.run("SELECT pg_wal_replay_pause()");
        until("replay pauses", SOON, || standby.lines("SELECT pg_get_wal_replay_pause_state() AS line") == ["paused"]);
    }

    fn resume(&self) {
        self.on_standby().run("SELECT pg_wal_replay_resume()");
    }
}

fn is_used(service: &Service) -> bool {
    let checks = service.anybody().get("/readyz?verbose").expect(200).body["meta"]["checks"].clone();
    checks["replica"].as_bool().unwrap_or_else(|| panic!("no replica in {checks}"))
}

/// An admin with a new token.
fn admin(url: &str, service: &Service) -> Client {
    static NAMES: Mutex<u32> = Mutex::new(0);
    let email = {
        let mut number = NAMES.lock().expect("a number");
        *number += 1;
        format!("admin{number}@example.com")
    };
    let id = run(url, &["user", "add", "--email", &email, "--access-level", "admin"]).expect(0);
    let token = run(url, &["token", "create", "--user", &email]).expect(0).line().to_owned();
    let authorization = Some(format!("Token token={token}"));
    Client::new(service.address, id.line().parse().expect("an id"), authorization)
}

fn lines_about_the_replica(service: &Service) -> Vec<String> {
    service.log().into_iter().filter(|line| line.contains("the replica")).collect()
}

fn fallbacks(service: &Service, reason: &str) -> i64 {
    scrape(&service.anybody()).count(FALLBACKS, &[("reason", reason)])
}

fn lag(service: &Service) -> f64 {
    scrape(&service.anybody()).sum("store_replica_lag_seconds", &[])
}

#[test]
fn callers_are_shown_what_the_replica_has_and_nothing_is_decided_by_it() {
    let Some(stage) = stage() else { return };
    // Several hosts, of which libpq takes the one that is a standby.
    let (one, other) = (stage.primary.folder().display(), stage.standby.folder().display());
    let several =
        format!("postgres://postgres@/postgres?host={one},{other}&port=5432,5432&target_session_attrs=standby");
    let service = Service::start(&stage.url(), &[("DATABASE_READ_URL", &several), ("AUTH_REFRESH", "0s")]);
    until("the replica is used", SOON, || is_used(&service));
    let ann = admin(&stage.url(), &service);
    let bob = admin(&stage.url(), &service);
    let me = format!("{USERS}/{}", ann.id);
    stage.settle();
    let old = ann.get(&me).expect(200);
    let list = format!("{EDGES}?user={}", ann.id);
    assert_eq!(ann.get(&list).expect(200).total(), 0);

    stage.pause();
    let id = ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201).id();
    let late = admin(&stage.url(), &service);
    for list in
        [&list, &format!("{list}&include=target"), &format!("{list}&relationship=mentor"), &format!("{list}&sort=-id")]
    {
        let shown = ann.get(list).expect(200);
        assert_eq!((shown.total(), shown.ids()), (0, vec![]), "{list}");
        assert_eq!(late.get(list).expect(200).total(), 0, "a token that the replica has not got");
    }
    assert_eq!(ann.get(&format!("{EDGES}/{id}")).expect(200).id(), id, "what the replica has not got is still there");
    ann.post(EDGES, &edge(None, "mentor", bob.id)).refused(409, "already-exists");

    let named =
        |name: &str| json!({"data": {"type": "users", "id": ann.id.to_string(), "attributes": {"first-name": name}}});
    let new = ann.patch(&me, &named("Ann")).expect(200);
    assert_ne!(old.header("etag"), new.header("etag"));
    let shown = ann.get(&me).expect(200);
    assert_eq!((shown.header("etag"), &shown.body["data"]), (old.header("etag"), &old.body["data"]));
    let change = |tag: Option<&str>| {
        let headers = [("content-type", "application/vnd.api+json"), ("if-match", tag.expect("a tag"))];
        ann.send("PATCH", &me, &headers, Some(named("Anne").to_string().as_bytes()))
    };
    change(old.header("etag")).refused(412, "precondition-failed");
    change(new.header("etag")).expect(200);

    until("the lag shows", SOON, || lag(&service) > 0.5);
    let first = lag(&service);
    until("it grows", SOON, || lag(&service) > first + 0.5);
    assert_eq!(fallbacks(&service, "refused"), 1, "{:?}", service.log());
    stage.resume();
    until("the relationship is seen", SOON, || ann.get(&list).expect(200).ids() == [id]);
    until("the name is seen", SOON, || ann.get(&me).expect(200).body["data"]["attributes"]["first-name"] == "Anne");
    until("there is no lag", SOON, || lag(&service) == 0.0);
    assert_eq!(lines_about_the_replica(&service).len(), 1, "{:?}", service.log());
    assert_eq!(fallbacks(&service, "unavailable") + fallbacks(&service, "failed"), 0);
}

#[test]
fn everything_that_is_read_is_read_on_the_replica() {
    let Some(stage) = stage() else { return };
    let service = stage.serve(&[]);
    let ann = admin(&stage.url(), &service);
    let bob = admin(&stage.url(), &service);
    let type_of = |name: &str| json!({"data": {"type": "relationship-types", "id": name, "attributes": {}}});
    ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201);
    let group = ann.form(
        "POST",
        "/api/user/relationships.json",
        &json!({
        "form_configuration_name": "special_group", "form": {"type": "special_group"}}),
    );
    drop(group);
    stage.settle();
    let lists = [EDGES, USERS, "/api/v2/relationship-types", "/api/v2/groups", "/api/v2/group-members"];
    let totals = || lists.map(|list| ann.get(&format!("{list}?limit=1")).expect(200).total());
    let before = totals();
    stage.pause();
    ann.post("/api/v2/relationship-types", &type_of("newcomer")).expect(201);
    ann.post(EDGES, &edge(None, "newcomer", bob.id)).expect(201);
    ann.post(USERS, &json!({"data": {"type": "users", "attributes": {"email": "new@example.com"}}})).expect(201);
    assert_eq!(totals(), before);
    let found = scrape(&service.anybody());
    assert_eq!(found.count(FALLBACKS, &[]), 0);
    assert!(found.count("store_replica_connections", &[]) > 0);
    stage.resume();
    until("all is seen", SOON, || totals() != before && totals()[2] == before[2] + 1);
    ann.get(&format!("{EDGES}?relationship=newcomer&user={}", ann.id)).expect(200);
}

#[test]
fn a_replica_that_dies_is_not_missed_and_used_again_when_it_is_back() {
    let Some(mut stage) = stage() else { return };
    let service = stage.serve(&[]);
    let ann = admin(&stage.url(), &service);
    let list = format!("{EDGES}?user={}", ann.id);
    stage.settle();
    let paths = [list.clone(), format!("{USERS}/{}", ann.id), format!("{USERS}?query=nobody")];
    let ask = |many: usize| {
        thread::scope(|scope| {
            for path in paths.iter().cycle().take(many) {
                let ann = &ann;
                scope.spawn(move || {
                    let asked = Instant::now();
                    ann.get(path).expect(200);
                    assert!(asked.elapsed() < Duration::from_secs(4), "{path}: {:?}", asked.elapsed());
                });
            }
        });
    };
    ask(12);
    stage.standby.stop();
    for _ in 0..5 {
        ask(12);
    }
    until("it is given up", SOON, || !is_used(&service));
    until("nobody knows the lag", SOON, || !scrape(&service.anybody()).kinds.contains_key("store_replica_lag_seconds"));
    ask(12);
    let bob = admin(&stage.url(), &service);
    let id = ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201).id();
    assert_eq!(ann.get(&list).expect(200).ids(), [id], "the primary has it at once");
    assert!(fallbacks(&service, "unavailable") > 0);
    stage.standby.start_again();
    until("it is used again", SOON, || is_used(&service));
    stage.settle();
    let before = scrape(&service.anybody()).count(FALLBACKS, &[]);
    ask(24);
    assert_eq!(scrape(&service.anybody()).count(FALLBACKS, &[]), before);
    let told = lines_about_the_replica(&service);
    let levels = told.iter().map(|line| if line.contains("\"WARN\"") { "WARN" } else { "INFO" });
    assert_eq!(levels.collect::<Vec<_>>(), ["INFO", "WARN", "INFO"], "{told:?}");
}

#[test]
fn a_service_starts_without_its_replica_and_takes_it_when_it_comes() {
    let Some(mut stage) = stage() else { return };
    stage.standby.stop();
    let url = stage.standby.url("postgres");
    let service = Service::start(&stage.url(), &[("DATABASE_READ_URL", &url)]);
    let ann = admin(&stage.url(), &service);
    ann.get(EDGES).expect(200);
    assert!(!is_used(&service));
    stage.standby.start_again();
    until("it is used", SOON, || is_used(&service));
    stage.settle();
    ann.get(EDGES).expect(200);
}

#[test]
fn a_replica_that_lags_behind_a_migration_or_is_of_another_database_is_not_used() {
    let Some(stage) = stage() else { return };
    raw(&stage.url()).run("CREATE DATABASE late");
    stage.pause();
    let (url, replica) = (stage.primary.url("late"), stage.standby.url("late"));
    let service = Service::start(&url, &[("DATABASE_READ_URL", &replica)]);
    let ann = admin(&url, &service);
    ann.get(EDGES).expect(200);
    assert!(!is_used(&service));
    stage.resume();
    until("it has the schema", SOON, || is_used(&service));
    let stranger = Service::start(&stage.url(), &[("DATABASE_READ_URL", &replica)]);
    until("it is told", SOON, || lines_about_the_replica(&stranger).iter().any(|line| line.contains("no replica of")));
    assert!(!is_used(&stranger));
    drop((service, stranger));
    raw(&stage.url()).run("DROP DATABASE late WITH (FORCE)");
}

/// The standby holds a lock that its primary has given back already.
#[test]
fn reads_that_the_replica_does_not_answer_in_time_are_read_on_the_primary() {
    let Some(stage) = stage() else { return };
    let service = stage.serve(&[("DATABASE_TIMEOUT", "500ms")]);
    let ann = admin(&stage.url(), &service);
    let list = format!("{EDGES}?user={}", ann.id);
    stage.settle();
    ann.get(&list).expect(200);
    let mut locking = raw(&stage.url());
    locking.run("BEGIN; LOCK TABLE user_relationships IN ACCESS EXCLUSIVE MODE");
    // A commit elsewhere has the lock sent.
    raw(&stage.url()).run("CREATE TABLE other (); DROP TABLE other");
    let mut standby = stage.on_standby();
    until("the standby has the lock", SOON, || {
        standby.number("SELECT count(*) AS number FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'user_relationships'::regclass") == 1
    });
    stage.on_standby().run("SELECT pg_wal_replay_pause()");
    until("replay pauses", SOON, || standby.lines("SELECT pg_get_wal_replay_pause_state() AS line") == ["paused"]);
    locking.run("COMMIT");
    for path in [&list, &format!("{list}&include=target"), &format!("{list}&sort=-created-at")] {
        let asked = Instant::now();
        ann.get(path).expect(200);
        assert!(asked.elapsed() < Duration::from_secs(3), "{path}: {:?}", asked.elapsed());
    }
    assert!(fallbacks(&service, "unavailable") > 0);
    stage.resume();
    until("it is used again", SOON, || is_used(&service));
}

#[test]
fn a_replica_is_that_of_a_postgresql_database() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let config = |url: &str, replica: &str| {
        finish(program().env("DATABASE_URL", url).env("DATABASE_READ_URL", replica).arg("config"))
    };
    for (url, replica) in [
        (&*home.text(), "postgres://ann:s3cret@replica/db"),
        ("postgres://ann@primary/db", "sqlite://copy.db"),
        ("postgres://ann@primary/db", "replica.example.com"),
    ] {
        let refused = config(url, replica).expect(78).stderr;
        assert!(refused.contains("`DATABASE_READ_URL`") && refused.contains("leave this out"), "{refused}");
        assert!(!refused.contains("s3cret"), "{refused}");
    }
    let shown = config("postgres://ann@primary/db", "postgres://ann:s3cret@a,b/db?load_balance_hosts=random").expect(0);
    let line = "DATABASE_READ_URL=postgres://ann:***@a,b/db?load_balance_hosts=random";
    assert!(shown.stdout.lines().any(|found| found == line), "{}", shown.stdout);
    assert!(config(&home.text(), "").expect(0).stdout.contains("DATABASE_READ_URL=none"));
    assert!(config(&home.text(), "none").expect(0).stdout.contains("DATABASE_READ_URL=none"));
}

//! The replica is down, late, locked, hung or cancels reads: the primary answers in bounded time, and the service uses
//! the replica again by itself.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use user_relationships::clock::Clock;
use user_relationships::model::id::UserId;
use user_relationships::store::url::DatabaseUrl;
use user_relationships::store::{Cost, Settings, Store, Tx};

use crate::support::app::{config, wait};
use crate::support::cluster::PrivateServer;
use crate::support::edge;
use crate::support::process::{Service, run, until};
use crate::support::replica::{
    FALLBACKS, SOON, admin, fallbacks, is_used, lag, lines_about_the_replica, raw, replica_pair,
};
use crate::support::scrape::{Scrape, scrape};

const EDGES: &str = "/api/v2/user-relationships";
const USERS: &str = "/api/v2/users";

#[test]
fn reads_move_to_the_primary_while_the_replica_is_down() {
    let Some(mut pair) = replica_pair() else { return };
    let service = pair.serve(&[]);
    let ann = admin(&pair.url(), &service);
    let list = format!("{EDGES}?user={}", ann.id);
    pair.settle();
    let paths = [list.clone(), format!("{USERS}/{}", ann.id), format!("{USERS}?query=unknown")];
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
    pair.standby.stop();
    for _ in 0..5 {
        ask(12);
    }
    until("it is marked down", SOON, || !is_used(&service));
    until("the lag is unknown", SOON, || !scrape(&service.anonymous()).kinds.contains_key("store_replica_lag_seconds"));
    ask(12);
    let bob = admin(&pair.url(), &service);
    let id = ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201).id();
    assert_eq!(ann.get(&list).expect(200).ids(), [id], "the primary has it immediately");
    assert!(fallbacks(&service, "unavailable") > 0);
    pair.standby.start_again();
    until("it is used again", SOON, || is_used(&service));
    pair.settle();
    let before = scrape(&service.anonymous()).count(FALLBACKS, &[]);
    ask(24);
    assert_eq!(scrape(&service.anonymous()).count(FALLBACKS, &[]), before);
    let reported = lines_about_the_replica(&service);
    let levels = reported.iter().map(|line| if line.contains("\"WARN\"") { "WARN" } else { "INFO" });
    assert_eq!(levels.collect::<Vec<_>>(), ["INFO", "WARN", "INFO"], "{reported:?}");
}

#[test]
fn a_service_starts_without_its_replica_and_uses_it_later() {
    let Some(mut pair) = replica_pair() else { return };
    pair.standby.stop();
    let url = pair.standby.url("postgres");
    let service = Service::start(&pair.url(), &[("DATABASE_READ_URL", &url)]);
    let ann = admin(&pair.url(), &service);
    ann.get(EDGES).expect(200);
    assert!(!is_used(&service));
    pair.standby.start_again();
    until("it is used", SOON, || is_used(&service));
    pair.settle();
    ann.get(EDGES).expect(200);
}

#[test]
fn a_replica_with_an_old_schema_or_other_database_is_not_used() {
    let Some(pair) = replica_pair() else { return };
    raw(&pair.url()).run("CREATE DATABASE late");
    pair.pause();
    let (url, replica) = (pair.primary.url("late"), pair.standby.url("late"));
    let service = Service::start(&url, &[("DATABASE_READ_URL", &replica)]);
    let ann = admin(&url, &service);
    ann.get(EDGES).expect(200);
    assert!(!is_used(&service));
    pair.resume();
    until("it has the schema", SOON, || is_used(&service));
    let unrelated = Service::start(&pair.url(), &[("DATABASE_READ_URL", &replica)]);
    until("it is logged", SOON, || {
        lines_about_the_replica(&unrelated).iter().any(|line| line.contains("not a replica of"))
    });
    assert!(!is_used(&unrelated));
    drop((service, unrelated));
    raw(&pair.url()).run("DROP DATABASE late WITH (FORCE)");
}

/// The standby holds a lock that its primary has already released.
#[test]
fn reads_that_time_out_on_the_replica_run_on_the_primary() {
    let Some(pair) = replica_pair() else { return };
    let service = pair.serve(&[("REQUEST_TIMEOUT", "4s")]);
    let ann = admin(&pair.url(), &service);
    let list = format!("{EDGES}?user={}", ann.id);
    pair.settle();
    ann.get(&list).expect(200);
    let mut locking = raw(&pair.url());
    locking.run("BEGIN; LOCK TABLE user_relationships IN ACCESS EXCLUSIVE MODE");
    pair.wait_for_lock("user_relationships");
    pair.pause_at_once();
    locking.run("COMMIT");
    for path in [&list, &format!("{list}&include=target"), &format!("{list}&sort=-created-at")] {
        let asked = Instant::now();
        ann.get(path).expect(200);
        assert!(asked.elapsed() < Duration::from_secs(3), "{path}: {:?}", asked.elapsed());
    }
    assert!(fallbacks(&service, "unavailable") > 0);
    pair.resume();
    until("it is used again", SOON, || is_used(&service));
}

#[test]
fn the_lag_of_a_replica_that_lost_its_primary_grows() {
    let Some(pair) = replica_pair() else { return };
    let service = pair.serve(&[]);
    let mut standby = pair.on_standby();
    let connected = standby.lines("SELECT setting AS line FROM pg_settings WHERE name = 'primary_conninfo'").remove(0);
    let mut stream_from = |address: &str| {
        standby.run(&format!("ALTER SYSTEM SET primary_conninfo = '{}'", address.replace('\'', "''")));
        standby.run("SELECT pg_reload_conf()");
    };
    until("there is no lag", SOON, || lag(&service) == 0.0);
    stream_from("host=/nowhere");
    until("it has replayed everything that it received", SOON, || lag(&service) > 0.0);
    let first = lag(&service);
    until("the lag grows", SOON, || lag(&service) > first + 0.5);
    stream_from(&connected);
    until("it has caught up", SOON, || lag(&service) == 0.0);
}

/// Sessions of services on a server.
fn sessions(server: &str) -> i64 {
    raw(server).number(
        "SELECT count(*) AS number FROM pg_stat_activity WHERE application_name = 'user-relationships' \
         AND query LIKE '%user_relationships%'",
    )
}

#[test]
fn all_standbys_serve_reads_also_one_that_comes_back() {
    let Some(primary) = PrivateServer::start() else { return };
    run(&primary.url("postgres"), &["migrate", "run"]).expect(0);
    let (standby, mut second) = (primary.standby(), primary.standby());
    let hosts = format!("{},{}", standby.folder().display(), second.folder().display());
    let both = format!("postgres://postgres@/postgres?host={hosts}&port=5432,5432&target_session_attrs=standby");
    // Connections to several standbys are replaced after four times that.
    let settings = [("DATABASE_READ_URL", &*both), ("REQUEST_TIMEOUT", "3s"), ("DATABASE_POOL_SIZE", "8")];
    let service = Service::start(&primary.url("postgres"), &settings);
    until("a replica is used", SOON, || is_used(&service));
    let ann = admin(&primary.url("postgres"), &service);
    let ask = || {
        thread::scope(|scope| {
            for kind in ["", "&include=target", "&sort=-id", "&include=user", "&sort=-id&include=target", "&limit=1"] {
                let ann = &ann;
                scope.spawn(move || ann.get(&format!("{EDGES}?user={}{kind}", ann.id)).expect(200));
            }
        });
    };
    let (first, other) = (standby.url("postgres"), second.url("postgres"));
    let serve = |what: &str, servers: &[&str]| {
        until(what, Duration::from_secs(40), || {
            ask();
            servers.iter().all(|server| sessions(server) > 0)
        });
    };
    serve("both serve", &[&first, &other]);
    second.stop();
    for _ in 0..20 {
        ask();
    }
    second.start_again();
    let back = Instant::now();
    serve("both serve again", &[&first, &other]);
    println!("the standby serves again after {:?}", back.elapsed());
}

fn signal(name: &str, processes: &[String]) {
    assert!(Command::new("kill").arg(format!("-{name}")).args(processes).status().expect("`kill` runs").success());
}

/// Backends of the standby that neither answer nor exit.
#[test]
fn a_hung_replica_is_not_used_until_it_answers() {
    let Some(pair) = replica_pair() else { return };
    let service = pair.serve(&[("REQUEST_TIMEOUT", "4s")]);
    let ann = admin(&pair.url(), &service);
    let paths = [EDGES.to_owned(), format!("{USERS}?query=unknown"), format!("{USERS}/{}", ann.id)];
    pair.settle();
    for path in &paths {
        ann.get(path).expect(200);
    }
    let backends = pair.on_standby().lines(
        "SELECT pid::text AS line FROM pg_stat_activity
         WHERE application_name = 'user-relationships' AND backend_type = 'client backend'",
    );
    assert!(backends.len() > 1, "sessions of reads and of the health check");
    signal("STOP", &backends);
    let slowest = thread::scope(|scope| {
        let ask = |path| {
            let asked = Instant::now();
            ann.get(path).expect(200);
            asked.elapsed()
        };
        let all: Vec<_> = paths.iter().cycle().take(12).map(|path| scope.spawn(move || ask(path))).collect();
        all.into_iter().map(thread::ScopedJoinHandle::join).max_by_key(|time| *time.as_ref().expect("an answer"))
    });
    until("it is marked down", SOON, || !is_used(&service));
    signal("CONT", &backends);
    let slowest = slowest.expect("twelve").expect("an answer");
    assert!(slowest < Duration::from_secs(4), "{slowest:?}");
    until("it is used again", SOON, || is_used(&service));
    pair.settle();
    for path in &paths {
        ann.get(path).expect(200);
    }
}

/// A snapshot of the standby needs rows that the primary has already vacuumed.
#[test]
fn a_read_cancelled_by_replay_runs_on_the_primary() {
    let Some(pair) = replica_pair() else { return };
    drop(pair.serve(&[]));
    let mut standby = pair.on_standby();
    standby.run("ALTER SYSTEM SET max_standby_streaming_delay = 0");
    standby.run("SELECT pg_reload_conf()");
    let url = |text: &str| DatabaseUrl::parse(text).expect("a server's URL");
    let DatabaseUrl::Postgres(replica) = url(&pair.standby.url("postgres")) else { panic!("PostgreSQL") };
    let settings = Settings { replica: Some(replica), ..config(url(&pair.url())).store_settings() };
    let store = Store::open(&settings, Clock::System).expect("the database opens");
    until("the replica is used", SOON, || store.is_replica_used() == Some(true));

    let (mut primary, mut locking) = (raw(&pair.url()), raw(&pair.url()));
    let runs = Arc::new(AtomicUsize::new(0));
    let ((begun, begins), (resume, resumed)) = (channel(), channel::<()>());
    let resumed = Mutex::new(resumed);
    let (theirs, asking) = (Arc::clone(&runs), store.clone());
    let job = move |tx: &mut Tx<'_>| {
        let types = tx.type_names()?.len();
        theirs.fetch_add(1, Ordering::SeqCst);
        let _ = begun.send(());
        // Blocks until the sender is dropped.
        let _ = resumed.lock().expect("one job at a time").recv();
        tx.user(UserId::new(1))?;
        tx.type_names().map(|found| (types, found.len()))
    };
    let read = thread::spawn(move || wait(asking.read_replica("test.read", Cost::Unbounded, None, job)));
    begins.recv().expect("the job begins");
    primary.run("INSERT INTO relationship_types (name, version, created_at, updated_at) VALUES ('brief', 1, 0, 0)");
    primary.run("DELETE FROM relationship_types WHERE name = 'brief'");
    locking.run("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE");
    pair.wait_for_lock("users");
    drop(resume);
    let waits = "SELECT count(*) AS number FROM pg_locks WHERE NOT granted";
    until("it waits for the lock", SOON, || standby.number(waits) == 1);
    // A session of the server itself, such as autovacuum, may still see the row for a moment.
    for _ in 0..10 {
        primary.run("VACUUM relationship_types");
        thread::sleep(Duration::from_millis(100));
    }
    primary.run("CREATE TABLE other (); DROP TABLE other");
    pair.settle();
    locking.run("COMMIT");
    let (before, after) = read.join().expect("no panic").expect("an answer");
    assert_eq!(before, after, "one snapshot of one server");
    assert_eq!(runs.load(Ordering::SeqCst), 2, "once on either server");
    let found = Scrape::read(&store.metrics().text());
    assert_eq!(found.count(FALLBACKS, &[("reason", "conflict")]), 1);
    assert_eq!(found.count(FALLBACKS, &[]), 1);
    assert_eq!(store.is_replica_used(), Some(true), "it stays in use");
    standby.run("ALTER SYSTEM RESET max_standby_streaming_delay");
    standby.run("SELECT pg_reload_conf()");
}

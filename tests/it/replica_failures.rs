//! The replica is away, late, locked, hung, or in the way of its own replay: reads are answered by the primary, in bounded
//! time, and the replica is used again without anybody's doing.

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
use crate::support::edge;
use crate::support::process::{Service, until};
use crate::support::replica::{FALLBACKS, SOON, admin, fallbacks, is_used, lag, lines_about_the_replica, raw, stage};
use crate::support::scrape::{Scrape, scrape};

const EDGES: &str = "/api/v2/user-relationships";
const USERS: &str = "/api/v2/users";

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
    let service = stage.serve(&[("REQUEST_TIMEOUT", "4s")]);
    let ann = admin(&stage.url(), &service);
    let list = format!("{EDGES}?user={}", ann.id);
    stage.settle();
    ann.get(&list).expect(200);
    let mut locking = raw(&stage.url());
    locking.run("BEGIN; LOCK TABLE user_relationships IN ACCESS EXCLUSIVE MODE");
    stage.wait_for_lock("user_relationships");
    stage.pause_at_once();
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
fn the_lag_of_a_replica_that_lost_its_primary_grows() {
    let Some(stage) = stage() else { return };
    let service = stage.serve(&[]);
    let mut standby = stage.on_standby();
    let connected = standby.lines("SELECT setting AS line FROM pg_settings WHERE name = 'primary_conninfo'").remove(0);
    let mut stream_from = |address: &str| {
        standby.run(&format!("ALTER SYSTEM SET primary_conninfo = '{}'", address.replace('\'', "''")));
        standby.run("SELECT pg_reload_conf()");
    };
    until("there is no lag", SOON, || lag(&service) == 0.0);
    stream_from("host=/nowhere");
    until("it has replayed all that it will ever have", SOON, || lag(&service) > 0.0);
    let first = lag(&service);
    until("it grows", SOON, || lag(&service) > first + 0.5);
    stream_from(&connected);
    until("it is level again", SOON, || lag(&service) == 0.0);
}

fn signal(name: &str, processes: &[String]) {
    assert!(Command::new("kill").arg(format!("-{name}")).args(processes).status().expect("`kill` runs").success());
}

/// Backends of the standby that neither answer nor end.
#[test]
fn a_replica_that_hangs_is_given_up_until_it_answers_again() {
    let Some(stage) = stage() else { return };
    let service = stage.serve(&[("REQUEST_TIMEOUT", "4s")]);
    let ann = admin(&stage.url(), &service);
    let paths = [EDGES.to_owned(), format!("{USERS}?query=nobody"), format!("{USERS}/{}", ann.id)];
    stage.settle();
    for path in &paths {
        ann.get(path).expect(200);
    }
    let backends = stage.on_standby().lines(
        "SELECT pid::text AS line FROM pg_stat_activity
         WHERE application_name = 'user-relationships' AND backend_type = 'client backend'",
    );
    assert!(backends.len() > 1, "those of reads and of the watch");
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
    until("it is given up", SOON, || !is_used(&service));
    signal("CONT", &backends);
    let slowest = slowest.expect("twelve").expect("an answer");
    assert!(slowest < Duration::from_secs(4), "{slowest:?}");
    until("it is used again", SOON, || is_used(&service));
    stage.settle();
    for path in &paths {
        ann.get(path).expect(200);
    }
}

/// A snapshot of the standby needs rows that the primary has removed for good.
#[test]
fn a_read_that_is_in_the_way_of_replay_is_done_on_the_primary() {
    let Some(stage) = stage() else { return };
    drop(stage.serve(&[]));
    let mut standby = stage.on_standby();
    standby.run("ALTER SYSTEM SET max_standby_streaming_delay = 0");
    standby.run("SELECT pg_reload_conf()");
    let url = |text: &str| DatabaseUrl::parse(text).expect("a server's URL");
    let DatabaseUrl::Postgres(replica) = url(&stage.standby.url("postgres")) else { panic!("PostgreSQL") };
    let settings = Settings { replica: Some(replica), ..config(url(&stage.url())).store_settings() };
    let store = Store::open(&settings, Clock::System).expect("the database opens");
    until("the replica is used", SOON, || store.is_replica_used() == Some(true));

    let (mut primary, mut locking) = (raw(&stage.url()), raw(&stage.url()));
    let runs = Arc::new(AtomicUsize::new(0));
    let ((begun, begins), (go_on, told)) = (channel(), channel::<()>());
    let told = Mutex::new(told);
    let (theirs, asking) = (Arc::clone(&runs), store.clone());
    let job = move |tx: &mut Tx<'_>| {
        let types = tx.type_names()?.len();
        theirs.fetch_add(1, Ordering::SeqCst);
        let _ = begun.send(());
        // Until nobody can say so any more.
        let _ = told.lock().expect("one job at a time").recv();
        tx.user(UserId::new(1))?;
        tx.type_names().map(|found| (types, found.len()))
    };
    let read = thread::spawn(move || wait(asking.read_replica("test.read", Cost::Unbounded, job)));
    begins.recv().expect("the job begins");
    primary.run("INSERT INTO relationship_types (name, version, created_at, updated_at) VALUES ('brief', 1, 0, 0)");
    primary.run("DELETE FROM relationship_types WHERE name = 'brief'");
    locking.run("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE");
    stage.wait_for_lock("users");
    drop(go_on);
    let waits = "SELECT count(*) AS number FROM pg_locks WHERE NOT granted";
    until("it waits for the lock", SOON, || standby.number(waits) == 1);
    primary.run("VACUUM relationship_types");
    primary.run("CREATE TABLE other (); DROP TABLE other");
    stage.settle();
    locking.run("COMMIT");
    let (before, after) = read.join().expect("no panic").expect("an answer");
    assert_eq!(before, after, "one snapshot of one server");
    assert_eq!(runs.load(Ordering::SeqCst), 2, "once on either server");
    let found = Scrape::read(&store.metrics().text());
    assert_eq!(found.count(FALLBACKS, &[("reason", "conflict")]), 1);
    assert_eq!(found.count(FALLBACKS, &[]), 1);
    assert_eq!(store.is_replica_used(), Some(true), "it is none the worse for that");
    standby.run("ALTER SYSTEM RESET max_standby_streaming_delay");
    standby.run("SELECT pg_reload_conf()");
}

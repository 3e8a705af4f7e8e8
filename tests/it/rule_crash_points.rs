//! A process that is killed after each statement of each kind of write: the write happened wholly or not at all, `check`
//! finds nothing, and the change log has each change once.
//!
//! On PostgreSQL a proxy stops the service after its first, second, third … statement, and after the one that commits. On
//! SQLite a transaction changes only memory until it commits, and the commit appends pages to the log in front of the
//! database. So the kernel kills the process between two such pages, or in the middle of one, by a limit on the size of its
//! files; and SIGKILL comes at moments that are spread over the time that the write takes.
//! `CRASH_POINTS=1000 cargo test --test it rule_crash_points` tries each statement and each page instead of a few.

mod writes;

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use user_relationships::clock::Clock;
use user_relationships::store::url::DatabaseUrl;
use user_relationships::store::{Cost, Settings, Store, Tx};

use crate::support::Client;
use crate::support::app::{self, Engine, Home};
use crate::support::change_log::assert_log_has_each_change_once;
use crate::support::cluster::PrivateServer;
use crate::support::graph::{EDGES, create, repetitions};
use crate::support::process::{PATIENCE, Service, new_user_token, run, until};
use crate::support::sql::Raw;
use crate::support::sqlite_copy::SqliteCopy;
use crate::support::statement_gate::StatementGate;
use writes::{Stage, State, Write};

/// Lets `check` compare everything, compares the change log with the tables, and returns the state.
fn state(url: &str) -> State {
    let url = DatabaseUrl::parse(url).expect("a URL");
    let settings = Settings { pool_size: 1, workers: 1, ..app::config(url.clone()).store_settings() };
    let store = Store::open(&settings, Clock::System).expect("the database opens");
    let report = app::wait(store.read("test", Cost::Unbounded, |tx: &mut Tx<'_>| tx.check())).expect("a report");
    assert_eq!((report.repairable, report.collisions, report.violations), Default::default());
    assert_log_has_each_change_once(&url);
    let lines = "SELECT user_id || ' ' || t.name || ' ' || target_id AS line FROM user_relationships AS e \
                 JOIN relationship_types AS t ON t.id = type_id UNION ALL SELECT 'user ' || id FROM users UNION ALL \
                 SELECT 'type ' || name || ' ' || CASE WHEN is_acyclic THEN 1 ELSE 0 END || ' ' || \
                 COALESCE(max_per_user, 0) FROM relationship_types UNION ALL SELECT 'transfer ' || relationship || ' ' || \
                 from_id || ' ' || to_id || ' ' || moved FROM transfers";
    Raw::connect(&url).lines(lines).into_iter().collect()
}

/// What the tests share.
struct Prepared {
    token: String,
    /// Users who take no part in the writes.
    spare: [i64; 2],
    writes: Vec<Write>,
}

/// Prepares the writes by a service on the database, and stops it.
fn prepare(url: &str) -> Prepared {
    let token = new_user_token(url, "root@example.com", "admin");
    let mut service = Service::start(url, &[]);
    let admin = service.client(&token);
    let stage = Stage { admin: &admin };
    let prepared = Prepared { spare: stage.users(), writes: stage.writes(), token };
    service.signal("TERM");
    service.wait(PATIENCE);
    prepared
}

impl Prepared {
    /// A client of a new service that has written before, so that its connections are open. The state is as before.
    fn client(&self, service: &Service) -> Client {
        let admin = service.client(&self.token);
        let edge = create(&admin, self.spare[0], "boss", self.spare[1]).expect(201).id();
        admin.delete(&format!("{EDGES}/{edge}")).expect(204);
        admin
    }
}

/// Kills a service when the server has executed so many statements of a write, or its `COMMIT`. Returns these statements.
fn stop(server: &PrivateServer, prepared: &Prepared, write: &Write, most: usize) -> Vec<String> {
    let gate = StatementGate::to(&server.socket());
    let service = Service::start(&gate.url("postgres"), &[("DATABASE_POOL_SIZE", "2")]);
    let client = prepared.client(&service);
    gate.close_after(most);
    thread::scope(|scope| {
        let sent = scope.spawn(|| write.send(&client));
        let passed = gate.wait_until_held(PATIENCE);
        service.kill();
        assert_eq!(sent.join().expect("no panic"), None, "{}", write.name);
        passed
    })
}

/// Whether a statement is one of those by which the service keeps the change log every two seconds.
fn is_of_upkeep(text: &str) -> bool {
    let starts =
        ["SELECT MIN(", "SELECT is_on, ", "WITH cut AS", "SELECT 1 FROM change_log", "SELECT COUNT(*) FROM (SELECT 1"];
    starts.iter().any(|start| text.starts_with(start))
}

/// Whether statements that passed include some of the upkeep, or the end of a transaction of it that had begun before.
fn has_upkeep(passed: &[String]) -> bool {
    passed.first().is_some_and(|text| text == "COMMIT") || passed.iter().any(|text| is_of_upkeep(text))
}

#[test]
fn a_write_killed_after_any_statement_is_whole_or_absent() {
    let Some(server) = PrivateServer::start() else { return };
    let url = server.url("postgres");
    let prepared = prepare(&url);
    let mut raw = Raw::connect(&DatabaseUrl::parse(&url).expect("the server's URL"));
    let sessions = "SELECT count(*) AS number FROM pg_stat_activity WHERE application_name = 'user-relationships'";
    let stride = if repetitions("CRASH_POINTS", 1) > 1 { 1 } else { 11 };
    for write in &prepared.writes {
        let before = state(&url);
        let after = write.applied_to(&before);
        let (mut all, mut most) = (Vec::new(), 1);
        loop {
            let passed = stop(&server, &prepared, write, most);
            until("the server ends the sessions", PATIENCE, || raw.number(sessions) == 0);
            if has_upkeep(&passed) && state(&url) == before {
                continue;
            }
            most += stride;
            // The write was stopped later than before, in the same sequence of statements.
            assert!(passed.starts_with(&all) || has_upkeep(&passed), "{}: {all:#?} {passed:#?}", write.name);
            let is_commit = passed.last().is_some_and(|text| text == "COMMIT");
            let expected = if is_commit { &after } else { &before };
            assert_eq!(&state(&url), expected, "{} is incomplete after {passed:#?}", write.name);
            all = passed;
            if is_commit {
                break;
            }
        }
        // A create without rules is one statement in a batch.
        assert!(all.len() > 2, "{}: {all:#?}", write.name);
    }
    run(&url, &["check"]).expect(0);
    drop(Service::start(&url, &[]));
}

/// How a process ends.
#[derive(Debug, Clone, Copy)]
enum Crash {
    /// The kernel kills it (SIGXFSZ) when it writes behind this many bytes of the write's part of the log.
    AfterBytes(u64),
    /// SIGKILL comes this long after the request is sent.
    AfterTime(Duration),
}

/// The size of a page in the log, with its header.
const PAGE: u64 = 4096 + 24;

/// Sets a limit of a process, in bytes.
fn limit(service: &Service, resource: Resource, bytes: u64) {
    let id = Pid::from_raw(service.id().try_into().expect("a number of a process"));
    prlimit(id, resource, Rlimit { current: Some(bytes), maximum: None }).expect("the process is ours");
}

/// Kills a process that writes to a copy of the file. Returns whether the write happened.
fn crash(file: &Path, prepared: &Prepared, write: &Write, [before, after]: [&State; 2], crash: Crash) -> bool {
    let copy = SqliteCopy::of(file);
    let service = Service::start(&copy.url(), &[]);
    let client = prepared.client(&service);
    let answer = thread::scope(|scope| {
        if let Crash::AfterBytes(bytes) = crash {
            limit(&service, Resource::Core, 0);
            limit(&service, Resource::Fsize, copy.log_size() + bytes);
        }
        let sent = scope.spawn(|| write.send(&client));
        match crash {
            Crash::AfterBytes(_) => until("the write or the process ends", PATIENCE, || sent.is_finished()),
            Crash::AfterTime(time) => thread::sleep(time),
        }
        service.kill();
        sent.join().expect("no panic")
    });
    let now = state(&copy.url());
    assert!(now == *after || now == *before, "{} is incomplete after {crash:?}", write.name);
    assert!(now == *after || answer.is_none(), "{} is lost after {crash:?}", write.name);
    now == *after
}

#[test]
fn a_write_killed_between_pages_is_whole_or_absent() {
    let home = Home::new(Engine::Sqlite).expect("SQLite is always there");
    let file = home.file().expect("a file");
    let prepared = prepare(&home.text());
    let points = repetitions("CRASH_POINTS", 3);
    for write in &prepared.writes {
        let before = state(SqliteCopy::of(&file).url().as_str());
        let after = write.applied_to(&before);
        let crash = |how| crash(&file, &prepared, write, [&before, &after], how);
        // First without a crash.
        let copy = SqliteCopy::of(&file);
        let service = Service::start(&copy.url(), &[]);
        let client = prepared.client(&service);
        let (size, begun) = (copy.log_size(), Instant::now());
        write.send(&client).expect("an answer");
        let (time, written) = (begun.elapsed(), copy.log_size() - size);
        service.kill();
        assert_eq!(state(&copy.url()), after, "{}", write.name);
        let pages = usize::try_from(written / PAGE).expect("a number");
        let steps = points.min(pages);
        assert!(steps > 2, "{}: {written} bytes", write.name);
        for step in 1..=steps as u64 {
            // The last byte belongs to the next page, or is the one that completes the commit.
            let bytes = written * step / steps as u64 - 1;
            assert!(!crash(Crash::AfterBytes(bytes)), "{} after {bytes} of {written} bytes", write.name);
        }
        let moments = u32::try_from(points.min(16)).expect("a small number");
        for step in 1..moments {
            crash(Crash::AfterTime(time.mul_f64(f64::from(step) / f64::from(moments))));
        }
    }
}

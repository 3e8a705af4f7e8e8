//! A process that is killed after each statement of each kind of write: the write happened wholly or not at all, and
//! `check` finds nothing.
//!
//! On PostgreSQL a proxy stops the service after its first, second, third … statement, and after the one that commits. On
//! SQLite a transaction changes only memory until it commits, and the commit appends pages to the log in front of the
//! database. So the kernel kills the process between two such pages, or in the middle of one, by a limit on the size of its
//! files; and SIGKILL comes at moments that are spread over the time that the write takes.
//! `CRASH_POINTS=1000 cargo test --test it rule_crash_points` tries each statement and each page instead of a few.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use user_relationships::clock::Clock;
use user_relationships::store::url::DatabaseUrl;
use user_relationships::store::{Cost, Settings, Store, Tx};

use crate::support::app::{self, Engine, Home};
use crate::support::cluster::PrivateServer;
use crate::support::graph::{ATOMIC, EDGES, TYPES, add, create, kind, register, remove, repetitions, tree};
use crate::support::process::{PATIENCE, Service, new_user_token, run, until};
use crate::support::sql::Raw;
use crate::support::sqlite_copy::SqliteCopy;
use crate::support::statement_gate::StatementGate;
use crate::support::{Client, Value, json};

const JSON_API: &str = "application/vnd.api+json";
const USERS: &str = "/api/v2/users";

/// All edges, users and rules: what a write may change. `check` compares everything else with these.
type State = BTreeSet<String>;

/// One write of some kind.
struct Write {
    name: &'static str,
    method: &'static str,
    path: String,
    media_type: &'static str,
    document: Option<Value>,
    /// The part of the state that disappears, and what appears.
    change: [Vec<String>; 2],
}

impl Write {
    fn new(name: &'static str, method: &'static str, path: String, document: Option<Value>) -> Self {
        Self { name, method, path, media_type: JSON_API, document, change: Default::default() }
    }

    fn removes(mut self, lines: &[String]) -> Self {
        self.change[0].extend_from_slice(lines);
        self
    }

    fn adds(mut self, lines: &[String]) -> Self {
        self.change[1].extend_from_slice(lines);
        self
    }

    /// Sends it. There is no answer if the service is killed meanwhile.
    fn send(&self, client: &Client) -> Option<u16> {
        let body = self.document.as_ref().map(ToString::to_string);
        let headers = [("content-type", self.media_type)];
        let headers = if body.is_some() { &headers[..] } else { &[] };
        let answer = client.attempt(self.method, &self.path, headers, body.as_deref().map(str::as_bytes)).ok()?;
        assert!(answer.status < 300, "{}: {answer:?}", self.name);
        Some(answer.status)
    }

    /// The state after the write.
    fn applied_to(&self, before: &State) -> State {
        let [gone, new] = &self.change;
        assert!(gone.iter().all(|line| before.contains(line)), "{}: {gone:?} of {before:?}", self.name);
        let mut after = before.clone();
        after.retain(|line| !gone.contains(line));
        after.extend(new.iter().cloned());
        assert_ne!(after, *before, "{}", self.name);
        after
    }
}

fn edge(user: i64, kind: &str, target: i64) -> String {
    format!("{user} {kind} {target}")
}

/// Users and edges for the writes.
struct Stage<'a> {
    admin: &'a Client,
}

impl Stage<'_> {
    fn users<const N: usize>(&self) -> [i64; N] {
        [(); N].map(|()| {
            let document =
                json!({"data": {"type": "users", "attributes": {"email": format!("u{}@example.com", next())}}});
            self.admin.post(USERS, &document).expect(201).id()
        })
    }

    fn link(&self, user: i64, kind: &str, target: i64) -> i64 {
        create(self.admin, user, kind, target).expect(201).id()
    }

    /// A chain of the tree `boss`: `users` of which each is below the next one.
    fn chain<const N: usize>(&self) -> ([i64; N], Vec<i64>) {
        let users = self.users();
        let edges = users.windows(2).map(|pair| self.link(pair[0], "boss", pair[1])).collect();
        (users, edges)
    }

    fn types(&self) {
        register(self.admin, "boss", &json!({"is-acyclic": true, "max-per-user": 1, "target-role": "superior"}));
        register(self.admin, "line", &tree());
        register(self.admin, "ally", &json!({"is-acyclic": true, "max-per-user": 5, "target-role": "allies"}));
        register(self.admin, "loose", &json!({}));
    }

    /// One write of each kind. Each has users of its own, so that they do not depend on each other.
    fn writes(&self) -> Vec<Write> {
        self.types();
        vec![
            self.create_in_tree(),
            self.change_of_type(),
            self.delete_in_tree(),
            self.deletion_of_user(),
            self.reassignment(),
            self.to_many_add(),
            self.operations(),
            self.rule_turned_on(),
        ]
    }

    fn create_in_tree(&self) -> Write {
        let (low, _) = self.chain::<3>();
        let (high, _) = self.chain::<3>();
        let document = crate::support::edge(Some(low[2]), "boss", high[0]);
        Write::new("create in a tree", "POST", EDGES.to_owned(), Some(document)).adds(&[edge(low[2], "boss", high[0])])
    }

    fn change_of_type(&self) -> Write {
        let (ids, edges) = self.chain::<4>();
        let document = json!({"data": {"type": "user-relationships", "id": edges[1].to_string(),
                                       "attributes": {"relationship": "line"}}});
        Write::new("change of a type", "PATCH", format!("{EDGES}/{}", edges[1]), Some(document))
            .removes(&[edge(ids[1], "boss", ids[2])])
            .adds(&[edge(ids[1], "line", ids[2])])
    }

    fn delete_in_tree(&self) -> Write {
        let (ids, edges) = self.chain::<4>();
        Write::new("delete in a tree", "DELETE", format!("{EDGES}/{}", edges[1]), None)
            .removes(&[edge(ids[1], "boss", ids[2])])
    }

    fn deletion_of_user(&self) -> Write {
        let (ids, _) = self.chain::<5>();
        let [ally] = self.users();
        self.link(ids[2], "ally", ally);
        self.link(ids[0], "line", ids[2]);
        Write::new("deletion of a user", "DELETE", format!("{USERS}/{}", ids[2]), None).removes(&[
            edge(ids[1], "boss", ids[2]),
            edge(ids[2], "boss", ids[3]),
            edge(ids[2], "ally", ally),
            edge(ids[0], "line", ids[2]),
            format!("user {}", ids[2]),
        ])
    }

    fn reassignment(&self) -> Write {
        let (ids, _) = self.chain::<3>();
        let (others, _) = self.chain::<3>();
        let path = format!("{USERS}/{}/relationships/superior", ids[1]);
        Write::new("reassignment", "PATCH", path, Some(json!({"data": user(others[0])})))
            .removes(&[edge(ids[1], "boss", ids[2])])
            .adds(&[edge(ids[1], "boss", others[0])])
    }

    fn to_many_add(&self) -> Write {
        let ids = self.users::<4>();
        self.link(ids[0], "ally", ids[1]);
        let path = format!("{USERS}/{}/relationships/allies", ids[0]);
        let members: Vec<_> = ids[1..].iter().map(|id| user(*id)).collect();
        Write::new("add to many", "POST", path, Some(json!({"data": members})))
            .adds(&[edge(ids[0], "ally", ids[2]), edge(ids[0], "ally", ids[3])])
    }

    fn operations(&self) -> Write {
        let (ids, edges) = self.chain::<3>();
        let [other] = self.users();
        let operations = [remove(edges[1]), add(ids[1], "boss", other), add(ids[0], "line", other)];
        let document = json!({"atomic:operations": operations});
        let write = Write::new("operations", "POST", "/api/v2/operations".to_owned(), Some(document));
        Write { media_type: ATOMIC, ..write }
            .removes(&[edge(ids[1], "boss", ids[2])])
            .adds(&[edge(ids[1], "boss", other), edge(ids[0], "line", other)])
    }

    fn rule_turned_on(&self) -> Write {
        let ids = self.users::<3>();
        self.link(ids[0], "loose", ids[1]);
        self.link(ids[1], "loose", ids[2]);
        let document = kind("loose", &tree());
        Write::new("rule turned on", "PATCH", format!("{TYPES}/loose"), Some(document))
            .removes(&["type loose 0 0".to_owned()])
            .adds(&["type loose 1 1".to_owned()])
    }
}

fn user(id: i64) -> Value {
    json!({"type": "users", "id": id.to_string()})
}

/// A number that no other user of this process has.
fn next() -> usize {
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// Lets `check` compare everything, and returns the state.
fn state(url: &str) -> State {
    let url = DatabaseUrl::parse(url).expect("a URL");
    let settings = Settings { pool_size: 1, workers: 1, ..app::config(url.clone()).store_settings() };
    let store = Store::open(&settings, Clock::System).expect("the database opens");
    let report = app::wait(store.read("test", Cost::Unbounded, |tx: &mut Tx<'_>| tx.check())).expect("a report");
    assert_eq!((report.repairable, report.collisions, report.violations), Default::default());
    let lines = "SELECT user_id || ' ' || t.name || ' ' || target_id AS line FROM user_relationships AS e \
                 JOIN relationship_types AS t ON t.id = type_id UNION ALL SELECT 'user ' || id FROM users UNION ALL \
                 SELECT 'type ' || name || ' ' || CASE WHEN is_acyclic THEN 1 ELSE 0 END || ' ' || \
                 COALESCE(max_per_user, 0) FROM relationship_types";
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
        let mut all = Vec::new();
        for most in (1..).step_by(stride) {
            let passed = stop(&server, &prepared, write, most);
            until("the server ends the sessions", PATIENCE, || raw.number(sessions) == 0);
            // The write was stopped later than before, in the same sequence of statements.
            assert!(passed.starts_with(&all), "{}: {all:#?} {passed:#?}", write.name);
            let is_commit = passed.last().is_some_and(|text| text == "COMMIT");
            let expected = if is_commit { &after } else { &before };
            assert_eq!(&state(&url), expected, "{} is incomplete after {passed:#?}", write.name);
            all = passed;
            if is_commit {
                break;
            }
        }
        assert!(all.len() > 5, "{}: {all:#?}", write.name);
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

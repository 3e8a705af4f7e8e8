//! Concurrent creates on PostgreSQL share a statement and a commit, and have the same results as without.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::task::{JoinHandle, yield_now};
use user_relationships::clock::Clock;
use user_relationships::domain::relationships::create_together;
use user_relationships::domain::users;
use user_relationships::model::caller::Caller;
use user_relationships::model::change::ChangeOrigin;
use user_relationships::model::error::{Error, Result};
use user_relationships::model::id::UserId;
use user_relationships::model::relationship::{EdgeData, NewEdge, Relationship};
use user_relationships::model::relationship_type::TypeName;
use user_relationships::model::user::{AccessLevel, Field, Value as Held};
use user_relationships::store::url::DatabaseUrl;
use user_relationships::store::{GatheredCreate, Store, Tx};

use crate::both;
use crate::support::app::{Engine, Home, config, wait};
use crate::support::citus::{citus, has_spread_rows, shards, skips_on_tenants};
use crate::support::cluster::PrivateServer;
use crate::support::hold::hold;
use crate::support::load::{Worker, under_load, user};
use crate::support::process::{Service, new_user_token, run, until};
use crate::support::sql::Raw;
use crate::support::{Client, edge, json};

const EDGES: &str = "/api/v2/user-relationships";

/// A store with a single connection, so that creates can be delayed, and users to relate.
struct Fixture {
    store: Store,
    users: Vec<UserId>,
    home: Home,
}

impl Fixture {
    fn new(users: usize) -> Option<Self> {
        if skips_on_tenants("creates do not share a commit") {
            return None;
        }
        let home = Home::new(Engine::Postgres)?;
        let mut config = config(home.url());
        config.database_pool_size = 1;
        // A busy machine takes its time to fill the queue; no request may time out meanwhile.
        config.database_timeout = Duration::from_mins(1);
        let store = Store::open(&config.store_settings(), Clock::System).expect("the database opens");
        let add = move |tx: &mut Tx<'_>| {
            let email = |number| [(Field::Email, Held::Text(format!("user{number}@example.com")))];
            (0..users).map(|number| Ok(users::create(tx, &Caller::OPERATOR, None, &email(number))?.id)).collect()
        };
        let users = wait(store.write("test.users", ChangeOrigin::WITHOUT_CALLER, add)).expect("users");
        Some(Self { store, users, home })
    }

    fn edge(&self, user: usize, target: usize, kind: &str) -> NewEdge {
        let relationship = TypeName::parse(kind).expect("a name");
        NewEdge { user: self.users[user], target: self.users[target], data: EdgeData::new(relationship) }
    }

    /// Starts a create.
    async fn ask(&self, edge: NewEdge) -> JoinHandle<Result<Option<Relationship>>> {
        let store = self.store.clone();
        let caller = Caller { id: edge.user, level: AccessLevel::User };
        let create = GatheredCreate { edge, caller, request_id: None };
        // `None` if it is left out of the batch.
        let create =
            async move { store.create_relationship("test.gather", create, create_together, |_| Ok(None)).await };
        let waiting = tokio::spawn(create);
        // The first poll puts it into the queue.
        yield_now().await;
        waiting
    }

    fn number(&self, question: &str) -> i64 {
        Raw::connect(&self.home.url()).number(question)
    }

    fn assert_no_drift(&self) {
        run(&self.home.text(), &["check"]).expect(0);
    }
}

#[test]
fn waiting_creates_share_a_commit_and_each_returns_its_row() {
    let Some(fixture) = Fixture::new(12) else { return };
    wait(async {
        let (held, resume) = hold(&fixture.store).await;
        let mut waiting = Vec::new();
        // In reverse, so that the order of rows differs from the order of the requests.
        for user in (1..12).rev() {
            for kind in ["mentor", "colleague"] {
                let edge = fixture.edge(user, user - 1, kind);
                waiting.push((edge.clone(), fixture.ask(edge).await));
            }
        }
        resume.send(()).expect("the job waits");
        held.await.expect("no panic").expect("it did nothing");
        for (edge, waiting) in waiting {
            let row = waiting.await.expect("no panic").expect("an answer").expect("a new relationship");
            assert_eq!(row.key(), edge.key());
            assert_eq!(row.version, 1);
            let id = row.id;
            let stored =
                fixture.store.read("test.get", user_relationships::store::Cost::Bounded, move |tx| tx.relationship(id));
            assert_eq!(stored.await.expect("a read"), Some(row));
        }
    });
    assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM user_relationships"), 22);
    let transactions = fixture.number("SELECT COUNT(DISTINCT xmin::text) AS number FROM user_relationships");
    let most = shards(&mut Raw::connect(&fixture.home.url()));
    assert!((1..=most).contains(&transactions), "{transactions}");
    let authors =
        "SELECT COUNT(*) AS number FROM user_relationships WHERE created_by = user_id AND updated_by = user_id";
    assert_eq!(fixture.number(authors), 22);
    fixture.assert_no_drift();
}

#[test]
fn a_failing_create_does_not_affect_the_rest_of_its_batch() {
    let Some(fixture) = Fixture::new(4) else { return };
    wait(async {
        fixture.ask(fixture.edge(0, 1, "mentor")).await.await.expect("no panic").expect("an answer").expect("a row");
        let (held, resume) = hold(&fixture.store).await;
        let unknown = NewEdge { target: UserId::new(999_999), ..fixture.edge(0, 1, "colleague") };
        let asked = [
            (fixture.edge(0, 1, "mentor"), false),
            (fixture.edge(0, 2, "mentor"), true),
            (fixture.edge(0, 2, "mentor"), false),
            (unknown.clone(), false),
            (NewEdge { user: unknown.target, target: unknown.user, ..unknown }, false),
            (fixture.edge(0, 3, "no-such-type"), false),
            (fixture.edge(3, 2, "colleague"), true),
        ];
        let mut waiting = Vec::new();
        for (edge, is_stored) in asked {
            waiting.push((format!("{edge:?}"), fixture.ask(edge).await, is_stored));
        }
        resume.send(()).expect("the job waits");
        held.await.expect("no panic").expect("it did nothing");
        for (edge, waiting, is_stored) in waiting {
            let answered = waiting.await.expect("no panic").expect("an answer");
            assert_eq!(answered.is_some(), is_stored, "{edge}");
        }
    });
    assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM user_relationships"), 3);
    fixture.assert_no_drift();
}

#[test]
fn a_batch_that_waits_for_a_lock_soon_runs_its_creates_alone() {
    let Some(fixture) = Fixture::new(4) else { return };
    // A create does not wait for a user that is being deleted, but for an uncommitted identical relationship.
    let mut other = Raw::connect(&fixture.home.url());
    other.run(&format!("BEGIN; SELECT 1 FROM users WHERE id = {} FOR UPDATE", fixture.users[3].get()));
    wait(async {
        let (held, resume) = hold(&fixture.store).await;
        let (blocked, free) =
            (fixture.ask(fixture.edge(0, 3, "mentor")).await, fixture.ask(fixture.edge(0, 1, "mentor")).await);
        resume.send(()).expect("the job waits");
        held.await.expect("no panic").expect("it did nothing");
        assert_eq!(blocked.await.expect("no panic").expect("an answer"), None);
        // Where rows are spread, the nodes do not tell which of them is locked.
        assert_eq!(free.await.expect("no panic").expect("an answer").is_some(), !has_spread_rows());
    });
    other.run("ROLLBACK");
    let (user, target) = (fixture.users[1].get(), fixture.users[2].get());
    other.run(&format!(
        "BEGIN; INSERT INTO user_relationships (user_id, target_id, type_id, created_at, updated_at)
         SELECT {user}, {target}, id, 0, 0 FROM relationship_types WHERE name = 'mentor'"
    ));
    wait(async {
        let (held, resume) = hold(&fixture.store).await;
        let (same, free) =
            (fixture.ask(fixture.edge(1, 2, "mentor")).await, fixture.ask(fixture.edge(0, 2, "mentor")).await);
        resume.send(()).expect("the job waits");
        held.await.expect("no panic").expect("it did nothing");
        // The other session keeps its row lock all the time: a create that waits for it cannot finish.
        assert_eq!(same.await.expect("no panic").expect("an answer"), None);
        assert_eq!(free.await.expect("no panic").expect("an answer"), None);
    });
    other.run("ROLLBACK");
    let stored = i64::from(!has_spread_rows());
    assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM user_relationships"), stored);
    fixture.assert_no_drift();
}

#[test]
fn abandoned_creates_are_skipped_and_a_full_queue_refuses() {
    let Some(fixture) = Fixture::new(3) else { return };
    wait(async {
        let (held, resume) = hold(&fixture.store).await;
        // The batcher has taken one create out of the queue and waits for the connection.
        let first = fixture.ask(fixture.edge(0, 1, "mentor")).await;
        thread::sleep(Duration::from_millis(100));
        let gone = fixture.ask(fixture.edge(1, 2, "mentor")).await;
        let mut waiting = Vec::new();
        for _ in 1..4_200 {
            waiting.push(fixture.ask(fixture.edge(0, 2, "mentor")).await);
        }
        gone.abort();
        assert!(gone.await.expect_err("it was abandoned").is_cancelled());
        assert_eq!(waiting.iter().filter(|one| one.is_finished()).count(), 4_200 - 4_096);
        resume.send(()).expect("the job waits");
        held.await.expect("no panic").expect("it did nothing");
        assert!(first.await.expect("no panic").expect("an answer").is_some());
        let mut outcomes = BTreeMap::new();
        for waiting in waiting {
            let outcome = match waiting.await.expect("no panic") {
                Ok(Some(_)) => "stored",
                Ok(None) => "left out",
                Err(Error::Unavailable(_)) => "refused",
                other => panic!("{other:?}"),
            };
            *outcomes.entry(outcome).or_insert(0) += 1;
        }
        assert_eq!(outcomes, BTreeMap::from([("stored", 1), ("left out", 4_094), ("refused", 104)]));
    });
    assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM user_relationships"), 2);
    fixture.assert_no_drift();
}

both!(
    mixed_load_on_two_instances_keeps_counts_and_refuses_nothing,
    |config| {
        config.workers = 2;
        config.database_pool_size = 6;
    },
    |app| {
        let beside = app.beside();
        let admin = app.admin();
        let lasting: Vec<Client> = (0..6).map(|_| app.user()).collect();
        let stop = AtomicBool::new(false);
        let kinds = ["mentor", "colleague", "subordinate"];
        // A user who is the target of all edges, and users who are created and deleted.
        let hub = app.user().id;
        let least = if citus().is_some() { 20 } else { 100 };
        let created = AtomicUsize::new(0);
        let tally = thread::scope(|scope| {
            let work = |number: usize| {
                let (stop, created, lasting, beside, admin) = (&stop, &created, &lasting, &beside, &admin);
                scope.spawn(move || {
                    let me = &lasting[number % 6];
                    let is_here = number.is_multiple_of(2);
                    let me = if is_here { me.clone() } else { beside.client_like(me) };
                    let admin = if is_here { admin.clone() } else { beside.client_like(admin) };
                    let mut statuses = Vec::new();
                    for round in 0.. {
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                        let kind = kinds[(number + round) % 3];
                        let leaving = admin.post("/api/v2/users", &user(&format!("{number}-{round}@example.com")));
                        let leaving = leaving.expect(201).id();
                        let mut made = Vec::new();
                        for target in lasting.iter().map(|other| other.id).chain([hub, leaving]) {
                            for (owner, target) in [(me.id, target), (target, me.id)] {
                                let answer = admin.post(EDGES, &edge(Some(owner), kind, target));
                                statuses.push(answer.status);
                                if answer.status == 201 {
                                    made.push(answer.id());
                                    created.fetch_add(1, Ordering::Relaxed);
                                }
                            }
                        }
                        for (place, id) in made.into_iter().enumerate() {
                            let path = format!("{EDGES}/{id}");
                            if place % 3 == 0 {
                                let change = json!({"data": {"type": "user-relationships", "id": id.to_string(),
                                    "attributes": {"relationship": kinds[(number + round + 1) % 3]}}});
                                statuses.push(admin.patch(&path, &change).status);
                            } else {
                                statuses.push(admin.delete(&path).status);
                            }
                        }
                        statuses.push(admin.delete(&format!("/api/v2/users/{leaving}")).status);
                    }
                    statuses
                })
            };
            let all: Vec<_> = (0..8).map(work).collect();
            thread::sleep(Duration::from_secs(2));
            // A busy machine takes longer.
            let end = Instant::now() + Duration::from_secs(20);
            while created.load(Ordering::Relaxed) <= least && Instant::now() < end {
                thread::sleep(Duration::from_millis(50));
            }
            stop.store(true, Ordering::Relaxed);
            let mut tally = BTreeMap::new();
            for status in all.into_iter().flat_map(|thread| thread.join().expect("a thread ends well")) {
                *tally.entry(status).or_insert(0) += 1;
            }
            tally
        });
        let allowed = [200, 201, 204, 404, 409, 422];
        assert!(tally.keys().all(|status| allowed.contains(status)), "{tally:?}");
        assert!(tally[&201] > least, "{tally:?}");
        app.assert_no_drift();
    }
);

#[test]
fn creates_use_the_type_that_another_instance_replaced() {
    crate::support::app::run(
        Engine::Postgres,
        |_| {},
        |app| {
            let kind = json!({"data": {"type": "relationship-types", "id": "buddy", "attributes": {}}});
            let other = app.beside();
            let (admin, ann, bob) = (app.admin(), app.user(), app.user());
            let there = other.client_like(&admin);
            admin.post("/api/v2/relationship-types", &kind).expect(201);
            let id = ann.post(EDGES, &edge(None, "buddy", bob.id)).expect(201).id();
            there.delete(&format!("{EDGES}/{id}")).expect(204);
            there.delete("/api/v2/relationship-types/buddy").expect(204);
            ann.post(EDGES, &edge(None, "buddy", bob.id)).refused(422, "unknown-relationship-type");
            there.post("/api/v2/relationship-types", &kind).expect(201);
            let id = ann.post(EDGES, &edge(None, "buddy", bob.id)).expect(201).id();
            assert_eq!(there.get(&format!("{EDGES}?relationship=buddy")).expect(200).ids(), [id]);
            app.assert_no_drift();
        },
    );
}

/// A service on a server of its own, whose backends can be killed, and clients that create and delete.
fn under_kills(rounds: u32, kill: impl Fn(&mut Raw)) {
    let Some(server) = PrivateServer::start() else { return };
    let url = server.url("postgres");
    let parsed = DatabaseUrl::parse(&url).expect("the server's URL");
    Raw::connect(&parsed).run("ALTER DATABASE postgres SET synchronous_commit = on");
    let service = Service::start(&url, &[("DATABASE_TIMEOUT", "2s"), ("DATABASE_POOL_SIZE", "4")]);
    let admin = service.client(&new_user_token(&url, "admin@example.com", "admin"));
    let ids: Vec<i64> = (0..30)
        .map(|number| admin.post("/api/v2/users", &user(&format!("user{number}@example.com"))).expect(201).id())
        .collect();
    let mut workers: Vec<_> = (0..6).map(|at| Worker::new(admin.clone(), ids[at], &ids[6..])).collect();
    under_load(&mut workers, |_| {
        for _ in 0..rounds {
            thread::sleep(Duration::from_millis(300));
            until("the service answers", Duration::from_secs(20), || admin.get(EDGES).status == 200);
            kill(&mut Raw::connect(&parsed));
        }
        until("requests are served again", Duration::from_secs(20), || admin.get(EDGES).status == 200);
        thread::sleep(Duration::from_millis(300));
    });
    assert!(workers.iter().all(|worker| worker.acknowledged > 0));
    workers.iter().for_each(Worker::assert_kept);
    run(&url, &["check"]).expect(0);
    assert!(!service.log().iter().any(|line| line.contains("panic")), "{:?}", service.log());
}

const BACKENDS: &str =
    "FROM pg_stat_activity WHERE application_name = 'user-relationships' AND pid <> pg_backend_pid()";

#[test]
fn no_acknowledged_create_is_lost_when_connections_break() {
    under_kills(6, |raw| {
        raw.lines(&format!("SELECT pg_terminate_backend(pid)::text AS line {BACKENDS}"));
    });
}

#[test]
fn no_acknowledged_create_is_lost_when_postgresql_crashes() {
    // When one backend is killed, the server closes all sessions and recovers from its WAL.
    under_kills(3, |raw| {
        let pids = raw.lines(&format!("SELECT pid::text AS line {BACKENDS}"));
        let mut kill = std::process::Command::new("kill");
        assert!(kill.arg("-KILL").args(pids.iter().take(1)).status().expect("`kill` runs").success());
    });
}

//! The limits of work in the database.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use user_relationships::config::Config;
use user_relationships::model::change::ChangeOrigin;
use user_relationships::model::error::Result;
use user_relationships::model::filter::RelationshipFilter;
use user_relationships::model::id::UserId;
use user_relationships::model::page::{PageRequest, Sort};
use user_relationships::model::relationship_query::{RelationshipPage, RelationshipQuery};
use user_relationships::store::{Cost, Tx};

use super::{ATOMIC, Alone, Asserts, Calls, Checks, EDGES, ME, OPERATIONS, Setup, TYPES, Test, USERS};
use crate::support::app::{Engine, wait};
use crate::support::endless_searches::{EndlessSearches, abandon, search};
use crate::support::hold::hold;
use crate::support::process::until;
use crate::support::sql::Raw;
use crate::support::{App, Value, edge, json};

const LOCK_WAITS: &str = "SELECT COUNT(*) AS number FROM pg_stat_activity \
                          WHERE datname = current_database() AND wait_event_type = 'Lock'";

#[rustfmt::skip]
pub const CHECKS: Checks = &[
    ("time of a database statement", Alone(Setup { settings: |config| config.request_timeout = Duration::from_secs(1), ..Setup::DEFAULT }, |app, _| {
        let ann = app.user();
        let within = ann.get(&format!("{USERS}?query=zz"));
        let _endless = EndlessSearches::make(app, engine(app));
        (within, ann.get(&format!("{USERS}?query=zz")))
    })),
    ("relationships that one request hands over", Calls(|engine| {
        crate::transfer_limits::a_transfer_of_more_than_10000_relationships_is_refused::on(engine);
    })),
    ("relationships over which a request turns a rule on", Alone(Setup::DEFAULT, |app, most| {
        let (admin, ann) = (app.admin(), app.user());
        ann.post(EDGES, &edge(None, "mentor", admin.id)).expect(201);
        let turn_on = |count: usize, attributes: &Value| {
            Raw::connect(&app.home().url()).run(&format!("UPDATE counts_by_type SET n = {count}"));
            let document = json!({"data": {"type": "relationship-types", "id": "mentor", "attributes": attributes}});
            admin.patch(&format!("{TYPES}/mentor"), &document)
        };
        (turn_on(most, &json!({"max-per-user": 1})), turn_on(most + 1, &json!({"is-acyclic": true})))
    })),
    ("examples of a rule that stored relationships break", Test("stored_rules", "at_most_ten_examples_are_shown_with_the_whole_count")),
    ("relationships of a path in an acyclic type", Test("rule_depth", "a_chain_of_64_is_accepted_and_one_of_65_refused")),
    ("users above the target, or below the owner, that are visited outside trees", Test("rule_depth", "outside_trees_10_000_users_are_visited_and_10_001_refused")),
    ("relationships that such a visit reads", Test("src", "a_hundred_thousand_relationships_are_read_and_no_more")),
    ("ids in the examples of cycles", Test("src", "a_long_cycle_is_counted_without_an_example")),
    ("time of a statement whose client has gone", Calls(|engine| match engine {
        Engine::Sqlite => crate::job_limits::an_abandoned_search_stops_and_frees_its_permit::sqlite(),
        Engine::Postgres => crate::job_limits::an_abandoned_search_stops_and_frees_its_permit::postgres(),
    })),
    ("wait for a lock on PostgreSQL", Alone(Setup { engine: Some(Engine::Postgres), settings: |config| config.request_timeout = Duration::from_secs(4), ..Setup::DEFAULT }, |app, _| {
        let ann = app.user();
        let within = ann.get("/api/v2/groups");
        let mut holder = Raw::connect(&app.config.database_url);
        holder.run("BEGIN; LOCK TABLE groups IN ACCESS EXCLUSIVE MODE");
        let asked = Instant::now();
        let beyond = ann.get("/api/v2/groups");
        assert!(asked.elapsed() < Duration::from_millis(3_800), "{:?}", asked.elapsed());
        holder.run("ROLLBACK");
        (within, beyond)
    })),
    ("wait for a connection to PostgreSQL", Alone(Setup { engine: Some(Engine::Postgres), settings: one_connection, ..Setup::DEFAULT }, |app, _| {
        let ann = app.user();
        let user = || ann.get(ME);
        let within = user();
        let [mut holder, mut observer] = [(); 2].map(|()| Raw::connect(&app.config.database_url));
        holder.run("BEGIN; LOCK TABLE groups IN ACCESS EXCLUSIVE MODE");
        let beyond = thread::scope(|scope| {
            scope.spawn(|| ann.get("/api/v2/groups").expect(200));
            until("the only connection is in use", Duration::from_secs(5), || observer.number(LOCK_WAITS) == 1);
            let beyond = user();
            holder.run("ROLLBACK");
            beyond
        });
        (within, beyond)
    })),
    ("jobs of one kind at the same time on PostgreSQL", Test("postgres_limits", "jobs_that_wait_for_a_lock_leave_connections_to_others")),
    ("jobs that run beside another one of their kind on PostgreSQL", Test("postgres_limits", "three_kinds_of_jobs_that_wait_for_a_lock_leave_connections_to_others")),
    ("searches at the same time", Alone(Setup { settings: |config| config.database_timeout = Duration::from_secs(1), ..Setup::DEFAULT }, |app, _| {
        let ann = app.user();
        let within = ann.get(&format!("{USERS}?query=zz"));
        let _endless = EndlessSearches::make(app, engine(app));
        // At most two, with the pool of the tests.
        let running = vec![search(&ann), search(&ann)];
        thread::sleep(Duration::from_millis(200));
        let asked = Instant::now();
        let beyond = ann.get(&format!("{USERS}?query=zz"));
        assert!(asked.elapsed() < Duration::from_secs(5), "before the statement's own time: {:?}", asked.elapsed());
        abandon(running);
        (within, beyond)
    })),
    ("bytes of the write-ahead log of SQLite", Test("src", "overlapping_reads_are_delayed_until_the_log_is_emptied")),
    ("relationship types", Alone(Setup::DEFAULT, |app, most| {
        let admin = app.admin();
        let last = most - 1;
        Raw::connect(&app.config.database_url).run(&format!(
            "WITH RECURSIVE numbers (n) AS (SELECT 4 UNION ALL SELECT n + 1 FROM numbers WHERE n < {last}) \
             INSERT INTO relationship_types (id, name, created_at, updated_at) SELECT n, 'kind-' || n, 0, 0 FROM numbers",
        ));
        let register = |name: &str| admin.post(TYPES, &json!({"data": {"type": "relationship-types", "id": name}}));
        (register("friend").expect(201), register("foe"))
    })),
    ("time of the operations of a request on SQLite", Calls(|engine| {
        if engine == Engine::Sqlite {
            crate::operation_limits::operations_that_keep_other_writers_waiting_are_a_503();
        }
    })),
    ("requests with operations at the same time", Asserts(Setup { settings: |config| config.request_timeout = Duration::from_secs(2), ..Setup::DEFAULT }, |app, _| {
        let (ann, bob) = (app.user(), app.user());
        let document = json!({"atomic:operations": [{"op": "add", "data": edge(None, "mentor", bob.id)["data"]}]}).to_string();
        let operate = || ann.send("POST", OPERATIONS, &[ATOMIC], Some(document.as_bytes()));
        let [mut holder, mut observer] = [(); 2].map(|()| Raw::connect(&app.config.database_url));
        let is_sqlite = engine(app) == Engine::Sqlite;
        holder.run(if is_sqlite { "BEGIN IMMEDIATE" } else { "BEGIN; LOCK TABLE user_relationships IN EXCLUSIVE MODE" });
        thread::scope(|scope| {
            let requests: Vec<_> = (0..3).map(|_| scope.spawn(operate)).collect();
            thread::sleep(Duration::from_millis(500));
            assert!(is_sqlite || observer.number(LOCK_WAITS) == 1, "the others wait for the first one");
            for request in requests {
                request.join().expect("an answer").refused(503, "unavailable");
            }
        });
        holder.run("ROLLBACK");
        operate().expect(200);
    })),
    ("other long reads at the same time on SQLite", Asserts(Setup { engine: Some(Engine::Sqlite), settings: |config| config.database_timeout = Duration::from_secs(1), ..Setup::DEFAULT }, |app, most| {
        let store = app.store.clone();
        let is_stopped = Arc::new(AtomicBool::new(false));
        let read = |is_long: bool| {
            let (store, is_stopped) = (store.clone(), Arc::clone(&is_stopped));
            tokio::spawn(async move {
                let job = move |tx: &mut Tx<'_>| loop {
                    tx.schema_version()?;
                    if !is_long || is_stopped.load(Ordering::SeqCst) {
                        return Ok(());
                    }
                };
                store.read("test.long", Cost::Unbounded, job).await
            })
        };
        wait(async {
            let mut running: Vec<_> = (0..most - 1).map(|_| read(true)).collect();
            tokio::time::sleep(Duration::from_millis(100)).await;
            read(false).await.expect("no panic").expect("one more may run");
            running.push(read(true));
            tokio::time::sleep(Duration::from_millis(100)).await;
            let refused = read(false).await.expect("no panic").expect_err("no more may run");
            assert!(format!("{refused:?}").contains("too many long reads at the same time"), "{refused:?}");
            is_stopped.store(true, Ordering::SeqCst);
            for read in running {
                read.await.expect("no panic").expect("it ends");
            }
        });
    })),
    ("writes that wait on SQLite", Asserts(Setup { engine: Some(Engine::Sqlite), ..Setup::DEFAULT }, |app, most| {
        let mut holder = Raw::connect(&app.config.database_url);
        holder.run("BEGIN IMMEDIATE");
        wait(async {
            let write = || {
                let store = app.store.clone();
                tokio::spawn(async move { store.write("test.write", ChangeOrigin::WITHOUT_CALLER, |tx| tx.schema_version().map(drop)).await })
            };
            // The writer holds up to 256 of them besides the queue.
            let writes: Vec<_> = (0..most + 300).map(|_| write()).collect();
            tokio::time::sleep(Duration::from_millis(200)).await;
            holder.run("ROLLBACK");
            let mut refused = 0;
            for write in writes {
                if let Err(error) = write.await.expect("no panic") {
                    assert!(format!("{error:?}").contains("writes are already waiting"), "{error:?}");
                    refused += 1;
                }
            }
            assert!((300 - 256..=300).contains(&refused), "{refused}");
        });
    })),
    ("requests of one kind that wait for a batch on PostgreSQL", Asserts(Setup { engine: Some(Engine::Postgres), settings: |config| { config.database_pool_size = 1; config.database_timeout = Duration::from_secs(30); }, ..Setup::DEFAULT }, |app, most| {
        let version: fn(&mut Tx<'_>) -> Result<Option<String>> = |tx| tx.schema_version();
        wait(async {
            app.store.read("test.warm", Cost::Bounded, version).await.expect("a connection");
            let (held, resume) = hold(&app.store).await;
            let list = || {
                let store = app.store.clone();
                let page = PageRequest::window(Sort::default(), 0, 1);
                let filter = RelationshipFilter { users: vec![UserId::new(1)], ..RelationshipFilter::default() };
                let query = RelationshipQuery { filter, page, ..RelationshipQuery::default() };
                let alone = |_: &mut Tx<'_>, _: &RelationshipQuery| Ok(None::<RelationshipPage>);
                tokio::spawn(async move { store.list_relationships("test.lists", query, None, alone).await })
            };
            // The batcher holds up to 64 of them besides the queue.
            let lists: Vec<_> = (0..most + 100).map(|_| list()).collect();
            tokio::time::sleep(Duration::from_millis(200)).await;
            resume.send(()).expect("the connection is held");
            held.await.expect("no panic").expect("it is given back");
            let mut refused = 0;
            for list in lists {
                if let Err(error) = list.await.expect("no panic") {
                    assert!(format!("{error:?}").contains("are already waiting"), "{error:?}");
                    refused += 1;
                }
            }
            assert!((100 - 64..=100).contains(&refused), "{refused}");
        });
    })),
    ("queries at the same time for the tokens of sources with too many failures", Calls(|engine| {
        if engine == Engine::Postgres {
            crate::unauthenticated::a_source_of_many_failures_does_not_exhaust_the_connections();
        }
    })),
];

fn engine(app: &App) -> Engine {
    if app.home().file().is_some() { Engine::Sqlite } else { Engine::Postgres }
}

/// One connection. The cached token of a client needs none.
fn one_connection(config: &mut Config) {
    config.database_pool_size = 1;
    config.auth_refresh = Duration::from_mins(5);
}

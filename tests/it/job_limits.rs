//! No job runs longer than its request, whatever its database does, and long jobs leave room for others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use user_relationships::config::Config;
use user_relationships::domain::users;
use user_relationships::model::caller::Caller;
use user_relationships::model::change::ChangeOrigin;
use user_relationships::model::error::{Error, Result};
use user_relationships::model::id::UserId;
use user_relationships::model::precondition::Precondition;
use user_relationships::model::user::{Field, Value};
use user_relationships::store::{Cost, Tx};

use crate::both;
use crate::support::app::{Engine, run, wait};
use crate::support::endless_searches::{EndlessSearches, abandon, search};
use crate::support::process::{in_time, until};
use crate::support::scrape::scrape;
use crate::support::sql::Raw;
use crate::support::{App, Client};

const EDGES: &str = "/api/v2/user-relationships";
type Job = Box<dyn Fn(&mut Tx<'_>) -> Result<()> + Send>;
/// A short delay on a machine that is busy with other tests.
const SOON: Duration = Duration::from_secs(8);

/// The `both!` of tests that depend on the database.
macro_rules! on_each {
    ($name:ident, $settings:expr, $test:expr) => {
        pub mod $name {
            #[allow(unused_imports, reason = "not every test needs all of them")]
            use super::*;

            #[test]
            pub fn sqlite() {
                run(Engine::Sqlite, $settings, |app| $test(app, Engine::Sqlite));
            }

            #[test]
            pub fn postgres() {
                run(Engine::Postgres, $settings, |app| $test(app, Engine::Postgres));
            }
        }
    };
}

fn busy(anonymous: &Client) -> f64 {
    scrape(anonymous).sum("store_connections", &[("state", "busy")])
}

fn rename(id: i64, name: &'static str) -> impl Fn(&mut Tx<'_>) -> Result<()> + Send + Clone {
    let changes = vec![(Field::FirstName, Value::Text(name.to_owned()))];
    move |tx| users::change(tx, &Caller::OPERATOR, UserId::new(id), &Precondition::None, &changes).map(drop)
}

on_each!(
    an_abandoned_search_stops_and_frees_its_permit,
    |config: &mut Config| {
        config.database_pool_size = 8;
        config.request_timeout = Duration::from_mins(1);
    },
    |app: &App, engine| {
        let (ann, anonymous) = (app.user(), app.anonymous());
        ann.get("/api/v2/users/me").expect(200);
        let mut endless = EndlessSearches::make(app, engine);
        // More than may run concurrently: some wait for their permit.
        let searches: Vec<_> = (0..6).map(|_| search(&ann)).collect();
        until("two searches run", SOON, || busy(&anonymous) >= 2.0);
        abandon(searches);
        until("no search runs any more", SOON, || busy(&anonymous) == 0.0);
        if engine == Engine::Postgres {
            let mut raw = Raw::connect(&app.config.database_url);
            let running = "SELECT count(*) AS number FROM pg_stat_activity \
                           WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid()";
            until("the server stopped them", SOON, || raw.number(running) == 0);
        }
        endless.undo();
        ann.get("/api/v2/users?query=user").expect(200);
    }
);

on_each!(
    searches_leave_permits_for_other_requests,
    |config: &mut Config| {
        config.database_pool_size = 8;
        config.request_timeout = Duration::from_mins(1);
    },
    |app: &App, engine| {
        let (ann, anonymous) = (app.user(), app.anonymous());
        ann.get("/api/v2/users/me").expect(200);
        let _endless = EndlessSearches::make(app, engine);
        let searches: Vec<_> = (0..12).map(|_| search(&ann)).collect();
        until("two searches run", SOON, || busy(&anonymous) >= 2.0);
        let half = Duration::from_millis(500);
        for _ in 0..5 {
            in_time("`/livez`", half, || anonymous.get("/livez").expect(200));
            in_time("`/readyz`", half, || anonymous.get("/readyz").expect(200));
            in_time("a list", half, || ann.get(EDGES).expect(200));
            in_time("a list that is counted", half, || ann.get("/api/v2/groups").expect(200));
        }
        assert!(busy(&anonymous) < 3.0, "searches have their own permits");
        abandon(searches);
        until("no search runs any more", SOON, || busy(&anonymous) == 0.0);
    }
);

on_each!(
    a_search_ends_at_the_deadline_of_its_request,
    |config: &mut Config| config.request_timeout = Duration::from_secs(1),
    |app: &App, engine| {
        let (ann, anonymous) = (app.user(), app.anonymous());
        ann.get("/api/v2/users/me").expect(200);
        let _endless = EndlessSearches::make(app, engine);
        let asked = Instant::now();
        ann.get("/api/v2/users?query=zz").refused(503, "unavailable");
        assert!(asked.elapsed() < SOON, "{:?}", asked.elapsed());
        until("it no longer runs", SOON, || busy(&anonymous) == 0.0);
    }
);

both!(
    a_write_that_takes_too_long_rolls_back_and_frees_its_locks,
    |config| { config.request_timeout = Duration::from_secs(1) },
    |app| {
        let ann = app.user();
        let (id, change) = (ann.id, rename(ann.id, "Late"));
        let asked = Instant::now();
        let refused = wait(app.store.write("test.long", ChangeOrigin::WITHOUT_CALLER, move |tx| {
            change(tx)?;
            loop {
                tx.user(UserId::new(id))?;
            }
            #[expect(unreachable_code, reason = "it returns the result of the job")]
            Ok(())
        }));
        assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
        assert!((Duration::from_millis(900)..SOON).contains(&asked.elapsed()), "{:?}", asked.elapsed());
        app.write(rename(id, "Ann"));
        assert_eq!(ann.get("/api/v2/users/me").expect(200).body["data"]["attributes"]["first-name"], "Ann");
    }
);

both!(an_abandoned_write_rolls_back_and_frees_its_locks, |app| {
    let ann = app.user();
    let (id, change) = (ann.id, rename(ann.id, "Gone"));
    let is_running = Arc::new(AtomicBool::new(true));
    let ended = Arc::clone(&is_running);
    let begun = Instant::now();
    wait(async {
        let job = app.store.write("test.abandoned", ChangeOrigin::WITHOUT_CALLER, move |tx| {
            change(tx)?;
            let error = loop {
                if let Err(error) = tx.user(UserId::new(id)) {
                    break error;
                }
            };
            ended.store(false, Ordering::SeqCst);
            Err::<(), _>(error)
        });
        tokio::time::timeout(Duration::from_millis(300), job).await.expect_err("it runs until it is abandoned");
    });
    until("the job ends", SOON, || !is_running.load(Ordering::SeqCst));
    app.write(rename(id, "Ann"));
    assert!(begun.elapsed() < Duration::from_secs(5), "long before the deadline of the request");
    assert_eq!(ann.get("/api/v2/users/me").expect(200).body["data"]["attributes"]["first-name"], "Ann");
});

/// SQLite rolls back the whole transaction when it interrupts a statement that writes.
#[test]
fn writes_that_shared_a_commit_with_a_stopped_one_run_again() {
    run(
        Engine::Sqlite,
        |_| {},
        |app| {
            let [ann, bob, cho] = [app.user().id, app.user().id, app.user().id];
            Raw::connect(&app.config.database_url).run(
                "CREATE TRIGGER endless AFTER UPDATE ON users WHEN NEW.first_name = 'slow' BEGIN \
                 UPDATE users SET profile = (SELECT max(i) FROM (WITH RECURSIVE n (i) AS \
                 (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000000000) SELECT i FROM n)) WHERE id = NEW.id; \
                 END",
            );
            let store = app.store.clone();
            wait(async {
                let (resume, held) = std::sync::mpsc::channel::<()>();
                let (begun, begins) = std::sync::mpsc::channel();
                let held = std::sync::Mutex::new(held);
                let first = tokio::spawn({
                    let store = store.clone();
                    async move {
                        store
                            .write("test.hold", ChangeOrigin::WITHOUT_CALLER, move |_| {
                                let _ = begun.send(());
                                let _ = held.lock().expect("one job").recv();
                                Ok(())
                            })
                            .await
                    }
                });
                tokio::task::yield_now().await;
                begins.recv().expect("the first is alone in its transaction");
                let queue = |job: Job| {
                    let store = store.clone();
                    tokio::spawn(async move { store.write("test.write", ChangeOrigin::WITHOUT_CALLER, job).await })
                };
                let before = queue(Box::new(rename(ann, "Ann")));
                let slow = queue(Box::new(rename(bob, "slow")));
                let after = queue(Box::new(rename(cho, "Cho")));
                tokio::task::yield_now().await;
                tokio::time::sleep(Duration::from_millis(100)).await;
                resume.send(()).expect("the first waits");
                first.await.expect("no panic").expect("the first ends");
                tokio::time::sleep(Duration::from_millis(300)).await;
                slow.abort();
                let both = async { (before.await, after.await) };
                let (before, after) = tokio::time::timeout(SOON, both).await.expect("long before the deadline");
                before.expect("no panic").expect("the one before");
                after.expect("no panic").expect("the one after");
            });
            let name = move |id| app.read(move |tx| tx.user(UserId::new(id))).expect("a user").data.first_name;
            assert_eq!([ann, bob, cho].map(name), [Some("Ann".to_owned()), None, Some("Cho".to_owned())]);
            app.assert_no_drift();
        },
    );
}

both!(
    a_read_that_waits_too_long_for_a_permit_fails_alone,
    |config| {
        config.database_timeout = Duration::from_millis(600);
        config.request_timeout = Duration::from_mins(1);
    },
    |app| {
        let store = app.store.clone();
        let stop = Arc::new(AtomicBool::new(false));
        let is_stopped = Arc::clone(&stop);
        let search = move |tx: &mut Tx<'_>| {
            while !is_stopped.load(Ordering::SeqCst) {
                tx.schema_version()?;
            }
            Ok(())
        };
        wait(async {
            let ask = |job: Job| {
                let store = store.clone();
                tokio::spawn(async move { store.read("test.search", Cost::Search, job).await })
            };
            // As many as run concurrently on either database, with a pool of 4.
            let running = [ask(Box::new(search.clone())), ask(Box::new(search.clone()))];
            tokio::time::sleep(Duration::from_millis(100)).await;
            let late = ask(Box::new(search.clone()));
            tokio::time::sleep(Duration::from_millis(400)).await;
            let in_time = ask(Box::new(|tx: &mut Tx<'_>| tx.schema_version().map(drop)));
            let refused = late.await.expect("no panic");
            let is_named = |cause: &str| cause.contains("too many") || cause.contains("no job of this kind ended");
            assert!(matches!(&refused, Err(Error::Unavailable(cause)) if is_named(cause)), "{refused:?}");
            stop.store(true, Ordering::SeqCst);
            in_time.await.expect("no panic").expect("a permit became free in time");
            for one in running {
                drop(one.await.expect("no panic"));
            }
        });
    }
);

//! What a list request may cost: allocations and changes of threads. `docs/PERFORMANCE.md` has the figures and explains
//! every increase.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;

use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::web;
use user_relationships::clock::Clock;
use user_relationships::http::forms::config::catalogue::Catalogue;
use user_relationships::model::filter::RelationshipFilter;
use user_relationships::model::id::UserId;
use user_relationships::model::page::{PageRequest, Sort};
use user_relationships::model::relationship_query::{RelationshipPage, RelationshipQuery};
use user_relationships::store::{Cost, Store, Tx};

use crate::support::app::{Engine, config, run};
use crate::support::counting::allocations;
use crate::support::{App, edge};

const EDGES: &str = "/api/v2/user-relationships";
/// Allocations of a list of 20 relationships on SQLite, from the request head to the response body: 77 to 79, because
/// the lengths of ids and times decide whether a buffer grows once more.
const ALLOCATIONS: usize = 81;
/// How many more allocations a list of 50 may need than a list of one: buffers that grow, but none per row.
const OF_MORE_ROWS: usize = 6;

/// A runtime whose only blocking thread is occupied until the sender is dropped.
fn without_blocking_threads() -> (tokio::runtime::Runtime, std::sync::mpsc::Sender<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build();
    let runtime = runtime.expect("a runtime");
    let (hold, held) = channel::<()>();
    runtime.spawn_blocking(move || held.recv());
    (runtime, hold)
}

fn store(app: &App) -> Store {
    Store::open(&app.config.store_settings(), Clock::System).expect("the database opens")
}

#[test]
fn a_list_on_sqlite_stays_on_its_thread_and_in_its_allocations() {
    run(
        Engine::Sqlite,
        |_| {},
        |app| {
            let ann = app.user();
            for _ in 0..50 {
                ann.post(EDGES, &edge(None, "mentor", app.user().id)).expect(201);
            }
            let (runtime, hold) = without_blocking_threads();
            let config = config(app.home().url());
            let counts = tokio::task::LocalSet::new().block_on(&runtime, async {
                let forms = Arc::new(Catalogue::load_or_built_in(None).expect("no forms"));
                let state =
                    web::Data::new(user_relationships::app::build_state(&config, store(app), Clock::System, forms));
                let service = init_service(user_relationships::app::build(state, config.cors_origins.clone())).await;
                let mut counts = Vec::new();
                // The first requests fill caches and prepare the statement.
                for limit in [20, 20, 20, 1, 1, 50, 50] {
                    let request = TestRequest::get()
                        .uri(&format!("{EDGES}?user={}&limit={limit}", ann.id))
                        .insert_header(("authorization", ann.authorization().expect("a token")))
                        .to_request();
                    let before = allocations();
                    let answer = call_service(&service, request).await;
                    let count = allocations() - before;
                    assert_eq!(answer.status(), 200);
                    let bytes = read_body(answer).await.len();
                    assert!(bytes > 500 * limit, "{bytes}");
                    counts.push((limit, count));
                }
                counts
            });
            drop(hold);
            let of = |limit: usize| counts.iter().rfind(|(asked, _)| *asked == limit).expect("the list succeeds").1;
            assert!(of(20) <= ALLOCATIONS, "{counts:?}");
            assert!(of(50) <= of(1) + OF_MORE_ROWS, "longer lists allocate more often: {counts:?}");
        },
    );
}

#[test]
fn a_usual_list_on_postgresql_takes_no_blocking_thread() {
    run(
        Engine::Postgres,
        |_| {},
        |app| {
            let ann = app.user();
            let (runtime, hold) = without_blocking_threads();
            let filter = RelationshipFilter { users: vec![UserId::new(ann.id)], ..RelationshipFilter::default() };
            let slice = PageRequest::window(Sort::default(), 0, 20);
            let query = RelationshipQuery { filter, page: slice, ..RelationshipQuery::default() };
            // `None` if it is left out of the batch.
            let list = async { store(app).list_relationships("test.list", query, None, |_, _| Ok(None)).await };
            let page: Option<RelationshipPage> = runtime.block_on(list).expect("a list");
            assert_eq!(page.expect("it is a usual list").page.total, 0);
            drop(hold);
        },
    );
}

#[test]
fn on_sqlite_only_unbounded_reads_use_a_blocking_thread() {
    run(
        Engine::Sqlite,
        |_| {},
        |app| {
            let store = store(app);
            let here = thread::current().id();
            assert_eq!(thread_of(&store, Cost::Bounded), here);
            assert_ne!(thread_of(&store, Cost::Unbounded), here);
        },
    );
    run(
        Engine::Postgres,
        |_| {},
        |app| {
            let store = store(app);
            let here = thread::current().id();
            assert_ne!(thread_of(&store, Cost::Bounded), here);
        },
    );
}

/// Returns the thread on which a read of that cost runs.
fn thread_of(store: &Store, cost: Cost) -> thread::ThreadId {
    crate::support::app::wait(store.read("test.read", cost, |_: &mut Tx<'_>| Ok(thread::current().id())))
        .expect("a read")
}

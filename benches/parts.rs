//! The parts of a list request, each timed alone: `cargo bench --bench parts`. Who asks is the business of `identity`.
#![allow(clippy::expect_used, missing_docs, reason = "a measurement that cannot be made may stop")]

use actix_web::http::header::{ACCEPT, HeaderMap, HeaderValue};
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};
use user_relationships::auth::token;
use user_relationships::clock::Clock;
use user_relationships::domain::{relationships as edges, users};
use user_relationships::http::jsonapi::document::Document;
use user_relationships::http::jsonapi::negotiation::check_accept;
use user_relationships::http::jsonapi::paging::Paging;
use user_relationships::http::jsonapi::profile::Applied;
use user_relationships::http::jsonapi::query::Query;
use user_relationships::http::jsonapi::resources::Resource;
use user_relationships::http::jsonapi::view::View;
use user_relationships::http::relationships::LIST;
use user_relationships::model::caller::Caller;
use user_relationships::model::filter::RelationshipFilter;
use user_relationships::model::id::{RelationshipId, UserId};
use user_relationships::model::page::Slice;
use user_relationships::model::relationship::Relationship;
use user_relationships::model::relationship_type::TypeName;
use user_relationships::model::time::Timestamp;
use user_relationships::model::user::{Field, Value};
use user_relationships::store::url::DatabaseUrl;
use user_relationships::store::{self, Cost, Store, Tx, migrations};

const ROUNDS: u32 = 7;
const TURNS: u32 = 100_000;

/// Prints the median, over some rounds, of the time that one turn of `work` takes.
fn time<T>(name: &str, mut work: impl FnMut() -> T) {
    let mut rounds: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            for _ in 0..TURNS {
                black_box(work());
            }
            started.elapsed() / TURNS
        })
        .collect();
    rounds.sort_unstable();
    let median = rounds.get(rounds.len() / 2).map_or(0, std::time::Duration::as_nanos);
    println!("{name:<42} {median:>8} ns");
}

fn relationships() -> Vec<Relationship> {
    let relationship = TypeName::parse("subordinate").expect("a legal name");
    let row = |id: i64| Relationship {
        id: RelationshipId::new(12_345 + id),
        version: 1,
        user: UserId::new(1_234),
        target: UserId::new(9_876 + id),
        relationship: relationship.clone(),
        created_at: Timestamp::from_micros(1_400_000_000_000_000 + id),
        updated_at: Timestamp::from_micros(1_500_000_000_000_000 + id),
    };
    (0..20).map(row).collect()
}

/// A store in a file, with a user who has 20 relationships.
fn store(folder: &Path) -> Store {
    let url = DatabaseUrl::Sqlite(folder.join("parts.db"));
    migrations::run(&url, true).expect("a schema");
    let (timeout, longest_statement) = (Duration::from_secs(2), Duration::from_secs(2));
    let settings = store::Settings { url, pool_size: 1, timeout, longest_statement, workers: 1 };
    Store::open(&settings, Clock::System).expect("a database")
}

fn fill(tx: &mut Tx<'_>) -> user_relationships::model::error::Result<()> {
    for number in 0..=20 {
        let changes = [(Field::Email, Value::Text(format!("u{number}@example.com")))];
        let target = users::create(tx, &Caller::OPERATOR, None, &changes)?.id;
        if number > 0 {
            let relationship = "colleague".to_owned();
            let new = edges::NewRelationship { user: Some(UserId::new(1)), target, relationship };
            edges::create(tx, &Caller::OPERATOR, &new)?;
        }
    }
    Ok(())
}

fn main() {
    let mut accept = HeaderMap::new();
    accept.insert(ACCEPT, HeaderValue::from_static("application/vnd.api+json"));
    let raw = "user=1234&relationship=subordinate&offset=0&limit=20";
    let read = || {
        let mut query = Query::parse(raw, LIST, false).expect("a legal query");
        let users = query.ids::<UserId>("filter[user]");
        let targets = query.ids::<UserId>("filter[target]");
        let names = query.list("filter[relationship]", 50, "a name", TypeName::parse);
        let view = View::of(&mut query, chrono_tz::UTC);
        let paging = Paging::by_offset(&mut query, 100_000);
        query.finish().expect("a legal query");
        (users, targets, names, view, paging)
    };
    let (.., view, _) = read();
    let rows = relationships();
    let render = || {
        let rows: Vec<_> = rows.iter().map(|row| Resource::new(row, &view)).collect();
        Document::list(Applied::Nothing, rows, (), ()).bytes(19_000).expect("a document")
    };
    let negotiate = || check_accept(&accept).expect("acceptable");

    time("negotiation", negotiate);
    time("reading the query of a usual list", read);
    time("both together", || (negotiate(), read()));
    time("rendering 20 relationships", render);
    let mut micros = 1_400_000_000_000_000;
    time("printing a time, UTC", || {
        micros += 1_000_003;
        Timestamp::from_micros(micros).rfc2822(chrono_tz::UTC)
    });
    time("printing a time, Europe/Helsinki", || {
        micros += 1_000_003;
        Timestamp::from_micros(micros).rfc2822(chrono_tz::Europe::Helsinki)
    });
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(store.write("parts.fill", fill)).expect("data");
    let filter = RelationshipFilter { users: vec![UserId::new(1)], ..RelationshipFilter::default() };
    let slice = Slice { limit: 20, ..Slice::default() };
    let list = |cost| {
        let (filter, slice) = (filter.clone(), slice.clone());
        let job = move |tx: &mut Tx<'_>| edges::list(tx, &Caller::OPERATOR, &filter, &slice);
        runtime.block_on(store.read("parts.list", cost, job)).expect("a list").items.len()
    };
    time("20 rows and their count from SQLite", || list(Cost::Bounded));
    time("the same behind a hop, in a transaction", || list(Cost::Unbounded));
    time("digest of a token", || token::digest("urt_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"));
}

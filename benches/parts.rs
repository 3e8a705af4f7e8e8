//! Times the parts of a list request: `cargo bench --bench parts`. The authentication schemes are in `identity`.
#![allow(clippy::expect_used, missing_docs, reason = "a failure stops the benchmark")]

use actix_web::http::header::{ACCEPT, HeaderMap, HeaderValue};
use divan::{Bencher, black_box};
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::time::Duration;
use user_relationships::auth::{Auth, AuthSettings, Purpose, token};
use user_relationships::clock::Clock;
use user_relationships::domain::{relationships as edges, users};
use user_relationships::http::jsonapi::document::Document;
use user_relationships::http::jsonapi::negotiation::check_accept;
use user_relationships::http::jsonapi::paging::Paging;
use user_relationships::http::jsonapi::profile::Applied;
use user_relationships::http::jsonapi::query::Query;
use user_relationships::http::jsonapi::render_options::RenderOptions;
use user_relationships::http::jsonapi::resources::Resource;
use user_relationships::http::v2::parameters::{FILTER_RELATIONSHIP, FILTER_TARGET, FILTER_USER, LIST_RELATIONSHIPS};
use user_relationships::model::caller::Caller;
use user_relationships::model::filter::RelationshipFilter;
use user_relationships::model::id::{RelationshipId, UserId};
use user_relationships::model::page::PageRequest;
use user_relationships::model::relationship::{EdgeData, Relationship};
use user_relationships::model::relationship_type::TypeName;
use user_relationships::model::time::Timestamp;
use user_relationships::model::token::NewToken;
use user_relationships::model::user::{Field, Value};
use user_relationships::store::url::DatabaseUrl;
use user_relationships::store::{self, Cost, Store, Tx, migrations};

fn relationships() -> Vec<Relationship> {
    let relationship = TypeName::parse("subordinate").expect("a legal name");
    let row = |id: i64| Relationship {
        id: RelationshipId::new(12_345 + id),
        version: 1,
        user: UserId::new(1_234),
        target: UserId::new(9_876 + id),
        data: EdgeData::new(relationship.clone()),
        created_at: Timestamp::from_micros(1_400_000_000_000_000 + id),
        updated_at: Timestamp::from_micros(1_500_000_000_000_000 + id),
    };
    (0..20).map(row).collect()
}

/// An empty store in an SQLite file.
fn store(folder: &Path) -> Store {
    let url = DatabaseUrl::Sqlite(folder.join("parts.db"));
    migrations::run(&url, true).expect("a schema");
    let (timeout, longest_statement) = (Duration::from_secs(2), Duration::from_secs(2));
    let settings = store::Settings {
        url,
        replica: None,
        pool_size: 1,
        timeout,
        longest_statement,
        longest_job: None,
        workers: 1,
        mapped_bytes: store::MAPPED_BYTES,
    };
    Store::open(&settings, Clock::System).expect("a database")
}

fn fill(tx: &mut Tx<'_>) -> user_relationships::model::error::Result<()> {
    for number in 0..=20 {
        let changes = [(Field::Email, Value::Text(format!("u{number}@example.com")))];
        let target = users::create(tx, &Caller::OPERATOR, None, &changes)?.id;
        if number > 0 {
            let new = edges::NewRelationship::of_type(Some(UserId::new(1)), target, "colleague");
            edges::create(tx, &Caller::OPERATOR, &new)?;
        }
    }
    Ok(())
}

fn accept() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.api+json"));
    headers
}

/// Parses the query of a usual list.
fn read() -> (Vec<UserId>, RenderOptions, Paging) {
    let mut query =
        Query::parse("user=1234&relationship=subordinate&offset=0&limit=20", LIST_RELATIONSHIPS, false).expect("legal");
    let users = query.ids::<UserId>(&FILTER_USER);
    black_box(query.ids::<UserId>(&FILTER_TARGET));
    black_box(query.list(&FILTER_RELATIONSHIP, "a name", TypeName::parse));
    let view = RenderOptions::of(&mut query, chrono_tz::UTC);
    let paging = Paging::by_offset(&mut query, 100_000);
    query.finish().expect("a legal query");
    (users, view, paging)
}

#[divan::bench]
fn negotiation(bencher: Bencher) {
    let headers = accept();
    bencher.bench_local(|| check_accept(black_box(&headers)).is_ok());
}

#[divan::bench]
fn query_of_a_typical_list() -> impl Sized {
    read()
}

#[divan::bench]
fn negotiation_and_query(bencher: Bencher) {
    let headers = accept();
    bencher.bench_local(|| (check_accept(black_box(&headers)).is_ok(), read()));
}

#[divan::bench]
fn rendering_20_relationships(bencher: Bencher) {
    let (rows, (_, view, _)) = (relationships(), read());
    bencher.bench_local(|| {
        let rows: Vec<_> = rows.iter().map(|row| Resource::new(row, &view)).collect();
        Document::list(Applied::Nothing, rows, (), ()).bytes(19_000).expect("a document")
    });
}

#[divan::bench(args = [chrono_tz::UTC, chrono_tz::Europe::Helsinki])]
fn printing_a_time(bencher: Bencher, zone: chrono_tz::Tz) {
    let mut micros = 1_400_000_000_000_000;
    bencher.bench_local(|| {
        micros += 1_000_003;
        Timestamp::from_micros(micros).rfc2822(zone)
    });
}

/// Inline, and on a blocking thread in a transaction.
#[divan::bench(args = [Cost::Bounded, Cost::Unbounded])]
fn twenty_rows_and_their_count_from_sqlite(bencher: Bencher, cost: Cost) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime
        .block_on(store.write("parts.fill", user_relationships::model::change::ChangeOrigin::WITHOUT_CALLER, fill))
        .expect("data");
    let filter = RelationshipFilter { users: vec![UserId::new(1)], ..RelationshipFilter::default() };
    let slice = PageRequest { limit: 20, ..PageRequest::default() };
    bencher.bench_local(|| {
        let (filter, slice) = (filter.clone(), slice.clone());
        let job = move |tx: &mut Tx<'_>| edges::list(tx, &Caller::OPERATOR, &filter, &slice);
        runtime.block_on(store.read("parts.list", cost, job)).expect("a list").items.len()
    });
}

/// From the header field to the caller, with a cached token; the other schemes are in `identity`.
#[divan::bench]
fn identity_by_a_token(bencher: Bencher) {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime
        .block_on(store.write("parts.fill", user_relationships::model::change::ChangeOrigin::WITHOUT_CALLER, fill))
        .expect("data");
    let (secret, kept) = token::generate().expect("random numbers");
    let new = NewToken { digest: kept, user: UserId::new(1), name: None, expires_at: None, is_session: false };
    let make = move |tx: &mut Tx<'_>| tx.insert_token(&new).map(drop);
    runtime
        .block_on(store.write("parts.token", user_relationships::model::change::ChangeOrigin::WITHOUT_CALLER, make))
        .expect("a token");
    let refresh = Duration::from_hours(1);
    let settings =
        AuthSettings { refresh, failure_limit: 20, require_timestamp: false, grace: Duration::ZERO, jwt: None };
    let (auth, header) = (Auth::new(store, Clock::System, &settings), format!("Bearer {secret}"));
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let identify = || runtime.block_on(auth.identify(here, Purpose::Read, &[header.as_bytes()]));
    assert!(identify().is_ok(), "the token is valid");
    bencher.bench_local(identify);
}

#[divan::bench]
fn digest_of_a_token() -> impl Sized {
    token::digest(black_box("urt_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"))
}

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    divan::main();
}

//! The parts of a list request that are not the database, each timed alone: `cargo bench --bench parts`.
#![allow(clippy::expect_used, missing_docs, reason = "a measurement that cannot be made may stop")]

use actix_web::http::header::{ACCEPT, HeaderMap, HeaderValue};
use std::hint::black_box;
use std::time::Instant;
use user_relationships::auth::token;
use user_relationships::http::jsonapi::document::Document;
use user_relationships::http::jsonapi::negotiation::check_accept;
use user_relationships::http::jsonapi::paging::Paging;
use user_relationships::http::jsonapi::profile::Applied;
use user_relationships::http::jsonapi::query::Query;
use user_relationships::http::jsonapi::resources::Resource;
use user_relationships::http::jsonapi::view::View;
use user_relationships::http::relationships::LIST;
use user_relationships::model::id::{RelationshipId, UserId};
use user_relationships::model::relationship::Relationship;
use user_relationships::model::relationship_type::TypeName;
use user_relationships::model::time::Timestamp;

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
    time("digest of a token", || token::digest("urt_0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"));
}

//! How many allocations rendering a list needs, and that counting a request needs none.

use std::time::Duration;

use actix_web::http::{Method, StatusCode};
use user_relationships::http::jsonapi::document::Document;
use user_relationships::http::jsonapi::profile::Applied;
use user_relationships::http::jsonapi::render_options::RenderOptions;
use user_relationships::http::jsonapi::resources::Resource;
use user_relationships::http::middleware::metrics::HttpMetrics;
use user_relationships::http::routes;
use user_relationships::metrics::MetricsRegistry;
use user_relationships::model::id::{RelationshipId, UserId};
use user_relationships::model::relationship::{EdgeData, Relationship};
use user_relationships::model::relationship_type::TypeName;
use user_relationships::model::time::Timestamp;

use crate::support::counting::allocations_of;

fn view() -> RenderOptions {
    RenderOptions::whole(chrono_tz::Europe::Helsinki)
}

fn relationships(number: i64) -> Vec<Relationship> {
    let relationship = TypeName::parse("subordinate").unwrap();
    let row = |id| Relationship {
        id: RelationshipId::new(i64::MAX - id),
        version: 1,
        user: UserId::new(i64::MAX - id),
        target: UserId::new(i64::MAX),
        data: EdgeData::new(relationship.clone()),
        created_at: Timestamp::from_micros(1_400_000_000_000_000 + id),
        updated_at: Timestamp::from_micros(1_500_000_000_000_000 + id),
    };
    (0..number).map(row).collect()
}

#[test]
fn rendering_50_rows_allocates_as_often_as_rendering_one() {
    let view = view();
    let cost = |number| {
        let rows = relationships(number);
        let render = || {
            let rows: Vec<_> = rows.iter().map(|row| Resource::new(row, &view)).collect();
            let expected = 900 * (rows.len() + 1);
            Document::list(Applied::Nothing, rows, (), ()).bytes(expected).expect("a document")
        };
        let (allocations, bytes) = allocations_of(render);
        assert!(bytes.len() > 400 * usize::try_from(number).unwrap());
        allocations
    };
    let costs @ [one, ..] = [cost(1), cost(20), cost(50)];
    // The buffer of the document and its parts; none for a row.
    assert!(costs.iter().all(|cost| *cost <= one + 2) && one <= 6, "{costs:?}");
}

#[test]
fn counting_a_request_does_not_allocate() {
    let metrics = HttpMetrics::new(&MetricsRegistry::new(), "sqlite", "1", routes::patterns());
    let route = routes::find_route("/api/v2/users/{id}");
    let count = || {
        let _in_flight = metrics.begin();
        metrics.record_response(&Method::GET, route, StatusCode::OK, Duration::from_millis(1));
    };
    assert!(allocations_of(count).0 > 0, "the first request creates its series");
    let allocations = allocations_of(|| (0..100).for_each(|_| count())).0;
    assert!(allocations <= 10, "{allocations} for 100 requests");
}

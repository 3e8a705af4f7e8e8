//! What a list costs in memory requests.

use user_relationships::http::jsonapi::document::Document;
use user_relationships::http::jsonapi::profile::Applied;
use user_relationships::http::jsonapi::resources::Resource;
use user_relationships::http::jsonapi::view::View;
use user_relationships::model::id::{RelationshipId, UserId};
use user_relationships::model::relationship::Relationship;
use user_relationships::model::relationship_type::TypeName;
use user_relationships::model::time::Timestamp;

use crate::support::counting::allocations_of;

fn view() -> View {
    View::whole(chrono_tz::Europe::Helsinki)
}

fn relationships(number: i64) -> Vec<Relationship> {
    let relationship = TypeName::parse("subordinate").unwrap();
    let row = |id| Relationship {
        id: RelationshipId::new(i64::MAX - id),
        version: 1,
        user: UserId::new(i64::MAX - id),
        target: UserId::new(i64::MAX),
        relationship: relationship.clone(),
        created_at: Timestamp::from_micros(1_400_000_000_000_000 + id),
        updated_at: Timestamp::from_micros(1_500_000_000_000_000 + id),
    };
    (0..number).map(row).collect()
}

#[test]
fn rendering_a_page_asks_for_memory_as_often_for_50_rows_as_for_one() {
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
    assert_eq!([cost(1), cost(20), cost(50)], [2, 2, 2]);
}

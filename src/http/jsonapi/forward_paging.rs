//! Pages of a list that is read forwards only, with a cursor that says where the next page starts.

use super::cursor::Cursors;
use super::errors::ApiProblem;
use super::paging::{AFTER, BEFORE, LIMIT, NUMBER, OFFSET, SIZE, parse_size, reject};
use super::query::Query;
use crate::model::code::Code;
use crate::model::page::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::model::traversal::Place;

/// The requested page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardPage {
    /// The parameter with the size, which the links repeat.
    pub size_name: &'static str,
    /// The most rows of the page; 0 for the count alone.
    pub size: i64,
    /// Only rows after this place.
    pub after: Option<Place>,
}

impl ForwardPage {
    /// Parses the page that a query requests.
    pub fn parse(query: &mut Query, cursors: &Cursors) -> Self {
        const FORWARDS: &str =
            "pages with `max-depth` are read forwards only; follow `links.next`, which has `page[after]`";
        for other in [BEFORE, NUMBER] {
            if query.has(&other) {
                reject(query, &other, FORWARDS);
            }
        }
        if query.text(OFFSET.name).is_some_and(|offset| offset != "0") {
            reject(query, &OFFSET, FORWARDS);
        }
        if query.has(&SIZE) && query.has(&LIMIT) {
            reject(query, &LIMIT, "`page[size]` and `page[limit]` are both the size of the page; send either");
        }
        let (size_name, size) = if query.has(&SIZE) {
            (SIZE.name, parse_size(query, DEFAULT_LIMIT))
        } else {
            (LIMIT.name, query.integer(&LIMIT, DEFAULT_LIMIT, 0, MAX_LIMIT, ""))
        };
        Self { size_name, size, after: parse_after(query, cursors) }
    }
}

fn parse_after(query: &mut Query, cursors: &Cursors) -> Option<Place> {
    let place = cursors.parse_place(query.text(AFTER.name)?);
    if place.is_none() {
        let detail =
            format!("`{}` is not a cursor of this list with this depth and filter; start without it", AFTER.name);
        query.push_problem(ApiProblem::new(Code::InvalidCursor, detail).parameter(AFTER.name));
    }
    place
}

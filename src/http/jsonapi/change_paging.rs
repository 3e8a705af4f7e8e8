//! Pages of changes: by cursor only, without a total, and with a position from which a reader goes on.

use super::change_cursor::{ChangeCursors, ParsedCursor};
use super::errors::ApiProblem;
use super::paging::{AFTER, BEFORE, SIZE, parse_size_within, reject};
use super::parameter::{Parameter, Schema};
use super::query::Query;
use crate::domain::changes::{ChangeBound, ChangeStart};
use crate::model::change::ChangePosition;
use crate::model::code::Code;
use crate::model::page::Direction;

/// The most changes of a page.
pub const MAX_CHANGES: i64 = 500;
/// The default number of changes of a page.
pub const DEFAULT_CHANGES: i64 = 100;

/// The page size of changes.
pub const CHANGES_SIZE: Parameter = Parameter::new(
    SIZE.name,
    Schema::Integer { min: 1, max: Some(MAX_CHANGES), default: DEFAULT_CHANGES },
    "Maximum number of changes. A page may have fewer, even none, while `links.next` is not null",
);
/// Where a list of changes starts.
pub const FILTER_FROM: Parameter = Parameter::new(
    "filter[from]",
    Schema::Now,
    "`now` starts after every change that was committed before the request; the default is the oldest change",
);

/// The requested page of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangePaging {
    /// The most changes of the page.
    pub size: i64,
    /// Where the list starts.
    pub start: ChangeStart,
    /// Only changes after this place.
    pub after: Option<ChangeBound>,
    /// Only changes before this place.
    pub before: Option<ChangeBound>,
}

impl ChangePaging {
    /// Parses the page that a query requests.
    pub fn parse(query: &mut Query, cursors: &ChangeCursors, order: Direction) -> Self {
        let is_now = query.is_now(&FILTER_FROM);
        if is_now && (query.has(&AFTER) || query.has(&BEFORE)) {
            reject(query, &FILTER_FROM, "`filter[from]` and a cursor are both the start of the page; send either");
        }
        if is_now && order == Direction::Descending {
            reject(query, &FILTER_FROM, "`filter[from]` needs the order of the log; send it without `sort=-id`");
        }
        Self {
            size: parse_size_within(query, DEFAULT_CHANGES, MAX_CHANGES),
            start: if is_now { ChangeStart::Now } else { ChangeStart::First },
            after: parse_bound(query, &AFTER, cursors),
            before: parse_bound(query, &BEFORE, cursors),
        }
    }
}

fn parse_bound(query: &mut Query, parameter: &Parameter, cursors: &ChangeCursors) -> Option<ChangeBound> {
    match cursors.parse(query.text(parameter.name)?) {
        Some(ParsedCursor::Valid(bound)) => Some(bound),
        // The domain refuses a position that no log has, and says where to start again.
        Some(ParsedCursor::OfOtherKey) => {
            Some(ChangeBound { position: ChangePosition { number: i64::MIN, fingerprint: 0 }, is_inclusive: false })
        }
        None => {
            let detail = format!("`{}` is not a cursor of changes; start without it", parameter.name);
            query.push_problem(ApiProblem::new(Code::InvalidCursor, detail).parameter(parameter.name));
            None
        }
    }
}

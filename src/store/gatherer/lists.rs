//! First pages of single users' relationships with their counts, read with one statement.

use super::BatchQuery;
use crate::model::error::Result;
use crate::model::filter::RelationshipFilter;
use crate::model::id::UserId;
use crate::model::page::{Direction, Page, PageRequest, SortBy};
use crate::model::relationship::{End, Relationship};
use crate::model::relationship_type::TypeName;
use crate::store::postgres::{Engine, Mode};
use crate::store::tx::Shared;

/// A window on the relationships of one user, of one type or of all, by id.
#[derive(Debug, Clone)]
pub(in crate::store) struct List {
    pub end: End,
    pub id: UserId,
    pub relationship: Option<TypeName>,
    pub offset: i64,
    pub limit: i64,
}

impl List {
    /// The list that a filter and a slice ask for, if it is one of these: that is nearly all that anybody asks for.
    pub fn of(filter: &RelationshipFilter, slice: &PageRequest) -> Option<Self> {
        let RelationshipFilter { users, targets, relationships, seen_by: None } = filter else { return None };
        let (end, id) = match (users.as_slice(), targets.as_slice()) {
            ([user], []) => (End::User, *user),
            ([], [target]) => (End::Target, *target),
            _ => return None,
        };
        let relationship = match relationships.as_slice() {
            [] => None,
            [one] => Some(one.clone()),
            _ => return None,
        };
        let is_window = slice.after.is_none() && slice.before.is_none() && !slice.is_from_end;
        let is_by_id = slice.sort.by == SortBy::Id && slice.sort.direction == Direction::Ascending;
        let is_one = is_window && is_by_id && slice.is_shallow();
        is_one.then_some(Self { end, id, relationship, offset: slice.offset, limit: slice.limit })
    }
}

impl BatchQuery for List {
    type Answer = Page<Relationship>;
    const NAME: &'static str = "lists";
    const MAX_BATCH: usize = 64;
    const MODE: Mode = Mode::Read;

    fn answer(asked: &[&Self], engine: &Engine, shared: &Shared) -> Result<Vec<Option<Page<Relationship>>>> {
        let read = engine.run_gathered(Self::MODE, shared, &|tx| tx.gathered_lists(asked))?;
        Ok(read.unwrap_or_default())
    }
}

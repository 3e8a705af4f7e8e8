//! Batches of lists: first pages of single users' relationships with their counts, read with one statement.

use super::batcher::BatchQuery;
use super::lists_sql::{self, ListParameters};
use crate::model::error::Result;
use crate::model::id::UserId;
use crate::model::page::{Direction, Page, SortBy};
use crate::model::relationship::{End, Relationship};
use crate::model::relationship_query::RelationshipQuery;
use crate::model::relationship_type::TypeName;
use crate::store::postgres::engine::PostgresEngine;
use crate::store::postgres::mode::Mode;
use crate::store::tx::{StoreContext, Tx};

/// A page, by id, of the relationships of one user, of one type or of all types.
#[derive(Debug, Clone)]
pub(in crate::store) struct BatchedList {
    end: End,
    id: UserId,
    relationship: Option<TypeName>,
    offset: i64,
    limit: i64,
}

impl BatchedList {
    /// The list that a query asks for, if it can join a batch: most queries can.
    pub fn of(query: &RelationshipQuery) -> Option<Self> {
        let RelationshipQuery { filter, page, ends, has_authors } = query;
        let (end, id, relationship) = filter.single_end()?;
        let is_window = page.after.is_none() && page.before.is_none() && !page.is_from_end;
        let is_by_id = page.sort.by == SortBy::Id && page.sort.direction == Direction::Ascending;
        let is_one = ends.is_empty() && !has_authors && is_window && is_by_id && page.is_shallow();
        let (offset, limit) = (page.offset, page.limit);
        is_one.then(|| Self { end, id, relationship: relationship.cloned(), offset, limit })
    }
}

impl BatchQuery for BatchedList {
    type Answer = Page<Relationship>;
    const NAME: &'static str = "lists";
    const MAX_BATCH: usize = 64;
    const MODE: Mode = Mode::Read;

    fn answer(
        batch: &[&Self],
        engine: &PostgresEngine,
        shared: &StoreContext,
    ) -> Result<Vec<Option<Page<Relationship>>>> {
        let read = engine.run_batch(Self::MODE, shared, &|tx| read(tx, batch))?;
        Ok(read.unwrap_or_default())
    }
}

/// The pages of the lists, in their order: one statement for each end, with a type or without. A list is left out if
/// only an ordinary job can be sure of it: its type is not known here, or it has a type and is empty, because another
/// instance may have deleted that type and registered it again under another number.
fn read(tx: &mut Tx<'_>, lists: &[&BatchedList]) -> Result<Vec<Option<Page<Relationship>>>> {
    let mut pages: Vec<_> = lists.iter().map(|_| None).collect();
    for (end, has_type) in [(End::User, false), (End::User, true), (End::Target, false), (End::Target, true)] {
        let mut places = Vec::new();
        let mut parameters = ListParameters::default();
        for (place, list) in lists.iter().enumerate() {
            if list.end != end || list.relationship.is_some() != has_type {
                continue;
            }
            if let Some(name) = &list.relationship {
                let Some(kind) = tx.known_types().id_of(name) else { continue };
                parameters.types.push(kind);
            }
            parameters.ids.push(list.id.get());
            parameters.offsets.push(list.offset);
            parameters.limits.push(list.limit);
            places.push(place);
        }
        if places.is_empty() {
            continue;
        }
        let read = tx.ask_postgres(|conn| lists_sql::pages(conn, end, parameters))?;
        for (place, (total, rows)) in places.into_iter().zip(read) {
            if has_type && total == 0 {
                continue;
            }
            let items = rows.into_iter().map(|row| tx.relationship_of(row)).collect::<Result<_>>()?;
            if let Some(page) = pages.get_mut(place) {
                *page = Some(Page::whole(items, total));
            }
        }
    }
    Ok(pages)
}

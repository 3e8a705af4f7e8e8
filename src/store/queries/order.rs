//! `ORDER BY`, and the conditions for a part of an ordered list.

use super::sql::Sql;
use crate::model::page::{Bound, Direction, PageRequest, Sort, SortBy, SortKey};

/// The expressions of `ORDER BY`, with the id as the last one, so that the order is total.
pub(super) fn order_by(by: SortBy, direction: Direction) -> &'static str {
    match (by, direction) {
        (SortBy::Id, Direction::Ascending) => "id",
        (SortBy::Id, Direction::Descending) => "id DESC",
        (SortBy::CreatedAt, Direction::Ascending) => "created_at, id",
        (SortBy::CreatedAt, Direction::Descending) => "created_at DESC, id DESC",
        (SortBy::UpdatedAt, Direction::Ascending) => "updated_at, id",
        (SortBy::UpdatedAt, Direction::Descending) => "updated_at DESC, id DESC",
        (SortBy::Name, Direction::Ascending) => "name_key, id",
        (SortBy::Name, Direction::Descending) => "name_key DESC, id DESC",
    }
}

/// The order of the rows of a listing.
pub(super) fn listing_order(sort: Sort) -> &'static str {
    order_by(sort.by, sort.direction)
}

/// Pushes ` AND …` for each bound of a page.
pub(super) fn push_bounds(sql: &mut Sql, slice: &PageRequest) {
    for (bound, is_after) in [(&slice.after, true), (&slice.before, false)] {
        if let Some(bound) = bound {
            let is_greater = is_after == (slice.sort.direction == Direction::Ascending);
            push_bound(sql, bound, is_greater);
        }
    }
}

/// Pushes ` ORDER BY … LIMIT … OFFSET …`, in the direction of reading.
pub(super) fn push_end(sql: &mut Sql, slice: &PageRequest) {
    sql.text(" ORDER BY ").text(order_by(slice.sort.by, slice.reading_direction()));
    sql.text(" LIMIT ").integer(slice.limit).text(" OFFSET ").integer(slice.offset);
}

fn push_bound(sql: &mut Sql, bound: &Bound, is_greater: bool) {
    let comparison = match (is_greater, bound.is_inclusive) {
        (true, false) => " > ",
        (true, true) => " >= ",
        (false, false) => " < ",
        (false, true) => " <= ",
    };
    match &bound.place {
        SortKey::Id(id) => {
            sql.text(" AND id").text(comparison).integer(*id);
        }
        SortKey::CreatedAt(micros, id) => push_time_bound(sql, " AND (created_at, id)", comparison, (*micros, *id)),
        SortKey::UpdatedAt(micros, id) => push_time_bound(sql, " AND (updated_at, id)", comparison, (*micros, *id)),
        SortKey::Name(name, id) => {
            sql.text(" AND (name_key, id)").text(comparison).text("(").string(name.clone());
            sql.text(", ").integer(*id).text(")");
        }
    }
}

fn push_time_bound(sql: &mut Sql, columns: &'static str, comparison: &'static str, (micros, id): (i64, i64)) {
    sql.text(columns).text(comparison).text("(").integer(micros).text(", ").integer(id).text(")");
}

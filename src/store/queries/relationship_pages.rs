//! Pages of relationships, each with the exact total. The shape of the filter determines the plan.
//!
//! # Design
//! Ordered by id, a page is one index scan that stops after `offset + limit` rows, or a merge of several such scans if
//! the filter has several values: it never sorts all relationships of a popular user. Filters with both ends, callers
//! that see only their own relationships, and other orders read every row that matches.

use diesel::prelude::*;

use super::edge_tables;
use super::order::{push_bounds, push_end};
use super::rows::Shape;
use super::sql::{Sql, split_total};
use super::{Conn, dialect};
use crate::model::filter::RelationshipFilter;
use crate::model::id::UserId;
use crate::model::page::{Direction, PageRequest, SortBy};
use crate::model::relationship::End;
use crate::store::relationship_rows::{NULLS, RELATIONSHIP_COLUMNS, RelationshipColumns, RelationshipRow};

/// The rows of a page, in order, and the total.
pub(in crate::store) fn page(
    conn: &mut Conn,
    shape: &Shape<'_>,
    slice: &PageRequest,
) -> QueryResult<(i64, Vec<RelationshipRow>)> {
    if shape.types.as_ref().is_some_and(Vec::is_empty) {
        return Ok((0, Vec::new()));
    }
    let rows = if is_narrowed(shape) || slice.sort.by != SortBy::Id || count_scans(shape) > MOST_SCANS {
        sorted_rows(shape, slice)
    } else {
        merged_scans(shape, slice)
    };
    let listing = Sql::parts::<RelationshipColumns>(count(shape), RELATIONSHIP_COLUMNS, NULLS, rows);
    let (total, mut rows): (_, Vec<RelationshipRow>) = listing.load(conn).map(split_total)?;
    match slice.sort.by {
        SortBy::CreatedAt => rows.sort_unstable_by_key(|row| (row.created_at, row.id)),
        SortBy::UpdatedAt => rows.sort_unstable_by_key(|row| (row.updated_at, row.id)),
        SortBy::Id | SortBy::Name => rows.sort_unstable_by_key(|row| row.id),
    }
    if slice.sort.direction == Direction::Descending {
        rows.reverse();
    }
    Ok((total, rows))
}

/// The most scans to merge; SQLite accepts at most 500, and PostgreSQL plans each of them.
const MOST_SCANS: usize = 200;

/// The number of scans to merge for a page by id.
fn count_scans(shape: &Shape<'_>) -> usize {
    let participants = 2 * shape.filter.participants.len();
    let ends = shape.filter.users.len().max(shape.filter.targets.len()).max(participants).max(1);
    ends * shape.types.as_ref().map_or(1, Vec::len)
}

/// Whether a relationship in either direction joins two users.
pub(in crate::store) fn are_related(conn: &mut Conn, one: i64, other: i64) -> QueryResult<bool> {
    let nothing_but_the_count = PageRequest::default();
    for (user, target) in [(one, other), (other, one)] {
        let users = vec![UserId::new(user)];
        let filter = RelationshipFilter { users, targets: vec![UserId::new(target)], ..RelationshipFilter::default() };
        if page(conn, &Shape { filter: &filter, types: None }, &nothing_but_the_count)?.0 > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// One index scan, whose rows are ordered by id.
#[derive(Debug, Clone, Copy)]
struct Scan {
    end: Option<(&'static str, i64)>,
    kind: Option<i16>,
}

impl Scan {
    #[allow(clippy::match_same_arms, reason = "PostgreSQL's names of indexes are all empty")]
    fn index(self) -> &'static str {
        match (self.end, self.kind) {
            (Some(("user_id", _)), None) => dialect::by_index!("user_relationships_out"),
            (Some(("user_id", _)), Some(_)) => dialect::by_index!("user_relationships_out_by_type"),
            (Some(_), None) => dialect::by_index!("user_relationships_in"),
            (Some(_), Some(_)) => dialect::by_index!("user_relationships_in_by_type"),
            (None, Some(_)) => dialect::by_index!("user_relationships_by_type"),
            (None, None) => "",
        }
    }

    fn table(self) -> &'static str {
        match (self.end, self.kind) {
            (Some(("target_id", _)), _) => edge_tables::of_end(End::Target),
            (None, Some(_)) => edge_tables::of_type(),
            (Some(_), _) | (None, None) => edge_tables::of_end(End::User),
        }
    }

    /// Pushes the statement without its first word.
    fn push(self, sql: &mut Sql, slice: &PageRequest) {
        sql.text(RELATIONSHIP_COLUMNS).text(" FROM ").text(self.table()).text(self.index()).text(" WHERE 1 = 1");
        if let Some((column, id)) = self.end {
            sql.text(" AND ").text(column).text(" = ").integer(id);
        }
        if let Some(kind) = self.kind {
            sql.text(" AND type_id = ").small(kind);
        }
        push_bounds(sql, slice);
        push_end(sql, slice);
    }
}

/// Whether the rows must be read one by one: the filter has several ends or depends on users, or the caller sees only its
/// own relationships.
fn is_narrowed(shape: &Shape<'_>) -> bool {
    let filter = shape.filter;
    let ends = [&filter.users, &filter.targets, &filter.participants];
    let has_several_ends = ends.into_iter().filter(|ids| !ids.is_empty()).count() > 1;
    filter.seen_by.is_some() || has_several_ends || filter.depends_on_users()
}

/// The page by id, for filters with at most one end.
fn merged_scans(shape: &Shape<'_>, slice: &PageRequest) -> Sql {
    let ends: Vec<_> = match (shape.filter.users.as_slice(), shape.filter.targets.as_slice()) {
        ([], []) if !shape.filter.participants.is_empty() => {
            let both = |id: &UserId| ["user_id", "target_id"].map(|end| Some((end, id.get())));
            shape.filter.participants.iter().flat_map(both).collect()
        }
        ([], []) => vec![None],
        ([], targets) => targets.iter().map(|id| Some(("target_id", id.get()))).collect(),
        (users, _) => users.iter().map(|id| Some(("user_id", id.get()))).collect(),
    };
    let kinds: Vec<_> = match &shape.types {
        None => vec![None],
        Some(types) => types.iter().map(|id| Some(*id)).collect(),
    };
    let scans: Vec<_> = ends.iter().flat_map(|end| kinds.iter().map(|kind| Scan { end: *end, kind: *kind })).collect();
    let mut sql = Sql::new("SELECT ");
    if let [scan] = scans.as_slice() {
        scan.push(&mut sql, slice);
        return sql;
    }
    // Each scan returns all rows that the page may need from it; the page is a part of their union.
    let of_each = PageRequest { offset: 0, limit: slice.offset.saturating_add(slice.limit), ..slice.clone() };
    sql.do_not_cache();
    let mut glue = "* FROM (SELECT ";
    // A relationship between two participants is in the scans of both.
    let next = if shape.filter.participants.len() > 1 {
        " UNION SELECT * FROM (SELECT "
    } else {
        " UNION ALL SELECT * FROM (SELECT "
    };
    for scan in scans {
        sql.text(glue);
        scan.push(&mut sql, &of_each);
        sql.text(") AS scan");
        glue = next;
    }
    push_end(&mut sql, slice);
    sql
}

/// The page in any order, from all rows that match.
fn sorted_rows(shape: &Shape<'_>, slice: &PageRequest) -> Sql {
    let mut sql = Sql::new("SELECT * FROM (");
    push_rows(shape, &mut sql, RELATIONSHIP_COLUMNS);
    sql.text(") AS matching WHERE 1 = 1");
    push_bounds(&mut sql, slice);
    push_end(&mut sql, slice);
    sql
}

/// Pushes the rest of `SELECT … WHERE …` for all rows that match; for `ext` callers, with the caller at either end.
fn push_rows(shape: &Shape<'_>, sql: &mut Sql, columns: &'static str) {
    let both_ends = !shape.filter.users.is_empty() && !shape.filter.targets.is_empty();
    let halves = match shape.filter.seen_by {
        None if both_ends => vec![(End::User, None, dialect::by_index!("user_relationships_identity"))],
        None if shape.filter.targets.is_empty() => vec![(End::User, None, "")],
        None => vec![(End::Target, None, "")],
        Some(me) => vec![
            (End::User, Some(me), dialect::by_index!("user_relationships_out")),
            (End::Target, Some(me), dialect::by_index!("user_relationships_in")),
        ],
    };
    let mut glue = "SELECT ";
    for (end, me, index) in halves {
        let table = edge_tables::of_end(end);
        sql.text(glue).text(columns).text(" FROM ").text(table).text(index).text(" WHERE 1 = 1");
        if let Some(me) = me {
            sql.text(if end == End::User { " AND user_id = " } else { " AND target_id = " }).integer(me.get());
        }
        for (column, ids) in [("user_id", &shape.filter.users), ("target_id", &shape.filter.targets)] {
            if !ids.is_empty() {
                sql.text(" AND ");
                sql.in_values(column, ids, push_id);
            }
        }
        push_types(shape, sql);
        push_participants(shape, sql);
        push_states(shape, table, sql);
        glue = " UNION ALL SELECT ";
    }
}

fn push_participants(shape: &Shape<'_>, sql: &mut Sql) {
    let participants = &shape.filter.participants;
    if !participants.is_empty() {
        sql.text(" AND (");
        sql.in_values("user_id", participants, push_id);
        sql.text(" OR ");
        sql.in_values("target_id", participants, push_id);
        sql.text(")");
    }
}

/// Pushes the conditions on the users at the ends of the relationships in a table.
fn push_states(shape: &Shape<'_>, table: &'static str, sql: &mut Sql) {
    for (column, wanted) in [("user_id", &shape.filter.user_enabled), ("target_id", &shape.filter.target_enabled)] {
        if wanted.is_empty() {
            continue;
        }
        if dialect::is_spread() {
            // The users at one of the ends are on other nodes, which a subquery that depends on the row cannot reach.
            sql.text(" AND ").text(column).text(" IN (SELECT id FROM users WHERE ");
        } else {
            sql.text(" AND EXISTS (SELECT 1 FROM users WHERE users.id = ")
                .text(table)
                .text(".")
                .text(column)
                .text(" AND ");
        }
        sql.in_values("users.is_enabled", wanted, Sql::flag);
        sql.text(")");
    }
}

fn push_id(sql: &mut Sql, id: UserId) -> &mut Sql {
    sql.integer(id.get())
}

fn push_types(shape: &Shape<'_>, sql: &mut Sql) {
    if let Some(types) = &shape.types {
        sql.text(" AND ");
        sql.in_values("type_id", types, Sql::small);
    }
}

/// The total, from the stored counts if the filter has at most one end.
fn count(shape: &Shape<'_>) -> Sql {
    if is_narrowed(shape) {
        let mut sql = Sql::new("SELECT COUNT(*) AS total FROM (");
        push_rows(shape, &mut sql, "id");
        sql.text(") AS matching");
        return sql;
    }
    if !shape.filter.participants.is_empty() {
        return count_participants(shape);
    }
    let mut sql = Sql::new("SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) AS total FROM ");
    match (shape.filter.users.as_slice(), shape.filter.targets.as_slice()) {
        ([], []) => {
            sql.text("counts_by_type WHERE 1 = 1");
        }
        ([], targets) => {
            sql.text("counts_by_target WHERE ");
            sql.in_values("target_id", targets, push_id);
        }
        (users, _) => {
            sql.text("counts_by_user WHERE ");
            sql.in_values("user_id", users, push_id);
        }
    }
    push_types(shape, &mut sql);
    sql
}

/// The total of relationships with one of several users at either end: those at each end, less those that have such users
/// at both.
fn count_participants(shape: &Shape<'_>) -> Sql {
    let participants = &shape.filter.participants;
    let mut sql =
        Sql::new("SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) AS total FROM (SELECT n FROM counts_by_user WHERE ");
    sql.in_values("user_id", participants, push_id);
    push_types(shape, &mut sql);
    sql.text(" UNION ALL SELECT n FROM counts_by_target WHERE ");
    sql.in_values("target_id", participants, push_id);
    push_types(shape, &mut sql);
    if participants.len() > 1 {
        sql.text(" UNION ALL SELECT -COUNT(*) FROM user_relationships");
        sql.text(dialect::by_index!("user_relationships_identity")).text(" WHERE ");
        sql.in_values("user_id", participants, push_id);
        sql.text(" AND ");
        sql.in_values("target_id", participants, push_id);
        push_types(shape, &mut sql);
    }
    sql.text(") AS counted");
    sql
}

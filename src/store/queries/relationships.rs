//! Edges: pages of them, single ones, and their changes.

use diesel::prelude::*;

use super::counts;
use super::rows::{RELATIONSHIP_COLUMNS, RelationshipColumns, RelationshipRow, Shape};
use super::schema::user_relationships::dsl;
use super::sql::{Sql, apart};
use super::{Conn, dialect};
use crate::model::page::Window;

/// One index scan that gives its rows ordered by id.
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

    fn push(self, sql: &mut Sql) {
        sql.text(RELATIONSHIP_COLUMNS).text(" FROM user_relationships").text(self.index());
        let mut glue = " WHERE ";
        if let Some((column, id)) = self.end {
            sql.text(glue).text(column).text(" = ").integer(id);
            glue = " AND ";
        }
        if let Some(kind) = self.kind {
            sql.text(glue).text("type_id = ").small(kind);
        }
        sql.text(" ORDER BY id");
    }
}

/// Whether the rows must be looked at one by one: both ends are named, or the view is limited to one user's.
fn is_narrowed(shape: &Shape) -> bool {
    shape.seen_by.is_some() || (!shape.users.is_empty() && !shape.targets.is_empty())
}

/// The page, for filters that name one end at most.
fn merged_scans(shape: &Shape, window: Window) -> Sql {
    let ends: Vec<_> = match (shape.users.as_slice(), shape.targets.as_slice()) {
        ([], []) => vec![None],
        ([], targets) => targets.iter().map(|id| Some(("target_id", *id))).collect(),
        (users, _) => users.iter().map(|id| Some(("user_id", *id))).collect(),
    };
    let kinds: Vec<_> = match &shape.types {
        None => vec![None],
        Some(types) => types.iter().map(|id| Some(*id)).collect(),
    };
    let scans: Vec<_> = ends.iter().flat_map(|end| kinds.iter().map(|kind| Scan { end: *end, kind: *kind })).collect();
    let mut sql = Sql::new("SELECT ");
    if let [scan] = scans.as_slice() {
        scan.push(&mut sql);
    } else {
        sql.varies();
        let mut glue = "* FROM (SELECT ";
        for scan in scans {
            sql.text(glue);
            scan.push(&mut sql);
            sql.text(" LIMIT ").integer(window.offset.saturating_add(window.limit)).text(") AS scan");
            glue = " UNION ALL SELECT * FROM (SELECT ";
        }
        sql.text(" ORDER BY id");
    }
    end_page(&mut sql, window);
    sql
}

/// The page, for filters that name both ends or are limited to what one user sees.
fn narrowed_rows(shape: &Shape, window: Window) -> Sql {
    let mut sql = Sql::new("");
    push_rows(shape, &mut sql, RELATIONSHIP_COLUMNS);
    sql.text(" ORDER BY id");
    end_page(&mut sql, window);
    sql
}

/// `SELECT … WHERE …` over the rows that match; for external callers, those of either end.
fn push_rows(shape: &Shape, sql: &mut Sql, columns: &'static str) {
    let Some(me) = shape.seen_by else {
        sql.text("SELECT ").text(columns).text(" FROM user_relationships");
        sql.text(dialect::by_index!("user_relationships_identity")).text(" WHERE ");
        sql.any_of("user_id", &shape.users, Sql::integer);
        sql.text(" AND ");
        sql.any_of("target_id", &shape.targets, Sql::integer);
        return push_types(shape, sql);
    };
    let halves = [
        ("user_id = ", dialect::by_index!("user_relationships_out")),
        ("target_id = ", dialect::by_index!("user_relationships_in")),
    ];
    for (half, (end, index)) in halves.into_iter().enumerate() {
        let glue = if half == 0 { "" } else { " UNION ALL " };
        sql.text(glue).text("SELECT ").text(columns).text(" FROM user_relationships").text(index);
        sql.text(" WHERE ").text(end).integer(me);
        for (column, ids) in [("user_id", &shape.users), ("target_id", &shape.targets)] {
            if !ids.is_empty() {
                sql.text(" AND ");
                sql.any_of(column, ids, Sql::integer);
            }
        }
        push_types(shape, sql);
    }
}

fn push_types(shape: &Shape, sql: &mut Sql) {
    if let Some(types) = &shape.types {
        sql.text(" AND ");
        sql.any_of("type_id", types, Sql::small);
    }
}

/// The count, from the kept counts wherever one end at most is named.
fn count(shape: &Shape) -> Sql {
    if is_narrowed(shape) {
        let mut sql = Sql::new("SELECT COUNT(*) AS total FROM (");
        push_rows(shape, &mut sql, "id");
        sql.text(") AS matching");
        return sql;
    }
    let mut sql = Sql::new("SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) AS total FROM ");
    match (shape.users.as_slice(), shape.targets.as_slice()) {
        ([], []) => {
            sql.text("counts_by_type WHERE 1 = 1");
        }
        ([], targets) => {
            sql.text("counts_by_target WHERE ");
            sql.any_of("target_id", targets, Sql::integer);
        }
        (users, _) => {
            sql.text("counts_by_user WHERE ");
            sql.any_of("user_id", users, Sql::integer);
        }
    }
    push_types(shape, &mut sql);
    sql
}

fn end_page(sql: &mut Sql, window: Window) {
    sql.text(" LIMIT ").integer(window.limit).text(" OFFSET ").integer(window.offset);
}

/// The rows of a window, ordered by id, and how many match in all.
pub(in crate::store) fn page(
    conn: &mut Conn,
    shape: &Shape,
    window: Window,
) -> QueryResult<(i64, Vec<RelationshipRow>)> {
    if shape.types.as_ref().is_some_and(Vec::is_empty) {
        return Ok((0, Vec::new()));
    }
    let rows = if is_narrowed(shape) { narrowed_rows(shape, window) } else { merged_scans(shape, window) };
    Sql::listing::<RelationshipColumns>(count(shape), RELATIONSHIP_COLUMNS, rows, "id").load(conn).map(apart)
}

type Columns = (dsl::id, dsl::version, dsl::user_id, dsl::target_id, dsl::type_id, dsl::created_at, dsl::updated_at);
const COLUMNS: Columns =
    (dsl::id, dsl::version, dsl::user_id, dsl::target_id, dsl::type_id, dsl::created_at, dsl::updated_at);

/// The relationship of that id.
pub(in crate::store) fn find(conn: &mut Conn, id: i64) -> QueryResult<Option<RelationshipRow>> {
    dsl::user_relationships.find(id).select(COLUMNS).first(conn).optional()
}

/// The id of the relationship between these two of that type.
pub(in crate::store) fn find_edge(conn: &mut Conn, user: i64, target: i64, kind: i16) -> QueryResult<Option<i64>> {
    dsl::user_relationships
        .filter(dsl::user_id.eq(user).and(dsl::target_id.eq(target)).and(dsl::type_id.eq(kind)))
        .select(dsl::id)
        .first(conn)
        .optional()
}

/// Whether any relationship, in either direction, joins the two.
pub(in crate::store) fn touch(conn: &mut Conn, one: i64, other: i64) -> QueryResult<bool> {
    let nothing_but_the_count = Window { offset: 0, limit: 0 };
    for (user, target) in [(one, other), (other, one)] {
        let shape = Shape { users: vec![user], targets: vec![target], ..Shape::default() };
        if page(conn, &shape, nothing_but_the_count)?.0 > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Stores a relationship and counts it; `None` if the same one is there already.
pub(in crate::store) fn insert(
    conn: &mut Conn,
    (user, target, kind): (i64, i64, i16),
    now: i64,
    author: Option<i64>,
) -> QueryResult<Option<RelationshipRow>> {
    let row: Option<RelationshipRow> = diesel::insert_into(dsl::user_relationships)
        .values((
            dsl::user_id.eq(user),
            dsl::target_id.eq(target),
            dsl::type_id.eq(kind),
            dsl::created_at.eq(now),
            dsl::updated_at.eq(now),
            dsl::created_by.eq(author),
            dsl::updated_by.eq(author),
        ))
        .on_conflict_do_nothing()
        .returning(COLUMNS)
        .get_result(conn)
        .optional()?;
    if let Some(row) = &row {
        counts::add(conn, row, 1)?;
    }
    Ok(row)
}

/// Gives a relationship another type; `None` if it is gone.
pub(in crate::store) fn set_type(
    conn: &mut Conn,
    old: &RelationshipRow,
    kind: i16,
    now: i64,
    author: Option<i64>,
) -> QueryResult<Option<RelationshipRow>> {
    // The old type and version stand in the condition: a row that changed since it was read is not the one to count.
    let new: Option<RelationshipRow> =
        diesel::update(dsl::user_relationships.filter(dsl::id.eq(old.id).and(dsl::version.eq(old.version))))
            .set((
                dsl::type_id.eq(kind),
                dsl::version.eq(dsl::version + 1),
                dsl::updated_at.eq(now),
                dsl::updated_by.eq(author),
            ))
            .returning(COLUMNS)
            .get_result(conn)
            .optional()?;
    if let Some(new) = &new {
        counts::move_type(conn, old, new)?;
    }
    Ok(new)
}

/// Removes a relationship and its counts; `false` if it is gone.
pub(in crate::store) fn delete(conn: &mut Conn, id: i64) -> QueryResult<bool> {
    let row: Option<RelationshipRow> =
        diesel::delete(dsl::user_relationships.find(id)).returning(COLUMNS).get_result(conn).optional()?;
    if let Some(row) = &row {
        counts::add(conn, row, -1)?;
    }
    Ok(row.is_some())
}

/// Removes all relationships of a user, in both directions, with their counts.
pub(in crate::store) fn delete_of_user(conn: &mut Conn, user: i64) -> QueryResult<()> {
    counts::forget_user(conn, user)?;
    diesel::delete(dsl::user_relationships.filter(dsl::user_id.eq(user))).execute(conn)?;
    diesel::delete(dsl::user_relationships.filter(dsl::target_id.eq(user))).execute(conn)?;
    Ok(())
}

//! Reads the change log.
//!
//! # Design
//! Changes with some users, or of one relationship, are read by index scans that are merged and end after a page. Other
//! filters have no index. A page examines at most [`MOST_EXAMINED`] changes, so that it costs little however rare its
//! changes are.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::sql::Sql;
use super::{Conn, bulk, dialect};
use crate::model::change_query::{ChangeFilter, ChangePageRequest, MOST_EXAMINED};
use crate::model::page::Direction;
use crate::store::change_rows::{ChangeColumns, ChangeLogColumns, ChangeLogRow, ChangeRow, change_columns};

/// The state of the log.
pub(in crate::store) fn state(conn: &mut Conn) -> QueryResult<ChangeLogRow> {
    let mut sql = Sql::new("SELECT is_on, ");
    sql.text(dialect::LAST_CHANGE_NUMBER).text(", horizon_number, horizon_at, horizon_fingerprint FROM change_log");
    sql.returning::<ChangeLogColumns>().get_result(conn)
}

/// The change with that number.
pub(in crate::store) fn find(conn: &mut Conn, number: i64) -> QueryResult<Option<ChangeRow>> {
    let mut sql = Sql::new(concat!("SELECT n, ", change_columns!()));
    sql.text(" FROM changes WHERE n = ").integer(number);
    sql.returning::<ChangeColumns>().get_result(conn).optional()
}

/// The number of the first change after a time, from `low` on; `high` if there is none before that. `at` never decreases
/// with the number, so this is a binary search.
pub(in crate::store) fn first_after(conn: &mut Conn, at: i64, low: i64, high: i64) -> QueryResult<i64> {
    const IS_EARLIER: &str = "(SELECT at FROM changes WHERE n = (low + high) / 2) <= ";
    let mut sql = Sql::new("WITH RECURSIVE search (low, high) AS (SELECT CAST(");
    sql.integer(low).text(" AS BIGINT), CAST(").integer(high).text(" AS BIGINT) UNION ALL SELECT CASE WHEN ");
    sql.text(IS_EARLIER).integer(at).text(" THEN (low + high) / 2 + 1 ELSE low END, CASE WHEN ");
    sql.text(IS_EARLIER).integer(at).text(" THEN high ELSE (low + high) / 2 END FROM search WHERE low < high)");
    sql.text(" SELECT low FROM search WHERE low >= high");
    sql.returning::<BigInt>().get_result(conn)
}

/// The changes of a page, in the direction of reading.
pub(in crate::store) fn page(conn: &mut Conn, request: &ChangePageRequest) -> QueryResult<Vec<ChangeRow>> {
    let mut sql = Sql::new(concat!("SELECT n, ", change_columns!()));
    sql.text(" FROM changes WHERE ");
    if request.filter.is_indexed() {
        sql.text("n IN (");
        push_candidates(&mut sql, request);
        sql.text(")");
    } else {
        push_bounds(&mut sql, request);
    }
    push_conditions(&mut sql, &request.filter);
    push_end(&mut sql, request.direction, request.limit);
    sql.returning::<ChangeColumns>().load(conn)
}

/// How many changes a page examines, and the last of them in the direction of reading.
pub(in crate::store) fn examined(conn: &mut Conn, request: &ChangePageRequest) -> QueryResult<(i64, i64)> {
    let mut sql = Sql::new("SELECT COUNT(*), COALESCE(");
    sql.text(if request.direction == Direction::Ascending { "MAX" } else { "MIN" }).text("(n), 0) FROM (");
    push_candidates(&mut sql, request);
    sql.text(") AS candidates");
    sql.returning::<(BigInt, BigInt)>().get_result(conn)
}

/// Pushes the query of the numbers of the first changes that index scans find, regardless of other conditions.
fn push_candidates(sql: &mut Sql, request: &ChangePageRequest) {
    let filter = &request.filter;
    let limit = if filter.has_conditions() { MOST_EXAMINED } else { request.limit };
    sql.text("SELECT n FROM (");
    if let Some(id) = filter.relationship {
        push_scan(sql, request, "subject_type = 0 AND subject_id = ", id.get(), limit);
    } else {
        let mut glue = "";
        for user in &filter.users {
            for condition in ["user_id = ", "target_id = "] {
                sql.text(glue);
                push_scan(sql, request, condition, user.get(), limit);
                glue = " UNION ";
            }
        }
    }
    if filter.users.len() > 1 {
        sql.do_not_cache();
    }
    sql.text(") AS found");
    push_end(sql, request.direction, limit);
}

/// Pushes one index scan.
fn push_scan(sql: &mut Sql, request: &ChangePageRequest, condition: &'static str, id: i64, limit: i64) {
    sql.text("SELECT n FROM (SELECT n FROM changes WHERE ").text(condition).integer(id).text(" AND ");
    push_bounds(sql, request);
    push_end(sql, request.direction, limit);
    sql.text(") AS scan");
}

fn push_bounds(sql: &mut Sql, request: &ChangePageRequest) {
    sql.text("n > ").integer(request.after).text(" AND n < ").integer(request.before);
}

fn push_end(sql: &mut Sql, direction: Direction, limit: i64) {
    sql.text(match direction {
        Direction::Ascending => " ORDER BY n LIMIT ",
        Direction::Descending => " ORDER BY n DESC LIMIT ",
    });
    sql.integer(limit);
}

/// Pushes ` AND …` for each condition that no index serves.
fn push_conditions(sql: &mut Sql, filter: &ChangeFilter) {
    let small = |sql: &mut Sql, column: &'static str, values: Vec<i16>| {
        if !values.is_empty() {
            sql.text(" AND ").in_values(column, &values, Sql::small);
        }
    };
    small(sql, "subject_type", filter.subject_types.iter().map(|it| it.number()).collect());
    small(sql, "action", filter.actions.iter().map(|it| it.number()).collect());
    if !filter.actors.is_empty() {
        let actors: Vec<_> = filter.actors.iter().map(|it| it.get()).collect();
        sql.text(" AND ").in_values("actor_id", &actors, Sql::integer);
    }
    if filter.relationship.is_some() && !filter.users.is_empty() {
        let users: Vec<_> = filter.users.iter().map(|it| it.get()).collect();
        sql.text(" AND (").in_values("user_id", &users, Sql::integer);
        sql.text(" OR ").in_values("target_id", &users, Sql::integer);
        sql.text(")");
    }
    push_relationships(sql, filter);
}

fn push_relationships(sql: &mut Sql, filter: &ChangeFilter) {
    let mut glue = " AND subject_type = 0 AND (";
    for name in &filter.relationships {
        sql.text(glue).text("relationship = ").string(name.to_string());
        sql.text(" OR previous_relationship = ").string(name.to_string());
        glue = " OR ";
    }
    if !filter.relationships.is_empty() {
        if filter.relationships.len() > 1 {
            sql.do_not_cache();
        }
        sql.text(")");
    }
}

/// The changes of relationships with one of some users at either end and a larger number, newest first, at most `limit`.
pub(in crate::store) fn of_users_after(
    conn: &mut Conn,
    users: &[i64],
    number: i64,
    limit: i64,
) -> QueryResult<Vec<ChangeRow>> {
    let mut sql = Sql::new(concat!("SELECT n, ", change_columns!()));
    sql.text(" FROM changes WHERE n IN (");
    let mut glue = "";
    for column in ["user_id", "target_id"] {
        sql.text(glue).text("SELECT n FROM changes WHERE ").in_list(column, bulk::ValueList::of_integers(users));
        sql.text(" AND n > ").integer(number);
        glue = " UNION ";
    }
    sql.text(") AND subject_type = 0 ORDER BY n DESC LIMIT ").integer(limit);
    sql.returning::<ChangeColumns>().load(conn)
}

/// The changes of relationships with one of some users at either end that have no number yet, newest first, at most
/// `limit`.
pub(in crate::store) fn unnumbered(conn: &mut Conn, users: &[i64], limit: i64) -> QueryResult<Vec<ChangeRow>> {
    let mut sql = Sql::new(concat!("SELECT CAST(0 AS BIGINT), ", change_columns!()));
    sql.text(" FROM unnumbered_changes WHERE subject_type = 0 AND (");
    sql.in_list("user_id", bulk::ValueList::of_integers(users)).text(" OR ");
    sql.in_list("target_id", bulk::ValueList::of_integers(users));
    sql.text(") ORDER BY set_id DESC, place DESC LIMIT ").integer(limit);
    sql.returning::<ChangeColumns>().load(conn)
}

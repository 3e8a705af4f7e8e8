//! Traversal of the relationships of one type. None of these queries reads users: the planner of PostgreSQL overestimates
//! the rows of a recursive query so much that it would scan all of them.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer};

use super::columns::Column;
use super::rules::push_type;
use super::sql::Sql;
use super::{Conn, bulk, dialect};
use crate::model::role::RoleEnd;

/// A child in a tree: the place of its parent in the query, its relationship, itself, and how many users are below it.
pub(in crate::store) type ChildRow = (i32, i64, i64, i64);

/// The first owners of relationships that target some users, at most `limit` for each user, with a relationship after an
/// id. They are in the order of the users and then of their relationships.
pub(in crate::store) fn children(
    conn: &mut Conn,
    kind: i16,
    parents: &[(i64, i64)],
    limit: i64,
) -> QueryResult<Vec<ChildRow>> {
    if dialect::HAS_LATERAL {
        let mut found = children_of_all(kind, parents, limit).returning::<ChildColumns>().load::<ChildRow>(conn)?;
        found.sort_unstable();
        return Ok(found);
    }
    let mut found = Vec::new();
    for (place, (parent, after)) in (0..).zip(parents) {
        let rows: Vec<(i64, i64, i64)> =
            children_of_one(kind, (*parent, *after), limit).returning::<(BigInt, BigInt, BigInt)>().load(conn)?;
        found.extend(rows.into_iter().map(|(edge, user, below)| (place, edge, user, below)));
    }
    Ok(found)
}

type ChildColumns = (Integer, BigInt, BigInt, BigInt);

fn children_of_all(kind: i16, parents: &[(i64, i64)], limit: i64) -> Sql {
    let places = (0..).take(parents.len()).collect();
    let (users, afters) = parents.iter().copied().unzip();
    let columns = vec![Column::Integers(places), Column::Integers(users), Column::Integers(afters)];
    let mut sql = Sql::new("SELECT CAST(given.column1 AS INTEGER), r.id, r.user_id, ");
    push_below(&mut sql, kind);
    sql.text(" FROM ").table(columns).text(" CROSS JOIN LATERAL (SELECT id, user_id FROM user_relationships WHERE ");
    push_type(&mut sql, "type_id", kind);
    sql.text(" AND target_id = given.column2 AND id > given.column3 ORDER BY id LIMIT ").integer(limit);
    sql.text(") AS r");
    sql
}

fn children_of_one(kind: i16, (parent, after): (i64, i64), limit: i64) -> Sql {
    let mut sql = Sql::new("SELECT r.id, r.user_id, ");
    push_below(&mut sql, kind);
    sql.text(" FROM user_relationships AS r").text(dialect::by_index!("user_relationships_in_by_type"));
    sql.text(" WHERE r.target_id = ").integer(parent).text(" AND r.type_id = ").small(kind);
    sql.text(" AND r.id > ").integer(after).text(" ORDER BY r.id LIMIT ").integer(limit);
    sql
}

/// Pushes how many users are below a user: one index lookup. For a join PostgreSQL might read all of a new tree, which its
/// statistics do not know yet.
fn push_below(sql: &mut Sql, kind: i16) {
    sql.text("COALESCE((SELECT b.n FROM counts_below AS b WHERE b.user_id = r.user_id AND b.type_id = ").small(kind);
    sql.text("), 0)");
}

/// The relationships of a type that continue from some users towards the end at which the members of a role are: the
/// relationship, the user and the one that it leads to; at most `limit`, and with a time only those created until then.
pub(in crate::store) fn continuations(
    conn: &mut Conn,
    kind: i16,
    end: RoleEnd,
    users: &[i64],
    (created_until, limit): (Option<i64>, i64),
) -> QueryResult<Vec<(i64, i64, i64)>> {
    let (select, index, column) = match end {
        RoleEnd::Owner => (
            "SELECT id, target_id, user_id FROM user_relationships",
            dialect::by_index!("user_relationships_in_by_type"),
            "target_id",
        ),
        RoleEnd::Target | RoleEnd::Either => (
            "SELECT id, user_id, target_id FROM user_relationships",
            dialect::by_index!("user_relationships_out_by_type"),
            "user_id",
        ),
    };
    let mut sql = Sql::new(select);
    sql.text(index).text(" WHERE ");
    push_type(&mut sql, "type_id", kind);
    sql.text(" AND ").in_list(column, bulk::ValueList::of_integers(users));
    if let Some(micros) = created_until {
        sql.text(" AND created_at <= ").integer(micros);
    }
    sql.text(" LIMIT ").integer(limit);
    sql.returning::<(BigInt, BigInt, BigInt)>().load(conn)
}

/// Those of some relationships that have a type: id, owner and target.
pub(in crate::store) fn find_edges(conn: &mut Conn, kind: i16, ids: &[i64]) -> QueryResult<Vec<(i64, i64, i64)>> {
    let mut sql = Sql::new("SELECT id, user_id, target_id FROM user_relationships WHERE type_id = ");
    sql.small(kind).text(" AND ").in_list("id", bulk::ValueList::of_integers(ids));
    sql.returning::<(BigInt, BigInt, BigInt)>().load(conn)
}

/// How many relationships of a type target some users.
pub(in crate::store) fn count_owners(conn: &mut Conn, kind: i16, users: &[i64]) -> QueryResult<i64> {
    let mut sql = Sql::new("SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM counts_by_target WHERE type_id = ");
    sql.small(kind).text(" AND ").in_list("target_id", bulk::ValueList::of_integers(users));
    sql.returning::<BigInt>().get_result(conn)
}

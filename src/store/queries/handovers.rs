//! Relationships that get another target, and the transfers that record it.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::columns::Column;
use super::order::{listing_order, push_bounds, push_end};
use super::rules::{keep_rules, push_type};
use super::schema::transfers;
use super::sql::{Sql, split_total};
use super::{Conn, bulk, counts, dialect, edge_tables, retired};
use crate::model::page::PageRequest;
use crate::model::relationship::End;
use crate::store::relationship_rows::{
    AUTHORED_COLUMNS, AuthoredColumns, AuthoredRow, NewRelationshipRow, new_relationship_columns,
};
use crate::store::rows::{NewTransferRow, STORED_TRANSFER, TRANSFER_COLUMNS, TransferColumns, TransferRow};
use crate::store::type_counts::{EdgeCounts, TypeCounts};

/// Locks a user until the transaction ends, so that others cannot add relationships with it; `false` if there is none.
pub(in crate::store) fn lock_user(conn: &mut Conn, id: i64) -> QueryResult<bool> {
    let mut sql = Sql::new("SELECT t.id FROM users AS t WHERE t.id = ");
    sql.integer(id).text(dialect::LOCK_ROWS);
    Ok(sql.returning::<BigInt>().get_result::<i64>(conn).optional()?.is_some())
}

/// Keeps a user, and those with whom another one has relationships of some types, from being deleted until the
/// transaction ends: of these users the ones before the other one in the order of ids, or those after it. Returns them.
pub(in crate::store) fn keep_around(
    conn: &mut Conn,
    kinds: &[i64],
    (user, kept): (i64, i64),
    is_before: bool,
) -> QueryResult<Vec<i64>> {
    let mut sql = Sql::new("SELECT t.id FROM users AS t WHERE t.id IN (");
    push_around(&mut sql, kinds, (user, kept));
    sql.text(if is_before { ") AND t.id < " } else { ") AND t.id > " }).integer(user).text(" ORDER BY t.id");
    keep_rules(&mut sql, true);
    sql.returning::<BigInt>().load(conn)
}

/// A user, and those with whom another one has relationships of some types, by id.
pub(in crate::store) fn around(conn: &mut Conn, kinds: &[i64], ids: (i64, i64)) -> QueryResult<Vec<i64>> {
    let mut sql = Sql::new("");
    push_around(&mut sql, kinds, ids);
    sql.text(" ORDER BY 1");
    sql.returning::<BigInt>().load(conn)
}

fn push_around(sql: &mut Sql, kinds: &[i64], (user, kept): (i64, i64)) {
    sql.text("SELECT CAST(").integer(kept).text(" AS BIGINT)");
    push_others(sql, kinds, End::Target, user);
    push_others(sql, kinds, End::User, user);
}

/// Pushes a union with the users with whom one at an end has relationships of some types. PostgreSQL looks up each type
/// by itself, because it would read all relationships of types that are missing from its statistics.
fn push_others(sql: &mut Sql, kinds: &[i64], end: End, user: i64) {
    let (other, own) = match end {
        End::User => ("target_id", "user_id = "),
        End::Target => ("user_id", "target_id = "),
    };
    sql.text(" UNION SELECT r.").text(other).text(" FROM ").table(vec![Column::Integers(kinds.to_vec())]);
    if dialect::HAS_LATERAL {
        sql.text(" CROSS JOIN LATERAL (SELECT ").text(other).text(" FROM ").text(edge_tables::of_end(end));
        sql.text(" WHERE ").text(own);
        sql.integer(user).text(" AND type_id = given.column1 OFFSET 0) AS r");
    } else {
        sql.text(" CROSS JOIN user_relationships AS r").text(index_of(end)).text(" WHERE r.").text(own);
        sql.integer(user).text(" AND r.type_id = given.column1");
    }
}

/// The number of relationships of a type with a user at an end.
pub(in crate::store) fn count_at(conn: &mut Conn, kind: i16, end: End, user: i64) -> QueryResult<i64> {
    let mut sql = Sql::new("SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM ");
    sql.text(match end {
        End::User => "counts_by_user WHERE user_id = ",
        End::Target => "counts_by_target WHERE target_id = ",
    });
    sql.integer(user).text(" AND type_id = ").small(kind);
    sql.returning::<BigInt>().get_result(conn)
}

/// The first relationships of a type with a user at an end, as id, owner and target, by id. They are locked until the
/// transaction ends.
pub(in crate::store) fn lock_edges(
    conn: &mut Conn,
    kind: i16,
    end: End,
    user: i64,
    limit: i64,
) -> QueryResult<Vec<(i64, i64, i64)>> {
    let mut sql = Sql::new("SELECT t.id, t.user_id, t.target_id FROM ");
    sql.text(edge_tables::of_end(end)).text(" AS t").text(index_of(end)).text(" WHERE ");
    push_type(&mut sql, "t.type_id", kind);
    sql.text(match end {
        End::User => " AND t.user_id = ",
        End::Target => " AND t.target_id = ",
    });
    sql.integer(user).text(" ORDER BY t.id LIMIT ").integer(limit);
    if dialect::is_spread() && end == End::Target {
        let copies: Vec<(i64, i64, i64)> = sql.returning::<(BigInt, BigInt, BigInt)>().load(conn)?;
        return lock_rows_of(conn, &copies);
    }
    sql.text(dialect::LOCK_ROWS);
    sql.returning::<(BigInt, BigInt, BigInt)>().load(conn)
}

/// Locks the rows of copies by an update to the same values, and returns those that exist, by id. Who deletes a
/// relationship locks its row first, and then its copies.
pub(in crate::store) fn lock_rows_of(conn: &mut Conn, copies: &[(i64, i64, i64)]) -> QueryResult<Vec<(i64, i64, i64)>> {
    if copies.is_empty() {
        return Ok(Vec::new());
    }
    let (ids, owners): (Vec<i64>, Vec<i64>) = copies.iter().map(|(id, owner, _)| (*id, *owner)).unzip();
    let mut sql = Sql::new("UPDATE user_relationships SET version = version WHERE ");
    sql.in_list("id", bulk::ValueList::of_integers(&ids)).text(" AND ");
    sql.in_list("user_id", bulk::ValueList::of_integers(&owners)).text(" RETURNING id, user_id, target_id");
    let mut locked: Vec<(i64, i64, i64)> = sql.returning::<(BigInt, BigInt, BigInt)>().load(conn)?;
    locked.sort_unstable();
    Ok(locked)
}

/// The index for the relationships of a type with a user at an end.
#[allow(clippy::match_same_arms, reason = "PostgreSQL's names of indexes are all empty")]
fn index_of(end: End) -> &'static str {
    match end {
        End::User => dialect::by_index!("user_relationships_out_by_type"),
        End::Target => dialect::by_index!("user_relationships_in_by_type"),
    }
}

/// Deletes relationships by id and returns those that existed, by id. Leaves the counts to the caller.
pub(in crate::store) fn delete_edges(conn: &mut Conn, ids: &[i64]) -> QueryResult<Vec<AuthoredRow>> {
    if let Some(largest) = ids.iter().max() {
        retired::retire_relationships(conn, *largest)?;
    }
    let mut sql = Sql::new("DELETE FROM user_relationships WHERE ");
    sql.in_list("id", bulk::ValueList::of_integers(ids));
    edge_tables::push_owners(conn, &mut sql, ids)?;
    sql.text(" RETURNING ").text(AUTHORED_COLUMNS);
    let mut deleted: Vec<AuthoredRow> = sql.returning::<AuthoredColumns>().load(conn)?;
    deleted.sort_unstable_by_key(|(row, ..)| row.id);
    Ok(deleted)
}

/// Stores relationships in this order, except those that exist already, and returns id, owner and target of those that it
/// stored. Does not count them.
pub(in crate::store) fn insert_edges(
    conn: &mut Conn,
    rows: &[NewRelationshipRow],
) -> QueryResult<Vec<(i64, i64, i64)>> {
    let mut stored = Vec::with_capacity(rows.len());
    for some in rows.chunks(bulk::ROWS) {
        let mut sql = Sql::new(concat!("INSERT INTO user_relationships (", new_relationship_columns!(), ") "));
        sql.source(NewRelationshipRow::columns(some));
        sql.text(" ON CONFLICT DO NOTHING RETURNING id, user_id, target_id");
        stored.extend(sql.returning::<(BigInt, BigInt, BigInt)>().load::<(i64, i64, i64)>(conn)?);
    }
    Ok(stored)
}

/// Writes the collected changes of counts by owner.
pub(in crate::store) fn count_owners(conn: &mut Conn, changes: &mut EdgeCounts) -> QueryResult<()> {
    counts::add_by_user(conn, &changes.take_by_user())
}

/// Writes all collected changes of counts.
pub(in crate::store) fn count_edges(
    conn: &mut Conn,
    types: &mut TypeCounts,
    changes: &mut EdgeCounts,
) -> QueryResult<()> {
    count_owners(conn, changes)?;
    counts::add_by_target(conn, &changes.take_by_target())?;
    changes.take_by_type().into_iter().try_for_each(|(kind, by)| counts::of_type_in(conn, types, 0, kind, by))
}

/// Stores a transfer.
pub(in crate::store) fn insert(conn: &mut Conn, row: &NewTransferRow<'_>) -> QueryResult<TransferRow> {
    diesel::insert_into(transfers::table).values(row).returning(STORED_TRANSFER).get_result(conn)
}

/// The transfer with that id.
pub(in crate::store) fn find(conn: &mut Conn, id: i64) -> QueryResult<Option<TransferRow>> {
    transfers::table.find(id).select(STORED_TRANSFER).first(conn).optional()
}

/// A page of transfers, in order, with the total.
pub(in crate::store) fn page(conn: &mut Conn, slice: &PageRequest) -> QueryResult<(i64, Vec<TransferRow>)> {
    let count = Sql::new("SELECT COUNT(*) AS total FROM transfers");
    let mut page = Sql::new("SELECT ");
    page.text(TRANSFER_COLUMNS).text(" FROM transfers WHERE 1 = 1");
    push_bounds(&mut page, slice);
    push_end(&mut page, slice);
    Sql::listing::<TransferColumns>(count, TRANSFER_COLUMNS, page, listing_order(slice.sort))
        .load(conn)
        .map(split_total)
}

//! Ids that were used once and are never used again.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};
use std::collections::HashSet;

use super::schema::{relationship_types, retired_relationship_ids, retired_type_ids, retired_user_ids};
use super::sql::Sql;
use super::{Conn, bulk, dialect, edge_tables};
use crate::model::relationship::End;
use crate::model::relationship_type::MAX_TYPES;

/// Records that a user was deleted.
pub(in crate::store) fn retire_user(conn: &mut Conn, id: i64) -> QueryResult<()> {
    diesel::insert_into(retired_user_ids::table)
        .values(retired_user_ids::id.eq(id))
        .on_conflict_do_nothing()
        .execute(conn)
        .map(drop)
}

/// Which of these ids belonged to deleted users.
pub(in crate::store) fn users_among(conn: &mut Conn, ids: &[i64]) -> QueryResult<Vec<i64>> {
    let mut sql = Sql::new("SELECT id FROM retired_user_ids WHERE ");
    sql.in_list("id", bulk::ValueList::of_integers(ids));
    sql.returning::<BigInt>().load(conn)
}

/// Records that relationships were deleted, with the largest of their ids.
pub(in crate::store) fn retire_relationships(conn: &mut Conn, largest: i64) -> QueryResult<()> {
    let slot = i16::try_from(largest.rem_euclid(dialect::RETIRED_SLOTS)).unwrap_or_default();
    let mut sql = Sql::new("UPDATE retired_relationship_ids SET last_id = ");
    // Writes nothing if a larger id was deleted before.
    sql.integer(largest).text(" WHERE slot = ").small(slot).text(" AND last_id < ").integer(largest);
    sql.returning::<()>().execute(conn).map(drop)
}

/// The largest id of a deleted relationship; 0 if none was deleted.
pub(in crate::store) fn newest_relationship(conn: &mut Conn) -> QueryResult<i64> {
    let newest: Option<i64> =
        retired_relationship_ids::table.select(diesel::dsl::max(retired_relationship_ids::last_id)).first(conn)?;
    Ok(newest.unwrap_or_default())
}

/// The largest id of the relationships of a user, in both directions.
pub(in crate::store) fn largest_of_user(conn: &mut Conn, user: i64) -> QueryResult<Option<i64>> {
    let mut sql = Sql::new("SELECT MAX(id) FROM (SELECT MAX(id) AS id FROM user_relationships WHERE user_id = ");
    sql.integer(user).text(" UNION ALL SELECT MAX(id) FROM ").text(edge_tables::of_end(End::Target));
    sql.text(" WHERE target_id = ").integer(user);
    sql.text(") AS largest");
    sql.returning::<Nullable<BigInt>>().get_result(conn)
}

/// Records that a relationship type was deleted.
pub(in crate::store) fn retire_type(conn: &mut Conn, id: i16, now: i64) -> QueryResult<()> {
    diesel::insert_into(retired_type_ids::table)
        .values((retired_type_ids::id.eq(id), retired_type_ids::retired_at.eq(now)))
        .on_conflict(retired_type_ids::id)
        .do_update()
        .set(retired_type_ids::retired_at.eq(now))
        .execute(conn)
        .map(drop)
}

/// A number for a new relationship type: one that was never used if there is one, otherwise one whose type was deleted
/// before `rested`, in microseconds since 1970. `None` if all are in use. The caller holds the lock that keeps others
/// from registering types.
pub(in crate::store) fn free_type_id(conn: &mut Conn, rested: i64) -> QueryResult<Option<i16>> {
    let used: Vec<i16> = relationship_types::table.select(relationship_types::id).load(conn)?;
    let retired: Vec<(i16, i64)> = retired_type_ids::table.load(conn)?;
    let largest = used.iter().chain(retired.iter().map(|(id, _)| id)).max().copied().unwrap_or_default();
    if largest < MAX_TYPES {
        return Ok(Some(largest + 1));
    }
    let resting = retired.iter().filter(|(_, at)| *at >= rested).map(|(id, _)| *id);
    let unavailable: HashSet<i16> = used.into_iter().chain(resting).collect();
    Ok((1..=MAX_TYPES).find(|id| !unavailable.contains(id)))
}

//! What PostgreSQL says differently.

use super::Conn;
use crate::store::rows::Numbered;
use crate::store::schema::{relationship_types, user_relationships, users};
use diesel::prelude::*;
use diesel::sql_types::BigInt;

/// A count row is locked until its writer commits, so that one row for all would admit one commit at a time.
pub const TYPE_SLOTS: i64 = 32;

/// Passes over rows that another transaction has locked.
pub const SKIP_LOCKED: &str = " FOR UPDATE SKIP LOCKED";

pub use super::lock_wait::wait_briefly;

/// The planner chooses by statistics.
macro_rules! by_index {
    ($index:literal) => {
        ""
    };
}
pub(crate) use by_index;

/// Locks a user and its relationships, so that neither changes nor gains any until the transaction ends, and the
/// counts of those at the other ends: in the order in which everybody locks them, while an update takes any.
pub fn lock_user(conn: &mut Conn, id: i64) -> QueryResult<()> {
    let _: Vec<i64> = users::table.find(id).select(users::id).for_update().load(conn)?;
    let _: Vec<i64> = user_relationships::table
        .filter(user_relationships::user_id.eq(id).or(user_relationships::target_id.eq(id)))
        .order(user_relationships::id)
        .select(user_relationships::id)
        .for_update()
        .load(conn)?;
    for counts in [
        "SELECT 1 FROM counts_by_user WHERE (user_id, type_id) IN \
         (SELECT user_id, type_id FROM user_relationships WHERE target_id = $1) \
         ORDER BY user_id, type_id FOR UPDATE",
        "SELECT 1 FROM counts_by_target WHERE (target_id, type_id) IN \
         (SELECT target_id, type_id FROM user_relationships WHERE user_id = $1) \
         ORDER BY target_id, type_id, slot FOR UPDATE",
    ] {
        diesel::sql_query(counts).bind::<BigInt, _>(id).execute(conn)?;
    }
    Ok(())
}

/// Makes others who are about to change the row of a user wait until the transaction ends, so that what a job reads
/// of it is what it changes.
pub fn lock_user_row(conn: &mut Conn, id: i64) -> QueryResult<()> {
    let _: Vec<i64> = users::table.find(id).select(users::id).for_no_key_update().load(conn)?;
    Ok(())
}

/// Keeps others from registering, changing and removing types, while relationships of all types are still created.
pub fn lock_types(conn: &mut Conn) -> QueryResult<()> {
    diesel::sql_query("LOCK TABLE relationship_types IN SHARE ROW EXCLUSIVE MODE").execute(conn).map(drop)
}

/// Makes others who are about to change the row of a type wait until the transaction ends.
pub fn lock_type_row(conn: &mut Conn, name: &str) -> QueryResult<()> {
    let row = relationship_types::table.filter(relationship_types::name.eq(name));
    let _: Vec<i16> = row.select(relationship_types::id).for_no_key_update().load(conn)?;
    Ok(())
}

/// Makes the next number of the sequence larger than one that was chosen. This release chooses all numbers, but the
/// release before it draws them.
pub fn advance_type_ids(conn: &mut Conn, id: i16) -> QueryResult<()> {
    diesel::sql_query(
        "SELECT setval('relationship_types_id_seq', $1) FROM relationship_types_id_seq WHERE last_value < $1",
    )
    .bind::<BigInt, _>(i64::from(id))
    .execute(conn)
    .map(drop)
}

/// Lets others read, but not write.
pub fn lock_all(conn: &mut Conn) -> QueryResult<()> {
    let tables = "users, user_relationships, counts_by_user, counts_by_target, counts_by_type, counts_of_users";
    diesel::sql_query(format!("LOCK TABLE {tables} IN SHARE ROW EXCLUSIVE MODE")).execute(conn).map(drop)
}

/// Makes the next id larger than one that somebody chose.
pub fn advance_user_ids(conn: &mut Conn, id: i64) -> QueryResult<()> {
    super::bulk::advance(conn, Numbered::Users, id)
}

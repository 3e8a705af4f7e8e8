//! Locks of types and users.
//!
//! # Design
//! A type is a row on every node, of which a lock on all nodes would deadlock with another one. A lock of a row on the
//! coordinator alone would not do: once that has committed, another transaction gets the lock at once, although it cannot see
//! yet what the first one has written on other nodes. An advisory lock is released when all nodes have committed.

use diesel::prelude::*;
use diesel::sql_types::Integer;

use super::schema::relationships_by_target;
use crate::store::postgres::conn::Conn;
use crate::store::postgres::queries;
use crate::store::schema::{relationship_types, user_relationships, users};

/// The class of the advisory locks that keep the rules of a type, as a part of the database.
const RULES: i32 = 0x7275_6c65;
/// The class of those that writers of relationships under rules hold one at a time.
const WRITERS: i32 = 0x7772_6974;
/// The class of the one that jobs hold that lock a user with all its relationships.
const USERS: i32 = 0x7573_6572;

/// Keeps the rules of types from changing until the transaction ends. Others may do the same. The types are in order.
pub(in crate::store) fn keep_rules(conn: &mut Conn, kinds: &[i16]) -> QueryResult<()> {
    kinds.iter().try_for_each(|kind| lock(conn, "SELECT pg_advisory_xact_lock_shared(", RULES, *kind))
}

/// Makes other writers of relationships of a type with rules wait until the transaction ends.
pub(in crate::store) fn lock_writers(conn: &mut Conn, kind: i16) -> QueryResult<()> {
    lock(conn, "SELECT pg_advisory_xact_lock(", WRITERS, kind)
}

/// Locks the rules of a type until the transaction ends, and returns its number; `None` if there is no such type.
pub(in crate::store) fn lock_rules(conn: &mut Conn, name: &str) -> QueryResult<Option<i16>> {
    let with_name = relationship_types::table.filter(relationship_types::name.eq(name)).select(relationship_types::id);
    let Some(kind) = with_name.first::<i16>(conn).optional()? else { return Ok(None) };
    lock(conn, "SELECT pg_advisory_xact_lock(", RULES, kind)?;
    // It may have been deleted while this waited.
    with_name.first(conn).optional()
}

fn lock(conn: &mut Conn, call: &str, class: i32, kind: i16) -> QueryResult<()> {
    let call = diesel::sql_query(format!("{call}$1, $2)"));
    call.bind::<Integer, _>(class).bind::<Integer, _>(i32::from(kind)).execute(conn).map(drop)
}

/// Locks a user and its relationships until the transaction ends. One transaction at a time does so: two users may have
/// relationships with each other, which no order of statements would lock in the same order.
///
/// All rows come before all copies, as for those who write single relationships. The copies must be locked, too: what another
/// transaction has written may be visible in a row a moment before it is in the copy.
pub(in crate::store) fn lock_user(conn: &mut Conn, id: i64) -> QueryResult<()> {
    lock(conn, "SELECT pg_advisory_xact_lock(", USERS, 0)?;
    users::table.find(id).select(users::id).for_update().execute(conn)?;
    let owned = user_relationships::table.filter(user_relationships::user_id.eq(id)).order(user_relationships::id);
    owned.select(user_relationships::id).for_update().execute(conn)?;
    let copies = relationships_by_target::table.filter(relationships_by_target::target_id.eq(id));
    let ends = (relationships_by_target::id, relationships_by_target::user_id, relationships_by_target::target_id);
    let targeting: Vec<(i64, i64, i64)> = copies.select(ends).load(conn)?;
    queries::handovers::lock_rows_of(conn, &targeting)?;
    copies.select(relationships_by_target::id).for_update().execute(conn).map(drop)
}

/// Keeps users from being deleted until the transaction ends, in this order. Returns those that exist.
pub(in crate::store) fn keep_users(conn: &mut Conn, ids: &[i64]) -> QueryResult<Vec<i64>> {
    let mut kept = Vec::with_capacity(ids.len());
    for id in ids {
        kept.extend(users::table.find(id).select(users::id).for_key_share().load::<i64>(conn)?);
    }
    Ok(kept)
}

//! The stored counts. Only this module changes them, in the transaction of the change that they count.
//!
//! Counts are changed in the order user, target, type, so that two transactions cannot deadlock. A count is never
//! clamped at zero: that would hide an error from `check`.
//!
//! Each write runs these statements, and diesel does not keep an upsert of its own prepared: so they are texts.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, SmallInt};

use std::collections::BTreeMap;

use super::columns::Column;
use super::rows::number_of;
use super::schema::{counts_by_target, counts_by_type, counts_by_user};
use super::sql::Sql;
use super::{Conn, bulk, dialect};
use crate::model::user::User;
use crate::store::relationship_rows::RelationshipRow;
use crate::store::type_counts::{CountChange, TypeCounts};

/// Adds `by` (1 or -1) to the counts of one relationship.
pub(super) fn add(conn: &mut Conn, types: &mut TypeCounts, row: &RelationshipRow, by: i64) -> QueryResult<()> {
    of_user(conn, row.user_id, row.type_id, by)?;
    of_target(conn, row.target_id, row.type_id, by)?;
    of_type_in(conn, types, row.id, row.type_id, by)
}

/// Writes the changes of counts by type that a job has collected.
pub(in crate::store) fn add_types(conn: &mut Conn, changes: &[(i16, CountChange)]) -> QueryResult<()> {
    changes.iter().try_for_each(|(kind, change)| of_type(conn, change.spread, *kind, change.by))
}

/// Moves the counts of a relationship from one type to another.
pub(super) fn move_type(
    conn: &mut Conn,
    types: &mut TypeCounts,
    old: &RelationshipRow,
    new: &RelationshipRow,
) -> QueryResult<()> {
    let mut steps = [(old.type_id, -1), (new.type_id, 1)];
    steps.sort_unstable();
    for (kind, by) in steps {
        of_user(conn, new.user_id, kind, by)?;
    }
    for (kind, by) in steps {
        of_target(conn, new.target_id, kind, by)?;
    }
    for (kind, by) in steps {
        of_type_in(conn, types, new.id, kind, by)?;
    }
    Ok(())
}

/// Subtracts all relationships of a user, in both directions, which must still exist and be locked.
pub(super) fn subtract_user(conn: &mut Conn, types: &mut TypeCounts, user: i64) -> QueryResult<()> {
    let mut incoming = Sql::new("UPDATE counts_by_user SET n = n - gone.edges FROM (");
    incoming.text("SELECT user_id, type_id, COUNT(*) AS edges FROM user_relationships WHERE target_id = ");
    incoming.integer(user).text(" GROUP BY user_id, type_id) AS gone WHERE counts_by_user.user_id = gone.user_id");
    incoming.text(" AND counts_by_user.type_id = gone.type_id");
    incoming.returning::<()>().execute(conn)?;

    let mut outgoing = Sql::new("UPDATE counts_by_target SET n = n - gone.edges FROM (");
    outgoing.text("SELECT target_id, type_id, COUNT(*) AS edges FROM user_relationships WHERE user_id = ");
    outgoing.integer(user).text(" GROUP BY target_id, type_id) AS gone WHERE counts_by_target.slot = 0");
    outgoing.text(" AND counts_by_target.target_id = gone.target_id AND counts_by_target.type_id = gone.type_id");
    outgoing.returning::<()>().execute(conn)?;

    let mut both = Sql::new("SELECT type_id, COUNT(*) FROM (SELECT type_id FROM user_relationships WHERE user_id = ");
    both.integer(user).text(" UNION ALL SELECT type_id FROM user_relationships WHERE target_id = ").integer(user);
    both.text(") AS gone GROUP BY type_id ORDER BY type_id");
    let by_type: Vec<(i16, i64)> = both.returning::<(SmallInt, BigInt)>().load(conn)?;
    for (kind, rows) in by_type {
        of_type_in(conn, types, user, kind, -rows)?;
    }
    diesel::delete(counts_by_user::table.filter(counts_by_user::user_id.eq(user))).execute(conn)?;
    diesel::delete(counts_by_target::table.filter(counts_by_target::target_id.eq(user))).execute(conn)?;
    Ok(())
}

/// Adds `by` to the number of users of a level.
pub(super) fn add_users(conn: &mut Conn, is_enabled: bool, level: i16, by: i64) -> QueryResult<()> {
    let mut sql = Sql::new("INSERT INTO counts_of_users (is_enabled, access_level, n) VALUES (");
    sql.flag(is_enabled).text(", ").small(level).text(", ").integer(by);
    sql.text(") ON CONFLICT (is_enabled, access_level) DO UPDATE SET n = counts_of_users.n + excluded.n");
    sql.returning::<()>().execute(conn).map(drop)
}

/// Adds `by` (1 or -1) to the counts of each of many relationships.
pub(in crate::store) fn add_many(
    conn: &mut Conn,
    types: &mut TypeCounts,
    rows: &[RelationshipRow],
    by: i64,
) -> QueryResult<()> {
    let Some(first) = rows.first() else { return Ok(()) };
    let mut by_user: BTreeMap<(i64, i16), i64> = BTreeMap::new();
    let mut by_target: BTreeMap<(i64, i16), i64> = BTreeMap::new();
    let mut by_type: BTreeMap<i16, i64> = BTreeMap::new();
    for row in rows {
        *by_user.entry((row.user_id, row.type_id)).or_default() += by;
        *by_target.entry((row.target_id, row.type_id)).or_default() += by;
        *by_type.entry(row.type_id).or_default() += by;
    }
    add_by_user(conn, &by_user.into_iter().collect::<Vec<_>>())?;
    add_by_target(conn, &by_target.into_iter().collect::<Vec<_>>())?;
    for (kind, by) in by_type {
        of_type_in(conn, types, first.id, kind, by)?;
    }
    Ok(())
}

/// Changes the counts of owners, each by owner and type. The order is that of both.
pub(super) fn add_by_user(conn: &mut Conn, changes: &[((i64, i16), i64)]) -> QueryResult<()> {
    for some in changes.chunks(bulk::ROWS) {
        let mut sql = Sql::new("INSERT INTO counts_by_user (user_id, type_id, n) ");
        sql.source(columns_of(some));
        sql.text(" ON CONFLICT (user_id, type_id) DO UPDATE SET n = counts_by_user.n + excluded.n");
        sql.returning::<()>().execute(conn)?;
    }
    Ok(())
}

/// Changes the counts of targets, each by target and type. The order is that of both.
pub(super) fn add_by_target(conn: &mut Conn, changes: &[((i64, i16), i64)]) -> QueryResult<()> {
    for some in changes.chunks(bulk::ROWS) {
        let mut columns = columns_of(some);
        columns.push(Column::Smalls(vec![0; some.len()]));
        let mut sql = Sql::new("INSERT INTO counts_by_target (target_id, type_id, n, slot) ");
        sql.source(columns);
        sql.text(" ON CONFLICT (target_id, type_id, slot) DO UPDATE SET n = counts_by_target.n + excluded.n");
        sql.returning::<()>().execute(conn)?;
    }
    Ok(())
}

fn columns_of(counted: &[((i64, i16), i64)]) -> Vec<Column> {
    vec![
        Column::Integers(counted.iter().map(|((end, _), _)| *end).collect()),
        Column::Smalls(counted.iter().map(|((_, kind), _)| *kind).collect()),
        Column::Integers(counted.iter().map(|(_, by)| *by).collect()),
    ]
}

/// Adds many users to the counts.
pub(super) fn add_many_users(conn: &mut Conn, users: &[&User]) -> QueryResult<()> {
    let mut counted: BTreeMap<(bool, i16), i64> = BTreeMap::new();
    for user in users {
        *counted.entry((user.data.is_enabled, number_of(user.data.access_level))).or_default() += 1;
    }
    for ((is_enabled, level), by) in counted {
        add_users(conn, is_enabled, level, by)?;
    }
    Ok(())
}

/// Rewrites all counts of relationships. The caller holds a lock against writes.
pub(super) fn count_all(conn: &mut Conn) -> QueryResult<()> {
    for statement in [
        "DELETE FROM counts_by_user",
        "INSERT INTO counts_by_user (user_id, type_id, n) SELECT user_id, type_id, COUNT(*) FROM user_relationships GROUP BY user_id, type_id",
        "DELETE FROM counts_by_target",
        "INSERT INTO counts_by_target (target_id, type_id, slot, n) SELECT target_id, type_id, 0, COUNT(*) FROM user_relationships GROUP BY target_id, type_id",
        "DELETE FROM counts_by_type",
        "INSERT INTO counts_by_type (type_id, slot, n) SELECT type_id, 0, COUNT(*) FROM user_relationships GROUP BY type_id",
    ] {
        Sql::new(statement).returning::<()>().execute(conn)?;
    }
    Ok(())
}

/// The number of relationships of a type.
pub(in crate::store) fn with_type(conn: &mut Conn, kind: i16) -> QueryResult<i64> {
    use counts_by_type::dsl;
    let slots: Vec<i64> = dsl::counts_by_type.filter(dsl::type_id.eq(kind)).select(dsl::n).load(conn)?;
    Ok(slots.iter().sum())
}

fn of_user(conn: &mut Conn, user: i64, kind: i16, by: i64) -> QueryResult<()> {
    let mut sql = Sql::new("INSERT INTO counts_by_user (user_id, type_id, n) VALUES (");
    sql.integer(user).text(", ").small(kind).text(", ").integer(by);
    sql.text(") ON CONFLICT (user_id, type_id) DO UPDATE SET n = counts_by_user.n + excluded.n");
    sql.returning::<()>().execute(conn).map(drop)
}

fn of_target(conn: &mut Conn, target: i64, kind: i16, by: i64) -> QueryResult<()> {
    let mut sql = Sql::new("INSERT INTO counts_by_target (target_id, type_id, slot, n) VALUES (");
    sql.integer(target).text(", ").small(kind).text(", 0, ").integer(by);
    sql.text(") ON CONFLICT (target_id, type_id, slot) DO UPDATE SET n = counts_by_target.n + excluded.n");
    sql.returning::<()>().execute(conn).map(drop)
}

/// Changes the count of a type, immediately or at the end of the job.
pub(super) fn of_type_in(conn: &mut Conn, types: &mut TypeCounts, spread: i64, kind: i16, by: i64) -> QueryResult<()> {
    if types.collect(kind, spread, by) { Ok(()) } else { of_type(conn, spread, kind, by) }
}

/// Changes the count of a type. `spread` selects the slot, so that writers of different rows rarely wait for the same
/// one.
fn of_type(conn: &mut Conn, spread: i64, kind: i16, by: i64) -> QueryResult<()> {
    let slot = i16::try_from(spread.rem_euclid(dialect::TYPE_SLOTS)).unwrap_or_default();
    let mut sql = Sql::new("INSERT INTO counts_by_type (type_id, slot, n) VALUES (");
    sql.small(kind).text(", ").small(slot).text(", ").integer(by);
    sql.text(") ON CONFLICT (type_id, slot) DO UPDATE SET n = counts_by_type.n + excluded.n");
    sql.returning::<()>().execute(conn).map(drop)
}

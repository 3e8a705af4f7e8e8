//! Queries that compare the stored counts with the rows and find relationships without a user at an end.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, SmallInt};
use std::collections::{BTreeMap, BTreeSet};

use super::rows::{Drift, UserDrift};
use super::sql::Sql;
use super::{Conn, counts, dialect, edge_tables};
use crate::model::relationship::End;

/// The counts in a table that differ from the rows. `key` has the columns of the count but the type, and its values are `id`.
/// Rows are counted in the order of an index, which needs no memory, however many there are.
fn drifts(conn: &mut Conn, counts: &'static str, key: &Key) -> QueryResult<Vec<Drift>> {
    let mut sql = Sql::new("SELECT CAST(id AS BIGINT), type_id, CAST(kept AS BIGINT), found FROM (SELECT ");
    sql.text(key.id).text(" AS id, type_id, COUNT(*) AS found, COALESCE((SELECT SUM(n) FROM ").text(counts);
    let table = edge_tables::of_end(key.end);
    sql.text(" AS c WHERE ")
        .text(key.is_same)
        .text("c.type_id = r.type_id), 0) AS kept FROM ")
        .text(table)
        .text(" AS r");
    sql.text(" GROUP BY ").text(key.groups).text("type_id) AS counted WHERE kept <> found UNION ALL SELECT CAST(");
    sql.text(key.id).text(" AS BIGINT), type_id, CAST(SUM(n) AS BIGINT), CAST(0 AS BIGINT) FROM ").text(counts);
    sql.text(" AS c WHERE NOT EXISTS (SELECT 1 FROM ").text(table).text(" AS r WHERE ").text(key.is_same);
    sql.text("c.type_id = r.type_id) GROUP BY ").text(key.groups).text("type_id HAVING SUM(n) <> 0 ORDER BY 1, 2");
    sql.returning::<(BigInt, SmallInt, BigInt, BigInt)>().load(conn)
}

/// What relationships are counted by, besides their types.
struct Key {
    /// The number of the count: that of a user, or 0.
    id: &'static str,
    /// The same as the beginning of a `GROUP BY`.
    groups: &'static str,
    /// That a count `c` and a relationship `r` have the same key, as the beginning of a condition.
    is_same: &'static str,
    /// The end at which the user is.
    end: End,
}

/// Wrong counts by owner.
pub(in crate::store) fn by_user(conn: &mut Conn) -> QueryResult<Vec<Drift>> {
    let key = Key { id: "user_id", groups: "user_id, ", is_same: "c.user_id = r.user_id AND ", end: End::User };
    drifts(conn, "counts_by_user", &key)
}

/// Wrong counts by target.
pub(in crate::store) fn by_target(conn: &mut Conn) -> QueryResult<Vec<Drift>> {
    let key =
        Key { id: "target_id", groups: "target_id, ", is_same: "c.target_id = r.target_id AND ", end: End::Target };
    drifts(conn, "counts_by_target", &key)
}

/// Wrong counts by type.
pub(in crate::store) fn by_type(conn: &mut Conn) -> QueryResult<Vec<Drift>> {
    if dialect::is_spread() {
        return by_type_spread(conn);
    }
    drifts(conn, "counts_by_type", &Key { id: "0", groups: "", is_same: "", end: End::User })
}

/// The same where the counts of a type are on several nodes, and its relationships as well.
fn by_type_spread(conn: &mut Conn) -> QueryResult<Vec<Drift>> {
    let mut kept = Sql::new("SELECT type_id, CAST(SUM(n) AS BIGINT) FROM counts_by_type GROUP BY type_id");
    kept.text(" HAVING SUM(n) <> 0");
    let kept: BTreeMap<i16, i64> = kept.returning::<(SmallInt, BigInt)>().load(conn)?.into_iter().collect();
    let found = Sql::new("SELECT type_id, COUNT(*) FROM user_relationships GROUP BY type_id");
    let found: BTreeMap<i16, i64> = found.returning::<(SmallInt, BigInt)>().load(conn)?.into_iter().collect();
    let kinds: BTreeSet<i16> = kept.keys().chain(found.keys()).copied().collect();
    let number = |counts: &BTreeMap<i16, i64>, kind| counts.get(&kind).copied().unwrap_or_default();
    let drifts = kinds.into_iter().map(|kind| (0, kind, number(&kept, kind), number(&found, kind)));
    Ok(drifts.filter(|(_, _, kept, found)| kept != found).collect())
}

/// Wrong counts of users.
pub(in crate::store) fn of_users(conn: &mut Conn) -> QueryResult<Vec<UserDrift>> {
    let mut sql =
        Sql::new("SELECT is_enabled, access_level, CAST(SUM(kept) AS BIGINT), CAST(SUM(found) AS BIGINT) FROM (");
    sql.text("SELECT is_enabled, access_level, n AS kept, 0 AS found FROM counts_of_users UNION ALL ");
    sql.text("SELECT is_enabled, access_level, 0 AS kept, 1 AS found FROM users");
    sql.text(
        ") AS lines GROUP BY is_enabled, access_level HAVING SUM(kept) <> SUM(found) ORDER BY is_enabled, access_level",
    );
    sql.returning::<(Bool, SmallInt, BigInt, BigInt)>().load(conn)
}

/// Ids of relationships without a user at an end. Each user is looked up once.
pub(in crate::store) fn dangling(conn: &mut Conn) -> QueryResult<Vec<i64>> {
    let mut sql = Sql::new("SELECT id FROM (");
    let mut glue = "";
    for (end, column) in [(End::User, "user_id"), (End::Target, "target_id")] {
        let table = edge_tables::of_end(end);
        sql.text(glue).text("SELECT id FROM ").text(table).text(" WHERE ").text(column);
        sql.text(" IN (SELECT end_id FROM (SELECT ");
        sql.text(column).text(" AS end_id FROM ").text(table).text(" GROUP BY ").text(column);
        sql.text(") AS ends WHERE NOT EXISTS (SELECT 1 FROM users WHERE users.id = ends.end_id))");
        glue = " UNION ";
    }
    sql.text(") AS dangling ORDER BY id");
    sql.returning::<BigInt>().load(conn)
}

/// Rewrites all counts from the rows. The caller holds a lock against writes.
pub(in crate::store) fn recount(conn: &mut Conn) -> QueryResult<()> {
    counts::count_all(conn)?;
    for statement in [
        "DELETE FROM counts_of_users",
        "INSERT INTO counts_of_users (is_enabled, access_level, n) SELECT is_enabled, access_level, COUNT(*) FROM users GROUP BY is_enabled, access_level",
    ] {
        Sql::new(statement).returning::<()>().execute(conn)?;
    }
    Ok(())
}

/// Locks out all other writers until the transaction ends.
pub(in crate::store) fn lock_all(conn: &mut Conn) -> QueryResult<()> {
    dialect::lock_all(conn)
}

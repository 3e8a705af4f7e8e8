//! Every kept count against the rows, and edges whose ends are missing.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, SmallInt};

use super::rows::{Drift, UserDrift};
use super::sql::Sql;
use super::{Conn, counts, dialect, retired};

const ENDS: [(&str, &str); 2] = [
    (
        "SELECT user_id, type_id, n AS kept, 0 AS found FROM counts_by_user",
        "SELECT user_id, type_id, 0 AS kept, 1 AS found FROM user_relationships",
    ),
    (
        "SELECT target_id AS user_id, type_id, n AS kept, 0 AS found FROM counts_by_target",
        "SELECT target_id AS user_id, type_id, 0 AS kept, 1 AS found FROM user_relationships",
    ),
];
const TYPES: (&str, &str) = (
    "SELECT 0 AS user_id, type_id, n AS kept, 0 AS found FROM counts_by_type",
    "SELECT 0 AS user_id, type_id, 0 AS kept, 1 AS found FROM user_relationships",
);

fn drifts(conn: &mut Conn, (kept, rows): (&'static str, &'static str)) -> QueryResult<Vec<Drift>> {
    let mut sql = Sql::new(
        "SELECT CAST(user_id AS BIGINT), type_id, CAST(SUM(kept) AS BIGINT), CAST(SUM(found) AS BIGINT) FROM (",
    );
    sql.text(kept).text(" UNION ALL ").text(rows);
    sql.text(") AS lines GROUP BY user_id, type_id HAVING SUM(kept) <> SUM(found) ORDER BY user_id, type_id");
    sql.returning::<(BigInt, SmallInt, BigInt, BigInt)>().load(conn)
}

/// Counts by owner that are off.
pub(in crate::store) fn by_user(conn: &mut Conn) -> QueryResult<Vec<Drift>> {
    drifts(conn, ENDS[0])
}

/// Counts by target that are off.
pub(in crate::store) fn by_target(conn: &mut Conn) -> QueryResult<Vec<Drift>> {
    drifts(conn, ENDS[1])
}

/// Counts by type that are off.
pub(in crate::store) fn by_type(conn: &mut Conn) -> QueryResult<Vec<Drift>> {
    drifts(conn, TYPES)
}

/// Counts of users that are off.
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

/// Ids of relationships with an end that is no user.
pub(in crate::store) fn dangling(conn: &mut Conn) -> QueryResult<Vec<i64>> {
    let mut sql = Sql::new("SELECT id FROM user_relationships AS r");
    sql.text(" WHERE NOT EXISTS (SELECT 1 FROM users WHERE users.id = r.user_id)");
    sql.text(" OR NOT EXISTS (SELECT 1 FROM users WHERE users.id = r.target_id) ORDER BY id");
    sql.returning::<BigInt>().load(conn)
}

/// Removes the relationships of these ids without counting: the counts are made anew afterwards.
pub(in crate::store) fn delete_dangling(conn: &mut Conn, ids: &[i64]) -> QueryResult<usize> {
    if let Some(largest) = ids.iter().max() {
        retired::retire_relationships(conn, *largest)?;
    }
    let mut sql = Sql::new("DELETE FROM user_relationships WHERE ");
    sql.in_values("id", ids, Sql::integer);
    sql.returning::<()>().execute(conn)
}

/// Makes all counts anew from the rows, under a lock that lets nobody change them meanwhile.
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

/// Keeps everybody else from writing until the transaction ends.
pub(in crate::store) fn lock_all(conn: &mut Conn) -> QueryResult<()> {
    dialect::lock_all(conn)
}

//! Queries that compare the stored counts with the rows and find relationships without a user at an end.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, SmallInt};

use super::rows::{Drift, UserDrift};
use super::sql::Sql;
use super::{Conn, counts, dialect};

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

/// Wrong counts by owner.
pub(in crate::store) fn by_user(conn: &mut Conn) -> QueryResult<Vec<Drift>> {
    drifts(conn, ENDS[0])
}

/// Wrong counts by target.
pub(in crate::store) fn by_target(conn: &mut Conn) -> QueryResult<Vec<Drift>> {
    drifts(conn, ENDS[1])
}

/// Wrong counts by type.
pub(in crate::store) fn by_type(conn: &mut Conn) -> QueryResult<Vec<Drift>> {
    drifts(conn, TYPES)
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

/// Ids of relationships without a user at an end.
pub(in crate::store) fn dangling(conn: &mut Conn) -> QueryResult<Vec<i64>> {
    let mut sql = Sql::new("SELECT id FROM user_relationships AS r");
    sql.text(" WHERE NOT EXISTS (SELECT 1 FROM users WHERE users.id = r.user_id)");
    sql.text(" OR NOT EXISTS (SELECT 1 FROM users WHERE users.id = r.target_id) ORDER BY id");
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

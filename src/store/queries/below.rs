//! The users below a user in types that are trees. Only this module and `stored_edges` change what is stored.

use diesel::QueryResult;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable};

use super::columns::Column;
use super::rules::push_type;
use super::sql::Sql;
use super::{Conn, bulk, dialect, edge_tables};

/// What is stored of the users below some users: user, number and height. Users without a row have nobody below them.
pub(in crate::store) fn find(conn: &mut Conn, kind: i16, users: &[i64]) -> QueryResult<Vec<(i64, i64, i32)>> {
    if let ([_, _, ..], true) = (users, dialect::HAS_LATERAL) {
        return find_each(kind, users).returning::<(BigInt, BigInt, Integer)>().load(conn);
    }
    let mut sql = Sql::new("SELECT user_id, n, height FROM counts_below WHERE type_id = ");
    sql.small(kind).text(" AND ").in_ids("user_id", users);
    sql.returning::<(BigInt, BigInt, Integer)>().load(conn)
}

/// One index lookup for each user. For `= ANY` PostgreSQL might read all of a new tree, which its statistics do not know
/// yet. `OFFSET 0` keeps it from joining; with `LIMIT 1` it would plan to read the table while that is still empty, and
/// keep that plan.
fn find_each(kind: i16, users: &[i64]) -> Sql {
    let mut sql = Sql::new("SELECT b.user_id, b.n, b.height FROM ");
    sql.table(vec![Column::Integers(users.to_vec())]);
    sql.text(" CROSS JOIN LATERAL (SELECT user_id, n, height FROM counts_below WHERE user_id = given.column1");
    sql.text(" AND type_id = ").small(kind).text(" OFFSET 0) AS b");
    sql
}

/// Adds users below others: for each a number and the length of the longest path through the added relationships.
pub(in crate::store) fn add(conn: &mut Conn, kind: i16, added: &[(i64, i64, i32)]) -> QueryResult<()> {
    for some in added.chunks(bulk::ROWS) {
        let columns = vec![
            Column::Integers(some.iter().map(|(user, ..)| *user).collect()),
            Column::Integers(some.iter().map(|(_, n, _)| *n).collect()),
            Column::Integers(some.iter().map(|(.., height)| i64::from(*height)).collect()),
            Column::Smalls(vec![kind; some.len()]),
        ];
        let mut sql = Sql::new("INSERT INTO counts_below (user_id, n, height, type_id) ");
        sql.source(columns).text(" ON CONFLICT (type_id, user_id) DO UPDATE SET n = counts_below.n + excluded.n, ");
        sql.text("height = CASE WHEN excluded.height > counts_below.height THEN excluded.height ELSE counts_below.height END");
        sql.returning::<()>().execute(conn)?;
    }
    Ok(())
}

/// Subtracts a number of users from those below others.
pub(in crate::store) fn subtract(conn: &mut Conn, kind: i16, users: &[i64], n: i64) -> QueryResult<()> {
    let mut sql = Sql::new("UPDATE counts_below SET n = n - ");
    sql.integer(n).text(" WHERE type_id = ").small(kind).text(" AND ");
    sql.in_list("user_id", bulk::ValueList::of_integers(users));
    sql.returning::<()>().execute(conn).map(drop)
}

/// Writes the height of a user.
pub(in crate::store) fn set_height(conn: &mut Conn, kind: i16, user: i64, height: i32) -> QueryResult<()> {
    let mut sql = Sql::new("UPDATE counts_below SET height = ");
    sql.integer(height.into()).text(" WHERE type_id = ").small(kind).text(" AND user_id = ").integer(user);
    sql.returning::<()>().execute(conn).map(drop)
}

/// Removes what is stored of the users below a user.
pub(in crate::store) fn remove(conn: &mut Conn, kind: i16, user: i64) -> QueryResult<()> {
    let mut sql = Sql::new("DELETE FROM counts_below WHERE type_id = ");
    sql.small(kind).text(" AND user_id = ").integer(user);
    sql.returning::<()>().execute(conn).map(drop)
}

/// Whether a user directly below another one has at least this height. It ends at the first one.
pub(in crate::store) fn has_owner_of_height(conn: &mut Conn, kind: i16, user: i64, height: i32) -> QueryResult<bool> {
    let mut sql = Sql::new("SELECT EXISTS (SELECT 1 FROM ");
    sql.text(edge_tables::of_type()).text(" AS r");
    sql.text(dialect::by_index!("user_relationships_in_by_type"));
    if height > 0 {
        sql.text(" JOIN counts_below AS b ON b.type_id = r.type_id AND b.user_id = r.user_id AND b.height >= ");
        sql.integer(height.into());
    }
    sql.text(" WHERE ");
    push_type(&mut sql, "r.type_id", kind);
    sql.text(" AND r.target_id = ").integer(user).text(")");
    sql.returning::<Bool>().get_result(conn)
}

/// The largest height of the users directly below another one; `None` if there are none.
pub(in crate::store) fn largest_height(conn: &mut Conn, kind: i16, user: i64) -> QueryResult<Option<i32>> {
    let mut sql = Sql::new("SELECT MAX(COALESCE(b.height, 0)) FROM ");
    sql.text(edge_tables::of_type()).text(" AS r");
    sql.text(dialect::by_index!("user_relationships_in_by_type"));
    sql.text(" LEFT JOIN counts_below AS b ON b.type_id = r.type_id AND b.user_id = r.user_id WHERE ");
    push_type(&mut sql, "r.type_id", kind);
    sql.text(" AND r.target_id = ").integer(user);
    sql.returning::<Nullable<Integer>>().get_result(conn)
}

//! Queries of all edges of a type, and of the counts below, which are computed from them.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Integer};

use super::columns::Column;
use super::rows::CountBelowRow;
use super::schema::{counts_below, relationship_type_locks};
use super::sql::Sql;
use super::{Conn, bulk, dialect, edge_tables};

/// Locks the rules of the type with that name, and its writers, until the transaction ends. Returns the number of the
/// type; `None` if there is no such type.
pub(in crate::store) fn lock_rules(conn: &mut Conn, name: &str) -> QueryResult<Option<i16>> {
    use relationship_type_locks::dsl;
    let Some(kind) = dialect::lock_rules(conn, name)? else { return Ok(None) };
    // An earlier release registers types without this row.
    diesel::insert_into(dsl::relationship_type_locks)
        .values(dsl::type_id.eq(kind))
        .on_conflict(dsl::type_id)
        .do_update()
        .set(dsl::revision.eq(dsl::revision + 1))
        .execute(conn)?;
    Ok(Some(kind))
}

/// At most `limit` edges of a type after an id, by id: id, owner and target.
pub(in crate::store) fn page(conn: &mut Conn, kind: i16, id: i64, limit: i64) -> QueryResult<Vec<(i64, i64, i64)>> {
    let mut sql = Sql::new("SELECT id, user_id, target_id FROM ");
    sql.text(edge_tables::of_type());
    sql.text(dialect::by_index!("user_relationships_by_type")).text(" WHERE type_id = ").small(kind);
    sql.text(" AND id > ").integer(id).text(" ORDER BY id LIMIT ").integer(limit);
    sql.returning::<(BigInt, BigInt, BigInt)>().load(conn)
}

/// The counts below of a type, by user.
pub(in crate::store) fn counts_below(conn: &mut Conn, kind: i16) -> QueryResult<Vec<CountBelowRow>> {
    let mut sql = Sql::new("SELECT user_id, n, height FROM counts_below WHERE type_id = ");
    sql.small(kind).text(" ORDER BY user_id");
    sql.returning::<(BigInt, BigInt, Integer)>().load(conn)
}

/// Replaces the counts below of a type. The caller holds the locks of its rules, or a lock against all writes.
pub(in crate::store) fn replace_counts_below(conn: &mut Conn, kind: i16, rows: &[CountBelowRow]) -> QueryResult<()> {
    diesel::delete(counts_below::table.filter(counts_below::type_id.eq(kind))).execute(conn)?;
    for some in rows.chunks(bulk::ROWS) {
        let columns = vec![
            Column::Smalls(vec![kind; some.len()]),
            Column::Integers(some.iter().map(|(user, _, _)| *user).collect()),
            Column::Integers(some.iter().map(|(_, n, _)| *n).collect()),
            Column::Integers(some.iter().map(|(_, _, height)| i64::from(*height)).collect()),
        ];
        let mut sql = Sql::new("INSERT INTO counts_below (type_id, user_id, n, height) ");
        sql.source(columns);
        sql.returning::<()>().execute(conn)?;
    }
    Ok(())
}

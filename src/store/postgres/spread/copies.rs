//! All copies: compared with the rows, and made again from them.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use crate::store::postgres::conn::Conn;

/// What a copy must have: its table and columns, and those of the rows, as SQL.
const COPIES: [(&str, &str, &str, &str); 4] = [
    ("relationships_by_target", EDGE, "user_relationships", EDGE),
    ("relationships_by_type", EDGE, "user_relationships", EDGE),
    ("relationship_owners", "id, user_id", "user_relationships", "id, user_id"),
    ("user_emails", "email_key, user_id", "users", "email_key, id"),
];
const EDGE: &str = "id, version, user_id, target_id, type_id, created_at, updated_at";

/// The names of the copies that differ from the rows. The shards compute a sum over their rows, so that nothing but that is
/// sent.
pub(in crate::store) fn differing(conn: &mut Conn) -> QueryResult<Vec<&'static str>> {
    let mut differing = Vec::new();
    for (copy, columns, rows, originals) in COPIES {
        if sum(conn, copy, columns)? != sum(conn, rows, originals)? {
            differing.push(copy);
        }
    }
    Ok(differing)
}

fn sum(conn: &mut Conn, table: &str, columns: &str) -> QueryResult<(i64, Option<String>)> {
    diesel::dsl::sql::<(BigInt, Nullable<Text>)>(&format!(
        "SELECT COUNT(*), CAST(SUM(hash_record_extended(ROW({columns}), 0)) AS TEXT) FROM {table}"
    ))
    .get_result(conn)
}

/// The statements that make all copies again. The caller holds a lock against writes.
pub(in crate::store) fn statements() -> impl Iterator<Item = String> {
    COPIES.into_iter().flat_map(|(copy, columns, rows, originals)| {
        [format!("DELETE FROM {copy}"), format!("INSERT INTO {copy} ({columns}) SELECT {originals} FROM {rows}")]
    })
}

/// Makes all copies again. The caller holds a lock against writes.
pub(in crate::store) fn rebuild(conn: &mut Conn) -> QueryResult<()> {
    statements().try_for_each(|statement| diesel::sql_query(statement).execute(conn).map(drop))
}

//! The keys of users: compared with what the key functions of this release return, and computed again.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::columns::Column;
use super::schema::{computed_data, users};
use super::sql::Sql;
use super::{Conn, bulk, dialect};
use crate::model::key;
use crate::store::fault::{self, Fault};
use crate::store::key_rows::{KeyColumns, KeyFunctions, UserKeyRow, UserKeys};

/// The name of the row in `computed_data`.
const NAME: &str = "keys";
/// How many rows a batch reads. Each may have a profile of 64 KiB.
pub(in crate::store) const BATCH: i64 = 250;
/// How often a batch runs when other instances write the same users or addresses at the same moment.
const ATTEMPTS: u32 = 5;

type KeyColumnTypes = (BigInt, BigInt, Text, Nullable<Text>, Nullable<Text>, Nullable<Text>, Text, Text, Text, Text);

/// Whether the keys of all rows were computed by the key functions of this release or of a later one.
pub(in crate::store) fn is_current(conn: &mut Conn) -> QueryResult<bool> {
    let version: Option<i64> = computed_data::table.find(NAME).select(computed_data::version).first(conn).optional()?;
    Ok(version.is_some_and(|version| version >= key::VERSION))
}

/// Records which functions computed the keys of all rows.
pub(in crate::store) fn set_functions(conn: &mut Conn, functions: KeyFunctions) -> QueryResult<()> {
    let version = functions.version();
    diesel::insert_into(computed_data::table)
        .values((computed_data::name.eq(NAME), computed_data::version.eq(version)))
        .on_conflict(computed_data::name)
        .do_update()
        .set(computed_data::version.eq(version))
        .execute(conn)
        .map(drop)
}

/// At most `limit` users after an id, by id, with the keys that these functions compute.
pub(in crate::store) fn page(
    conn: &mut Conn,
    after: i64,
    limit: i64,
    functions: KeyFunctions,
) -> QueryResult<Vec<UserKeyRow>> {
    let mut sql = Sql::new("SELECT id, version, email, first_name, last_name, alt_id, profile, email_key, name_key, ");
    sql.text(if functions.has_search_key() { "search_key" } else { "'' AS search_key" });
    sql.text(" FROM users WHERE id > ").integer(after).text(" ORDER BY id LIMIT ").integer(limit);
    let rows: Vec<KeyColumns> = sql.returning::<KeyColumnTypes>().load(conn)?;
    Ok(rows.into_iter().map(UserKeyRow::from).collect())
}

/// The user that has a key.
pub(in crate::store) fn holder(conn: &mut Conn, email_key: &str) -> QueryResult<Option<i64>> {
    users::table.filter(users::email_key.eq(email_key)).select(users::id).first(conn).optional()
}

/// Writes the keys of rows that have not changed since they were read. The key of an address stays as it is while
/// another user has it.
pub(in crate::store) fn put(
    conn: &mut Conn,
    rows: &[(&UserKeyRow, UserKeys)],
    functions: KeyFunctions,
) -> QueryResult<()> {
    for (row, keys) in rows.iter().filter(|(row, keys)| row.keys.email != keys.email) {
        if holder(conn, &keys.email)?.is_none() {
            let (id, row_keys) = (row.id, &row.keys);
            let row = users::table.filter(users::id.eq(row.id).and(users::version.eq(row.version)));
            if diesel::update(row).set(users::email_key.eq(&keys.email)).execute(conn)? == 1 && dialect::is_spread() {
                move_email(conn, (&row_keys.email, &keys.email), id)?;
            }
        }
    }
    for some in rows.chunks(bulk::ROWS) {
        let texts =
            |text: fn(&UserKeys) -> &String| Column::Texts(some.iter().map(|(_, keys)| text(keys).clone()).collect());
        let columns = vec![
            Column::Integers(some.iter().map(|(row, _)| row.id).collect()),
            Column::Integers(some.iter().map(|(row, _)| row.version).collect()),
            texts(|keys| &keys.name),
            texts(|keys| &keys.search),
        ];
        let mut sql = Sql::new("UPDATE users SET name_key = given.column3");
        sql.text(if functions.has_search_key() { ", search_key = given.column4" } else { "" });
        sql.text(" FROM ").table(columns).text(" WHERE users.id = given.column1 AND users.version = given.column2");
        sql.returning::<()>().execute(conn)?;
    }
    Ok(())
}

/// Moves an address to another key, which must be free.
fn move_email(conn: &mut Conn, (from, to): (&str, &str), user: i64) -> QueryResult<()> {
    let mut sql = Sql::new("DELETE FROM user_emails WHERE email_key = ");
    sql.string(from.to_owned());
    sql.returning::<()>().execute(conn)?;
    let mut sql = Sql::new("INSERT INTO user_emails (email_key, user_id) VALUES (");
    sql.string(to.to_owned()).text(", ").integer(user).text(")");
    sql.returning::<()>().execute(conn).map(drop)
}

/// Computes the keys of all users and writes those that differ, a transaction for each batch.
pub(in crate::store) fn compute_all(conn: &mut Conn, functions: KeyFunctions) -> QueryResult<()> {
    let mut last = i64::MIN;
    let mut attempts = 0;
    loop {
        let rows = page(conn, last, BATCH, functions)?;
        let Some(end) = rows.last().map(|row| row.id) else { return Ok(()) };
        let computed = rows.iter().map(|row| (row, row.compute_with(functions)));
        let differing: Vec<_> = computed.filter(|(row, keys)| row.keys != *keys).collect();
        let written = match &*differing {
            [] => Ok(()),
            rows => conn.transaction(|conn| put(conn, rows, functions)),
        };
        match written {
            Ok(()) => (last, attempts) = (end, 0),
            Err(error) if attempts < ATTEMPTS && fault::classify(&error).0 == Fault::Conflict => attempts += 1,
            Err(error) => return Err(error),
        }
    }
}

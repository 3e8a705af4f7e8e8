//! The keys of users: compared with what the key functions of this release return, and computed again.

use diesel::prelude::*;

use super::Conn;
use super::schema::{computed_data, users};
use crate::model::key;
use crate::store::fault::{self, Fault};
use crate::store::rows::{UserKeyRow, UserKeys};

/// The name of the row in `computed_data`.
const NAME: &str = "keys";
/// How many rows a batch reads.
pub(in crate::store) const BATCH: i64 = 1_000;
/// How often a batch runs when other instances write the same users or addresses at the same moment.
const ATTEMPTS: u32 = 5;

type KeyColumns = (i64, i64, String, Option<String>, Option<String>, String, String);

/// Whether the keys of all rows were computed by the key functions of this release or of a later one.
pub(in crate::store) fn is_current(conn: &mut Conn) -> QueryResult<bool> {
    let version: Option<i64> = computed_data::table.find(NAME).select(computed_data::version).first(conn).optional()?;
    Ok(version.is_some_and(|version| version >= key::VERSION))
}

/// Records that the keys of all rows were computed.
pub(in crate::store) fn set_current(conn: &mut Conn) -> QueryResult<()> {
    diesel::insert_into(computed_data::table)
        .values((computed_data::name.eq(NAME), computed_data::version.eq(key::VERSION)))
        .on_conflict(computed_data::name)
        .do_update()
        .set(computed_data::version.eq(key::VERSION))
        .execute(conn)
        .map(drop)
}

/// At most `limit` users after an id, by id, with their keys.
pub(in crate::store) fn page(conn: &mut Conn, after: i64, limit: i64) -> QueryResult<Vec<UserKeyRow>> {
    let columns = (
        users::id,
        users::version,
        users::email,
        users::first_name,
        users::last_name,
        users::email_key,
        users::name_key,
    );
    let rows: Vec<KeyColumns> =
        users::table.filter(users::id.gt(after)).order(users::id).limit(limit).select(columns).load(conn)?;
    let row = |(id, version, email, first_name, last_name, email_key, name_key)| UserKeyRow {
        id,
        version,
        email,
        first_name,
        last_name,
        keys: UserKeys { email: email_key, name: name_key },
    };
    Ok(rows.into_iter().map(row).collect())
}

/// The user that has a key.
pub(in crate::store) fn holder(conn: &mut Conn, email_key: &str) -> QueryResult<Option<i64>> {
    users::table.filter(users::email_key.eq(email_key)).select(users::id).first(conn).optional()
}

/// Writes the keys of a row that has not changed since it was read. The key of the address stays as it is while another
/// user has it.
pub(in crate::store) fn put(conn: &mut Conn, row: &UserKeyRow, keys: &UserKeys) -> QueryResult<()> {
    let is_free = keys.email == row.keys.email || holder(conn, &keys.email)?.is_none();
    let email_key = if is_free { &keys.email } else { &row.keys.email };
    diesel::update(users::table.filter(users::id.eq(row.id).and(users::version.eq(row.version))))
        .set((users::email_key.eq(email_key), users::name_key.eq(&keys.name)))
        .execute(conn)
        .map(drop)
}

/// Computes the keys of all users and writes those that differ, a transaction for each batch.
pub(in crate::store) fn compute_all(conn: &mut Conn, compute: fn(&UserKeyRow) -> UserKeys) -> QueryResult<()> {
    let mut last = i64::MIN;
    let mut attempts = 0;
    loop {
        let rows = page(conn, last, BATCH)?;
        let Some(end) = rows.last().map(|row| row.id) else { return Ok(()) };
        let differing = rows.iter().map(|row| (row, compute(row))).filter(|(row, keys)| row.keys != *keys);
        let differing: Vec<_> = differing.collect();
        let written = match &*differing {
            [] => Ok(()),
            rows => conn.transaction(|conn| rows.iter().try_for_each(|(row, keys)| put(conn, row, keys))),
        };
        match written {
            Ok(()) => (last, attempts) = (end, 0),
            Err(error) if attempts < ATTEMPTS && fault::classify(&error).0 == Fault::Conflict => attempts += 1,
            Err(error) => return Err(error),
        }
    }
}

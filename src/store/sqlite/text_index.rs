//! The index of texts of users.
//!
//! # Design
//! Triggers note which users wait for the index, so that every way to write a user is covered. Searches read these users
//! beside the index. The writer moves them when they are some, because FTS5 writes many users for little more than one.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::conn::Conn;

/// The most users that wait. A search compares each of them.
const MOST_WAITING: i64 = 64;
/// The most users that one transaction moves.
const MOST_MOVED: i64 = 1_000;

/// Moves some users into the index, in a transaction of its own, if many wait. Returns whether more of them wait.
///
/// # Errors
/// Those of SQLite; then the users wait on.
pub(super) fn move_some(conn: &mut Conn) -> QueryResult<bool> {
    if count_waiting(conn)? <= MOST_WAITING {
        return Ok(false);
    }
    conn.immediate_transaction(|conn| {
        move_users(conn, MOST_MOVED)?;
        Ok(count_waiting(conn)? > MOST_WAITING)
    })
}

/// Moves all users into the index that wait for it.
///
/// # Errors
/// Those of SQLite.
pub(in crate::store) fn move_all(conn: &mut Conn) -> QueryResult<()> {
    while count_waiting(conn)? > 0 {
        move_users(conn, MOST_MOVED)?;
    }
    Ok(())
}

fn count_waiting(conn: &mut Conn) -> QueryResult<i64> {
    let statement = "SELECT COUNT(*) FROM users_by_text_waiting";
    diesel::dsl::sql::<BigInt>(statement).get_result(conn)
}

fn move_users(conn: &mut Conn, most: i64) -> QueryResult<()> {
    let some = format!("(SELECT user_id FROM users_by_text_waiting ORDER BY user_id LIMIT {most})");
    conn.batch_execute(&format!(
        "DELETE FROM users_by_text WHERE rowid IN {some}; \
         INSERT INTO users_by_text (rowid, keys) SELECT id, name_key || char(10) || email_key || char(10) || search_key \
         FROM users WHERE id IN {some}; \
         DELETE FROM users_by_text_waiting WHERE user_id IN {some}"
    ))
}

//! The index of texts of users.
//!
//! # Design
//! Triggers note which users wait for the index, so that every way to write a user is covered. Searches read these users
//! beside the index. The writer moves them when they are some, because FTS5 writes many users for little more than one,
//! and in the transaction that it commits anyway, because a flush of the disk costs more than moving them.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::conn::{Conn, run};
use crate::model::error::Result;

diesel::table! {
    users_by_text_waiting (user_id) {
        user_id -> BigInt,
    }
}

/// The most users that wait, except after a load. A search compares each of them.
const MOST_WAITING: i64 = 64;
/// The most users that one transaction moves.
const MOST_MOVED: i64 = 1_000;

/// Moves users into the index, if many wait, in the transaction of some jobs before its commit.
///
/// # Errors
/// If the transaction cannot go on. If only moving fails, the users wait on.
pub(super) fn move_before_commit(conn: &mut Conn) -> Result<()> {
    if !count_waiting(conn).is_ok_and(|waiting| waiting > MOST_WAITING) {
        return Ok(());
    }
    run(conn, "SAVEPOINT texts")?;
    if let Err(error) = move_users(conn) {
        log::debug!("cannot index the texts of users: {error}");
        run(conn, "ROLLBACK TO texts")?;
    }
    run(conn, "RELEASE texts")
}

/// Moves all users into the index that wait for it after a load, if they are more than a transaction moves.
pub(super) fn move_after_load(conn: &mut Conn) {
    while count_waiting(conn).is_ok_and(|waiting| waiting > MOST_MOVED) {
        if let Err(error) = conn.immediate_transaction(move_users) {
            return log::debug!("cannot index the texts of users: {error}");
        }
    }
}

/// Moves all users into the index that wait for it.
///
/// # Errors
/// Those of SQLite.
pub(in crate::store) fn move_all(conn: &mut Conn) -> QueryResult<()> {
    while count_waiting(conn)? > 0 {
        move_users(conn)?;
    }
    Ok(())
}

fn count_waiting(conn: &mut Conn) -> QueryResult<i64> {
    users_by_text_waiting::table.count().get_result(conn)
}

fn move_users(conn: &mut Conn) -> QueryResult<()> {
    let some = format!("(SELECT user_id FROM users_by_text_waiting ORDER BY user_id LIMIT {MOST_MOVED})");
    conn.batch_execute(&format!(
        "DELETE FROM users_by_text WHERE rowid IN {some}; \
         INSERT INTO users_by_text (rowid, keys) SELECT id, name_key || char(10) || email_key || char(10) || search_key \
         FROM users WHERE id IN {some}; \
         DELETE FROM users_by_text_waiting WHERE user_id IN {some}"
    ))
}

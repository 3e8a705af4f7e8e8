//! Where SQLite differs from PostgreSQL.

use diesel::QueryResult;

use super::conn::Conn;

/// One row: there is one writer at a time.
pub const TYPE_SLOTS: i64 = 1;

/// Names the index that a scan must use: without statistics the planner sometimes chooses another one and
/// reads every edge of a popular user.
macro_rules! by_index {
    ($index:literal) => {
        concat!(" INDEXED BY ", $index)
    };
}
pub(crate) use by_index;

/// Does nothing: write jobs run one at a time.
#[expect(clippy::unnecessary_wraps, reason = "the other database can fail here")]
pub fn lock_user(_conn: &mut Conn, _id: i64) -> QueryResult<()> {
    Ok(())
}

/// Does nothing: write jobs run one at a time.
#[expect(clippy::unnecessary_wraps, reason = "the other database can fail here")]
pub fn lock_user_row(_conn: &mut Conn, _id: i64) -> QueryResult<()> {
    Ok(())
}

/// Does nothing: write jobs run one at a time.
#[expect(clippy::unnecessary_wraps, reason = "the other database can fail here")]
pub fn lock_all(_conn: &mut Conn) -> QueryResult<()> {
    Ok(())
}

/// Does nothing: write jobs run one at a time.
#[expect(clippy::unnecessary_wraps, reason = "the other database can fail here")]
pub fn lock_types(_conn: &mut Conn) -> QueryResult<()> {
    Ok(())
}

/// Does nothing: write jobs run one at a time.
#[expect(clippy::unnecessary_wraps, reason = "the other database can fail here")]
pub fn lock_type_row(_conn: &mut Conn, _name: &str) -> QueryResult<()> {
    Ok(())
}

/// Does nothing: `AUTOINCREMENT` continues from the largest id ever used.
#[expect(clippy::unnecessary_wraps, reason = "the other database can fail here")]
pub fn advance_type_ids(_conn: &mut Conn, _id: i16) -> QueryResult<()> {
    Ok(())
}

/// Empty: write jobs run one at a time.
pub const SKIP_LOCKED: &str = "";

/// Runs the statement: there is no lock to wait for, since write jobs run one at a time.
pub fn wait_briefly<T>(conn: &mut Conn, run: impl FnOnce(&mut Conn) -> QueryResult<T>) -> QueryResult<T> {
    run(conn)
}

/// Does nothing: `AUTOINCREMENT` continues from the largest id ever used.
#[expect(clippy::unnecessary_wraps, reason = "the other database can fail here")]
pub fn advance_user_ids(_conn: &mut Conn, _id: i64) -> QueryResult<()> {
    Ok(())
}

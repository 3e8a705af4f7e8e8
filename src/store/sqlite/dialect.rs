//! Where SQLite differs from PostgreSQL.

use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::bulk::ROWS_OF_LOAD;
use super::conn::Conn;
use crate::model::database_problem::DatabaseProblem;
use crate::store::change_rows::change_columns;
use crate::store::common_trigrams::IndexedTrigrams;
use crate::store::schema::relationship_types;

/// Whether rows are spread over nodes: never.
pub const fn is_spread() -> bool {
    false
}

/// One row: there is one writer at a time.
pub const TYPE_SLOTS: i64 = 1;
/// The number of slots of `retired_relationship_ids`, which the migration creates.
pub const RETIRED_SLOTS: i64 = 32;

/// Why requests cannot be served from the database; `None` if nothing is wrong but perhaps the version of the schema.
pub fn find_problem(conn: &mut Conn) -> QueryResult<Option<DatabaseProblem>> {
    Ok((!has_schema(conn)?).then_some(DatabaseProblem::NoSchema))
}

/// Whether the database has the table of migrations.
pub fn has_schema(conn: &mut Conn) -> QueryResult<bool> {
    let name = "SELECT COUNT(*) > 0 FROM sqlite_schema WHERE name = '__diesel_schema_migrations'";
    diesel::dsl::sql::<Bool>(name).get_result(conn)
}

/// A statement is no round trip, and a subquery in `FROM` cannot depend on another table.
pub const HAS_LATERAL: bool = false;

/// A statement that inserts reports the number of rows that it has stored.
pub const COUNTS_STORED_ROWS: bool = true;

/// The number of the last change, as an SQL expression: numbers are those of `AUTOINCREMENT`.
pub const LAST_CHANGE_NUMBER: &str = "COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0)";

/// Does nothing: write jobs run one at a time.
#[expect(clippy::unnecessary_wraps, reason = "the other database can fail here")]
pub fn lock_change_log(_conn: &mut Conn) -> QueryResult<()> {
    Ok(())
}

/// Does nothing: write jobs run one at a time.
#[expect(clippy::unnecessary_wraps, reason = "the other database can fail here")]
pub fn lock_change_numbers(_conn: &mut Conn) -> QueryResult<()> {
    Ok(())
}

/// Whether each transaction of several jobs begins with reading whether changes are logged.
pub const IS_LOG_READ_FIRST: bool = true;
/// Stores the changes that follow. Each gets the next number.
pub const INSERT_CHANGES: &str = concat!("INSERT INTO changes (", change_columns!(), ") ");

/// The changes of each statement: as many as in a bulk load, and the rest one by one, so that two statements are enough.
pub fn statements_of<T>(changes: &[T]) -> impl Iterator<Item = &[T]> {
    let (many, rest) = changes.split_at(changes.len() - changes.len() % ROWS_OF_LOAD);
    many.chunks(ROWS_OF_LOAD).chain(rest.chunks(1))
}

/// The trigrams in the index of texts.
#[expect(clippy::unnecessary_wraps, reason = "the other database can fail here")]
pub const fn indexed_trigrams(_conn: &mut Conn) -> QueryResult<IndexedTrigrams> {
    Ok(IndexedTrigrams::All)
}

/// The conditions that find the users that contain all of these trigrams, or wait for the index: SQL, a value, SQL.
pub fn conditions_on_text_index(trigrams: &[String]) -> Vec<(&'static str, String, &'static str)> {
    let quoted: Vec<_> = trigrams.iter().map(|trigram| format!("\"{trigram}\"")).collect();
    let before = " AND id IN (SELECT user_id FROM users_by_text_waiting \
                  UNION ALL SELECT rowid FROM users_by_text WHERE users_by_text MATCH ";
    vec![(before, quoted.join(" "), ")")]
}

/// Whether a search would not find a user by the index.
pub const IS_MISSING_IN_TEXT_INDEX: &str = "id NOT IN (SELECT id FROM users_by_text_docsize) \
     AND id NOT IN (SELECT user_id FROM users_by_text_waiting)";

/// Has the users wait for the index whom no search would find by it.
pub fn add_to_text_index(conn: &mut Conn) -> QueryResult<()> {
    let statement = "INSERT INTO users_by_text_waiting (user_id) SELECT id FROM users WHERE";
    diesel::sql_query(format!("{statement} {IS_MISSING_IN_TEXT_INDEX}")).execute(conn).map(drop)
}

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

/// Returns the number of a type; it needs no lock, since write jobs run one at a time.
pub fn lock_rules(conn: &mut Conn, name: &str) -> QueryResult<Option<i16>> {
    let row = relationship_types::table.filter(relationship_types::name.eq(name));
    row.select(relationship_types::id).first(conn).optional()
}

/// Does nothing: `AUTOINCREMENT` continues from the largest id ever used.
#[expect(clippy::unnecessary_wraps, reason = "the other database can fail here")]
pub fn advance_type_ids(_conn: &mut Conn, _id: i16) -> QueryResult<()> {
    Ok(())
}

/// Empty: write jobs run one at a time.
pub const KEEP_RULES: &str = "";

/// Empty: write jobs run one at a time.
pub const LOCK_ROWS: &str = "";

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

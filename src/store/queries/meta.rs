//! The version of the schema, and the secrets of the database.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::Conn;
use super::dialect;
use super::schema::service_secrets::dsl;
use super::sql::Sql;
use crate::model::database_problem::DatabaseProblem;

/// Why requests cannot be served from the database; `None` if nothing is wrong but perhaps the version of the schema.
pub(in crate::store) fn find_problem(conn: &mut Conn) -> QueryResult<Option<DatabaseProblem>> {
    dialect::find_problem(conn)
}

/// The versions of all applied migrations. Unlike diesel's own query it writes nothing: commands must not create a table
/// in a database of another program, and the role of the service may not create any.
pub(in crate::store) fn versions(conn: &mut Conn) -> QueryResult<Vec<String>> {
    if !dialect::has_schema(conn)? {
        return Ok(Vec::new());
    }
    Sql::new("SELECT version FROM __diesel_schema_migrations").returning::<Text>().load(conn)
}

/// The version of the newest applied migration; `None` for an empty database.
pub(in crate::store) fn schema_version(conn: &mut Conn) -> QueryResult<Option<String>> {
    Sql::new("SELECT MAX(version) FROM __diesel_schema_migrations").returning::<Nullable<Text>>().get_result(conn)
}

/// The secret with that name.
pub(in crate::store) fn secret(conn: &mut Conn, name: &str) -> QueryResult<Option<String>> {
    dsl::service_secrets.find(name).select(dsl::value).first(conn).optional()
}

/// Replaces the secret with that name.
pub(in crate::store) fn set_secret(conn: &mut Conn, name: &str, value: &str) -> QueryResult<usize> {
    let row = diesel::insert_into(dsl::service_secrets).values((dsl::name.eq(name), dsl::value.eq(value)));
    row.on_conflict(dsl::name).do_update().set(dsl::value.eq(value)).execute(conn)
}

/// Deletes the secret with that name.
pub(in crate::store) fn delete_secret(conn: &mut Conn, name: &str) -> QueryResult<usize> {
    diesel::delete(dsl::service_secrets.find(name)).execute(conn)
}

/// The rows of a table, or the values of a column that are not null. The names are those of migrations.
pub(in crate::store) fn count_values(conn: &mut Conn, table: &str, column: Option<&str>) -> QueryResult<i64> {
    let counted = column.map_or_else(|| "*".to_owned(), |column| format!("\"{column}\""));
    let row: CountRow = diesel::sql_query(format!("SELECT COUNT({counted}) AS n FROM \"{table}\"")).get_result(conn)?;
    Ok(row.n)
}

#[derive(QueryableByName)]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

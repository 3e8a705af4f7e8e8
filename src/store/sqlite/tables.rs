//! The tables of a database.

use diesel::prelude::*;
use diesel::sql_types::Text;

use super::conn::Conn;

#[derive(QueryableByName)]
struct ColumnRow {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
}

/// The columns of all tables of the service but those of the index of texts: table and column.
pub(in crate::store) fn columns(conn: &mut Conn) -> QueryResult<Vec<(String, String)>> {
    let statement = "SELECT t.name AS table_name, c.name AS column_name \
                     FROM sqlite_schema AS t, pragma_table_info(t.name) AS c \
                     WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite!_%' ESCAPE '!' AND t.name NOT LIKE '!_!_%' ESCAPE '!' \
                     AND t.name NOT GLOB 'users_by_text*'";
    let rows: Vec<ColumnRow> = diesel::sql_query(statement).load(conn)?;
    Ok(rows.into_iter().map(|row| (row.table_name, row.column_name)).collect())
}

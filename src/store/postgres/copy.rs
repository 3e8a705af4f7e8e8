//! One end of a copy in a PostgreSQL database.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::bulk::{drop_indexes, lock_for_load};
use super::conn::Conn;
use crate::store::copy::{
    ColumnKind, CopiedColumn, CopyEnd, CopyFailure, CopyTable, LastId, MOST_ROWS, RowPage, TABLES, names_of,
    table_names,
};
use crate::store::migrations::connect;
use crate::store::opening::OpenError;
use crate::store::url::PostgresUrl;

/// The connection.
pub(in crate::store) struct PostgresEnd(Conn);

impl PostgresEnd {
    /// Connects.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(url: &PostgresUrl) -> Result<Self, OpenError> {
        connect(url).map(Self)
    }

    /// The tables with generated ids.
    fn numbered(&mut self) -> QueryResult<Vec<&'static str>> {
        let numbered: Vec<String> = diesel::dsl::sql::<Text>(
            "SELECT CAST(table_name AS TEXT) FROM information_schema.columns \
             WHERE table_schema = current_schema() AND column_name = 'id' AND is_identity = 'YES'",
        )
        .load(&mut self.0)?;
        let is_numbered = |table: &CopyTable| numbered.iter().any(|name| name == table.name);
        Ok(TABLES.iter().filter(|table| is_numbered(table)).map(|table| table.name).collect())
    }
}

impl CopyEnd for PostgresEnd {
    fn columns(&mut self, table: CopyTable) -> QueryResult<Vec<CopiedColumn>> {
        let columns = "SELECT CAST(column_name AS TEXT), CAST(data_type AS TEXT) FROM information_schema.columns \
                       WHERE table_schema = current_schema() AND table_name = ";
        let order = " ORDER BY CAST(column_name AS TEXT) COLLATE \"C\"";
        let columns = diesel::dsl::sql::<(Text, Text)>(columns).bind::<Text, _>(table.name).sql(order);
        let columns: Vec<(String, String)> = columns.load(&mut self.0)?;
        Ok(columns.into_iter().map(CopiedColumn::from).collect())
    }

    fn count(&mut self, table: CopyTable) -> QueryResult<i64> {
        let more = if table.name == "changes" { " + (SELECT COUNT(*) FROM unnumbered_changes)" } else { "" };
        let count = format!("SELECT (SELECT COUNT(*) FROM {}){more}", table.name);
        diesel::dsl::sql::<BigInt>(&count).get_result(&mut self.0)
    }

    fn last_ids(&mut self) -> QueryResult<Vec<LastId>> {
        let last = |conn: &mut Conn, table| {
            let last = format!("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {table}_id_seq");
            let id = diesel::dsl::sql::<BigInt>(&last).get_result(conn)?;
            Ok(LastId { table, id })
        };
        let mut ids: Vec<_> =
            self.numbered()?.into_iter().map(|table| last(&mut self.0, table)).collect::<QueryResult<_>>()?;
        let number = "SELECT last_number + (SELECT COUNT(*) FROM unnumbered_changes) FROM change_log";
        let id = diesel::dsl::sql::<BigInt>(number).get_result(&mut self.0)?;
        ids.push(LastId { table: "changes", id });
        Ok(ids)
    }

    fn begin_reading(&mut self) -> QueryResult<()> {
        self.0.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1 FROM change_log")
    }

    fn read(
        &mut self,
        table: CopyTable,
        columns: &[CopiedColumn],
        write: &mut dyn FnMut(&str) -> Result<(), CopyFailure>,
    ) -> Result<(), CopyFailure> {
        let values: Vec<_> = columns.iter().map(value_of).collect();
        let (values, rows) = (values.join(", "), rows_of(table, columns));
        self.0
            .batch_execute(&format!(
                "DECLARE copied NO SCROLL CURSOR FOR \
                 SELECT CAST(json_build_array({values}) AS TEXT) FROM {rows} AS rows ORDER BY {}",
                table.order
            ))
            .map_err(CopyFailure::Source)?;
        let mut page = RowPage::default();
        loop {
            let fetch = format!("FETCH FORWARD {MOST_ROWS} FROM copied");
            let rows: Vec<String> = diesel::dsl::sql::<Text>(&fetch).load(&mut self.0).map_err(CopyFailure::Source)?;
            for row in &rows {
                page.add(row, &mut *write)?;
            }
            if rows.len() < MOST_ROWS {
                break;
            }
        }
        page.flush(write)?;
        self.0.batch_execute("CLOSE copied").map_err(CopyFailure::Source)
    }

    fn begin_writing(&mut self) -> QueryResult<bool> {
        self.0.batch_execute("BEGIN")?;
        lock_for_load(&mut self.0)
    }

    fn drop_indexes(&mut self) -> QueryResult<Vec<String>> {
        drop_indexes(&mut self.0, &table_names())
    }

    fn clear(&mut self, table: CopyTable) -> QueryResult<()> {
        self.0.batch_execute(&format!("DELETE FROM {}", table.name))
    }

    fn write(&mut self, table: CopyTable, columns: &[CopiedColumn], rows: &str) -> QueryResult<()> {
        let (name, names) = (table.name, names_of(columns));
        let values = columns.iter().enumerate().map(|(place, column)| match column.kind() {
            ColumnKind::Plain => format!("CAST(value ->> {place} AS {})", column.sql_type),
            ColumnKind::Flag => format!("value ->> {place} = '1'"),
            ColumnKind::Bytes => format!("decode(value ->> {place}, 'hex')"),
        });
        let values = values.collect::<Vec<_>>().join(", ");
        diesel::sql_query(format!(
            "INSERT INTO {name} ({names}) SELECT {values} FROM json_array_elements(CAST($1 AS json))"
        ))
        .bind::<Text, _>(rows)
        .execute(&mut self.0)
        .map(drop)
    }

    fn set_last_ids(&mut self, last: &[LastId]) -> QueryResult<()> {
        let numbered = self.numbered()?;
        for LastId { table, id } in last.iter().filter(|last| numbered.contains(&last.table)) {
            let set = format!("SELECT setval('{table}_id_seq', GREATEST({id}, 1), {id} > 0)");
            self.0.batch_execute(&set)?;
        }
        Ok(())
    }

    fn finish(&mut self, indexes: &[String]) -> QueryResult<()> {
        indexes.iter().try_for_each(|index| self.0.batch_execute(index))?;
        self.0.batch_execute(&format!("ANALYZE {}; COMMIT", table_names().join(", ")))
    }
}

/// The rows of a table that are copied. Changes without a number get the numbers that follow, as
/// [`number`](super::change_numbers::number) would give them.
fn rows_of(table: CopyTable, columns: &[CopiedColumn]) -> String {
    match table.name {
        "changes" => {
            let numbered = columns.iter().map(|column| match column.name.as_str() {
                "n" => "(SELECT last_number FROM change_log) + ROW_NUMBER() OVER sets".to_owned(),
                "at" => "GREATEST((SELECT last_at FROM change_log), MAX(at) OVER sets)".to_owned(),
                name => format!("\"{name}\""),
            });
            let numbered = numbered.collect::<Vec<_>>().join(", ");
            format!(
                "(SELECT {} FROM changes UNION ALL SELECT {numbered} FROM unnumbered_changes \
                 WINDOW sets AS (ORDER BY set_id, place))",
                names_of(columns)
            )
        }
        "change_log" => "(SELECT id, is_on, last_number + (SELECT COUNT(*) FROM unnumbered_changes) AS last_number, \
             GREATEST(last_at, (SELECT MAX(at) FROM unnumbered_changes)) AS last_at, horizon_number, horizon_at, \
             horizon_fingerprint FROM change_log)"
            .to_owned(),
        name => name.to_owned(),
    }
}

/// The value of a column as it travels, as an SQL expression.
fn value_of(column: &CopiedColumn) -> String {
    let name = &column.name;
    match column.kind() {
        ColumnKind::Plain => format!("\"{name}\""),
        ColumnKind::Flag => format!("CAST(\"{name}\" AS INTEGER)"),
        ColumnKind::Bytes => format!("encode(\"{name}\", 'hex')"),
    }
}

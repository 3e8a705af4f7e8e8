//! One end of a copy in an SQLite file.

use std::path::Path;

use diesel::connection::{DefaultLoadingMode, SimpleConnection};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::bulk::{drop_indexes, prepare_to_recreate};
use super::conn::{Conn, connect};
use super::dialect::LAST_CHANGE_NUMBER;
use super::text_index::move_all;
use crate::store::copy::{
    ColumnKind, CopiedColumn, CopyEnd, CopyFailure, CopyTable, LastId, RowPage, TABLES, names_of, table_names,
};
use crate::store::opening::OpenError;

/// The connection.
pub(in crate::store) struct SqliteEnd(Conn);

impl SqliteEnd {
    /// Opens a file that exists.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        connect(path, false).map(Self)
    }
}

impl CopyEnd for SqliteEnd {
    fn columns(&mut self, table: CopyTable) -> QueryResult<Vec<CopiedColumn>> {
        let columns = "SELECT name, type FROM pragma_table_info(";
        let columns = diesel::dsl::sql::<(Text, Text)>(columns).bind::<Text, _>(table.name).sql(") ORDER BY name");
        let columns: Vec<(String, String)> = columns.load(&mut self.0)?;
        Ok(columns.into_iter().map(CopiedColumn::from).collect())
    }

    fn count(&mut self, table: CopyTable) -> QueryResult<i64> {
        diesel::dsl::sql::<BigInt>(&format!("SELECT COUNT(*) FROM {}", table.name)).get_result(&mut self.0)
    }

    fn last_ids(&mut self) -> QueryResult<Vec<LastId>> {
        let last: Vec<(String, i64)> =
            diesel::dsl::sql::<(Text, BigInt)>("SELECT name, seq FROM sqlite_sequence").load(&mut self.0)?;
        let known = |(name, id): (String, i64)| {
            let table = TABLES.iter().find(|table| table.name == name)?.name;
            Some(LastId { table, id })
        };
        Ok(last.into_iter().filter_map(known).filter(|last| last.id > 0).collect())
    }

    fn begin_reading(&mut self) -> QueryResult<()> {
        self.0.batch_execute("BEGIN; SELECT 1 FROM change_log")
    }

    fn read(
        &mut self,
        table: CopyTable,
        columns: &[CopiedColumn],
        write: &mut dyn FnMut(&str) -> Result<(), CopyFailure>,
    ) -> Result<(), CopyFailure> {
        let values: Vec<_> = columns.iter().map(|column| value_of(table, column)).collect();
        let select = format!("SELECT json_array({}) FROM {} ORDER BY {}", values.join(", "), table.name, table.order);
        let query = diesel::dsl::sql::<Text>(&select);
        let rows = query.load_iter::<String, DefaultLoadingMode>(&mut self.0).map_err(CopyFailure::Source)?;
        let mut page = RowPage::default();
        for row in rows {
            page.add(&row.map_err(CopyFailure::Source)?, &mut *write)?;
        }
        page.flush(write)
    }

    fn begin_writing(&mut self) -> QueryResult<bool> {
        self.0.batch_execute("BEGIN IMMEDIATE").map(|()| true)
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
            ColumnKind::Plain | ColumnKind::Flag => format!("value ->> {place}"),
            ColumnKind::Bytes => format!("unhex(value ->> {place})"),
        });
        let values = values.collect::<Vec<_>>().join(", ");
        diesel::sql_query(format!("INSERT INTO {name} ({names}) SELECT {values} FROM json_each(?)"))
            .bind::<Text, _>(rows)
            .execute(&mut self.0)
            .map(drop)
    }

    fn set_last_ids(&mut self, last: &[LastId]) -> QueryResult<()> {
        for LastId { table, id } in last {
            self.0.batch_execute(&format!(
                "DELETE FROM sqlite_sequence WHERE name = '{table}'; \
                 INSERT INTO sqlite_sequence (name, seq) VALUES ('{table}', {id})"
            ))?;
        }
        Ok(())
    }

    fn finish(&mut self, indexes: &[String]) -> QueryResult<()> {
        prepare_to_recreate(&mut self.0)?;
        indexes.iter().try_for_each(|index| self.0.batch_execute(index))?;
        move_all(&mut self.0)?;
        self.0.batch_execute("COMMIT")
    }
}

/// The value of a column as it travels, as an SQL expression.
fn value_of(table: CopyTable, column: &CopiedColumn) -> String {
    match (table.name, column.name.as_str()) {
        ("change_log", "last_number") => LAST_CHANGE_NUMBER.to_owned(),
        ("change_log", "last_at") => "COALESCE((SELECT at FROM changes ORDER BY n DESC LIMIT 1), last_at)".to_owned(),
        (_, name) if column.kind() == ColumnKind::Bytes => format!("hex(\"{name}\")"),
        (_, name) => format!("\"{name}\""),
    }
}

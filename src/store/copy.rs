//! Copies all data of a database into an empty one, on either engine.
//!
//! # Design
//! The source is read in one snapshot, and the target is written in one transaction, so that a copy is whole or absent.
//! Some rows travel as one text, a JSON array of rows, which one engine writes and the other one reads: values stay
//! exact, and no table needs code of its own. Indexes are created when the rows are stored.

mod failure;
mod tables;

use diesel::QueryResult;

pub use failure::CopyFailure;
pub(in crate::store) use tables::{
    ColumnKind, CopiedColumn, CopyTable, MOST_ROWS, RowPage, TABLES, names_of, table_names,
};

use super::migrations::{self, Step};
use super::opening::OpenError;
use super::spread_rows;
use super::url::DatabaseUrl;
use super::{files, postgres, sqlite};

/// A table that was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopiedTable {
    /// Its name.
    pub name: &'static str,
    /// The number of its rows.
    pub rows: i64,
}

/// The largest id that a table with generated ids has given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct LastId {
    pub table: &'static str,
    pub id: i64,
}

/// A connection to one end of a copy.
pub(in crate::store) trait CopyEnd {
    /// The columns of a table, in an order that is the same in all databases.
    fn columns(&mut self, table: CopyTable) -> QueryResult<Vec<CopiedColumn>>;
    /// The number of the rows that are copied.
    fn count(&mut self, table: CopyTable) -> QueryResult<i64>;
    /// The largest ids that the tables have given.
    fn last_ids(&mut self) -> QueryResult<Vec<LastId>>;

    /// Begins to read one snapshot.
    fn begin_reading(&mut self) -> QueryResult<()>;
    /// Reads all rows of a table, in pages.
    fn read(
        &mut self,
        table: CopyTable,
        columns: &[CopiedColumn],
        write: &mut dyn FnMut(&str) -> Result<(), CopyFailure>,
    ) -> Result<(), CopyFailure>;

    /// Begins to write; false if others use the database or the caller may not change its indexes.
    fn begin_writing(&mut self) -> QueryResult<bool>;
    /// Drops the indexes of all tables, and returns the statements that create them.
    fn drop_indexes(&mut self) -> QueryResult<Vec<String>>;
    /// Deletes all rows of a table.
    fn clear(&mut self, table: CopyTable) -> QueryResult<()>;
    /// Stores a page of rows.
    fn write(&mut self, table: CopyTable, columns: &[CopiedColumn], rows: &str) -> QueryResult<()>;
    /// Lets the tables give larger ids than these.
    fn set_last_ids(&mut self, last: &[LastId]) -> QueryResult<()>;
    /// Creates the indexes and commits.
    fn finish(&mut self, indexes: &[String]) -> QueryResult<()>;
}

/// Copies all data of a database into an empty one. Creates the target, if it is an SQLite file, and its schema.
/// `report` gets each table when it is copied.
///
/// # Errors
/// [`CopyFailure`]; then the target has no data.
pub fn copy(from: &DatabaseUrl, to: &DatabaseUrl, mut report: impl FnMut(CopiedTable)) -> Result<(), CopyFailure> {
    check_source(from)?;
    let mut source = open(from)?;
    source.begin_reading().map_err(CopyFailure::Source)?;
    prepare_target(to)?;
    let mut target = open(to)?;
    if !target.begin_writing().map_err(CopyFailure::Target)? {
        return Err(in_use());
    }
    require_empty(&mut *target)?;
    let indexes = target.drop_indexes().map_err(CopyFailure::Target)?;
    for table in TABLES.into_iter().rev().filter(|table| table.is_seeded) {
        target.clear(table).map_err(CopyFailure::Target)?;
    }
    for table in TABLES {
        copy_table(&mut *source, &mut *target, table)?;
        report(compare(&mut *source, &mut *target, table)?);
    }
    let last = source.last_ids().map_err(CopyFailure::Source)?;
    target.set_last_ids(&last).and_then(|()| target.finish(&indexes)).map_err(CopyFailure::Target)?;
    drop(target);
    files::checkpoint_wal(to);
    Ok(())
}

fn open(url: &DatabaseUrl) -> Result<Box<dyn CopyEnd>, CopyFailure> {
    Ok(match url {
        DatabaseUrl::Sqlite(path) => Box::new(sqlite::copy::SqliteEnd::open(path)?),
        DatabaseUrl::Postgres(url) => Box::new(postgres::copy::PostgresEnd::open(url)?),
    })
}

/// Requires that the source has exactly the schema of this release.
fn check_source(from: &DatabaseUrl) -> Result<(), CopyFailure> {
    let steps = migrations::status(from)?;
    refuse_newer("source", &steps)?;
    if !steps.iter().any(|step| step.is_applied) {
        return Err(OpenError::NoSchema(from.to_string()).into());
    }
    if steps.iter().all(|step| step.is_applied) {
        return Ok(());
    }
    Err(CopyFailure::Unsuitable(format!(
        "the schema of the source is older than this release; run `migrate run --database-url {from}` first"
    )))
}

/// Creates the schema of the target, if it has none or an older one. No other process may use an SQLite file.
fn prepare_target(to: &DatabaseUrl) -> Result<(), CopyFailure> {
    if let DatabaseUrl::Sqlite(path) = to
        && path.exists()
        && !files::has_exclusive_access(to)
    {
        return Err(in_use());
    }
    migrations::run(to, true)?;
    spread_rows::require_one_server(to)?;
    refuse_newer("target", &migrations::status(to)?)
}

fn refuse_newer(end: &str, steps: &[Step]) -> Result<(), CopyFailure> {
    let unknown: Vec<_> = steps.iter().filter(|step| !step.is_known).map(|step| step.name.as_str()).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(CopyFailure::Unsuitable(format!(
        "the {end} has migrations that this release does not know ({}); use the release that applied them",
        unknown.join(", ")
    )))
}

fn in_use() -> CopyFailure {
    CopyFailure::Unsuitable(
        "the target is in use or behind a pooler, or its tables belong to another role: stop the service and all other \
         clients of it, and connect directly and as the owner"
            .to_owned(),
    )
}

fn require_empty(target: &mut dyn CopyEnd) -> Result<(), CopyFailure> {
    for table in TABLES.into_iter().filter(|table| !table.is_seeded) {
        let rows = target.count(table).map_err(CopyFailure::Target)?;
        if rows > 0 {
            return Err(CopyFailure::Unsuitable(format!(
                "the target is not empty: its table `{}` has {rows} rows; copy into a new database",
                table.name
            )));
        }
    }
    Ok(())
}

fn copy_table(source: &mut dyn CopyEnd, target: &mut dyn CopyEnd, table: CopyTable) -> Result<(), CopyFailure> {
    let from = source.columns(table).map_err(CopyFailure::Source)?;
    let to = target.columns(table).map_err(CopyFailure::Target)?;
    if !from.iter().map(|column| &column.name).eq(to.iter().map(|column| &column.name)) {
        let name = table.name;
        return Err(CopyFailure::Unsuitable(format!(
            "the table `{name}` has other columns in the target: {}, and in the source: {}",
            names_of(&to),
            names_of(&from)
        )));
    }
    source.read(table, &from, &mut |rows| target.write(table, &to, rows).map_err(CopyFailure::Target))
}

fn compare(source: &mut dyn CopyEnd, target: &mut dyn CopyEnd, table: CopyTable) -> Result<CopiedTable, CopyFailure> {
    let rows = source.count(table).map_err(CopyFailure::Source)?;
    let copied = target.count(table).map_err(CopyFailure::Target)?;
    if rows == copied {
        return Ok(CopiedTable { name: table.name, rows });
    }
    Err(CopyFailure::Different { table: table.name, source: rows, target: copied })
}

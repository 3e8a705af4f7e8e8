//! Reverts the newest migration, and finds out before what that deletes.
//!
//! # Design
//! The plan comes from an SQLite database in memory, in which the same migrations run up to the newest and back: both
//! databases have the same tables. So nothing is locked in the database itself before an operator has agreed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use diesel::migration::MigrationVersion;
use diesel_migrations::MigrationHarness;

use super::key_rows::KeyFunctions;
use super::migrations::{
    EARLIER_KEYS, KEYS, MigrationFailure, POSTGRES, SQLITE, connect, texts, under_lock, wait_for_migrations,
};
use super::opening::OpenError;
use super::spread_rows;
use super::url::DatabaseUrl;
use super::{postgres, sqlite};

/// What reverting the newest migration deletes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevertPlan {
    /// The version of the migration.
    pub version: String,
    /// The tables and columns that are deleted.
    pub losses: Vec<RevertLoss>,
}

/// A table or a column that is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevertLoss {
    /// The table.
    pub table: String,
    /// The column; `None` for the whole table.
    pub column: Option<String>,
    /// The number of rows, or of values that are not null.
    pub rows: i64,
}

/// The columns of each table.
type Tables = BTreeMap<String, BTreeSet<String>>;

/// Finds out what reverting the newest migration deletes; `None` if no migration is applied.
///
/// # Errors
/// [`OpenError`] when the database cannot be reached, or a later release has run its newest migration.
pub fn plan(url: &DatabaseUrl) -> Result<Option<RevertPlan>, OpenError> {
    spread_rows::require_one_server(url)?;
    match url {
        DatabaseUrl::Sqlite(path) => {
            let mut conn = sqlite::conn::connect(path, false)?;
            let versions = sqlite::queries::meta::versions(&mut conn);
            plan_from(versions, |table, column| sqlite::queries::meta::count_values(&mut conn, table, column))
        }
        DatabaseUrl::Postgres(url) => {
            let mut conn = connect(url)?;
            let versions = postgres::queries::meta::versions(&mut conn);
            plan_from(versions, |table, column| postgres::queries::meta::count_values(&mut conn, table, column))
        }
    }
}

fn plan_from(
    versions: diesel::QueryResult<Vec<String>>,
    mut count: impl FnMut(&str, Option<&str>) -> diesel::QueryResult<i64>,
) -> Result<Option<RevertPlan>, OpenError> {
    let Some(version) = versions.map_err(MigrationFailure::from)?.into_iter().max() else { return Ok(None) };
    let mut losses = Vec::new();
    for (table, column) in find_losses(&version)? {
        let rows = count(&table, column.as_deref()).map_err(MigrationFailure::from)?;
        losses.push(RevertLoss { table, column, rows });
    }
    Ok(Some(RevertPlan { version, losses }))
}

/// The tables and columns that the migration with that version has added.
fn find_losses(version: &str) -> Result<Vec<(String, Option<String>)>, OpenError> {
    let in_memory = Path::new(":memory:");
    let mut conn = sqlite::conn::establish(in_memory).map_err(|error| OpenError::Schema(error.to_string()))?;
    loop {
        if !conn.has_pending_migration(SQLITE).map_err(MigrationFailure)? {
            let later = "was applied by a later release; revert it with that release";
            return Err(OpenError::Schema(format!("the newest migration `{version}` {later}")));
        }
        if conn.run_next_migration(SQLITE).map_err(MigrationFailure)?.to_string() == version {
            break;
        }
    }
    let before = read_tables(&mut conn)?;
    conn.revert_last_migration(SQLITE).map_err(MigrationFailure)?;
    Ok(subtract(&before, &read_tables(&mut conn)?))
}

fn read_tables(conn: &mut sqlite::conn::Conn) -> Result<Tables, OpenError> {
    let mut tables = Tables::new();
    for (table, column) in sqlite::tables::columns(conn).map_err(MigrationFailure::from)? {
        tables.entry(table).or_default().insert(column);
    }
    Ok(tables)
}

/// The tables that only `before` has, and the columns that only its tables have.
fn subtract(before: &Tables, after: &Tables) -> Vec<(String, Option<String>)> {
    let losses = before.iter().flat_map(|(table, columns)| match after.get(table) {
        None => vec![(table.clone(), None)],
        Some(kept) => columns.difference(kept).map(|column| (table.clone(), Some(column.clone()))).collect(),
    });
    losses.collect()
}

/// Reverts the newest migration, which must be that of a [`plan`].
///
/// # Errors
/// [`OpenError`] when the database cannot be reached, the migration cannot be reverted, or another process has changed
/// the schema since.
pub fn run(url: &DatabaseUrl, plan: &RevertPlan) -> Result<(), OpenError> {
    match url {
        DatabaseUrl::Sqlite(path) => {
            let mut conn = sqlite::conn::connect(path, false)?;
            let revert = |conn: &mut sqlite::conn::Conn| {
                let applied = conn.applied_migrations().map_err(MigrationFailure)?;
                if let Some(functions) = functions_before(require_newest(&applied, plan)?) {
                    sqlite::queries::keys::set_functions(conn, functions)?;
                    sqlite::queries::keys::compute_all(conn, functions)?;
                }
                conn.revert_last_migration(SQLITE).map(drop).map_err(MigrationFailure)
            };
            wait_for_migrations(&mut conn)
                .and_then(|()| conn.immediate_transaction(revert))
                .map_err(|failure| failure.of_file(path))
        }
        DatabaseUrl::Postgres(url) => under_lock(url, |conn| {
            let applied = conn.applied_migrations().map_err(MigrationFailure)?;
            if let Some(functions) = functions_before(require_newest(&applied, plan)?) {
                // First, so that after an interruption the next run computes the current keys again.
                postgres::queries::keys::set_functions(conn, functions)?;
                postgres::queries::keys::compute_all(conn, functions)?;
            }
            conn.revert_last_migration(POSTGRES).map(drop).map_err(MigrationFailure)
        }),
    }
}

/// Refuses a schema whose newest migration is not that of the plan, and returns the version.
fn require_newest<'p>(
    applied: &[MigrationVersion<'_>],
    plan: &'p RevertPlan,
) -> std::result::Result<&'p str, MigrationFailure> {
    if texts(applied).into_iter().max().as_deref() == Some(&*plan.version) {
        return Ok(&plan.version);
    }
    Err(MigrationFailure("another process has migrated it meanwhile, and nothing was reverted; try again".into()))
}

/// The functions that computed the keys before a migration, if it changed them.
fn functions_before(version: &str) -> Option<KeyFunctions> {
    match version {
        KEYS => Some(KeyFunctions::CaseFolding),
        EARLIER_KEYS => Some(KeyFunctions::LowerCase),
        _ => None,
    }
}

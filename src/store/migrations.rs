//! Migrations of the schema: run and list. [`revert`](super::revert) reverts them.
//!
//! diesel takes no lock, so several machines that start at the same time would race. On SQLite all pending migrations
//! run in one immediate transaction; if none is pending nothing is locked, so that a service can start while an import
//! writes. On PostgreSQL a second connection holds an advisory lock in an open transaction, which also works behind
//! PgBouncer.

use std::path::Path;
use std::time::Duration;

use diesel::QueryResult;
use diesel::connection::SimpleConnection;
use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::key_rows::KeyFunctions;
use super::opening::OpenError;
use super::stepwise_migrations::StepwiseMigrations;
use super::url::{DatabaseUrl, PostgresUrl};
use super::{postgres, sqlite};
use crate::model::database_problem::DatabaseProblem;

pub(super) const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
pub(super) const POSTGRES: StepwiseMigrations = StepwiseMigrations(&embed_migrations!("migrations/postgres"));

/// The longest wait for a connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest wait for the write lock of an SQLite file.
const FILE_PATIENCE: Duration = Duration::from_secs(15);
/// How long a server may leave sent data unacknowledged.
const UNANSWERED: Duration = Duration::from_mins(1);

/// The advisory lock: a number that no other program is likely to lock in the same database.
const LOCK: i64 = 0x7573_6572_2d72_656c;

/// The migration after which the program computes the keys of users ([`crate::model::key`]).
pub(super) const KEYS: &str = "20261128200000";
/// The migration after which earlier releases compute them.
pub(super) const EARLIER_KEYS: &str = "20261128100000";

/// The name of the secret that signs cursors. A database has it from its first migration on, and so have its copies.
pub const CURSOR_SECRET: &str = "cursor";

/// A migration and whether the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The migration's name; its version if this release does not know it.
    pub name: String,
    /// Whether it is applied.
    pub is_applied: bool,
    /// Whether this release knows it. A later release has applied the others.
    pub is_known: bool,
}

/// The lowest version that this release works with, as `__diesel_schema_migrations` stores it.
#[must_use]
pub fn expected_version() -> String {
    names::<sqlite::conn::Db>(&SQLITE).unwrap_or_default().pop().map(|(version, _)| version).unwrap_or_default()
}

/// Whether this release works with a version of the schema. It works with later ones: a release runs on the schema of
/// the next release.
#[must_use]
pub fn is_new_enough(version: Option<&str>) -> bool {
    version.is_some_and(|found| found >= expected_version().as_str())
}

/// Runs all pending migrations and returns their names. Creates the SQLite file if `create`.
///
/// # Errors
/// [`OpenError`] when the database cannot be reached or a migration fails; then none of it was applied.
pub fn run(url: &DatabaseUrl, create: bool) -> Result<Vec<String>, OpenError> {
    match url {
        DatabaseUrl::Sqlite(path) => {
            let mut conn = sqlite::conn::connect(path, create)?;
            if is_complete_on_sqlite(&mut conn) {
                return Ok(Vec::new());
            }
            let migrate = |conn: &mut sqlite::conn::Conn| {
                let mut done =
                    conn.run_pending_migrations(SQLITE).map(|done| texts(&done)).map_err(MigrationFailure)?;
                conn.batch_execute(&fill_secrets()?)?;
                if !sqlite::queries::keys::is_current(conn)? {
                    sqlite::queries::keys::compute_all(conn, KeyFunctions::Current)?;
                    sqlite::queries::keys::set_functions(conn, KeyFunctions::Current)?;
                    push_keys(&mut done);
                }
                sqlite::text_index::move_all(conn)?;
                Ok::<_, MigrationFailure>(done)
            };
            wait_for_migrations(&mut conn)
                .and_then(|()| conn.immediate_transaction(migrate))
                .map_err(|failure| failure.of_file(path))
        }
        DatabaseUrl::Postgres(url) if is_complete_on_postgres(&mut connect(url)?)? => Ok(Vec::new()),
        DatabaseUrl::Postgres(url) => under_lock(url, |conn| {
            let mut done = conn.run_pending_migrations(POSTGRES).map(|done| texts(&done)).map_err(MigrationFailure)?;
            conn.batch_execute(&fill_secrets()?)?;
            let _layout = postgres::layout::find(conn)?.enter();
            if !postgres::queries::keys::is_current(conn)? {
                postgres::queries::keys::compute_all(conn, KeyFunctions::Current)?;
                postgres::queries::keys::set_functions(conn, KeyFunctions::Current)?;
                push_keys(&mut done);
            }
            Ok(done)
        }),
    }
}

/// All migrations that this release knows, in order, then those that only the database knows.
///
/// # Errors
/// [`OpenError`] when the database cannot be reached.
pub fn status(url: &DatabaseUrl) -> Result<Vec<Step>, OpenError> {
    let (known, applied, has_keys) = match url {
        DatabaseUrl::Sqlite(path) => {
            let mut conn = sqlite::conn::connect(path, false)?;
            let applied = sqlite::queries::meta::versions(&mut conn);
            (names::<sqlite::conn::Db>(&SQLITE), applied, sqlite::queries::keys::is_current(&mut conn))
        }
        DatabaseUrl::Postgres(url) => {
            let mut conn = connect(url)?;
            let applied = postgres::queries::meta::versions(&mut conn);
            (names::<postgres::conn::Db>(&POSTGRES), applied, postgres::queries::keys::is_current(&mut conn))
        }
    };
    let known = known.map_err(OpenError::from)?;
    let mut applied = applied.map_err(|error| OpenError::Schema(error.to_string()))?;
    // The migration includes work of the program, which is not done either while its table is missing.
    if !has_keys.unwrap_or_default() {
        applied.retain(|version| version != KEYS);
    }
    let is_unknown = |version: &String| known.iter().all(|(known, _)| known != version);
    let mut unknown: Vec<_> = applied.iter().filter(|version| is_unknown(version)).cloned().collect();
    unknown.sort_unstable();
    let unknown = unknown.into_iter().map(|name| Step { name, is_applied: true, is_known: false });
    let step = |(version, name)| Step { name, is_applied: applied.contains(&version), is_known: true };
    Ok(known.into_iter().map(step).chain(unknown).collect())
}

/// Whether there is nothing to do, found out without a write lock.
fn is_complete_on_sqlite(conn: &mut sqlite::conn::Conn) -> bool {
    // In this order: diesel creates its own table unless there is a schema already.
    let has_secret = sqlite::queries::meta::secret(conn, CURSOR_SECRET).is_ok_and(|secret| secret.is_some());
    let has_keys = sqlite::queries::keys::is_current(conn).unwrap_or_default();
    has_secret && has_keys && conn.has_pending_migration(SQLITE).is_ok_and(|is_pending| !is_pending)
}

/// Whether there is nothing to do, found out without privileges that the role of a service lacks.
///
/// # Errors
/// [`OpenError::Schema`] if there is something to do and the role cannot do it.
fn is_complete_on_postgres(conn: &mut postgres::conn::Conn) -> Result<bool, OpenError> {
    let applied = postgres::queries::meta::versions(conn).unwrap_or_default();
    let known = names::<postgres::conn::Db>(&POSTGRES)?;
    let has_secret = postgres::queries::meta::secret(conn, CURSOR_SECRET).is_ok_and(|secret| secret.is_some());
    let has_keys = postgres::queries::keys::is_current(conn).unwrap_or_default();
    if has_secret && has_keys && known.iter().all(|(version, _)| applied.contains(version)) {
        return Ok(true);
    }
    let problem = find_role_problem(conn).map_err(MigrationFailure::from)?;
    problem.map_or(Ok(false), |problem| Err(OpenError::Schema(problem)))
}

/// Why a role can neither use the schema nor change it; `None` if it may create tables.
fn find_role_problem(conn: &mut postgres::conn::Conn) -> QueryResult<Option<String>> {
    if postgres::inspection::has_schema(conn)?
        && let Some(problem @ DatabaseProblem::MissingPrivileges(_)) = postgres::inspection::find_problem(conn)?
    {
        return Ok(Some(problem.to_string()));
    }
    Ok(postgres::inspection::find_creation_problem(conn)?.map(ToOwned::to_owned))
}

/// Connects to PostgreSQL.
///
/// # Errors
/// [`OpenError::Unusable`] if the encoding is not UTF-8, [`OpenError::MixedStatements`], and those of connecting.
pub(super) fn connect(url: &PostgresUrl) -> Result<postgres::conn::Conn, OpenError> {
    postgres::pooler::check(url)?;
    let mut conn = postgres::sessions::connect_for_command(&url.with_limits(PATIENCE, UNANSWERED))?;
    let problem = postgres::inspection::check_encoding(&mut conn).map_err(MigrationFailure::from)?;
    problem.map_or(Ok(conn), |problem| Err(OpenError::Unusable(problem)))
}

/// Adds the migration of the keys to the list of migrations that ran, if only the work of the program was missing.
fn push_keys(done: &mut Vec<String>) {
    if !done.iter().any(|version| version == KEYS) {
        done.push(KEYS.to_owned());
    }
}

/// The statement that gives each secret its random value, once for the life of a database.
fn fill_secrets() -> Result<String, MigrationFailure> {
    let mut random = [0; 32];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| MigrationFailure("no random numbers".into()))?;
    let secret = hex(&random);
    Ok(format!(
        "INSERT INTO service_secrets (name, value) VALUES ('{CURSOR_SECRET}', '{secret}') ON CONFLICT (name) DO NOTHING"
    ))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Runs on PostgreSQL while no other process migrates.
///
/// # Errors
/// [`OpenError`] when the lock cannot be taken, and those of `migrate`.
pub(super) fn under_lock<T>(
    url: &PostgresUrl,
    migrate: impl FnOnce(&mut postgres::conn::Conn) -> Result<T, MigrationFailure>,
) -> Result<T, OpenError> {
    let mut guard = connect(url)?;
    let unlocked = |error: diesel::result::Error| OpenError::Schema(format!("no lock on the schema: {error}"));
    guard.batch_execute(&format!("BEGIN; SELECT pg_advisory_xact_lock({LOCK})")).map_err(unlocked)?;
    let result = migrate(&mut connect(url)?).map_err(OpenError::from);
    guard.batch_execute("COMMIT").map_err(unlocked)?;
    result
}

/// Version and name of each embedded migration, in order.
fn names<Db: diesel::backend::Backend>(
    source: &impl MigrationSource<Db>,
) -> Result<Vec<(String, String)>, MigrationFailure> {
    let migrations = source.migrations().map_err(MigrationFailure)?;
    let mut names: Vec<_> = migrations
        .iter()
        .map(|migration| (migration.name().version().to_string(), migration.name().to_string()))
        .collect();
    names.sort();
    Ok(names)
}

/// The versions as texts.
pub(super) fn texts(versions: &[MigrationVersion<'_>]) -> Vec<String> {
    versions.iter().map(ToString::to_string).collect()
}

/// Waits longer than other statements do: another process may be migrating a large file.
pub(super) fn wait_for_migrations(conn: &mut sqlite::conn::Conn) -> Result<(), MigrationFailure> {
    Ok(sqlite::conn::wait_for_writers(conn, FILE_PATIENCE)?)
}

/// An error inside a migration.
pub(super) struct MigrationFailure(pub(super) Box<dyn std::error::Error + Send + Sync>);

impl MigrationFailure {
    /// The error of a migration of an SQLite file.
    pub(super) fn of_file(self, path: &Path) -> OpenError {
        sqlite::conn::as_locked(path, &self.0, FILE_PATIENCE).unwrap_or_else(|| self.into())
    }
}

impl From<diesel::result::Error> for MigrationFailure {
    fn from(error: diesel::result::Error) -> Self {
        Self(Box::new(error))
    }
}

impl From<MigrationFailure> for OpenError {
    fn from(failure: MigrationFailure) -> Self {
        Self::Schema(failure.0.to_string())
    }
}

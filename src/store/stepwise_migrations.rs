//! Runs the statements of a migration one at a time.
//!
//! diesel sends a script in one message. Citus runs most statements of such a message, but refuses those that it sends on to
//! other servers, such as `CREATE INDEX`. Each migration is still one transaction.

use diesel::QueryResult;
use diesel::connection::{BoxableConnection, SimpleConnection};
use diesel::migration::{Migration, MigrationMetadata, MigrationName, MigrationSource, Result};
use diesel_migrations::EmbeddedMigrations;
use std::any::Any;
use std::fmt;

use super::postgres::conn::Db;
use super::sql_script;

/// The migrations of PostgreSQL.
#[derive(Clone, Copy)]
pub(super) struct StepwiseMigrations(pub(super) &'static EmbeddedMigrations);

impl MigrationSource<Db> for StepwiseMigrations {
    fn migrations(&self) -> Result<Vec<Box<dyn Migration<Db>>>> {
        let migrations = MigrationSource::<Db>::migrations(self.0)?;
        Ok(migrations.into_iter().map(|migration| Box::new(Stepwise(migration)) as Box<dyn Migration<Db>>).collect())
    }
}

struct Stepwise(Box<dyn Migration<Db>>);

impl Migration<Db> for Stepwise {
    fn run(&self, conn: &mut dyn BoxableConnection<Db>) -> Result<()> {
        let mut script = Script::default();
        self.0.run(&mut script)?;
        self.run_each(conn, &script.0)
    }

    fn revert(&self, conn: &mut dyn BoxableConnection<Db>) -> Result<()> {
        let mut script = Script::default();
        self.0.revert(&mut script)?;
        self.run_each(conn, &script.0)
    }

    fn metadata(&self) -> &dyn MigrationMetadata {
        self.0.metadata()
    }

    fn name(&self) -> &dyn MigrationName {
        self.0.name()
    }
}

impl Stepwise {
    fn run_each(&self, conn: &mut dyn BoxableConnection<Db>, script: &str) -> Result<()> {
        for statement in sql_script::split(script) {
            conn.batch_execute(statement).map_err(|cause| StatementFailure {
                migration: self.name().to_string(),
                line: statement.lines().next().unwrap_or_default().to_owned(),
                cause,
            })?;
        }
        Ok(())
    }
}

/// Takes the place of a connection, to learn the script of a migration, which is private to diesel.
#[derive(Debug, Default)]
struct Script(String);

impl SimpleConnection for Script {
    fn batch_execute(&mut self, script: &str) -> QueryResult<()> {
        self.0.push_str(script);
        Ok(())
    }
}

impl BoxableConnection<Db> for Script {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// Why a statement of a migration failed.
#[derive(Debug)]
struct StatementFailure {
    migration: String,
    line: String,
    cause: diesel::result::Error,
}

impl fmt::Display for StatementFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "migration {} failed and changed nothing, at `{}`: {}", self.migration, self.line, self.cause)
    }
}

impl std::error::Error for StatementFailure {}

//! Opens the database for commands.

use std::future::Future;
use std::time::Duration;

use super::command_error::CommandError;
use crate::clock::Clock;
use crate::config::Config;
use crate::store::migrations;
use crate::store::url::DatabaseUrl;
use crate::store::{OpenError, Settings, Store};

/// A command may read all data, so it has more time than a request.
const LONGEST_STATEMENT: Duration = Duration::from_hours(1);

/// What to do with a database without a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMissing {
    /// Create the schema: the command is about to write the first record.
    Create,
    /// Fail: there is nothing to read.
    Refuse,
}

/// Opens the database for one command.
///
/// It never migrates an existing schema, because older instances may be running on it.
///
/// # Errors
/// [`CommandError`] when the database is unreachable or its schema is older than this release needs.
pub fn open(config: &Config, fresh: IfMissing) -> Result<Store, CommandError> {
    let is_empty = match migrations::status(&config.database_url) {
        Ok(steps) if steps.iter().all(|step| step.is_applied) => false,
        Ok(steps) if steps.iter().any(|step| step.is_applied) => {
            return Err(CommandError::failed(
                "the schema of the database is older than this release; run `migrate run`",
            ));
        }
        Ok(_) if !may_create(config, fresh) => {
            return Err(CommandError::unreachable("the database has no schema yet; run `migrate run`"));
        }
        Err(error @ OpenError::Missing(_)) if fresh == IfMissing::Refuse => return Err(error.into()),
        Ok(_) | Err(OpenError::Missing(_)) => true,
        Err(error) => return Err(error.into()),
    };
    if is_empty {
        migrations::run(&config.database_url, true)?;
    }
    // Commands read from the primary: they may change what they read, and report the current state.
    let settings = Settings {
        replica: None,
        pool_size: 1,
        workers: 1,
        longest_statement: LONGEST_STATEMENT,
        longest_job: None,
        ..config.store_settings()
    };
    Ok(Store::open(&settings, Clock::System)?)
}

/// Whether the schema may be created; `--no-migrate` forbids it on PostgreSQL.
fn may_create(config: &Config, fresh: IfMissing) -> bool {
    fresh == IfMissing::Create && (config.migrate || matches!(config.database_url, DatabaseUrl::Sqlite(_)))
}

/// Runs a command's work to its end.
pub fn wait<T>(work: impl Future<Output = T>) -> T {
    let system = actix_web::rt::System::new();
    let result = system.block_on(work);
    // Dropping it would wait for abandoned jobs, such as one on a dead network connection.
    std::mem::forget(system);
    result
}

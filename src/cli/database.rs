//! Opens the database for commands.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use super::command_error::CommandError;
use crate::clock::Clock;
use crate::config::Config;
use crate::model::database_problem::DatabaseProblem;
use crate::store::migrations;
use crate::store::{self, OpenError, Settings, Store};

/// A command may read all data, so it has more time than a request.
const LONGEST_STATEMENT: Duration = Duration::from_hours(1);

/// Opens the database for one command.
///
/// It creates nothing, so that a mistyped path or a forgotten `DATABASE_URL` is noticed, and never migrates an existing
/// schema, because older instances may be running on it.
///
/// # Errors
/// [`CommandError`] when the database is missing, unreachable or unusable, or its schema is older than this release needs.
pub fn open(config: &Config) -> Result<Store, CommandError> {
    open_mapped(config, None)
}

/// As [`open`]; of an SQLite file each connection maps at most `mapped_bytes` into memory, which count as memory of the
/// process. `None` for as many as the service maps.
///
/// # Errors
/// As [`open`].
pub fn open_mapped(config: &Config, mapped_bytes: Option<u64>) -> Result<Store, CommandError> {
    let steps = migrations::status(&config.database_url)?;
    if !steps.iter().any(|step| step.is_applied && step.is_known) {
        return Err(match store::inspect(&config.database_url) {
            Some(problem @ DatabaseProblem::MissingPrivileges(_)) => CommandError::unreachable(problem),
            _ => OpenError::NoSchema(config.database_url.to_string()).into(),
        });
    }
    if !steps.iter().all(|step| step.is_applied) {
        return Err(CommandError::failed("the schema of the database is older than this release; run `migrate run`"));
    }
    // Commands read from the primary: they may change what they read, and report the current state.
    let settings = config.store_settings();
    let settings = Settings {
        mapped_bytes: mapped_bytes.unwrap_or(settings.mapped_bytes),
        replica: None,
        pool_size: 1,
        workers: 1,
        longest_statement: LONGEST_STATEMENT,
        longest_job: None,
        ..settings
    };
    Ok(Store::open(&settings, Clock::System)?)
}

/// Runs a command's work to its end.
pub fn wait<T>(work: impl Future<Output = T>) -> T {
    let system = actix_web::rt::System::new();
    // Compiled once for each type of result, not once for each command.
    let work: Pin<&mut dyn Future<Output = T>> = pin!(work);
    let result = system.block_on(work);
    // Dropping it would wait for abandoned jobs, such as one on a dead network connection.
    std::mem::forget(system);
    result
}

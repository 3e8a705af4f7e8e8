//! How commands come by a store.

use std::future::Future;
use std::time::Duration;

use super::failure::Failure;
use crate::clock::Clock;
use crate::config::Config;
use crate::store::migrations;
use crate::store::url::DatabaseUrl;
use crate::store::{OpenError, Settings, Store};

/// A command may look at everything, so it has more time than a request.
const LONGEST_STATEMENT: Duration = Duration::from_hours(1);

/// What becomes of a database that has no schema at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fresh {
    /// It gets one: the command is about to put the first thing into it.
    Create,
    /// It stays as it is: there is nothing to look at.
    Refuse,
}

/// Opens the database for one command.
///
/// A schema that is behind is never brought up to date on the way: older instances may be running on it.
///
/// # Errors
/// [`Failure`] when the database is away or its schema is not what this release needs.
pub fn open(config: &Config, fresh: Fresh) -> Result<Store, Failure> {
    let is_empty = match migrations::status(&config.database_url) {
        Ok(steps) if steps.iter().all(|step| step.is_applied) => false,
        Ok(steps) if steps.iter().any(|step| step.is_applied) => {
            return Err(Failure::failed("the schema of the database is behind this release; run `migrate run`"));
        }
        Ok(_) if !may_create(config, fresh) => {
            return Err(Failure::unreachable("the database has no schema yet; run `migrate run`"));
        }
        Err(error @ OpenError::Missing(_)) if fresh == Fresh::Refuse => return Err(error.into()),
        Ok(_) | Err(OpenError::Missing(_)) => true,
        Err(error) => return Err(error.into()),
    };
    if is_empty {
        migrations::run(&config.database_url, true)?;
    }
    // What a command reads it may be about to change, and it says how things are now.
    let settings = Settings {
        replica: None,
        pool_size: 1,
        workers: 1,
        longest_statement: LONGEST_STATEMENT,
        ..config.store_settings()
    };
    Ok(Store::open(&settings, Clock::System)?)
}

/// Whether an empty schema may be filled: `--no-migrate` keeps hands off PostgreSQL's.
fn may_create(config: &Config, fresh: Fresh) -> bool {
    fresh == Fresh::Create && (config.migrate || matches!(config.database_url, DatabaseUrl::Sqlite(_)))
}

/// Waits for the end of a command's work.
pub fn wait<T>(work: impl Future<Output = T>) -> T {
    let system = actix_web::rt::System::new();
    let result = system.block_on(work);
    // Dropping it would wait for jobs that nobody waits for any more, such as one that hangs in a dead network.
    std::mem::forget(system);
    result
}

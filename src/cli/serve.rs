//! `serve`: runs the service.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;

use super::command_error::CommandError;
use super::database;
use super::forms;
use super::migrate;
use crate::clock::Clock;
use crate::config::Config;
use crate::http::forms::config::catalogue::Catalogue;
use crate::model::database_problem::DatabaseProblem;
use crate::server::{self, ServerError};
use crate::store::url::DatabaseUrl;
use crate::store::{self, OpenError, Store};

/// Migrates the schema and serves until a signal stops it.
///
/// # Errors
/// [`CommandError`] when forms are invalid, the database is unreachable, its schema is unusable, or the address is in use.
pub fn run(config: &Config) -> Result<(), CommandError> {
    let forms = forms::load(config)?;
    let is_sqlite = matches!(config.database_url, DatabaseUrl::Sqlite(_));
    if is_sqlite || config.migrate {
        for name in migrate::apply(config)? {
            log::info!(migration = name.as_str(); "applied migration {name}");
        }
    }
    check_database(config)?;
    let store = Store::open(&config.store_settings(), Clock::System)?;
    warn_of_exposed_files(config);
    let engine = store.engine_name();
    listen(config, store, forms, |address| {
        let version = env!("CARGO_PKG_VERSION");
        log::info!(address:%, database = engine, version; "listening on http://{address}");
    })
}

/// Serves `store` until a signal stops it; `on_listening` gets the address.
///
/// # Errors
/// [`CommandError`] when the address cannot be bound, or the server fails.
pub fn listen(
    config: &Config,
    store: Store,
    forms: Arc<Catalogue>,
    on_listening: impl FnOnce(SocketAddr),
) -> Result<(), CommandError> {
    let ended = database::wait(server::serve(config, store, Clock::System, forms, on_listening));
    ended.map_err(|failed| match failed {
        ServerError::Listen { setting, address, error } => cannot_listen(setting, address, &error),
        ServerError::Io(error) => CommandError::failed(format!("the server failed: {error}")),
    })
}

/// Refuses a database that can never be used, or a pooler that returns wrong rows, and logs what an administrator of the database must change.
fn check_database(config: &Config) -> Result<(), CommandError> {
    match store::inspect(&config.database_url) {
        Some(problem @ DatabaseProblem::Encoding(_)) => Err(OpenError::Unusable(problem).into()),
        Some(DatabaseProblem::MixedStatements) => Err(store::mixed_statements().into()),
        Some(problem) => {
            log::warn!("not ready: {problem}");
            Ok(())
        }
        None => Ok(()),
    }
}

/// The files hold hashes of passwords and of tokens.
fn warn_of_exposed_files(config: &Config) {
    let files: Vec<_> =
        store::exposed_files(&config.database_url).iter().map(|path| format!("'{}'", path.display())).collect();
    if !files.is_empty() {
        let files = files.join(" ");
        log::warn!("other users of this machine can read or write the database; run `chmod 600 {files}`");
    }
}

fn cannot_listen(setting: &str, address: SocketAddr, error: &io::Error) -> CommandError {
    let flag = format!("--{}", setting.to_ascii_lowercase().replace('_', "-"));
    CommandError::failed(match error.kind() {
        ErrorKind::AddrInUse => {
            format!("`{setting}`: {address} is in use by another program; choose another with `{flag}`")
        }
        ErrorKind::AddrNotAvailable => {
            format!("`{setting}`: {address} is not an address of this machine; choose another with `{flag}`")
        }
        ErrorKind::PermissionDenied => {
            format!("`{setting}`: {address} requires more privileges; choose a port from 1024 with `{flag}`")
        }
        _ => format!("`{setting}`: cannot listen on {address}: {error}"),
    })
}

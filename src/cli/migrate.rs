//! `migrate`: migrates the schema.

use clap::Subcommand;

use super::command_error::CommandError;
use super::output;
use crate::config::Config;
use crate::store::migrations::{self, Step};

/// The arguments of `migrate`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  user-relationships migrate status
  user-relationships migrate run")]
pub struct MigrateArgs {
    #[command(subcommand)]
    action: MigrateAction,
}

#[derive(Debug, Subcommand)]
enum MigrateAction {
    /// Run all pending migrations; several machines may run it concurrently
    #[command(after_help = "Example:
  user-relationships migrate run --database-url postgres://owner@db/relationships")]
    Run,
    /// List all migrations with their state, `applied` or `pending`
    #[command(after_help = "Example:
  user-relationships migrate status")]
    Status,
    /// Revert the newest migration; data in its columns and tables is lost
    #[command(after_help = "Example:
  user-relationships migrate revert")]
    Revert,
}

/// Prints one line per migration that was applied, listed or reverted.
///
/// # Errors
/// [`CommandError`] when the database is unreachable or a migration fails.
pub fn run(config: &Config, args: &MigrateArgs) -> Result<(), CommandError> {
    let url = &config.database_url;
    match args.action {
        MigrateAction::Run => {
            let names = apply(config)?;
            if names.is_empty() {
                output::tell("the schema is up to date");
            }
            output::print(names.iter().map(|name| format!("applied {name}")))
        }
        MigrateAction::Status => output::print(migrations::status(url)?.iter().map(|step| {
            let state = if step.is_applied { "applied" } else { "pending" };
            format!("{state}  {}", step.name)
        })),
        MigrateAction::Revert => {
            let known = migrations::status(url)?;
            let name = migrations::revert(url)?.map(|version| name_of(&version, &known));
            if name.is_none() {
                output::tell("no migration is applied");
            }
            output::print(name.iter().map(|name| format!("reverted {name}")))
        }
    }
}

/// Runs all pending migrations and returns their names.
///
/// # Errors
/// [`CommandError`] when the database is unreachable or a migration fails.
pub fn apply(config: &Config) -> Result<Vec<String>, CommandError> {
    let versions = migrations::run(&config.database_url, true)?;
    if versions.is_empty() {
        return Ok(versions);
    }
    let known = migrations::status(&config.database_url)?;
    Ok(versions.iter().map(|version| name_of(version, &known)).collect())
}

/// The name of a version, which is the part of a name before the first `_`, without dashes.
fn name_of(version: &str, known: &[Step]) -> String {
    let is_it = |step: &&Step| step.name.split('_').next().is_some_and(|start| start.replace('-', "") == version);
    known.iter().find(is_it).map_or_else(|| version.to_owned(), |step| step.name.clone())
}

//! `migrate`: migrates the schema.

use clap::Subcommand;

use serde_json::json;

use super::command_error::CommandError;
use super::confirmation;
use super::list_format::ListFormat;
use super::output;
use crate::config::Config;
use crate::store::migrations::{self, Step};
use crate::store::revert::{self, RevertLoss};
use crate::store::spread_rows;
use crate::store::url::DatabaseUrl;

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
    #[command(after_help = "Examples:
  user-relationships migrate run --database-url postgres://owner@db/relationships
  user-relationships migrate run --citus --database-url postgres://owner@coordinator/relationships")]
    Run {
        /// Then spread the rows over the nodes of a Citus cluster, whose coordinator the URL names; no instance may run
        #[arg(long)]
        citus: bool,
    },
    /// List all migrations with their state: `applied`, `pending`, or `unknown` for those of a later release
    #[command(after_help = "Examples:
  user-relationships migrate status
  user-relationships migrate status --json")]
    Status {
        #[command(flatten)]
        format: ListFormat,
    },
    /// Revert the newest migration; data in its columns and tables is lost
    #[command(
        after_help = "Prints the tables and columns that are deleted, with the number of their rows, and asks at a terminal.
Elsewhere it needs `--yes`.

Example:
  user-relationships migrate revert --yes"
    )]
    Revert {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Prints one line per migration that was applied, listed or reverted.
///
/// # Errors
/// [`CommandError`] when the database is unreachable or a migration fails.
pub fn run(config: &Config, args: &MigrateArgs) -> Result<(), CommandError> {
    let url = &config.database_url;
    match args.action {
        MigrateAction::Run { citus } => {
            let names = apply(config)?;
            let is_spread = citus && spread_rows::run(url)?;
            if names.is_empty() && !is_spread {
                output::tell("the schema is up to date");
            }
            let spread = is_spread.then(|| "spread the rows over the nodes".to_owned());
            output::print(names.iter().map(|name| format!("applied {name}")).chain(spread))
        }
        MigrateAction::Status { format } => print_status(url, format),
        MigrateAction::Revert { yes } => revert(url, yes),
    }
}

fn print_status(url: &DatabaseUrl, format: ListFormat) -> Result<(), CommandError> {
    let steps = migrations::status(url)?;
    let line = |step: &Step| format!("{}  {}", state_of(step), step.name);
    format.print(&steps, line, |step| json!({ "migration": step.name, "state": state_of(step) }))?;
    if let Some(layout) = spread_rows::describe(url)? {
        output::tell(layout);
    }
    if steps.iter().any(|step| !step.is_known) {
        output::tell("a later release has applied the unknown migrations; only that release can revert them");
    }
    Ok(())
}

fn state_of(step: &Step) -> &'static str {
    match (step.is_known, step.is_applied) {
        (false, _) => "unknown",
        (true, true) => "applied",
        (true, false) => "pending",
    }
}

fn revert(url: &DatabaseUrl, is_confirmed: bool) -> Result<(), CommandError> {
    let Some(plan) = revert::plan(url)? else {
        output::tell("no migration is applied");
        return Ok(());
    };
    let name = name_of(&plan.version, &migrations::status(url)?);
    output::tell(&format!("reverting {name} deletes:"));
    if plan.losses.is_empty() {
        output::tell("  no table and no column");
    }
    plan.losses.iter().for_each(|loss| output::tell(&describe(loss)));
    if !is_confirmed && !confirmation::can_ask() {
        return Err(CommandError::usage("nothing was reverted: add `--yes`, or run the command at a terminal"));
    }
    if !is_confirmed {
        confirmation::ask(&format!("Revert {name}?"))?;
    }
    revert::run(url, &plan)?;
    output::print([format!("reverted {name}")])
}

/// A table or a column that is deleted, for people.
fn describe(loss: &RevertLoss) -> String {
    let RevertLoss { table, column, rows } = loss;
    match column {
        None => format!("  the table {table}, rows: {rows}"),
        Some(column) => format!("  the column {table}.{column}, values: {rows}"),
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

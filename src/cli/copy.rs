//! `copy`: copies all data of a database into an empty one.

use std::time::Instant;

use super::command_error::CommandError;
use super::output;
use super::progress::count;
use crate::store::copy::{CopyFailure, copy};
use crate::store::url::DatabaseUrl;

/// The arguments of `copy`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Copies users with their passwords, relationships with their ids and times, types, groups, tokens, sessions,
clients, transfers, the change log with its numbers, and secrets: tokens and cursors stay valid. The target must be empty
and unused; an SQLite file and the schema are created. The source may be in use, but later changes of it are not copied:
stop its service first when the target replaces it. A copy that fails leaves the target empty.

Examples:
  user-relationships copy --from sqlite://user-relationships.db --to postgres://owner@db/relationships
  user-relationships copy --from postgres://owner@db/relationships --to sqlite:///var/lib/copy.db"
)]
pub struct CopyArgs {
    /// The database to read
    #[arg(long, value_name = "URL")]
    from: String,
    /// The empty database to write
    #[arg(long, value_name = "URL")]
    to: String,
}

/// Prints the number of rows of each table that was copied.
///
/// # Errors
/// [`CommandError`] when a URL is invalid, a database is unreachable or unsuitable, or the copy fails.
pub fn run(args: &CopyArgs) -> Result<(), CommandError> {
    let (from, to) = (parse("--from", &args.from)?, parse("--to", &args.to)?);
    let (started, mut tables, mut rows) = (Instant::now(), Vec::new(), 0);
    copy(&from, &to, |table| {
        rows += table.rows;
        tables.push(table);
    })?;
    output::print(tables.iter().map(|table| format!("{}\t{}", table.name, table.rows)))?;
    let seconds = started.elapsed().as_secs_f64();
    let (rows, tables) = (count(u64::try_from(rows).unwrap_or_default(), "row"), tables.len());
    output::tell(&format!("copied {rows} of {tables} tables in {seconds:.1} s; all counts agree"));
    Ok(())
}

fn parse(option: &str, text: &str) -> Result<DatabaseUrl, CommandError> {
    DatabaseUrl::parse(text).map_err(|detail| CommandError::usage(format!("`{option}`: {detail}")))
}

impl From<CopyFailure> for CommandError {
    fn from(failure: CopyFailure) -> Self {
        match failure {
            CopyFailure::Open(error) => error.into(),
            failure if failure.is_connection_lost() => Self::unreachable(failure),
            failure => Self::failed(failure),
        }
    }
}

//! `check`: compares the stored counts and keys with the rows.

use super::command_error::CommandError;
use super::database;
use super::output;
use crate::config::Config;
use crate::store::{Cost, Report, Tx};

/// The arguments of `check`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Prints a line per problem, and exits 1 if there is any. `--repair` blocks all writers while it runs, and
exits 0 when the problems are repaired. Two users with the same e-mail address, spelled differently, are only reported:
change the address of one of them.

Examples:
  user-relationships check
  user-relationships check --repair"
)]
pub struct CheckArgs {
    /// Remove relationships with a missing end, recompute all counts, and recompute keys that are not current
    #[arg(long)]
    repair: bool,
}

/// Prints the problems, and repairs them with `--repair`.
///
/// # Errors
/// [`CommandError`] when problems remain, or the database is unreachable.
pub fn run(config: &Config, args: &CheckArgs) -> Result<(), CommandError> {
    let store = database::open(config)?;
    let report: Report = database::wait(async {
        if args.repair {
            store.write("check.repair", |tx: &mut Tx<'_>| tx.repair()).await
        } else {
            store.read("check", Cost::Unbounded, |tx: &mut Tx<'_>| tx.check()).await
        }
    })?;
    output::print(report.repairable.iter().chain(&report.collisions))?;
    let count = |lines: &[String]| match lines.len() {
        1 => "1 problem".to_owned(),
        many => format!("{many} problems"),
    };
    let collisions = match report.collisions.len() {
        0 => None,
        1 => Some("1 user shares its e-mail address with another; change the address of one of them".to_owned()),
        many => Some(format!("{many} users share their e-mail addresses with others; change one address of each pair")),
    };
    match (&*report.repairable, collisions, args.repair) {
        ([], None, _) => {
            output::tell("all counts and keys agree with the rows, and every relationship has both ends");
            Ok(())
        }
        ([], Some(collisions), _) => Err(CommandError::failed(collisions)),
        (lines, None, true) => {
            output::tell(&format!("{} repaired", count(lines)));
            Ok(())
        }
        (lines, Some(collisions), true) => {
            Err(CommandError::failed(format!("{} repaired; {collisions}", count(lines))))
        }
        (lines, collisions, false) => {
            let more = collisions.map(|collisions| format!("; {collisions}")).unwrap_or_default();
            Err(CommandError::failed(format!("{} found; run `check --repair` to repair{more}", count(lines))))
        }
    }
}

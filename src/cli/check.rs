//! `check`: compares the stored counts with the rows.

use super::database::{self, Fresh};
use super::failure::Failure;
use super::output;
use crate::config::Config;
use crate::store::{Cost, Report, Tx};

/// The arguments of `check`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Prints a line per problem, and exits 1 if there is any. `--repair` blocks all writers while it runs, and
exits 0 when the problems are repaired.

Examples:
  user-relationships check
  user-relationships check --repair"
)]
pub struct Args {
    /// Remove relationships with a missing end and recompute all counts
    #[arg(long)]
    repair: bool,
}

/// Prints the problems, and repairs them with `--repair`.
///
/// # Errors
/// [`Failure`] when problems remain, or the database is unreachable.
pub fn run(config: &Config, args: &Args) -> Result<(), Failure> {
    let store = database::open(config, Fresh::Refuse)?;
    let report: Report = database::wait(async {
        if args.repair {
            store.write("check.repair", |tx: &mut Tx<'_>| tx.repair()).await
        } else {
            store.read("check", Cost::Unbounded, |tx: &mut Tx<'_>| tx.check()).await
        }
    })?;
    output::print(&report.0)?;
    let found = match report.0.len() {
        0 => {
            output::tell("all counts agree with the rows, and every relationship has both ends");
            return Ok(());
        }
        1 => "1 problem".to_owned(),
        many => format!("{many} problems"),
    };
    if args.repair {
        output::tell(&format!("{found} repaired"));
        return Ok(());
    }
    Err(Failure::failed(format!("{found} found; run `check --repair` to repair")))
}

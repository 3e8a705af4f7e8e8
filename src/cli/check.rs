//! `check`: the stored counts against the rows.

use super::database::{self, Fresh};
use super::failure::Failure;
use super::output;
use crate::config::Config;
use crate::store::{Cost, Report, Tx};

/// What to do about what is off.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Prints a line for everything that is off, and exits 1 if there is any. Mending holds all writers
up while it runs, and exits 0 once all is well.

Examples:
  user-relationships check
  user-relationships check --repair"
)]
pub struct Args {
    /// Remove relationships whose ends are missing and make all counts anew
    #[arg(long)]
    repair: bool,
}

/// Prints what is off, and mends it when told to.
///
/// # Errors
/// [`Failure`] when something is off and stays so, or the database is away.
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
        1 => "1 thing is off".to_owned(),
        many => format!("{many} things are off"),
    };
    if args.repair {
        output::tell(&format!("{found} and mended now"));
        return Ok(());
    }
    Err(Failure::failed(format!("{found}; `check --repair` mends that")))
}

//! `secret`: the secrets of the database.

use clap::Subcommand;

use super::client::hex;
use super::command_error::CommandError;
use super::database;
use super::output;
use crate::config::Config;
use crate::model::change::ChangeOrigin;
use crate::model::error::Error;
use crate::store::{Tx, migrations};

/// Bytes of a secret.
const SECRET_BYTES: usize = 32;

/// The arguments of `secret`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  user-relationships secret rotate")]
pub struct SecretArgs {
    #[command(subcommand)]
    action: SecretAction,
}

#[derive(Debug, Subcommand)]
enum SecretAction {
    /// Replace the secret that signs cursors; earlier cursors are refused by all instances within 2 s
    #[command(
        after_help = "Clients that read pages start again from the first one (400 `invalid-cursor`), and readers of changes get
410 `cursor-expired` and read the lists again. Nothing is printed on stdout: the secret stays in the database.

Example:
  user-relationships secret rotate"
    )]
    Rotate,
}

/// Runs one of the actions.
///
/// # Errors
/// [`CommandError`] when the database is unreachable.
pub fn run(config: &Config, args: &SecretArgs) -> Result<(), CommandError> {
    match args.action {
        SecretAction::Rotate => rotate(config),
    }
}

fn rotate(config: &Config) -> Result<(), CommandError> {
    let store = database::open(config)?;
    let mut random = [0; SECRET_BYTES];
    aws_lc_rs::rand::fill(&mut random)
        .map_err(|_| Error::Unavailable("the system has no random numbers".to_owned()))?;
    let secret = hex(&random);
    let job = move |tx: &mut Tx<'_>| tx.set_secret(migrations::CURSOR_SECRET, &secret);
    database::wait(store.write("secrets.rotate", ChangeOrigin::WITHOUT_CALLER, job))?;
    output::tell("cursors have a new secret; earlier ones are refused within 2 s, and their readers start again");
    Ok(())
}

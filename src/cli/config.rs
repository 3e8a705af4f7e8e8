//! `config`: the settings in effect, and the built-in forms to start from.

use clap::Subcommand;

use super::failure::Failure;
use super::{forms, output};
use crate::config::Config;

/// What is printed.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  user-relationships config --max-body 2MiB
  mkdir forms && user-relationships config forms > forms/forms.yml")]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the built-in form configurations and types instead, as YAML to start from
    #[command(after_help = "Example:
  mkdir forms && user-relationships config forms > forms/forms.yml")]
    Forms,
}

/// Prints each setting as `VARIABLE=value`, secrets hidden, or the built-in forms.
///
/// # Errors
/// [`Failure`] when stdout cannot be written, or forms are not accepted. The folder in `FORMS_DIR` does not matter to
/// whoever prints the built-in forms in order to fill it.
pub fn run(config: &Config, args: &Args) -> Result<(), Failure> {
    if matches!(args.what, Some(What::Forms)) {
        return forms::print();
    }
    forms::load(config)?;
    output::print(config.entries().into_iter().map(|(variable, value)| format!("{variable}={value}")))
}

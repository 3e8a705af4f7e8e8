//! `config`: prints the effective settings, or the built-in forms.

use clap::Subcommand;
use serde_json::json;

use super::command_error::CommandError;
use super::forms;
use super::list_format::ListFormat;
use crate::config::Config;

/// The arguments of `config`.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  user-relationships config --max-body 2MiB
  user-relationships config --json
  mkdir forms && user-relationships config forms > forms/forms.yml"
)]
pub struct ConfigArgs {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    format: ListFormat,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the built-in form configurations and types as YAML, as a starting point
    #[command(after_help = "Example:
  mkdir forms && user-relationships config forms > forms/forms.yml")]
    Forms,
}

/// Prints each setting as `VARIABLE=value`, secrets hidden, or the built-in forms.
///
/// # Errors
/// [`CommandError`] when stdout cannot be written, or forms are invalid. Printing the built-in forms ignores `FORMS_DIR`,
/// because its purpose is to fill that folder.
pub fn run(config: &Config, args: &ConfigArgs) -> Result<(), CommandError> {
    if matches!(args.what, Some(What::Forms)) {
        return forms::print();
    }
    forms::load(config)?;
    let object = |(variable, value): &(&str, String)| json!({ "setting": variable, "value": value });
    args.format.print(&config.entries(), |(variable, value)| format!("{variable}={value}"), object)
}

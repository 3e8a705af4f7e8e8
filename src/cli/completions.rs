//! `completions`: completion scripts for shells.

use clap_complete::Shell;

use super::command_error::CommandError;
use super::output;

/// The arguments of `completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  user-relationships completions bash > /etc/bash_completion.d/user-relationships
  user-relationships completions zsh > ~/.zfunc/_user-relationships
  user-relationships completions fish > ~/.config/fish/completions/user-relationships.fish")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Prints the script that completes `command`.
///
/// # Errors
/// [`CommandError`] when stdout cannot be written.
pub fn run(args: &CompletionsArgs, mut command: clap::Command) -> Result<(), CommandError> {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    output::print(String::from_utf8_lossy(&script).lines())
}

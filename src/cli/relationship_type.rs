//! `type`: lists, changes and checks relationship types, without the API.

use clap::Subcommand;

use super::command_error::CommandError;
use super::type_check::{self, TypeCheckArgs};
use super::type_list::{self, TypeListArgs};
use super::type_set::{self, TypeSetArgs};
use crate::config::Config;

/// The arguments of `type`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  user-relationships type list
  user-relationships type set subordinate --acyclic true --max-per-user 1")]
pub struct TypeArgs {
    #[command(subcommand)]
    action: TypeAction,
}

#[derive(Debug, Subcommand)]
enum TypeAction {
    /// List all relationship types, tab-separated: name, user role, target role, rules and description
    List(TypeListArgs),
    /// Change a relationship type, or register one with `--create`
    Set(Box<TypeSetArgs>),
    /// Check rules over the stored relationships of a type
    Check(TypeCheckArgs),
}

/// Runs one of the actions.
///
/// # Errors
/// Those of the action.
pub fn run(config: &Config, args: &TypeArgs) -> Result<(), CommandError> {
    match &args.action {
        TypeAction::List(args) => type_list::run(config, args),
        TypeAction::Set(args) => type_set::run(config, args),
        TypeAction::Check(args) => type_check::run(config, args),
    }
}

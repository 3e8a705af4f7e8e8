//! Invalid command lines: clap prints them for people; `serve` with JSON logs writes one log line instead.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::command_error::CommandError;
use crate::config::{Config, LogFormat, RawSettings};

/// Logs an invalid command line of a service with JSON logs. `None` for all others, and for help and version, which
/// clap prints.
#[must_use]
pub fn log_error(error: &clap::Error) -> Option<CommandError> {
    let is_help = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if is_help || !error.use_stderr() || !is_for_machines() {
        return None;
    }
    let message = without_values(error);
    Some(CommandError::usage(message.trim_start_matches("error: ")).log())
}

/// Whether the readable part of the command line runs a service with JSON logs.
fn is_for_machines() -> bool {
    let Ok(matches) = super::command().ignore_errors(true).try_get_matches() else { return false };
    let given = matches.try_get_one::<String>("log_format").ok().flatten();
    let raw =
        RawSettings::defaults().ok().map(|raw| RawSettings { log_format: given.cloned().unwrap_or_default(), ..raw });
    let is_json = raw.and_then(|raw| Config::log_format_of(&raw)) == Some(LogFormat::Json);
    is_json && matches!(matches.subcommand_name(), None | Some("serve"))
}

/// Clap's message without values in the place of names: such a value may be a database URL with a password.
fn without_values(error: &clap::Error) -> String {
    let kinds = [ContextKind::InvalidArg, ContextKind::InvalidSubcommand, ContextKind::InvalidValue];
    let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-');
    let given = kinds.into_iter().filter_map(|kind| match error.get(kind) {
        Some(ContextValue::String(text)) if !text.starts_with('-') && !is_name(text) => Some(format!("'{text}'")),
        _ => None,
    });
    given.fold(error.render().to_string(), |message, text| message.replace(&text, "'…'"))
}

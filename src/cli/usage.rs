//! A command line that cannot be read: told by clap to people, in one line of the log where a service was meant.

use clap::error::{ContextKind, ContextValue};

use super::failure::Failure;
use crate::config::{Config, LogFormat, Raw};
use crate::telemetry;

/// Logs what is wrong with the command line of a service that prints nothing but JSON; `None` for any other, and for
/// help and version, which clap prints as it likes.
#[must_use]
pub fn logged(answer: &clap::Error) -> Option<Failure> {
    if !answer.use_stderr() || !is_for_machines() {
        return None;
    }
    telemetry::start_for_errors();
    let told = without_values(answer);
    Some(Failure::usage(told.trim_start_matches("error: ")).logged())
}

/// Whether a service was meant whose log is JSON, by whatever can be read of the command line.
fn is_for_machines() -> bool {
    let Ok(matches) = super::command().ignore_errors(true).try_get_matches() else { return false };
    let given = matches.try_get_one::<String>("log_format").ok().flatten();
    let raw = Raw::defaults().ok().map(|raw| Raw { log_format: given.cloned().unwrap_or_default(), ..raw });
    let is_json = raw.and_then(|raw| Config::log_format_of(&raw)) == Some(LogFormat::Json);
    is_json && matches!(matches.subcommand_name(), None | Some("serve"))
}

/// What clap says, without what stands where only names are expected and is none: the URL of a database, with a
/// password in it.
fn without_values(answer: &clap::Error) -> String {
    let kinds = [ContextKind::InvalidArg, ContextKind::InvalidSubcommand, ContextKind::InvalidValue];
    let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-');
    let given = kinds.into_iter().filter_map(|kind| match answer.get(kind) {
        Some(ContextValue::String(text)) if !text.starts_with('-') && !is_name(text) => Some(format!("'{text}'")),
        _ => None,
    });
    given.fold(answer.render().to_string(), |told, text| told.replace(&text, "'…'"))
}

//! Form configurations, for the commands that need them.

use std::sync::Arc;

use super::command_error::CommandError;
use super::output;
use crate::config::{Config, SettingProblem};
use crate::http::forms::config::builtin;
use crate::http::forms::config::catalogue::Catalogue;

/// Reads and validates the effective forms.
///
/// # Errors
/// [`CommandError`] with all problems of the folder in `FORMS_DIR`.
pub fn load(config: &Config) -> Result<Arc<Catalogue>, CommandError> {
    let forms = Catalogue::load_or_built_in(config.forms_dir.as_deref()).map_err(|problems| {
        let named =
            problems.iter().map(|it| SettingProblem { setting: "FORMS_DIR".to_owned(), detail: it.to_string() });
        CommandError::misconfigured(&named.collect::<Vec<_>>())
    })?;
    Ok(Arc::new(forms))
}

/// Prints the built-in files as YAML documents in one stream.
///
/// # Errors
/// [`CommandError`] when stdout cannot be written.
pub fn print() -> Result<(), CommandError> {
    output::print([builtin::concatenate().trim_end()])
}

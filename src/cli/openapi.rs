//! `openapi`: prints the OpenAPI document.

use super::command_error::CommandError;
use super::output;
use crate::http::ops::openapi;

/// Prints the document of `/openapi.json`.
///
/// # Errors
/// [`CommandError`] when stdout cannot be written.
pub fn run() -> Result<(), CommandError> {
    output::print(openapi::text().lines())
}

//! `openapi`: prints the OpenAPI document.

use super::failure::Failure;
use super::output;
use crate::http::ops::openapi;

/// Prints the document of `/openapi.json`.
///
/// # Errors
/// [`Failure`] when stdout cannot be written.
pub fn run() -> Result<(), Failure> {
    output::print(openapi::text().lines())
}

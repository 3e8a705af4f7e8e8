//! `openapi`: the description of the API for programs.

use super::failure::Failure;
use super::output;
use crate::http::ops::openapi;

/// Prints what `/openapi.json` answers.
///
/// # Errors
/// [`Failure`] when stdout cannot be written.
pub fn run() -> Result<(), Failure> {
    output::print(openapi::text().lines())
}

//! `config`: the settings in effect.

use super::failure::Failure;
use super::output;
use crate::config::Config;

/// Prints each setting as `VARIABLE=value`, secrets hidden.
///
/// # Errors
/// [`Failure`] when stdout cannot be written.
pub fn run(config: &Config) -> Result<(), Failure> {
    output::print(config.entries().into_iter().map(|(variable, value)| format!("{variable}={value}")))
}

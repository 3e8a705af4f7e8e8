//! What the access log says about a failed request.

use crate::http::jsonapi::errors::Failure;

/// The outcome of a failed request; handlers put it into the extensions of the response.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogOutcome {
    /// The error codes, separated by commas.
    pub outcome: String,
    /// The cause of a server error.
    pub cause: Option<String>,
}

impl From<&Failure> for LogOutcome {
    fn from(failure: &Failure) -> Self {
        Self { outcome: failure.to_string(), cause: failure.cause().map(str::to_owned) }
    }
}

//! Failures of commands: exit codes and messages.

use std::fmt::Display;
use std::io;

use crate::config::SettingProblem;
use crate::imports::edge_columns::EdgeColumnError;
use crate::imports::sources::SourceError;
use crate::model::error::{Error, ErrorSource, Problem};
use crate::store::OpenError;
use crate::telemetry;

/// The exit code of a command that failed.
const FAILED: u8 = 1;
/// The exit code for an invalid command line, the same as clap's.
const USAGE: u8 = 2;
/// The exit code when the database is unreachable (`EX_UNAVAILABLE` of sysexits.h).
const UNREACHABLE: u8 = 69;
/// The exit code for an invalid setting (`EX_CONFIG` of sysexits.h).
const MISCONFIGURED: u8 = 78;

/// An exit code and messages for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandError {
    /// The exit code; 0 only if the reader of stdout has closed it.
    pub code: u8,
    /// Messages for people, one line each on stderr; empty if everything is already printed.
    pub messages: Vec<String>,
}

impl CommandError {
    /// The command failed.
    pub fn failed(message: impl Display) -> Self {
        Self { code: FAILED, messages: vec![one_line(&message)] }
    }

    /// The command line is contradictory.
    pub fn usage(message: impl Display) -> Self {
        Self { code: USAGE, messages: vec![one_line(&message)] }
    }

    /// The same failure, with another message.
    #[must_use]
    pub fn with_message(mut self, message: String) -> Self {
        self.messages.push(message);
        self
    }

    /// The database is unreachable.
    pub fn unreachable(message: impl Display) -> Self {
        Self { code: UNREACHABLE, messages: vec![one_line(&message)] }
    }

    /// Settings are invalid.
    #[must_use]
    pub fn misconfigured(problems: &[SettingProblem]) -> Self {
        Self { code: MISCONFIGURED, messages: problems.iter().map(ToString::to_string).collect() }
    }

    /// Stdout cannot be written. A reader that has closed it (`| head`) is not an error.
    #[must_use]
    pub fn on_stdout(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { code: 0, messages: Vec::new() };
        }
        Self::failed(format!("cannot write to stdout: {error}"))
    }

    /// Writes the messages as log lines instead of returning them to be printed. The log filter does not hide them.
    #[must_use]
    pub fn log(self) -> Self {
        for message in &self.messages {
            telemetry::log_fatal(message);
        }
        Self { messages: Vec::new(), ..self }
    }
}

impl From<SourceError> for CommandError {
    fn from(SourceError(message): SourceError) -> Self {
        Self::failed(message)
    }
}

impl From<EdgeColumnError> for CommandError {
    fn from(error: EdgeColumnError) -> Self {
        match error {
            EdgeColumnError::UnknownName(error) => error.into(),
            EdgeColumnError::Store(error) => error.into(),
        }
    }
}

impl From<OpenError> for CommandError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Unreadable(_) | OpenError::Unusable(_) => {
                Self { code: MISCONFIGURED, messages: vec![one_line(&error)] }
            }
            OpenError::Missing { .. }
            | OpenError::NoSchema(_)
            | OpenError::Unreachable(_)
            | OpenError::MixedStatements(_)
            | OpenError::Locked { .. } => Self::unreachable(error),
            OpenError::Schema(_) | OpenError::Layout(_) => Self::failed(error),
        }
    }
}

impl From<Error> for CommandError {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(problems) => {
                let details: Vec<_> = problems.iter().map(message_of).collect();
                Self::failed(details.join("; "))
            }
            Error::Unavailable(cause) => Self::unreachable(format!("the database is unavailable: {cause}")),
            Error::Internal(cause) => Self::failed(format!("internal error: {cause}")),
        }
    }
}

/// Joins the lines of a message, because drivers report several.
fn one_line(message: &impl Display) -> String {
    let text = message.to_string();
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

/// The message of a problem, with the name of its option.
fn message_of(problem: &Problem) -> String {
    match problem.source {
        Some(ErrorSource::Attribute(option @ ("email" | "first-name" | "last-name"))) => {
            format!("`--{option}`: {}", problem.detail)
        }
        _ => problem.detail.clone().into_owned(),
    }
}

//! How a command ends when it is not done.

use std::fmt::Display;
use std::io;

use crate::config::Problem;
use crate::model::error::{Culprit, Error, Problem as Refusal};
use crate::model::user::Field;
use crate::store::OpenError;

/// The exit code of a command that failed.
const FAILED: u8 = 1;
/// The exit code when the command line is wrong, as clap has it.
const USAGE: u8 = 2;
/// The exit code when the database is away (`EX_UNAVAILABLE` of sysexits.h).
const UNREACHABLE: u8 = 69;
/// The exit code when a setting is not accepted (`EX_CONFIG` of sysexits.h).
const MISCONFIGURED: u8 = 78;

/// An exit code and what people are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit code; 0 only when whoever read stdout has read enough.
    pub code: u8,
    /// Sentences for people, each for a line of its own on stderr; none when all is said already.
    pub sentences: Vec<String>,
}

impl Failure {
    /// The command could not do what it was asked.
    pub fn failed(sentence: impl Display) -> Self {
        Self { code: FAILED, sentences: vec![one_line(&sentence)] }
    }

    /// The command line asks for what does not go together.
    pub fn usage(sentence: impl Display) -> Self {
        Self { code: USAGE, sentences: vec![one_line(&sentence)] }
    }

    /// The same failure, with a further sentence.
    #[must_use]
    pub fn and(mut self, sentence: String) -> Self {
        self.sentences.push(sentence);
        self
    }

    /// The database is away.
    pub fn unreachable(sentence: impl Display) -> Self {
        Self { code: UNREACHABLE, sentences: vec![one_line(&sentence)] }
    }

    /// Settings are not accepted.
    #[must_use]
    pub fn misconfigured(problems: &[Problem]) -> Self {
        Self { code: MISCONFIGURED, sentences: problems.iter().map(ToString::to_string).collect() }
    }

    /// Stdout does not take any more. A reader that has gone away (`| head`) is no fault.
    #[must_use]
    pub fn on_stdout(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { code: 0, sentences: Vec::new() };
        }
        Self::failed(format!("stdout cannot be written to: {error}"))
    }

    /// Logs the sentences instead of leaving them to be printed.
    #[must_use]
    pub fn logged(self) -> Self {
        for sentence in &self.sentences {
            log::error!("{sentence}");
        }
        Self { sentences: Vec::new(), ..self }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Unreadable(_) => Self { code: MISCONFIGURED, sentences: vec![one_line(&error)] },
            OpenError::Missing(_) | OpenError::Unreachable(_) | OpenError::Locked { .. } => Self::unreachable(error),
            OpenError::Schema(_) => Self::failed(error),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(problems) => {
                let details: Vec<_> = problems.iter().map(sentence_of).collect();
                Self::failed(details.join("; "))
            }
            Error::Unavailable(cause) => Self::unreachable(format!("the database does not answer: {cause}")),
            Error::Internal(cause) => Self::failed(format!("a fault of this program: {cause}")),
        }
    }
}

/// Drivers say things in several lines.
fn one_line(sentence: &impl Display) -> String {
    let text = sentence.to_string();
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

/// What is wrong, behind the name of the option at fault.
fn sentence_of(problem: &Refusal) -> String {
    let option = match problem.culprit {
        Some(Culprit::Attribute(Field::Email)) => "`--email`: ",
        Some(Culprit::Attribute(Field::FirstName)) => "`--first-name`: ",
        Some(Culprit::Attribute(Field::LastName)) => "`--last-name`: ",
        _ => "",
    };
    format!("{option}{}", problem.detail)
}

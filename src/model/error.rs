//! What can go wrong, in words of the domain; each dialect of `http` puts it into its own.

use std::borrow::Cow;

use super::code::Code;
use super::id::RelationshipId;
use super::user::Field;

/// The result of everything below `http`.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a job gave no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The request cannot be done; nothing was written. Never empty.
    Refused(Vec<Problem>),
    /// The database, the disk or the network does not answer; the cause is for the log.
    Unavailable(String),
    /// A fault of this program; the cause is for the log.
    Internal(String),
}

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which rule it breaks.
    pub code: Code,
    /// This case, and what to do about it.
    pub detail: Cow<'static, str>,
    /// The part of the request at fault.
    pub culprit: Option<ErrorSource>,
    /// The relationship that is there already.
    pub existing: Option<RelationshipId>,
    /// The place of the operation, among several, that it is a problem of.
    pub operation: Option<usize>,
}

/// A part of a request, in words that every dialect can point at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorSource {
    /// The owner that the request names.
    Owner,
    /// The target that the request names.
    Target,
    /// The name of the relationship type.
    TypeName,
    /// A type's description.
    Description,
    /// An attribute of a user that the request sends.
    Attribute(Field),
    /// The order that a list is asked for in.
    Sort,
    /// What is to come along.
    Include,
    /// The versions that the change may be applied to.
    Precondition,
    /// The versions that the change must not be applied to.
    Exclusion,
    /// An attribute of a user that the request lacks.
    Missing(Field),
    /// What is said of a user, a group or a membership beyond its attributes.
    Properties,
    /// The group that a membership is to be in.
    Group,
    /// The user that is to be a member.
    Member,
}

impl Problem {
    /// A problem of the whole request.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), culprit: None, existing: None, operation: None }
    }

    /// The same problem, blamed on one part of the request.
    #[must_use]
    pub fn at(self, culprit: ErrorSource) -> Self {
        Self { culprit: Some(culprit), ..self }
    }

    /// The same problem, naming the relationship that is there already.
    #[must_use]
    pub fn existing(self, id: RelationshipId) -> Self {
        Self { existing: Some(id), ..self }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Refused(vec![problem])
    }
}

impl Error {
    /// The refusal of something that is not there, or that the caller may not see.
    #[must_use]
    pub fn not_found(what: &'static str) -> Self {
        Problem::new(Code::NotFound, format!("there is no such {what}")).into()
    }

    /// The error of several problems, or nothing when there are none.
    ///
    /// # Errors
    /// [`Error::Refused`] with all of `problems`, if any.
    pub fn unless_empty(problems: Vec<Problem>) -> Result<()> {
        if problems.is_empty() { Ok(()) } else { Err(Self::Refused(problems)) }
    }
}

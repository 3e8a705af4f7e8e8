//! Errors of jobs, independent of how an API reports them.

use serde_json::Value as Json;
use std::borrow::Cow;

use super::code::Code;
use super::id::RelationshipId;
use super::relationship_type::TypeName;

/// The result of a job.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a job failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// The request is refused, and nothing was written. There is at least one problem.
    Refused(Vec<Problem>),
    /// The database, the disk or the network does not respond. The text is for the log.
    Unavailable(String),
    /// A fault of this program. The text is for the log.
    Internal(String),
}

/// A problem of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The kind of problem.
    pub code: Code,
    /// What is wrong in this case, and what to do.
    pub detail: Cow<'static, str>,
    /// The part of the request that causes it.
    pub source: Option<ErrorSource>,
    /// The relationship that it is about.
    pub about: Option<RelationshipId>,
    /// Members for programs, by name.
    pub meta: Vec<(&'static str, Json)>,
    /// The index of the operation that has the problem, if there are several.
    pub operation: Option<usize>,
}

/// A part of a request that causes a problem. Each API renders it in its own way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorSource {
    /// The owner of a relationship.
    Owner,
    /// The target of a relationship.
    Target,
    /// The attribute with this name.
    Attribute(&'static str),
    /// The name of a relationship type to register.
    TypeName,
    /// The order of a list.
    Sort,
    /// The resources to include.
    Include,
    /// The query parameter with this name.
    Parameter(&'static str),
    /// The states that a change may be applied to (`If-Match`).
    Precondition,
    /// The states that a change must not be applied to (`If-None-Match`).
    Exclusion,
    /// The missing attribute with this name.
    Missing(&'static str),
    /// The properties of a user, a group or a membership.
    Properties,
    /// The group of a membership.
    Group,
    /// The user of a membership.
    Member,
    /// The user from whom a transfer takes relationships.
    Predecessor,
    /// The user to whom a transfer gives relationships.
    Successor,
    /// The linkage that is the data of the document.
    Linkage,
    /// The identifier at an index of that linkage.
    LinkageItem(usize),
    /// The relationship with this name.
    Relationship(TypeName),
}

impl Problem {
    /// A problem of the request as a whole.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), source: None, about: None, meta: Vec::new(), operation: None }
    }

    /// The same problem, caused by one part of the request.
    #[must_use]
    pub fn at(self, source: ErrorSource) -> Self {
        Self { source: Some(source), ..self }
    }

    /// The same problem, with the existing relationship.
    #[must_use]
    pub fn existing(self, id: RelationshipId) -> Self {
        Self { about: Some(id), ..self }.with("existing-id", id.to_string())
    }

    /// The same problem, with a member for programs.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Json>) -> Self {
        self.meta.push((name, value.into()));
        self
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Refused(vec![problem])
    }
}

impl Error {
    /// The error for a resource that does not exist or that the caller may not see.
    #[must_use]
    pub fn not_found(what: &'static str) -> Self {
        Problem::new(Code::NotFound, format!("there is no such {what}")).into()
    }

    /// Fails if there are problems.
    ///
    /// # Errors
    /// [`Error::Refused`] with all of `problems`, if any.
    pub fn unless_empty(problems: Vec<Problem>) -> Result<()> {
        if problems.is_empty() { Ok(()) } else { Err(Self::Refused(problems)) }
    }

    /// The same error, caused by one part of the request.
    #[must_use]
    pub fn at_source(self, source: &ErrorSource) -> Self {
        match self {
            Self::Refused(problems) => {
                Self::Refused(problems.into_iter().map(|problem| problem.at(source.clone())).collect())
            }
            other => other,
        }
    }

    /// The same error, caused by the operation at an index of several.
    #[must_use]
    pub fn at_operation(self, index: usize) -> Self {
        match self {
            Self::Refused(problems) => {
                let problems = problems.into_iter().map(|problem| Problem { operation: Some(index), ..problem });
                Self::Refused(problems.collect())
            }
            other => other,
        }
    }
}

//! The problems of one request. Only the first ones are stored, the others are counted, so that memory and responses
//! stay bounded.

use super::problem::{ApiProblem, source_of};
use crate::model::code::Code;
use crate::model::error;

/// The most errors in one document.
pub const MOST_ERRORS: usize = 20;

/// The problems of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problems {
    stored: Vec<ApiProblem>,
    omitted: usize,
    /// The status of all problems, or 400 if they differ.
    status: Option<u16>,
}

impl Problems {
    /// Adds a problem.
    pub fn push(&mut self, problem: ApiProblem) {
        self.push_with(problem.code, || problem);
    }

    /// Adds problems of the domain, with sources in a document.
    pub fn push_all(&mut self, problems: Vec<error::Problem>) {
        for problem in problems {
            let source = problem.source.clone().map(source_of);
            self.push(ApiProblem::of(problem, source));
        }
    }

    /// Adds a problem, which is only created if there is room for it.
    pub fn push_with(&mut self, code: Code, make: impl FnOnce() -> ApiProblem) {
        self.join_status(code.status());
        if self.stored.len() < MOST_ERRORS {
            self.stored.push(make());
        } else {
            self.omitted += 1;
        }
    }

    /// Adds the problems of another request, or of another part of this one.
    pub fn append(&mut self, other: Self) {
        for problem in other.stored {
            self.push(problem);
        }
        if let Some(status) = other.status {
            self.join_status(status);
        }
        self.omitted += other.omitted;
    }

    /// Whether there are no problems.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stored.is_empty()
    }

    /// The stored problems.
    #[must_use]
    pub fn stored(&self) -> &[ApiProblem] {
        &self.stored
    }

    /// The stored problems.
    pub fn stored_mut(&mut self) -> &mut [ApiProblem] {
        &mut self.stored
    }

    /// The number of problems that are not stored.
    #[must_use]
    pub const fn omitted(&self) -> usize {
        self.omitted
    }

    /// The status of the response: that of all problems, or 400 if they differ (JSON:API 1.1, "Processing Errors").
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.unwrap_or(500)
    }

    fn join_status(&mut self, status: u16) {
        let is_same = self.status.is_none_or(|known| known == status);
        self.status = Some(if is_same { status } else { 400 });
    }
}

impl FromIterator<ApiProblem> for Problems {
    fn from_iter<I: IntoIterator<Item = ApiProblem>>(problems: I) -> Self {
        let mut all = Self::default();
        for problem in problems {
            all.push(problem);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_beyond_the_limit_are_counted_and_not_created() {
        let mut problems = Problems::default();
        for _ in 0..MOST_ERRORS {
            problems.push(ApiProblem::new(Code::UnknownParameter, "x"));
        }
        problems.push_with(Code::UnknownParameter, || panic!("it is not stored"));
        assert_eq!((problems.stored().len(), problems.omitted(), problems.status()), (MOST_ERRORS, 1, 400));
    }

    #[test]
    fn an_omitted_problem_affects_the_status() {
        let mut problems: Problems = (0..MOST_ERRORS).map(|_| ApiProblem::new(Code::UnknownAttribute, "x")).collect();
        assert_eq!(problems.status(), 422);
        problems.push(ApiProblem::new(Code::ImmutableRelationship, "x"));
        assert_eq!((problems.omitted(), problems.status()), (1, 400));
    }
}

//! The problems of one request: the first ones in full, the rest as a number, so that no request makes the service
//! keep or send more than a bounded amount.

use super::problem::Problem;
use crate::model::code::Code;

/// The most errors in one document.
pub const MOST_ERRORS: usize = 20;

/// What is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problems {
    kept: Vec<Problem>,
    dropped: usize,
    /// The status of all problems, or 400 where they differ.
    status: Option<u16>,
}

impl Problems {
    /// Adds a problem.
    pub fn push(&mut self, problem: Problem) {
        self.push_with(problem.code, || problem);
    }

    /// Adds a problem that is made only if it is kept.
    pub fn push_with(&mut self, code: Code, make: impl FnOnce() -> Problem) {
        self.join_status(code.status());
        if self.kept.len() < MOST_ERRORS {
            self.kept.push(make());
        } else {
            self.dropped += 1;
        }
    }

    /// Adds the problems of another request, or of another part of this one.
    pub fn append(&mut self, other: Self) {
        for problem in other.kept {
            self.push(problem);
        }
        if let Some(status) = other.status {
            self.join_status(status);
        }
        self.dropped += other.dropped;
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The problems that were kept.
    #[must_use]
    pub fn kept(&self) -> &[Problem] {
        &self.kept
    }

    /// The same, to be changed.
    pub fn kept_mut(&mut self) -> &mut [Problem] {
        &mut self.kept
    }

    /// How many more there are.
    #[must_use]
    pub const fn dropped(&self) -> usize {
        self.dropped
    }

    /// The status of the whole: that of its problems where they agree, else the most general one
    /// (JSON:API 1.1, "Processing Errors").
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.unwrap_or(500)
    }

    fn join_status(&mut self, status: u16) {
        let is_same = self.status.is_none_or(|known| known == status);
        self.status = Some(if is_same { status } else { 400 });
    }
}

impl FromIterator<Problem> for Problems {
    fn from_iter<I: IntoIterator<Item = Problem>>(problems: I) -> Self {
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
    fn problems_beyond_the_most_are_counted_and_not_made() {
        let mut problems = Problems::default();
        for _ in 0..MOST_ERRORS {
            problems.push(Problem::new(Code::UnknownParameter, "x"));
        }
        problems.push_with(Code::UnknownParameter, || panic!("it is not kept"));
        assert_eq!((problems.kept().len(), problems.dropped(), problems.status()), (MOST_ERRORS, 1, 400));
    }

    #[test]
    fn a_problem_that_is_only_counted_takes_part_in_the_status() {
        let mut problems: Problems = (0..MOST_ERRORS).map(|_| Problem::new(Code::UnknownAttribute, "x")).collect();
        assert_eq!(problems.status(), 422);
        problems.push(Problem::new(Code::ImmutableRelationship, "x"));
        assert_eq!((problems.dropped(), problems.status()), (1, 400));
    }
}

//! How much of the rows a job reads for one answer.

use super::code::Code;
use super::error::{Error, ErrorSource, Problem};
use super::limits::MAX_ANSWER;

/// The bytes that a job may still read for one answer, so that its memory is bounded whatever the rows hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadBudget {
    left: usize,
    has_profiles: bool,
}

impl ReadBudget {
    /// A budget of the largest answer. Without `has_profiles` the profiles of users are not read and stay empty.
    #[must_use]
    pub const fn for_answer(has_profiles: bool) -> Self {
        Self { left: MAX_ANSWER, has_profiles }
    }

    /// Whether the profiles of users are read.
    #[must_use]
    pub const fn has_profiles(&self) -> bool {
        self.has_profiles
    }

    /// Takes the bytes of a row; `false`, and nothing is taken, where they are more than what is left.
    pub fn take(&mut self, bytes: usize) -> bool {
        let left = self.left.checked_sub(bytes);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }

    /// Takes the bytes of a row that is included.
    ///
    /// # Errors
    /// `answer-too-large`, blamed on `include`.
    pub fn take_included(&mut self, bytes: usize) -> Result<(), Error> {
        if self.take(bytes) {
            return Ok(());
        }
        let detail = format!(
            "the included resources have more than {MAX_ANSWER} bytes; ask for a smaller page or fewer `fields[users]`, or \
             leave `include` out and follow the `related` links"
        );
        Err(Problem::new(Code::AnswerTooLarge, detail).at(ErrorSource::Include).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_gives_what_it_has_and_no_more() {
        let mut budget = ReadBudget::for_answer(true);
        assert!(budget.take(MAX_ANSWER - 1));
        assert!(!budget.take(2) && budget.take_included(2).is_err());
        assert!(budget.take(1) && !budget.take(1));
    }
}

//! Limits the bytes that a job reads for a response.

use super::code::Code;
use super::error::{Error, ErrorSource, Problem};
use super::limits::MAX_ANSWER;

/// The bytes that a job may still read for a response. It bounds the memory of the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadBudget {
    left: usize,
    has_profiles: bool,
}

impl ReadBudget {
    /// The budget of a response. Without `has_profiles` the profiles of users are not read and stay empty.
    #[must_use]
    pub const fn for_answer(has_profiles: bool) -> Self {
        Self { left: MAX_ANSWER, has_profiles }
    }

    /// A budget of other bytes, with profiles.
    #[must_use]
    pub const fn of_bytes(bytes: usize) -> Self {
        Self { left: bytes, has_profiles: true }
    }

    /// Whether the profiles of users are read.
    #[must_use]
    pub const fn has_profiles(&self) -> bool {
        self.has_profiles
    }

    /// Takes the bytes of a row. Returns `false`, and takes nothing, if fewer are left.
    pub fn take(&mut self, bytes: usize) -> bool {
        let left = self.left.checked_sub(bytes);
        self.left = left.unwrap_or(self.left);
        left.is_some()
    }

    /// Takes the bytes of an included row.
    ///
    /// # Errors
    /// `answer-too-large`, caused by `include`.
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
    fn a_budget_refuses_more_bytes_than_it_has() {
        let mut budget = ReadBudget::for_answer(true);
        assert!(budget.take(MAX_ANSWER - 1));
        assert!(!budget.take(2) && budget.take_included(2).is_err());
        assert!(budget.take(1) && !budget.take(1));
    }
}

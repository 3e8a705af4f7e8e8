//! Counts what a synchronization does with relationships and missing users.

use crate::cli::progress::{count, group_digits};
use crate::domain::sync::EdgeStep;
use crate::domain::transfer::RowOutcome;

/// What a synchronization does beside the lines that it imports.
#[derive(Debug, Default)]
pub struct SyncTally {
    moved: u64,
    deleted: u64,
    disabled: u64,
    missing: u64,
}

impl SyncTally {
    /// Counts a step. Returns how many relationships it adds, and how many it replaces.
    pub fn add_step(&mut self, step: &EdgeStep) -> (u64, u64) {
        let replaced = step.added.len().min(step.removed.len()) as u64;
        self.moved += u64::from(replaced > 0);
        self.deleted += step.deletions();
        (step.added.len() as u64 - replaced, replaced)
    }

    /// Counts a user that is not in the files.
    pub const fn add_missing(&mut self, outcome: RowOutcome) {
        match outcome {
            RowOutcome::Disabled => self.disabled += 1,
            _ => self.missing += 1,
        }
    }

    /// The counts, for people.
    pub fn summary(&self) -> String {
        format!(
            "{} moved, {} deleted, {} disabled, {} listed",
            count(self.moved, "user"),
            count(self.deleted, "relationship"),
            count(self.disabled, "missing user"),
            group_digits(self.missing)
        )
    }
}

//! The rejected rows of a people file, of which no relationship is written.

use std::collections::HashSet;

use super::feed::{Batch, BatchKind};

/// The rejected rows of a people file.
#[derive(Debug, Default)]
pub struct RejectedPeople(HashSet<u64>);

impl RejectedPeople {
    /// Notes the rejected lines of a batch.
    pub fn note(&mut self, batch: &Batch, rejected: impl Iterator<Item = u64>) {
        if batch.kind == BatchKind::People {
            self.0.extend(rejected);
        }
    }

    /// A batch without the relationships of rejected rows.
    #[must_use]
    pub fn remove_from(&self, mut batch: Batch) -> Batch {
        if batch.kind == BatchKind::EdgesOfPeople {
            batch.lines.retain(|line| !self.0.contains(&line.number));
            batch.refused.retain(|(number, _)| !self.0.contains(number));
        }
        batch
    }
}

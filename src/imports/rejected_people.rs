//! The rejected rows of a people file, of which no relationship is written.

use std::collections::HashSet;

use super::feed::{Batch, BatchKind};
use crate::domain::transfer::{NamedReference, Record};

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

    /// A batch without the relationships of rejected rows. The users whom these rows name are among its references, so that
    /// all faults of a row are found.
    #[must_use]
    pub fn remove_from(&self, mut batch: Batch) -> Batch {
        if let Some(member) = batch.cell.filter(|_| batch.kind == BatchKind::EdgesOfPeople) {
            let lines = batch.lines.extract_if(.., |line| self.0.contains(&line.number));
            let references = lines.filter_map(|line| {
                let Record::Relationship(edge) = line.record else { return None };
                let user = if member == "user" { edge.user } else { edge.target };
                Some(NamedReference { line: line.number, member, user })
            });
            batch.references = references.collect();
            batch.more_faults = batch.refused.extract_if(.., |(number, _)| self.0.contains(number)).collect();
        }
        batch
    }
}

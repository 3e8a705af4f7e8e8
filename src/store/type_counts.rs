//! The changes that a job makes to the counts of relationships by type.
//!
//! # Design
//! On PostgreSQL a row of these counts is locked from its change to the commit, and all creates share a few rows. A job
//! of many changes therefore collects them and writes them as its last statements.

use std::collections::BTreeMap;

/// The collected changes; `None` while each change is written with its relationship.
#[derive(Debug, Default)]
pub(in crate::store) struct TypeCounts(Option<BTreeMap<i16, Change>>);

/// A change of the number of relationships of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Change {
    /// An id that picks the row to change.
    pub spread: i64,
    /// The difference.
    pub by: i64,
}

impl TypeCounts {
    /// Collects changes from now on.
    pub fn defer(&mut self) {
        self.0.get_or_insert_default();
    }

    /// Collects a change; `false` if it must be written immediately.
    pub fn collect(&mut self, kind: i16, spread: i64, by: i64) -> bool {
        let Some(changes) = &mut self.0 else { return false };
        changes.entry(kind).or_insert(Change { spread, by: 0 }).by += by;
        true
    }

    /// Takes the collected changes, ordered by type, which is the order in which their rows are locked.
    pub fn take(&mut self) -> Vec<(i16, Change)> {
        let changes = self.0.take().unwrap_or_default().into_iter();
        changes.filter(|(_, change)| change.by != 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_of_a_type_are_collected_into_one() {
        let mut counts = TypeCounts::default();
        assert!(!counts.collect(1, 7, 1));
        counts.defer();
        for (kind, spread, by) in [(2, 7, 1), (1, 8, 1), (2, 9, 1), (3, 9, 1), (3, 9, -1)] {
            assert!(counts.collect(kind, spread, by));
        }
        assert_eq!(counts.take(), [(1, Change { spread: 8, by: 1 }), (2, Change { spread: 7, by: 2 })]);
        assert!(!counts.collect(1, 7, 1));
    }
}

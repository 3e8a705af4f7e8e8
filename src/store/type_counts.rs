//! The changes of counts that a job collects.
//!
//! # Design
//! On PostgreSQL a row of these counts is locked from its change to the commit, and all creates share a few rows. A job
//! of many changes therefore collects them and writes them as its last statements.

use std::collections::BTreeMap;

/// The collected changes; `None` while each change is written with its relationship.
#[derive(Debug, Default)]
pub(in crate::store) struct TypeCounts(Option<BTreeMap<i16, CountChange>>);

/// A change of the number of relationships of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct CountChange {
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
        changes.entry(kind).or_insert(CountChange { spread, by: 0 }).by += by;
        true
    }

    /// Takes the collected changes, ordered by type, which is the order in which their rows are locked.
    pub fn take(&mut self) -> Vec<(i16, CountChange)> {
        let changes = self.0.take().unwrap_or_default().into_iter();
        changes.filter(|(_, change)| change.by != 0).collect()
    }
}

/// Changes of counts for many relationships that a job deletes and stores. A relationship that gets another target keeps
/// its owner: collected, its deletion and its insertion leave the counts of owners and of the type as they are.
#[derive(Debug, Default)]
pub(in crate::store) struct EdgeCounts {
    users: BTreeMap<(i64, i16), i64>,
    targets: BTreeMap<(i64, i16), i64>,
    types: BTreeMap<i16, i64>,
}

/// Changes by user and type, in the order of both.
pub(in crate::store) type ChangesByEnd = Vec<((i64, i16), i64)>;

impl EdgeCounts {
    /// Adds `by` (1 or -1) for the relationship of a type from a user to a target.
    pub fn add(&mut self, kind: i16, (user, target): (i64, i64), by: i64) {
        *self.users.entry((user, kind)).or_default() += by;
        *self.targets.entry((target, kind)).or_default() += by;
        *self.types.entry(kind).or_default() += by;
    }

    /// Takes the changes by owner.
    pub fn take_by_user(&mut self) -> ChangesByEnd {
        without_zeros(std::mem::take(&mut self.users))
    }

    /// Takes the changes by target.
    pub fn take_by_target(&mut self) -> ChangesByEnd {
        without_zeros(std::mem::take(&mut self.targets))
    }

    /// Takes the changes by type.
    pub fn take_by_type(&mut self) -> Vec<(i16, i64)> {
        without_zeros(std::mem::take(&mut self.types))
    }
}

fn without_zeros<K>(changes: BTreeMap<K, i64>) -> Vec<(K, i64)> {
    changes.into_iter().filter(|(_, by)| *by != 0).collect()
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
        assert_eq!(counts.take(), [(1, CountChange { spread: 8, by: 1 }), (2, CountChange { spread: 7, by: 2 })]);
        assert!(!counts.collect(1, 7, 1));
    }

    #[test]
    fn a_moved_relationship_changes_only_the_counts_of_targets() {
        let mut counts = EdgeCounts::default();
        counts.add(3, (1, 10), -1);
        counts.add(3, (1, 20), 1);
        counts.add(3, (2, 10), -1);
        assert_eq!(counts.take_by_user(), [((2, 3), -1)]);
        assert_eq!(counts.take_by_target(), [((10, 3), -2), ((20, 3), 1)]);
        assert_eq!(counts.take_by_type(), [(3, -1)]);
        assert_eq!(counts.take_by_user(), []);
    }
}

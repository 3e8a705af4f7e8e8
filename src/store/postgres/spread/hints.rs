//! What a process remembers of spread rows to find them with fewer statements. Nothing is true because it is remembered:
//! a statement that relies on it finds no row that is not there, and a job finds the others.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use crate::model::relationship::End;

/// How many values of a kind are remembered at most; then all are forgotten.
const MOST: usize = 100_000;

/// What is remembered.
#[derive(Debug, Default)]
pub(in crate::store) struct SpreadHints {
    /// Users with too many relationships at an end to read all of them for a page.
    long_lists: Mutex<HashSet<(End, i64)>>,
    /// The owners of relationships by id, which tell their nodes. They never change.
    owners: Mutex<HashMap<i64, i64>>,
}

impl SpreadHints {
    /// Whether a user had many relationships at an end.
    pub fn is_long(&self, end: End, user: i64) -> bool {
        self.long_lists.lock().unwrap_or_else(PoisonError::into_inner).contains(&(end, user))
    }

    pub fn remember_long(&self, end: End, user: i64) {
        let mut known = self.long_lists.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert((end, user));
    }

    pub fn remember_owners(&self, owners: impl IntoIterator<Item = (i64, i64)>) {
        let mut known = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.extend(owners);
    }

    /// The owners of relationships, and the ids of those whose owner is not known.
    pub fn owners(&self, ids: &[i64]) -> (Vec<i64>, Vec<i64>) {
        let known = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        let mut unknown = Vec::new();
        let owner = |id: &i64| {
            let owner = known.get(id).copied();
            if owner.is_none() {
                unknown.push(*id);
            }
            owner
        };
        let owners = ids.iter().filter_map(owner).collect();
        (owners, unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owners_that_are_known_are_told_from_those_that_are_not() {
        let hints = SpreadHints::default();
        hints.remember_owners([(1, 10), (2, 20)]);
        assert_eq!(hints.owners(&[2, 3, 1]), (vec![20, 10], vec![3]));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let hints = SpreadHints::default();
        for user in 0..=100_000 {
            hints.remember_long(End::User, user);
            hints.remember_owners([(user, user)]);
        }
        assert!(hints.is_long(End::User, 100_000) && !hints.is_long(End::User, 1));
        assert_eq!(hints.owners(&[1, 100_000]), (vec![100_000], vec![1]));
    }
}

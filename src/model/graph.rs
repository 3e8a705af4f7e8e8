//! Relationships of one type in memory.

use std::collections::{HashMap, HashSet};

use super::id::UserId;

/// Relationships of one type, each as owner and target.
#[derive(Debug, Default)]
pub struct Graph {
    edges: HashSet<(UserId, UserId)>,
    targets: HashMap<UserId, Vec<UserId>>,
    owners: HashMap<UserId, Vec<UserId>>,
}

impl Graph {
    /// Whether the relationship is there.
    #[must_use]
    pub fn has(&self, user: UserId, target: UserId) -> bool {
        self.edges.contains(&(user, target))
    }

    /// Adds a relationship that is not there.
    pub fn add(&mut self, user: UserId, target: UserId) {
        if self.edges.insert((user, target)) {
            self.targets.entry(user).or_default().push(target);
            self.owners.entry(target).or_default().push(user);
        }
    }

    /// The number of relationships that a user owns.
    #[must_use]
    pub fn owned(&self, user: UserId) -> usize {
        self.targets.get(&user).map_or(0, Vec::len)
    }

    /// The relationships that some users own, each as owner and target.
    pub fn targets_of(&self, users: &[UserId]) -> impl Iterator<Item = (UserId, UserId)> {
        steps(&self.targets, users)
    }

    /// The relationships that target some users, each as target and owner.
    pub fn owners_of(&self, users: &[UserId]) -> impl Iterator<Item = (UserId, UserId)> {
        steps(&self.owners, users)
    }
}

fn steps(nexts: &HashMap<UserId, Vec<UserId>>, users: &[UserId]) -> impl Iterator<Item = (UserId, UserId)> {
    let of = |user: &UserId| nexts.get(user).into_iter().flatten().map(|to| (*user, *to)).collect::<Vec<_>>();
    users.iter().flat_map(of)
}

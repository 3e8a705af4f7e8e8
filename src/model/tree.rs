//! The part of a tree that decides whether relationships may be added to it.

use std::collections::{BTreeMap, HashMap};

use super::counts_below::CountBelow;
use super::id::UserId;
use super::rules::Refusal;

/// Some users of a tree, all users above them, and relationships that are added in memory.
#[derive(Debug, Default)]
pub struct Tree {
    targets: HashMap<UserId, UserId>,
    stored: HashMap<UserId, CountBelow>,
    added: BTreeMap<UserId, CountBelow>,
}

impl Tree {
    /// The tree with these relationships, owner and target, and with what is stored of the users below some owners.
    #[must_use]
    pub fn new(
        edges: impl IntoIterator<Item = (UserId, UserId)>,
        below: impl IntoIterator<Item = (UserId, CountBelow)>,
    ) -> Self {
        let mut tree = Self::default();
        tree.extend(edges, below);
        tree
    }

    /// Adds stored relationships, and what is stored of the users below some owners. To [add](Self::add) a relationship,
    /// the tree must have the stored ones of its owner and of all users above its target, and what is stored below its
    /// owner.
    pub fn extend(
        &mut self,
        edges: impl IntoIterator<Item = (UserId, UserId)>,
        below: impl IntoIterator<Item = (UserId, CountBelow)>,
    ) {
        self.targets.extend(edges);
        self.stored.extend(below);
    }

    /// The target of a user's relationship.
    #[must_use]
    pub fn target_of(&self, user: UserId) -> Option<UserId> {
        self.targets.get(&user).copied()
    }

    /// A user, the target of its relationship, and so on.
    pub fn path_from(&self, user: UserId) -> impl Iterator<Item = UserId> {
        std::iter::successors(Some(user), |user| self.target_of(*user))
    }

    /// Adds a relationship, unless a path becomes longer than `most`.
    ///
    /// # Errors
    /// The refusal. Then the tree is unchanged.
    pub fn add(&mut self, user: UserId, target: UserId, most: usize) -> Result<(), Refusal> {
        if self.targets.contains_key(&user) {
            return Err(Refusal::TooMany);
        }
        // An earlier release may have closed a cycle.
        let longest = most.saturating_add(1).min(self.targets.len() + 1);
        let mut path: Vec<_> = self.path_from(target).take(longest).collect();
        if let Some(end) = path.iter().position(|above| *above == user) {
            path.truncate(end + 1);
            path.insert(0, user);
            return Err(Refusal::Cycle(path));
        }
        let below = self.below(user);
        let height = usize::try_from(below.height).unwrap_or(usize::MAX);
        if path.len().saturating_add(height) > most {
            return Err(Refusal::TooDeep);
        }
        let mut height = below.height;
        for above in path {
            height += 1;
            let added = self.added.entry(above).or_default();
            added.n += below.n + 1;
            added.height = added.height.max(height);
        }
        self.targets.insert(user, target);
        Ok(())
    }

    /// What the added relationships bring below each user above them: the number of users, and the length of the
    /// longest path through one of these relationships.
    #[must_use]
    pub fn added(&self) -> &BTreeMap<UserId, CountBelow> {
        &self.added
    }

    fn below(&self, user: UserId) -> CountBelow {
        let of = |users: Option<&CountBelow>| users.copied().unwrap_or_default();
        let (stored, added) = (of(self.stored.get(&user)), of(self.added.get(&user)));
        CountBelow { n: stored.n + added.n, height: stored.height.max(added.height) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::MAX_DEPTH;
    use super::*;
    use proptest::prelude::*;

    fn u(id: i64) -> UserId {
        UserId::new(id)
    }

    /// The users on the path from `user`, by a naive walk.
    fn path(edges: &[(i64, i64)], user: i64) -> Vec<i64> {
        let mut path = vec![user];
        while let Some((_, target)) = edges.iter().find(|(owner, _)| Some(owner) == path.last()) {
            path.push(*target);
        }
        path
    }

    #[test]
    fn a_chain_of_64_relationships_is_allowed_and_a_longer_one_is_not() {
        let mut tree = Tree::default();
        for user in 1..=64 {
            assert_eq!(tree.add(u(user), u(user - 1), MAX_DEPTH), Ok(()), "{user}");
        }
        assert_eq!(tree.add(u(65), u(64), MAX_DEPTH), Err(Refusal::TooDeep));
        assert_eq!(tree.add(u(0), u(100), MAX_DEPTH), Err(Refusal::TooDeep));
        assert_eq!(tree.added()[&u(0)], CountBelow { n: 64, height: 64 });
    }

    #[test]
    fn a_cycle_is_named_from_its_owner_back_to_it() {
        let mut tree = Tree::new([(u(1), u(2)), (u(2), u(3))], []);
        assert_eq!(tree.add(u(3), u(1), MAX_DEPTH), Err(Refusal::Cycle(vec![u(3), u(1), u(2), u(3)])));
    }

    proptest! {
        #[test]
        fn what_is_added_agrees_with_the_relationships(wanted in prop::collection::vec((0..12_i64, 0..12_i64), 0..40), stored in 0..20_usize) {
            let mut edges: Vec<(i64, i64)> = Vec::new();
            let mut whole = Tree::default();
            let mut tree = Tree::default();
            let mut before = BTreeMap::new();
            for (place, (user, target)) in wanted.into_iter().filter(|(user, target)| user != target).enumerate() {
                if place == stored {
                    before = whole.added().clone();
                    tree = Tree::new(whole.targets.clone(), before.clone());
                }
                let owned = edges.iter().any(|(owner, _)| *owner == user);
                let closes = path(&edges, target).contains(&user);
                let added = whole.add(u(user), u(target), MAX_DEPTH);
                prop_assert_eq!(added.is_ok(), !owned && !closes);
                if place >= stored {
                    prop_assert_eq!(&tree.add(u(user), u(target), MAX_DEPTH), &added);
                }
                if added.is_ok() {
                    edges.push((user, target));
                }
            }
            for user in 0..12 {
                let paths = edges.iter().map(|(owner, _)| path(&edges, *owner));
                let depths: Vec<_> = paths.filter_map(|path| path.iter().position(|above| *above == user)).filter(|depth| *depth > 0).collect();
                let below = whole.below(u(user));
                prop_assert_eq!(below.n, i64::try_from(depths.len()).unwrap());
                prop_assert_eq!(below.height, i32::try_from(depths.iter().max().copied().unwrap_or(0)).unwrap());
                let stored = before.get(&u(user)).copied().unwrap_or_default();
                let added = tree.added().get(&u(user)).copied().unwrap_or_default();
                if !tree.targets.is_empty() {
                    prop_assert_eq!(below, CountBelow { n: stored.n + added.n, height: stored.height.max(added.height) });
                }
            }
        }
    }
}

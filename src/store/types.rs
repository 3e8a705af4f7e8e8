//! The cache of the names of relationship types, which are read again on a miss, and of their rules.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::held_type::{HeldRole, HeldType};
use super::type_rows::{RulesRow, rules_of};
use crate::model::relationship_type::TypeName;
use crate::model::role::RoleEnd;
use crate::model::rules::Rules;

/// The registered types at some moment. They are few, so a search is linear.
#[derive(Debug, Default)]
pub(super) struct Types(Vec<CachedType>);

#[derive(Debug)]
struct CachedType {
    id: i16,
    name: TypeName,
    user_role: Option<TypeName>,
    target_role: Option<TypeName>,
    rules: Rules,
}

/// A type without what only admins read: its id, its name, its roles of owners and of targets, and its rules.
pub(super) type KnownTypeRow = (i16, String, (Option<String>, Option<String>), RulesRow);

impl Types {
    pub fn of(rows: Vec<KnownTypeRow>) -> Self {
        let cached = |(id, name, (user_role, target_role), rules): KnownTypeRow| {
            let [user_role, target_role] =
                [user_role, target_role].map(|role| role.as_deref().and_then(TypeName::parse));
            Some(CachedType { id, name: TypeName::parse(&name)?, user_role, target_role, rules: rules_of(rules) })
        };
        Self(rows.into_iter().filter_map(cached).collect())
    }

    pub fn id_of(&self, name: &TypeName) -> Option<i16> {
        self.0.iter().find(|known| known.name == *name).map(|known| known.id)
    }

    pub fn name_of(&self, id: i16) -> Option<&TypeName> {
        self.0.iter().find(|known| known.id == id).map(|known| &known.name)
    }

    /// The rules of a type at that moment. Nothing may be decided by them: another process may have changed them.
    pub fn rules_of(&self, name: &TypeName) -> Option<Rules> {
        self.0.iter().find(|known| known.name == *name).map(|known| known.rules)
    }

    /// Whether no type has rules, at that moment; `false` if no types are known.
    pub fn allow_all(&self) -> bool {
        !self.is_empty() && self.0.iter().all(|known| known.rules.allow_all())
    }

    /// The role with a name, at that moment. Nothing may be decided by it either.
    pub fn role(&self, name: &TypeName) -> Option<HeldRole> {
        self.with_role(name).map(|(known, end)| {
            let CachedType { id, name: kind, rules, .. } = known;
            let held = HeldType { id: *id, name: kind.clone(), rules: *rules };
            HeldRole { name: name.clone(), held, end }
        })
    }

    /// The end at which a tree has the users with a role, at that moment.
    pub fn end_in_tree(&self, role: &TypeName) -> Option<RoleEnd> {
        self.tree_with(role).map(|(_, end)| end)
    }

    /// The tree that has a role for the users at an end, at that moment.
    pub fn tree_to(&self, role: &TypeName, end: RoleEnd) -> Option<i16> {
        self.tree_with(role).filter(|(_, of_role)| *of_role == end).map(|(tree, _)| tree.id)
    }

    fn tree_with(&self, role: &TypeName) -> Option<(&CachedType, RoleEnd)> {
        self.with_role(role).filter(|(known, _)| known.rules.is_tree())
    }

    fn with_role(&self, role: &TypeName) -> Option<(&CachedType, RoleEnd)> {
        let is_role = |name: &Option<TypeName>| name.as_ref() == Some(role);
        let known = self.0.iter().find(|known| is_role(&known.user_role) || is_role(&known.target_role))?;
        let user_role = known.user_role.as_ref().map(TypeName::as_str);
        Some((known, RoleEnd::of_role(role.as_str(), known.rules.is_symmetric, user_role)))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn names(&self) -> impl Iterator<Item = &TypeName> {
        self.0.iter().map(|known| &known.name)
    }
}

/// How long types stay cached. The number of a deleted type is not used again while any process may have it cached.
pub(super) const CACHE_TTL: Duration = Duration::from_mins(1);

/// The cache that all jobs on a server share.
///
/// Names never change, and the number of a deleted type is not used again while any process has it cached. So the name
/// and the number of an entry can be stale in one way only: its type was deleted. Then no relationship has the type,
/// lists of it are correctly empty, and a create violates the foreign key, which clears the cache and retries.
#[derive(Debug, Default)]
pub(super) struct TypeCache(RwLock<CachedTypes>);

#[derive(Debug, Default)]
struct CachedTypes {
    types: Arc<Types>,
    /// `None` if nothing is cached.
    since: Option<Instant>,
}

impl TypeCache {
    /// The cached types; none after [`CACHE_TTL`], so that the next job reads them.
    pub fn get(&self) -> Arc<Types> {
        let cached = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let is_recent = cached.since.is_some_and(|since| since.elapsed() < CACHE_TTL);
        if is_recent { Arc::clone(&cached.types) } else { Arc::default() }
    }

    /// Caches types that were just read.
    pub fn put(&self, types: Arc<Types>) {
        let cached = CachedTypes { types, since: Some(Instant::now()) };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = cached;
    }

    /// Clears the cache.
    pub fn clear(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = CachedTypes::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_cached_for_a_minute() {
        let cache = TypeCache::default();
        let name = TypeName::parse("mentor").unwrap();
        cache.put(Arc::new(Types(vec![CachedType {
            id: 3,
            name: name.clone(),
            user_role: None,
            target_role: None,
            rules: Rules::default(),
        }])));
        assert_eq!(cache.get().id_of(&name), Some(3));
        let long_ago = Instant::now().checked_sub(CACHE_TTL).expect("a machine that has been running for a minute");
        cache.0.write().unwrap().since = Some(long_ago);
        assert_eq!(cache.get().id_of(&name), None);
    }
}

//! The cache of the names of relationship types, which are read again on a miss.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::model::relationship_type::TypeName;

/// The registered types at some moment. They are few, so a search is linear.
#[derive(Debug, Default)]
pub(super) struct Types(Vec<(i16, TypeName)>);

impl Types {
    pub fn of(rows: &[(i16, String)]) -> Self {
        Self(rows.iter().filter_map(|(id, name)| Some((*id, TypeName::parse(name)?))).collect())
    }

    pub fn id_of(&self, name: &TypeName) -> Option<i16> {
        self.0.iter().find(|(_, known)| known == name).map(|(id, _)| *id)
    }

    pub fn name_of(&self, id: i16) -> Option<&TypeName> {
        self.0.iter().find(|(known, _)| *known == id).map(|(_, name)| name)
    }

    pub fn names(&self) -> impl Iterator<Item = &TypeName> {
        self.0.iter().map(|(_, name)| name)
    }
}

/// How long types stay cached. The number of a deleted type is not used again while any process may have it cached.
pub(super) const CACHE_TTL: Duration = Duration::from_mins(1);

/// The cache that all jobs on a server share.
///
/// Names never change, and the number of a deleted type is not used again while any process has it cached. So an entry
/// can be stale in one way only: its type was deleted. Then no relationship has the type, lists of it are correctly
/// empty, and a create violates the foreign key, which clears the cache and retries.
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
        cache.put(Arc::new(Types(vec![(3, name.clone())])));
        assert_eq!(cache.get().id_of(&name), Some(3));
        let long_ago = Instant::now().checked_sub(CACHE_TTL).expect("a machine that has been running for a minute");
        cache.0.write().unwrap().since = Some(long_ago);
        assert_eq!(cache.get().id_of(&name), None);
    }
}

//! The names of relationship types, held in memory and read again on a miss.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::model::relationship_type::TypeName;

/// The registered types at some moment: few, so looked through in order.
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

/// How long types are remembered. Within this time the number of a removed type is not used again, so it limits how long
/// a number has to rest.
pub(super) const REMEMBERED: Duration = Duration::from_mins(1);

/// What all jobs of a process share of them.
///
/// Names never change, and the number of a removed type is not used again while any process remembers it. So an entry can
/// be stale in one way only: its type was removed. Then no relationship has it, lists of it are empty as they should be,
/// and a create violates the foreign key, which empties the cache and tries again.
#[derive(Debug, Default)]
pub(super) struct TypeCache(RwLock<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    types: Arc<Types>,
    /// `None` where there is nothing to remember.
    since: Option<Instant>,
}

impl TypeCache {
    /// The types that are remembered; none after [`REMEMBERED`], so that the next job reads them.
    pub fn get(&self) -> Arc<Types> {
        let remembered = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let is_recent = remembered.since.is_some_and(|since| since.elapsed() < REMEMBERED);
        if is_recent { Arc::clone(&remembered.types) } else { Arc::default() }
    }

    /// Remembers what was just read.
    pub fn put(&self, types: Arc<Types>) {
        let remembered = Remembered { types, since: Some(Instant::now()) };
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = remembered;
    }

    /// Forgets all.
    pub fn clear(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Remembered::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_forgotten_after_a_minute() {
        let cache = TypeCache::default();
        let name = TypeName::parse("mentor").unwrap();
        cache.put(Arc::new(Types(vec![(3, name.clone())])));
        assert_eq!(cache.get().id_of(&name), Some(3));
        let long_ago = Instant::now().checked_sub(REMEMBERED).expect("a machine that has been running for a minute");
        cache.0.write().unwrap().since = Some(long_ago);
        assert_eq!(cache.get().id_of(&name), None);
    }
}

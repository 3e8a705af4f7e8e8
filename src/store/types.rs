//! The names of relationship types, held in memory and read again on a miss.

use std::sync::{Arc, PoisonError, RwLock};

use super::rows::TypeRow;
use crate::model::relationship_type::TypeName;

/// The registered types at some moment: few, so looked through in order.
#[derive(Debug, Default)]
pub(super) struct Types(Vec<(i16, TypeName)>);

impl Types {
    pub fn of(rows: &[TypeRow]) -> Self {
        Self(rows.iter().filter_map(|row| Some((row.id, TypeName::parse(&row.name)?))).collect())
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

/// What all jobs of a process share of them.
///
/// Ids are never given twice and names never change, so an entry can be stale in one way only: its type was
/// deleted. Then no relationship has it, lists of it are empty as they should be, and a create runs into the
/// foreign key, which empties the cache and tries again.
#[derive(Debug, Default)]
pub(super) struct TypeCache(RwLock<Arc<Types>>);

impl TypeCache {
    pub fn get(&self) -> Arc<Types> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn put(&self, types: Arc<Types>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = types;
    }

    pub fn clear(&self) {
        self.put(Arc::default());
    }
}

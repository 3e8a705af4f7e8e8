//! The imports on which an instance works.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::id::ImportId;

/// The imports on which an instance works.
#[derive(Debug, Clone, Default)]
pub(super) struct ActiveImports(Arc<Mutex<HashSet<ImportId>>>);

/// Work on an import, until it is dropped: also if its thread panics.
#[derive(Debug)]
pub(super) struct ActiveImport {
    all: ActiveImports,
    id: ImportId,
}

impl ActiveImports {
    /// Begins to work on an import; `None` if this instance does so already.
    pub fn begin(&self, id: ImportId) -> Option<ActiveImport> {
        let is_new = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        is_new.then(|| ActiveImport { all: self.clone(), id })
    }

    /// Whether this instance works on an import.
    pub fn has(&self, id: ImportId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&id)
    }

    /// The imports on which this instance works.
    pub fn ids(&self) -> Vec<ImportId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}

impl Drop for ActiveImport {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

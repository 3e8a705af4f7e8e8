//! Batches: concurrent requests of one kind share a statement.

/// The condition that a relationship type has no rules ([`Rules::allow_all`](crate::model::rules::Rules::allow_all)), as an
/// SQL text.
macro_rules! without_rules {
    () => {
        "NOT (is_symmetric OR is_acyclic OR max_per_user IS NOT NULL OR managed_by <> 'owner')"
    };
}

pub(in crate::store) mod batched_list;
pub(in crate::store) mod batcher;
pub(in crate::store) mod changes;
mod changes_sql;
pub(in crate::store) mod creates;
pub(in crate::store) mod creates_sql;
pub(in crate::store) mod deletes;
mod deletes_sql;
mod lists;
mod lists_sql;
pub(in crate::store) mod lookups;
pub(in crate::store) mod ruled_creates;
mod spread_lists;
pub(in crate::store) mod traversals;

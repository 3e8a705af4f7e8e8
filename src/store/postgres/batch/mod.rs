//! Batches: concurrent requests of one kind share a statement.

pub(in crate::store) mod batcher;
pub(in crate::store) mod changes;
mod changes_sql;
pub(in crate::store) mod creates;
pub(in crate::store) mod creates_sql;
pub(in crate::store) mod deletes;
mod deletes_sql;
pub(in crate::store) mod lists;
mod lists_sql;
pub(in crate::store) mod lookups;
pub(in crate::store) mod ruled_creates;
pub(in crate::store) mod traversals;

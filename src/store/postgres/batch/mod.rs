//! Batches: concurrent creates, changes, deletes, lists and traversals of relationships share statements.

pub(in crate::store) mod batcher;
pub(in crate::store) mod changes;
mod changes_sql;
pub(in crate::store) mod creates;
pub(in crate::store) mod creates_sql;
pub(in crate::store) mod deletes;
mod deletes_sql;
pub(in crate::store) mod lists;
mod lists_sql;
pub(in crate::store) mod ruled_creates;
pub(in crate::store) mod traversals;

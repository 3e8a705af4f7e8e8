//! Batches: concurrent creates, lists and traversals of relationships share statements.

pub(in crate::store) mod batcher;
pub(in crate::store) mod creates;
pub(in crate::store) mod creates_sql;
pub(in crate::store) mod lists;
mod lists_sql;
pub(in crate::store) mod ruled_creates;
pub(in crate::store) mod traversals;

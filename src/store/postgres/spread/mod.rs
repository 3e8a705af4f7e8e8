//! What a database with spread rows has besides the rows: copies of relationships by target and by type, the owner of each
//! relationship by its id, and the user of each address.
//!
//! # Design
//! A row and its copies are written in one transaction. It becomes visible on one node before another, so a job that
//! deletes or changes a row may not find a copy yet that exists. Each function that does so returns whether it has found
//! all copies; if not, the job runs again.

pub(in crate::store) mod copies;
pub(in crate::store) mod creates;
pub(in crate::store) mod edges;
pub(in crate::store) mod emails;
pub(in crate::store) mod hints;
pub(in crate::store) mod locks;
mod schema;

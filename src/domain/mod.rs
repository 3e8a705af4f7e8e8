//! Authorization, validation, and the operations of one transaction.

pub mod accounts;
mod admission;
pub mod as_of;
pub mod changes;
pub mod group_lists;
pub mod groups;
pub mod handover;
pub mod imports;
pub mod operations;
pub mod policy;
pub mod relationship_types;
pub mod relationships;
pub mod roles;
pub mod stored_rules;
pub mod sync;
pub mod transfer;
pub mod traversal;
mod trees;
mod type_data;
pub mod users;
pub mod validation;

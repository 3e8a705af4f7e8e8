//! Authorization, validation, and the operations of one transaction.

pub mod accounts;
pub mod group_lists;
pub mod groups;
pub mod operations;
pub mod policy;
pub mod relationship_types;
pub mod relationships;
pub mod transfer;
mod type_data;
pub mod users;
pub mod validation;

//! The handlers of `/api/v2`, one file for each resource, and what they share.

mod as_of;
pub mod change_parameters;
mod change_waits;
pub mod changes;
mod cost;
pub mod creation;
pub mod deletion_parameters;
pub mod group_members;
pub mod groups;
pub mod import_parameters;
pub mod import_uploads;
pub mod imports;
pub mod index;
pub mod operations;
pub mod parameters;
pub mod relationship_filter;
pub mod relationship_types;
pub mod relationships;
pub mod request;
pub mod responses;
pub mod role_changes;
pub mod roles;
pub mod transfers;
mod traversal;
pub mod users;

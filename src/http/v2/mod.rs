//! `/api/v2`: one file for the handlers of each resource, and what they share.

mod cost;
pub mod creation;
pub mod group_members;
pub mod groups;
pub mod idempotency;
pub mod keyed_locks;
pub mod operations;
pub mod relationship_types;
pub mod relationships;
pub mod request;
pub mod responses;
pub mod turns;
pub mod users;

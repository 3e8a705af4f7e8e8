//! user-relationships: keeps and serves typed relationships between users.
#![doc = ""]

pub mod clock;
pub mod model;
pub mod store;

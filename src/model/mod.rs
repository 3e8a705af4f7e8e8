//! Plain words that every floor shares: users, relationships, types, pages, filters, errors, and the pure rules on them.

pub mod caller;
pub mod client;
pub mod code;
pub mod error;
mod field;
pub mod filter;
pub mod form;
pub mod group;
pub mod id;
pub mod idempotency;
pub mod json_size;
pub mod key;
pub mod limits;
pub mod network;
pub mod page;
pub mod precondition;
pub mod rate;
pub mod read_budget;
pub mod relationship;
pub mod relationship_query;
pub mod relationship_type;
pub mod state;
pub mod text;
pub mod time;
pub mod token;
pub mod truncate;
pub mod user;

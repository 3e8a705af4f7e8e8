//! URLs, headers and documents: translates requests into words of the domain, and its answers back.

pub mod answer;
pub mod body;
pub mod call;
pub mod compression;
pub mod credentials;
pub mod deadline;
pub mod forms;
pub mod forwarded;
pub mod group_members;
pub mod groups;
pub mod idempotency;
pub mod identity;
pub mod jsonapi;
pub mod log_line;
pub mod measures;
pub mod middleware;
pub mod operations;
pub mod ops;
pub mod protection;
pub mod rate_limit;
pub mod relationship_types;
pub mod relationships;
pub mod routes;
pub mod state;
pub mod urls;
pub mod users;

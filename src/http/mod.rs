//! The HTTP layer: translates requests into calls of the domain and results into responses.

pub mod body;
pub mod connections;
pub mod forms;
pub mod jsonapi;
pub mod middleware;
pub mod ops;
pub mod routes;
pub mod state;
pub mod urls;
pub mod v2;

//! user-relationships keeps and serves typed relationships between users.
//!
//! The floors, from the plainest up. Arrows between them point only upwards in this list; `docs/ARCHITECTURE.md`
//! has the picture, and a test keeps it true.

#![allow(
    clippy::redundant_closure_for_method_calls,
    reason = "a method of `Tx` is not general enough over its lifetime"
)]

// Plain words that every floor shares: data and the pure rules on it.
pub mod model;

// What time it is.
pub mod clock;

// What is counted and measured while the service runs.
pub mod metrics;

// SQL, the two databases, transactions, counts.
pub mod store;

// What is allowed, what is valid, what happens together in one transaction.
pub mod domain;

// Turns what a request brings into a verified caller.
pub mod auth;

// Every setting, from one definition.
pub mod config;

// URLs, headers, documents.
pub mod http;

// Builds the service, the same for `main` and for tests.
pub mod app;

// Listens, serves, and ends in good order.
pub mod server;

// Logs.
pub mod telemetry;

// One file a command.
pub mod cli;

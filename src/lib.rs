//! user-relationships stores typed relationships between users and serves them over JSON:API.
//!
//! The program is a thin wrapper around this library. A test or another program can start the service itself:
//! `examples/embed.rs` is a complete example.
//!
//! The modules are layers, listed from the bottom up: a module uses only modules above it in this list.
//! `docs/ARCHITECTURE.md` describes them, and `tests/it/architecture.rs` enforces their dependencies.

#![allow(
    clippy::redundant_closure_for_method_calls,
    reason = "the path of a method of `Tx` is not general over its lifetime"
)]

// Data types and pure rules, shared by all layers.
pub mod model;

// The current time.
pub mod clock;

// Metrics.
pub mod metrics;

// The two databases: connections, transactions, SQL, counts.
pub mod store;

// Authorization, validation, and the steps of each transaction.
pub mod domain;

// Authentication.
pub mod auth;

// Files of imports: text to records.
pub mod files;

// Imports: passes over files.
pub mod imports;

// Settings.
pub mod config;

// Routes, handlers, middleware and documents.
pub mod http;

// Builds the service, the same for the program and for tests.
pub mod app;

// Listens, serves and shuts down.
pub mod server;

// Logging.
pub mod telemetry;

// The command line, one file per command.
pub mod cli;

// Fuzz targets, for `fuzz/` and for the test that replays its corpora. No release contains them.
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;

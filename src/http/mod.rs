//! The HTTP layer: translates requests into calls of the domain and results into responses.
//!
//! Dependencies point one way: `routes` → {`v2`, `forms`, `ops`} → `state` → `middleware` → `jsonapi` → `model`.

// Reads request bodies up to a limit.
pub mod body;
// Readers that wait for changes.
pub mod change_readers;
// The registry of open connections; evicts idle ones when connections run short.
pub mod connections;
// The key that signs cursors.
pub mod cursor_key;
// The forms dialect: `/api/users`, `/api/sessions`, `/api/user/…`.
pub mod forms;
// `Idempotency-Key`: a request takes effect once, however often it is sent.
pub mod idempotency;
// Parses JSON bodies.
pub mod json;
// JSON:API documents, queries, media types and entity tags.
pub mod jsonapi;
// Locks by key, for idempotency keys and operation permits.
pub mod keyed_locks;
// What every request passes before and after its handler.
pub mod middleware;
// How many requests with operations run at a time.
pub mod operation_limiter;
// Probes, metrics, documentation, the explorer.
pub mod ops;
// What the log says about a failed request.
pub mod outcome;
// Verifies passwords, and limits how many a source can try.
pub mod password_attempts;
// Classifies request paths.
pub mod paths;
// The table of routes.
pub mod request_id;
pub mod routes;
// What handlers share.
pub mod state;
// The URLs that documents contain.
pub mod urls;
// The handlers of `/api/v2`.
pub mod v2;

//! PostgreSQL: pools of connections, one transaction for a write, batches of the most frequent requests, and a replica.

mod addresses;
pub(super) mod batch;
mod bulk;
mod canary;
mod canceller;
pub(super) mod change_numbers;
pub(super) mod conn;
mod connect_failure;
pub(super) mod copy;
mod dialect;
mod engine;
pub(super) mod inspection;
pub(super) mod layout;
mod lock_wait;
pub(super) mod mode;
mod options;
mod permits;
pub(super) mod pooler;
pub(super) mod positions;
mod replay;
pub(super) mod replica;
mod running;
pub(super) mod server;
pub(super) mod sessions;
pub(super) mod spread;
mod transaction;

#[path = "../queries/mod.rs"]
pub(super) mod queries;

use conn::{Conn, Db};

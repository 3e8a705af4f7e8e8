//! The parts of the fixtures of the tests that the campaign needs.

#[path = "../../tests/it/support/app.rs"]
pub mod app;
#[path = "../../tests/it/support/citus.rs"]
pub mod citus;
#[path = "../../tests/it/support/client.rs"]
pub mod client;
#[path = "../../tests/it/support/cluster.rs"]
pub mod cluster;
#[path = "../../tests/it/support/forms.rs"]
pub mod forms;
#[path = "../../tests/it/support/network_proxy.rs"]
pub mod network_proxy;
#[path = "../../tests/it/support/pgbouncer.rs"]
pub mod pgbouncer;
#[path = "../../tests/it/support/process.rs"]
pub mod process;
#[path = "../../tests/it/support/random.rs"]
pub mod random;
#[path = "../../tests/it/support/signing.rs"]
pub mod signing;
#[path = "../../tests/it/support/skip.rs"]
pub mod skip;
#[path = "../../tests/it/support/sql.rs"]
pub mod sql;

pub use app::{App, Engine};
pub use client::{Answer, Client};
pub use serde_json::{Value, json};

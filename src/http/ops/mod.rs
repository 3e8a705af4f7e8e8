//! Pages and endpoints for operators and developers: probes, metrics, documentation, OpenAPI, explorer.

pub mod docs;
pub mod explorer;
pub mod health;
pub mod metrics;
pub mod openapi;
pub mod page;
pub mod root;

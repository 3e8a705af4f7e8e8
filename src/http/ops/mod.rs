//! What operators and newcomers look at.

pub mod docs;
pub mod explorer;
pub mod health;
pub mod metrics;
pub mod openapi;
pub mod page;
pub mod root;

//! What operators and newcomers look at.

pub mod docs;
pub mod health;
pub mod metrics;
pub mod openapi;
pub mod root;

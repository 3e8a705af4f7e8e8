//! JSON:API 1.1: what requests mean and what answers look like.

pub mod document;
pub mod errors;
pub mod input;
pub mod links;
pub mod negotiation;
pub mod query;
pub mod resources;

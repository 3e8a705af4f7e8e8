//! JSON:API 1.1: what requests mean and what answers look like.

pub mod atomic;
pub mod cursor;
pub mod document;
pub mod errors;
pub mod etag;
pub mod group_resources;
pub mod input;
pub mod negotiation;
pub mod page_links;
pub mod paging;
pub mod preferences;
pub mod problem;
pub mod problems;
pub mod profile;
pub mod query;
pub mod raw_json;
mod relationship_resource;
pub mod requests;
pub mod resources;
pub mod tag_format;
pub mod view;

//! JSON:API 1.1: parses requests and renders responses. A library: it knows `model`, `domain` types and `urls` only.

pub mod atomic;
pub mod cursor;
pub mod document;
pub mod errors;
pub mod etag;
pub mod fields;
pub mod group_resources;
pub mod input;
pub mod links;
pub mod media_type;
pub mod negotiation;
pub mod page_links;
pub mod paging;
pub mod parameter;
pub mod preferences;
pub mod problem;
pub mod problems;
pub mod profile;
pub mod query;
pub mod raw_json;
mod relationship_resource;
pub mod render_options;
pub mod requests;
pub mod resources;
pub mod tag_format;
mod text;

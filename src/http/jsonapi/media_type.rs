//! The media type of JSON:API.

/// The media type without parameters.
pub const MEDIA_TYPE: &str = "application/vnd.api+json";

//! Documents that answer (JSON:API 1.1, "Document Structure").

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;

use super::errors::Failure;

/// The media type of JSON:API.
pub const MEDIA_TYPE: &str = "application/vnd.api+json";

/// The `jsonapi` member.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Version {
    version: &'static str,
}

/// What every document says of itself.
pub const VERSION: Version = Version { version: "1.1" };

/// A document; members that are `None` are left out.
#[derive(Debug, Serialize)]
pub struct Document<Data, Links, Meta> {
    jsonapi: Version,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data>,
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<Links>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Meta>,
}

/// What lists say beside their rows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ListMeta {
    /// All rows that match, whatever the page.
    pub total_count: i64,
}

/// The `links` of a single resource.
#[derive(Debug, Serialize)]
pub struct SelfLink<Url> {
    /// Where it can be fetched.
    #[serde(rename = "self")]
    pub this: Url,
}

/// No `links`.
pub type Nothing = ();

impl<Data: Serialize, Links: Serialize, Meta: Serialize> Document<Data, Links, Meta> {
    /// A document with all three.
    pub fn new(data: Data, links: Links, meta: Meta) -> Self {
        Self { jsonapi: VERSION, data: Some(data), links: Some(links), meta: Some(meta) }
    }

    /// The answer that carries it.
    ///
    /// # Errors
    /// 500 if it cannot be written, which no document of ours should bring about.
    pub fn answer(&self, status: StatusCode) -> Result<HttpResponse, Failure> {
        let mut body = Vec::with_capacity(1024);
        serde_json::to_writer(&mut body, self).map_err(|error| Failure::internal(error.to_string()))?;
        Ok(HttpResponse::build(status).content_type(MEDIA_TYPE).body(body))
    }
}

impl<Data: Serialize, Links: Serialize> Document<Data, Links, ()> {
    /// A document of one thing.
    pub fn of(data: Data, links: Links) -> Self {
        Self { jsonapi: VERSION, data: Some(data), links: Some(links), meta: None }
    }
}

impl<Data: Serialize> Document<Data, Nothing, ()> {
    /// A document of one resource, which has its own links.
    pub fn one(data: Data) -> Self {
        Self { jsonapi: VERSION, data: Some(data), links: None, meta: None }
    }
}

impl<Links: Serialize, Meta: Serialize> Document<(), Links, Meta> {
    /// A document without primary data.
    pub fn about(links: Links, meta: Meta) -> Self {
        Self { jsonapi: VERSION, data: None, links: Some(links), meta: Some(meta) }
    }
}

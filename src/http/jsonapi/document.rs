//! Documents that answer (JSON:API 1.1, "Document Structure").

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;

use super::errors::Failure;
use super::profile::Applied;
use super::resources::Resource;
use crate::domain::group_lists::{VisibleGroup, VisibleMember};
use crate::http::jsonapi::raw_json;
use crate::model::limits::MAX_ANSWER;
use crate::model::user::User;

/// The media type of JSON:API.
pub const MEDIA_TYPE: &str = "application/vnd.api+json";

/// About how many bytes a resource has, and all the rest of a document; too few cost a second piece, no more.
const EXPECTED: usize = 900;

/// A document; members that are `None` are left out.
#[derive(Serialize)]
pub struct Document<'a, Data, Links = (), Meta = ()> {
    jsonapi: Applied,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data>,
    #[serde(skip_serializing_if = "Option::is_none")]
    included: Option<Vec<Included<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<Links>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Meta>,
}

/// A resource that comes along.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Included<'a> {
    /// A group.
    Group(Resource<'a, VisibleGroup>),
    /// A membership.
    Member(Resource<'a, VisibleMember>),
    /// A user.
    User(Resource<'a, User>),
}

/// The `links` of a single resource.
#[derive(Debug, Serialize)]
pub struct SelfLink<Url> {
    /// Where it can be fetched.
    #[serde(rename = "self")]
    pub this: Url,
}

impl<'a, Data: Serialize> Document<'a, Data> {
    /// A document of one resource, which has its own links.
    #[must_use]
    pub fn one(data: Data) -> Self {
        Self { jsonapi: Applied::Nothing, data: Some(data), included: None, links: None, meta: None }
    }

    /// The same document with links.
    #[must_use]
    pub fn with_links<Links>(self, links: Links) -> Document<'a, Data, Links> {
        let Self { jsonapi, data, included, meta, .. } = self;
        Document { jsonapi, data, included, links: Some(links), meta }
    }
}

impl<Links: Serialize, Meta: Serialize> Document<'_, (), Links, Meta> {
    /// A document without primary data.
    #[must_use]
    pub fn about(links: Option<Links>, meta: Meta) -> Self {
        Self { jsonapi: Applied::Nothing, data: None, included: None, links, meta: Some(meta) }
    }
}

impl<'a, Data: Serialize, Links: Serialize, Meta: Serialize> Document<'a, Data, Links, Meta> {
    /// A document of a list.
    #[must_use]
    pub fn list(applied: Applied, data: Data, links: Links, meta: Meta) -> Self {
        Self { jsonapi: applied, data: Some(data), included: None, links: Some(links), meta: Some(meta) }
    }

    /// The same document with what comes along; `None` if `include` was not asked for.
    #[must_use]
    pub fn including(self, included: Option<Vec<Included<'a>>>) -> Self {
        Self { included, ..self }
    }

    /// The document as it is sent. `expected` is about how many bytes it has, so that it is written in one piece.
    ///
    /// # Errors
    /// 413 if it is larger than [`MAX_ANSWER`], 500 if it cannot be written, which no document of ours should bring about.
    pub fn bytes(&self, expected: usize) -> Result<Vec<u8>, Failure> {
        let body = raw_json::write(self, expected).map_err(|error| Failure::internal(error.to_string()))?;
        if body.len() > MAX_ANSWER { Err(Failure::answer_too_large()) } else { Ok(body) }
    }

    /// The answer that carries it.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes).
    pub fn answer(&self, status: StatusCode) -> Result<HttpResponse, Failure> {
        self.answer_of(status, 1)
    }

    /// The answer that carries it, with so many resources.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes).
    pub fn answer_of(&self, status: StatusCode, resources: usize) -> Result<HttpResponse, Failure> {
        let body = self.bytes(EXPECTED + resources * EXPECTED)?;
        Ok(HttpResponse::build(status).content_type(self.jsonapi.media_type()).body(body))
    }
}

//! Response documents (JSON:API 1.1, "Document Structure").

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;

use super::errors::Failure;
use super::past_resources::DeletedUser;
use super::profile::Applied;
use super::raw_json;
use super::resources::Resource;
use crate::domain::group_lists::{VisibleGroup, VisibleMember};
use crate::model::limits::MAX_ANSWER;
use crate::model::user::User;

/// The expected size of a resource, and of the rest of a document, in bytes. A larger one costs another allocation.
const EXPECTED_SIZE: usize = 900;

/// A document; members that are `None` are omitted.
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

/// An included resource.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Included<'a> {
    /// A group.
    Group(Resource<'a, VisibleGroup>),
    /// A membership.
    Member(Resource<'a, VisibleMember>),
    /// A user.
    User(Resource<'a, User>),
    /// A deleted user.
    DeletedUser(DeletedUser),
}

impl<'a, Data: Serialize> Document<'a, Data> {
    /// A document of one resource, which contains its own links.
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

impl<'a, Data: Serialize, Links: Serialize> Document<'a, Data, Links> {
    /// The same document with `meta`.
    #[must_use]
    pub fn with_meta<Meta>(self, meta: Meta) -> Document<'a, Data, Links, Meta> {
        let Self { jsonapi, data, included, links, .. } = self;
        Document { jsonapi, data, included, links, meta: Some(meta) }
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

    /// The same document with included resources; `None` if the query has no `include`.
    #[must_use]
    pub fn including(self, included: Option<Vec<Included<'a>>>) -> Self {
        Self { included, ..self }
    }

    /// Serializes the document. `capacity` is its expected size in bytes.
    ///
    /// # Errors
    /// 413 if it is larger than [`MAX_ANSWER`]; 500 if it cannot be serialized, which would be a bug.
    pub fn bytes(&self, capacity: usize) -> Result<Vec<u8>, Failure> {
        let body = raw_json::write(self, capacity).map_err(|error| Failure::internal(error.to_string()))?;
        if body.len() > MAX_ANSWER { Err(Failure::answer_too_large()) } else { Ok(body) }
    }

    /// The response with this document, which has one resource.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes).
    pub fn answer(&self, status: StatusCode) -> Result<HttpResponse, Failure> {
        self.answer_of(status, 1)
    }

    /// The response with this document, which has about `resources` resources.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes).
    pub fn answer_of(&self, status: StatusCode, resources: usize) -> Result<HttpResponse, Failure> {
        let body = self.bytes(EXPECTED_SIZE * (resources + 1))?;
        Ok(HttpResponse::build(status).content_type(self.jsonapi.media_type()).body(body))
    }
}

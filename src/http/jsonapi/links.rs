//! `links` of resource objects, relationship objects and documents (JSON:API 1.1, "Links").

use serde::Serialize;
use std::fmt;

use super::text::Text;
use crate::http::urls::{BaseUrl, EndUrl, LinkUrl, LinkageUrl, RelatedLinkageUrl, RelatedUrl};
use crate::model::id::RelationshipId;

/// The `links` of a single resource.
#[derive(Debug, Serialize)]
pub struct SelfLink<Url> {
    /// Where it can be fetched.
    #[serde(rename = "self")]
    pub this: Url,
}

/// The `links` of a document about the service.
#[derive(Debug, Serialize)]
pub struct DocumentLinks {
    #[serde(rename = "self")]
    this: String,
    #[serde(rename = "describedby")]
    described_by: String,
}

impl DocumentLinks {
    /// The links of the document at `path`.
    #[must_use]
    pub fn new(base: &BaseUrl, path: &str) -> Self {
        Self { this: base.join(path), described_by: base.join("/openapi.json") }
    }
}

/// The links of one end of a relationship.
#[derive(Serialize)]
pub struct EndLinks<'a> {
    #[serde(rename = "self")]
    this: Text<LinkUrl<'a, LinkageUrl>>,
    related: Text<LinkUrl<'a, EndUrl>>,
}

impl<'a> EndLinks<'a> {
    /// The links of the end called `name`.
    #[must_use]
    pub fn new(base: &'a BaseUrl, id: RelationshipId, name: &'static str) -> Self {
        Self { this: Text(LinkUrl(base, LinkageUrl(id, name))), related: Text(LinkUrl(base, EndUrl(id, name))) }
    }
}

/// The links of a relationship object. A link to a resource that the caller may not see is omitted.
#[derive(Serialize)]
#[serde(bound = "Url: fmt::Display")]
pub struct RelationshipLinks<Url> {
    #[serde(rename = "self", skip_serializing_if = "Option::is_none")]
    this: Option<Text<RelatedLinkageUrl<Url>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    related: Option<Text<RelatedUrl<Url>>>,
}

impl<Url: Copy> RelationshipLinks<Url> {
    /// The links of the to-one relationship called `name` of the resource at `url`.
    #[must_use]
    pub fn to_one(url: Url, name: &'static str, is_visible: bool) -> Self {
        let related = is_visible.then_some(Text(RelatedUrl(url, name)));
        Self { this: Some(Text(RelatedLinkageUrl(url, name))), related }
    }

    /// The links of the to-many relationship called `name` of the resource at `url`.
    #[must_use]
    pub fn to_many(url: Url, name: &'static str) -> Self {
        Self { this: None, related: Some(Text(RelatedUrl(url, name))) }
    }
}

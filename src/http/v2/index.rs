//! `/api/v2`: links to everything below it.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;

use crate::http::jsonapi::document::Document;
use crate::http::jsonapi::errors::Failure;
use crate::http::jsonapi::links::DocumentLinks;
use crate::http::v2::request::Call;

/// JSON:API allows no other names in the `links` of a document, so the links are in its `meta`.
#[derive(Serialize)]
struct IndexMeta {
    links: IndexLinks,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct IndexLinks {
    user_relationships: String,
    users: String,
    me: String,
    relationship_types: String,
    groups: String,
    group_members: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    transfers: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    imports: Option<String>,
    docs: String,
}

/// `GET /api/v2`
pub async fn get(call: Call) -> Result<HttpResponse, Failure> {
    call.query(&[])?;
    let base = &call.state.base;
    let links = IndexLinks {
        user_relationships: base.join("/api/v2/user-relationships"),
        users: base.join("/api/v2/users"),
        me: base.join("/api/v2/users/me"),
        relationship_types: base.join("/api/v2/relationship-types"),
        groups: base.join("/api/v2/groups"),
        group_members: base.join("/api/v2/group-members"),
        // Only for callers who may follow the link.
        transfers: call.caller.is_admin().then(|| base.join("/api/v2/transfers")),
        imports: call.caller.is_admin().then(|| base.join("/api/v2/imports")),
        docs: base.join("/docs"),
    };
    Document::about(Some(DocumentLinks::new(base, "/api/v2")), IndexMeta { links }).answer(StatusCode::OK)
}

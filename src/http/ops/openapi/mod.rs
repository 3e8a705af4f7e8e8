//! `/openapi.json`: the API as an OpenAPI 3.1 document.
//!
//! # Design
//! The document is built once from the declarations that the service itself uses, so it cannot become outdated: query
//! parameters from `v2::parameters`, members from the fields of resources, statuses and codes from
//! [`Code`](crate::model::code::Code). Descriptions are in [`operations`]; a test fails for a route without one.

mod build;
mod changes;
mod examples;
pub(super) mod forms;
mod groups;
mod imports;
mod naming;
pub mod operation;
pub mod operations;
mod parameters;
mod relationship_types;
mod requests;
pub(super) mod responses;
mod roles;
mod schemas;
mod transfers;

use actix_web::{HttpResponse, web};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

use crate::http::paths;
use crate::http::state::AppState;
use crate::http::urls::BaseUrl;
use build::insert;
use operation::ApiOperation;
use operations::{OPERATIONS, TAGS};

static DOCUMENT: LazyLock<Value> = LazyLock::new(build_document);
static TEXT: LazyLock<String> = LazyLock::new(|| format!("{:#}\n", *DOCUMENT));

/// The document.
#[must_use]
pub fn document() -> &'static Value {
    &DOCUMENT
}

/// The document as it is sent, with a line break at the end.
#[must_use]
pub fn text() -> &'static str {
    &TEXT
}

/// `GET /openapi.json`
pub async fn get(state: web::Data<AppState>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(text_with_base(&state.base))
}

/// The document of a service with this base.
fn text_with_base(base: &BaseUrl) -> String {
    if base.is_empty() {
        return text().to_owned();
    }
    // Base URLs contain nothing that JSON escapes. These are the only URLs of the document that are not below `paths`.
    let url = |path: &str| format!("\"url\": \"{path}\"");
    text().replace(&url("/"), &url(base.as_str())).replace(&url("/docs"), &url(&base.join("/docs")))
}

fn build_document() -> Value {
    let mut paths = Map::new();
    for operation in OPERATIONS.iter() {
        let path =
            paths.entry(operation.path).or_insert_with(|| json!({ "parameters": parameters::of_path(operation.path) }));
        insert(path, &operation.method.to_ascii_lowercase(), describe(operation));
    }
    paths.extend(forms::paths());
    let mut schemas = json!({});
    for part in schemas::parts().into_iter().chain([
        groups::schemas(),
        roles::schemas(),
        transfers::schemas(),
        imports::schemas(),
        changes::schemas(),
        requests::all(),
    ]) {
        if let (Some(all), Value::Object(part)) = (schemas.as_object_mut(), part) {
            all.extend(part);
        }
    }
    for (name, schema) in forms::schemas().into_iter().chain(parameters::enumerations()) {
        insert(&mut schemas, &name, schema);
    }
    let schemas = schemas.as_object().cloned().map(naming::name_nested);
    let tags: Vec<_> =
        TAGS.iter().chain([&forms::TAG]).map(|(name, about)| json!({ "name": name, "description": about })).collect();
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": env!("CARGO_PKG_NAME"),
            "version": env!("CARGO_PKG_VERSION"),
            "summary": env!("CARGO_PKG_DESCRIPTION"),
            "description": ABOUT,
            "license": { "name": "MIT OR Apache-2.0", "identifier": env!("CARGO_PKG_LICENSE") },
        },
        "servers": [{ "url": "/", "description": "The server of this document" }],
        "externalDocs": { "url": "/docs", "description": "API reference" },
        "tags": tags,
        "security": [{ "token": [] }, { "bearer": [] }, { "apiId": [], "apiUser": [], "apiSignature": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": parameters::of_headers(),
            "responses": responses::of_errors(),
            "headers": responses::headers(),
            "securitySchemes": {
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "An API token, sent as `Authorization: Token token=urt_…`.",
                },
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "urt_… or JWT",
                    "description": "The same API token, sent as `Authorization: Bearer urt_…`, or a JWT.",
                },
                "apiId": signing_header("Api-Id", "Id of the client that signs the request."),
                "apiUser": signing_header("Api-User", "E-mail address of the user on whose behalf the request is made."),
                "apiSignature": signing_header("Api-Signature", "Base64 of an RSA signature over URL, body, client id and user."),
            },
        },
    })
}

const ABOUT: &str = "Typed relationships between users, as a [JSON:API 1.1](https://jsonapi.org/format/1.1/) server.\n\n\
Every response below `/api/v2` is `application/vnd.api+json`. HEAD is supported wherever GET is, and OPTIONS everywhere, \
without credentials; any other method gets 405 `method-not-allowed` with `Allow`. A trailing slash is ignored. \
Authentication comes first: a request without valid credentials gets 401, whatever else is wrong with it.\n\n\
The query parameters `offset`, `limit`, `user`, `target`, `relationship` and `query` have the names of Skillhive's API. \
Each is an alias of a parameter with brackets, and only one of the two may be sent. `page[offset]` and `page[limit]` \
cannot be combined with `page[size]`, `page[after]` and `page[before]`; `page[number]` with `page[size]` is another way \
to request an offset. `filter[x][]=1` and `filter[x][0]=1` are the same as `filter[x]=1`. Unknown parameters get 400.";

/// A header field of signed requests.
fn signing_header(name: &str, about: &str) -> Value {
    json!({ "type": "apiKey", "in": "header", "name": name, "description": about })
}

fn describe(operation: &ApiOperation) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": parameters::of_operation(operation),
        "responses": responses::of_operation(operation),
    });
    if !operation.description.is_empty() {
        insert(&mut described, "description", operation.description);
    }
    if let Some(body) = &operation.body {
        insert(&mut described, "requestBody", responses::request_body(body));
    }
    if !paths::needs_caller(operation.path) {
        insert(&mut described, "security", json!([]));
    }
    described
}

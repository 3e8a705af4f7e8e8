//! `/openapi.json`: the API for programs, as OpenAPI 3.1 has it.
//!
//! # Design
//! The document is made once from what the service itself runs on, so that neither can change without the other:
//! paths and methods from [`routes`], query parameters from the lists that the handlers read them by, members from
//! the fields that resources are rendered from, statuses and codes from the catalogue of errors. What no code knows,
//! the words for people, stands in [`operations`]; a test fails on a route without them.

mod build;
mod examples;
pub(super) mod forms;
mod groups;
pub mod operation;
pub mod operations;
mod parameters;
mod requests;
pub(super) mod responses;
mod schemas;

use actix_web::HttpResponse;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

use crate::http::routes;
use build::set;
use operation::Operation;
use operations::{OPERATIONS, TAGS};

static DOCUMENT: LazyLock<Value> = LazyLock::new(document);
static TEXT: LazyLock<String> = LazyLock::new(|| format!("{:#}\n", *DOCUMENT));

/// The document.
#[must_use]
pub fn value() -> &'static Value {
    &DOCUMENT
}

/// The document as it is sent, a line break at the end.
#[must_use]
pub fn text() -> &'static str {
    &TEXT
}

/// `GET /openapi.json`
pub async fn get() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(text())
}

/// Every operation in the order of the routes.
pub fn in_order() -> impl Iterator<Item = &'static Operation> {
    let open = routes::OPEN.iter().map(|path| (*path, ["GET"].as_slice()));
    let all = routes::TABLE.iter().copied().chain(open);
    all.flat_map(|(path, methods)| methods.iter().filter_map(move |method| find(path, method)))
}

fn find(path: &str, method: &str) -> Option<&'static Operation> {
    OPERATIONS.iter().find(|operation| operation.path == path && operation.method == method)
}

fn document() -> Value {
    let mut paths = Map::new();
    for operation in in_order() {
        let path =
            paths.entry(operation.path).or_insert_with(|| json!({ "parameters": parameters::of_path(operation.path) }));
        set(path, &operation.method.to_ascii_lowercase(), described(operation));
    }
    paths.extend(forms::paths());
    let mut schemas = json!({});
    for part in schemas::parts().into_iter().chain([groups::schemas(), requests::all()]) {
        if let (Some(all), Value::Object(part)) = (schemas.as_object_mut(), part) {
            all.extend(part);
        }
    }
    for (name, schema) in forms::schemas() {
        set(&mut schemas, name, schema);
    }
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
        "servers": [{ "url": "/", "description": "Where this document was fetched" }],
        "externalDocs": { "url": "/docs", "description": "The same for people" },
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
                    "description": "The same token, sent as `Authorization: Bearer urt_…`, or a JWT.",
                },
                "apiId": signing("Api-Id", "Names the client that signs the request."),
                "apiUser": signing("Api-User", "E-mail address of the user in whose name the request is made."),
                "apiSignature": signing("Api-Signature", "Base64 of an RSA signature over URL, body, client and user."),
            },
        },
    })
}

const ABOUT: &str = "Typed relationships between users, as a [JSON:API 1.1](https://jsonapi.org/format/1.1/) server.\n\n\
Every answer below `/api` is `application/vnd.api+json` and depends on `Accept` (`Vary`). HEAD is answered wherever GET \
is, OPTIONS everywhere and without credentials; any other method is 405 `method-not-allowed` with `Allow`. A slash at the end of \
a path makes no difference. Who asks comes first: a request without valid credentials is 401, whatever else is wrong \
with it.\n\nThe six bare query names (`offset`, `limit`, `user`, `target`, `relationship`, `query`) are those of \
Skillhive's API; each is another name of a bracketed parameter, and only one of the two may be sent. \
`page[offset]` and `page[limit]` cannot be mixed with `page[size]`, `page[after]` and `page[before]`. \
Unknown parameters are 400.";

/// A header field that a signed request has beside others.
fn signing(name: &str, about: &str) -> Value {
    json!({ "type": "apiKey", "in": "header", "name": name, "description": about })
}

fn described(operation: &Operation) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": parameters::of_operation(operation),
        "responses": responses::of_operation(operation),
    });
    if !operation.about.is_empty() {
        set(&mut described, "description", operation.about);
    }
    if let Some(body) = &operation.body {
        set(&mut described, "requestBody", responses::request_body(body));
    }
    if !routes::needs_caller(operation.path) {
        set(&mut described, "security", json!([]));
    }
    described
}

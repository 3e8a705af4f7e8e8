//! Request bodies, responses and error codes of operations.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

use super::build::{insert, reference};
use super::operation::{ApiOperation, BodyContent, RequestBody, Success};
use super::operations::OPERATIONS;
use super::parameters::CONSISTENCY_TOKEN;
use super::{changes, examples, roles};
use crate::http::jsonapi::media_type::MEDIA_TYPE;
use crate::http::jsonapi::paging::AFTER;
use crate::http::jsonapi::profile::Applied;
use crate::http::paths;
use crate::model::code::Code;

/// The codes of every operation that needs a caller.
const ALWAYS: &[Code] = &[
    Code::UnknownParameter,
    Code::InvalidParameter,
    Code::DuplicateParameter,
    Code::UnsupportedInclude,
    Code::UnsupportedSort,
    Code::Unauthenticated,
    Code::SignatureRejected,
    Code::AccountDisabled,
    Code::RateLimited,
    Code::NotAcceptable,
    Code::UriTooLong,
    Code::HeadersTooLarge,
    Code::Internal,
    Code::Unavailable,
];
/// The codes of every operation with a body.
const WITH_BODY: &[Code] = &[
    Code::MalformedJson,
    Code::MalformedDocument,
    Code::TypeMismatch,
    Code::BodyTooLarge,
    Code::UnsupportedMediaType,
    Code::InvalidAttribute,
    Code::UnknownAttribute,
];

/// All error codes of an operation.
pub fn codes_of(operation: &ApiOperation) -> Vec<Code> {
    let when = |applies: bool, codes: &'static [Code]| if applies { codes } else { &[] };
    let has_parameter = |start: &str| operation.query.iter().any(|parameter| parameter.name.starts_with(start));
    let is_open = !paths::needs_caller(operation.path);
    let groups = [
        when(!is_open, ALWAYS),
        when(is_open && !paths::is_probe(operation.path), &[Code::RateLimited]),
        when(is_open, &[Code::UriTooLong, Code::HeadersTooLarge, Code::Internal]),
        when(has_parameter("fields["), &[Code::UnknownField, Code::AnswerTooLarge]),
        when(operation.path.contains("{id}"), &[Code::NotFound]),
        when(operation.body.is_some_and(|body| body.content != BodyContent::File), WITH_BODY),
        when(operation.allows_preconditions(), &[Code::PreconditionFailed]),
        when(
            operation.allows_idempotency_key(),
            &[Code::IdempotencyKeyInUse, Code::IdempotencyKeyReused, Code::AnswerTooLarge],
        ),
        when(has_parameter("max-depth"), &[Code::TraversalTooLarge]),
        operation.error_codes,
    ];
    let codes = groups.concat();
    Code::ALL.iter().copied().filter(|code| codes.contains(code)).collect()
}

fn group_by_status(codes: &[Code]) -> BTreeMap<u16, Vec<Code>> {
    let mut statuses = BTreeMap::<_, Vec<_>>::new();
    for code in codes {
        statuses.entry(code.status()).or_default().push(*code);
    }
    statuses
}

fn error_name(status: u16) -> String {
    format!("Error{status}")
}

/// All responses of an operation.
pub fn of_operation(operation: &ApiOperation) -> Value {
    let mut responses = Map::new();
    for (status, mut response) in success_responses(operation) {
        if operation.may_write()
            && let Some(headers) = response.get_mut("headers")
        {
            insert(headers, CONSISTENCY_TOKEN, reference("headers", CONSISTENCY_TOKEN));
        }
        responses.insert(status.to_owned(), response);
    }
    for (status, codes) in group_by_status(&codes_of(operation)) {
        let mut response = reference("responses", &error_name(status));
        let codes: Vec<_> = codes.iter().map(|code| format!("`{}`: {}", code.name(), code.title())).collect();
        insert(&mut response, "description", codes.join(". "));
        responses.insert(status.to_string(), response);
    }
    responses.into()
}

fn success_responses(operation: &ApiOperation) -> Vec<(&'static str, Value)> {
    let not_modified = || {
        let response = json!({ "description": "Not modified: the `ETag` of the client is current", "headers": header_references(&["ETag", "X-Request-Id"]) });
        ("304", response)
    };
    let document = |about: &str, headers: &[&str], schema: &str| response(about, headers, &[Applied::Nothing], schema);
    match operation.success {
        Success::Fetched(schema) => vec![("200", document("The resource", &["ETag"], schema)), not_modified()],
        Success::Listed(schema) => {
            let is_by_cursor = operation.query.iter().any(|parameter| parameter.name == AFTER.name);
            let kinds = [Applied::Nothing, Applied::CursorProfile];
            let kinds = if is_by_cursor { &kinds[..] } else { &[Applied::Nothing] };
            vec![("200", response("A page of the list", &["ETag"], kinds, schema)), not_modified()]
        }
        Success::Changes => {
            let headers = ["ETag", "Preference-Applied"];
            vec![("200", document("A page of changes", &headers, changes::LIST)), not_modified()]
        }
        Success::Created(schema) => {
            let mut created = document("The new resource", &["Location", "ETag", "Idempotent-Replayed"], schema);
            insert(&mut created, "links", links(operation.path));
            vec![("201", created)]
        }
        Success::Accepted(schema) => {
            vec![(
                "202",
                document("The resource; `state` and `progress` say how far its work is", &["Location", "ETag"], schema),
            )]
        }
        Success::Changed(schema) => vec![("200", document("The changed resource", &["ETag"], schema))],
        Success::Deleted => {
            let no_content = json!({ "description": "Deleted", "headers": header_references(&["X-Request-Id"]) });
            let with_body =
                document("Deleted; with `Prefer: return=representation`", &["Preference-Applied"], "MetaDocument");
            vec![("200", with_body), ("204", no_content)]
        }
        Success::OperationResults => {
            let about = "The results, one per operation";
            vec![("200", response(about, &["Idempotent-Replayed"], &[Applied::AtomicExtension], "OperationResults"))]
        }
        Success::Document(schema) => vec![("200", document("The document", &[], schema))],
        Success::Page => vec![(
            "200",
            json!({ "description": "The page", "content": { "text/html": { "schema": { "type": "string" } } } }),
        )],
        Success::Text => vec![(
            "200",
            json!({ "description": "The metrics", "content": { "text/plain": { "schema": { "type": "string" } } } }),
        )],
        Success::Json => {
            vec![(
                "200",
                json!({ "description": "The document", "content": { "application/json": { "schema": reference("schemas", "OpenApiDocument") } } }),
            )]
        }
        Success::AlwaysFails => Vec::new(),
    }
}

/// Links to the operations on a new resource of a collection.
fn links(collection: &str) -> Value {
    let next =
        OPERATIONS.iter().filter(|next| next.path.strip_prefix(collection).is_some_and(|it| it.starts_with("/{id}")));
    let link = |next: &ApiOperation| {
        let mut parameters = json!({ "id": "$response.body#/data/id" });
        if next.path.contains("{end}") {
            insert(&mut parameters, "end", "target");
        }
        if next.path.contains("{role}") {
            insert(&mut parameters, "role", roles::EXAMPLE);
        }
        (next.id.to_owned(), json!({ "operationId": next.id, "parameters": parameters }))
    };
    next.map(link).collect::<Map<_, _>>().into()
}

fn response(about: &str, headers: &[&str], kinds: &[Applied], schema: &str) -> Value {
    let headers = header_references(&[headers, &["X-Request-Id"]].concat());
    let media =
        |applied: &Applied| (applied.media_type().to_owned(), json!({ "schema": reference("schemas", schema) }));
    let content: Map<_, _> = kinds.iter().map(media).collect();
    json!({ "description": about, "headers": headers, "content": content })
}

fn header_references(headers: &[&str]) -> Value {
    headers.iter().map(|name| ((*name).to_owned(), reference("headers", name))).collect::<Map<_, _>>().into()
}

/// The request body of an operation.
pub fn request_body(body: &RequestBody) -> Value {
    let content = json!({ "schema": reference("schemas", body.schema), "example": (body.example)() });
    let content = match body.content {
        BodyContent::Resource => json!({ MEDIA_TYPE: content, "application/json": content }),
        BodyContent::Operations => json!({ Applied::AtomicExtension.media_type(): content }),
        BodyContent::File => {
            let lines = json!({ "schema": reference("schemas", body.schema) });
            json!({ body.media_type(): content, "application/x-ndjson": lines })
        }
    };
    json!({ "required": true, "content": content })
}

/// The components for error responses, one per status.
pub fn of_errors() -> Value {
    let response = |(status, codes): (u16, Vec<Code>)| {
        let headers: &[&str] = match status {
            401 => &["WWW-Authenticate", "X-Request-Id"],
            405 => &["Allow", "X-Request-Id"],
            429 => &["Retry-After", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "X-Request-Id"],
            503 => &["Retry-After", "X-Request-Id"],
            _ => &["X-Request-Id"],
        };
        let codes: Vec<_> = codes.iter().map(|code| format!("`{}`", code.name())).collect();
        let mut media = json!({ "schema": reference("schemas", "ErrorDocument") });
        if status == 409 {
            insert(&mut media, "examples", examples::rule_errors());
        }
        let content = json!({ MEDIA_TYPE: media });
        (
            error_name(status),
            json!({ "description": codes.join(", "), "headers": header_references(headers), "content": content }),
        )
    };
    group_by_status(Code::ALL).into_iter().map(response).collect::<Map<_, _>>().into()
}

/// The components for header fields of responses.
pub fn headers() -> Value {
    let header = |about: &str, schema: Value| json!({ "description": about, "schema": schema });
    let text = || json!({ "type": "string" });
    json!({
        "X-Request-Id": header("The id of the request: the one that the client sent, or a new one. Errors and the log contain it.", text()),
        "Location": header("The URL of the new resource.", json!({ "type": "string", "format": "uri-reference" })),
        "ETag": header("Identifies this version of the response, for `If-None-Match` and `If-Match`.", text()),
        "Retry-After": header("Seconds to wait before a retry.", json!({ "type": "integer", "minimum": 0 })),
        "RateLimit-Limit": header("Size of a burst, if requests are limited.", json!({ "type": "integer", "minimum": 1 })),
        "RateLimit-Remaining": header("Remaining requests.", json!({ "type": "integer", "minimum": 0 })),
        "RateLimit-Reset": header("Seconds until the full burst is available again.", json!({ "type": "integer", "minimum": 0 })),
        "Allow": header("The supported methods.", text()),
        "WWW-Authenticate": header("The supported authentication schemes.", text()),
        "Preference-Applied": header("The applied preferences of `Prefer`.", text()),
        CONSISTENCY_TOKEN: header("Names this write: a GET that sends it shows the write, also if a replica answers it.", text()),
        "Idempotent-Replayed": header("`true` if this is the response to an earlier request with the same `Idempotency-Key`.", json!({ "type": "string", "const": "true" })),
    })
}

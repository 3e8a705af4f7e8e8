//! What requests carry and what they are answered.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

use super::build::{reference, set};
use super::operation::{Answer, Body, Operation};
use super::operations::OPERATIONS;
use crate::http::jsonapi::document::MEDIA_TYPE;
use crate::http::jsonapi::profile::Applied;
use crate::http::routes;
use crate::model::code::Code;

/// Whatever is asked below `/api`.
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
/// Whatever is sent.
const WITH_BODY: &[Code] = &[
    Code::MalformedJson,
    Code::MalformedDocument,
    Code::TypeMismatch,
    Code::BodyTooLarge,
    Code::UnsupportedMediaType,
    Code::InvalidAttribute,
    Code::UnknownAttribute,
];

/// All codes of an operation.
pub fn codes_of(operation: &Operation) -> Vec<Code> {
    let when = |is_so: bool, codes: &'static [Code]| if is_so { codes } else { &[] };
    let takes = |start: &str| operation.query.iter().any(|parameter| parameter.name.starts_with(start));
    let is_open = !routes::needs_caller(operation.path);
    let groups = [
        when(!is_open, ALWAYS),
        when(is_open && !routes::is_probe(operation.path), &[Code::RateLimited]),
        when(is_open, &[Code::UriTooLong, Code::HeadersTooLarge, Code::Internal]),
        when(takes("fields["), &[Code::UnknownField, Code::AnswerTooLarge]),
        when(operation.path.contains("{id}"), &[Code::NotFound]),
        when(operation.body.is_some(), WITH_BODY),
        when(operation.is_conditional(), &[Code::PreconditionFailed]),
        when(operation.is_repeatable(), &[Code::IdempotencyKeyInUse, Code::IdempotencyKeyReused, Code::AnswerTooLarge]),
        operation.codes,
    ];
    let codes = groups.concat();
    Code::ALL.iter().copied().filter(|code| codes.contains(code)).collect()
}

fn by_status(codes: &[Code]) -> BTreeMap<u16, Vec<Code>> {
    let mut statuses = BTreeMap::<_, Vec<_>>::new();
    for code in codes {
        statuses.entry(code.status()).or_default().push(*code);
    }
    statuses
}

fn error_name(status: u16) -> String {
    format!("Error{status}")
}

/// Everything that an operation can be answered.
pub fn of_operation(operation: &Operation) -> Value {
    let mut responses = Map::new();
    for (status, response) in successes(operation) {
        responses.insert(status.to_owned(), response);
    }
    for (status, codes) in by_status(&codes_of(operation)) {
        let mut response = reference("responses", &error_name(status));
        let codes: Vec<_> = codes.iter().map(|code| format!("`{}`: {}", code.name(), code.title())).collect();
        set(&mut response, "description", codes.join(". "));
        responses.insert(status.to_string(), response);
    }
    responses.into()
}

fn successes(operation: &Operation) -> Vec<(&'static str, Value)> {
    let known = || {
        let response =
            json!({ "description": "The client has it already", "headers": named(&["ETag", "X-Request-Id"]) });
        ("304", response)
    };
    let document = |about: &str, headers: &[&str], schema: &str| response(about, headers, &[Applied::Nothing], schema);
    match operation.answer {
        Answer::Fetched(schema) => vec![("200", document("The resource", &["ETag"], schema)), known()],
        Answer::Listed(schema) => {
            let is_by_cursor = operation.query.iter().any(|parameter| parameter.name == "page[size]");
            let kinds = [Applied::Nothing, Applied::CursorProfile];
            let kinds = if is_by_cursor { &kinds[..] } else { &[Applied::Nothing] };
            vec![("200", response("A page of the list", &["ETag"], kinds, schema)), known()]
        }
        Answer::Created(schema) => {
            let mut created = document("The new resource", &["Location", "ETag", "Idempotent-Replayed"], schema);
            set(&mut created, "links", links(operation.path));
            vec![("201", created)]
        }
        Answer::Changed(schema) => vec![("200", document("The changed resource", &["ETag"], schema))],
        Answer::Deleted => {
            let gone = json!({ "description": "It is gone", "headers": named(&["X-Request-Id"]) });
            let told = document(
                "It is gone; what `Prefer: return=representation` asks for",
                &["Preference-Applied"],
                "MetaDocument",
            );
            vec![("200", told), ("204", gone)]
        }
        Answer::Operated => {
            let about = "The results, one for each operation";
            vec![("200", response(about, &["Idempotent-Replayed"], &[Applied::AtomicExtension], "OperationResults"))]
        }
        Answer::Plain(schema) => vec![("200", document("The document", &[], schema))],
        Answer::Page => vec![(
            "200",
            json!({ "description": "The page", "content": { "text/html": { "schema": { "type": "string" } } } }),
        )],
        Answer::Text => vec![(
            "200",
            json!({ "description": "The lines", "content": { "text/plain": { "schema": { "type": "string" } } } }),
        )],
        Answer::Json => {
            vec![(
                "200",
                json!({ "description": "The document", "content": { "application/json": { "schema": { "type": "object" } } } }),
            )]
        }
        Answer::Refused => Vec::new(),
    }
}

/// What can be asked next of a resource that was created in a collection.
fn links(collection: &str) -> Value {
    let next =
        OPERATIONS.iter().filter(|next| next.path.strip_prefix(collection).is_some_and(|it| it.starts_with("/{id}")));
    let link = |next: &Operation| {
        let mut parameters = json!({ "id": "$response.body#/data/id" });
        if next.path.contains("{end}") {
            set(&mut parameters, "end", "target");
        }
        (next.id.to_owned(), json!({ "operationId": next.id, "parameters": parameters }))
    };
    next.map(link).collect::<Map<_, _>>().into()
}

fn response(about: &str, headers: &[&str], kinds: &[Applied], schema: &str) -> Value {
    let headers = named(&[headers, &["X-Request-Id"]].concat());
    let media =
        |applied: &Applied| (applied.media_type().to_owned(), json!({ "schema": reference("schemas", schema) }));
    let content: Map<_, _> = kinds.iter().map(media).collect();
    json!({ "description": about, "headers": headers, "content": content })
}

fn named(headers: &[&str]) -> Value {
    headers.iter().map(|name| ((*name).to_owned(), reference("headers", name))).collect::<Map<_, _>>().into()
}

/// The body that an operation takes.
pub fn request_body(body: &Body) -> Value {
    let content = json!({ "schema": reference("schemas", body.schema), "example": (body.example)() });
    if body.is_atomic {
        json!({ "required": true, "content": { Applied::AtomicExtension.media_type(): content } })
    } else {
        json!({ "required": true, "content": { MEDIA_TYPE: content, "application/json": content } })
    }
}

/// An error document for every status that any code has.
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
        let content = json!({ MEDIA_TYPE: { "schema": reference("schemas", "ErrorDocument") } });
        (error_name(status), json!({ "description": codes.join(", "), "headers": named(headers), "content": content }))
    };
    by_status(Code::ALL).into_iter().map(response).collect::<Map<_, _>>().into()
}

/// Header fields of answers.
pub fn headers() -> Value {
    let header = |about: &str, schema: Value| json!({ "description": about, "schema": schema });
    let text = || json!({ "type": "string" });
    json!({
        "X-Request-Id": header("The id of the request: the client's own, or a new one. It is in errors and in the log.", text()),
        "Location": header("Where the new resource is.", json!({ "type": "string", "format": "uri-reference" })),
        "ETag": header("Changes with everything that the answer shows.", text()),
        "Retry-After": header("Seconds after which to try again.", json!({ "type": "integer", "minimum": 0 })),
        "RateLimit-Limit": header("Requests that may come at once, where that is limited.", json!({ "type": "integer", "minimum": 1 })),
        "RateLimit-Remaining": header("How many of them are left.", json!({ "type": "integer", "minimum": 0 })),
        "RateLimit-Reset": header("Seconds until all of them are there again.", json!({ "type": "integer", "minimum": 0 })),
        "Allow": header("The methods that the resource knows.", text()),
        "WWW-Authenticate": header("The schemes that are understood.", text()),
        "Preference-Applied": header("The wishes of `Prefer` that were granted.", text()),
        "Idempotent-Replayed": header("`true` if an earlier request with the same `Idempotency-Key` was performed instead.", json!({ "const": "true" })),
    })
}

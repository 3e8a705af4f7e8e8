//! One thing that is wrong with a request, and its error object (JSON:API 1.1, "Error Objects").

use jsonapi::api::JsonApiError;
use serde::Serialize;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::HashMap;

use super::paging::TOO_LARGE;
use crate::http::urls;
use crate::model::code::Code;
use crate::model::error::{self, ErrorSource};
use crate::model::id::RelationshipId;
use crate::model::text::{excerpt, truncate};

/// The most characters of a `detail`; those of this service are shorter.
const LONGEST_DETAIL: usize = 2_000;
/// The most bytes of a pointer; those to members that the service knows are shorter.
const LONGEST_POINTER: usize = 160;

/// The part of a request that is at fault (JSON:API 1.1, "Error Objects", `source`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A JSON pointer to a value of the request document that exists; [`Source::pointer`] bounds its length.
    Pointer(String),
    /// A query parameter, as it was sent.
    Parameter(String),
    /// A header field.
    Header(&'static str),
}

impl Source {
    /// A pointer to a value of the request document, or to the nearest value around it whose pointer is not too long.
    #[must_use]
    pub fn pointer(mut pointer: String) -> Self {
        while pointer.len() > LONGEST_POINTER {
            pointer.truncate(pointer.rfind('/').unwrap_or_default());
        }
        Self::Pointer(pointer)
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub(super) code: Code,
    pub(super) detail: Cow<'static, str>,
    pub(super) source: Option<Source>,
    existing: Option<RelationshipId>,
    /// Where the kind of problem is documented, if not beside its code.
    pub(super) documented: Option<&'static str>,
    /// What more is to be said of this case, as a member of `meta`.
    more: Option<Box<(&'static str, Value)>>,
}

impl Problem {
    /// A problem of the whole request.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), source: None, existing: None, documented: None, more: None }
    }

    /// What the domain found, blamed on that part of the request or on what is at fault wherever its code is used.
    pub(super) fn of(problem: error::Problem, source: Option<Source>) -> Self {
        let source = source.or_else(|| header_of(problem.code));
        Self { source, existing: problem.existing, ..Self::new(problem.code, problem.detail) }
    }

    /// The same problem, blamed on a value of the request document.
    #[must_use]
    pub fn pointer(self, pointer: impl Into<String>) -> Self {
        Self { source: Some(Source::pointer(pointer.into())), ..self }
    }

    /// The same problem, blamed on a query parameter; a name that is too long is cut.
    #[must_use]
    pub fn parameter(self, name: impl AsRef<str>) -> Self {
        Self { source: Some(Source::Parameter(excerpt(name.as_ref()).into_owned())), ..self }
    }

    /// The same problem as the cursor profile knows it: a page is larger than `most`.
    #[must_use]
    pub fn too_large_for(self, most: i64) -> Self {
        Self { documented: Some(TOO_LARGE), ..self }.with("page", json!({ "maxSize": most }))
    }

    /// The same problem, with a member in its `meta`.
    #[must_use]
    pub fn with(self, name: &'static str, value: Value) -> Self {
        Self { more: Some(Box::new((name, value))), ..self }
    }

    /// The same problem, blamed on a header field.
    #[must_use]
    pub fn header(self, name: &'static str) -> Self {
        Self { source: Some(Source::Header(name)), ..self }
    }
}

/// The crate's error object and the `source` that it cannot express (it emits null members and has no `header`).
#[derive(Serialize)]
pub(super) struct Object {
    #[serde(flatten)]
    error: JsonApiError,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
}

impl Object {
    /// The error of a problem, with the id of the request.
    pub fn of(problem: &Problem, request_id: &str) -> Self {
        let mut links = HashMap::new();
        let documented = problem.documented.map_or_else(|| urls::error_documentation(problem.code), str::to_owned);
        links.insert("type".to_owned(), documented.into());
        let mut meta = HashMap::new();
        if let Some(id) = problem.existing {
            links.insert("about".to_owned(), urls::relationship(id).into());
            meta.insert("existing-id".to_owned(), id.to_string().into());
        }
        if let Some((name, value)) = problem.more.as_deref() {
            meta.insert((*name).to_owned(), value.clone());
        }
        Self {
            error: JsonApiError {
                id: Some(request_id.to_owned()),
                links: Some(links),
                status: Some(problem.code.status().to_string()),
                code: Some(problem.code.name().to_owned()),
                title: Some(problem.code.title().to_owned()),
                detail: Some(truncate(&problem.detail, LONGEST_DETAIL).into_owned()),
                source: None,
                meta: (!meta.is_empty()).then_some(meta),
            },
            source: problem.source.clone(),
        }
    }
}

/// The header field that is at fault wherever a code is used.
fn header_of(code: Code) -> Option<Source> {
    let is_of_keys = matches!(code, Code::IdempotencyKeyReused | Code::IdempotencyKeyInUse);
    is_of_keys.then_some(Source::Header("Idempotency-Key"))
}

/// Where in a request a culprit stands. What is missing is blamed on what should hold it.
pub(super) fn source_of(culprit: ErrorSource) -> Source {
    Source::Pointer(match culprit {
        ErrorSource::Sort => return Source::Parameter("sort".to_owned()),
        ErrorSource::Include => return Source::Parameter("include".to_owned()),
        ErrorSource::Precondition => return Source::Header("If-Match"),
        ErrorSource::Exclusion => return Source::Header("If-None-Match"),
        ErrorSource::Owner | ErrorSource::Member => "/data/relationships/user/data".to_owned(),
        ErrorSource::Target => "/data/relationships/target/data".to_owned(),
        ErrorSource::TypeName => "/data/attributes/relationship".to_owned(),
        ErrorSource::Description => "/data/attributes/description".to_owned(),
        ErrorSource::Attribute(field) => format!("/data/attributes/{}", field.member()),
        ErrorSource::Missing(_) => "/data".to_owned(),
        ErrorSource::Properties => "/data/attributes/properties".to_owned(),
        ErrorSource::Group => "/data/relationships/group/data".to_owned(),
    })
}

//! A problem of a request and its error object (JSON:API 1.1, "Error Objects").

use jsonapi::api::JsonApiError;
use serde::Serialize;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::HashMap;

use super::profile::TOO_LARGE;
use crate::http::urls::{self, BaseUrl};
use crate::model::code::Code;
use crate::model::error::{self, ErrorSource};
use crate::model::text::{excerpt, truncate};

/// The most characters of a `detail`. It bounds details that quote the request.
const LONGEST_DETAIL: usize = 2_000;
/// The most bytes of a pointer. Pointers to members that the service knows are shorter.
const LONGEST_POINTER: usize = 160;

/// The part of a request that causes a problem (JSON:API 1.1, "Error Objects", `source`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A JSON pointer to an existing value of the request document; [`Source::pointer`] bounds its length.
    Pointer(String),
    /// A query parameter, under the name that the client sent.
    Parameter(String),
    /// A header field.
    Header(&'static str),
}

impl Source {
    /// A pointer to a value of the request document, or to the nearest parent whose pointer is not too long.
    #[must_use]
    pub fn pointer(mut pointer: String) -> Self {
        while pointer.len() > LONGEST_POINTER {
            pointer.truncate(pointer.rfind('/').unwrap_or_default());
        }
        Self::Pointer(pointer)
    }
}

/// A problem of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiProblem {
    pub(super) code: Code,
    pub(super) detail: Cow<'static, str>,
    pub(super) source: Option<Source>,
    /// The path and the query of a URL about this occurrence.
    about: Option<Box<str>>,
    /// The documentation of the error, if it is not that of the code.
    pub(super) documentation: Option<&'static str>,
    /// The members of `meta`.
    meta: Vec<(&'static str, Value)>,
}

impl ApiProblem {
    /// A problem of the whole request.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), source: None, about: None, documentation: None, meta: Vec::new() }
    }

    /// A problem of the domain with this source, or with the source that all problems of its code have.
    pub(super) fn of(problem: error::Problem, source: Option<Source>) -> Self {
        let source = source.or_else(|| header_of(problem.code));
        let detail = match problem.source {
            // A complaint about a value continues the name of the attribute.
            Some(ErrorSource::Attribute(name)) if problem.detail.starts_with("must ") => {
                format!("`{name}` {}", problem.detail).into()
            }
            _ => problem.detail,
        };
        Self {
            source,
            about: problem.about.map(|id| urls::relationship(id).into()),
            meta: problem.meta,
            ..Self::new(problem.code, detail)
        }
    }

    /// The same problem, caused by a value of the request document.
    #[must_use]
    pub fn pointer(self, pointer: impl Into<String>) -> Self {
        Self { source: Some(Source::pointer(pointer.into())), ..self }
    }

    /// The same problem, caused by a query parameter; a long name is truncated.
    #[must_use]
    pub fn parameter(self, name: impl AsRef<str>) -> Self {
        Self { source: Some(Source::Parameter(excerpt(name.as_ref()).into_owned())), ..self }
    }

    /// The same problem as the cursor profile documents it: the page size is larger than `max`.
    #[must_use]
    pub fn with_max_size(self, max: i64) -> Self {
        Self { documentation: Some(TOO_LARGE), ..self }.with_meta("page", json!({ "maxSize": max }))
    }

    /// The same problem, with a member in its `meta`.
    #[must_use]
    pub fn with_meta(mut self, name: &'static str, value: Value) -> Self {
        self.meta.push((name, value));
        self
    }

    /// The same problem, with a URL about this occurrence, given as path and query.
    #[must_use]
    pub(super) fn with_about(self, path: String) -> Self {
        Self { about: Some(path.into()), ..self }
    }

    /// The same problem, caused by a header field.
    #[must_use]
    pub fn header(self, name: &'static str) -> Self {
        Self { source: Some(Source::Header(name)), ..self }
    }
}

/// The error object of the `jsonapi` crate, with our own `source`: that of the crate emits null members and has no
/// `header`.
#[derive(Serialize)]
pub(super) struct ErrorObject {
    #[serde(flatten)]
    error: JsonApiError,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
}

impl ErrorObject {
    /// The error object of a problem, with the id of the request and links that start with `base`.
    pub fn of(problem: &ApiProblem, request_id: &str, base: &BaseUrl) -> Self {
        let mut links = HashMap::new();
        let documentation =
            problem.documentation.map_or_else(|| base.join(&urls::error_documentation(problem.code)), str::to_owned);
        links.insert("type".to_owned(), documentation.into());
        if let Some(path) = &problem.about {
            links.insert("about".to_owned(), base.join(path).into());
        }
        let member = |(name, value): &(&str, Value)| ((*name).to_owned(), value.clone());
        let meta: HashMap<_, _> = problem.meta.iter().map(member).collect();
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

/// The header field that causes every problem of a code.
fn header_of(code: Code) -> Option<Source> {
    let is_of_keys = matches!(code, Code::IdempotencyKeyReused | Code::IdempotencyKeyInUse);
    is_of_keys.then_some(Source::Header("Idempotency-Key"))
}

/// The JSON:API source of a problem. A missing member is reported at the object that should contain it.
pub(super) fn source_of(source: ErrorSource) -> Source {
    Source::Pointer(match source {
        ErrorSource::Sort => return Source::Parameter("sort".to_owned()),
        ErrorSource::Parameter(name) => return Source::Parameter(name.to_owned()),
        ErrorSource::Include => return Source::Parameter("include".to_owned()),
        ErrorSource::Precondition => return Source::Header("If-Match"),
        ErrorSource::Exclusion => return Source::Header("If-None-Match"),
        ErrorSource::Owner | ErrorSource::Member => "/data/relationships/user/data".to_owned(),
        ErrorSource::Target => "/data/relationships/target/data".to_owned(),
        ErrorSource::Attribute(name) => format!("/data/attributes/{name}"),
        ErrorSource::TypeName => "/data/id".to_owned(),
        ErrorSource::Missing(_) | ErrorSource::Linkage => "/data".to_owned(),
        ErrorSource::Properties => "/data/attributes/properties".to_owned(),
        ErrorSource::Relationship(name) => format!("/data/relationships/{name}"),
        ErrorSource::LinkageItem(index) => format!("/data/{index}"),
        ErrorSource::Predecessor => "/data/relationships/from/data".to_owned(),
        ErrorSource::Successor => "/data/relationships/to/data".to_owned(),
        ErrorSource::Group => "/data/relationships/group/data".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_detail_is_truncated() {
        for characters in [LONGEST_DETAIL, LONGEST_DETAIL + 1, 3 * LONGEST_DETAIL] {
            let problem = ApiProblem::new(Code::InvalidParameter, "é".repeat(characters));
            let object = serde_json::to_value(ErrorObject::of(&problem, "1", &BaseUrl::default())).unwrap();
            let detail = object["detail"].as_str().unwrap();
            let ellipsis = usize::from(characters > LONGEST_DETAIL);
            assert_eq!(
                (detail.chars().count(), detail.matches('…').count()),
                (characters.min(LONGEST_DETAIL) + ellipsis, ellipsis)
            );
        }
    }
}

//! Failures of requests and their error documents (JSON:API 1.1, "Errors").

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use std::fmt;

use super::media_type::MEDIA_TYPE;
pub use super::problem::{ApiProblem, Source};
use super::problem::{ErrorObject, source_of};
use super::problems::Problems;
use super::profile::{Applied, UNSUPPORTED_SORT};
use crate::http::urls::BaseUrl;
use crate::model::code::Code;
use crate::model::error::{self, Error, ErrorSource};
use crate::model::json_size::json_size;
use crate::model::limits::MAX_ANSWER;

/// `Retry-After` of a 503, in seconds.
const UNAVAILABLE_RETRY_AFTER: u64 = 1;
/// The most bytes of all errors of a document; the first error is always in it.
const LARGEST_ERRORS: usize = 15 * 1024;

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    problems: Problems,
    /// The cause, for the log only.
    cause: Option<String>,
    /// `Allow`, for 405.
    allow: Option<&'static str>,
    /// `Retry-After` in seconds, for 429.
    retry_after: Option<u64>,
}

impl From<ApiProblem> for Failure {
    fn from(problem: ApiProblem) -> Self {
        Problems::from_iter([problem]).into()
    }
}

impl From<Vec<ApiProblem>> for Failure {
    fn from(problems: Vec<ApiProblem>) -> Self {
        Problems::from_iter(problems).into()
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self { problems, cause: None, allow: None, retry_after: None }
    }
}

impl Failure {
    /// 404: there is no such resource.
    #[must_use]
    pub fn not_found() -> Self {
        ApiProblem::new(Code::NotFound, "there is no such resource").into()
    }

    /// The same failure, with the problems of another one as well.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.problems.append(other.problems);
        self
    }

    /// 401: the caller is not authenticated.
    #[must_use]
    pub fn unauthenticated() -> Self {
        ApiProblem::new(Code::Unauthenticated, "send `Authorization: Token token=…`").header("Authorization").into()
    }

    /// 405: the resource has other methods only.
    #[must_use]
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let problem = ApiProblem::new(Code::MethodNotAllowed, format!("the resource allows {allow}"));
        Self { allow: Some(allow), ..problem.into() }
    }

    /// 413: the response would have too many bytes.
    #[must_use]
    pub fn answer_too_large() -> Self {
        let detail = format!(
            "the response would have more than {MAX_ANSWER} bytes; request fewer rows with `limit` or fewer \
             `fields[…]`, omit `include`, or use cursors with `page[size]`, which end a page before it is too large"
        );
        ApiProblem::new(Code::AnswerTooLarge, detail).into()
    }

    /// 429: too many requests; the client may try again after `seconds`.
    #[must_use]
    pub fn rate_limited(seconds: u64) -> Self {
        let problem = ApiProblem::new(Code::RateLimited, "too many requests; try again after `Retry-After` seconds");
        Self { retry_after: Some(seconds), ..problem.into() }
    }

    /// 500: a bug of the service. `cause` goes to the log only.
    #[must_use]
    pub fn internal(cause: String) -> Self {
        let detail = "the service failed; its log has the cause under the id of this error";
        Self { cause: Some(cause), ..ApiProblem::new(Code::Internal, detail).into() }
    }

    /// 503: the database or another dependency does not respond. `cause` goes to the log only.
    #[must_use]
    pub fn unavailable(cause: String) -> Self {
        let detail = "the service is temporarily unavailable; try again after `Retry-After` seconds";
        Self { cause: Some(cause), ..ApiProblem::new(Code::Unavailable, detail).into() }
    }

    /// The same failure of a request with cursors: its problems link to the cursor profile if that documents them.
    #[must_use]
    pub fn with_profile_links(mut self) -> Self {
        for problem in self.problems.stored_mut().iter_mut().filter(|problem| problem.code == Code::UnsupportedSort) {
            problem.documentation = Some(UNSUPPORTED_SORT);
        }
        self
    }

    /// The same failure, with a URL about each problem of a code, given as path and query.
    #[must_use]
    pub fn with_about(mut self, code: Code, path: &str) -> Self {
        for problem in self.problems.stored_mut().iter_mut().filter(|problem| problem.code == code) {
            *problem = problem.clone().with_about(path.to_owned());
        }
        self
    }

    /// The same failure of a part of the document, with `pointer` in front of the pointers of its problems.
    #[must_use]
    pub fn with_pointer_prefix(mut self, pointer: &str) -> Self {
        for problem in self.problems.stored_mut() {
            problem.source = match problem.source.take() {
                Some(Source::Pointer(inner)) => Some(Source::pointer(format!("{pointer}{inner}"))),
                None => Some(Source::pointer(pointer.to_owned())),
                other => other,
            };
        }
        self
    }

    /// An error of a job, for a request with a document: sources become pointers into it.
    #[must_use]
    pub fn of(error: Error) -> Self {
        Self::with_sources(error, |source| Some(source_of(source)))
    }

    /// An error of a job, for a request without a document: there are no pointers.
    #[must_use]
    pub fn without_document(error: Error) -> Self {
        Self::with_sources(error, |source| Some(source_of(source)).filter(|it| !matches!(it, Source::Pointer(_))))
    }

    fn with_sources(error: Error, source_of: impl Fn(ErrorSource) -> Option<Source>) -> Self {
        let problem = |problem: error::Problem| {
            let (operation, source) = (problem.operation, problem.source.clone().and_then(&source_of));
            let mut failure = Self::from(ApiProblem::of(problem, source));
            if let Some(index) = operation {
                failure = failure.with_pointer_prefix(&format!("/atomic:operations/{index}"));
            }
            failure.problems
        };
        match error {
            Error::Refused(problems) => {
                let mut all = Problems::default();
                for one in problems {
                    all.append(problem(one));
                }
                all.into()
            }
            Error::Unavailable(cause) => Self::unavailable(cause),
            Error::Internal(cause) => Self::internal(cause),
        }
    }

    /// The failure for a status that the framework has set.
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            404 => Self::not_found(),
            401 => Self::unauthenticated(),
            400..=499 => ApiProblem::new(Code::MalformedDocument, "the request is malformed").into(),
            503 => Self::unavailable("the framework responded 503".to_owned()),
            _ => Self::internal(format!("the framework responded {status}")),
        }
    }

    /// The `detail` of each problem.
    pub fn details(&self) -> impl Iterator<Item = &str> {
        self.problems.stored().iter().map(|problem| problem.detail.as_ref())
    }

    /// The number of problems beyond [`details`](Self::details).
    #[must_use]
    pub const fn omitted(&self) -> usize {
        self.problems.omitted()
    }

    /// The cause of a server error, for the log.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.problems.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The error document, of at most 16 KiB. Every error has the id of the request, by which the log has it as well;
    /// `meta.more` counts the errors that do not fit.
    #[must_use]
    pub fn document(&self, request_id: &str, base: &BaseUrl) -> Vec<u8> {
        let (mut errors, mut bytes) = (Vec::new(), 0);
        for problem in self.problems.stored() {
            let error = ErrorObject::of(problem, request_id, base);
            bytes += json_size(&error);
            if bytes > LARGEST_ERRORS && !errors.is_empty() {
                break;
            }
            errors.push(error);
        }
        let more = self.problems.stored().len() - errors.len() + self.problems.omitted();
        let meta = (more > 0).then_some(ErrorMeta { more });
        serde_json::to_vec(&ErrorDocument { jsonapi: Applied::Nothing, errors, meta }).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct ErrorDocument {
    jsonapi: Applied,
    errors: Vec<ErrorObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<ErrorMeta>,
}

#[derive(Serialize)]
struct ErrorMeta {
    /// The number of omitted errors.
    more: usize,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes: Vec<_> = self.problems.stored().iter().map(|problem| problem.code.name()).collect();
        f.write_str(&codes.join(", "))
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    /// The response without a body: the outermost middleware adds the document, with the id of the request.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status());
        response.content_type(MEDIA_TYPE);
        match self.status() {
            StatusCode::UNAUTHORIZED => {
                response.insert_header((WWW_AUTHENTICATE, HeaderValue::from_static("Token, Bearer")));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                response.insert_header((RETRY_AFTER, UNAVAILABLE_RETRY_AFTER));
            }
            _ => {}
        }
        if let Some(seconds) = self.retry_after {
            response.insert_header((RETRY_AFTER, seconds));
        }
        if let Some(allow) = self.allow {
            response.insert_header((HeaderName::from_static("allow"), HeaderValue::from_static(allow)));
        }
        let mut response = response.finish();
        response.extensions_mut().insert(self.clone());
        response
    }
}

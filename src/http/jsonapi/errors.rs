//! Error documents (JSON:API 1.1, "Errors"): every failure becomes one, here and nowhere else.

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use std::fmt;

use super::document::MEDIA_TYPE;
use super::paging::UNSUPPORTED_SORT;
use super::problem::{Object, source_of};
pub use super::problem::{Problem, Source};
use super::problems::Problems;
use super::profile::Applied;
use crate::model::code::Code;
use crate::model::error::{self, Error, ErrorSource};
use crate::model::json_size::json_size;
use crate::model::limits::MAX_ANSWER;

/// Seconds after which a client may try again.
const RETRY_AFTER_SECONDS: u64 = 1;
/// The most bytes of all errors of a document. One error always fits.
const LARGEST_ERRORS: usize = 15 * 1024;

/// Why a request is not answered as it hoped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    problems: Problems,
    /// For the log only.
    cause: Option<String>,
    /// What to allow instead, for 405.
    allow: Option<&'static str>,
    /// Seconds after which to try again, for 429.
    retry_after: Option<u64>,
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Problems::from_iter([problem]).into()
    }
}

impl From<Vec<Problem>> for Failure {
    fn from(problems: Vec<Problem>) -> Self {
        Problems::from_iter(problems).into()
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self { problems, cause: None, allow: None, retry_after: None }
    }
}

impl Failure {
    /// Nothing is there.
    #[must_use]
    pub fn not_found() -> Self {
        Problem::new(Code::NotFound, "there is no such resource").into()
    }

    /// The same failure, with the problems of another one.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.problems.append(other.problems);
        self
    }

    /// Nobody asks.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Problem::new(Code::Unauthenticated, "send `Authorization: Token token=…`").header("Authorization").into()
    }

    /// The resource knows other methods.
    #[must_use]
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let problem = Problem::new(Code::MethodNotAllowed, format!("the resource knows {allow}"));
        Self { allow: Some(allow), ..problem.into() }
    }

    /// The answer to a request that reads has too many bytes.
    #[must_use]
    pub fn answer_too_large() -> Self {
        let detail = format!(
            "the answer would have more than {MAX_ANSWER} bytes; ask for fewer rows with `limit`, for fewer `fields[…]`, \
             leave `include` out, or page by cursor with `page[size]`, where a page ends before it is too large"
        );
        Problem::new(Code::AnswerTooLarge, detail).into()
    }

    /// Too much was tried; it is worth trying again after so many seconds.
    #[must_use]
    pub fn rate_limited(seconds: u64) -> Self {
        let problem = Problem::new(Code::RateLimited, "try again after the seconds in `Retry-After`");
        Self { retry_after: Some(seconds), ..problem.into() }
    }

    /// A fault of this program.
    #[must_use]
    pub fn internal(cause: String) -> Self {
        let detail = "the service failed; the id of this error finds the cause in its log";
        Self { cause: Some(cause), ..Problem::new(Code::Internal, detail).into() }
    }

    /// Something that is needed does not answer.
    #[must_use]
    pub fn unavailable(cause: String) -> Self {
        let detail = "the service cannot answer at present; try again after the seconds in `Retry-After`";
        Self { cause: Some(cause), ..Problem::new(Code::Unavailable, detail).into() }
    }

    /// The same failure of a request that follows the cursor profile, which documents some problems itself.
    #[must_use]
    pub fn by_profile(mut self) -> Self {
        for problem in self.problems.kept_mut().iter_mut().filter(|problem| problem.code == Code::UnsupportedSort) {
            problem.documented = Some(UNSUPPORTED_SORT);
        }
        self
    }

    /// The same failure of a part of the document, which begins at `pointer`.
    #[must_use]
    pub fn below(mut self, pointer: &str) -> Self {
        for problem in self.problems.kept_mut() {
            problem.source = match problem.source.take() {
                Some(Source::Pointer(inner)) => Some(Source::pointer(format!("{pointer}{inner}"))),
                None => Some(Source::pointer(pointer.to_owned())),
                other => other,
            };
        }
        self
    }

    /// What the domain answered, with the culprits found in a request document of this resource type.
    #[must_use]
    pub fn of(error: Error) -> Self {
        Self::pointing(error, |culprit| Some(source_of(culprit)))
    }

    /// The same, for requests without a document: there is nothing to point at.
    #[must_use]
    pub fn without_document(error: Error) -> Self {
        Self::pointing(error, |culprit| Some(source_of(culprit)).filter(|it| !matches!(it, Source::Pointer(_))))
    }

    fn pointing(error: Error, place: impl Fn(ErrorSource) -> Option<Source>) -> Self {
        let problem = |problem: error::Problem| {
            let (at, source) = (problem.operation, problem.source.and_then(&place));
            let mut failure = Self::from(Problem::of(problem, source));
            if let Some(at) = at {
                failure = failure.below(&format!("/atomic:operations/{at}"));
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

    /// The failure that a bare status stands for, as frameworks make it.
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            404 => Self::not_found(),
            401 => Self::unauthenticated(),
            400..=499 => Problem::new(Code::MalformedDocument, "the request could not be read").into(),
            503 => Self::unavailable("refused by the server".to_owned()),
            _ => Self::internal(format!("the framework answered {status}")),
        }
    }

    /// What each problem says of its case.
    pub fn details(&self) -> impl Iterator<Item = &str> {
        self.problems.kept().iter().map(|problem| problem.detail.as_ref())
    }

    /// How many problems there are beyond [`details`](Self::details).
    #[must_use]
    pub const fn more(&self) -> usize {
        self.problems.dropped()
    }

    /// What is logged, for failures that are not the client's.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The status of the whole: that of its problems where they agree, else the most general one
    /// (JSON:API 1.1, "Processing Errors").
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.problems.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The error document, of at most 16 KiB. Every error has the id of the request, which finds it in the log; errors
    /// that do not fit are counted in `meta.more`.
    #[must_use]
    pub fn document(&self, request_id: &str) -> Vec<u8> {
        let (mut errors, mut bytes) = (Vec::new(), 0);
        for problem in self.problems.kept() {
            let error = Object::of(problem, request_id);
            bytes += json_size(&error);
            if bytes > LARGEST_ERRORS && !errors.is_empty() {
                break;
            }
            errors.push(error);
        }
        let more = self.problems.kept().len() - errors.len() + self.problems.dropped();
        let meta = (more > 0).then_some(Meta { more });
        serde_json::to_vec(&Document { jsonapi: Applied::Nothing, errors, meta }).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Document {
    jsonapi: Applied,
    errors: Vec<Object>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<Meta>,
}

/// What a document says beyond its errors.
#[derive(Serialize)]
struct Meta {
    /// How many more errors there are.
    more: usize,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes: Vec<_> = self.problems.kept().iter().map(|problem| problem.code.name()).collect();
        f.write_str(&codes.join(", "))
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    /// The answer without its document: that is made at the door, where the id of the request is known.
    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status());
        response.content_type(MEDIA_TYPE);
        match self.status() {
            StatusCode::UNAUTHORIZED => {
                response.insert_header((WWW_AUTHENTICATE, HeaderValue::from_static("Token, Bearer")));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                response.insert_header((RETRY_AFTER, RETRY_AFTER_SECONDS));
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

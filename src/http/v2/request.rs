//! One request on its way to a handler: who asks, and all that has not been looked at yet.

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderValue, VARY};
use actix_web::web::{self, Bytes};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError};
use std::future::{Future, Ready, ready};
use std::str::FromStr;

use crate::auth::Identity;
use crate::http::body;
use crate::http::jsonapi::errors::Failure;
use crate::http::jsonapi::etag;
use crate::http::jsonapi::negotiation::{self, Accepted, BodyKind};
use crate::http::jsonapi::preferences::{PREFERENCE_APPLIED, Preferences};
use crate::http::jsonapi::query::{Parameter, Query};
use crate::http::middleware::deadline::Deadline;
use crate::http::state::State;
use crate::model::caller::Caller;
use crate::model::error::Result as JobResult;
use crate::model::precondition::Precondition;
use crate::store::{Cost, Tx};

/// What a handler below `/api` gets. Its caller is verified; query and body are read when the handler asks, in this
/// order, so that nothing of a request is looked at before it is known who sends it.
pub struct Call {
    /// Who asks.
    pub caller: Caller,
    /// What the service is made of.
    pub state: web::Data<State>,
    /// What the client would like.
    pub preferences: Preferences,
    /// What the client takes beyond the base of JSON:API.
    pub accepted: Accepted,
    deadline: Deadline,
    request: HttpRequest,
    payload: web::Payload,
}

impl FromRequest for Call {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        // A request that came past the door without a caller is not let in, whatever route it found.
        let caller =
            request.extensions().get::<Identity>().map(|identity| identity.caller).ok_or_else(Failure::unauthenticated);
        let state = request.app_data::<web::Data<State>>().cloned();
        let state = state.ok_or_else(|| Failure::internal("a handler runs outside of the service".to_owned()));
        ready(caller.and_then(|caller| {
            let payload = web::Payload::from_request(request, payload).into_inner();
            let state = state?;
            Ok(Self {
                caller,
                deadline: deadline_of(request, &state),
                state,
                preferences: Preferences::of(request.headers()),
                accepted: negotiation::check_accept(request.headers())?,
                request: request.clone(),
                payload: payload.map_err(|error| Failure::internal(error.to_string()))?,
            })
        }))
    }
}

impl Call {
    /// The method.
    #[must_use]
    pub fn method(&self) -> &str {
        self.request.method().as_str()
    }

    /// The part of the path called `name`.
    #[must_use]
    pub fn segment(&self, name: &str) -> &str {
        self.request.match_info().get(name).unwrap_or_default()
    }

    /// The id in the path; a malformed one names nothing.
    ///
    /// # Errors
    /// 404 `not-found`.
    pub fn id<Id: FromStr>(&self) -> Result<Id, Failure> {
        self.segment("id").parse().map_err(|_| Failure::not_found())
    }

    /// The path without its query, and without a slash at the end.
    #[must_use]
    pub fn path(&self) -> &str {
        self.request.path()
    }

    /// The query as it was sent.
    #[must_use]
    pub fn raw_query(&self) -> &str {
        self.request.query_string()
    }

    /// Path and query.
    #[must_use]
    pub fn target(&self) -> String {
        format!("{}?{}", self.path(), self.raw_query())
    }

    /// The header fields.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.request.headers()
    }

    /// The states that a change may be applied to.
    #[must_use]
    pub fn precondition(&self) -> Precondition {
        etag::precondition(self.request.headers())
    }

    /// The query, if it has no parameters but these.
    ///
    /// # Errors
    /// 400 with all that is wrong.
    pub fn query(&self, known: &'static [Parameter]) -> Result<Query, Failure> {
        Query::parse(self.request.query_string(), known, self.preferences.strict)
    }

    /// Runs a job that only reads. What GET and HEAD show may come from a replica; what any other method looks at before
    /// it changes something is what is so at this moment.
    ///
    /// # Errors
    /// As [`Store::read`](crate::store::Store::read).
    pub async fn read<T: Send + 'static>(
        &self,
        name: &'static str,
        cost: Cost,
        job: impl Fn(&mut Tx<'_>) -> JobResult<T> + Send + Sync + 'static,
    ) -> JobResult<T> {
        if matches!(*self.request.method(), Method::GET | Method::HEAD) {
            self.state.store.read_replica(name, cost, job).await
        } else {
            self.state.store.read(name, cost, job).await
        }
    }

    /// The body of a request about one resource, once its media type is known to be right.
    ///
    /// # Errors
    /// As [`body_of`](Self::body_of).
    pub async fn body(&mut self) -> Result<Bytes, Failure> {
        self.body_of(BodyKind::Resource { strict: self.preferences.strict }).await
    }

    /// The body, once its media type is known to be right. It can be read once.
    ///
    /// # Errors
    /// 415, 413 with the limit, or 400 if it does not arrive whole.
    pub async fn body_of(&mut self, kind: BodyKind) -> Result<Bytes, Failure> {
        negotiation::check_content_type(self.request.headers(), kind)?;
        negotiation::check_content_encoding(self.request.headers())?;
        let payload = web::Payload::from_request(&self.request, &mut Payload::None).into_inner();
        let empty = payload.map_err(|error| Failure::internal(error.to_string()))?;
        let payload = std::mem::replace(&mut self.payload, empty);
        body::read(payload, self.request.headers(), self.state.max_body).await
    }
}

/// The deadline that the door has set.
#[must_use]
pub fn deadline_of(request: &HttpRequest, state: &State) -> Deadline {
    let set = request.extensions().get::<Deadline>().copied();
    set.unwrap_or_else(|| Deadline::after(state.request_timeout))
}

/// Runs a handler, not longer than a request may take, and says which wishes were granted.
pub async fn bounded<F: Future<Output = Result<HttpResponse, Failure>>>(
    call: Call,
    handler: impl FnOnce(Call) -> F,
) -> HttpResponse {
    let (deadline, is_strict) = (call.deadline, call.preferences.strict);
    let answer = deadline.keep(handler(call)).await.unwrap_or_else(Err);
    let mut answer = answer.unwrap_or_else(|failure| failure.error_response());
    // Also where no wish was sent: a cache must not answer a strict client with what a lenient one got.
    answer.headers_mut().append(VARY, HeaderValue::from_static("Prefer"));
    if is_strict {
        answer.headers_mut().append(PREFERENCE_APPLIED, HeaderValue::from_static("handling=strict"));
    }
    answer
}

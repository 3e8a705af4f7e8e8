//! A request to a handler below `/api/v2`: the verified caller, and access to query, body and store.

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderValue, VARY};
use actix_web::web::{self, Bytes};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError};
use std::future::{Future, Ready, ready};
use std::str::FromStr;

use crate::auth::Identity;
use crate::domain::accounts;
use crate::domain::roles;
use crate::http::body;
use crate::http::connections::ClientConnection;
use crate::http::idempotency::KeyedRequest;
use crate::http::jsonapi::errors::Failure;
use crate::http::jsonapi::etag;
use crate::http::jsonapi::negotiation::{self, Accepted, BodyKind};
use crate::http::jsonapi::parameter::Parameter;
use crate::http::jsonapi::preferences::{PREFERENCE_APPLIED, Preferences};
use crate::http::jsonapi::query::Query;
use crate::http::jsonapi::render_options::RenderOptions;
use crate::http::middleware::consistency;
use crate::http::middleware::credentials;
use crate::http::middleware::deadline::Deadline;
use crate::http::password_attempts::PasswordAttempt;
use crate::http::request_id;
use crate::http::state::AppState;
use crate::model::caller::Caller;
use crate::model::change::ChangeOrigin;
use crate::model::error::{Error, Result as JobResult};
use crate::model::log_position::LogPosition;
use crate::model::precondition::Precondition;
use crate::model::user::User;
use crate::store::{Cost, Tx};

/// A request with a verified caller. The handler parses query and body, in this order, so nothing of a request is parsed
/// before its caller is known.
pub struct Call {
    /// The authenticated caller.
    pub caller: Caller,
    /// The shared state.
    pub state: web::Data<AppState>,
    /// The preferences of the client.
    pub preferences: Preferences,
    /// What the client accepts beyond the base of JSON:API.
    pub accepted: Accepted,
    /// The position of the writes that the response must show.
    pub after: Option<LogPosition>,
    deadline: Deadline,
    request: HttpRequest,
    payload: web::Payload,
}

impl FromRequest for Call {
    type Error = Failure;
    type Future = Ready<Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        // Defense in depth: no handler runs without an authenticated caller, even if a route were not covered.
        let caller =
            request.extensions().get::<Identity>().map(|identity| identity.caller).ok_or_else(Failure::unauthenticated);
        let state = request.app_data::<web::Data<AppState>>().cloned();
        let state = state.ok_or_else(|| Failure::internal("a handler runs outside of the service".to_owned()));
        ready(caller.and_then(|caller| {
            let payload = web::Payload::from_request(request, payload).into_inner();
            let state = state?;
            Ok(Self {
                caller,
                deadline: Deadline::of(request, state.request_timeout),
                state,
                preferences: Preferences::of(request.headers()),
                accepted: negotiation::check_accept(request.headers())?,
                after: consistency::parse(request)?,
                request: request.clone(),
                payload: payload.map_err(|error| Failure::internal(error.to_string()))?,
            })
        }))
    }
}

impl Call {
    /// Who makes the changes of the request.
    #[must_use]
    pub fn origin(&self) -> ChangeOrigin {
        request_id::origin_of(&self.request, &self.caller)
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &str {
        self.request.method().as_str()
    }

    /// The segment of the path called `name` in the route.
    #[must_use]
    pub fn segment(&self, name: &str) -> &str {
        self.request.match_info().get(name).unwrap_or_default()
    }

    /// Parses the id in the path.
    ///
    /// # Errors
    /// 404 `not-found` for a malformed one.
    pub fn id<Id: FromStr>(&self) -> Result<Id, Failure> {
        self.segment("id").parse().map_err(|_| Failure::not_found())
    }

    /// The path without query and trailing slash.
    #[must_use]
    pub fn path(&self) -> &str {
        self.request.path()
    }

    /// The query as the client sent it.
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

    /// The precondition of a change.
    #[must_use]
    pub fn precondition(&self) -> Precondition {
        etag::parse_precondition(self.request.headers())
    }

    /// Parses the query of a resource with these parameters.
    ///
    /// # Errors
    /// As [`Query::parse`].
    pub fn query(&self, parameters: &'static [Parameter]) -> Result<Query, Failure> {
        Query::parse(self.request.query_string(), parameters, self.preferences.strict)
    }

    /// Parses the query of a request for one resource.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub async fn render_options(&self, parameters: &'static [Parameter]) -> Result<RenderOptions, Failure> {
        let mut query = self.query(parameters)?;
        let options = self.options_of(&mut query);
        self.finish(&mut query).await.map(|()| options)
    }

    /// Reports all problems of a query, also unknown roles among the fields of users.
    ///
    /// # Errors
    /// 400 with every problem of the query.
    pub async fn finish(&self, query: &mut Query) -> Result<(), Failure> {
        let roles = query.unchecked_role_fields();
        if roles.is_empty() {
            return query.finish();
        }
        let job = move |tx: &mut Tx<'_>| roles::require_known_fields(tx, &roles);
        match self.read("roles.require_fields", Cost::Bounded, job).await {
            Err(Error::Refused(problems)) => query.push_problems(problems),
            other => other.map_err(Failure::without_document)?,
        }
        query.finish()
    }

    /// The options that a query selects, with the settings of the service. Problems are reported by the query.
    pub fn options_of(&self, query: &mut Query) -> RenderOptions {
        RenderOptions::of(query, self.state.time_zone).with_base(self.state.base.clone())
    }

    /// The deadline of the request.
    #[must_use]
    pub fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// Verifies the credential again, in a request that waits.
    ///
    /// # Errors
    /// 401 or 403 if it is not valid any more; 503 if the database does not respond.
    pub async fn confirm(&self) -> Result<Identity, Failure> {
        credentials::confirm(&self.request, &self.state).await
    }

    /// Verifies the password that the client sends for a user, and returns its hash; `None` if it is wrong.
    ///
    /// # Errors
    /// As [`PasswordAttempt::verify`].
    pub async fn verify_password(&self, user: &User, password: String) -> Result<Option<String>, Failure> {
        let address = user.data.email_key();
        let source = credentials::client_address(&self.request);
        let attempt = PasswordAttempt { state: &self.state, source, address: &address, password };
        let id = user.id;
        let job = move |tx: &mut Tx<'_>| accounts::password_of(tx, id);
        attempt.verify(self.state.store.read("users.password", Cost::Bounded, job)).await
    }

    /// Whether the client has closed its connection.
    #[must_use]
    pub fn is_abandoned(&self) -> bool {
        self.request.conn_data::<ClientConnection>().is_some_and(ClientConnection::is_closed_by_client)
    }

    /// The request, for `Idempotency-Key`.
    #[must_use]
    pub fn keyed(&self) -> KeyedRequest<'_> {
        KeyedRequest { state: &self.state, caller: self.caller, http: &self.request }
    }

    /// Runs a job that only reads. GET and HEAD may read from a replica; all other methods read from the primary, since
    /// they decide about a change.
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
            self.state.store.read_replica(name, cost, self.after, job).await
        } else {
            self.state.store.read(name, cost, job).await
        }
    }

    /// The body of an upload, which can be read once.
    ///
    /// # Errors
    /// 415 if it is compressed.
    pub fn upload(&mut self) -> Result<web::Payload, Failure> {
        negotiation::check_content_encoding(self.request.headers())?;
        self.take_payload()
    }

    fn take_payload(&mut self) -> Result<web::Payload, Failure> {
        let payload = web::Payload::from_request(&self.request, &mut Payload::None).into_inner();
        let empty = payload.map_err(|error| Failure::internal(error.to_string()))?;
        Ok(std::mem::replace(&mut self.payload, empty))
    }

    /// Checks the media type of a request about one resource and reads the body.
    ///
    /// # Errors
    /// As [`body_of`](Self::body_of).
    pub async fn body(&mut self) -> Result<Bytes, Failure> {
        self.body_of(BodyKind::Resource { strict: self.preferences.strict }).await
    }

    /// Checks the media type and reads the body, which can be read once.
    ///
    /// # Errors
    /// 415, 413 with the limit, or 400 if the body is incomplete.
    pub async fn body_of(&mut self, kind: BodyKind) -> Result<Bytes, Failure> {
        negotiation::check_content_type(self.request.headers(), kind)?;
        negotiation::check_content_encoding(self.request.headers())?;
        let payload = self.take_payload()?;
        body::read(payload, self.request.headers(), self.state.max_body).await
    }
}

/// Runs a handler until the deadline, and adds the headers that depend on `Prefer`, and `Consistency-Token`.
pub async fn run_handler<F: Future<Output = Result<HttpResponse, Failure>>>(
    call: Call,
    handler: impl FnOnce(Call) -> F,
) -> HttpResponse {
    let (deadline, is_strict) = (call.deadline, call.preferences.strict);
    let state = consistency::state_for_token(call.request.method(), &call.state);
    // On the heap: the future of a handler is large, and each future around it would copy it.
    let answer = deadline.enforce(Box::pin(handler(call))).await.unwrap_or_else(Err);
    let mut answer = answer.unwrap_or_else(|failure| failure.error_response());
    // Also without `Prefer`: a cache must not serve a strict client the response to a lenient one.
    answer.headers_mut().append(VARY, HeaderValue::from_static("Prefer"));
    if is_strict {
        answer.headers_mut().append(PREFERENCE_APPLIED, HeaderValue::from_static("handling=strict"));
    }
    consistency::add_token(&mut answer, state).await;
    answer
}

//! `Idempotency-Key`: a request with a key takes effect once, however often the client sends it.
//!
//! # Design
//! The transaction of the change also stores a receipt of its result. A repeated request reads the resources in the
//! receipt again, with the permissions that the caller has now. While the first request is still running in this process,
//! repeats wait for the key without a thread or a connection. A request in another instance locks the row of its key in
//! the database; a job waits for that row briefly, releases its connection, and is retried after a pause.

mod receipt;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use aws_lc_rs::digest::{Context, SHA256};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

pub use receipt::{Done, DoneOperation, Named, Receipt};

use crate::http::jsonapi::errors::{ApiProblem, Failure};
use crate::http::keyed_locks::KeyGuard;
use crate::http::operation_limiter::OperationPermit;
use crate::http::request_id::origin_of;
use crate::http::state::AppState;
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{Error, Problem, Result as JobResult};
use crate::model::id::UserId;
use crate::model::idempotency::{IdempotencyKey, KEY_IN_USE, KeyClaim};
use crate::store::{Cost, Tx};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// The longest key, in characters.
const LONGEST_KEY: usize = 255;
/// The first pause before a retry while another instance holds the key; each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(400);

/// A request that may have a key.
#[derive(Clone, Copy)]
pub struct KeyedRequest<'a> {
    /// The shared state.
    pub state: &'a AppState,
    /// The caller.
    pub caller: Caller,
    /// The request of the framework.
    pub http: &'a HttpRequest,
}

/// A key that no other request of this process can use until the guard is dropped.
pub struct HeldKey {
    key: IdempotencyKey,
    /// When to stop waiting for the first request.
    until: Instant,
    _guard: KeyGuard<(UserId, String)>,
}

/// The result of a request with or without a key.
pub enum IdempotentResult<T> {
    /// This request made the change.
    New(T),
    /// An earlier request made the change.
    Repeated(Receipt),
}

/// Waits until no other request of this process uses the key of a request, if it has one. The wait takes at most half of
/// `REQUEST_TIMEOUT`, so that the rest remains for the request itself.
///
/// # Errors
/// 400 for a malformed key; 409 `idempotency-key-in-use`.
pub async fn hold_key(request: KeyedRequest<'_>, body: &[u8]) -> Result<Option<HeldKey>, Failure> {
    let Some(key) = parse_key(request, body)? else { return Ok(None) };
    let until = Instant::now() + request.state.request_timeout / 2;
    let lock = request.state.idempotency_keys.lock((key.caller, key.key.clone()));
    match timeout_at(until, lock).await {
        Ok(guard) => Ok(Some(HeldKey { key, until, _guard: guard })),
        Err(_) => Err(ApiProblem::new(Code::IdempotencyKeyInUse, KEY_IN_USE).header("Idempotency-Key").into()),
    }
}

/// The receipt of an earlier request with the same key, if there is one.
///
/// # Errors
/// `idempotency-key-reused`, and those of the store.
pub async fn find_receipt(request: KeyedRequest<'_>, held: &HeldKey) -> JobResult<Option<Receipt>> {
    let key = held.key.clone();
    let find = move |tx: &mut Tx<'_>| tx.find_key(&key);
    match request.state.store.read("idempotency.find", Cost::Bounded, find).await? {
        Some(KeyClaim::Answered(answer)) => Receipt::from_stored(&answer).map(Some),
        Some(KeyClaim::OtherRequest) => Err(key_reused().into()),
        Some(KeyClaim::New) | None => Ok(None),
    }
}

/// Runs a write. With a key, the same transaction stores the `receipt` of the result, and a repeated request gets that
/// receipt instead. A refused request stores nothing. The `permit` is released with the job; each retry acquires another.
///
/// # Errors
/// Those of the job; `idempotency-key-reused`, `idempotency-key-in-use`, or `answer-too-large` for the receipt.
pub async fn run_idempotent<T: Send + 'static>(
    request: KeyedRequest<'_>,
    held: Option<HeldKey>,
    name: &'static str,
    permit: Option<OperationPermit>,
    job: impl Fn(&mut Tx<'_>) -> JobResult<T> + Send + Sync + 'static,
    receipt: fn(&T) -> Receipt,
) -> JobResult<IdempotentResult<T>> {
    let Some(HeldKey { key, until, _guard }) = held else {
        let job = move |tx: &mut Tx<'_>| {
            let _held_during_the_job = &permit;
            job(tx)
        };
        return request
            .state
            .store
            .write(name, origin_of(request.http, &request.caller), job)
            .await
            .map(IdempotentResult::New);
    };
    let (needs_permit, mut permit) = (permit.is_some(), permit);
    let shared = Arc::new((key, job));
    let mut pause = FIRST_PAUSE;
    loop {
        if needs_permit && permit.is_none() {
            permit = Some(request.state.operation_limiter.acquire(request.caller.id).await);
        }
        let (shared, permit) = (Arc::clone(&shared), permit.take());
        let attempt = move |tx: &mut Tx<'_>| {
            let ((key, job), _held_during_the_job) = (&*shared, &permit);
            match tx.claim_key(key)? {
                KeyClaim::Answered(answer) => Ok(Err(answer)),
                KeyClaim::OtherRequest => Err(key_reused().into()),
                KeyClaim::New => {
                    let done = job(tx)?;
                    let stored = receipt(&done).to_stored().map_err(|error| Error::Internal(error.to_string()))?;
                    tx.store_answer(key, &stored)?;
                    Ok(Ok(done))
                }
            }
        };
        match request.state.store.write(name, origin_of(request.http, &request.caller), attempt).await {
            Ok(Ok(done)) => return Ok(IdempotentResult::New(done)),
            Ok(Err(answer)) => return Receipt::from_stored(&answer).map(IdempotentResult::Repeated),
            Err(error) if is_in_use(&error) && Instant::now() + pause < until => sleep(pause).await,
            Err(error) => return Err(error),
        }
        pause = LONGEST_PAUSE.min(2 * pause);
    }
}

/// Turns a response into that of a repeated request: sets the status of the first response and a header, and counts it.
///
/// # Errors
/// 500 if the stored status is invalid.
pub fn mark_replayed(state: &AppState, receipt: &Receipt, mut answer: HttpResponse) -> Result<HttpResponse, Failure> {
    let status = StatusCode::from_u16(receipt.status);
    *answer.status_mut() = status.map_err(|_| Failure::internal("a stored response has no valid status".to_owned()))?;
    answer.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    state.metrics.replays.add_one();
    Ok(answer)
}

/// Whether a request has a key, valid or not.
pub fn has_idempotency_key(headers: &HeaderMap) -> bool {
    headers.contains_key(KEY)
}

fn is_in_use(error: &Error) -> bool {
    matches!(error, Error::Refused(problems) if problems.iter().any(|it| it.code == Code::IdempotencyKeyInUse))
}

fn key_reused() -> Problem {
    let detail = "this `Idempotency-Key` was used for another request; choose a new one";
    Problem::new(Code::IdempotencyKeyReused, detail)
}

/// Parses the key of a request, if it has one: 1 to 255 printable ASCII characters.
fn parse_key(request: KeyedRequest<'_>, body: &[u8]) -> Result<Option<IdempotencyKey>, Failure> {
    let mut sent = request.http.headers().get_all(KEY);
    let Some(key) = sent.next() else { return Ok(None) };
    let is_valid =
        |key: &&str| (1..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if let (Some(key), None) = (key.to_str().ok().filter(is_valid), sent.next()) {
        let fingerprint = fingerprint(request.http, body);
        return Ok(Some(IdempotencyKey { caller: request.caller.id, key: key.to_owned(), fingerprint }));
    }
    let detail = format!("send one `Idempotency-Key` of 1 to {LONGEST_KEY} printable ASCII characters");
    Err(ApiProblem::new(Code::InvalidParameter, detail).header("Idempotency-Key").into())
}

/// A hash of what makes two requests the same: method, path, query, media type and body.
fn fingerprint(request: &HttpRequest, body: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    let target = format!("{}?{}", request.path(), request.query_string());
    let media_type = request.headers().get("content-type").map(HeaderValue::as_bytes).unwrap_or_default();
    for part in [request.method().as_str().as_bytes(), target.as_bytes(), media_type, body] {
        context.update(&part.len().to_be_bytes());
        context.update(part);
    }
    let digest = context.finish();
    digest.as_ref().first_chunk().copied().unwrap_or_default()
}

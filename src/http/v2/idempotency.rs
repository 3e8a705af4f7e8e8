//! `Idempotency-Key`: a request that is performed once however often it is sent.
//!
//! # Design
//! A receipt of what was done is stored in the transaction of the change. A repeat reads the resources that the receipt
//! names again, with the rights that the caller has now. Repeats of a request that is still running wait for the key in
//! this process, without a thread or a connection. A request that runs in another instance holds the row of its key in
//! the database; a job waits for that row briefly, gives its connection back, and runs again after a pause.

mod receipt;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use aws_lc_rs::digest::{Context, SHA256};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

pub use receipt::{Done, DoneOperation, Named, Receipt};

use crate::http::jsonapi::errors::{Failure, Problem};
use crate::http::v2::keyed_locks::{KeyGuard, KeyedLocks};
use crate::http::v2::request::Call;
use crate::http::v2::turns::Turn;
use crate::model::code::Code;
use crate::model::error::{Error, Problem as Refusal, Result as JobResult};
use crate::model::id::UserId;
use crate::model::idempotency::{IdempotencyKey, KEY_IN_USE, KeyClaim};
use crate::store::Tx;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// The longest key.
const LONGEST: usize = 255;
/// The first pause before a job asks again for a key that another instance holds; each pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(400);

/// The keys of requests that are running, for each caller.
pub type Keys = KeyedLocks<(UserId, String)>;

/// A key that no other request of this process uses until this is dropped.
pub struct HeldKey {
    key: IdempotencyKey,
    /// When the wait for the first request ends.
    until: Instant,
    _guard: KeyGuard<(UserId, String)>,
}

/// How a request came to its result.
pub enum Performed<T> {
    /// It was performed now.
    Now(T),
    /// It was performed before.
    Before(Receipt),
}

/// The key of a request, if it has one, once no other request of this process uses it. The wait takes at most half of
/// `REQUEST_TIMEOUT`, so that there is time left for an answer.
///
/// # Errors
/// 400 for a malformed key; 409 `idempotency-key-in-use`.
pub async fn hold_key(call: &Call, body: &[u8]) -> Result<Option<HeldKey>, Failure> {
    let Some(key) = key_of(call, body)? else { return Ok(None) };
    let until = Instant::now() + call.state.request_timeout / 2;
    let lock = call.state.keys.lock((key.caller, key.key.clone()));
    match timeout_at(until, lock).await {
        Ok(guard) => Ok(Some(HeldKey { key, until, _guard: guard })),
        Err(_) => Err(Problem::new(Code::IdempotencyKeyInUse, KEY_IN_USE).header("Idempotency-Key").into()),
    }
}

/// Runs a write. With a key, `receipt` of its result is stored in the same transaction, and a repeat of the request gets
/// that receipt instead; a refused request stores nothing. A `turn` ends with the job; further attempts wait for another.
///
/// # Errors
/// Those of the job; `idempotency-key-reused`, `idempotency-key-in-use`, or `answer-too-large` if the receipt is.
pub async fn perform<T: Send + 'static>(
    call: &Call,
    held: Option<HeldKey>,
    name: &'static str,
    turn: Option<Turn>,
    job: impl Fn(&mut Tx<'_>) -> JobResult<T> + Send + Sync + 'static,
    receipt: fn(&T) -> Receipt,
) -> Result<Performed<T>, Failure> {
    let Some(HeldKey { key, until, _guard }) = held else {
        let job = move |tx: &mut Tx<'_>| {
            let _until_the_job_ends = &turn;
            job(tx)
        };
        return call.state.store.write(name, job).await.map(Performed::Now).map_err(Failure::of);
    };
    let (has_turns, mut turn) = (turn.is_some(), turn);
    let shared = Arc::new((key, job));
    let mut pause = FIRST_PAUSE;
    loop {
        if has_turns && turn.is_none() {
            turn = Some(call.state.turns.wait(call.caller.id).await);
        }
        let (shared, turn) = (Arc::clone(&shared), turn.take());
        let attempt = move |tx: &mut Tx<'_>| {
            let ((key, job), _until_the_job_ends) = (&*shared, &turn);
            match tx.claim_key(key)? {
                KeyClaim::Answered(answer) => Ok(Err(answer)),
                KeyClaim::OtherRequest => Err(reused().into()),
                KeyClaim::New => {
                    let done = job(tx)?;
                    let stored = receipt(&done).to_stored().map_err(|error| Error::Internal(error.to_string()))?;
                    tx.store_answer(key, &stored)?;
                    Ok(Ok(done))
                }
            }
        };
        match call.state.store.write(name, attempt).await {
            Ok(Ok(done)) => return Ok(Performed::Now(done)),
            Ok(Err(answer)) => return Receipt::from_stored(&answer).map(Performed::Before),
            Err(error) if is_in_use(&error) && Instant::now() + pause < until => sleep(pause).await,
            Err(error) => return Err(Failure::of(error)),
        }
        pause = LONGEST_PAUSE.min(2 * pause);
    }
}

/// Marks the answer to a repeat: with the status of the first answer, and counted.
///
/// # Errors
/// 500 if the stored status is none.
pub fn mark_replayed(call: &Call, receipt: &Receipt, mut answer: HttpResponse) -> Result<HttpResponse, Failure> {
    let status = StatusCode::from_u16(receipt.status);
    *answer.status_mut() = status.map_err(|_| Failure::internal("a stored answer has no status".to_owned()))?;
    answer.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    call.state.measures.replays.add_one();
    Ok(answer)
}

/// Whether a request has a key, legal or not.
pub fn has_key(call: &Call) -> bool {
    call.headers().contains_key(KEY)
}

fn is_in_use(error: &Error) -> bool {
    matches!(error, Error::Refused(problems) if problems.iter().any(|it| it.code == Code::IdempotencyKeyInUse))
}

fn reused() -> Refusal {
    let detail = "this `Idempotency-Key` was used for another request; choose a new one";
    Refusal::new(Code::IdempotencyKeyReused, detail)
}

/// The key of a request, if it has one: 1 to 255 visible ASCII characters.
fn key_of(call: &Call, body: &[u8]) -> Result<Option<IdempotencyKey>, Failure> {
    let mut sent = call.headers().get_all(KEY);
    let Some(key) = sent.next() else { return Ok(None) };
    let is_legal = |key: &&str| (1..=LONGEST).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if let (Some(key), None) = (key.to_str().ok().filter(is_legal), sent.next()) {
        let fingerprint = fingerprint(call, body);
        return Ok(Some(IdempotencyKey { caller: call.caller.id, key: key.to_owned(), fingerprint }));
    }
    let detail = format!("one `Idempotency-Key` of 1 to {LONGEST} visible ASCII characters is accepted");
    Err(Problem::new(Code::InvalidParameter, detail).header("Idempotency-Key").into())
}

/// What makes two requests the same: method, path, query, media type and body.
fn fingerprint(call: &Call, body: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    let media_type = call.headers().get("content-type").map(HeaderValue::as_bytes).unwrap_or_default();
    for part in [call.method().as_bytes(), call.target().as_bytes(), media_type, body] {
        context.update(&part.len().to_be_bytes());
        context.update(part);
    }
    let digest = context.finish();
    digest.as_ref().first_chunk().copied().unwrap_or_default()
}

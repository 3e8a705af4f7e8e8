//! `Idempotency-Key`: a request that may be repeated, because its answer is kept in the transaction of its change.

use actix_web::HttpResponse;
use actix_web::body::MessageBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use aws_lc_rs::digest::{Context, SHA256};

use super::call::Call;
use super::jsonapi::errors::{Failure, Problem};
use crate::model::code::Code;
use crate::model::error::{Error, Problem as Refusal, Result as JobResult};
use crate::model::idempotency::{Claim, Key, StoredAnswer};
use crate::store::Tx;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// The longest key.
const LONGEST: usize = 255;

/// Runs a write and renders its answer. With an `Idempotency-Key` the answer is kept in the same transaction, and a
/// repetition of the same request gets it again; answers that are no success are never kept.
///
/// # Errors
/// Whatever the job refuses; `idempotency-key-reused`, `idempotency-key-in-use`, or 400 for a key that is none.
pub async fn once<T: Send + 'static>(
    call: &Call,
    body: &[u8],
    name: &'static str,
    job: impl Fn(&mut Tx<'_>) -> JobResult<T> + Send + 'static,
    render: impl Fn(&T) -> Result<HttpResponse, Failure> + Send + 'static,
) -> Result<HttpResponse, Failure> {
    let Some(key) = key_of(call, body)? else {
        let result = call.state.store.write(name, job).await.map_err(Failure::of)?;
        return render(&result);
    };
    let job = move |tx: &mut Tx<'_>| match tx.claim_key(&key)? {
        Claim::Answered(answer) => Ok((answer, true)),
        Claim::OtherRequest => {
            let detail = "this `Idempotency-Key` was used for another request; choose a new one";
            Err(Refusal::new(Code::IdempotencyKeyReused, detail).into())
        }
        Claim::New => {
            let answer = render(&job(tx)?).map_err(|failure| Error::Internal(failure.to_string()))?;
            let answer = stored(answer);
            tx.keep_answer(&key, &answer)?;
            Ok((answer, false))
        }
    };
    let (answer, is_replayed) = call.state.store.write(name, job).await.map_err(Failure::of)?;
    let mut answer = sent(answer)?;
    if is_replayed {
        call.state.measures.replays.add_one();
        answer.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(answer)
}

/// Whether a request has a key, be it a legal one or not.
pub fn is_repeatable(call: &Call) -> bool {
    call.headers().contains_key(KEY)
}

/// The key of a request, if it has one: 1 to 255 visible ASCII characters.
fn key_of(call: &Call, body: &[u8]) -> Result<Option<Key>, Failure> {
    let mut sent = call.headers().get_all(KEY);
    let Some(key) = sent.next() else { return Ok(None) };
    let is_legal = |key: &&str| (1..=LONGEST).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if let (Some(key), None) = (key.to_str().ok().filter(is_legal), sent.next()) {
        let fingerprint = fingerprint(call, body);
        return Ok(Some(Key { caller: call.caller.id, key: key.to_owned(), fingerprint }));
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

/// An answer as it is kept.
fn stored(answer: HttpResponse) -> StoredAnswer {
    let status = answer.status().as_u16();
    let line = |(name, value): (&HeaderName, &HeaderValue)| Some(format!("{name}:{}\n", value.to_str().ok()?));
    let headers = answer.headers().iter().filter_map(line).collect();
    let body = answer.into_body().try_into_bytes().map(|bytes| bytes.to_vec()).unwrap_or_default();
    StoredAnswer { status, headers, body }
}

/// An answer as it is sent.
fn sent(answer: StoredAnswer) -> Result<HttpResponse, Failure> {
    let broken = |what: &str| Failure::internal(format!("a kept answer has a broken {what}"));
    let status = StatusCode::from_u16(answer.status).map_err(|_| broken("status"))?;
    let mut headers = HeaderMap::new();
    for line in answer.headers.lines() {
        let (name, value) = line.split_once(':').ok_or_else(|| broken("header"))?;
        let name: HeaderName = name.parse().map_err(|_| broken("header"))?;
        headers.append(name, HeaderValue::from_str(value).map_err(|_| broken("header"))?);
    }
    let mut response = HttpResponse::build(status).body(answer.body);
    *response.headers_mut() = headers;
    Ok(response)
}

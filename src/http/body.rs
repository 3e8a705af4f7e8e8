//! Reads request bodies up to a limit.

use actix_web::http::header::{CONTENT_LENGTH, HeaderMap};
use actix_web::web::{Bytes, Payload};

use super::jsonapi::errors::{ApiProblem, Failure};
use crate::model::code::Code;

/// Reads the whole body, which may have at most `most` bytes.
///
/// # Errors
/// 413 with the limit, or 400 if the body is incomplete.
pub async fn read(payload: Payload, headers: &HeaderMap, most: usize) -> Result<Bytes, Failure> {
    let too_large = || {
        let detail = format!("the request body must have at most {most} bytes");
        Failure::from(ApiProblem::new(Code::BodyTooLarge, detail))
    };
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > most) {
        return Err(too_large());
    }
    match payload.to_bytes_limited(most).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(ApiProblem::new(Code::MalformedJson, "the request body is incomplete").into()),
        Err(_) => Err(too_large()),
    }
}

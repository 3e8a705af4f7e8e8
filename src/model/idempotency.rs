//! Requests that may be repeated: what was answered the first time.

use super::id::UserId;

/// How long an answer is kept.
pub const KEPT_SECONDS: i64 = 24 * 60 * 60;

/// Why a repeat is refused while the first request is still running.
pub const KEY_IN_USE: &str =
    "the first request with this `Idempotency-Key` is still running; repeat the request in a moment";

/// A request that its client may repeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Who asks; each caller has its own keys.
    pub caller: UserId,
    /// The key that the client chose.
    pub key: String,
    /// SHA-256 of all that makes it the same request.
    pub fingerprint: [u8; 32],
}

/// What is stored of an answer: no data of people, only identifiers of what was done. Earlier releases stored the whole
/// answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The HTTP status.
    pub status: u16,
    /// Header fields, a line each: name, colon, value.
    pub headers: String,
    /// A JSON:API document of resource identifiers.
    pub body: Vec<u8>,
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nothing: the request runs now, and its answer is to be kept.
    New,
    /// It was answered before.
    Answered(StoredAnswer),
    /// Another request had the same key.
    OtherRequest,
}

//! Idempotency keys and the stored responses of their requests.

use super::id::UserId;

/// How long a response is stored.
pub const RETENTION_SECONDS: i64 = 24 * 60 * 60;

/// The message for a repeated request while the first one is running.
pub const KEY_IN_USE: &str =
    "the first request with this `Idempotency-Key` is still running; repeat the request in a moment";

/// The idempotency key of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The caller; each caller has its own keys.
    pub caller: UserId,
    /// The key.
    pub key: String,
    /// SHA-256 of everything that identifies the request.
    pub fingerprint: [u8; 32],
}

/// A stored response. It has identifiers of the changed resources, but no personal data. Earlier releases stored the
/// whole response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The HTTP status.
    pub status: u16,
    /// Header fields, one `name: value` per line.
    pub headers: String,
    /// A JSON:API document of resource identifiers.
    pub body: Vec<u8>,
}

/// The result of claiming a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyClaim {
    /// The key is new: the request must run, and its response must be stored.
    New,
    /// The request was answered before.
    Answered(StoredAnswer),
    /// Another request used the same key.
    OtherRequest,
}

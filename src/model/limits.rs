//! Limits in bytes for every request.

/// The most bytes of a response body before compression. A request with a larger response is refused with
/// `answer-too-large` before anything is committed.
pub const MAX_ANSWER: usize = 8 * 1024 * 1024;

/// The most bytes of the stored response of a request with an `Idempotency-Key`. No request reaches it: the longest
/// identifiers of 1,000 resources are smaller.
pub const MAX_STORED_ANSWER: usize = 128 * 1024;
/// The most readers of one process that wait for changes at the same time.
pub const MAX_WAITING_READERS: usize = 1_000;
/// The longest `PUBLIC_URL`, in bytes.
pub const LONGEST_PUBLIC_URL: usize = 200;

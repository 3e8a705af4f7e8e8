//! Limits in bytes that hold for every request, whatever it asks for.

/// The largest answer, in bytes of its body before compression. A larger one is refused with `answer-too-large`
/// before anything is committed.
pub const MAX_ANSWER: usize = 8 * 1024 * 1024;

/// The largest stored answer of a request with an `Idempotency-Key`, in bytes: identifiers of 1,000 resources take half.
pub const MAX_STORED_ANSWER: usize = 128 * 1024;

//! Limits in bytes that hold for every request, whatever it asks for.

/// The largest answer, in bytes of its body before compression. A larger one is refused with `answer-too-large`
/// before anything is committed.
pub const MAX_ANSWER: usize = 8 * 1024 * 1024;

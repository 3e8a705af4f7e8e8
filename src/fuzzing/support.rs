//! What several targets need.

use crate::http::jsonapi::errors::Failure;
use crate::http::urls::BaseUrl;

/// Splits off the first byte, which selects a case. An empty input selects the first.
pub(super) fn select(data: &[u8]) -> (usize, &[u8]) {
    data.split_first().map_or((0, data), |(first, rest)| (usize::from(*first), rest))
}

/// Asserts that a failure is a client's error, and that its document has at most 16 KiB.
pub(super) fn check_failure(failure: &Failure) {
    assert!(failure.status().is_client_error(), "{:?}", failure.cause());
    let document = failure.document("r", &BaseUrl::default());
    assert!(serde_json::from_slice::<serde_json::Value>(&document).is_ok());
    assert!(document.len() <= 16 * 1024, "{} bytes", document.len());
}

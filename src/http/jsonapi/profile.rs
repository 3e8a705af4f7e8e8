//! The profile and the extension of JSON:API that the service supports: cursor pagination and atomic operations.

use serde::{Serialize, Serializer};

use super::media_type::MEDIA_TYPE;

/// The cursor pagination profile. Its website writes the URI with a slash at the end.
pub const CURSOR: &str = "https://jsonapi.org/profiles/ethanresnick/cursor-pagination";
/// The error type of the profile for a page size that is too large.
pub const TOO_LARGE: &str = "https://jsonapi.org/profiles/ethanresnick/cursor-pagination/max-size-exceeded";
/// The error type of the profile for an unsupported order.
pub const UNSUPPORTED_SORT: &str = "https://jsonapi.org/profiles/ethanresnick/cursor-pagination/unsupported-sort";
/// The atomic operations extension.
pub const ATOMIC: &str = "https://jsonapi.org/ext/atomic";

/// The profile or extension that a response follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Applied {
    /// Neither.
    #[default]
    Nothing,
    /// The cursor pagination profile.
    CursorProfile,
    /// The atomic operations extension.
    AtomicExtension,
}

impl Applied {
    /// The `Content-Type` of the response.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Nothing => MEDIA_TYPE,
            Self::CursorProfile => {
                "application/vnd.api+json;profile=\"https://jsonapi.org/profiles/ethanresnick/cursor-pagination\""
            }
            Self::AtomicExtension => "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\"",
        }
    }

    /// Whether a URI is that of the cursor profile, with or without the slash.
    #[must_use]
    pub fn is_cursor_profile(uri: &str) -> bool {
        uri.strip_suffix('/').unwrap_or(uri) == CURSOR
    }
}

/// Serializes the `jsonapi` member of a document.
impl Serialize for Applied {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Object {
            version: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            ext: Option<[&'static str; 1]>,
            #[serde(skip_serializing_if = "Option::is_none")]
            profile: Option<[&'static str; 1]>,
        }
        Object {
            version: "1.1",
            ext: (*self == Self::AtomicExtension).then_some([ATOMIC]),
            profile: (*self == Self::CursorProfile).then_some([CURSOR]),
        }
        .serialize(serializer)
    }
}

//! Values that serialize as JSON strings without an allocation.

use chrono_tz::Tz;
use serde::{Serialize, Serializer};
use std::fmt::{self, Write as _};

use crate::model::time::Timestamp;

/// Serializes any `Display` as a JSON string. Formats into a buffer first: many small writes are slow.
pub struct Text<T>(pub T);

impl<T: fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut buffer = Buffer { bytes: [0; 96], length: 0 };
        match write!(buffer, "{}", self.0) {
            Ok(()) => serializer.serialize_str(buffer.as_str()),
            Err(_) => serializer.collect_str(&self.0),
        }
    }
}

/// A buffer that holds every URL of a resource with a numeric id.
struct Buffer {
    bytes: [u8; 96],
    length: usize,
}

impl Buffer {
    fn as_str(&self) -> &str {
        self.bytes.get(..self.length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl fmt::Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// Serializes an instant as ISO 8601, in UTC.
#[derive(Debug)]
pub struct IsoTime(pub Timestamp);

impl Serialize for IsoTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.iso8601())
    }
}

/// Serializes an instant in the configured time zone, as RFC 2822 with a numeric offset.
pub(super) struct Time(pub Timestamp, pub Tz);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.rfc2822(self.1).as_str())
    }
}

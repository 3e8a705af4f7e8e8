//! The current time. Only this module reads the system clock, so that tests can set another time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::model::time::Timestamp;

/// A source of the current time.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The system's time.
    System,
    /// A time that a test sets, in microseconds since 1970.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::from_micros(system_micros()),
            Self::Fixed(micros) => Timestamp::from_micros(micros.load(Ordering::Relaxed)),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock")]
fn system_micros() -> i64 {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_micros()).unwrap_or(i64::MAX)
}

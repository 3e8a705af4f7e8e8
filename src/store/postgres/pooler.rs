//! Refuses poolers that mix up prepared statements, before the first query.

use diesel::connection::SimpleConnection;
use std::time::Duration;

use super::canary::{self, EXPLANATION};
use super::sessions::{Session, Sessions};
use crate::store::opening::OpenError;
use crate::store::url::PostgresUrl;

/// The longest wait for a connection, and for a statement.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often each of the two connections begins a transaction.
const ROUNDS: usize = 4;

/// Checks that a pooler keeps the prepared statements of two connections apart. Where the connections happen to get
/// different sessions of the server each time, it cannot know; later each transaction checks the same.
///
/// # Errors
/// [`OpenError::MixedStatements`]. A server that cannot be reached is not an error here.
pub(in crate::store) fn check(url: &PostgresUrl) -> Result<(), OpenError> {
    let sessions = Sessions::for_check(url.with_limits(PATIENCE, PATIENCE), PATIENCE);
    let Some(first) = establish(&sessions)? else { return Ok(()) };
    if first.canary.as_ref().is_none_or(|canary| canary.check.is_empty()) {
        return Ok(());
    }
    let Some(second) = establish(&sessions)? else { return Ok(()) };
    let mut both = [first, second];
    for _ in 0..ROUNDS {
        both.iter_mut().try_for_each(begin)?;
    }
    Ok(())
}

/// The error for such a pooler.
pub(in crate::store) fn refusal() -> OpenError {
    OpenError::MixedStatements(EXPLANATION)
}

fn establish(sessions: &Sessions) -> Result<Option<Session>, OpenError> {
    match sessions.establish() {
        Ok(session) => Ok(Some(session)),
        Err(error) if error.to_string().contains(EXPLANATION) => Err(refusal()),
        Err(_) => Ok(None),
    }
}

fn begin(session: &mut Session) -> Result<(), OpenError> {
    let check = session.canary.as_ref().map_or("", |canary| &canary.check);
    match session.conn.batch_execute(&format!("BEGIN{check}; COMMIT")) {
        Err(error) if canary::is_mixed_up(&error.to_string()) => Err(refusal()),
        _ => Ok(()),
    }
}

//! Reads changes, and waits for the first one if there is none (RFC 7240 §4.3, `wait`).

use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};

use crate::domain::changes::{self, ChangeBound, ChangeNews, ChangeStart, ChangesRequest, VisibleChanges};
use crate::domain::policy::{self, Action};
use crate::http::change_readers::ReaderEvent;
use crate::http::jsonapi::errors::Failure;
use crate::http::v2::request::Call;
use crate::model::page::Direction;
use crate::store::{Cost, Tx};

/// How often the right and the connection of a waiting reader are checked. The cache of verified credentials makes a check
/// cheap, and is as old as `AUTH_REFRESH` at most.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);
/// The part of `REQUEST_TIMEOUT` that is left for the response.
const RESPONSE_TIME: Duration = Duration::from_secs(1);
/// The longest wait that begins while the process is shutting down, in seconds: short, so that the client goes elsewhere,
/// and not zero, so that it does not ask without a pause.
const LONGEST_WHILE_DRAINING: u64 = 1;

/// How long a request may wait, in seconds; `None` if it does not ask for it, or reads in a direction in which nothing is
/// new.
pub(super) fn grant(call: &Call, request: &ChangesRequest) -> Option<u64> {
    let is_forwards = request.order == Direction::Ascending && request.before.is_none();
    let mut longest = call.state.request_timeout.saturating_sub(RESPONSE_TIME).as_secs();
    if call.state.is_draining() {
        longest = longest.min(LONGEST_WHILE_DRAINING);
    }
    call.preferences.wait.filter(|_| is_forwards).map(|wanted| wanted.min(longest))
}

/// Reads changes.
///
/// # Errors
/// As [`changes::read`]; 503 if the primary does not respond.
pub(super) async fn read(call: &Call, request: &ChangesRequest) -> Result<VisibleChanges, Failure> {
    let (caller, request) = (call.caller, request.clone());
    let job = move |tx: &mut Tx<'_>| changes::read(tx, &caller, &request);
    let found = call.state.store.read_changes("changes.list", Cost::Unbounded, job).await;
    found.map_err(Failure::without_document)
}

/// Reads changes. If there are none, waits for the first one, at most for this time.
///
/// # Errors
/// As [`read`]; 401 or 403 if the caller loses the right to read; 503 if too many readers wait.
pub(super) async fn read_or_wait(
    call: &Call,
    request: &ChangesRequest,
    longest: Duration,
) -> Result<VisibleChanges, Failure> {
    // Authentication and the first query take a part of the time as well.
    let until = (Instant::now() + longest).min(call.deadline().minus(RESPONSE_TIME));
    let found = read(call, request).await?;
    if longest.is_zero() || !is_exhausted(&found) {
        return Ok(found);
    }
    wait(call, request, found, until).await
}

/// Whether a list has nothing to report at present.
fn is_exhausted(found: &VisibleChanges) -> bool {
    found.changes.is_empty() && found.is_end
}

async fn wait(
    call: &Call,
    request: &ChangesRequest,
    mut found: VisibleChanges,
    mut until: Instant,
) -> Result<VisibleChanges, Failure> {
    let mut reader = call.state.change_readers.enter(&call.state.store)?;
    // The shutdown ends waits that have begun, and may have come since this one was granted.
    if call.state.is_draining() {
        until = until.min(Instant::now() + Duration::from_secs(LONGEST_WHILE_DRAINING));
    }
    let mut checks = interval_at(Instant::now() + CHECK_INTERVAL, CHECK_INTERVAL);
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while is_exhausted(&found) {
        tokio::select! {
            () = sleep_until(until) => break,
            _ = checks.tick() => {
                if call.is_abandoned() {
                    break;
                }
                require_right(call).await?;
            }
            event = reader.next() => match event {
                ReaderEvent::Closed => break,
                ReaderEvent::News(news) => found = update(call, request, found, &news).await?,
            },
        }
    }
    Ok(found)
}

/// The list after news: read again if they may have something for this reader, else with a later position.
async fn update(
    call: &Call,
    request: &ChangesRequest,
    found: VisibleChanges,
    news: &ChangeNews,
) -> Result<VisibleChanges, Failure> {
    let seen = found.cursor.map_or(0, |position| position.number);
    if news.may_match(seen, &request.filter) {
        let after = found.cursor.map(|position| ChangeBound { position, is_inclusive: false });
        return read(call, &ChangesRequest { after, start: ChangeStart::First, ..request.clone() }).await;
    }
    Ok(if news.last.number > seen { VisibleChanges { cursor: Some(news.last), ..found } } else { found })
}

async fn require_right(call: &Call) -> Result<(), Failure> {
    let identity = call.confirm().await?;
    policy::require(&identity.caller, Action::SeeChanges).map_err(Failure::without_document)
}

//! Reads the change log for callers: the feed of all changes, and the histories of relationships and of users.
//!
//! # Design
//! A position is the number of a change and its fingerprint. The log has exactly one change for each number, so a reader
//! that goes from position to position misses nothing. A position whose number has another fingerprint comes from another
//! history of this database, such as before a restore, and is refused like one from before the horizon.

mod news;
mod positions;
mod request;
mod scope;

pub use news::{ChangeNews, read_news};
pub use request::{ChangeBound, ChangeStart, ChangesRequest};
pub use scope::ChangeScope;

use crate::model::caller::Caller;
use crate::model::change::{ChangePosition, NumberedChange};
use crate::model::change_query::ChangePageRequest;
use crate::model::error::Result;
use crate::model::page::Direction;
use crate::store::Tx;
use positions::Bounds;

/// A change as a caller sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisibleChange {
    /// The change.
    pub change: NumberedChange,
    /// Whether the caller may see who made it.
    pub is_actor_visible: bool,
}

/// A part of the changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisibleChanges {
    /// The changes, in order.
    pub changes: Vec<VisibleChange>,
    /// The place after all changes that were examined, in the direction of reading.
    pub end: Option<ChangePosition>,
    /// Whether that is the end of the list, at present.
    pub is_end: bool,
    /// The place from which a reader that has seen these changes goes on; `None` in descending order.
    pub cursor: Option<ChangePosition>,
}

/// Reads a part of the changes that a caller may see. The job must see one snapshot.
///
/// # Errors
/// `not-admin`, `not-owner`, `not-found` (also while changes are not logged), and `cursor-expired` for a position that is
/// not one of the log.
pub fn read(tx: &mut Tx<'_>, caller: &Caller, request: &ChangesRequest) -> Result<VisibleChanges> {
    request.scope.authorize(tx, caller)?;
    let log = tx.change_log()?;
    scope::require_log(&log)?;
    let bounds = Bounds::of(tx, &log, request)?;
    let wanted = ChangePageRequest {
        filter: request.scope.restrict(request.filter.clone()),
        after: bounds.after,
        before: bounds.before,
        direction: request.reading_direction(),
        limit: request.size,
    };
    let page = tx.changes(&log, &wanted)?;
    if page.changes.is_empty() && page.is_end {
        request.scope.require_existing(tx, &log)?;
    }
    let end = positions::find(tx, &log, page.examined_to, page.changes.last())?;
    // Later changes are not before `until` either.
    let is_whole = page.is_end && request.before.is_none();
    let cursor = match request.order {
        Direction::Descending => None,
        Direction::Ascending if request.is_from_end() => {
            let number = (bounds.before - 1).min(log.last_number).max(log.horizon.position.number);
            positions::find(tx, &log, number, page.changes.first())?
        }
        Direction::Ascending if is_whole => positions::find(tx, &log, log.last_number, page.changes.last())?,
        Direction::Ascending => end,
    };
    let show = |change| VisibleChange { is_actor_visible: request.scope.shows_actor(caller, &change), change };
    let mut changes: Vec<_> = page.changes.into_iter().map(show).collect();
    if request.is_from_end() {
        changes.reverse();
    }
    Ok(VisibleChanges { changes, end, is_end: page.is_end, cursor })
}

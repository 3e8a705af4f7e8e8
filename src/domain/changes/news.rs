//! New changes, read once for all readers that wait for them.

use super::scope::require_log;
use crate::model::change::{ChangePosition, NumberedChange};
use crate::model::change_query::{ChangeFilter, ChangePageRequest};
use crate::model::error::Result;
use crate::model::page::Direction;
use crate::store::Tx;

/// The most changes that are read for waiting readers. If there are more, each reader reads its own.
const MAX_NEWS: i64 = 200;

/// The changes since an earlier moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeNews {
    /// The number after which the changes begin.
    pub after: i64,
    /// The position of the last change.
    pub last: ChangePosition,
    changes: Vec<NumberedChange>,
}

impl ChangeNews {
    /// Whether a reader that has seen the changes up to a number may find one that matches its filter.
    #[must_use]
    pub fn may_match(&self, seen: i64, filter: &ChangeFilter) -> bool {
        let mut new = self.changes.iter().filter(|change| change.number > seen);
        seen < self.after || new.any(|change| filter.matches(change))
    }
}

/// Reads the changes after a number; without it, and if they are many, only how far the log goes. The job must see one
/// snapshot.
///
/// # Errors
/// `not-found` while changes are not logged, and those of the store.
pub fn read_news(tx: &mut Tx<'_>, known: Option<i64>) -> Result<ChangeNews> {
    let log = tx.change_log()?;
    require_log(&log)?;
    let number = log.last_number;
    let Some(after) = known.filter(|known| (0..=MAX_NEWS).contains(&(number - known))) else {
        let last = tx.change_position(&log, number)?.unwrap_or(log.horizon.position);
        return Ok(ChangeNews { after: number, last, changes: Vec::new() });
    };
    let filter = ChangeFilter::default();
    let direction = Direction::Ascending;
    let request = ChangePageRequest { filter, after, before: i64::MAX, direction, limit: MAX_NEWS };
    let changes = if after < number { tx.changes(&log, &request)?.changes } else { Vec::new() };
    let last = match changes.last() {
        Some(change) => change.position(),
        None => tx.change_position(&log, number)?.unwrap_or(log.horizon.position),
    };
    Ok(ChangeNews { after, last, changes })
}

//! Finds a moment in the change log, and undoes the changes after it.

use crate::domain::relationships;
use crate::model::as_of::{MOST_SECONDS_AHEAD, MOST_UNDONE, UndoneChanges};
use crate::model::caller::Caller;
use crate::model::change::{ChangeAction, ChangeLogState};
use crate::model::change_query::{ChangeFilter, ChangeMoment, ChangePageRequest};
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Problem, Result};
use crate::model::filter::RelationshipFilter;
use crate::model::id::UserId;
use crate::model::page::{Direction, Page, PageRequest, Sort};
use crate::model::past::PastEdge;
use crate::model::relationship::Relationship;
use crate::model::time::Timestamp;
use crate::store::Tx;

/// The parameter with the moment.
pub(super) const PARAMETER: &str = "filter[as-of]";

/// A first load has a number that is less than this away from the horizon: it may come after some changes of the same
/// transaction, such as new types, and of others that were committed at the same time.
const NEAR_HORIZON: i64 = 1_000;

/// A moment in the change log, and how many more changes after it the request may undo.
#[derive(Debug)]
pub(in crate::domain) struct PastMoment {
    moment: ChangeMoment,
    /// Whether a first load, which makes no single changes, came later.
    is_before_load: bool,
    left: usize,
}

impl PastMoment {
    /// Finds a moment.
    ///
    /// # Errors
    /// `invalid-parameter` if changes are not logged, if the log is not complete from the moment on, and if the moment is
    /// in the future.
    pub fn find(tx: &mut Tx<'_>, at: Timestamp) -> Result<Self> {
        let log = tx.change_log()?;
        if !log.is_on {
            let detail = format!("changes are not logged, so the past is not known; remove `{PARAMETER}`");
            return Err(refused(detail).into());
        }
        let (oldest, now) = (log.horizon.at, tx.now());
        if at < oldest {
            let rule = format!("be {} or later, from which on all changes are known", oldest.iso8601());
            return Err(outside(&log, &rule, at));
        }
        if at > now.plus_seconds(MOST_SECONDS_AHEAD) {
            let rule = format!("be at most {MOST_SECONDS_AHEAD} seconds in the future; it is {}", now.iso8601());
            return Err(outside(&log, &rule, at));
        }
        let moment = tx.change_moment(&log, at)?;
        let is_before_load = is_before_load(tx, &log, &moment)?;
        Ok(Self { moment, is_before_load, left: MOST_UNDONE })
    }

    /// The moment.
    pub fn at(&self) -> Timestamp {
        self.moment.at
    }

    /// Undoes the changes after the moment of relationships with one of some users at either end.
    ///
    /// # Errors
    /// `invalid-parameter` if there are too many changes.
    pub fn undo(&mut self, tx: &mut Tx<'_>, users: &[UserId]) -> Result<UndoneChanges> {
        let limit = i64::try_from(self.left.saturating_add(1)).unwrap_or(i64::MAX);
        let changes = tx.edge_changes_after(&self.moment, users, limit)?;
        self.left = self.left.checked_sub(changes.len()).ok_or_else(|| too_much(self.at()))?;
        Ok(UndoneChanges::of(changes))
    }

    /// Lists the relationships that matched a filter, which has owners, targets or participants.
    ///
    /// # Errors
    /// As [`super::list`].
    pub fn list(
        &mut self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        filter: &RelationshipFilter,
        slice: &PageRequest,
    ) -> Result<Page<PastEdge>> {
        let undone = self.undo(tx, ends_of(filter))?;
        let unchanged = if self.is_before_load {
            self.read_created(tx, filter, &undone)?
        } else {
            undone.read_unchanged(filter, slice, |slice| relationships::list(tx, caller, filter, slice))?
        };
        Ok(undone.merge(unchanged, (filter, self.at()), slice))
    }

    /// All unchanged relationships that match a filter and were created until the moment.
    fn read_created(
        &self,
        tx: &mut Tx<'_>,
        filter: &RelationshipFilter,
        undone: &UndoneChanges,
    ) -> Result<Page<Relationship>> {
        let limit = i64::try_from(MOST_UNDONE.saturating_add(1)).unwrap_or(i64::MAX);
        let mut rows = tx.relationships(filter, &PageRequest::window(Sort::default(), 0, limit))?.items;
        if rows.len() > MOST_UNDONE {
            return Err(too_much(self.at()));
        }
        rows.retain(|row| row.created_at <= self.at() && !undone.has(row.id));
        let total = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        Ok(Page::whole(rows, total))
    }
}

/// Whether a first load came after a moment. It moves the horizon, and is one of the first changes after it.
fn is_before_load(tx: &mut Tx<'_>, log: &ChangeLogState, moment: &ChangeMoment) -> Result<bool> {
    let after = log.horizon.position.number;
    if moment.number > after.saturating_add(NEAR_HORIZON) {
        return Ok(false);
    }
    let first = ChangePageRequest {
        filter: ChangeFilter { actions: vec![ChangeAction::Loaded], ..ChangeFilter::default() },
        after,
        before: after.saturating_add(NEAR_HORIZON),
        direction: Direction::Descending,
        limit: 1,
    };
    let last = tx.changes(log, &first)?.changes.pop();
    Ok(last.is_some_and(|load| load.number > moment.number))
}

/// The users of whom every matching relationship has one at an end.
fn ends_of(filter: &RelationshipFilter) -> &[UserId] {
    let ends = [&filter.users, &filter.targets, &filter.participants];
    let fewest = ends.into_iter().filter(|ids| !ids.is_empty()).min_by_key(|ids| ids.len());
    fewest.map(Vec::as_slice).unwrap_or_default()
}

fn refused(detail: String) -> Problem {
    Problem::new(Code::InvalidParameter, detail).at(ErrorSource::Parameter(PARAMETER))
}

fn outside(log: &ChangeLogState, rule: &str, at: Timestamp) -> Error {
    let detail = format!("`{PARAMETER}` must {rule}; got `{}`", at.iso8601());
    refused(detail).with("oldest", log.horizon.at.iso8601()).into()
}

fn too_much(at: Timestamp) -> Error {
    let detail = format!(
        "more than {MOST_UNDONE} changes since `{}` would have to be undone; send a later moment, or filter by fewer users",
        at.iso8601()
    );
    refused(detail).into()
}

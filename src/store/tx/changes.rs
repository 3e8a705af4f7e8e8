//! Reads the change log.

use super::{Tx, ask};
use crate::model::change::{Change, ChangeLogState, ChangePosition, NumberedChange};
use crate::model::change_query::{ChangeMoment, ChangePage, ChangePageRequest, MOST_EXAMINED};
use crate::model::error::Result;
use crate::model::id::UserId;
use crate::model::time::Timestamp;
use crate::store::change_rows::ChangeRow;
use crate::store::postgres::change_numbers;

impl Tx<'_> {
    /// The state of the change log.
    pub fn change_log(&mut self) -> Result<ChangeLogState> {
        Ok(ask!(self, changes::state())?.into())
    }

    /// The place after the change with that number; `None` if the log has neither the change nor its horizon there.
    pub fn change_position(&mut self, log: &ChangeLogState, number: i64) -> Result<Option<ChangePosition>> {
        let horizon = log.horizon.position;
        if number <= horizon.number {
            return Ok((number == horizon.number).then_some(horizon));
        }
        let row = ask!(self, changes::find(number))?;
        row.map(|row| row.into_numbered().map(|change| change.position())).transpose()
    }

    /// A page of numbered changes. The job must see one snapshot, and no bound may be before the horizon.
    pub fn changes(&mut self, log: &ChangeLogState, request: &ChangePageRequest) -> Result<ChangePage> {
        let within = self.within_times(log, request)?;
        let part = if within.filter.is_indexed() { within.clone() } else { within.examinable() };
        let end = part.end();
        if part.before - part.after <= 1 {
            return Ok(ChangePage { changes: Vec::new(), examined_to: end, is_end: true });
        }
        let rows = ask!(self, changes::page(&part))?;
        let changes = rows.into_iter().map(ChangeRow::into_numbered).collect::<Result<Vec<_>>>()?;
        let examined_to = self.examined_to(&part, &changes)?;
        Ok(ChangePage { changes, examined_to, is_end: examined_to == within.end() })
    }

    /// The request with the bounds of its times.
    fn within_times(&mut self, log: &ChangeLogState, request: &ChangePageRequest) -> Result<ChangePageRequest> {
        let mut within = request.clone();
        within.before = within.before.min(log.last_number.saturating_add(1));
        if let Some(since) = request.filter.since {
            within.after = within.after.max(self.first_change_after(log, since.micros() - 1)? - 1);
        }
        if let Some(until) = request.filter.until {
            within.before = within.before.min(self.first_change_after(log, until.micros() - 1)?);
        }
        Ok(within)
    }

    /// The number of the first change after a time in microseconds; one more than the last if there is none.
    fn first_change_after(&mut self, log: &ChangeLogState, micros: i64) -> Result<i64> {
        ask!(self, changes::first_after(micros, log.horizon.position.number + 1, log.last_number + 1))
    }

    /// The number of the last change that a page has examined.
    fn examined_to(&mut self, part: &ChangePageRequest, found: &[NumberedChange]) -> Result<i64> {
        let is_full = i64::try_from(found.len()).is_ok_and(|found| found >= part.limit);
        if let Some(last) = found.last().filter(|_| is_full) {
            return Ok(last.number);
        }
        if !part.filter.is_indexed() || !part.filter.has_conditions() {
            return Ok(part.end());
        }
        let (examined, last) = ask!(self, changes::examined(part))?;
        Ok(if examined < MOST_EXAMINED { part.end() } else { last })
    }

    /// The smallest and the largest id of a set of committed changes without a number; never on SQLite.
    pub(in crate::store) fn unnumbered_changes(&mut self) -> Result<Option<(i64, i64)>> {
        self.ask_postgres(change_numbers::unnumbered)
    }

    /// Numbers some committed changes, and returns how many.
    pub(in crate::store) fn number_changes(&mut self) -> Result<usize> {
        self.ask_postgres(change_numbers::number)
    }

    /// The state of the log at a time, which must not be before the horizon.
    pub fn change_moment(&mut self, log: &ChangeLogState, at: Timestamp) -> Result<ChangeMoment> {
        let number = self.first_change_after(log, at.micros())? - 1;
        Ok(ChangeMoment { at, number })
    }

    /// The changes after a moment of relationships with one of some users at either end, newest first, at most `limit`.
    /// Those that have no number yet are after every moment: another change that is committed later, with an earlier time,
    /// may get a number before them. The job must see one snapshot.
    pub fn edge_changes_after(&mut self, moment: &ChangeMoment, users: &[UserId], limit: i64) -> Result<Vec<Change>> {
        let users: Vec<_> = users.iter().map(|user| user.get()).collect();
        let mut rows = ask!(self, changes::unnumbered(&users, limit))?;
        let left = limit - i64::try_from(rows.len()).unwrap_or(limit);
        if left > 0 {
            rows.extend(ask!(self, changes::of_users_after(&users, moment.number, left))?);
        }
        rows.into_iter().map(ChangeRow::into_change).collect()
    }
}

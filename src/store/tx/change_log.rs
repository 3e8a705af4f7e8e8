//! Turns the change log on and off, prunes it, and measures it.

use super::{Tx, ask};
use crate::model::change::{ChangeLogState, ChangePosition, Horizon};
use crate::model::error::{Error, Result};
use crate::model::time::Timestamp;

/// The most changes that one job prunes.
const PRUNED_AT_ONCE: i64 = 1_000;
/// The most changes without a number that are counted.
const MOST_COUNTED: i64 = 100_001;

impl Tx<'_> {
    /// Turns the log on or off. Turned on, it is complete from this moment, and no older place in it is valid: changes
    /// are missing before it.
    pub(in crate::store) fn set_change_log(&mut self, is_on: bool) -> Result<()> {
        if self.change_log()?.is_on == is_on {
            self.shared.changes.set_switch(is_on);
            return Ok(());
        }
        if is_on {
            // Jobs that do not log end first, and those that begin later see that it is on.
            ask!(self, change_writes::lock_log())?;
            ask!(self, change_writes::delete_unnumbered())?;
            self.restart_change_log()?;
        }
        ask!(self, change_writes::set_on(is_on))?;
        // If this job fails, a process that remembers either state finds out.
        self.shared.changes.set_switch(is_on);
        Ok(())
    }

    /// Whether there are changes before a time, or older than the horizon.
    pub(in crate::store) fn has_old_changes(&mut self, before: Timestamp) -> Result<bool> {
        let log = self.change_log()?;
        Ok(self.old_changes(&log, before)?.is_some())
    }

    /// Deletes the first changes that are before a time or older than the horizon, in the order of their numbers.
    pub(in crate::store) fn prune_changes(&mut self, before: Timestamp) -> Result<()> {
        ask!(self, change_writes::lock_numbers())?;
        let log = self.change_log()?;
        let Some((first, last)) = self.old_changes(&log, before)? else { return Ok(()) };
        let last = last.min(first.saturating_add(PRUNED_AT_ONCE - 1));
        if last > log.horizon.position.number {
            self.move_horizon_to(last)?;
        }
        ask!(self, change_writes::delete_up_to(last)).map(drop)
    }

    /// The first and the last number of the changes that are before a time or older than the horizon.
    fn old_changes(&mut self, log: &ChangeLogState, before: Timestamp) -> Result<Option<(i64, i64)>> {
        let Some(first) = ask!(self, change_writes::first())? else { return Ok(None) };
        let end = log.last_number.saturating_add(1);
        let kept = ask!(self, changes::first_after(before.micros().saturating_sub(1), first, end))?;
        let last = log.horizon.position.number.max(kept - 1);
        Ok((first <= last).then_some((first, last)))
    }

    /// Moves the horizon to the change with a number, which is pruned.
    fn move_horizon_to(&mut self, number: i64) -> Result<()> {
        let row = ask!(self, changes::find(number))?;
        let row = row.ok_or_else(|| Error::Internal(format!("the change {number} is missing")))?;
        let change = row.into_numbered()?;
        let horizon = Horizon { position: change.position(), at: change.change.at };
        ask!(self, change_writes::move_horizon(&horizon)).map(drop)
    }

    /// How the log differs from its numbers, which are dense from the horizon to the last one; `None` if it does not.
    pub(in crate::store) fn damage_of_changes(&mut self) -> Result<Option<String>> {
        let log = self.change_log()?;
        let (horizon, last) = (log.horizon.position.number, log.last_number);
        let found = ask!(self, change_writes::count_after(horizon))?;
        let expected = (last - horizon, last);
        Ok((found != expected)
            .then(|| format!("{} changes up to {} instead of {} up to {}", found.0, found.1, expected.0, expected.1)))
    }

    /// Makes a damaged log complete from now on. Changes with numbers that the log has not given yet are removed.
    pub(in crate::store) fn repair_changes(&mut self) -> Result<()> {
        ask!(self, change_writes::lock_numbers())?;
        let log = self.change_log()?;
        ask!(self, change_writes::delete_after(log.last_number))?;
        self.restart_change_log()
    }

    /// Makes the log complete from now on, because changes are missing: no older place in it is valid.
    pub(in crate::store) fn restart_change_log(&mut self) -> Result<()> {
        let log = self.change_log()?;
        let position = ChangePosition { number: log.last_number, fingerprint: random()? };
        ask!(self, change_writes::move_horizon(&Horizon { position, at: self.shared.clock.now() })).map(drop)
    }

    /// The state of the log, and how many changes have no number yet.
    pub(in crate::store) fn measure_changes(&mut self) -> Result<(ChangeLogState, i64)> {
        let log = self.change_log()?;
        Ok((log, ask!(self, change_writes::count_unnumbered(MOST_COUNTED))?))
    }
}

/// A fingerprint that no change has.
fn random() -> Result<i64> {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::Internal("no random numbers".to_owned()))?;
    Ok(i64::from_le_bytes(bytes))
}

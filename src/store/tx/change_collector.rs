//! Collects the changes of a job, and writes them to the change log.
//!
//! # Design
//! Every method of [`Tx`] that changes a logged resource collects the change, so that no function of the domain can forget
//! it. The store writes all changes of a job at its end: then it holds all its locks.

use super::{Tx, ask};
use crate::model::change::{
    ChangeAction, ChangeLogState, ChangeOrigin, ChangeReason, ChangeSubject, EdgeChange, Horizon, PreviousEdge,
};
use crate::model::error::{Error, Result};
use crate::model::id::{RelationshipId, UserId};
use crate::model::relationship::Relationship;
use crate::model::relationship_type::TypeName;
use crate::model::time::Timestamp;
use crate::store::pending_changes::PendingLoad;
use crate::store::relationship_rows::{AuthoredRow, NewRelationshipRow};

impl Tx<'_> {
    /// Sets who makes the changes of the job.
    pub(in crate::store) fn set_change_origin(&mut self, origin: ChangeOrigin) {
        self.changes.origin = origin;
    }

    /// Runs a part of the job, whose changes are logged with a reason.
    pub fn because<T>(&mut self, reason: ChangeReason, part: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let outer = self.changes.reason.replace(reason);
        let result = part(self);
        self.changes.reason = outer;
        result
    }

    /// Whether changes are logged. No other job turns the log on before the job ends.
    pub(in crate::store) fn is_logged(&mut self) -> Result<bool> {
        if let Some(is_logged) = self.changes.is_logged {
            return Ok(is_logged);
        }
        let is_logged = ask!(self, change_writes::is_on())?;
        self.shared.changes.set_switch(is_logged);
        self.changes.is_logged = Some(is_logged);
        Ok(is_logged)
    }

    /// Whether the job has written changes to the log.
    pub(in crate::store) fn has_written_changes(&self) -> bool {
        self.changes.is_written
    }

    /// Collects a change. `changed` has the names of what changed.
    pub(super) fn log(&mut self, action: ChangeAction, subject: ChangeSubject, changed: &[&str]) -> Result<()> {
        if self.is_logged()? {
            self.changes.push(action, subject, changed);
        }
        Ok(())
    }

    /// Collects the same change of several resources.
    pub(super) fn log_all(
        &mut self,
        action: ChangeAction,
        mut subjects: impl Iterator<Item = ChangeSubject>,
        changed: &[&str],
    ) -> Result<()> {
        subjects.try_for_each(|subject| self.log(action, subject, changed))
    }

    /// Collects the creation of a relationship.
    pub(super) fn log_created_edge(&mut self, stored: &Relationship, author: Option<UserId>) -> Result<()> {
        let (ends, name) = ((stored.user, stored.target), &stored.data.relationship);
        let edge = created_edge(stored.id, ends, name, stored.created_at, author);
        self.log(ChangeAction::Created, ChangeSubject::Relationship(edge), &[])
    }

    /// Collects the creation of relationships of one type, each as id, owner and target, from rows with one author and
    /// time.
    pub(super) fn log_created_edges(
        &mut self,
        name: &TypeName,
        stored: &[(i64, i64, i64)],
        row: &NewRelationshipRow,
    ) -> Result<()> {
        let (at, author) = (Timestamp::from_micros(row.created_at), row.created_by.map(UserId::new));
        let edge = |(id, user, target): &(i64, i64, i64)| {
            let ends = (UserId::new(*user), UserId::new(*target));
            ChangeSubject::Relationship(created_edge(RelationshipId::new(*id), ends, name, at, author))
        };
        self.log_all(ChangeAction::Created, stored.iter().map(edge), &[])
    }

    /// Collects the change of a relationship from `old` to `new`.
    pub(super) fn log_changed_edge(
        &mut self,
        old: &Relationship,
        new: &Relationship,
        (created_by, updated_by): (Option<i64>, Option<i64>),
    ) -> Result<()> {
        let edge = EdgeChange {
            relationship: new.data.relationship.clone(),
            previous_relationship: Some(old.data.relationship.clone()),
            ..replaced_edge(old, created_by, updated_by)
        };
        self.log(ChangeAction::Updated, ChangeSubject::Relationship(edge), &[])
    }

    /// Collects the deletion of relationships.
    pub(super) fn log_deleted_edges(&mut self, deleted: Vec<AuthoredRow>) -> Result<()> {
        if deleted.is_empty() || !self.is_logged()? {
            return Ok(());
        }
        for (row, created_by, updated_by) in deleted {
            let edge = replaced_edge(&self.relationship_of(row)?, created_by, updated_by);
            self.changes.push(ChangeAction::Deleted, ChangeSubject::Relationship(edge), &[]);
        }
        Ok(())
    }

    /// Begins to store resources without single changes.
    pub(super) fn begin_logged_load(&mut self) -> Result<()> {
        if self.is_logged()? {
            self.changes.load = Some(PendingLoad::default());
        }
        Ok(())
    }

    /// Whether the job stores resources without single changes.
    pub(super) const fn has_load(&self) -> bool {
        self.changes.load.is_some()
    }

    /// Records that a load has stored users.
    pub(super) const fn log_load_of_users(&mut self) {
        if let Some(load) = &mut self.changes.load {
            load.has_users = true;
        }
    }

    /// Records that a load has stored relationships, the earliest of them at a time in microseconds.
    pub(super) fn log_load_of_relationships(&mut self, earliest: Option<i64>) {
        if let Some(load) = &mut self.changes.load {
            load.earliest = load.earliest.into_iter().chain(earliest.map(Timestamp::from_micros)).min();
        }
    }

    /// Writes the collected changes to the log, as the last statement of the job.
    pub(in crate::store) fn write_changes(&mut self) -> Result<()> {
        let mut changes = std::mem::take(&mut self.changes.changes);
        if let Some(load) = self.changes.load.take() {
            self.record_load(&load)?;
            // First, so that the load is near the horizon whatever else the job has changed.
            changes.splice(0..0, std::mem::take(&mut self.changes.changes));
        }
        if changes.is_empty() {
            return Ok(());
        }
        let at = self.shared.changes.next_time(self.micros());
        let origin = std::mem::take(&mut self.changes.origin);
        ask!(self, change_writes::insert(&changes, at, &origin, self.changes.is_citus))?;
        self.changes.is_written = true;
        Ok(())
    }

    /// Fails if changes were collected in a job at whose end nothing writes them.
    pub(in crate::store) fn require_no_pending_changes(&self) -> Result<()> {
        if self.changes.changes.is_empty() && self.changes.load.is_none() {
            return Ok(());
        }
        Err(Error::Internal("a job left changes that nothing logs".to_owned()))
    }

    /// Moves the horizon to a bulk load, and adds the changes that stand for all that it stored. If there has never been a
    /// relationship before, the log is complete from the earliest one on. Otherwise it is complete from the load on: the
    /// log has no place between the relationships of the load for the changes of deleted ones.
    fn record_load(&mut self, load: &PendingLoad) -> Result<()> {
        if self.needs_locks() {
            while self.number_changes()? > 0 {}
        }
        let log = self.change_log()?;
        let now = self.now();
        let is_first = self.newest_retired_relationship()? == RelationshipId::new(0);
        let earliest = load.earliest.filter(|_| is_first).unwrap_or(now);
        self.move_horizon_to_end(&log, earliest.min(now))?;
        self.because(ChangeReason::Import, |tx| tx.log_all(ChangeAction::Loaded, load.subjects(), &[]))
    }

    fn move_horizon_to_end(&mut self, log: &ChangeLogState, at: Timestamp) -> Result<()> {
        let position = self.change_position(log, log.last_number)?.unwrap_or(log.horizon.position);
        ask!(self, change_writes::move_horizon(&Horizon { position, at })).map(drop)
    }
}

fn created_edge(
    id: RelationshipId,
    (user, target): (UserId, UserId),
    name: &TypeName,
    created_at: Timestamp,
    created_by: Option<UserId>,
) -> EdgeChange {
    EdgeChange {
        id,
        user,
        target,
        relationship: name.clone(),
        previous_relationship: None,
        created_at,
        created_by,
        previous: None,
    }
}

/// The change that deletes a relationship.
fn replaced_edge(old: &Relationship, created_by: Option<i64>, updated_by: Option<i64>) -> EdgeChange {
    let (ends, name) = ((old.user, old.target), &old.data.relationship);
    let updated_by = updated_by.map(UserId::new);
    EdgeChange {
        previous: Some(PreviousEdge { version: old.version, updated_at: old.updated_at, updated_by }),
        ..created_edge(old.id, ends, name, old.created_at, created_by.map(UserId::new))
    }
}

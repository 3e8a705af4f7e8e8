//! The changes that a job has made and not yet written to the change log.

use diesel::prelude::*;

use super::columns::Column;
use super::schema::changes;
use crate::model::change::{ChangeAction, ChangeOrigin, ChangeReason, ChangeSubject, ChangeSubjectType};
use crate::model::id::UserId;
use crate::model::time::Timestamp;

/// The changes of a job.
#[derive(Debug, Default)]
pub(super) struct PendingChanges {
    /// Who makes them.
    pub origin: ChangeOrigin,
    /// Why the next changes are made.
    pub reason: Option<ChangeReason>,
    /// Whether changes are logged; `None` if the job does not know yet.
    pub is_logged: Option<bool>,
    /// Whether the database is spread over nodes by Citus.
    pub is_citus: bool,
    /// Whether the job has written changes to the log.
    pub is_written: bool,
    /// The changes, in the order in which they happened.
    pub changes: Vec<PendingChange>,
    /// What a bulk load has stored without single changes.
    pub load: Option<PendingLoad>,
}

/// A change.
#[derive(Debug)]
pub(super) struct PendingChange {
    action: ChangeAction,
    subject: ChangeSubject,
    /// The names of what changed, separated by spaces.
    changed: Option<String>,
    reason: Option<ChangeReason>,
}

/// What a bulk load has stored.
#[derive(Debug, Default)]
pub(super) struct PendingLoad {
    /// Whether it has stored users.
    pub has_users: bool,
    /// The earliest time of creation of a relationship.
    pub earliest: Option<Timestamp>,
}

impl PendingChanges {
    /// Adds a change.
    pub fn push(&mut self, action: ChangeAction, subject: ChangeSubject, changed: &[&str]) {
        let changed = (!changed.is_empty()).then(|| changed.join(" "));
        self.changes.push(PendingChange { action, subject, changed, reason: self.reason });
    }

    /// Whether the last change is the creation of this resource.
    pub fn ends_with_created(&self, subject: &ChangeSubject) -> bool {
        self.changes.last().is_some_and(|last| last.action == ChangeAction::Created && last.subject == *subject)
    }
}

/// A change as it is stored, without its number.
#[derive(Debug, Insertable)]
#[diesel(table_name = changes, treat_none_as_default_value = false)]
pub(super) struct NewChangeRow {
    place: i64,
    at: i64,
    action: i16,
    subject_type: i16,
    subject_id: Option<i64>,
    user_id: Option<i64>,
    target_id: Option<i64>,
    relationship: Option<String>,
    previous_relationship: Option<String>,
    edge_created_at: Option<i64>,
    edge_created_by: Option<i64>,
    previous_version: Option<i64>,
    previous_updated_at: Option<i64>,
    previous_updated_by: Option<i64>,
    changed: Option<String>,
    actor_id: Option<i64>,
    request_id: Option<String>,
    reason: Option<i16>,
}

/// The rows of the changes of one transaction, at a time in microseconds.
pub(super) fn rows(changes: &[PendingChange], at: i64, origin: &ChangeOrigin) -> Vec<NewChangeRow> {
    (0..).zip(changes).map(|(place, change)| NewChangeRow::of(change, place, at, origin)).collect()
}

/// The values of some rows, column by column.
pub(super) fn columns(rows: &[NewChangeRow]) -> Vec<Column> {
    macro_rules! column {
        ($name:ident) => {
            Column::from(rows.iter().map(|row| row.$name.clone()).collect::<Vec<_>>())
        };
    }
    vec![
        column!(place),
        column!(at),
        column!(action),
        column!(subject_type),
        column!(subject_id),
        column!(user_id),
        column!(target_id),
        column!(relationship),
        column!(previous_relationship),
        column!(edge_created_at),
        column!(edge_created_by),
        column!(previous_version),
        column!(previous_updated_at),
        column!(previous_updated_by),
        column!(changed),
        column!(actor_id),
        column!(request_id),
        column!(reason),
    ]
}

impl NewChangeRow {
    fn of(change: &PendingChange, place: i64, at: i64, origin: &ChangeOrigin) -> Self {
        let subject = &change.subject;
        let [user_id, target_id] = subject.users().map(|user| user.map(UserId::get));
        let edge = subject.edge();
        let previous = edge.and_then(|edge| edge.previous);
        Self {
            place,
            at,
            action: change.action.number(),
            subject_type: subject.subject_type().number(),
            subject_id: id_of(subject),
            user_id,
            target_id,
            relationship: name_of(subject),
            previous_relationship: edge.and_then(|edge| edge.previous_relationship.as_ref()).map(ToString::to_string),
            edge_created_at: edge.map(|edge| edge.created_at.micros()),
            edge_created_by: edge.and_then(|edge| edge.created_by).map(UserId::get),
            previous_version: previous.map(|previous| previous.version),
            previous_updated_at: previous.map(|previous| previous.updated_at.micros()),
            previous_updated_by: previous.and_then(|previous| previous.updated_by).map(UserId::get),
            changed: change.changed.clone(),
            actor_id: origin.actor.map(UserId::get),
            request_id: origin.request_id.clone(),
            reason: change.reason.map(ChangeReason::number),
        }
    }
}

fn id_of(subject: &ChangeSubject) -> Option<i64> {
    match subject {
        ChangeSubject::Relationship(edge) => Some(edge.id.get()),
        ChangeSubject::User(id) => Some(id.get()),
        ChangeSubject::Group(id) => Some(id.get()),
        ChangeSubject::GroupMember(id) => Some(id.get()),
        ChangeSubject::RelationshipType(_) | ChangeSubject::Many(_) => None,
    }
}

fn name_of(subject: &ChangeSubject) -> Option<String> {
    match subject {
        ChangeSubject::Relationship(edge) => Some(edge.relationship.to_string()),
        ChangeSubject::RelationshipType(name) => Some(name.to_string()),
        _ => None,
    }
}

impl PendingLoad {
    /// The changes that stand for all that was loaded.
    pub fn subjects(&self) -> impl Iterator<Item = ChangeSubject> {
        let users = self.has_users.then_some(ChangeSubjectType::User);
        users.into_iter().chain([ChangeSubjectType::Relationship]).map(ChangeSubject::Many)
    }
}

//! The changes that a job has made and not yet written to the change log.

use super::columns::Column;
use crate::model::change::{ChangeAction, ChangeOrigin, ChangeReason, ChangeSubject, ChangeSubjectType, EdgeChange};
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

/// The values of some changes of one transaction, column by column. `first` is the place of the first one.
pub(super) fn columns(changes: &[PendingChange], first: usize, at: i64, origin: &ChangeOrigin) -> Vec<Column> {
    let actor = origin.actor.map(UserId::get);
    let place = |index: usize| i64::try_from(first + index).unwrap_or(i64::MAX);
    let integer = |value: fn(&EdgeChange) -> Option<i64>| {
        Column::from(changes.iter().map(|change| change.subject.edge().and_then(value)).collect::<Vec<_>>())
    };
    let user_at = |place: usize| {
        let user = |change: &PendingChange| change.subject.users().get(place).copied().flatten().map(UserId::get);
        Column::from(changes.iter().map(user).collect::<Vec<_>>())
    };
    vec![
        Column::from((0..changes.len()).map(place).collect::<Vec<_>>()),
        Column::from(vec![at; changes.len()]),
        Column::from(changes.iter().map(|change| change.action.number()).collect::<Vec<_>>()),
        Column::from(changes.iter().map(|change| change.subject.subject_type().number()).collect::<Vec<_>>()),
        Column::from(changes.iter().map(|change| id_of(&change.subject)).collect::<Vec<_>>()),
        user_at(0),
        user_at(1),
        Column::from(changes.iter().map(|change| name_of(&change.subject)).collect::<Vec<_>>()),
        Column::from(changes.iter().map(|change| previous_name_of(&change.subject)).collect::<Vec<_>>()),
        integer(|edge| Some(edge.created_at.micros())),
        integer(|edge| edge.created_by.map(UserId::get)),
        integer(|edge| edge.previous.map(|previous| previous.version)),
        integer(|edge| edge.previous.map(|previous| previous.updated_at.micros())),
        integer(|edge| edge.previous.and_then(|previous| previous.updated_by).map(UserId::get)),
        Column::from(changes.iter().map(|change| change.changed.clone()).collect::<Vec<_>>()),
        Column::from(vec![actor; changes.len()]),
        Column::from(vec![origin.request_id.clone(); changes.len()]),
        Column::from(changes.iter().map(|change| change.reason.map(ChangeReason::number)).collect::<Vec<_>>()),
    ]
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

fn previous_name_of(subject: &ChangeSubject) -> Option<String> {
    subject.edge().and_then(|edge| edge.previous_relationship.as_ref()).map(ToString::to_string)
}

impl PendingLoad {
    /// The changes that stand for all that was loaded.
    pub fn subjects(&self) -> impl Iterator<Item = ChangeSubject> {
        let users = self.has_users.then_some(ChangeSubjectType::User);
        users.into_iter().chain([ChangeSubjectType::Relationship]).map(ChangeSubject::Many)
    }
}

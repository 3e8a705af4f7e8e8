//! Runs several changes in one transaction. Each has the same effect as alone, and all succeed or none.
//!
//! # Design
//! The response shows every resource as it is after the last operation. Resources are rendered inside the job, before the
//! commit; a user that a later operation removes is rendered just before that. Rows of relationships are small and stay
//! in memory; of users only ids do.

mod created;
mod locks;
mod operation;
mod results;
mod role_changes;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use created::CreatedByLid;
pub use operation::{LinkageChange, Operation, ResourceRef, RoleOperation};
use results::refuse_answer;
pub use results::{Render, ResourceId, Results, StoredRow};

use super::relationships::{self, NewRelationship};
use super::users;
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Problem, Result};
use crate::model::id::RelationshipId;
use crate::model::json_size::json_size;
use crate::model::limits::MAX_ANSWER;
use crate::model::precondition::Precondition;
use crate::model::relationship::Relationship;
use crate::model::user::User;
use crate::store::Tx;

/// The most bytes of profiles that the operations of one request may read and write. An operation counts the profile
/// that it leaves. The limit is that of responses, which usually show these profiles.
const MAX_PROFILES: usize = MAX_ANSWER;

/// Runs operations in order and renders what they changed. On a database with one writer it runs for at most `longest`.
///
/// # Errors
/// The first refusal, with the place of its operation; `answer-too-large` if the results, or the profiles that were
/// read and written, are too large; `unavailable` after `longest`. The transaction must then be rolled back.
pub fn run(
    tx: &mut Tx<'_>,
    caller: &Caller,
    operations: &[Operation],
    longest: Duration,
    render: Render<'_>,
) -> Result<Results> {
    let began = tx.blocks_other_writers().then(Instant::now);
    let mut run = OperationRun::default();
    locks::lock_types(tx, operations)?;
    tx.defer_type_counts();
    for (place, operation) in operations.iter().enumerate() {
        let outcome = run.apply(tx, caller, operation, render).map_err(|error| error.at_operation(place))?;
        run.results.push(outcome);
        if run.profiles > MAX_PROFILES {
            return Err(too_many_profiles());
        }
        if began.is_some_and(|began| began.elapsed() > longest) {
            return Err(too_slow(longest));
        }
    }
    let results = run.finish(tx, caller, render)?;
    tx.write_type_counts()?;
    Ok(results)
}

/// Renders the present state of the resources that operations created or changed earlier. Resources that are deleted,
/// invisible to the caller or too large are not rendered.
///
/// # Errors
/// Those of the store and of `render`.
pub fn read_again(
    tx: &mut Tx<'_>,
    caller: &Caller,
    outcomes: &[Option<ResourceId>],
    render: Render<'_>,
) -> Result<Results> {
    let mut results = Results::default();
    for outcome in outcomes {
        results.push(*outcome);
    }
    let (users, relationships) = results.missing();
    results.add_users(tx, caller, &users, render, || Ok(()))?;
    for id in relationships {
        match relationships::get(tx, caller, id) {
            Ok(row) => {
                results.add(ResourceId::Relationship(id), render(StoredRow::Relationship(&row))?);
            }
            Err(Error::Refused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(results)
}

/// The operations of one request that ran so far.
#[derive(Debug, Default)]
struct OperationRun {
    created: CreatedByLid,
    results: Results,
    /// The relationships that were created or changed, as the last operation left them.
    relationships: HashMap<RelationshipId, Relationship>,
    /// Bytes of profiles that were read or written.
    profiles: usize,
}

impl OperationRun {
    /// Runs an operation. Returns what it created or changed, or `None` if it removed something.
    fn apply(
        &mut self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        operation: &Operation,
        render: Render<'_>,
    ) -> Result<Option<ResourceId>> {
        let none = Precondition::None;
        match operation {
            Operation::AddRelationship { lid, user, target, changes } => {
                let user = user.as_ref().map(|user| self.created.user(user)).transpose()?;
                let target = self.created.user(target)?;
                let new = NewRelationship { user, target, changes: changes.clone() };
                let stored = relationships::create(tx, caller, &new)?;
                if let Some(lid) = lid {
                    self.created.relationships.insert(lid.clone(), stored.id);
                }
                Ok(Some(self.note_relationship(stored)))
            }
            Operation::UpdateRelationship { subject, changes, user, target } => {
                let id = self.created.relationship(subject)?;
                let (old, _) = relationships::get_own(tx, caller, id, &none)?;
                for (sent, fixed, source) in
                    [(user, old.user, ErrorSource::Owner), (target, old.target, ErrorSource::Target)]
                {
                    if let Some(sent) = sent
                        && self.created.user(sent)? != fixed
                    {
                        return Err(immutable().at(source).into());
                    }
                }
                let stored = relationships::change(tx, caller, id, &none, changes)?;
                Ok(Some(self.note_relationship(stored)))
            }
            Operation::RemoveRelationship(subject) => {
                relationships::delete(tx, caller, self.created.relationship(subject)?, &none).map(|()| None)
            }
            Operation::UpdateLinkage(subject) => {
                relationships::get(tx, caller, self.created.relationship(subject)?)?;
                Err(immutable().into())
            }
            Operation::ChangeRole(operation) => role_changes::run(tx, caller, &self.created, operation).map(|()| None),
            Operation::AddUser { lid, changes } => {
                let stored = users::create(tx, caller, None, changes)?;
                if let Some(lid) = lid {
                    self.created.users.insert(lid.clone(), stored.id);
                }
                Ok(Some(self.note_user(&stored)))
            }
            Operation::UpdateUser { subject, changes, roles } => {
                let id = self.created.user(subject)?;
                role_changes::require_unchanged(tx, caller, &self.created, id, roles)?;
                let stored = users::change(tx, caller, id, &none, changes)?;
                Ok(Some(self.note_user(&stored)))
            }
            Operation::RemoveUser(subject) => {
                let id = self.created.user(subject)?;
                if self.results.shows(ResourceId::User(id)) {
                    self.results.add_users(tx, caller, &[id], render, refuse_answer)?;
                }
                users::delete(tx, caller, id, &none).map(|()| None)
            }
        }
    }

    fn note_relationship(&mut self, stored: Relationship) -> ResourceId {
        let id = stored.id;
        self.relationships.insert(id, stored);
        ResourceId::Relationship(id)
    }

    fn note_user(&mut self, stored: &User) -> ResourceId {
        self.profiles = self.profiles.saturating_add(json_size(&stored.data.profile));
        ResourceId::User(stored.id)
    }

    /// Renders the resources that the operations created or changed.
    fn finish(mut self, tx: &mut Tx<'_>, caller: &Caller, render: Render<'_>) -> Result<Results> {
        let (users, _) = self.results.missing();
        self.results.add_users(tx, caller, &users, render, refuse_answer)?;
        for (id, row) in &self.relationships {
            if !self.results.add(ResourceId::Relationship(*id), render(StoredRow::Relationship(row))?) {
                refuse_answer()?;
            }
        }
        Ok(self.results)
    }
}

fn too_many_profiles() -> Error {
    let detail = format!(
        "these operations read and write more than {MAX_PROFILES} bytes of profiles, and nothing was written; send \
         fewer operations in one request"
    );
    Problem::new(Code::AnswerTooLarge, detail).into()
}

fn too_slow(longest: Duration) -> Error {
    let detail = format!(
        "these operations took longer than {longest:?}, and nothing was written; send fewer operations in one request"
    );
    Problem::new(Code::Unavailable, detail).into()
}

fn immutable() -> Problem {
    Problem::new(Code::ImmutableRelationship, relationships::IMMUTABLE)
}

//! Several changes as one: each is the change that it would be alone, and all happen or none.
//!
//! # Design
//! The answer shows every resource as it is after the last operation, rendered inside the job and before the commit. A
//! user that a later operation removes is rendered just before that. Rows of relationships are small and stay in memory;
//! of users only ids do.

mod results;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use results::refuse_answer;
pub use results::{Render, ResourceId, Results, Row};

use super::relationships::{self, NewRelationship};
use super::users;
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{Error, ErrorSource, Problem, Result};
use crate::model::id::{RelationshipId, UserId};
use crate::model::json_size::json_size;
use crate::model::limits::MAX_ANSWER;
use crate::model::precondition::Precondition;
use crate::model::relationship::Relationship;
use crate::model::user::{Field, User, Value};
use crate::store::Tx;

/// A resource, named by its id or by what an earlier operation called it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResourceRef<Id> {
    /// One that is stored.
    Stored(Id),
    /// One that an earlier operation made, under its local id.
    Lid(String),
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Create a relationship.
    AddRelationship {
        /// What later operations call it.
        lid: Option<String>,
        /// The owner; the caller when it is left out.
        user: Option<ResourceRef<UserId>>,
        /// The other end.
        target: ResourceRef<UserId>,
        /// The name of a type, as sent.
        relationship: String,
    },
    /// Give a relationship another type.
    UpdateRelationship {
        /// Which.
        subject: ResourceRef<RelationshipId>,
        /// The name of a type, as sent; `None` changes nothing.
        relationship: Option<String>,
        /// The owner as the client knows it.
        user: Option<ResourceRef<UserId>>,
        /// The other end as the client knows it.
        target: Option<ResourceRef<UserId>>,
    },
    /// Delete a relationship.
    RemoveRelationship(ResourceRef<RelationshipId>),
    /// Change what a relationship links to, which nobody can.
    UpdateLinkage(ResourceRef<RelationshipId>),
    /// Create a user.
    AddUser {
        /// What later operations call it.
        lid: Option<String>,
        /// Its values.
        changes: Vec<(Field, Value)>,
    },
    /// Change a user.
    UpdateUser {
        /// Which.
        subject: ResourceRef<UserId>,
        /// Its new values.
        changes: Vec<(Field, Value)>,
    },
    /// Delete a user.
    RemoveUser(ResourceRef<UserId>),
}

impl Operation {
    /// The stored user that it changes or deletes, if it does.
    #[must_use]
    pub fn changed_user(&self) -> Option<UserId> {
        match self {
            Self::UpdateUser { subject: ResourceRef::Stored(id), .. } | Self::RemoveUser(ResourceRef::Stored(id)) => {
                Some(*id)
            }
            _ => None,
        }
    }
}

/// The most bytes of profiles that the operations of one request may read and write; an operation counts the profile
/// that it leaves. An ordinary answer shows these profiles, so that it is refused as too large for the same number.
const MAX_PROFILES: usize = MAX_ANSWER;

/// Runs operations in order and renders what they changed. Where other writers wait for the job, it runs for at most
/// `longest`.
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
    let mut run = Run::default();
    tx.defer_type_counts();
    for (place, operation) in operations.iter().enumerate() {
        let outcome = run.apply(tx, caller, operation, render).map_err(|error| error.of_operation(place))?;
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

/// Reads and renders again what operations left behind, as far as the caller may see it now. What is gone, hidden or
/// does not fit is left out of the rendered resources.
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
                results.add(ResourceId::Relationship(id), render(Row::Relationship(&row))?);
            }
            Err(Error::Refused(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(results)
}

/// The operations of one request that ran so far.
#[derive(Debug, Default)]
struct Run {
    made: CreatedByLid,
    results: Results,
    /// The relationships that were created or changed, as the last operation left them.
    relationships: HashMap<RelationshipId, Relationship>,
    /// Bytes of profiles that were read or written.
    profiles: usize,
}

impl Run {
    /// Runs an operation; what it created or changed, or `None` if it removed something.
    fn apply(
        &mut self,
        tx: &mut Tx<'_>,
        caller: &Caller,
        operation: &Operation,
        render: Render<'_>,
    ) -> Result<Option<ResourceId>> {
        let none = Precondition::None;
        match operation {
            Operation::AddRelationship { lid, user, target, relationship } => {
                let user = user.as_ref().map(|user| self.made.user(user)).transpose()?;
                let target = self.made.user(target)?;
                let new = NewRelationship { user, target, relationship: relationship.clone() };
                let stored = relationships::create(tx, caller, &new)?;
                if let Some(lid) = lid {
                    self.made.relationships.insert(lid.clone(), stored.id);
                }
                Ok(Some(self.note_relationship(stored)))
            }
            Operation::UpdateRelationship { subject, relationship, user, target } => {
                let id = self.made.relationship(subject)?;
                let old = relationships::get_own(tx, caller, id, &none)?;
                for (sent, fixed, culprit) in
                    [(user, old.user, ErrorSource::Owner), (target, old.target, ErrorSource::Target)]
                {
                    if let Some(sent) = sent
                        && self.made.user(sent)? != fixed
                    {
                        return Err(immutable().at(culprit).into());
                    }
                }
                let stored = relationships::change(tx, caller, id, &none, relationship.as_deref())?;
                Ok(Some(self.note_relationship(stored)))
            }
            Operation::RemoveRelationship(subject) => {
                relationships::delete(tx, caller, self.made.relationship(subject)?, &none).map(|()| None)
            }
            Operation::UpdateLinkage(subject) => {
                relationships::get(tx, caller, self.made.relationship(subject)?)?;
                Err(immutable().into())
            }
            Operation::AddUser { lid, changes } => {
                let stored = users::create(tx, caller, None, changes)?;
                if let Some(lid) = lid {
                    self.made.users.insert(lid.clone(), stored.id);
                }
                Ok(Some(self.note_user(&stored)))
            }
            Operation::UpdateUser { subject, changes } => {
                let stored = users::change(tx, caller, self.made.user(subject)?, &none, changes)?;
                Ok(Some(self.note_user(&stored)))
            }
            Operation::RemoveUser(subject) => {
                let id = self.made.user(subject)?;
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

    /// Renders what the operations left behind.
    fn finish(mut self, tx: &mut Tx<'_>, caller: &Caller, render: Render<'_>) -> Result<Results> {
        let (users, _) = self.results.missing();
        self.results.add_users(tx, caller, &users, render, refuse_answer)?;
        for (id, row) in &self.relationships {
            if !self.results.add(ResourceId::Relationship(*id), render(Row::Relationship(row))?) {
                refuse_answer()?;
            }
        }
        Ok(self.results)
    }
}

/// What earlier operations made, by local id.
#[derive(Debug, Default)]
struct CreatedByLid {
    users: HashMap<String, UserId>,
    relationships: HashMap<String, RelationshipId>,
}

impl CreatedByLid {
    fn user(&self, subject: &ResourceRef<UserId>) -> Result<UserId> {
        resolve(&self.users, subject)
    }

    fn relationship(&self, subject: &ResourceRef<RelationshipId>) -> Result<RelationshipId> {
        resolve(&self.relationships, subject)
    }
}

fn resolve<Id: Copy>(made: &HashMap<String, Id>, subject: &ResourceRef<Id>) -> Result<Id> {
    match subject {
        ResourceRef::Stored(id) => Ok(*id),
        ResourceRef::Lid(lid) => made.get(lid).copied().ok_or_else(|| {
            let detail = "no earlier operation made a resource with this `lid`";
            Problem::new(Code::MalformedDocument, detail).into()
        }),
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
        "these operations did not end within {longest:?}, and nothing was written; send fewer operations in one request"
    );
    Problem::new(Code::Unavailable, detail).into()
}

fn immutable() -> Problem {
    Problem::new(Code::ImmutableRelationship, relationships::IMMUTABLE)
}

impl Error {
    /// The same error, of the operation at this place of several.
    fn of_operation(self, place: usize) -> Self {
        match self {
            Self::Refused(problems) => {
                let placed = problems.into_iter().map(|problem| Problem { operation: Some(place), ..problem });
                Self::Refused(placed.collect())
            }
            other => other,
        }
    }
}

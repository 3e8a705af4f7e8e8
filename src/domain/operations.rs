//! Several changes as one: each is the change that it would be alone, and all happen or none.

use std::collections::HashMap;

use super::relationships::{self, NewRelationship};
use super::users;
use crate::model::caller::Caller;
use crate::model::code::Code;
use crate::model::error::{Culprit, Error, Problem, Result};
use crate::model::id::{RelationshipId, UserId};
use crate::model::precondition::Precondition;
use crate::model::relationship::Relationship;
use crate::model::user::{Field, User, Value};
use crate::store::Tx;

/// A resource, named by its id or by what an earlier operation called it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject<Id> {
    /// One that is stored.
    Stored(Id),
    /// One that an earlier operation made, under its local id.
    Made(String),
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// Create a relationship.
    AddRelationship {
        /// What later operations call it.
        lid: Option<String>,
        /// The owner; the caller when it is left out.
        user: Option<Subject<UserId>>,
        /// The other end.
        target: Subject<UserId>,
        /// The name of a type, as sent.
        relationship: String,
    },
    /// Give a relationship another type.
    UpdateRelationship {
        /// Which.
        subject: Subject<RelationshipId>,
        /// The name of a type, as sent; `None` changes nothing.
        relationship: Option<String>,
        /// The owner as the client knows it.
        user: Option<Subject<UserId>>,
        /// The other end as the client knows it.
        target: Option<Subject<UserId>>,
    },
    /// Delete a relationship.
    RemoveRelationship(Subject<RelationshipId>),
    /// Change what a relationship links to, which nobody can.
    UpdateLinkage(Subject<RelationshipId>),
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
        subject: Subject<UserId>,
        /// Its new values.
        changes: Vec<(Field, Value)>,
    },
    /// Delete a user.
    RemoveUser(Subject<UserId>),
}

impl Operation {
    /// The stored user that it changes or deletes, if it does.
    #[must_use]
    pub fn changed_user(&self) -> Option<UserId> {
        match self {
            Self::UpdateUser { subject: Subject::Stored(id), .. } | Self::RemoveUser(Subject::Stored(id)) => Some(*id),
            _ => None,
        }
    }
}

/// What an operation left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A relationship, as it is now.
    Relationship(Relationship),
    /// A user, as it is now.
    User(Box<User>),
    /// Something is gone.
    Gone,
}

/// Runs operations in order.
///
/// # Errors
/// The first refusal, with the place of its operation; then the whole transaction must be rolled back.
pub fn run(tx: &mut Tx<'_>, caller: &Caller, operations: &[Operation]) -> Result<Vec<Outcome>> {
    let mut made = Made::default();
    let mut outcomes = Vec::with_capacity(operations.len());
    for (place, operation) in operations.iter().enumerate() {
        outcomes.push(made.run(tx, caller, operation).map_err(|error| error.of_operation(place))?);
    }
    Ok(outcomes)
}

/// What earlier operations made, by local id.
#[derive(Debug, Default)]
struct Made {
    users: HashMap<String, UserId>,
    relationships: HashMap<String, RelationshipId>,
}

impl Made {
    fn run(&mut self, tx: &mut Tx<'_>, caller: &Caller, operation: &Operation) -> Result<Outcome> {
        let none = Precondition::None;
        match operation {
            Operation::AddRelationship { lid, user, target, relationship } => {
                let user = user.as_ref().map(|user| self.user(user)).transpose()?;
                let target = self.user(target)?;
                let new = NewRelationship { user, target, relationship: relationship.clone() };
                let stored = relationships::create(tx, caller, &new)?;
                if let Some(lid) = lid {
                    self.relationships.insert(lid.clone(), stored.id);
                }
                Ok(Outcome::Relationship(stored))
            }
            Operation::UpdateRelationship { subject, relationship, user, target } => {
                let id = self.relationship(subject)?;
                let old = relationships::get_own(tx, caller, id, &none)?;
                for (sent, fixed, culprit) in [(user, old.user, Culprit::Owner), (target, old.target, Culprit::Target)]
                {
                    if let Some(sent) = sent
                        && self.user(sent)? != fixed
                    {
                        return Err(immutable().at(culprit).into());
                    }
                }
                relationships::change(tx, caller, id, &none, relationship.as_deref()).map(Outcome::Relationship)
            }
            Operation::RemoveRelationship(subject) => {
                relationships::delete(tx, caller, self.relationship(subject)?, &none).map(|()| Outcome::Gone)
            }
            Operation::UpdateLinkage(subject) => {
                relationships::get(tx, caller, self.relationship(subject)?)?;
                Err(immutable().into())
            }
            Operation::AddUser { lid, changes } => {
                let stored = users::create(tx, caller, None, changes)?;
                if let Some(lid) = lid {
                    self.users.insert(lid.clone(), stored.id);
                }
                Ok(Outcome::User(Box::new(stored)))
            }
            Operation::UpdateUser { subject, changes } => {
                let user = users::change(tx, caller, self.user(subject)?, &none, changes)?;
                Ok(Outcome::User(Box::new(user)))
            }
            Operation::RemoveUser(subject) => {
                users::delete(tx, caller, self.user(subject)?, &none).map(|()| Outcome::Gone)
            }
        }
    }

    fn user(&self, subject: &Subject<UserId>) -> Result<UserId> {
        resolve(&self.users, subject)
    }

    fn relationship(&self, subject: &Subject<RelationshipId>) -> Result<RelationshipId> {
        resolve(&self.relationships, subject)
    }
}

fn resolve<Id: Copy>(made: &HashMap<String, Id>, subject: &Subject<Id>) -> Result<Id> {
    match subject {
        Subject::Stored(id) => Ok(*id),
        Subject::Made(lid) => made.get(lid).copied().ok_or_else(|| {
            let detail = "no earlier operation made a resource with this `lid`";
            Problem::new(Code::MalformedDocument, detail).into()
        }),
    }
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

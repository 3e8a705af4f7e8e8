//! Many users and relationships at once, as a file brings them.
//!
//! # Design
//! Lines mean what they would mean one after the other, but are looked up and written in sets: a run of users, then
//! a run of relationships. A line that is refused is told and left out; nothing of it is written.

mod ends;
mod relationships;
mod users;

use std::collections::{HashMap, HashSet};

use crate::model::error::{Error, Problem, Result};
use crate::model::id::{RelationshipId, UserId};
use crate::model::relationship::Edge;
use crate::model::relationship_type::TypeName;
use crate::model::time::Timestamp;
use crate::model::user::{Field, Value};
use crate::store::Tx;
use users::Person;

/// A line of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its number in the file, from 1.
    pub number: u64,
    /// What it says.
    pub record: Record,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// There is a user.
    User(Box<UserLine>),
    /// There is a relationship.
    Relationship(RelationshipLine),
}

/// A user as a line has it; what it does not name stays as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct UserLine {
    /// The id that it is to have, if it is new.
    pub id: Option<UserId>,
    /// What it is known by.
    pub email: String,
    /// What the line names, `email` included. Must have passed [`check`].
    pub fields: Vec<(Field, Value)>,
    /// When it was stored first, if it is new.
    pub created_at: Option<Timestamp>,
    /// When it was last changed, if it is new.
    pub updated_at: Option<Timestamp>,
}

/// A relationship as a line has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelationshipLine {
    /// The id that it is to have, where it is new and the id is free.
    pub id: Option<RelationshipId>,
    /// The owner.
    pub user: Named,
    /// The other end.
    pub target: Named,
    /// The name of the type.
    pub relationship: TypeName,
    /// When it was stored first, if it is new.
    pub created_at: Option<Timestamp>,
    /// When it was last changed, if it is new.
    pub updated_at: Option<Timestamp>,
}

/// How a line names a user.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Named {
    /// By its id.
    Id(UserId),
    /// By its address.
    Email(String),
    /// By its id in another system.
    AltId(String),
}

/// What became of lines of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Is there now.
    pub added: u64,
    /// Was there, and is different now.
    pub changed: u64,
    /// Was there like this.
    pub unchanged: u64,
    /// Is not possible.
    pub rejected: u64,
}

/// What became of some lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Lines with users.
    pub users: Tally,
    /// Lines with relationships.
    pub relationships: Tally,
    /// Relationship types that were registered on the way.
    pub types_added: u64,
    /// The numbers of the lines that were refused, and why.
    pub rejected: Vec<(u64, String)>,
}

/// What an import may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Registers relationship types that are not known yet.
    pub creates_types: bool,
}

/// What a load, which is one job, remembers of the lines before.
#[derive(Debug, Default)]
pub struct Load {
    /// Users that are there, at most [`ends::MOST_REMEMBERED`].
    users: HashSet<UserId>,
    /// No relationship has a larger id.
    largest: Option<RelationshipId>,
}

/// What lines have said so far that is not in the database: in an import until the end of a run of lines, in a
/// rehearsal until the end of the file.
#[derive(Debug, Default)]
pub struct Known {
    /// By the key of the address.
    people: HashMap<String, Person>,
    /// Keys of addresses that two stored users have.
    shared: HashSet<String>,
    addresses: HashMap<UserId, String>,
    /// Ids of users that were deleted.
    retired: HashSet<UserId>,
    /// Who has, or had, that id in another system.
    alt_ids: HashMap<String, HashSet<UserId>>,
    edges: HashSet<Edge>,
    types: HashSet<TypeName>,
    /// Stands for the ids that new users would get.
    last_made_up: i64,
}

/// What is wrong with fields of a user.
#[must_use]
pub fn check(fields: &[(Field, Value)]) -> Vec<Problem> {
    super::validation::problems_of(fields)
}

/// Does what lines say.
///
/// # Errors
/// Those of the store. What is wrong with single lines is in the outcome.
pub fn import(tx: &mut Tx<'_>, lines: &[Line], options: Options) -> Result<Outcome> {
    write(tx, lines, options, None)
}

/// The same in a load, between [`Tx::begin_bulk_load`] and [`Tx::end_bulk_load`]: relationships that are there twice count as
/// added until then.
///
/// # Errors
/// Those of the store.
pub fn load(tx: &mut Tx<'_>, lines: &[Line], options: Options, load: &mut Load) -> Result<Outcome> {
    write(tx, lines, options, Some(load))
}

fn write(tx: &mut Tx<'_>, lines: &[Line], options: Options, mut load: Option<&mut Load>) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for run in runs(lines) {
        let mut known = Known::default();
        match run {
            Run::Users(lines) => users::import(tx, &lines, &mut known, &mut outcome)?,
            Run::Relationships(lines) => relationships::import(tx, &lines, options, load.as_deref_mut(), &mut outcome)?,
        }
    }
    Ok(outcome)
}

/// Tells what would become of lines, and writes nothing. `known` remembers what lines before them would have written.
///
/// # Errors
/// Those of the store.
pub fn dry_run(tx: &mut Tx<'_>, lines: &[Line], options: Options, known: &mut Known) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for run in runs(lines) {
        match run {
            Run::Users(lines) => users::dry_run(tx, &lines, known, &mut outcome)?,
            Run::Relationships(lines) => relationships::dry_run(tx, &lines, options, known, &mut outcome)?,
        }
    }
    Ok(outcome)
}

enum Run<'a> {
    Users(Vec<(u64, &'a UserLine)>),
    Relationships(Vec<(u64, &'a RelationshipLine)>),
}

/// Lines of one kind that follow each other.
fn runs(lines: &[Line]) -> Vec<Run<'_>> {
    let mut runs = Vec::new();
    for line in lines {
        match (&line.record, runs.last_mut()) {
            (Record::User(user), Some(Run::Users(run))) => run.push((line.number, user.as_ref())),
            (Record::User(user), _) => runs.push(Run::Users(vec![(line.number, user.as_ref())])),
            (Record::Relationship(edge), Some(Run::Relationships(run))) => run.push((line.number, edge)),
            (Record::Relationship(edge), _) => runs.push(Run::Relationships(vec![(line.number, edge)])),
        }
    }
    runs
}

impl Tally {
    fn plus(self, other: Self) -> Self {
        Self {
            added: self.added + other.added,
            changed: self.changed + other.changed,
            unchanged: self.unchanged + other.unchanged,
            rejected: self.rejected + other.rejected,
        }
    }
}

impl Outcome {
    /// Adds the outcome of other lines, but not their complaints.
    pub fn add(&mut self, other: &Self) {
        self.users = self.users.plus(other.users);
        self.relationships = self.relationships.plus(other.relationships);
        self.types_added += other.types_added;
    }

    fn reject_user(&mut self, number: u64, reason: String) {
        self.users.rejected += 1;
        self.rejected.push((number, reason));
    }

    fn reject_relationship(&mut self, number: u64, reason: String) {
        self.relationships.rejected += 1;
        self.rejected.push((number, reason));
    }
}

/// What was read out of a line does not fit where it belongs, which its reader should have noticed.
fn unsuitable(field: Field) -> Error {
    Error::Internal(format!("{field:?} took a value that does not suit it"))
}

/// The store gave fewer ids than it was asked for.
fn too_few() -> Error {
    Error::Internal("too few ids were reserved".to_owned())
}

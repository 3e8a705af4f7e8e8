//! The questions that this service may ask a database.

use std::sync::Arc;

use super::fault::{self, Fault};
use super::rows::{Drift, RelationshipRow, Shape, TypeRow, UserDrift};
use super::types::{TypeCache, Types};
use super::{postgres, sqlite};
use crate::clock::Clock;
use crate::model::error::{Error, Result};
use crate::model::filter::{RelationshipFilter, UserFilter, UserSort};
use crate::model::id::{RelationshipId, TokenId, UserId};
use crate::model::page::{Page, Window};
use crate::model::relationship::{Edge, Relationship};
use crate::model::relationship_type::{RelationshipType, TypeName};
use crate::model::time::Timestamp;
use crate::model::token::{Digest, NewToken, Token, TokenOwner};
use crate::model::user::{User, UserData};

/// A connection to one of the two databases.
pub(super) enum Link<'c> {
    Sqlite(&'c mut sqlite::Conn),
    Postgres(&'c mut postgres::Conn),
}

/// What all jobs of a store share.
#[derive(Clone)]
pub(super) struct Shared {
    pub clock: Clock,
    pub types: Arc<TypeCache>,
}

/// A job's view of the database: a catalogue of questions, each answered by one query (or a few).
///
/// Every method fails with [`Error::Unavailable`] when the database does not answer, or with
/// [`Error::Internal`] when it answers something that cannot be.
pub struct Tx<'c> {
    link: Link<'c>,
    shared: &'c Shared,
    types: Arc<Types>,
    is_writing: bool,
    fault: Option<Fault>,
}

/// Puts one question to whichever database it is.
macro_rules! ask {
    ($tx:ident, $room:ident :: $query:ident ( $($argument:expr),* )) => {{
        let answer = match &mut $tx.link {
            Link::Sqlite(conn) => sqlite::queries::$room::$query(conn, $($argument),*),
            Link::Postgres(conn) => postgres::queries::$room::$query(conn, $($argument),*),
        };
        answer.map_err(|error| $tx.note(&error))
    }};
}

impl<'c> Tx<'c> {
    pub(super) fn reading(link: Link<'c>, shared: &'c Shared) -> Self {
        Self { link, shared, types: shared.types.get(), is_writing: false, fault: None }
    }

    pub(super) fn writing(link: Link<'c>, shared: &'c Shared) -> Self {
        Self { is_writing: true, ..Self::reading(link, shared) }
    }

    /// What went wrong with the last statement that failed.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.fault
    }

    fn note(&mut self, error: &diesel::result::Error) -> Error {
        let (fault, told) = fault::sort(error);
        self.fault = Some(fault);
        told
    }

    /// Notes that somebody else was faster, so that the store runs the job again.
    fn conflict(&mut self) -> Error {
        self.fault = Some(Fault::Conflict);
        Error::Unavailable("others kept changing the same row".to_owned())
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    fn micros(&self) -> i64 {
        self.now().micros()
    }

    /// The version of the newest migration that was run.
    pub fn schema_version(&mut self) -> Result<Option<String>> {
        ask!(self, meta::schema_version())
    }
}

/// The kept counts.
impl Tx<'_> {
    pub(super) fn drifts_by_user(&mut self) -> Result<Vec<Drift>> {
        ask!(self, check::by_user())
    }

    pub(super) fn drifts_by_target(&mut self) -> Result<Vec<Drift>> {
        ask!(self, check::by_target())
    }

    pub(super) fn drifts_by_type(&mut self) -> Result<Vec<Drift>> {
        ask!(self, check::by_type())
    }

    pub(super) fn drifts_of_users(&mut self) -> Result<Vec<UserDrift>> {
        ask!(self, check::of_users())
    }

    pub(super) fn dangling_relationships(&mut self) -> Result<Vec<i64>> {
        ask!(self, check::dangling())
    }

    pub(super) fn delete_dangling(&mut self, ids: &[i64]) -> Result<()> {
        ask!(self, check::delete_dangling(ids)).map(drop)
    }

    pub(super) fn recount(&mut self) -> Result<()> {
        ask!(self, check::recount())
    }

    pub(super) fn lock_everything(&mut self) -> Result<()> {
        ask!(self, check::lock_all())
    }
}

/// Relationship types.
impl Tx<'_> {
    /// All registered types, by name.
    pub fn types(&mut self) -> Result<Vec<RelationshipType>> {
        Ok(self.read_types()?.into_iter().filter_map(type_of).collect())
    }

    /// The names that are registered, by name.
    pub fn type_names(&mut self) -> Result<Vec<TypeName>> {
        self.read_types()?;
        Ok(self.types.names().cloned().collect())
    }

    /// Whether a type of that name is registered.
    pub fn has_type(&mut self, name: &TypeName) -> Result<bool> {
        self.type_id(name).map(|id| id.is_some())
    }

    /// Registers a type; `None` if its name is taken.
    pub fn insert_type(&mut self, name: &TypeName, description: Option<&str>) -> Result<Option<RelationshipType>> {
        let now = self.micros();
        Ok(ask!(self, relationship_types::insert(name.as_str(), description, now))?.and_then(type_of))
    }

    /// Describes a type anew; `None` if there is none of that name.
    pub fn describe_type(&mut self, name: &TypeName, description: Option<&str>) -> Result<Option<RelationshipType>> {
        let now = self.micros();
        Ok(ask!(self, relationship_types::describe(name.as_str(), description, now))?.and_then(type_of))
    }

    /// How many relationships have that type; `None` if there is no such type.
    pub fn type_use(&mut self, name: &TypeName) -> Result<Option<i64>> {
        self.read_types()?;
        match self.types.id_of(name) {
            Some(id) => ask!(self, counts::with_type(id)).map(Some),
            None => Ok(None),
        }
    }

    /// Removes a type that nothing uses.
    pub fn delete_type(&mut self, name: &TypeName) -> Result<()> {
        match self.types.id_of(name) {
            Some(id) => ask!(self, relationship_types::delete(id)).map(drop),
            None => Ok(()),
        }
    }

    fn read_types(&mut self) -> Result<Vec<TypeRow>> {
        let rows = ask!(self, relationship_types::all())?;
        self.types = Arc::new(Types::of(&rows));
        // What a write job reads may never be committed, so that it is no news for others.
        if !self.is_writing {
            self.shared.types.put(Arc::clone(&self.types));
        }
        Ok(rows)
    }

    fn type_id(&mut self, name: &TypeName) -> Result<Option<i16>> {
        if let Some(id) = self.types.id_of(name) {
            return Ok(Some(id));
        }
        self.read_types()?;
        Ok(self.types.id_of(name))
    }

    fn type_name(&mut self, id: i16) -> Result<TypeName> {
        if let Some(name) = self.types.name_of(id) {
            return Ok(name.clone());
        }
        self.read_types()?;
        let name = self.types.name_of(id).cloned();
        name.ok_or_else(|| Error::Internal(format!("a relationship has the unregistered type {id}")))
    }
}

/// Relationships.
impl Tx<'_> {
    /// The relationships that match, ordered by id, and how many there are in all.
    pub fn relationships(&mut self, filter: &RelationshipFilter, window: Window) -> Result<Page<Relationship>> {
        let mut types = Vec::with_capacity(filter.relationships.len());
        for name in &filter.relationships {
            types.extend(self.type_id(name)?);
        }
        let shape = Shape {
            users: filter.users.iter().map(|id| id.get()).collect(),
            targets: filter.targets.iter().map(|id| id.get()).collect(),
            types: (!filter.relationships.is_empty()).then_some(types),
            seen_by: filter.seen_by.map(UserId::get),
        };
        let (total, rows) = ask!(self, relationships::page(&shape, window))?;
        let items = rows.into_iter().map(|row| self.relationship_of(row)).collect::<Result<_>>()?;
        Ok(Page { items, total })
    }

    /// The relationship of that id.
    pub fn relationship(&mut self, id: RelationshipId) -> Result<Option<Relationship>> {
        let row = ask!(self, relationships::find(id.get()))?;
        row.map(|row| self.relationship_of(row)).transpose()
    }

    /// The id of a relationship that is the same in all that matters.
    pub fn relationship_like(&mut self, edge: &Edge) -> Result<Option<RelationshipId>> {
        let Some(kind) = self.type_id(&edge.relationship)? else { return Ok(None) };
        let id = ask!(self, relationships::find_edge(edge.user.get(), edge.target.get(), kind))?;
        Ok(id.map(RelationshipId::new))
    }

    /// Whether any relationship, in either direction, joins the two.
    pub fn are_related(&mut self, one: UserId, other: UserId) -> Result<bool> {
        ask!(self, relationships::touch(one.get(), other.get()))
    }

    /// Stores a relationship of a registered type and counts it; `None` if the same one is there already.
    pub fn insert_relationship(&mut self, edge: &Edge, author: Option<UserId>) -> Result<Option<Relationship>> {
        let Some(kind) = self.type_id(&edge.relationship)? else { return Err(self.conflict()) };
        let ends = (edge.user.get(), edge.target.get(), kind);
        let now = self.micros();
        let row = ask!(self, relationships::insert(ends, now, author.map(UserId::get)))?;
        row.map(|row| self.relationship_of(row)).transpose()
    }

    /// Gives a relationship, as it was just read, another registered type.
    pub fn set_relationship_type(
        &mut self,
        old: &Relationship,
        name: &TypeName,
        author: Option<UserId>,
    ) -> Result<Relationship> {
        let (Some(before), Some(after)) = (self.type_id(&old.relationship)?, self.type_id(name)?) else {
            return Err(self.conflict());
        };
        let row = RelationshipRow {
            id: old.id.get(),
            version: old.version,
            user_id: old.user.get(),
            target_id: old.target.get(),
            type_id: before,
            created_at: old.created_at.micros(),
            updated_at: old.updated_at.micros(),
        };
        let now = self.micros();
        match ask!(self, relationships::set_type(&row, after, now, author.map(UserId::get)))? {
            Some(row) => self.relationship_of(row),
            None => Err(self.conflict()),
        }
    }

    /// Removes a relationship and its counts; `false` if it is gone.
    pub fn delete_relationship(&mut self, id: RelationshipId) -> Result<bool> {
        ask!(self, relationships::delete(id.get()))
    }

    fn relationship_of(&mut self, row: RelationshipRow) -> Result<Relationship> {
        Ok(Relationship {
            id: RelationshipId::new(row.id),
            version: row.version,
            user: UserId::new(row.user_id),
            target: UserId::new(row.target_id),
            relationship: self.type_name(row.type_id)?,
            created_at: Timestamp::from_micros(row.created_at),
            updated_at: Timestamp::from_micros(row.updated_at),
        })
    }
}

/// Users.
impl Tx<'_> {
    /// The users that match, and how many there are in all.
    pub fn users(&mut self, filter: &UserFilter, sort: UserSort, window: Window) -> Result<Page<User>> {
        let supervised = self.supervised()?;
        let (total, rows) = ask!(self, users::page(filter, sort, window, supervised))?;
        Ok(Page { items: rows.into_iter().map(User::from).collect(), total })
    }

    /// The user of that id.
    pub fn user(&mut self, id: UserId) -> Result<Option<User>> {
        let supervised = self.supervised()?;
        Ok(ask!(self, users::find(&[id.get()], supervised))?.pop().map(User::from))
    }

    /// Which of these ids name a user.
    pub fn existing_users(&mut self, ids: &[UserId]) -> Result<Vec<UserId>> {
        let ids: Vec<_> = ids.iter().map(|id| id.get()).collect();
        Ok(ask!(self, users::existing(&ids))?.into_iter().map(UserId::new).collect())
    }

    /// The user with that address, compared without regard to case.
    pub fn user_id_of_email(&mut self, email: &str) -> Result<Option<UserId>> {
        Ok(ask!(self, users::id_of_email(&email.to_lowercase()))?.map(UserId::new))
    }

    /// Stores a user, under a chosen id or the next one; `None` if the id or the address is taken.
    pub fn insert_user(&mut self, id: Option<UserId>, data: &UserData) -> Result<Option<UserId>> {
        let now = self.micros();
        Ok(ask!(self, users::insert(id.map(UserId::get), data, now))?.map(UserId::new))
    }

    /// Writes all data of a user that was just read.
    pub fn update_user(&mut self, old: &User, new: &UserData) -> Result<()> {
        let now = self.micros();
        if ask!(self, users::update((old.id.get(), old.version), &old.data, new, now))? {
            Ok(())
        } else {
            Err(self.conflict())
        }
    }

    /// Removes a user with its relationships, in both directions, and its tokens; `false` if there is none.
    pub fn delete_user(&mut self, id: UserId) -> Result<bool> {
        ask!(self, users::lock(id.get()))?;
        ask!(self, relationships::delete_of_user(id.get()))?;
        ask!(self, tokens::delete_of_user(id.get()))?;
        ask!(self, users::delete(id.get()))
    }

    /// The number of the type that makes its target a supervisor; 0, which no type has, if it was removed.
    fn supervised(&mut self) -> Result<i16> {
        match TypeName::parse(TypeName::SUBORDINATE) {
            Some(name) => Ok(self.type_id(&name)?.unwrap_or(0)),
            None => Ok(0),
        }
    }
}

/// Credentials.
impl Tx<'_> {
    /// The token with that digest, and what its owner may do.
    pub fn token_owner(&mut self, digest: &Digest) -> Result<Option<TokenOwner>> {
        let row = ask!(self, tokens::owner(digest))?;
        Ok(row.map(|(token, expires_at, last_used_at, user, level, is_enabled)| TokenOwner {
            token: TokenId::new(token),
            expires_at: expires_at.map(Timestamp::from_micros),
            last_used_at: last_used_at.map(Timestamp::from_micros),
            user: UserId::new(user),
            level: super::rows::level_of(level),
            is_enabled,
        }))
    }

    /// Tokens, by id: at most `limit` of those after `after`.
    pub fn tokens(&mut self, after: TokenId, limit: i64) -> Result<Vec<Token>> {
        let rows = ask!(self, tokens::list(after.get(), limit))?;
        let token = |(id, email, name, expires_at, last_used_at): (_, _, _, Option<i64>, Option<i64>)| Token {
            id: TokenId::new(id),
            email,
            name,
            expires_at: expires_at.map(Timestamp::from_micros),
            last_used_at: last_used_at.map(Timestamp::from_micros),
        };
        Ok(rows.into_iter().map(token).collect())
    }

    /// Stores a token.
    pub fn insert_token(&mut self, token: &NewToken) -> Result<TokenId> {
        let now = self.micros();
        ask!(self, tokens::insert(token, now)).map(TokenId::new)
    }

    /// Notes that a token was used just now.
    pub fn touch_token(&mut self, id: TokenId) -> Result<()> {
        let now = self.micros();
        ask!(self, tokens::touch(id.get(), now)).map(drop)
    }

    /// Removes a token; `false` if there is none.
    pub fn delete_token(&mut self, id: TokenId) -> Result<bool> {
        ask!(self, tokens::delete(id.get())).map(|rows| rows > 0)
    }
}

fn type_of(row: TypeRow) -> Option<RelationshipType> {
    Some(RelationshipType {
        name: TypeName::parse(&row.name)?,
        version: row.version,
        description: row.description,
        created_at: Timestamp::from_micros(row.created_at),
        updated_at: Timestamp::from_micros(row.updated_at),
    })
}

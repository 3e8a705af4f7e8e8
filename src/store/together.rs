//! Requests that need no job: PostgreSQL answers them together with concurrent ones, SQLite in one statement.

use std::collections::HashMap;

use super::cost::Cost;
use super::held_type::FoundRelationship;
use super::job::with_job_name;
use super::postgres::batch::batched_list::BatchedList;
use super::postgres::batch::batcher::{BatchQuery, Batcher};
use super::postgres::batch::changes::GatheredChange;
use super::postgres::batch::creates::{BatchedCreate, GatheredCreate};
use super::postgres::batch::deletes::GatheredDelete;
use super::postgres::batch::lookups::{RelationshipLookup, UserLookup};
use super::postgres::batch::ruled_creates::{CreateTogether, RuledCreate};
use super::postgres::batch::traversals::{BatchedTraversal, GatheredTraversal, ShortTraversals};
use super::postgres::server::PoolGeneration;
use super::tx::Tx;
use super::{Engine, Store};
use crate::model::authors::AuthoredRelationship;
use crate::model::change::ChangeOrigin;
use crate::model::error::Result;
use crate::model::id::{RelationshipId, UserId};
use crate::model::log_position::LogPosition;
use crate::model::page::Page;
use crate::model::relationship::Relationship;
use crate::model::relationship_query::{RelationshipPage, RelationshipQuery};
use crate::model::role::{RoleEnd, RoleQuery, RoleUsers, UserWithRoles};
use crate::model::rules::Rules;
use crate::model::traversal::page::TraversalPage;
use crate::model::user::User;

impl Store {
    /// Runs a traversal with a short result, as [`read_replica`](Self::read_replica) would: on PostgreSQL together with
    /// concurrent ones, on SQLite alone, without a transaction. `None` if it must run as a job: if its result may be
    /// long, or if `short` leaves it out.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub async fn traverse(
        &self,
        name: &'static str,
        traversal: GatheredTraversal,
        after: Option<LogPosition>,
        short: ShortTraversals,
    ) -> Result<Option<TraversalPage>> {
        let types = self.shared.types.get();
        let found = match &self.engine {
            Engine::Postgres { .. } if traversal.is_short(&types) => {
                let _timer = self.start(name);
                let query = BatchedTraversal { traversal, traverse_together: short.together };
                self.read_in_batch(|pool| &pool.traversals, query, after).await
            }
            Engine::Sqlite(_) if traversal.limit > 0 && types.tree_to(&traversal.role, RoleEnd::Target).is_some() => {
                let timer = self.start(name);
                self.run_read(&timer, Cost::Bounded, move |tx| (short.alone)(tx, &traversal)).await
            }
            Engine::Postgres { .. } | Engine::Sqlite(_) => Ok(None),
        };
        found.map_err(|error| with_job_name(name, error))
    }

    /// Creates a relationship that its caller may create. On PostgreSQL concurrent creates share a commit: those of types
    /// without rules one statement, those of a type with rules one call of `create_together`. A create that is left out
    /// runs `job`, which creates the relationship or returns the reason why not. On SQLite, where all writes share
    /// commits, every create runs `job`.
    ///
    /// # Errors
    /// Those of [`write`](Self::write).
    pub async fn create_relationship<T: From<Relationship> + Send + 'static>(
        &self,
        name: &'static str,
        create: GatheredCreate,
        create_together: CreateTogether,
        job: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let timer = self.start(name);
        let origin = ChangeOrigin { actor: create.caller.author(), request_id: create.request_id.clone() };
        if let Engine::Postgres { primary, .. } = &self.engine {
            let rules = self.shared.types.get().rules_of(&create.edge.data.relationship);
            let pool = primary.current();
            let stored = if rules.is_none_or(Rules::allow_all) && !pool.has_spread_rows() {
                pool.creates.ask(BatchedCreate(create)).await
            } else {
                pool.ruled_creates.ask(RuledCreate { create, create_together }).await
            };
            if let Some(row) = self.writes.record(stored).map_err(|error| with_job_name(name, error))? {
                return Ok(row.into());
            }
        }
        self.run_write(&timer, origin, job).await.map_err(|error| with_job_name(name, error))
    }

    /// Changes the type of a relationship that its caller has read. On PostgreSQL concurrent changes between types without
    /// rules share a statement and a commit; all others run `job`.
    ///
    /// # Errors
    /// Those of [`write`](Self::write).
    pub async fn change_relationship(
        &self,
        name: &'static str,
        change: GatheredChange,
        job: impl Fn(&mut Tx<'_>) -> Result<AuthoredRelationship> + Send + 'static,
    ) -> Result<AuthoredRelationship> {
        let origin = change.writer.origin.clone();
        self.write_in_batch(name, |pool| &pool.changes, Some(change), origin, job).await
    }

    /// Deletes a relationship, whatever its state. On PostgreSQL concurrent deletes of types without rules share a
    /// statement and a commit; all others run `job`. Where a type has rules, the relationship is looked up first.
    ///
    /// # Errors
    /// Those of [`write`](Self::write).
    pub async fn delete_relationship(
        &self,
        name: &'static str,
        delete: GatheredDelete,
        job: impl Fn(&mut Tx<'_>) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let origin = delete.writer.origin.clone();
        let is_plain = self.is_without_rules(delete.id).await.map_err(|error| with_job_name(name, error))?;
        self.write_in_batch(name, |pool| &pool.deletes, Some(delete).filter(|_| is_plain), origin, job).await
    }

    /// Whether the type of a relationship has no rules, at this moment.
    async fn is_without_rules(&self, id: RelationshipId) -> Result<bool> {
        if self.shared.types.get().allow_all() {
            return Ok(true);
        }
        let primary = Some(LogPosition::PRIMARY);
        let found = self.read_in_batch(|pool| &pool.relationships, RelationshipLookup(id), primary).await?;
        Ok(found.is_some_and(|found| found.rules.allow_all()))
    }

    /// Finds a relationship, on PostgreSQL together with concurrent requests, on the replica if it can; `None` on SQLite, or
    /// if it is not found: then a job must look for it.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub async fn find_relationship(
        &self,
        name: &'static str,
        id: RelationshipId,
        after: Option<LogPosition>,
    ) -> Result<Option<FoundRelationship>> {
        self.find(name, |pool| &pool.relationships, RelationshipLookup(id), after).await
    }

    /// As [`find_relationship`](Self::find_relationship), a user.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub async fn find_user(&self, name: &'static str, id: UserId, after: Option<LogPosition>) -> Result<Option<User>> {
        self.find(name, |pool| &pool.users, UserLookup(id), after).await
    }

    async fn find<Q: BatchQuery + Clone>(
        &self,
        name: &'static str,
        batcher: fn(&PoolGeneration) -> &Batcher<Q>,
        query: Q,
        after: Option<LogPosition>,
    ) -> Result<Option<Q::Answer>> {
        if matches!(self.engine, Engine::Sqlite(_)) {
            return Ok(None);
        }
        let _timer = self.start(name);
        self.read_in_batch(batcher, query, after).await.map_err(|error| with_job_name(name, error))
    }

    async fn write_in_batch<Q: BatchQuery>(
        &self,
        name: &'static str,
        batcher: fn(&PoolGeneration) -> &Batcher<Q>,
        query: Option<Q>,
        origin: ChangeOrigin,
        job: impl Fn(&mut Tx<'_>) -> Result<Q::Answer> + Send + 'static,
    ) -> Result<Q::Answer> {
        let timer = self.start(name);
        if let (Engine::Postgres { primary, .. }, Some(query)) = (&self.engine, query) {
            let written = batcher(&primary.current()).ask(query).await;
            if let Some(answer) = self.writes.record(written).map_err(|error| with_job_name(name, error))? {
                return Ok(answer);
            }
        }
        self.run_write(&timer, origin, job).await.map_err(|error| with_job_name(name, error))
    }

    /// Reads a page of the users with a role, for a caller who may see all users, on PostgreSQL together with concurrent
    /// lists, on the replica if it can. `None` if a job must read it: on SQLite, if the type of the role is symmetric or not
    /// known here, or if there is no such user.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub async fn list_role_users(
        &self,
        name: &'static str,
        query: RoleQuery,
        after: Option<LogPosition>,
    ) -> Result<Option<RoleUsers>> {
        if matches!(self.engine, Engine::Sqlite(_)) {
            return Ok(None);
        }
        let Some(role) = self.shared.types.get().role(&query.role) else { return Ok(None) };
        let (is_to_one, only) = (role.is_to_one(), RoleQuery::only());
        let page = if is_to_one { &only } else { &query.page };
        let Some(list) = BatchedList::of_role(role, query.user, page, query.budget) else { return Ok(None) };
        let _timer = self.start(name);
        let found = self.read_in_batch(|pool| &pool.lists, list, after).await;
        let found = found.map_err(|error| with_job_name(name, error))?;
        Ok(found.map(|found| RoleUsers { is_to_one, page: members_of(query.user, found) }))
    }

    /// Reads a list in a batch; `None` if it cannot join one, or was left out.
    pub(super) async fn list_in_batch(
        &self,
        query: &RelationshipQuery,
        after: Option<LogPosition>,
    ) -> Result<Option<RelationshipPage>> {
        let Some(list) = BatchedList::of(query) else { return Ok(None) };
        self.read_in_batch(|pool| &pool.lists, list, after).await
    }

    /// Reads in a batch on PostgreSQL, on the replica if it can; `None` on SQLite, if the request was left out, or if it
    /// needs a position of the replica, which a job checks.
    async fn read_in_batch<Q: BatchQuery + Clone>(
        &self,
        batcher: fn(&PoolGeneration) -> &Batcher<Q>,
        query: Q,
        after: Option<LogPosition>,
    ) -> Result<Option<Q::Answer>> {
        let Engine::Postgres { primary, .. } = &self.engine else { return Ok(None) };
        let replica = self.replica_for(after);
        if replica.is_some() && after.is_some() {
            return Ok(None);
        }
        if let Some(replica) = replica
            && let Ok(read) = replica.ask(batcher, query.clone()).await
        {
            return Ok(read);
        }
        batcher(&primary.current()).ask(query).await
    }
}

/// The users of a list at the end where `user` is not, in the order of its relationships.
fn members_of(user: UserId, RelationshipPage { page, included }: RelationshipPage) -> Page<UserWithRoles> {
    let mut users: HashMap<_, _> = included.into_iter().map(|user| (user.id, user)).collect();
    let member = |row: &Relationship| {
        let member = if row.user == user { row.target } else { row.user };
        Some(UserWithRoles { edge: Some(row.id), ..UserWithRoles::alone(users.remove(&member)?) })
    };
    Page::whole(page.items.iter().filter_map(member).collect(), page.total)
}

//! Queries of the rules of relationship types, by jobs that write relationships.
//!
//! # Design
//! A job holds every type whose relationships it writes: nobody can change its rules until the job ends, and the job
//! decides by the rules that the statement which holds them returned. If the rules restrict data, it then locks out
//! other writers of the type, and reads what the rules depend on in later statements.

use super::{Tx, ask};
use crate::model::error::{Error, Result};
use crate::model::id::{RelationshipId, UserId};
use crate::model::reach::MAX_STEPS;
use crate::model::relationship::{Edge, Relationship};
use crate::model::relationship_type::TypeName;
use crate::store::held_type::{ExistingEnds, FoundRelationship, HeldType};
use crate::store::postgres::spread::{edges, locks};
use crate::store::relationship_rows::authors_of;
use crate::store::type_rows::{RulesRow, rules_of};

impl Tx<'_> {
    /// Holds the type of a relationship to create, and finds out which of its ends exist. `None` if the type is not
    /// registered.
    pub fn hold_type_of(&mut self, edge: &Edge) -> Result<Option<(HeldType, ExistingEnds)>> {
        let Some(id) = self.type_id(&edge.relationship)? else { return Ok(None) };
        let (user, target) = (edge.user.get(), edge.target.get());
        let found = if self.is_spread() {
            self.rules_of_new_spread_edge(id, (user, target))?
        } else {
            ask!(self, rules::of_new_edge(id, user, target))?
        };
        // The type was deleted a moment ago.
        let Some((rules, user, target)) = found else { return Err(self.record_conflict()) };
        Ok(Some((self.held(id, edge.relationship.clone(), rules), ExistingEnds { user, target })))
    }

    /// Holds registered types, in the order in which all jobs hold and lock them.
    pub fn hold_types(&mut self, names: &[TypeName]) -> Result<Vec<HeldType>> {
        let mut ids = Vec::with_capacity(names.len());
        for name in names {
            let Some(id) = self.type_id(name)? else { return Err(self.record_conflict()) };
            ids.push(id);
        }
        ids.sort_unstable();
        ids.dedup();
        let held = self.hold(&ids)?;
        if held.len() < ids.len() { Err(self.record_conflict()) } else { Ok(held) }
    }

    /// The names of the types of which a user owns or targets relationships.
    pub fn types_of_user(&mut self, user: UserId) -> Result<Vec<TypeName>> {
        let ids = ask!(self, rules::types_of_user(user.get()))?;
        ids.into_iter().map(|id| self.type_name(id)).collect()
    }

    /// Holds the types of which a user owns or targets relationships.
    pub fn hold_types_of_user(&mut self, user: UserId) -> Result<Vec<HeldType>> {
        let ids = ask!(self, rules::types_of_user(user.get()))?;
        self.hold(&ids)
    }

    /// A relationship, with its type held. It is not locked: its type may differ once it is.
    pub fn hold_relationship(&mut self, id: RelationshipId) -> Result<Option<(Relationship, HeldType)>> {
        let is_writing = self.is_writing;
        let found = if self.is_spread() && is_writing {
            self.hold_spread_edge(id.get())?
        } else {
            ask!(self, rules::of_relationship(id.get(), is_writing))?
        };
        let Some((row, rules)) = found else { return Ok(None) };
        let kind = row.type_id;
        let found = self.relationship_of(row)?;
        let held = self.held(kind, found.data.relationship.clone(), rules);
        Ok(Some((found, held)))
    }

    /// The relationships with these ids, each with its authors and the rules of its type, in any order. Those that do not
    /// exist are left out.
    pub(in crate::store) fn found_relationships(&mut self, ids: &[RelationshipId]) -> Result<Vec<FoundRelationship>> {
        let ids: Vec<_> = ids.iter().map(|id| id.get()).collect();
        let mut found = Vec::with_capacity(ids.len());
        let rows = if self.is_spread() {
            let hints = &self.shared.hints;
            self.ask_postgres(|conn| edges::find(conn, hints, &ids))?
        } else {
            ask!(self, rules::of_relationships(&ids))?
        };
        for ((row, created_by, updated_by), rules) in rows {
            let (relationship, rules) = (self.relationship_of(row)?, rules_of(rules));
            found.push(FoundRelationship { relationship, authors: authors_of((created_by, updated_by)), rules });
        }
        Ok(found)
    }

    /// Makes other writers of relationships of held types wait until this job ends, where the rules restrict data.
    pub fn lock_writers(&mut self, types: &[HeldType]) -> Result<()> {
        let mut ids: Vec<_> = types.iter().filter(|it| it.rules.restrict_data()).map(|it| it.id).collect();
        ids.sort_unstable();
        for id in ids {
            if self.needs_locks() && !self.locked_types.contains(&id) {
                if self.is_spread() {
                    self.ask_postgres(|conn| locks::lock_writers(conn, id))?;
                } else if !ask!(self, rules::lock_writers(id))? {
                    return Err(Error::Internal(format!("the relationship type {id} has no row to lock")));
                }
                self.locked_types.push(id);
            }
        }
        Ok(())
    }

    /// The stored ones among these relationships of a type, each given as owner and target; in a symmetric type also
    /// those in the other direction.
    pub fn find_edges(
        &mut self,
        held: &HeldType,
        edges: &[(UserId, UserId)],
    ) -> Result<Vec<((UserId, UserId), RelationshipId)>> {
        let mut wanted: Vec<_> = edges.iter().map(|(user, target)| (user.get(), target.get())).collect();
        if held.rules.is_symmetric {
            wanted.extend(edges.iter().map(|(user, target)| (target.get(), user.get())));
        }
        let rows = ask!(self, rules::find_edges(held.id, &wanted))?;
        let edge = |(id, user, target)| ((UserId::new(user), UserId::new(target)), RelationshipId::new(id));
        Ok(rows.into_iter().map(edge).collect())
    }

    /// How many relationships of a type some users own; users without any may be missing.
    pub fn owned(&mut self, held: &HeldType, users: &[UserId]) -> Result<Vec<(UserId, i64)>> {
        let rows = ask!(self, rules::owned(held.id, &numbers(users)))?;
        Ok(rows.into_iter().map(|(user, n)| (UserId::new(user), n)).collect())
    }

    /// The first relationships of a type that a user owns, at most as many as a rule allows.
    pub fn owned_by(&mut self, held: &HeldType, user: UserId) -> Result<Vec<RelationshipId>> {
        let limit = i64::from(held.rules.max_per_user.unwrap_or_default());
        let ids = ask!(self, rules::owned_by(held.id, user.get(), limit))?;
        Ok(ids.into_iter().map(RelationshipId::new).collect())
    }

    /// The relationships of a type that some users own, each as owner and target; one more than [`MAX_STEPS`] at most.
    pub fn targets_of(&mut self, held: &HeldType, users: &[UserId]) -> Result<Vec<(UserId, UserId)>> {
        Ok(pairs(ask!(self, rules::targets_of(held.id, &numbers(users), MOST_ROWS))?))
    }

    /// The relationships of a type that target some users, each as target and owner; one more than [`MAX_STEPS`] at
    /// most.
    pub fn owners_of(&mut self, held: &HeldType, users: &[UserId]) -> Result<Vec<(UserId, UserId)>> {
        Ok(pairs(ask!(self, rules::owners_of(held.id, &numbers(users), MOST_ROWS))?))
    }

    /// The relationships of a type that some users own, those that their targets own, and so on, each as id, owner and
    /// target.
    pub fn paths_from(&mut self, held: &HeldType, users: &[UserId]) -> Result<Vec<(RelationshipId, UserId, UserId)>> {
        let rows = ask!(self, rules::paths_from(held.id, &numbers(users), i64::MAX))?;
        let step = |(id, user, target)| (RelationshipId::new(id), UserId::new(user), UserId::new(target));
        Ok(rows.into_iter().map(step).collect())
    }

    /// Counts a relationship that a rule refused, by the name of the rule.
    pub fn count_rule_refusal(&self, rule: &'static str) {
        self.shared.metrics.count_rule_refusal(rule);
    }

    fn hold(&mut self, ids: &[i16]) -> Result<Vec<HeldType>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.keep_spread_rules(ids)?;
        let is_writing = self.is_writing;
        let mut held = Vec::with_capacity(ids.len());
        for (id, rules) in ask!(self, rules::of_types(ids, is_writing))? {
            let name = self.type_name(id)?;
            held.push(self.held(id, name, rules));
        }
        Ok(held)
    }

    pub(super) fn held(&mut self, id: i16, name: TypeName, rules: RulesRow) -> HeldType {
        let rules = rules_of(rules);
        if self.types.rules_of(&name).is_some_and(|cached| cached != rules) {
            // Creates are gathered by the cached rules.
            self.shared.types.clear();
        }
        HeldType { name, rules, id }
    }
}

#[expect(clippy::cast_possible_wrap, reason = "the number is small")]
const MOST_ROWS: i64 = MAX_STEPS as i64 + 1;

pub(super) fn numbers(users: &[UserId]) -> Vec<i64> {
    users.iter().map(|user| user.get()).collect()
}

fn pairs(rows: Vec<(i64, i64)>) -> Vec<(UserId, UserId)> {
    rows.into_iter().map(|(from, to)| (UserId::new(from), UserId::new(to))).collect()
}

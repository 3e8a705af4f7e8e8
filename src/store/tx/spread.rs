//! What a job does besides where rows are spread over nodes: it writes copies of relationships, keeps addresses unique, and
//! locks what is on one node.

use super::{AnyConnection, Tx, ask};
use crate::model::error::Result;
use crate::model::id::UserId;
use crate::model::key;
use crate::model::user::{User, UserData};
use crate::store::held_type::HeldType;
use crate::store::postgres::layout;
use crate::store::postgres::spread::{creates, edges, emails, locks};
use crate::store::relationship_rows::{AuthoredRow, NewRelationshipRow, RelationshipRow};
use crate::store::rows::Numbered;
use crate::store::type_rows::{RoleRow, RulesRow};

impl Tx<'_> {
    /// Whether rows are spread over nodes.
    pub(super) fn is_spread(&self) -> bool {
        matches!(self.conn, AnyConnection::Postgres(_)) && layout::is_spread()
    }

    /// Stores the copies of new relationships.
    pub(super) fn copy_edges(&mut self, rows: &[RelationshipRow]) -> Result<()> {
        if self.is_spread() && !rows.is_empty() { self.ask_postgres(|conn| edges::add(conn, rows)) } else { Ok(()) }
    }

    /// Stores, counts, copies and logs relationships of a held type, `requests` are the ids of their requests. Those
    /// that exist are left out.
    pub(super) fn insert_spread(
        &mut self,
        held: &HeldType,
        new: &[NewRelationshipRow],
        requests: &[Option<String>],
    ) -> Result<Vec<RelationshipRow>> {
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.ask_postgres(|conn| creates::insert(conn, (held.id, held.name.as_str()), new, requests))?;
        self.record_batch(rows.len());
        Ok(rows)
    }

    /// Changes the copies of a relationship.
    pub(super) fn change_copies(&mut self, old: &RelationshipRow, new: &RelationshipRow) -> Result<()> {
        if !self.is_spread() || self.ask_postgres(|conn| edges::change(conn, old, new))? {
            return Ok(());
        }
        Err(self.record_conflict())
    }

    /// Deletes the copies of deleted relationships.
    pub(super) fn delete_copies(&mut self, deleted: &[AuthoredRow]) -> Result<()> {
        if !self.is_spread() || deleted.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = deleted.iter().map(|(row, ..)| *row).collect();
        if self.ask_postgres(|conn| edges::remove(conn, &rows))? { Ok(()) } else { Err(self.record_conflict()) }
    }

    /// Deletes all relationships of a user with their copies and counts, and returns them by id.
    pub(super) fn delete_spread_edges_of_user(&mut self, user: UserId) -> Result<Vec<AuthoredRow>> {
        if let Some(largest) = ask!(self, retired::largest_of_user(user.get()))? {
            ask!(self, retired::retire_relationships(largest))?;
        }
        let mut types = std::mem::take(&mut self.type_counts);
        let deleted = self.ask_postgres(|conn| edges::delete_of_user(conn, &mut types, user.get()));
        self.type_counts = types;
        let Some(mut deleted) = deleted? else { return Err(self.record_conflict()) };
        deleted.sort_unstable_by_key(|(row, ..)| row.id);
        Ok(deleted)
    }

    /// The id of a new user where its address is taken before it is stored; elsewhere the database may choose it.
    pub(super) fn id_before_insert(&mut self, chosen: Option<i64>) -> Result<Option<i64>> {
        if !self.is_spread() || chosen.is_some() {
            return Ok(chosen);
        }
        Ok(self.reserve(Numbered::Users, 1, 0)?.pop())
    }

    /// Takes the address of a new user with that id; `false` if another one has it. [`free_email`](Self::free_email) frees it
    /// if the user is not stored.
    pub(super) fn take_email(&mut self, id: Option<i64>, data: &UserData) -> Result<bool> {
        match id {
            Some(id) if self.is_spread() => self.ask_postgres(|conn| emails::take(conn, &data.email_key(), id)),
            _ => Ok(true),
        }
    }

    /// Gives their addresses to new users.
    pub(super) fn take_emails(&mut self, users: &[&User]) -> Result<()> {
        if self.is_spread() { self.ask_postgres(|conn| emails::take_all(conn, users)) } else { Ok(()) }
    }

    /// Gives a user another address.
    pub(super) fn change_email(&mut self, old: &User, new: &UserData) -> Result<()> {
        if !self.is_spread() || old.data.email == new.email {
            return Ok(());
        }
        self.free_email(&old.data.email, old.id.get())?;
        let is_taken = !self.ask_postgres(|conn| emails::take(conn, &new.email_key(), old.id.get()))?;
        if is_taken { Err(self.record_conflict()) } else { Ok(()) }
    }

    /// Frees the address of a user that is deleted.
    pub(super) fn free_email_of(&mut self, user: UserId) -> Result<()> {
        if !self.is_spread() {
            return Ok(());
        }
        match ask!(self, clients::account_with_email(user.get()))? {
            Some((_, email, _)) => self.free_email(&email, user.get()),
            None => Ok(()),
        }
    }

    /// Frees the address of a user.
    pub(super) fn free_email(&mut self, email: &str, user: i64) -> Result<()> {
        if !self.is_spread() || self.ask_postgres(|conn| emails::free(conn, email, user))? {
            Ok(())
        } else {
            Err(self.record_conflict())
        }
    }

    /// The users with an address, and their keys.
    pub(super) fn holders_of_email(&mut self, email: &str) -> Result<Vec<(String, i64)>> {
        let keys = key::stored_keys_of_email(email);
        if self.is_spread() {
            self.ask_postgres(|conn| emails::holders(conn, &keys))
        } else {
            ask!(self, users::ids_of_email(&keys))
        }
    }

    /// Keeps the rules of types from changing until a write job ends.
    pub(super) fn keep_spread_rules(&mut self, kinds: &[i16]) -> Result<()> {
        if self.is_spread() && self.is_writing {
            self.ask_postgres(|conn| locks::keep_rules(conn, kinds))
        } else {
            Ok(())
        }
    }

    /// The rules of a type that the job holds, and which of two users exist; `None` if there is no such type.
    pub(super) fn rules_of_new_spread_edge(
        &mut self,
        kind: i16,
        (user, target): (i64, i64),
    ) -> Result<Option<(RulesRow, bool, bool)>> {
        self.keep_spread_rules(&[kind])?;
        let Some((_, rules)) = ask!(self, rules::of_types(&[kind], true))?.pop() else { return Ok(None) };
        let existing = ask!(self, users::existing(&[user, target]))?;
        Ok(Some((rules, existing.contains(&user), existing.contains(&target))))
    }

    /// A relationship and the rules of its type, which the job holds.
    pub(super) fn hold_spread_edge(&mut self, id: i64) -> Result<Option<(RelationshipRow, RulesRow)>> {
        let Some(row) = ask!(self, relationships::find(id))? else { return Ok(None) };
        self.keep_spread_rules(&[row.type_id])?;
        let rules = ask!(self, rules::of_types(&[row.type_id], true))?.pop();
        Ok(rules.map(|(_, rules)| (row, rules)))
    }

    /// The type with a role, which the job holds.
    pub(super) fn hold_spread_role(&mut self, role: &str) -> Result<Option<RoleRow>> {
        let Some((kind, ..)) = ask!(self, roles::find(role, true))? else { return Ok(None) };
        self.keep_spread_rules(&[kind])?;
        match ask!(self, roles::find(role, true))? {
            Some(row) if row.0 != kind => Err(self.record_conflict()),
            found => Ok(found),
        }
    }

    /// The type with a role, whether a user exists, and how many users are below it.
    pub(super) fn spread_role_towards(&mut self, role: &str, user: i64) -> Result<Option<(RoleRow, bool, i64)>> {
        let Some(row) = ask!(self, roles::find(role, false))? else { return Ok(None) };
        let exists = !ask!(self, users::existing(&[user]))?.is_empty();
        let below = ask!(self, below::find(row.0, &[user]))?.pop().map_or(0, |(_, n, _)| n);
        Ok(Some((row, exists, below)))
    }

    /// Locks a user against deletion and new relationships, and keeps another one, and those around the first one in some
    /// types, from being deleted, all by id. Returns whether the two exist.
    pub(super) fn lock_spread_user_for_edges(
        &mut self,
        types: &[HeldType],
        (user, kept): (i64, i64),
    ) -> Result<(bool, bool)> {
        let kinds: Vec<_> = types.iter().map(|held| held.id.into()).collect();
        let around = ask!(self, handovers::around(&kinds, (user, kept)))?;
        let (before, after): (Vec<_>, Vec<_>) = around.into_iter().filter(|id| *id != user).partition(|id| *id < user);
        let mut found = self.ask_postgres(|conn| locks::keep_users(conn, &before))?;
        let exists = ask!(self, handovers::lock_user(user))?;
        found.extend(self.ask_postgres(|conn| locks::keep_users(conn, &after))?);
        Ok((exists, found.contains(&kept)))
    }

    /// Keeps a user from being deleted until the job ends, where no foreign key does that; the job runs again without it.
    pub(super) fn keep_referenced_user(&mut self, user: UserId) -> Result<()> {
        if !self.is_spread() || !self.ask_postgres(|conn| locks::keep_users(conn, &[user.get()]))?.is_empty() {
            return Ok(());
        }
        Err(self.record_conflict())
    }
}

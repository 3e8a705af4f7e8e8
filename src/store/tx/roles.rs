//! Queries of the users with a role towards a user.

use std::collections::HashMap;

use super::users::profiles_within;
use super::{Tx, ask};
use crate::model::error::{Error, Result};
use crate::model::id::{RelationshipId, UserId};
use crate::model::page::{Page, PageRequest};
use crate::model::read_budget::ReadBudget;
use crate::model::relationship_type::TypeName;
use crate::model::role::{MAX_INCLUDED, RoleEdge, RoleEnd, UserWithRoles};
use crate::model::traversal::TraversalStep;
use crate::store::held_type::{HeldRole, RoleStart};
use crate::store::rows::UserRow;
use crate::store::type_rows::RoleRow;

/// The most users in one statement, which has up to three parts for each; SQLite accepts at most 500.
const MOST_AT_ONCE: usize = 60;

impl Tx<'_> {
    /// The role with a name, with its type held; `None` if no type has it.
    pub fn hold_role(&mut self, name: &TypeName) -> Result<Option<HeldRole>> {
        let is_writing = self.is_writing;
        if !is_writing {
            self.learn_types()?;
        }
        let row = if self.is_spread() && is_writing {
            self.hold_spread_role(name.as_str())?
        } else {
            ask!(self, roles::find(name.as_str(), is_writing))?
        };
        row.map(|row| self.role_of(name, row)).transpose()
    }

    /// The role with a name, and what is stored of a user that others have the role towards; `None` if no type has it.
    pub fn read_role_towards(&mut self, name: &TypeName, user: UserId) -> Result<Option<(HeldRole, RoleStart)>> {
        self.learn_types()?;
        let found = if self.is_spread() {
            self.spread_role_towards(name.as_str(), user.get())?
        } else {
            ask!(self, roles::find_towards(name.as_str(), user.get()))?
        };
        let Some((row, exists, below)) = found else { return Ok(None) };
        Ok(Some((self.role_of(name, row)?, RoleStart { exists, below })))
    }

    /// Reads the types if none are known, so that later lists and traversals can be gathered.
    fn learn_types(&mut self) -> Result<()> {
        if self.known_types().is_empty() { self.read_types() } else { Ok(()) }
    }

    fn role_of(&mut self, name: &TypeName, (id, kind, user_role, rules): RoleRow) -> Result<HeldRole> {
        let kind = TypeName::parse(&kind)
            .ok_or_else(|| Error::Internal(format!("the role `{name}` belongs to a type with an unknown name")))?;
        let held = self.held(id, kind, rules);
        let end = RoleEnd::of_role(name.as_str(), held.rules.is_symmetric, user_role.as_deref());
        Ok(HeldRole { name: name.clone(), held, end })
    }

    /// A page of the users with a role towards a user, in the order of their relationships, with the total. With
    /// `seen_by` it has only that user.
    pub fn role_edges(
        &mut self,
        role: &HeldRole,
        user: UserId,
        seen_by: Option<UserId>,
        slice: &PageRequest,
    ) -> Result<Page<RoleEdge>> {
        let (kind, only) = (role.held.id, seen_by.map(UserId::get));
        let (total, rows) = ask!(self, roles::page(kind, role.end, (user.get(), only), slice))?;
        let edge = |(id, member)| RoleEdge { id: RelationshipId::new(id), member: UserId::new(member) };
        Ok(Page::whole(rows.into_iter().map(edge).collect(), total))
    }

    /// The first users with a role towards each of some users, in the order of their relationships, after the number of
    /// all of them. With a second user only that one is returned. Users towards whom nobody has the role are included.
    pub fn role_edges_of_many(
        &mut self,
        role: &HeldRole,
        users: &[(UserId, Option<UserId>)],
    ) -> Result<HashMap<UserId, (i64, Vec<RoleEdge>)>> {
        let scanned: Vec<_> = users.iter().map(|(user, only)| (user.get(), only.map(UserId::get))).collect();
        let mut found: HashMap<_, (i64, Vec<RoleEdge>)> = HashMap::new();
        for some in scanned.chunks(MOST_AT_ONCE) {
            for (user, edge, value) in ask!(self, roles::of_many(role.held.id, role.end, some))? {
                let (total, edges) = found.entry(UserId::new(user)).or_default();
                match edge {
                    None => *total = value,
                    Some(id) => edges.push(RoleEdge { id: RelationshipId::new(id), member: UserId::new(value) }),
                }
            }
        }
        for (_, edges) in found.values_mut() {
            edges.sort_unstable_by_key(|edge| edge.id);
            edges.truncate(MAX_INCLUDED);
        }
        Ok(found)
    }

    /// The users of such a page, without their properties. The page is cut where the budget ends, but has at least one
    /// row.
    pub fn role_members(
        &mut self,
        edges: Page<RoleEdge>,
        slice: &PageRequest,
        budget: &mut ReadBudget,
    ) -> Result<Page<UserWithRoles>> {
        let Page { items: mut edges, total, is_cut } = edges;
        let ids: Vec<_> = edges.iter().map(|edge| edge.member.get()).collect();
        let mut page = Page { items: Vec::with_capacity(ids.len()), total, is_cut };
        if ids.is_empty() {
            return Ok(page);
        }
        let rows = ask!(self, users::find(&ids, profiles_within(budget)))?;
        let mut rows: HashMap<i64, UserRow> = rows.into_iter().map(|row| (row.id, row)).collect();
        // A page that is counted from the end of the list keeps the rows nearest to the end.
        if slice.is_from_end {
            edges.reverse();
        }
        let members = edges.into_iter().filter_map(|edge| Some((edge.id, None, rows.remove(&edge.member.get())?)));
        self.add_members(&mut page, members, budget)?;
        if slice.is_from_end {
            page.items.reverse();
        }
        Ok(page)
    }

    /// Adds users to a page, which is cut where the budget ends, but has at least one row.
    pub(super) fn add_members(
        &mut self,
        page: &mut Page<UserWithRoles>,
        members: impl Iterator<Item = (RelationshipId, Option<TraversalStep>, UserRow)>,
        budget: &mut ReadBudget,
    ) -> Result<()> {
        for (edge, step, row) in members {
            let Some(row) = self.with_profile(row)? else { continue };
            if !budget.take(row.size()) && !page.items.is_empty() {
                page.is_cut = true;
                break;
            }
            page.items.push(UserWithRoles { edge: Some(edge), step, ..UserWithRoles::alone(row.into_listed()) });
        }
        Ok(())
    }
}

//! Traversal of the relationships of one type.

use std::collections::HashSet;

use super::rules::numbers;
use super::users::profiles_within;
use super::{Tx, ask};
use crate::model::edge_graph::StoredEdge;
use crate::model::error::Result;
use crate::model::id::{RelationshipId, UserId};
use crate::model::page::Page;
use crate::model::read_budget::ReadBudget;
use crate::model::relationship_type::TypeName;
use crate::model::role::{RoleEnd, UserWithRoles};
use crate::model::rules::MAX_DEPTH;
use crate::model::time::Timestamp;
use crate::model::traversal::TraversalStep;
use crate::model::traversal::levels::Continuation;
use crate::model::traversal::preorder::{Child, Siblings};
use crate::store::held_type::HeldType;
use crate::store::sqlite::queries::traversal::UserAboveRow;

/// The most users whose relationships one query reads.
const MOST_AT_ONCE: usize = 10_000;

impl Tx<'_> {
    /// The first of some siblings in a type that is a tree, at most `limit` of each, in their order.
    pub fn children(&mut self, held: &HeldType, siblings: &[Siblings], limit: usize) -> Result<Vec<Child>> {
        let parents: Vec<_> = siblings.iter().map(|it| (it.parent.get(), it.after)).collect();
        let rows = ask!(self, traversal::children(held.id, &parents, to_limit(limit)))?;
        Ok(rows.into_iter().map(child).collect())
    }

    /// The first of some siblings in a type that is a tree, at most `limit`, in their order; and perhaps, where `levels` is
    /// larger than 1, the children of the first of them, of the first of these, and so on. Each parent comes with its
    /// children.
    pub fn first_descendants(
        &mut self,
        held: &HeldType,
        siblings: &Siblings,
        (levels, limit): (usize, usize),
    ) -> Result<Vec<(UserId, Vec<Child>)>> {
        let parent = (siblings.parent.get(), siblings.after);
        let size = (to_limit(levels), to_limit(limit));
        let mut rows = ask!(self, traversal::first_descendants(held.id, parent, size))?;
        rows.sort_unstable();
        let of_parent = |rows: &[(i32, i64, i64, i64, i64)]| {
            let children = rows.iter().map(|(_, _, edge, user, below)| child((0, *edge, *user, *below))).collect();
            rows.first().map(|(_, parent, ..)| (UserId::new(*parent), children))
        };
        Ok(rows.chunk_by(|one, next| one.0 == next.0).filter_map(of_parent).collect())
    }

    /// The relationships that continue from some users towards an end, at most `limit`; with a time, only those that were
    /// created until then.
    pub fn continuations(
        &mut self,
        held: &HeldType,
        end: RoleEnd,
        users: &[UserId],
        (created_until, limit): (Option<Timestamp>, usize),
    ) -> Result<Vec<Continuation>> {
        let (mut found, until) = (Vec::new(), created_until.map(Timestamp::micros));
        for some in numbers(users).chunks(MOST_AT_ONCE) {
            let left = to_limit(limit.saturating_sub(found.len()));
            let rows = ask!(self, traversal::continuations(held.id, end, some, (until, left)))?;
            found.extend(rows.into_iter().map(|(edge, from, to)| Continuation {
                edge,
                from: UserId::new(from),
                to: UserId::new(to),
                below: None,
            }));
        }
        Ok(found)
    }

    /// The relationships of a tree that some users own, those that their targets own, and so on; from one user, with the
    /// numbers of users below.
    pub fn continuations_upwards(&mut self, held: &HeldType, users: &[UserId]) -> Result<Vec<Continuation>> {
        let step = |(edge, from, to), below| Continuation { edge, from: UserId::new(from), to: UserId::new(to), below };
        if let [one] = users {
            let rows = ask!(self, traversal::path_up(held.id, one.get()))?;
            return Ok(rows.into_iter().map(|(edge, from, to, below)| step((edge, from, to), Some(below))).collect());
        }
        let rows = ask!(self, rules::paths_from(held.id, &numbers(users), i64::MAX))?;
        Ok(rows.into_iter().map(|row| step(row, None)).collect())
    }

    /// The users above a user in a tree, up to a distance, in its order. At most `limit` are returned; the total is that of
    /// all.
    pub fn users_above(
        &mut self,
        held: &HeldType,
        start: UserId,
        (levels, limit): (usize, usize),
        budget: &mut ReadBudget,
    ) -> Result<Page<UserWithRoles>> {
        let levels = levels.min(MAX_DEPTH);
        let rows = ask!(self, traversal::users_above((held.id, None), (start.get(), levels), profiles_within(budget)))?;
        self.list_above(rows, start, limit, budget)
    }

    /// The users who have a role towards a user in a tree, as [`users_above`](Self::users_above) returns them, in one
    /// statement that checks the cached type. `None` if the role belongs to the targets of no cached tree, and if it
    /// leads to no user: then the type may have changed, or the user may not exist.
    pub fn users_with_role_above(
        &mut self,
        role: &TypeName,
        start: UserId,
        (levels, limit): (usize, usize),
        budget: &mut ReadBudget,
    ) -> Result<Option<Page<UserWithRoles>>> {
        let Some(kind) = self.types.tree_to(role, RoleEnd::Target) else { return Ok(None) };
        let (path, profiles) = ((start.get(), levels.min(MAX_DEPTH)), profiles_within(budget));
        let rows = ask!(self, traversal::users_above((kind, Some(role.as_str())), path, profiles))?;
        if rows.is_empty() {
            return Ok(None);
        }
        self.list_above(rows, start, limit, budget).map(Some)
    }

    /// The users above some users in a tree, in one statement that checks the cached type: each with the user before it
    /// and with its number of users below; its distance is 0. They are in no order, and cut where the budget ends. None
    /// if the role belongs to the targets of no tree; and none above a user that does not exist.
    pub fn users_with_role_above_all(
        &mut self,
        role: &TypeName,
        users: &[UserId],
        budget: &mut ReadBudget,
    ) -> Result<Page<UserWithRoles>> {
        let mut page = Page::whole(Vec::new(), 0);
        let Some(kind) = self.types.tree_to(role, RoleEnd::Target) else { return Ok(page) };
        let profiles = profiles_within(budget);
        let rows = ask!(self, traversal::users_above_all((kind, role.as_str()), &numbers(users), profiles))?;
        let members = rows.into_iter().map(|(edge, via, below, user)| {
            let edge = RelationshipId::new(edge);
            (edge, Some(TraversalStep { edge, via: UserId::new(via), depth: 0, below: Some(below) }), user)
        });
        self.add_members(&mut page, members, budget)?;
        Ok(page)
    }

    /// The end at which a cached tree has the users with a role.
    #[must_use]
    pub fn end_in_tree(&self, role: &TypeName) -> Option<RoleEnd> {
        self.types.end_in_tree(role)
    }

    /// How many users with a role are below each of some users in a tree, in one statement that checks the cached type.
    /// Users that do not exist are missing, and all of them if the role belongs to the owners of no tree.
    pub fn counts_below_with_role(&mut self, role: &TypeName, users: &[UserId]) -> Result<Vec<(UserId, i64)>> {
        let Some(kind) = self.types.tree_to(role, RoleEnd::Owner) else { return Ok(Vec::new()) };
        let rows = ask!(self, traversal::counts_below_all((kind, role.as_str()), &numbers(users)))?;
        Ok(rows.into_iter().map(|(user, below)| (UserId::new(user), below)).collect())
    }

    fn list_above(
        &mut self,
        mut rows: Vec<UserAboveRow>,
        start: UserId,
        limit: usize,
        budget: &mut ReadBudget,
    ) -> Result<Page<UserWithRoles>> {
        rows.sort_unstable_by_key(|(depth, ..)| *depth);
        // An earlier release may have closed a cycle.
        let mut seen = HashSet::from([start.get()]);
        let length = rows.iter().position(|(.., user)| !seen.insert(user.id)).unwrap_or(rows.len());
        rows.truncate(length.min(limit));
        let mut page = Page::whole(Vec::with_capacity(rows.len()), i64::try_from(length).unwrap_or(i64::MAX));
        let mut via = start;
        let members = (1..).zip(rows).map(|(depth, (_, edge, below, user))| {
            let edge = RelationshipId::new(edge);
            let step = TraversalStep { edge, via, depth, below: Some(below) };
            via = UserId::new(user.id);
            (edge, Some(step), user)
        });
        self.add_members(&mut page, members, budget)?;
        Ok(page)
    }

    /// Those of some relationships that have a type.
    pub fn edges_with_ids(&mut self, held: &HeldType, ids: &[i64]) -> Result<Vec<StoredEdge>> {
        let rows = ask!(self, traversal::find_edges(held.id, ids))?;
        Ok(rows.into_iter().map(|(id, user, target)| StoredEdge { id, user, target }).collect())
    }

    /// How many relationships of a type target some users.
    pub fn count_owners(&mut self, held: &HeldType, users: &[UserId]) -> Result<i64> {
        let mut total = 0;
        for some in numbers(users).chunks(MOST_AT_ONCE) {
            total += ask!(self, traversal::count_owners(held.id, some))?;
        }
        Ok(total)
    }
}

fn child((place, edge, user, below): (i32, i64, i64, i64)) -> Child {
    Child { place: usize::try_from(place).unwrap_or_default(), edge, user: UserId::new(user), below: below.max(0) }
}

fn to_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

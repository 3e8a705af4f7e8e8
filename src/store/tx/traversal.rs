//! Traversal of the relationships of one type.

use super::rules::numbers;
use super::{Tx, ask};
use crate::model::edge_graph::StoredEdge;
use crate::model::error::Result;
use crate::model::id::UserId;
use crate::model::role::RoleEnd;
use crate::model::time::Timestamp;
use crate::model::traversal::levels::Continuation;
use crate::model::traversal::preorder::{Child, Siblings};
use crate::store::held_type::HeldType;

/// The most users whose relationships one query reads.
const MOST_AT_ONCE: usize = 10_000;

impl Tx<'_> {
    /// The first of some siblings in a type that is a tree, at most `limit` of each, in their order.
    pub fn children(&mut self, held: &HeldType, siblings: &[Siblings], limit: usize) -> Result<Vec<Child>> {
        let parents: Vec<_> = siblings.iter().map(|it| (it.parent.get(), it.after)).collect();
        let rows = ask!(self, traversal::children(held.id, &parents, to_limit(limit)))?;
        let child = |(place, edge, user, below): (i32, _, _, i64)| Child {
            place: usize::try_from(place).unwrap_or_default(),
            edge,
            user: UserId::new(user),
            below: below.max(0),
        };
        Ok(rows.into_iter().map(child).collect())
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
            }));
        }
        Ok(found)
    }

    /// The relationships of a tree that some users own, those that their targets own, and so on.
    pub fn continuations_upwards(&mut self, held: &HeldType, users: &[UserId]) -> Result<Vec<Continuation>> {
        let rows = match users {
            [one] => ask!(self, rules::path_from(held.id, one.get())),
            several => ask!(self, rules::paths_from(held.id, &numbers(several), i64::MAX)),
        }?;
        let step = |(edge, from, to)| Continuation { edge, from: UserId::new(from), to: UserId::new(to) };
        Ok(rows.into_iter().map(step).collect())
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

fn to_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

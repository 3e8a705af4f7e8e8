//! Lists that can join a batch.

use std::collections::HashMap;

use crate::model::id::UserId;
use crate::model::page::{Direction, PageRequest, SortBy};
use crate::model::read_budget::ReadBudget;
use crate::model::relationship::{End, Relationship};
use crate::model::relationship_query::{IncludedEnds, RelationshipQuery};
use crate::model::relationship_type::TypeName;
use crate::model::role::RoleEnd;
use crate::model::user::User;
use crate::store::held_type::HeldRole;
use crate::store::rows::UserRow;

/// A page, by id, of the relationships of one user, of one type or of all types; with or without included users.
#[derive(Debug, Clone)]
pub(in crate::store) struct BatchedList {
    pub(super) end: End,
    pub(super) id: UserId,
    pub(super) relationship: Option<TypeName>,
    /// The role that the type must still have.
    pub(super) role: Option<HeldRole>,
    pub(super) offset: i64,
    pub(super) limit: i64,
    pub(super) included: IncludedEnds,
}

/// What a list asks for beside its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListKind {
    AllTypes,
    Type,
    Role,
}

impl BatchedList {
    /// The list that a query asks for, if it can join a batch: most queries can.
    pub fn of(query: &RelationshipQuery) -> Option<Self> {
        let RelationshipQuery { filter, page, included, has_authors } = query;
        let (end, id, relationship) = filter.single_end()?;
        (!has_authors && is_usual(page)).then(|| Self {
            end,
            id,
            relationship: relationship.cloned(),
            role: None,
            offset: page.offset,
            limit: page.limit,
            included: included.clone(),
        })
    }

    /// The list of the relationships that give users a role, with these users, if it can join a batch.
    pub fn of_role(role: HeldRole, user: UserId, page: &PageRequest, budget: ReadBudget) -> Option<Self> {
        let (around, members) = match role.end {
            RoleEnd::Owner => (End::Target, End::User),
            RoleEnd::Target => (End::User, End::Target),
            RoleEnd::Either => return None,
        };
        is_usual(page).then(|| Self {
            end: around,
            id: user,
            relationship: Some(role.held.name.clone()),
            role: Some(role),
            offset: page.offset,
            limit: page.limit,
            included: IncludedEnds { ends: vec![members], rows: usize::MAX, budget },
        })
    }

    pub(super) const fn kind(&self) -> ListKind {
        match (&self.relationship, &self.role) {
            (None, _) => ListKind::AllTypes,
            (Some(_), None) => ListKind::Type,
            (Some(_), Some(_)) => ListKind::Role,
        }
    }

    pub(super) const fn shape(&self) -> (End, ListKind, bool) {
        (self.end, self.kind(), !self.included.ends.is_empty())
    }

    pub(super) fn has_end(&self, end: End) -> bool {
        self.included.ends.contains(&end)
    }

    /// The included users of a page, each once, by id; `None` if one of them must be read alone, or if they have more
    /// bytes than their budget.
    pub(super) fn included_in(&self, page: &[Relationship], found: &FoundUsers) -> Option<Vec<User>> {
        let IncludedEnds { ends, rows, mut budget } = self.included.clone();
        let ends_of = |row: &Relationship| ends.iter().map(|end| end.of(row)).collect::<Vec<_>>();
        let mut ids: Vec<_> = page.iter().take(rows).flat_map(ends_of).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut users = Vec::with_capacity(ids.len());
        for id in ids {
            let (size, user) = found.get(&id)?.as_ref()?;
            budget.take_included(*size).ok()?;
            users.push(user.clone());
        }
        Some(users)
    }
}

/// Whether a page is one by id that is not far from the first.
fn is_usual(page: &PageRequest) -> bool {
    let is_window = page.after.is_none() && page.before.is_none() && !page.is_from_end;
    let is_by_id = page.sort.by == SortBy::Id && page.sort.direction == Direction::Ascending;
    is_window && is_by_id && page.is_shallow()
}

/// Users with the most bytes that each of them takes; `None` if a profile is too large to be read beside others.
pub(super) type FoundUsers = HashMap<UserId, Option<(usize, User)>>;

pub(super) fn found_users(rows: Vec<UserRow>) -> FoundUsers {
    let listed = |row: UserRow| row.has_profile().then(|| (row.size(), row.into_listed()));
    rows.into_iter().map(|row| (UserId::new(row.id), listed(row))).collect()
}

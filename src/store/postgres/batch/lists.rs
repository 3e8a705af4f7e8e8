//! Batches of lists: first pages of single users' relationships with their counts, and the users at their ends if they
//! are included, read with one statement.

mod spread;

use std::collections::HashMap;

use super::batcher::BatchQuery;
use super::lists_sql::{self, ListParameters};
use crate::model::error::Result;
use crate::model::id::UserId;
use crate::model::page::{Direction, Page, PageRequest, SortBy};
use crate::model::read_budget::ReadBudget;
use crate::model::relationship::{End, Relationship};
use crate::model::relationship_query::{IncludedEnds, RelationshipPage, RelationshipQuery};
use crate::model::relationship_type::TypeName;
use crate::model::role::RoleEnd;
use crate::model::user::User;
use crate::store::held_type::HeldRole;
use crate::store::postgres::engine::PostgresEngine;
use crate::store::postgres::layout;
use crate::store::postgres::mode::Mode;
use crate::store::rows::UserRow;
use crate::store::tx::{StoreContext, Tx};

/// A page, by id, of the relationships of one user, of one type or of all types; with or without included users.
#[derive(Debug, Clone)]
pub(in crate::store) struct BatchedList {
    end: End,
    id: UserId,
    relationship: Option<TypeName>,
    /// The role that the type must still have.
    role: Option<HeldRole>,
    offset: i64,
    limit: i64,
    included: IncludedEnds,
}

/// What a list asks for beside its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ListKind {
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

    const fn kind(&self) -> ListKind {
        match (&self.relationship, &self.role) {
            (None, _) => ListKind::AllTypes,
            (Some(_), None) => ListKind::Type,
            (Some(_), Some(_)) => ListKind::Role,
        }
    }

    const fn shape(&self) -> (End, ListKind, bool) {
        (self.end, self.kind(), !self.included.ends.is_empty())
    }

    fn has_end(&self, end: End) -> bool {
        self.included.ends.contains(&end)
    }

    /// The included users of a page, each once, by id; `None` if one of them must be read alone, or if they have more
    /// bytes than their budget.
    fn included_in(&self, page: &[Relationship], found: &FoundUsers) -> Option<Vec<User>> {
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
type FoundUsers = HashMap<UserId, Option<(usize, User)>>;

fn found_users(rows: Vec<UserRow>) -> FoundUsers {
    let listed = |row: UserRow| row.has_profile().then(|| (row.size(), row.into_listed()));
    rows.into_iter().map(|row| (UserId::new(row.id), listed(row))).collect()
}

impl BatchQuery for BatchedList {
    type Answer = RelationshipPage;
    const NAME: &'static str = "lists";
    const MAX_BATCH: usize = 64;
    const MODE: Mode = Mode::Read;
    const READS_SPREAD_ROWS: bool = true;

    fn answer(
        batch: &[&Self],
        engine: &PostgresEngine,
        shared: &StoreContext,
    ) -> Result<Vec<Option<RelationshipPage>>> {
        let read = engine.run_batch::<Self, _>(shared, |tx| {
            if layout::is_spread() { spread::read(tx, &shared.hints, batch) } else { read(tx, batch) }
        })?;
        Ok(read.unwrap_or_default())
    }
}

/// The kinds of lists that have a statement each: the end, what they ask for, and whether users are included.
const SHAPES: [(End, ListKind, bool); 10] = [
    (End::User, ListKind::AllTypes, false),
    (End::User, ListKind::Type, false),
    (End::Target, ListKind::AllTypes, false),
    (End::Target, ListKind::Type, false),
    (End::User, ListKind::AllTypes, true),
    (End::User, ListKind::Type, true),
    (End::Target, ListKind::AllTypes, true),
    (End::Target, ListKind::Type, true),
    (End::User, ListKind::Role, true),
    (End::Target, ListKind::Role, true),
];

/// The pages of the lists, in their order: one statement for each shape. A list is left out if only an ordinary job can
/// be sure of it: its type is not known here; it has a type and is empty, because another instance may have deleted that
/// type and registered it again under another number; or its type no longer has the role, or its user does not exist.
fn read(tx: &mut Tx<'_>, lists: &[&BatchedList]) -> Result<Vec<Option<RelationshipPage>>> {
    let mut pages: Vec<_> = lists.iter().map(|_| None).collect();
    for shape in SHAPES {
        let (end, kind, has_ends) = shape;
        let mut places = Vec::new();
        let mut parameters = ListParameters::default();
        for (place, list) in lists.iter().enumerate() {
            if list.shape() != shape {
                continue;
            }
            if let Some(name) = &list.relationship {
                let Some(id) = tx.known_types().id_of(name) else { continue };
                parameters.types.push(id);
            }
            if let Some(role) = &list.role {
                parameters.roles.push(role.name.as_str().to_owned());
                parameters.is_to_one.push(role.is_to_one());
            }
            parameters.ids.push(list.id.get());
            parameters.offsets.push(list.offset);
            parameters.limits.push(list.limit);
            if has_ends {
                parameters.has_user.push(list.has_end(End::User));
                parameters.has_target.push(list.has_end(End::Target));
            }
            places.push(place);
        }
        if places.is_empty() {
            continue;
        }
        let (read, users) = tx.ask_postgres(|conn| {
            if has_ends {
                lists_sql::pages_with_ends(conn, end, parameters)
            } else {
                lists_sql::pages(conn, end, parameters).map(|read| (read, Vec::new()))
            }
        })?;
        let users = found_users(users);
        for (place, found) in places.into_iter().zip(read) {
            let Some((total, rows)) = found else { continue };
            if kind == ListKind::Type && total == 0 {
                continue;
            }
            let items: Vec<_> = rows.into_iter().map(|row| tx.relationship_of(row)).collect::<Result<_>>()?;
            if let (Some(list), Some(page)) = (lists.get(place), pages.get_mut(place))
                && let Some(included) = list.included_in(&items, &users)
            {
                *page = Some(RelationshipPage { page: Page::whole(items, total), included });
            }
        }
    }
    Ok(pages)
}

//! Batches of lists: first pages of single users' relationships with their counts, and the users at their ends if they
//! are included, read with one statement.

use super::batched_list::{BatchedList, ListKind, found_users};
use super::batcher::BatchQuery;
use super::lists_sql::{self, ListParameters};
use super::spread_lists;
use crate::model::error::Result;
use crate::model::page::Page;
use crate::model::relationship::End;
use crate::model::relationship_query::RelationshipPage;
use crate::store::postgres::engine::PostgresEngine;
use crate::store::postgres::layout;
use crate::store::postgres::mode::Mode;
use crate::store::tx::{StoreContext, Tx};

impl BatchQuery for BatchedList {
    type Answer = RelationshipPage;
    const NAME: &'static str = "lists";
    const MAX_BATCH: usize = 64;
    const MODE: Mode = Mode::Read;
    const GATHERS_SPREAD_ROWS: bool = true;

    fn answer(
        batch: &[&Self],
        engine: &PostgresEngine,
        shared: &StoreContext,
    ) -> Result<Vec<Option<RelationshipPage>>> {
        let read = engine.run_batch(Self::GATHERING, shared, |tx| {
            if layout::is_spread() { spread_lists::read(tx, &shared.hints, batch) } else { read(tx, batch) }
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

//! Batches of lists where rows are spread over the nodes of a Citus cluster.
//!
//! # Design
//! Citus plans a statement on the coordinator and each part of it again on a node, which takes longer than to read a few
//! rows, and it does not join lists of values with rows on several nodes. So one plain statement reads all relationships of
//! all users of a batch, and pages and totals are taken from them: both are of one moment.
//!
//! That would take long for users with many relationships. They are remembered and left out: a job reads a page of theirs.

use std::collections::HashMap;

use super::batched_list::{BatchedList, FoundUsers, ListKind, found_users};
use super::batcher::BatchQuery;
use crate::model::error::Result;
use crate::model::page::Page;
use crate::model::relationship::{End, Relationship};
use crate::model::relationship_query::RelationshipPage;
use crate::store::postgres::queries::users;
use crate::store::postgres::spread::hints::SpreadHints;
use crate::store::relationship_rows::RelationshipRow;
use crate::store::rows::Profiles;
use crate::store::tx::Tx;

/// The most relationships of a user at an end from which a page is taken.
const LONGEST: usize = 100;
/// The most relationships that a statement reads.
const MOST_ROWS: usize = LONGEST * BatchedList::MAX_BATCH;

/// The relationships of users at an end, by the id of the user.
type EdgesOfUsers = HashMap<i64, Vec<RelationshipRow>>;

/// The pages of the lists, in their order: one statement for each end, and one for all included users. A list is left out
/// if it is about a role, if it is long, or if only an ordinary job can be sure of it: its type is not known here, or it has
/// a type and is empty.
pub(super) fn read(
    tx: &mut Tx<'_>,
    hints: &SpreadHints,
    lists: &[&BatchedList],
) -> Result<Vec<Option<RelationshipPage>>> {
    let mut pages: Vec<_> = lists.iter().map(|_| None).collect();
    for end in End::ALL {
        let is_asked = |list: &BatchedList| list.end == end && list.role.is_none();
        let users = lists.iter().filter(|list| is_asked(list)).map(|list| list.id.get()).collect();
        let edges = read_edges(tx, hints, end, users)?;
        for (list, page) in lists.iter().zip(&mut pages).filter(|(list, _)| is_asked(list)) {
            if let Some(rows) = edges.get(&list.id.get()) {
                *page = page_of(tx, list, rows)?;
            }
        }
    }
    include_users(tx, lists, pages)
}

/// All relationships of each of these users at an end, by id. Users with too many are left out; if all together have too
/// many, all are.
fn read_edges(tx: &mut Tx<'_>, hints: &SpreadHints, end: End, mut users: Vec<i64>) -> Result<EdgesOfUsers> {
    users.retain(|user| !hints.is_long(end, *user));
    users.sort_unstable();
    users.dedup();
    if users.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = tx.rows_of_users(end, &users, i64::try_from(MOST_ROWS).unwrap_or(i64::MAX))?;
    let are_all = rows.len() < MOST_ROWS;
    hints.remember_owners(rows.iter().map(|row| (row.id, row.user_id)));
    let mut found: EdgesOfUsers = users.into_iter().map(|user| (user, Vec::new())).collect();
    for row in rows {
        found.entry(if end == End::User { row.user_id } else { row.target_id }).or_default().push(row);
    }
    found.retain(|user, rows| {
        rows.sort_unstable_by_key(|row| row.id);
        let is_long = rows.len() > LONGEST;
        if is_long {
            hints.remember_long(end, *user);
        }
        are_all && !is_long
    });
    Ok(found)
}

/// The page that a list asks for, from all relationships of its user.
fn page_of(tx: &mut Tx<'_>, list: &BatchedList, rows: &[RelationshipRow]) -> Result<Option<Page<Relationship>>> {
    let kind = list.relationship.as_ref().map(|name| tx.known_types().id_of(name));
    if kind == Some(None) {
        return Ok(None);
    }
    let is_listed = |row: &&RelationshipRow| kind.flatten().is_none_or(|kind| row.type_id == kind);
    let total = rows.iter().filter(is_listed).count();
    if list.kind() == ListKind::Type && total == 0 {
        return Ok(None);
    }
    let [offset, limit] = [list.offset, list.limit].map(|number| usize::try_from(number).unwrap_or(usize::MAX));
    let page = rows.iter().filter(is_listed).skip(offset).take(limit);
    let items = page.map(|row| tx.relationship_of(*row)).collect::<Result<_>>()?;
    Ok(Some(Page::whole(items, i64::try_from(total).unwrap_or(i64::MAX))))
}

/// The same pages with the users that their lists include.
fn include_users(
    tx: &mut Tx<'_>,
    lists: &[&BatchedList],
    pages: Vec<Option<Page<Relationship>>>,
) -> Result<Vec<Option<RelationshipPage>>> {
    let mut ids: Vec<_> =
        lists.iter().zip(&pages).flat_map(|(list, page)| included_ends(list, page.as_ref())).collect();
    ids.sort_unstable();
    ids.dedup();
    let users = if ids.is_empty() {
        FoundUsers::new()
    } else {
        found_users(tx.ask_postgres(|conn| users::find(conn, &ids, Profiles::Small))?)
    };
    let with_users = |(list, page): (&&BatchedList, Option<Page<Relationship>>)| {
        let page = page?;
        let included = list.included_in(&page.items, &users)?;
        Some(RelationshipPage { page, included })
    };
    Ok(lists.iter().zip(pages).map(with_users).collect())
}

/// The ids of the users at the included ends of a page.
fn included_ends<'l>(list: &'l BatchedList, page: Option<&'l Page<Relationship>>) -> impl Iterator<Item = i64> + 'l {
    let rows = page.into_iter().flat_map(|page| &page.items).take(list.included.rows);
    rows.flat_map(|row| list.included.ends.iter().map(|end| end.of(row).get()))
}

//! Pages of groups and of memberships, each with the exact total.
//!
//! # Design
//! There are few groups compared with relationships, so each query counts them, over the index of the page
//! (`docs/decisions/0011-count-groups-on-read.md`).

use diesel::prelude::*;

use super::group_rows::{GROUP_COLUMNS, GroupColumns, GroupRow, MEMBER_COLUMNS, MemberColumns, MemberRow};
use super::order::{listing_order, push_bounds, push_end};
use super::sql::{Sql, split_total};
use super::{Conn, dialect};
use crate::model::filter::{GroupFilter, MemberFilter};
use crate::model::id::{GroupId, MemberId, UserId};
use crate::model::page::PageRequest;

/// A page of groups, in order, with the total.
pub(in crate::store) fn groups(
    conn: &mut Conn,
    filter: &GroupFilter,
    slice: &PageRequest,
) -> QueryResult<(i64, Vec<GroupRow>)> {
    let mut count = Sql::new("SELECT COUNT(*) AS total");
    push_groups(&mut count, filter);
    let mut page = Sql::new("SELECT ");
    page.text(GROUP_COLUMNS);
    push_groups(&mut page, filter);
    push_bounds(&mut page, slice);
    push_end(&mut page, slice);
    Sql::listing::<GroupColumns>(count, GROUP_COLUMNS, page, listing_order(slice.sort)).load(conn).map(split_total)
}

/// A page of memberships, in order, with the total.
pub(in crate::store) fn members(
    conn: &mut Conn,
    filter: &MemberFilter,
    slice: &PageRequest,
) -> QueryResult<(i64, Vec<MemberRow>)> {
    let mut count = Sql::new("SELECT COUNT(*) AS total");
    push_members(&mut count, filter);
    let mut page = Sql::new("SELECT ");
    page.text(MEMBER_COLUMNS);
    push_members(&mut page, filter);
    push_bounds(&mut page, slice);
    push_end(&mut page, slice);
    Sql::listing::<MemberColumns>(count, MEMBER_COLUMNS, page, listing_order(slice.sort)).load(conn).map(split_total)
}

/// The groups with these ids, by id; unknown ids are ignored.
pub(in crate::store) fn find(conn: &mut Conn, ids: &[i64]) -> QueryResult<Vec<GroupRow>> {
    let mut sql = Sql::new("SELECT ");
    sql.text(GROUP_COLUMNS).text(" FROM groups WHERE ");
    sql.in_ids("id", ids);
    sql.text(" ORDER BY id");
    sql.returning::<GroupColumns>().load(conn)
}

/// The memberships with these ids, by id; unknown ids are ignored.
pub(in crate::store) fn find_members(conn: &mut Conn, ids: &[i64]) -> QueryResult<Vec<MemberRow>> {
    let mut sql = Sql::new("SELECT ");
    sql.text(MEMBER_COLUMNS).text(" FROM group_members WHERE ");
    sql.in_ids("id", ids);
    sql.text(" ORDER BY id");
    sql.returning::<MemberColumns>().load(conn)
}

/// The first `most` memberships that match after a group and id, ordered by group and id.
pub(in crate::store) fn first_members(
    conn: &mut Conn,
    filter: &MemberFilter,
    after: Option<(i64, i64)>,
    most: i64,
) -> QueryResult<Vec<MemberRow>> {
    let mut sql = Sql::new("SELECT ");
    sql.text(MEMBER_COLUMNS);
    push_members(&mut sql, filter);
    if let Some((group, id)) = after {
        sql.text(" AND (group_id, id) > (").integer(group).text(", ").integer(id).text(")");
    }
    sql.text(" ORDER BY group_id, id LIMIT ").integer(most);
    sql.returning::<MemberColumns>().load(conn)
}

/// Pushes ` FROM … WHERE …` for all groups that match.
fn push_groups(sql: &mut Sql, filter: &GroupFilter) {
    sql.text(" FROM groups").text(index_of_groups(filter)).text(" WHERE 1 = 1");
    let ids: Vec<_> = filter.ids.iter().copied().map(GroupId::get).collect();
    let owners: Vec<_> = filter.owners.iter().copied().map(UserId::get).collect();
    push_any_of(sql, "id", &ids);
    push_any_of(sql, "owner_id", &owners);
    push_kinds(sql, &filter.kinds);
    if let Some(me) = filter.seen_by {
        sql.text(" AND id IN (SELECT id FROM groups WHERE owner_id = ").integer(me.get());
        sql.text(" UNION ALL SELECT group_id FROM group_members WHERE user_id = ").integer(me.get()).text(")");
    }
}

/// Pushes ` FROM … WHERE …` for all memberships that match.
fn push_members(sql: &mut Sql, filter: &MemberFilter) {
    match filter.seen_by {
        None => {
            sql.text(" FROM group_members").text(index_of_members(filter));
        }
        Some(me) => {
            sql.text(" FROM (SELECT * FROM group_members WHERE user_id = ").integer(me.get());
            sql.text(" UNION ALL SELECT theirs.* FROM groups AS mine INNER JOIN group_members AS theirs");
            sql.text(" ON theirs.group_id = mine.id WHERE mine.owner_id = ").integer(me.get());
            sql.text(" AND theirs.user_id <> ").integer(me.get()).text(") AS seen");
        }
    }
    sql.text(" WHERE 1 = 1");
    let ids: Vec<_> = filter.ids.iter().copied().map(MemberId::get).collect();
    let groups: Vec<_> = filter.groups.iter().copied().map(GroupId::get).collect();
    let users: Vec<_> = filter.users.iter().copied().map(UserId::get).collect();
    push_any_of(sql, "id", &ids);
    push_any_of(sql, "group_id", &groups);
    push_any_of(sql, "user_id", &users);
}

fn push_any_of(sql: &mut Sql, column: &'static str, ids: &[i64]) {
    if !ids.is_empty() {
        sql.text(" AND ");
        sql.in_values(column, ids, Sql::integer);
    }
}

fn push_kinds(sql: &mut Sql, kinds: &[String]) {
    match kinds {
        [] => {}
        [one] => {
            sql.text(" AND group_type = ").string(one.clone());
        }
        several => {
            sql.do_not_cache();
            let mut glue = " AND group_type IN (";
            for kind in several {
                sql.text(glue).string(kind.clone());
                glue = ", ";
            }
            sql.text(")");
        }
    }
}

/// The index for a list of groups; a list that is restricted to one caller starts from that caller.
#[allow(clippy::if_same_then_else, reason = "PostgreSQL's names of indexes are all empty")]
fn index_of_groups(filter: &GroupFilter) -> &'static str {
    if !filter.ids.is_empty() || filter.seen_by.is_some() {
        ""
    } else if !filter.owners.is_empty() {
        dialect::by_index!("groups_by_owner")
    } else if !filter.kinds.is_empty() {
        dialect::by_index!("groups_by_type")
    } else {
        ""
    }
}

/// The index for a list of memberships, if the caller may see all of them.
#[allow(clippy::match_same_arms, reason = "PostgreSQL's names of indexes are all empty")]
fn index_of_members(filter: &MemberFilter) -> &'static str {
    if !filter.ids.is_empty() {
        return "";
    }
    match (filter.groups.is_empty(), filter.users.is_empty()) {
        (true, true) => "",
        (false, true) => dialect::by_index!("group_members_by_group"),
        (true, false) => dialect::by_index!("group_members_by_user"),
        (false, false) => dialect::by_index!("group_members_identity"),
    }
}

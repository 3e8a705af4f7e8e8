//! Queries for many groups and memberships: those of imports, and the pages of exports.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::columns::Column;
use super::group_rows::{GROUP_COLUMNS, GroupColumns, GroupRow, MEMBER_COLUMNS, MemberColumns, MemberRow};
use super::schema::groups;
use super::sql::Sql;
use super::{Conn, bulk};
use crate::model::group::{Group, Member};
use crate::model::id::UserId;

/// At most `limit` groups after an id, by id.
pub(in crate::store) fn groups_after(conn: &mut Conn, id: i64, limit: i64) -> QueryResult<Vec<GroupRow>> {
    let mut sql = Sql::new("SELECT ");
    sql.text(GROUP_COLUMNS).text(" FROM groups WHERE id > ").integer(id).text(" ORDER BY id LIMIT ").integer(limit);
    sql.returning::<GroupColumns>().load(conn)
}

/// At most `limit` memberships after an id, by id.
pub(in crate::store) fn members_after(conn: &mut Conn, id: i64, limit: i64) -> QueryResult<Vec<MemberRow>> {
    let mut sql = Sql::new("SELECT ");
    sql.text(MEMBER_COLUMNS).text(" FROM group_members WHERE id > ").integer(id);
    sql.text(" ORDER BY id LIMIT ").integer(limit);
    sql.returning::<MemberColumns>().load(conn)
}

/// The numbers of groups and of memberships.
pub(in crate::store) fn totals(conn: &mut Conn) -> QueryResult<(i64, i64)> {
    let sql = Sql::new("SELECT (SELECT COUNT(*) FROM groups), (SELECT COUNT(*) FROM group_members)");
    sql.returning::<(BigInt, BigInt)>().get_result(conn)
}

/// The groups with these ids.
pub(in crate::store) fn groups_of_ids(conn: &mut Conn, ids: &[i64]) -> QueryResult<Vec<GroupRow>> {
    let mut sql = Sql::new("SELECT ");
    sql.text(GROUP_COLUMNS).text(" FROM groups WHERE ");
    sql.in_list("id", bulk::ValueList::of_integers(ids));
    sql.returning::<GroupColumns>().load(conn)
}

/// Which of these ids belong to a group.
pub(in crate::store) fn existing_groups(conn: &mut Conn, ids: &[i64]) -> QueryResult<Vec<i64>> {
    let mut sql = Sql::new("SELECT id FROM groups WHERE ");
    sql.in_list("id", bulk::ValueList::of_integers(ids));
    sql.returning::<BigInt>().load(conn)
}

/// The memberships with these groups and users.
pub(in crate::store) fn memberships(conn: &mut Conn, ends: &[(i64, i64)]) -> QueryResult<Vec<MemberRow>> {
    let mut found = Vec::new();
    for some in ends.chunks(bulk::ROWS_OF_LOAD) {
        let columns = vec![
            Column::Integers(some.iter().map(|ends| ends.0).collect()),
            Column::Integers(some.iter().map(|ends| ends.1).collect()),
        ];
        let mut sql = Sql::new("SELECT ");
        sql.text(MEMBER_COLUMNS).text(" FROM ").table(columns);
        sql.text(" JOIN group_members ON group_id = given.column1 AND user_id = given.column2");
        found.extend(sql.returning::<MemberColumns>().load::<MemberRow>(conn)?);
    }
    Ok(found)
}

/// Stores groups with their ids, which must be free.
pub(in crate::store) fn insert_groups(conn: &mut Conn, groups: &[&Group]) -> QueryResult<()> {
    for some in groups.chunks(bulk::ROWS) {
        let columns = vec![
            Column::Integers(some.iter().map(|group| group.id.get()).collect()),
            Column::Texts(some.iter().map(|group| group.kind.clone()).collect()),
            Column::OptionalIntegers(some.iter().map(|group| group.owner.map(UserId::get)).collect()),
            Column::Texts(some.iter().map(|group| group.properties.as_text().to_owned()).collect()),
            Column::Integers(some.iter().map(|group| group.created_at.micros()).collect()),
            Column::Integers(some.iter().map(|group| group.updated_at.micros()).collect()),
        ];
        let mut sql = Sql::new("INSERT INTO groups (id, group_type, owner_id, properties, created_at, updated_at) ");
        sql.source(columns);
        sql.returning::<()>().execute(conn)?;
    }
    Ok(())
}

/// Stores memberships with their ids, which must be free.
pub(in crate::store) fn insert_members(conn: &mut Conn, members: &[Member]) -> QueryResult<()> {
    for some in members.chunks(bulk::ROWS) {
        let columns = vec![
            Column::Integers(some.iter().map(|member| member.id.get()).collect()),
            Column::Texts(some.iter().map(|member| member.kind.clone()).collect()),
            Column::Integers(some.iter().map(|member| member.group.get()).collect()),
            Column::Integers(some.iter().map(|member| member.user.get()).collect()),
            Column::Texts(some.iter().map(|member| member.properties.as_text().to_owned()).collect()),
            Column::Integers(some.iter().map(|member| member.created_at.micros()).collect()),
            Column::Integers(some.iter().map(|member| member.updated_at.micros()).collect()),
        ];
        let mut sql = Sql::new("INSERT INTO group_members (id, member_type, group_id, user_id, properties, ");
        sql.text("created_at, updated_at) ").source(columns);
        sql.returning::<()>().execute(conn)?;
    }
    Ok(())
}

/// Replaces the owner and the properties of a version of a group; `false` if it no longer has that version.
pub(in crate::store) fn replace_group(
    conn: &mut Conn,
    (id, version): (i64, i64),
    owner: Option<i64>,
    properties: &str,
    now: i64,
) -> QueryResult<bool> {
    let changed = diesel::update(groups::table.find(id).filter(groups::version.eq(version)))
        .set((
            groups::version.eq(version + 1),
            groups::owner_id.eq(owner),
            groups::properties.eq(properties),
            groups::updated_at.eq(now),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

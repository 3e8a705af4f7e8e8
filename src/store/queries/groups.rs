//! Changes of groups and memberships.

use diesel::prelude::*;

use super::Conn;
use super::schema::{group_members, groups};

/// Stores a group; its properties are the text of a JSON object.
pub(in crate::store) fn insert(
    conn: &mut Conn,
    kind: &str,
    owner: i64,
    properties: &str,
    now: i64,
) -> QueryResult<i64> {
    diesel::insert_into(groups::table)
        .values((
            groups::group_type.eq(kind),
            groups::owner_id.eq(owner),
            groups::properties.eq(properties),
            groups::created_at.eq(now),
            groups::updated_at.eq(now),
        ))
        .returning(groups::id)
        .get_result(conn)
}

/// Stores a membership; its properties are the text of a JSON object. `None` if the user is a member already.
pub(in crate::store) fn insert_member(
    conn: &mut Conn,
    kind: &str,
    (group, user): (i64, i64),
    properties: &str,
    now: i64,
) -> QueryResult<Option<i64>> {
    diesel::insert_into(group_members::table)
        .values((
            group_members::member_type.eq(kind),
            group_members::group_id.eq(group),
            group_members::user_id.eq(user),
            group_members::properties.eq(properties),
            group_members::created_at.eq(now),
            group_members::updated_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .returning(group_members::id)
        .get_result(conn)
        .optional()
}

/// The id of the membership of that user in that group.
pub(in crate::store) fn member_id(conn: &mut Conn, group: i64, user: i64) -> QueryResult<Option<i64>> {
    group_members::table
        .filter(group_members::group_id.eq(group))
        .filter(group_members::user_id.eq(user))
        .select(group_members::id)
        .first(conn)
        .optional()
}

/// Replaces the properties of a version of a group; `false` if the group no longer has that version.
pub(in crate::store) fn update(
    conn: &mut Conn,
    (id, version): (i64, i64),
    properties: &str,
    now: i64,
) -> QueryResult<bool> {
    let changed = diesel::update(groups::table.find(id).filter(groups::version.eq(version)))
        .set((groups::version.eq(version + 1), groups::properties.eq(properties), groups::updated_at.eq(now)))
        .execute(conn)?;
    Ok(changed == 1)
}

/// Replaces the ends and properties of a version of a membership; `false` if it no longer has that version.
pub(in crate::store) fn update_member(
    conn: &mut Conn,
    (id, version): (i64, i64),
    (group, user): (i64, i64),
    properties: &str,
    now: i64,
) -> QueryResult<bool> {
    let changed = diesel::update(group_members::table.find(id).filter(group_members::version.eq(version)))
        .set((
            group_members::version.eq(version + 1),
            group_members::group_id.eq(group),
            group_members::user_id.eq(user),
            group_members::properties.eq(properties),
            group_members::updated_at.eq(now),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// Deletes the memberships of a group, and returns their ids.
pub(in crate::store) fn delete_members(conn: &mut Conn, group: i64) -> QueryResult<Vec<i64>> {
    diesel::delete(group_members::table.filter(group_members::group_id.eq(group)))
        .returning(group_members::id)
        .get_results(conn)
}

/// Deletes a group without memberships; `false` if there is none.
pub(in crate::store) fn delete(conn: &mut Conn, id: i64) -> QueryResult<bool> {
    Ok(diesel::delete(groups::table.find(id)).execute(conn)? == 1)
}

/// Deletes a membership; `false` if there is none.
pub(in crate::store) fn delete_member(conn: &mut Conn, id: i64) -> QueryResult<bool> {
    Ok(diesel::delete(group_members::table.find(id)).execute(conn)? == 1)
}

//! Groups and memberships: their changes.

use diesel::prelude::*;

use super::Conn;
use super::schema::{group_members, groups};

/// Stores a group, whose properties are the text of a JSON object.
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

/// Stores a membership, whose properties are the text of a JSON object; `None` if the user is a member already.
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

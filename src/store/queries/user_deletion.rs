//! The groups and memberships of a deleted user.

use diesel::prelude::*;

use super::Conn;
use super::schema::{group_members, groups};

/// Deletes all memberships of a user, and returns their ids.
pub(in crate::store) fn end_memberships(conn: &mut Conn, user: i64) -> QueryResult<Vec<i64>> {
    diesel::delete(group_members::table.filter(group_members::user_id.eq(user)))
        .returning(group_members::id)
        .get_results(conn)
}

/// Removes the owner of the groups that a user owns, which raises their versions. Returns the ids of the groups.
pub(in crate::store) fn disown_groups(conn: &mut Conn, user: i64, now: i64) -> QueryResult<Vec<i64>> {
    diesel::update(groups::table.filter(groups::owner_id.eq(user)))
        .set((groups::owner_id.eq(None::<i64>), groups::version.eq(groups::version + 1), groups::updated_at.eq(now)))
        .returning(groups::id)
        .get_results(conn)
}

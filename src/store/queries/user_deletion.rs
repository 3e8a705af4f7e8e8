//! The groups and memberships of a deleted user.

use diesel::prelude::*;

use super::Conn;
use super::schema::{group_members, groups};

/// Deletes all memberships of a user.
pub(in crate::store) fn end_memberships(conn: &mut Conn, user: i64) -> QueryResult<usize> {
    diesel::delete(group_members::table.filter(group_members::user_id.eq(user))).execute(conn)
}

/// Removes the owner of the groups that a user owns, which raises their versions.
pub(in crate::store) fn disown_groups(conn: &mut Conn, user: i64, now: i64) -> QueryResult<usize> {
    diesel::update(groups::table.filter(groups::owner_id.eq(user)))
        .set((groups::owner_id.eq(None::<i64>), groups::version.eq(groups::version + 1), groups::updated_at.eq(now)))
        .execute(conn)
}

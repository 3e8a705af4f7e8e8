//! What a user that is deleted leaves behind in groups.

use diesel::prelude::*;

use super::Conn;
use super::schema::{group_members, groups};

/// Ends all memberships of a user.
pub(in crate::store) fn end_memberships(conn: &mut Conn, user: i64) -> QueryResult<usize> {
    diesel::delete(group_members::table.filter(group_members::user_id.eq(user))).execute(conn)
}

/// Leaves the groups that a user owns without an owner, which is a change of each.
pub(in crate::store) fn disown_groups(conn: &mut Conn, user: i64, now: i64) -> QueryResult<usize> {
    diesel::update(groups::table.filter(groups::owner_id.eq(user)))
        .set((groups::owner_id.eq(None::<i64>), groups::version.eq(groups::version + 1), groups::updated_at.eq(now)))
        .execute(conn)
}

//! The columns of users in lists and lookups.

use super::rows::{COLUMNS_AFTER_PROFILE, COLUMNS_BEFORE_PROFILE, Profiles, SUBORDINATES_PARTS};
use super::sql::Sql;

/// `SELECT … FROM users WHERE `, with the number of subordinates of each as the last column.
pub(super) fn select(profiles: Profiles, more: &'static str) -> Sql {
    let mut sql = Sql::new("SELECT ");
    push_columns(&mut sql, profiles, None);
    sql.text(more).text(" FROM users WHERE ");
    sql
}

/// Pushes the columns of certain users, or of any; the last is the number of subordinates. Citus asks the nodes of their counts
/// only if the ids are in the subquery, too.
pub(super) fn push_columns(sql: &mut Sql, profiles: Profiles, only: Option<&[i64]>) {
    let [first, last] = SUBORDINATES_PARTS;
    sql.text(COLUMNS_BEFORE_PROFILE).text(profiles.sql()).text(COLUMNS_AFTER_PROFILE).text(", ").text(first);
    if let Some(ids) = only {
        sql.text(" AND ").in_ids("counts_by_target.target_id", ids);
    }
    sql.text(last).text(" AS subordinates");
}

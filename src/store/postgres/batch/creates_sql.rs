//! The statement that stores and counts the relationships of a batch.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt};

use crate::store::columns::Column;
use crate::store::postgres::conn::{Conn, Db};
use crate::store::postgres::{bulk, dialect};
use crate::store::relationship_rows::{
    NewRelationshipRow, RelationshipColumns, RelationshipRow, new_relationship_columns, relationship_columns,
};

/// Stores, counts and logs the relationships whose users and types exist and that do not exist yet. The first `?` is the
/// table of new rows, each other one is a value.
///
/// * Types with rules are left out unless the rules have been checked. The statement reads the rules from the row that it
///   locks: nobody can change them before it commits.
/// * Users and types are locked as their foreign keys lock them, but rows that another transaction has locked are
///   skipped instead of waited for.
/// * Rows and counts are written in the order of their keys, and the counts in the order of `queries::counts`: user,
///   target, type. Each table is written after the previous one, because it selects the number of rows of that.
/// * One slot counts the types of the batch: concurrent transactions rarely use the same.
/// * Changes are logged last, when the statement holds all its locks, as one set for each request. No job can turn the log
///   on between the moment at which the statement reads whether it is on and the commit.
const INSERT: &str = concat!(
    "
WITH asked (",
    new_relationship_columns!(),
    ", request_id) AS (
    ?
), ends AS MATERIALIZED (
    SELECT id FROM users WHERE id = ANY (?) FOR KEY SHARE SKIP LOCKED
), kinds AS MATERIALIZED (
    SELECT id, name FROM relationship_types WHERE id IN (SELECT type_id FROM asked)
        AND (? = 1 OR ",
    without_rules!(),
    ")
    FOR KEY SHARE SKIP LOCKED
), made AS (
    INSERT INTO user_relationships (",
    new_relationship_columns!(),
    ")
    SELECT ",
    new_relationship_columns!(),
    " FROM asked
    WHERE user_id IN (SELECT id FROM ends) AND target_id IN (SELECT id FROM ends)
        AND type_id IN (SELECT id FROM kinds)
    ORDER BY user_id, target_id, type_id
    ON CONFLICT DO NOTHING
    RETURNING ",
    relationship_columns!(),
    "
), by_user AS (
    INSERT INTO counts_by_user AS kept (user_id, type_id, n)
    SELECT user_id, type_id, COUNT(*) FROM made GROUP BY user_id, type_id ORDER BY user_id, type_id
    ON CONFLICT (user_id, type_id) DO UPDATE SET n = kept.n + excluded.n
    RETURNING 1
), by_target AS (
    INSERT INTO counts_by_target AS kept (target_id, type_id, slot, n)
    SELECT target_id, type_id, 0, COUNT(*) FROM made WHERE (SELECT COUNT(*) FROM by_user) > 0
    GROUP BY target_id, type_id ORDER BY target_id, type_id
    ON CONFLICT (target_id, type_id, slot) DO UPDATE SET n = kept.n + excluded.n
    RETURNING 1
), by_type AS (
    INSERT INTO counts_by_type AS kept (type_id, slot, n)
    SELECT type_id, MIN(id) % ?, COUNT(*) FROM made WHERE (SELECT COUNT(*) FROM by_target) > 0
    GROUP BY type_id ORDER BY type_id
    ON CONFLICT (type_id, slot) DO UPDATE SET n = kept.n + excluded.n
    RETURNING 1
), logged AS (
    INSERT INTO unnumbered_changes (set_id, place, at, action, subject_type, subject_id, user_id, target_id,
        relationship, edge_created_at, edge_created_by, actor_id, request_id)
    SELECT nextval('change_set_ids'), 0, made.created_at, 0, 0, made.id, made.user_id, made.target_id,
        kinds.name, made.created_at, asked.created_by, asked.created_by, asked.request_id
    FROM made JOIN asked USING (user_id, target_id, type_id) JOIN kinds ON kinds.id = made.type_id
    WHERE (SELECT COUNT(*) FROM by_type) > 0 AND (SELECT is_on FROM change_log)
)
SELECT ",
    relationship_columns!(),
    " FROM made
WHERE (SELECT COUNT(*) FROM by_type) > 0"
);

/// Which relationships the statement may store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Checked {
    /// Those of types without rules.
    Nothing,
    /// All of them: the rules of their types admit them.
    Rules,
}

/// Stores and counts the relationships whose users and type exist and that do not exist yet; no two may be equal. The
/// rows are in any order.
pub(in crate::store) fn insert(
    conn: &mut Conn,
    new: &[NewRelationshipRow],
    requests: Vec<Option<String>>,
    checked: Checked,
) -> QueryResult<Vec<RelationshipRow>> {
    let mut ends: Vec<_> = new.iter().flat_map(|row| [row.user_id, row.target_id]).collect();
    ends.sort_unstable();
    ends.dedup();
    let has_checked_rules = i64::from(checked == Checked::Rules);
    let mut columns = NewRelationshipRow::columns(new);
    columns.push(Column::from(requests));
    CreateStatement { new: columns, ends, has_checked_rules }.load(conn)
}

/// The statement with its values; diesel keeps it prepared under this type.
#[derive(Debug, QueryId)]
struct CreateStatement {
    new: Vec<Column>,
    ends: Vec<i64>,
    /// 1 or 0.
    has_checked_rules: i64,
}

impl QueryFragment<Db> for CreateStatement {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        let mut pieces = INSERT.split('?');
        let mut push_text = move |out: &mut AstPass<'_, 'b, Db>| out.push_sql(pieces.next().unwrap_or_default());
        push_text(&mut out);
        bulk::push_source(&mut out, &self.new)?;
        push_text(&mut out);
        out.push_bind_param::<Array<BigInt>, _>(&self.ends)?;
        push_text(&mut out);
        out.push_bind_param::<BigInt, _>(&self.has_checked_rules)?;
        push_text(&mut out);
        out.push_bind_param::<BigInt, _>(&dialect::TYPE_SLOTS)?;
        push_text(&mut out);
        Ok(())
    }
}

impl Query for CreateStatement {
    type SqlType = RelationshipColumns;
}

impl diesel::RunQueryDsl<Conn> for CreateStatement {}

//! The statement that changes the types of the relationships of a batch.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::BigInt;

use crate::store::columns::Column;
use crate::store::postgres::conn::{Conn, Db};
use crate::store::postgres::{bulk, dialect};
use crate::store::relationship_rows::{AuthoredColumns, AuthoredRow, RELATIONSHIP_COLUMNS};

/// Changes, counts and logs the relationships that are in the state that was read, whose writers may change them, whose
/// types have no rules, and whose new edges do not exist. The first `?` is the table of changes, the last one the columns of
/// a relationship, each other one a value.
///
/// * Locks are those of the statement for deletes. A new edge that another transaction stores meanwhile makes the whole
///   batch fail, and then each change runs alone.
/// * Steps of a count that cancel each other out are not written. So a table of counts is written after the previous one
///   whatever the number of rows of that.
const CHANGE: &str = concat!(
    "
WITH asked (id, version, kind, owner_id, actor_id, request_id) AS (
    ?
), kinds AS MATERIALIZED (
    SELECT id, name FROM relationship_types
    WHERE (id IN (SELECT kind FROM asked)
            OR id IN (SELECT type_id FROM user_relationships WHERE id IN (SELECT id FROM asked)))
        AND ",
    without_rules!(),
    "
    FOR KEY SHARE SKIP LOCKED
), held AS MATERIALIZED (
    SELECT edge.*, asked.kind, asked.actor_id, asked.request_id FROM user_relationships AS edge JOIN asked USING (id)
    WHERE edge.version = asked.version AND edge.type_id <> asked.kind
        AND edge.type_id IN (SELECT id FROM kinds) AND asked.kind IN (SELECT id FROM kinds)
        AND (asked.owner_id IS NULL OR edge.user_id = asked.owner_id)
        AND NOT EXISTS (SELECT 1 FROM user_relationships AS other WHERE other.user_id = edge.user_id
            AND other.target_id = edge.target_id AND other.type_id = asked.kind)
    ORDER BY edge.id FOR UPDATE OF edge SKIP LOCKED
), moved AS (
    UPDATE user_relationships AS edge
    SET type_id = held.kind, version = edge.version + 1, updated_at = ?, updated_by = held.actor_id
    FROM held WHERE edge.id = held.id
    RETURNING edge.*
), steps AS (
    SELECT held.id, held.user_id, held.target_id, held.type_id, -1 AS step FROM held JOIN moved USING (id)
    UNION ALL SELECT id, user_id, target_id, type_id, 1 FROM moved
), by_user AS (
    INSERT INTO counts_by_user AS kept (user_id, type_id, n)
    SELECT user_id, type_id, SUM(step) FROM steps
    GROUP BY user_id, type_id HAVING SUM(step) <> 0 ORDER BY user_id, type_id
    ON CONFLICT (user_id, type_id) DO UPDATE SET n = kept.n + excluded.n
    RETURNING 1
), by_target AS (
    INSERT INTO counts_by_target AS kept (target_id, type_id, slot, n)
    SELECT target_id, type_id, 0, SUM(step) FROM steps WHERE (SELECT COUNT(*) FROM by_user) >= 0
    GROUP BY target_id, type_id HAVING SUM(step) <> 0 ORDER BY target_id, type_id
    ON CONFLICT (target_id, type_id, slot) DO UPDATE SET n = kept.n + excluded.n
    RETURNING 1
), by_type AS (
    INSERT INTO counts_by_type AS kept (type_id, slot, n)
    SELECT type_id, MIN(id) % ?, SUM(step) FROM steps WHERE (SELECT COUNT(*) FROM by_target) >= 0
    GROUP BY type_id HAVING SUM(step) <> 0 ORDER BY type_id
    ON CONFLICT (type_id, slot) DO UPDATE SET n = kept.n + excluded.n
    RETURNING 1
), logged AS (
    INSERT INTO unnumbered_changes (set_id, place, at, action, subject_type, subject_id, user_id, target_id,
        relationship, previous_relationship, edge_created_at, edge_created_by, previous_version, previous_updated_at,
        previous_updated_by, actor_id, request_id)
    SELECT nextval('change_set_ids'), 0, moved.updated_at, 1, 0, held.id, held.user_id, held.target_id,
        new.name, old.name, held.created_at, held.created_by, held.version, held.updated_at,
        held.updated_by, held.actor_id, held.request_id
    FROM held JOIN moved USING (id) JOIN kinds AS old ON old.id = held.type_id JOIN kinds AS new ON new.id = held.kind
    WHERE (SELECT COUNT(*) FROM by_type) >= 0 AND (SELECT is_on FROM change_log)
)
SELECT ?, created_by, updated_by FROM moved WHERE (SELECT COUNT(*) FROM by_type) >= 0"
);

/// Changes the relationships in a table with the columns `id`, `version`, `kind`, `owner_id`, `actor_id` and
/// `request_id`, and returns the changed ones, in any order. `now` is in microseconds since 1970.
pub(super) fn change(conn: &mut Conn, asked: Vec<Column>, now: i64) -> QueryResult<Vec<AuthoredRow>> {
    ChangeStatement { asked, now }.load(conn)
}

/// The statement with its values; diesel keeps it prepared under this type.
#[derive(Debug, QueryId)]
struct ChangeStatement {
    asked: Vec<Column>,
    now: i64,
}

impl QueryFragment<Db> for ChangeStatement {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        let mut pieces = CHANGE.split('?');
        let mut push_text = move |out: &mut AstPass<'_, 'b, Db>| out.push_sql(pieces.next().unwrap_or_default());
        push_text(&mut out);
        bulk::push_source(&mut out, &self.asked)?;
        for value in [&self.now, &dialect::TYPE_SLOTS] {
            push_text(&mut out);
            out.push_bind_param::<BigInt, _>(value)?;
        }
        push_text(&mut out);
        out.push_sql(RELATIONSHIP_COLUMNS);
        push_text(&mut out);
        Ok(())
    }
}

impl Query for ChangeStatement {
    type SqlType = AuthoredColumns;
}

impl diesel::RunQueryDsl<Conn> for ChangeStatement {}

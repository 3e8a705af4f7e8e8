//! The statement that deletes and uncounts the relationships of a batch.

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::BigInt;

use crate::store::columns::Column;
use crate::store::postgres::conn::{Conn, Db};
use crate::store::postgres::{bulk, dialect};

/// Deletes, uncounts and logs the relationships of types without rules that their writers may delete. The first `?` is
/// the table of relationships, each other one is a value.
///
/// * Types are locked as in the statement for creates, so rules cannot be added to them before it commits. Relationships
///   that another transaction has locked are skipped instead of waited for.
/// * Owner and type are checked on the locked row: another transaction may just have changed them.
/// * Counts are written in the order of `queries::counts`, and changes are logged last, as there.
const DELETE: &str = concat!(
    "
WITH asked (id, owner_id, actor_id, request_id) AS (
    ?
), kinds AS MATERIALIZED (
    SELECT id, name FROM relationship_types
    WHERE id IN (SELECT type_id FROM user_relationships WHERE id IN (SELECT id FROM asked))
        AND ",
    without_rules!(),
    "
    FOR KEY SHARE SKIP LOCKED
), held AS MATERIALIZED (
    SELECT edge.*, asked.actor_id, asked.request_id FROM user_relationships AS edge JOIN asked USING (id)
    WHERE edge.type_id IN (SELECT id FROM kinds) AND (asked.owner_id IS NULL OR edge.user_id = asked.owner_id)
    ORDER BY edge.id FOR UPDATE OF edge SKIP LOCKED
), gone AS (
    DELETE FROM user_relationships AS edge USING held WHERE edge.id = held.id RETURNING held.*
), by_user AS (
    INSERT INTO counts_by_user AS kept (user_id, type_id, n)
    SELECT user_id, type_id, -COUNT(*) FROM gone GROUP BY user_id, type_id ORDER BY user_id, type_id
    ON CONFLICT (user_id, type_id) DO UPDATE SET n = kept.n + excluded.n
    RETURNING 1
), by_target AS (
    INSERT INTO counts_by_target AS kept (target_id, type_id, slot, n)
    SELECT target_id, type_id, 0, -COUNT(*) FROM gone WHERE (SELECT COUNT(*) FROM by_user) > 0
    GROUP BY target_id, type_id ORDER BY target_id, type_id
    ON CONFLICT (target_id, type_id, slot) DO UPDATE SET n = kept.n + excluded.n
    RETURNING 1
), by_type AS (
    INSERT INTO counts_by_type AS kept (type_id, slot, n)
    SELECT type_id, MIN(id) % ?, -COUNT(*) FROM gone WHERE (SELECT COUNT(*) FROM by_target) > 0
    GROUP BY type_id ORDER BY type_id
    ON CONFLICT (type_id, slot) DO UPDATE SET n = kept.n + excluded.n
    RETURNING 1
), retired AS (
    UPDATE retired_relationship_ids AS kept SET last_id = newest.id FROM (SELECT MAX(id) AS id FROM gone) AS newest
    WHERE kept.slot = newest.id % ? AND kept.last_id < newest.id AND (SELECT COUNT(*) FROM by_type) > 0
    RETURNING 1
), logged AS (
    INSERT INTO unnumbered_changes (set_id, place, at, action, subject_type, subject_id, user_id, target_id,
        relationship, edge_created_at, edge_created_by, previous_version, previous_updated_at, previous_updated_by,
        actor_id, request_id)
    SELECT nextval('change_set_ids'), 0, ?, 2, 0, gone.id, gone.user_id, gone.target_id,
        kinds.name, gone.created_at, gone.created_by, gone.version, gone.updated_at, gone.updated_by,
        gone.actor_id, gone.request_id
    FROM gone JOIN kinds ON kinds.id = gone.type_id
    WHERE (SELECT COUNT(*) FROM retired) >= 0 AND (SELECT is_on FROM change_log)
)
SELECT id FROM gone WHERE (SELECT COUNT(*) FROM by_type) > 0"
);

/// Deletes the relationships in a table with the columns `id`, `owner_id`, `actor_id` and `request_id`, and returns the
/// ids of the deleted ones, in any order. `now` is in microseconds since 1970.
pub(super) fn delete(conn: &mut Conn, asked: Vec<Column>, now: i64) -> QueryResult<Vec<i64>> {
    DeleteStatement { asked, now }.load(conn)
}

/// The statement with its values; diesel keeps it prepared under this type.
#[derive(Debug, QueryId)]
struct DeleteStatement {
    asked: Vec<Column>,
    now: i64,
}

impl QueryFragment<Db> for DeleteStatement {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        let mut pieces = DELETE.split('?');
        let mut push_text = move |out: &mut AstPass<'_, 'b, Db>| out.push_sql(pieces.next().unwrap_or_default());
        push_text(&mut out);
        bulk::push_source(&mut out, &self.asked)?;
        for value in [&dialect::TYPE_SLOTS, &dialect::RETIRED_SLOTS, &self.now] {
            push_text(&mut out);
            out.push_bind_param::<BigInt, _>(value)?;
        }
        push_text(&mut out);
        Ok(())
    }
}

impl Query for DeleteStatement {
    type SqlType = BigInt;
}

impl diesel::RunQueryDsl<Conn> for DeleteStatement {}

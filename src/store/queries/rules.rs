//! The rules of relationship types, read for a writer, and the locks that keep them true.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, SmallInt};

use super::columns::Column;
use super::sql::Sql;
use super::{Conn, bulk, dialect, edge_tables};
use crate::store::relationship_rows::{
    AUTHORED_COLUMNS, AuthoredColumns, AuthoredRow, RELATIONSHIP_COLUMNS, RelationshipColumns, RelationshipRow,
};
use crate::store::type_rows::{RULES_COLUMNS, RulesColumns, RulesRow};

/// Pushes `type_id = …`. PostgreSQL estimates the rows of a type as an average: a constant that is missing from its
/// statistics, as that of a new type, looks so rare that it would read all relationships of the type.
pub(super) fn push_type(sql: &mut Sql, column: &'static str, kind: i16) {
    if dialect::is_spread() {
        // The node is chosen by a value, not by a subquery.
        sql.text(column).text(" = ").small(kind);
    } else {
        sql.text(column).text(" = (SELECT CAST(").small(kind).text(" AS SMALLINT))");
    }
}

/// Keeps the rules of the types in the result from changing until the transaction ends. Other writers may do the same.
pub(super) fn keep_rules(sql: &mut Sql, is_writing: bool) {
    // Where rows are spread, `Tx` has locked a row that is on one node.
    if is_writing && !dialect::is_spread() {
        sql.text(dialect::KEEP_RULES);
    }
}

/// The rules of a type, and whether either user exists; `None` if there is no such type.
pub(in crate::store) fn of_new_edge(
    conn: &mut Conn,
    kind: i16,
    user: i64,
    target: i64,
) -> QueryResult<Option<(RulesRow, bool, bool)>> {
    let mut sql = Sql::new("SELECT ");
    sql.text(RULES_COLUMNS).text(", EXISTS (SELECT 1 FROM users WHERE id = ").integer(user);
    sql.text("), EXISTS (SELECT 1 FROM users WHERE id = ").integer(target);
    sql.text(") FROM relationship_types AS t WHERE t.id = ").small(kind);
    keep_rules(&mut sql, true);
    sql.returning::<(RulesColumns, Bool, Bool)>().get_result(conn).optional()
}

/// The rules of some types, by id.
pub(in crate::store) fn of_types(
    conn: &mut Conn,
    kinds: &[i16],
    is_writing: bool,
) -> QueryResult<Vec<(i16, RulesRow)>> {
    let mut sql = Sql::new("SELECT t.id, ");
    sql.text(RULES_COLUMNS).text(" FROM relationship_types AS t WHERE ");
    sql.in_list("t.id", bulk::ValueList::of_integers(&kinds.iter().copied().map(i64::from).collect::<Vec<_>>()));
    sql.text(" ORDER BY t.id");
    keep_rules(&mut sql, is_writing);
    sql.returning::<(SmallInt, RulesColumns)>().load(conn)
}

/// The relationship with an id, and the rules of its type.
pub(in crate::store) fn of_relationship(
    conn: &mut Conn,
    id: i64,
    is_writing: bool,
) -> QueryResult<Option<(RelationshipRow, RulesRow)>> {
    let mut sql = Sql::new("SELECT ");
    sql.text(RELATIONSHIP_COLUMNS)
        .text(", ")
        .text(RULES_COLUMNS)
        .text(" FROM user_relationships JOIN (SELECT id AS kind, ");
    sql.text(RULES_COLUMNS).text(" FROM relationship_types) AS t ON t.kind = type_id WHERE id = ").integer(id);
    edge_tables::push_owners(conn, &mut sql, &[id])?;
    keep_rules(&mut sql, is_writing);
    sql.returning::<(RelationshipColumns, RulesColumns)>().get_result(conn).optional()
}

/// The relationships with these ids on one server, each with its authors and the rules of its type, in any order.
pub(in crate::store) fn of_relationships(conn: &mut Conn, ids: &[i64]) -> QueryResult<Vec<(AuthoredRow, RulesRow)>> {
    let mut sql = Sql::new("SELECT ");
    sql.text(AUTHORED_COLUMNS).text(", ").text(RULES_COLUMNS);
    sql.text(" FROM user_relationships JOIN (SELECT id AS kind, ").text(RULES_COLUMNS);
    sql.text(" FROM relationship_types) AS t ON t.kind = type_id WHERE ");
    sql.in_list("id", bulk::ValueList::of_integers(ids));
    sql.returning::<(AuthoredColumns, RulesColumns)>().load(conn)
}

/// Makes other writers of relationships of a type with rules wait until the transaction ends. `false` if the type has no
/// row to lock. What a rule depends on is read in later statements: they see what earlier holders committed.
pub(in crate::store) fn lock_writers(conn: &mut Conn, kind: i16) -> QueryResult<bool> {
    // diesel would prepare an UPDATE with an expression again each time.
    let mut sql = Sql::new("UPDATE relationship_type_locks SET revision = revision + 1 WHERE type_id = ");
    sql.small(kind);
    sql.returning::<()>().execute(conn).map(|rows| rows == 1)
}

/// The types of which a user owns or targets relationships.
pub(in crate::store) fn types_of_user(conn: &mut Conn, user: i64) -> QueryResult<Vec<i16>> {
    let mut sql = Sql::new("SELECT type_id FROM counts_by_user WHERE n <> 0 AND user_id = ");
    sql.integer(user).text(" UNION SELECT type_id FROM counts_by_target WHERE n <> 0 AND target_id = ").integer(user);
    sql.text(" ORDER BY 1");
    sql.returning::<SmallInt>().load(conn)
}

/// How many relationships of a type some users own.
pub(in crate::store) fn owned(conn: &mut Conn, kind: i16, users: &[i64]) -> QueryResult<Vec<(i64, i64)>> {
    let mut sql = Sql::new("SELECT user_id, n FROM counts_by_user WHERE type_id = ");
    sql.small(kind).text(" AND ").in_list("user_id", bulk::ValueList::of_integers(users));
    sql.returning::<(BigInt, BigInt)>().load(conn)
}

/// The ids of the first relationships of a type that a user owns.
pub(in crate::store) fn owned_by(conn: &mut Conn, kind: i16, user: i64, limit: i64) -> QueryResult<Vec<i64>> {
    let mut sql = Sql::new("SELECT id FROM user_relationships WHERE user_id = ");
    sql.integer(user).text(" AND ");
    push_type(&mut sql, "type_id", kind);
    sql.text(" ORDER BY id LIMIT ").integer(limit);
    sql.returning::<BigInt>().load(conn)
}

/// Which of these relationships of a type exist, each as id, owner and target.
pub(in crate::store) fn find_edges(
    conn: &mut Conn,
    kind: i16,
    edges: &[(i64, i64)],
) -> QueryResult<Vec<(i64, i64, i64)>> {
    let mut found = Vec::new();
    for some in edges.chunks(bulk::ROWS) {
        let columns = vec![
            Column::Integers(some.iter().map(|(user, _)| *user).collect()),
            Column::Integers(some.iter().map(|(_, target)| *target).collect()),
        ];
        let mut sql = Sql::new("SELECT r.id, r.user_id, r.target_id FROM ");
        sql.table(columns).text(" JOIN ").text(edge_tables::of_type());
        sql.text(" AS r ON r.user_id = given.column1 AND r.target_id = given.column2 AND ");
        push_type(&mut sql, "r.type_id", kind);
        found.extend(sql.returning::<(BigInt, BigInt, BigInt)>().load::<(i64, i64, i64)>(conn)?);
    }
    Ok(found)
}

/// Owner and target of the relationships of a type that some users own, at most `limit`.
pub(in crate::store) fn targets_of(
    conn: &mut Conn,
    kind: i16,
    users: &[i64],
    limit: i64,
) -> QueryResult<Vec<(i64, i64)>> {
    let by_owner = dialect::by_index!("user_relationships_out_by_type");
    let mut sql = Sql::new("SELECT user_id, target_id FROM ");
    sql.text(edge_tables::of_type()).text(by_owner).text(" WHERE ");
    push_type(&mut sql, "type_id", kind);
    sql.text(" AND ").in_list("user_id", bulk::ValueList::of_integers(users)).text(" LIMIT ").integer(limit);
    sql.returning::<(BigInt, BigInt)>().load(conn)
}

/// Target and owner of the relationships of a type that target some users, at most `limit`.
pub(in crate::store) fn owners_of(
    conn: &mut Conn,
    kind: i16,
    users: &[i64],
    limit: i64,
) -> QueryResult<Vec<(i64, i64)>> {
    let by_target = dialect::by_index!("user_relationships_in_by_type");
    let mut sql = Sql::new("SELECT target_id, user_id FROM ");
    sql.text(edge_tables::of_type()).text(by_target).text(" WHERE ");
    push_type(&mut sql, "type_id", kind);
    sql.text(" AND ").in_list("target_id", bulk::ValueList::of_integers(users)).text(" LIMIT ").integer(limit);
    sql.returning::<(BigInt, BigInt)>().load(conn)
}

/// The relationships of a type, as id, owner and target, of some users, of their targets, of the targets of these, and
/// so on; at most `limit`.
pub(in crate::store) fn paths_from(
    conn: &mut Conn,
    kind: i16,
    users: &[i64],
    limit: i64,
) -> QueryResult<Vec<(i64, i64, i64)>> {
    let mut sql = Sql::new("");
    push_paths(&mut sql, kind, users, |_| {});
    sql.text(" SELECT edge, owner_id, target_id FROM above LIMIT ").integer(limit);
    sql.returning::<(BigInt, BigInt, BigInt)>().load(conn)
}

/// Pushes a table `above` of the relationships of a type of some users, of their targets, and so on; `condition` pushes a
/// further condition on those of the users themselves.
pub(super) fn push_paths(sql: &mut Sql, kind: i16, users: &[i64], condition: impl FnOnce(&mut Sql)) {
    let by_owner = dialect::by_index!("user_relationships_out_by_type");
    sql.text("WITH RECURSIVE above (edge, owner_id, target_id) AS (");
    sql.text("SELECT id, user_id, target_id FROM ").text(edge_tables::of_type()).text(by_owner);
    sql.text(" WHERE ");
    push_type(sql, "type_id", kind);
    sql.text(" AND ").in_list("user_id", bulk::ValueList::of_integers(users));
    condition(sql);
    // `UNION` and not `UNION ALL`: each relationship once, which also ends a cycle. The users of one organization have
    // most users above them in common.
    sql.text(" UNION SELECT r.id, r.user_id, r.target_id FROM above");
    push_step(sql, kind);
    sql.text(")");
}

/// Pushes a join of `above` with the relationships `r` of its targets, and a condition. `OFFSET 0` makes PostgreSQL look
/// them up by owner: before its statistics know a new tree, it would read all of it at each level.
pub(super) fn push_step(sql: &mut Sql, kind: i16) {
    if dialect::HAS_LATERAL {
        sql.text(" CROSS JOIN LATERAL (SELECT id, user_id, target_id FROM ").text(edge_tables::of_type());
        sql.text(" WHERE user_id = above.target_id AND ");
        push_type(sql, "type_id", kind);
        sql.text(" OFFSET 0) AS r WHERE 1 = 1");
    } else {
        sql.text(" CROSS JOIN user_relationships AS r").text(dialect::by_index!("user_relationships_out_by_type"));
        sql.text(" WHERE r.user_id = above.target_id AND ");
        push_type(sql, "r.type_id", kind);
    }
}

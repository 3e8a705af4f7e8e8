//! Traversal of the relationships of one type.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Integer};
use std::collections::HashMap;

use super::columns::Column;
use super::rows::{Profiles, UserColumns, UserRow};
use super::rules::{push_paths, push_step, push_type};
use super::sql::Sql;
use super::{Conn, below, bulk, dialect, edge_tables, user_columns, users};
use crate::model::role::RoleEnd;
use crate::model::rules::MAX_DEPTH;

/// A child in a tree: the place of its parent in the query, its relationship, itself, and how many users are below it.
pub(in crate::store) type ChildRow = (i32, i64, i64, i64);

/// A child in a tree: its level, its parent, their relationship, itself, and how many users are below it.
pub(in crate::store) type DescendantRow = (i32, i64, i64, i64, i64);

/// A user above another one: its distance, the relationship with the user before it, how many users are below it, and
/// itself.
pub(in crate::store) type UserAboveRow = (i32, i64, i64, UserRow);

/// A user above others: the relationship that leads to it and the owner of that, how many users are below it, and itself.
pub(in crate::store) type UserOnPathRow = (i64, i64, i64, UserRow);

/// The first owners of relationships that target some users, at most `limit` for each user, with a relationship after an
/// id. They are in the order of the users and then of their relationships.
pub(in crate::store) fn children(
    conn: &mut Conn,
    kind: i16,
    parents: &[(i64, i64)],
    limit: i64,
) -> QueryResult<Vec<ChildRow>> {
    if dialect::HAS_LATERAL {
        let mut found = children_of_all(kind, parents, limit).returning::<ChildColumns>().load::<ChildRow>(conn)?;
        found.sort_unstable();
        return Ok(found);
    }
    let mut found = Vec::new();
    for (place, (parent, after)) in (0..).zip(parents) {
        let rows: Vec<(i64, i64, i64)> =
            children_of_one(kind, (*parent, *after), limit).returning::<(BigInt, BigInt, BigInt)>().load(conn)?;
        found.extend(rows.into_iter().map(|(edge, user, below)| (place, edge, user, below)));
    }
    Ok(found)
}

type ChildColumns = (Integer, BigInt, BigInt, BigInt);

fn children_of_all(kind: i16, parents: &[(i64, i64)], limit: i64) -> Sql {
    let places = (0..).take(parents.len()).collect();
    let (users, afters) = parents.iter().copied().unzip();
    let columns = vec![Column::Integers(places), Column::Integers(users), Column::Integers(afters)];
    let mut sql = Sql::new("SELECT CAST(given.column1 AS INTEGER), r.id, r.user_id, ");
    push_below(&mut sql, "r.user_id", kind);
    sql.text(" FROM ").table(columns).text(" CROSS JOIN LATERAL (SELECT id, user_id FROM ");
    sql.text(edge_tables::of_type()).text(" WHERE ");
    push_type(&mut sql, "type_id", kind);
    sql.text(" AND target_id = given.column2 AND id > given.column3 ORDER BY id LIMIT ").integer(limit);
    sql.text(") AS r");
    sql
}

/// The children of a user, those of the first of them, and so on, up to some levels. At most `limit` of each level are
/// returned, in no order. On SQLite, where a statement costs little, it is one level.
pub(in crate::store) fn first_descendants(
    conn: &mut Conn,
    kind: i16,
    (parent, after): (i64, i64),
    (levels, limit): (i64, i64),
) -> QueryResult<Vec<DescendantRow>> {
    if !dialect::HAS_LATERAL {
        let rows = children_of_one(kind, (parent, after), limit).returning::<(BigInt, BigInt, BigInt)>();
        let rows: Vec<(i64, i64, i64)> = rows.load(conn)?;
        return Ok(rows.into_iter().map(|(edge, user, below)| (1, parent, edge, user, below)).collect());
    }
    let mut sql = Sql::new("WITH RECURSIVE first (level, user_id, after) AS (SELECT 1, CAST(");
    sql.integer(parent).text(" AS BIGINT), CAST(").integer(after);
    sql.text(" AS BIGINT) UNION ALL SELECT first.level + 1, r.user_id, CAST(0 AS BIGINT) FROM first");
    push_children(&mut sql, kind, 1);
    sql.text(" WHERE first.level < ").integer(levels);
    sql.text(") SELECT first.level, first.user_id, r.id, r.user_id, ");
    push_below(&mut sql, "r.user_id", kind);
    sql.text(" FROM first");
    push_children(&mut sql, kind, limit);
    sql.returning::<(Integer, BigInt, BigInt, BigInt, BigInt)>().load(conn)
}

/// Pushes a join of `first` with the first children `r` of its users.
fn push_children(sql: &mut Sql, kind: i16, limit: i64) {
    sql.text(" CROSS JOIN LATERAL (SELECT id, user_id FROM ").text(edge_tables::of_type()).text(" WHERE ");
    push_type(sql, "type_id", kind);
    sql.text(" AND target_id = first.user_id AND id > first.after ORDER BY id LIMIT ").integer(limit).text(") AS r");
}

fn children_of_one(kind: i16, (parent, after): (i64, i64), limit: i64) -> Sql {
    let mut sql = Sql::new("SELECT r.id, r.user_id, ");
    push_below(&mut sql, "r.user_id", kind);
    sql.text(" FROM ")
        .text(edge_tables::of_type())
        .text(" AS r")
        .text(dialect::by_index!("user_relationships_in_by_type"));
    sql.text(" WHERE r.target_id = ").integer(parent).text(" AND r.type_id = ").small(kind);
    sql.text(" AND r.id > ").integer(after).text(" ORDER BY r.id LIMIT ").integer(limit);
    sql
}

/// Pushes how many users are below a user: one index lookup. For a join PostgreSQL might read all of a new tree, which its
/// statistics do not know yet.
fn push_below(sql: &mut Sql, user: &'static str, kind: i16) {
    sql.text("COALESCE((SELECT b.n FROM counts_below AS b WHERE b.user_id = ").text(user);
    sql.text(" AND b.type_id = ").small(kind).text("), 0)");
}

/// The relationships of a tree, as id, owner and target, of a user, of its target, and so on; each with the number of
/// users below the target.
pub(in crate::store) fn path_up(conn: &mut Conn, kind: i16, user: i64) -> QueryResult<Vec<(i64, i64, i64, i64)>> {
    let mut sql = Sql::new("");
    push_path(&mut sql, kind, None, (user, MAX_DEPTH));
    sql.text(" SELECT edge, owner_id, target_id, ");
    push_below(&mut sql, "above.target_id", kind);
    sql.text(" FROM above");
    sql.returning::<(BigInt, BigInt, BigInt, BigInt)>().load(conn)
}

/// The users at the ends of steps of a path, each with its step. Where rows are spread, the path is on the node of its type
/// and the users on their own.
fn users_of_steps<Step: Copy, Row>(
    conn: &mut Conn,
    steps: &[(Step, i64)],
    profiles: Profiles,
    row: impl Fn(Step, UserRow) -> Row,
) -> QueryResult<Vec<Row>> {
    let mut ids: Vec<_> = steps.iter().map(|(_, user)| *user).collect();
    ids.sort_unstable();
    ids.dedup();
    let found = if ids.is_empty() { Vec::new() } else { users::find(conn, &ids, profiles)? };
    let found: HashMap<i64, UserRow> = found.into_iter().map(|user| (user.id, user)).collect();
    Ok(steps.iter().filter_map(|(step, user)| Some(row(*step, found.get(user)?.clone()))).collect())
}

/// The users above a user in a tree, up to a distance. They are in no order: the databases would sort whole rows. With a
/// role, none are found unless the type is still a tree whose targets have that role.
pub(in crate::store) fn users_above(
    conn: &mut Conn,
    (kind, role): (i16, Option<&str>),
    (user, levels): (i64, usize),
    profiles: Profiles,
) -> QueryResult<Vec<UserAboveRow>> {
    let mut sql = Sql::new("");
    push_path(&mut sql, kind, role, (user, levels));
    sql.text(" SELECT above.depth, above.edge, ");
    if dialect::is_spread() {
        push_below(&mut sql, "above.target_id", kind);
        sql.text(", above.target_id FROM above");
        let steps: Vec<(i32, i64, i64, i64)> = sql.returning::<(Integer, BigInt, BigInt, BigInt)>().load(conn)?;
        let steps: Vec<_> = steps.into_iter().map(|(depth, edge, n, user)| ((depth, edge, n), user)).collect();
        return users_of_steps(conn, &steps, profiles, |(depth, edge, n), user| (depth, edge, n, user));
    }
    push_targets(&mut sql, kind, profiles);
    sql.returning::<(Integer, BigInt, BigInt, UserColumns)>().load(conn)
}

/// The users above some users in a tree: the relationship, its owner, how many users are below its target, and that target.
/// None are found unless the type is still a tree whose targets have the role.
pub(in crate::store) fn users_above_all(
    conn: &mut Conn,
    (kind, role): (i16, &str),
    users: &[i64],
    profiles: Profiles,
) -> QueryResult<Vec<UserOnPathRow>> {
    let mut sql = Sql::new("");
    push_paths(&mut sql, kind, users, |sql| push_tree_with_role(sql, kind, RoleEnd::Target, role));
    sql.text(" SELECT above.edge, above.owner_id, ");
    if dialect::is_spread() {
        push_below(&mut sql, "above.target_id", kind);
        sql.text(", above.target_id FROM above");
        let steps: Vec<(i64, i64, i64, i64)> = sql.returning::<(BigInt, BigInt, BigInt, BigInt)>().load(conn)?;
        let steps: Vec<_> = steps.into_iter().map(|(edge, owner, n, user)| ((edge, owner, n), user)).collect();
        return users_of_steps(conn, &steps, profiles, |(edge, owner, n), user| (edge, owner, n, user));
    }
    push_targets(&mut sql, kind, profiles);
    sql.returning::<(BigInt, BigInt, BigInt, UserColumns)>().load(conn)
}

/// How many users are below each of some users in a tree, without those that do not exist. None are found unless the type
/// is still a tree whose owners have the role.
pub(in crate::store) fn counts_below_all(
    conn: &mut Conn,
    (kind, role): (i16, &str),
    users: &[i64],
) -> QueryResult<Vec<(i64, i64)>> {
    if dialect::is_spread() {
        return counts_below_spread(conn, (kind, role), users);
    }
    let mut sql = Sql::new("SELECT u.id, ");
    push_below(&mut sql, "u.id", kind);
    sql.text(" FROM users AS u WHERE ").in_list("u.id", bulk::ValueList::of_integers(users));
    push_tree_with_role(&mut sql, kind, RoleEnd::Owner, role);
    sql.returning::<(BigInt, BigInt)>().load(conn)
}

/// The same where users and what is stored of a type are on different nodes.
fn counts_below_spread(conn: &mut Conn, (kind, role): (i16, &str), ids: &[i64]) -> QueryResult<Vec<(i64, i64)>> {
    let mut sql = Sql::new("SELECT 1 = 1");
    push_tree_with_role(sql.text(" WHERE 1 = 1"), kind, RoleEnd::Owner, role);
    if sql.returning::<Bool>().get_result::<bool>(conn).optional()?.is_none() {
        return Ok(Vec::new());
    }
    let below = below::find(conn, kind, ids)?;
    let below: HashMap<i64, i64> = below.into_iter().map(|(user, n, _)| (user, n)).collect();
    let existing = users::existing(conn, ids)?;
    Ok(existing.into_iter().map(|user| (user, below.get(&user).copied().unwrap_or_default())).collect())
}

/// Pushes the condition that a type is a tree in which the users at an end have a role.
fn push_tree_with_role(sql: &mut Sql, kind: i16, end: RoleEnd, role: &str) {
    sql.text(" AND EXISTS (SELECT 1 FROM relationship_types AS t WHERE t.id = ").small(kind);
    sql.text(if end == RoleEnd::Owner { " AND t.user_role = " } else { " AND t.target_role = " });
    sql.string(role.to_owned()).text(" AND t.is_acyclic AND t.max_per_user = 1)");
}

/// Pushes the targets of a table `above`, each after how many users are below it.
fn push_targets(sql: &mut Sql, kind: i16, profiles: Profiles) {
    push_below(sql, "above.target_id", kind);
    sql.text(", ");
    user_columns::push_columns(sql, profiles, None);
    // PostgreSQL overestimates the rows of a recursive query so much that it would join it with all users.
    sql.text(if dialect::HAS_LATERAL {
        " FROM above CROSS JOIN LATERAL (SELECT * FROM users WHERE users.id = above.target_id OFFSET 0) AS users"
    } else {
        " FROM above CROSS JOIN users ON users.id = above.target_id"
    });
}

/// Pushes a table `above` of the relationships of a user in a tree, of its target, and so on, up to a distance; with a
/// role, only if the type is a tree whose targets have it.
fn push_path(sql: &mut Sql, kind: i16, role: Option<&str>, (user, levels): (i64, usize)) {
    sql.text("WITH RECURSIVE above (edge, owner_id, target_id, depth) AS (");
    sql.text("SELECT id, user_id, target_id, 1 FROM ").text(edge_tables::of_type());
    sql.text(dialect::by_index!("user_relationships_out_by_type")).text(" WHERE ");
    push_type(sql, "type_id", kind);
    // There is one relationship at each level, so `UNION` would compare them in vain; the depth ends a cycle that an
    // earlier release may have closed.
    sql.text(" AND user_id = ").integer(user);
    if let Some(role) = role {
        push_tree_with_role(sql, kind, RoleEnd::Target, role);
    }
    sql.text(" UNION ALL SELECT r.id, r.user_id, r.target_id, above.depth + 1 FROM above");
    push_step(sql, kind);
    sql.text(" AND above.depth < ").integer(i64::try_from(levels).unwrap_or(i64::MAX)).text(")");
}

/// The relationships of a type that continue from some users towards the end at which the members of a role are: the
/// relationship, the user and the one that it leads to; at most `limit`, and with a time only those created until then.
pub(in crate::store) fn continuations(
    conn: &mut Conn,
    kind: i16,
    end: RoleEnd,
    users: &[i64],
    (created_until, limit): (Option<i64>, i64),
) -> QueryResult<Vec<(i64, i64, i64)>> {
    let (select, index, column) = match end {
        RoleEnd::Owner => {
            ("SELECT id, target_id, user_id FROM ", dialect::by_index!("user_relationships_in_by_type"), "target_id")
        }
        RoleEnd::Target | RoleEnd::Either => {
            ("SELECT id, user_id, target_id FROM ", dialect::by_index!("user_relationships_out_by_type"), "user_id")
        }
    };
    let mut sql = Sql::new(select);
    sql.text(edge_tables::of_type()).text(index).text(" WHERE ");
    push_type(&mut sql, "type_id", kind);
    sql.text(" AND ").in_list(column, bulk::ValueList::of_integers(users));
    if let Some(micros) = created_until {
        sql.text(" AND created_at <= ").integer(micros);
    }
    sql.text(" LIMIT ").integer(limit);
    sql.returning::<(BigInt, BigInt, BigInt)>().load(conn)
}

/// Those of some relationships that have a type: id, owner and target.
pub(in crate::store) fn find_edges(conn: &mut Conn, kind: i16, ids: &[i64]) -> QueryResult<Vec<(i64, i64, i64)>> {
    let mut sql = Sql::new("SELECT id, user_id, target_id FROM ");
    sql.text(edge_tables::of_type())
        .text(" WHERE type_id = ")
        .small(kind)
        .text(" AND ")
        .in_list("id", bulk::ValueList::of_integers(ids));
    sql.returning::<(BigInt, BigInt, BigInt)>().load(conn)
}

/// How many relationships of a type target some users.
pub(in crate::store) fn count_owners(conn: &mut Conn, kind: i16, users: &[i64]) -> QueryResult<i64> {
    let mut sql = Sql::new("SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM counts_by_target WHERE type_id = ");
    sql.small(kind).text(" AND ").in_list("target_id", bulk::ValueList::of_integers(users));
    sql.returning::<BigInt>().get_result(conn)
}

//! Stores relationships that were requested at the same time, in one transaction.
//!
//! # Design
//! A create alone is twelve statements and a commit in two phases, of which a batch has as many. Each statement has its rows
//! as `VALUES`, which Citus sends to the nodes of their users; an array would go through files on each node.
//!
//! Statements come in the order of all writers: rows, counts of owners, of targets, of the type, copies, changes.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use diesel::upsert::excluded;

use std::collections::BTreeMap;

use super::edges;
use crate::store::postgres::conn::Conn;
use crate::store::postgres::queries;
use crate::store::relationship_rows::{COLUMNS, NewRelationshipRow, RelationshipRow};
use crate::store::schema::{counts_by_target, counts_by_user, user_relationships};
use crate::store::type_counts::CountChange;

/// Logs the creation of relationships of a type, each as a set of its own.
const LOG: &str = "INSERT INTO unnumbered_changes (set_id, place, at, action, subject_type, subject_id, user_id, target_id, \
     relationship, edge_created_at, edge_created_by, actor_id, request_id) \
     SELECT nextval('change_set_ids'), 0, at, 0, 0, id, user_id, target_id, $1, at, author, author, request_id \
     FROM unnest($2, $3, $4, $5, $6, $7) AS made (id, user_id, target_id, at, author, request_id) \
     WHERE (SELECT is_on FROM change_log)";

/// Stores, counts, copies and logs those of the relationships of one type that do not exist yet. `requests` are the ids of
/// their requests. No two may be equal; the rows are in any order.
///
/// # Errors
/// Those of the database, also if a user does not exist.
pub(in crate::store) fn insert(
    conn: &mut Conn,
    kind: (i16, &str),
    new: &[NewRelationshipRow],
    requests: &[Option<String>],
) -> QueryResult<Vec<RelationshipRow>> {
    let mut values = new.to_vec();
    values.sort_unstable_by_key(|row| (row.user_id, row.target_id));
    let rows: Vec<RelationshipRow> = diesel::insert_into(user_relationships::table)
        .values(values)
        .on_conflict_do_nothing()
        .returning(COLUMNS)
        .get_results(conn)?;
    let Some(first) = rows.first() else { return Ok(rows) };
    count(conn, kind.0, &rows)?;
    let by = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    queries::counts::add_types(conn, &[(kind.0, CountChange { spread: first.id, by })])?;
    edges::add(conn, &rows)?;
    let asked =
        new.iter().zip(requests).map(|(row, request)| ((row.user_id, row.target_id), (row.created_by, request)));
    log(conn, kind.1, &asked.collect(), &rows)?;
    Ok(rows)
}

/// Adds relationships of a type to the counts of their users.
fn count(conn: &mut Conn, kind: i16, rows: &[RelationshipRow]) -> QueryResult<()> {
    use counts_by_target::dsl as targets;
    use counts_by_user::dsl as users;
    let by_end = |end: fn(&RelationshipRow) -> i64| {
        let mut counted: BTreeMap<i64, i64> = BTreeMap::new();
        for row in rows {
            *counted.entry(end(row)).or_default() += 1;
        }
        counted
    };
    let of_user = |(user, n)| (users::user_id.eq(user), users::type_id.eq(kind), users::n.eq(n));
    diesel::insert_into(counts_by_user::table)
        .values(by_end(|row| row.user_id).into_iter().map(of_user).collect::<Vec<_>>())
        .on_conflict((users::user_id, users::type_id))
        .do_update()
        .set(users::n.eq(users::n + excluded(users::n)))
        .execute(conn)?;
    let of_target =
        |(target, n)| (targets::target_id.eq(target), targets::type_id.eq(kind), targets::slot.eq(0), targets::n.eq(n));
    diesel::insert_into(counts_by_target::table)
        .values(by_end(|row| row.target_id).into_iter().map(of_target).collect::<Vec<_>>())
        .on_conflict((targets::target_id, targets::type_id, targets::slot))
        .do_update()
        .set(targets::n.eq(targets::n + excluded(targets::n)))
        .execute(conn)
        .map(drop)
}

/// The author and the request of a relationship, by its ends.
type AskedEdges<'r> = BTreeMap<(i64, i64), (Option<i64>, &'r Option<String>)>;

fn log(conn: &mut Conn, kind: &str, asked: &AskedEdges<'_>, rows: &[RelationshipRow]) -> QueryResult<()> {
    let asked = |row: &RelationshipRow| asked.get(&(row.user_id, row.target_id));
    let numbers = |number: fn(&RelationshipRow) -> i64| rows.iter().map(number).collect::<Vec<_>>();
    let authors: Vec<_> = rows.iter().map(|row| asked(row).and_then(|(author, _)| *author)).collect();
    let requests: Vec<_> = rows.iter().map(|row| asked(row).and_then(|(_, request)| (*request).clone())).collect();
    diesel::sql_query(LOG)
        .bind::<Text, _>(kind)
        .bind::<Array<BigInt>, _>(numbers(|row| row.id))
        .bind::<Array<BigInt>, _>(numbers(|row| row.user_id))
        .bind::<Array<BigInt>, _>(numbers(|row| row.target_id))
        .bind::<Array<BigInt>, _>(numbers(|row| row.created_at))
        .bind::<Array<Nullable<BigInt>>, _>(authors)
        .bind::<Array<Nullable<Text>>, _>(requests)
        .execute(conn)
        .map(drop)
}

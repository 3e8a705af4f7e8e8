//! Copies of relationships.

use std::collections::HashMap;

use diesel::prelude::*;

use super::hints::SpreadHints;
use super::schema::{relationship_owners, relationships_by_target, relationships_by_type};
use crate::store::postgres::conn::Conn;
use crate::store::postgres::queries;
use crate::store::relationship_rows::{AuthoredRow, COLUMNS, RelationshipRow};
use crate::store::schema::{counts_by_target, counts_by_user};
use crate::store::type_counts::TypeCounts;
use crate::store::type_rows::RulesRow;

/// The most rows in a statement, which has a parameter for each value.
const ROWS: usize = 5_000;

/// The values of a copy of a relationship.
macro_rules! copy_of {
    ($table:ident, $row:expr) => {
        (
            $table::id.eq($row.id),
            $table::version.eq($row.version),
            $table::user_id.eq($row.user_id),
            $table::target_id.eq($row.target_id),
            $table::type_id.eq($row.type_id),
            $table::created_at.eq($row.created_at),
            $table::updated_at.eq($row.updated_at),
        )
    };
}

/// The relationships with these ids, each with its authors and the rules of its type, in any order.
pub(in crate::store) fn find(
    conn: &mut Conn,
    hints: &SpreadHints,
    ids: &[i64],
) -> QueryResult<Vec<(AuthoredRow, RulesRow)>> {
    use crate::store::schema::user_relationships::dsl;
    let (mut owners, unknown) = hints.owners(ids);
    if !unknown.is_empty() {
        let found = relationship_owners::table.filter(relationship_owners::id.eq_any(&unknown));
        let found: Vec<(i64, i64)> = found.load(conn)?;
        owners.extend(found.iter().map(|(_, owner)| *owner));
        hints.remember_owners(found);
    }
    owners.sort_unstable();
    owners.dedup();
    let rows = dsl::user_relationships.filter(dsl::user_id.eq_any(owners).and(dsl::id.eq_any(ids)));
    let rows: Vec<AuthoredRow> = rows.select((COLUMNS, dsl::created_by, dsl::updated_by)).load(conn)?;
    let mut kinds: Vec<_> = rows.iter().map(|(row, ..)| row.type_id).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let rules: HashMap<_, _> = queries::rules::of_types(conn, &kinds, false)?.into_iter().collect();
    let with_rules = |row: AuthoredRow| rules.get(&row.0.type_id).map(|rules| (row, rules.clone()));
    Ok(rows.into_iter().filter_map(with_rules).collect())
}

/// Stores the copies of new relationships.
pub(in crate::store) fn add(conn: &mut Conn, rows: &[RelationshipRow]) -> QueryResult<()> {
    if let [row] = rows {
        // The statement is kept prepared, as those of several rows are not.
        diesel::insert_into(relationships_by_target::table)
            .values(copy_of!(relationships_by_target, row))
            .execute(conn)?;
        diesel::insert_into(relationship_owners::table).values(owner_of(row)).execute(conn)?;
        let by_type = diesel::insert_into(relationships_by_type::table).values(copy_of!(relationships_by_type, row));
        return by_type.execute(conn).map(drop);
    }
    for some in rows.chunks(ROWS) {
        let by_target: Vec<_> = some.iter().map(|row| copy_of!(relationships_by_target, row)).collect();
        diesel::insert_into(relationships_by_target::table).values(by_target).execute(conn)?;
        let owners: Vec<_> = some.iter().map(owner_of).collect();
        diesel::insert_into(relationship_owners::table).values(owners).execute(conn)?;
        let by_type: Vec<_> = some.iter().map(|row| copy_of!(relationships_by_type, row)).collect();
        diesel::insert_into(relationships_by_type::table).values(by_type).execute(conn)?;
    }
    Ok(())
}

type OwnerValues = (diesel::dsl::Eq<relationship_owners::id, i64>, diesel::dsl::Eq<relationship_owners::user_id, i64>);

fn owner_of(row: &RelationshipRow) -> OwnerValues {
    (relationship_owners::id.eq(row.id), relationship_owners::user_id.eq(row.user_id))
}

/// Changes the copies of a relationship. Returns whether there were all.
pub(in crate::store) fn change(conn: &mut Conn, old: &RelationshipRow, new: &RelationshipRow) -> QueryResult<bool> {
    let by_target = diesel::update(relationships_by_target::table.find((old.target_id, old.id)))
        .set((
            relationships_by_target::version.eq(new.version),
            relationships_by_target::type_id.eq(new.type_id),
            relationships_by_target::updated_at.eq(new.updated_at),
        ))
        .execute(conn)?;
    let by_type = diesel::delete(relationships_by_type::table.find((old.type_id, old.id))).execute(conn)?;
    diesel::insert_into(relationships_by_type::table).values(copy_of!(relationships_by_type, new)).execute(conn)?;
    Ok((by_target, by_type) == (1, 1))
}

/// Deletes the copies of deleted relationships. Returns whether there were all.
pub(in crate::store) fn remove(conn: &mut Conn, rows: &[RelationshipRow]) -> QueryResult<bool> {
    let by_target = remove_by_target(conn, rows)?;
    Ok(by_target == rows.len() && remove_others(conn, rows)?)
}

fn remove_by_target(conn: &mut Conn, rows: &[RelationshipRow]) -> QueryResult<usize> {
    if let [row] = rows {
        return diesel::delete(relationships_by_target::table.find((row.target_id, row.id))).execute(conn);
    }
    let targets = relationships_by_target::target_id.eq_any(numbers(rows, |row| row.target_id));
    let ids = relationships_by_target::id.eq_any(numbers(rows, |row| row.id));
    diesel::delete(relationships_by_target::table.filter(targets.and(ids))).execute(conn)
}

fn remove_others(conn: &mut Conn, rows: &[RelationshipRow]) -> QueryResult<bool> {
    if let [row] = rows {
        let owners = diesel::delete(relationship_owners::table.find(row.id)).execute(conn)?;
        let by_type = diesel::delete(relationships_by_type::table.find((row.type_id, row.id))).execute(conn)?;
        return Ok((owners, by_type) == (1, 1));
    }
    let ids = numbers(rows, |row| row.id);
    let owners =
        diesel::delete(relationship_owners::table.filter(relationship_owners::id.eq_any(&ids))).execute(conn)?;
    let mut kinds: Vec<_> = rows.iter().map(|row| row.type_id).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let of_types = relationships_by_type::type_id.eq_any(kinds).and(relationships_by_type::id.eq_any(&ids));
    let by_type = diesel::delete(relationships_by_type::table.filter(of_types)).execute(conn)?;
    Ok((owners, by_type) == (rows.len(), rows.len()))
}

/// Deletes all relationships of a user, in both directions, with their copies and counts, and returns them; `None` if some
/// copies were missing. The caller has locked the user.
pub(in crate::store) fn delete_of_user(
    conn: &mut Conn,
    types: &mut TypeCounts,
    user: i64,
) -> QueryResult<Option<Vec<AuthoredRow>>> {
    use crate::store::schema::user_relationships::dsl;
    let authored = (COLUMNS, dsl::created_by, dsl::updated_by);
    let of_target = relationships_by_target::table.filter(relationships_by_target::target_id.eq(user));
    let columns = (relationships_by_target::user_id, relationships_by_target::id);
    let (owners, ids): (Vec<i64>, Vec<i64>) = of_target.select(columns).load::<(i64, i64)>(conn)?.into_iter().unzip();
    // First rows, then copies, as those who delete single relationships do.
    let owned: Vec<AuthoredRow> =
        diesel::delete(dsl::user_relationships.filter(dsl::user_id.eq(user))).returning(authored).get_results(conn)?;
    let of_others = dsl::user_relationships.filter(dsl::user_id.eq_any(owners).and(dsl::id.eq_any(&ids)));
    let of_others: Vec<AuthoredRow> = diesel::delete(of_others).returning(authored).get_results(conn)?;
    let of_target = diesel::delete(of_target).execute(conn)?;
    let rows_of = |rows: &[AuthoredRow]| rows.iter().map(|(row, ..)| *row).collect::<Vec<_>>();
    let are_all = (of_others.len(), of_target) == (ids.len(), ids.len())
        && remove_by_target(conn, &rows_of(&owned))? == owned.len();
    let deleted: Vec<_> = owned.into_iter().chain(of_others).collect();
    let rows = rows_of(&deleted);
    if !are_all || !remove_others(conn, &rows)? {
        return Ok(None);
    }
    subtract(conn, types, &rows, user)?;
    Ok(Some(deleted))
}

/// Subtracts the deleted relationships of a user, in both directions, and deletes the counts of the user. Other counts are
/// changed where they are: one that another transaction has just written may not be visible yet.
fn subtract(conn: &mut Conn, types: &mut TypeCounts, deleted: &[RelationshipRow], user: i64) -> QueryResult<()> {
    queries::counts::add_many(conn, types, deleted, -1)?;
    let owned = counts_by_user::table.filter(counts_by_user::user_id.eq(user).and(counts_by_user::n.eq(0)));
    diesel::delete(owned).execute(conn)?;
    let targeting = counts_by_target::table.filter(counts_by_target::target_id.eq(user).and(counts_by_target::n.eq(0)));
    diesel::delete(targeting).execute(conn).map(drop)
}

fn numbers(rows: &[RelationshipRow], number: fn(&RelationshipRow) -> i64) -> Vec<i64> {
    rows.iter().map(number).collect()
}

//! Single relationships and their changes.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};

use super::edge_tables::{self, on_row};
use super::schema::user_relationships::dsl;
use super::sql::Sql;
use super::{Conn, bulk, counts, retired};
use crate::model::relationship::End;
use crate::store::relationship_rows::{
    AUTHORED_COLUMNS, AuthorColumns, AuthoredColumns, AuthoredRow, COLUMNS, NewRelationshipRow, RELATIONSHIP_COLUMNS,
    RelationshipColumns, RelationshipRow, new_relationship_columns,
};
use crate::store::type_counts::TypeCounts;

/// The relationship with that id.
pub(in crate::store) fn find(conn: &mut Conn, id: i64) -> QueryResult<Option<RelationshipRow>> {
    on_row!(conn, id, |row| row.select(COLUMNS).first(conn)).optional()
}

/// The relationship with that id, who created it and who changed it last.
pub(in crate::store) fn find_authored(
    conn: &mut Conn,
    id: i64,
) -> QueryResult<Option<(RelationshipRow, AuthorColumns)>> {
    on_row!(conn, id, |row| row.select((COLUMNS, (dsl::created_by, dsl::updated_by))).first(conn)).optional()
}

/// The ids of relationships, each with who created it and who changed it last. Those that do not exist are left out.
pub(in crate::store) fn authors(conn: &mut Conn, ids: &[i64]) -> QueryResult<Vec<(i64, AuthorColumns)>> {
    let mut sql = Sql::new("SELECT id, created_by, updated_by FROM user_relationships WHERE ");
    sql.in_list("id", bulk::ValueList::of_integers(ids));
    edge_tables::push_owners(conn, &mut sql, ids)?;
    let rows = sql.returning::<(BigInt, Nullable<BigInt>, Nullable<BigInt>)>();
    let rows: Vec<(i64, Option<i64>, Option<i64>)> = rows.load(conn)?;
    Ok(rows.into_iter().map(|(id, created_by, updated_by)| (id, (created_by, updated_by))).collect())
}

/// The relationship with that id, locked against changes until the transaction ends. The lock is an update to the same
/// values, because Citus can route that by `id` alone. It leaves a dead row, so a job first checks that it may change
/// the relationship.
pub(in crate::store) fn lock(conn: &mut Conn, id: i64) -> QueryResult<Option<RelationshipRow>> {
    on_row!(conn, id, |row| diesel::update(row).set(dsl::version.eq(dsl::version)).returning(COLUMNS).get_result(conn))
        .optional()
}

/// At most `limit` relationships of some users at an end, in any order.
pub(in crate::store) fn of_users(
    conn: &mut Conn,
    end: End,
    users: &[i64],
    limit: i64,
) -> QueryResult<Vec<RelationshipRow>> {
    let mut sql = Sql::new("SELECT ");
    sql.text(RELATIONSHIP_COLUMNS).text(" FROM ").text(edge_tables::of_end(end)).text(" WHERE ");
    sql.in_ids(if end == End::User { "user_id" } else { "target_id" }, users);
    sql.text(" LIMIT ").integer(limit);
    sql.returning::<RelationshipColumns>().load(conn)
}

/// The id of the relationship of a type between two users.
pub(in crate::store) fn find_edge(conn: &mut Conn, user: i64, target: i64, kind: i16) -> QueryResult<Option<i64>> {
    dsl::user_relationships
        .filter(dsl::user_id.eq(user).and(dsl::target_id.eq(target)).and(dsl::type_id.eq(kind)))
        .select(dsl::id)
        .first(conn)
        .optional()
}

/// Stores a relationship and counts it; `None` if the edge exists already.
pub(in crate::store) fn insert(
    conn: &mut Conn,
    types: &mut TypeCounts,
    new: NewRelationshipRow,
) -> QueryResult<Option<RelationshipRow>> {
    let row: Option<RelationshipRow> = diesel::insert_into(dsl::user_relationships)
        .values(new)
        .on_conflict_do_nothing()
        .returning(COLUMNS)
        .get_result(conn)
        .optional()?;
    if let Some(row) = &row {
        counts::add(conn, types, row, 1)?;
    }
    Ok(row)
}

/// Stores relationships and counts them, except those whose edge exists already. Returns the stored ones, in any order.
pub(in crate::store) fn insert_many(
    conn: &mut Conn,
    types: &mut TypeCounts,
    new: &[NewRelationshipRow],
) -> QueryResult<Vec<RelationshipRow>> {
    let mut stored = Vec::with_capacity(new.len());
    for some in new.chunks(bulk::ROWS) {
        let mut sql = Sql::new(concat!("INSERT INTO user_relationships (", new_relationship_columns!(), ") "));
        sql.source(NewRelationshipRow::columns(some));
        sql.text(" ON CONFLICT DO NOTHING RETURNING ").text(RELATIONSHIP_COLUMNS);
        stored.extend(sql.returning::<RelationshipColumns>().load::<RelationshipRow>(conn)?);
    }
    counts::add_many(conn, types, &stored, 1)?;
    Ok(stored)
}

/// Changes a relationship to the data of `new`; `None` if it has changed since `old` was read, or is gone.
pub(in crate::store) fn update(
    conn: &mut Conn,
    types: &mut TypeCounts,
    old: &RelationshipRow,
    new: &RelationshipRow,
    author: Option<i64>,
) -> QueryResult<Option<RelationshipRow>> {
    // The version is in the condition: a row that has changed since it was read may have another type to subtract.
    let mut sql = Sql::new("UPDATE user_relationships SET version = version + 1, type_id = ");
    sql.small(new.type_id).text(", updated_at = ").integer(new.updated_at).text(", updated_by = ");
    match author {
        Some(author) => sql.integer(author),
        None => sql.text("NULL"),
    };
    sql.text(" WHERE id = ").integer(old.id).text(" AND version = ").integer(old.version);
    edge_tables::push_owners(conn, &mut sql, &[old.id])?;
    sql.text(" RETURNING ").text(RELATIONSHIP_COLUMNS);
    let new: Option<RelationshipRow> = sql.returning::<RelationshipColumns>().get_result(conn).optional()?;
    if let Some(new) = new.as_ref().filter(|new| new.type_id != old.type_id) {
        counts::move_type(conn, types, old, new)?;
    }
    Ok(new)
}

/// Deletes a relationship and its counts, and returns it; `None` if it is gone.
pub(in crate::store) fn delete(conn: &mut Conn, types: &mut TypeCounts, id: i64) -> QueryResult<Option<AuthoredRow>> {
    let deleted: Option<AuthoredRow> = on_row!(conn, id, |row| diesel::delete(row)
        .returning((COLUMNS, dsl::created_by, dsl::updated_by))
        .get_result(conn))
    .optional()?;
    if let Some((row, ..)) = &deleted {
        counts::add(conn, types, row, -1)?;
        retired::retire_relationships(conn, row.id)?;
    }
    Ok(deleted)
}

/// Deletes relationships of a type and their counts, and returns those that existed, by id.
pub(in crate::store) fn delete_many_of_type(
    conn: &mut Conn,
    types: &mut TypeCounts,
    ids: &[i64],
    kind: i16,
) -> QueryResult<Vec<AuthoredRow>> {
    let mut sql = Sql::new("DELETE FROM user_relationships WHERE ");
    sql.in_list("id", bulk::ValueList::of_integers(ids)).text(" AND type_id = ").small(kind);
    edge_tables::push_owners(conn, &mut sql, ids)?;
    sql.text(" RETURNING ").text(AUTHORED_COLUMNS);
    let mut deleted: Vec<AuthoredRow> = sql.returning::<AuthoredColumns>().load(conn)?;
    deleted.sort_unstable_by_key(|(row, ..)| row.id);
    let rows: Vec<_> = deleted.iter().map(|(row, ..)| *row).collect();
    counts::add_many(conn, types, &rows, -1)?;
    if let Some(largest) = rows.iter().map(|row| row.id).max() {
        retired::retire_relationships(conn, largest)?;
    }
    Ok(deleted)
}

/// Deletes all relationships of a user, in both directions, with their counts. Returns them, by id, if they are logged.
pub(in crate::store) fn delete_of_user(
    conn: &mut Conn,
    types: &mut TypeCounts,
    user: i64,
    is_logged: bool,
) -> QueryResult<Vec<AuthoredRow>> {
    counts::subtract_user(conn, types, user)?;
    if let Some(largest) = retired::largest_of_user(conn, user)? {
        retired::retire_relationships(conn, largest)?;
    }
    let mut deleted = Vec::new();
    for column in ["user_id = ", "target_id = "] {
        let mut sql = Sql::new("DELETE FROM user_relationships WHERE ");
        sql.text(column).integer(user);
        if is_logged {
            sql.text(" RETURNING ").text(AUTHORED_COLUMNS);
            deleted.extend(sql.returning::<AuthoredColumns>().load::<AuthoredRow>(conn)?);
        } else {
            sql.returning::<()>().execute(conn)?;
        }
    }
    deleted.sort_unstable_by_key(|(row, ..)| row.id);
    Ok(deleted)
}

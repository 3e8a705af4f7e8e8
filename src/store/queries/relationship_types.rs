//! Relationship types: all their names, or a page of them with all data.

use diesel::prelude::*;

use super::schema::counts_below;
use super::schema::relationship_type_locks::dsl as locks;
use super::schema::relationship_types::dsl;
use super::sql::{Sql, split_total};
use super::{Conn, dialect, retired};
use crate::model::relationship_type::TypeData;
use crate::store::type_rows::{TYPE_COLUMN_NAMES, TYPE_COLUMNS, TypeColumns, TypeDataRow, TypeRow};
use crate::store::types::KnownTypeRow;

/// The ids, names, roles and rules of all types, by name.
pub(in crate::store) fn names(conn: &mut Conn) -> QueryResult<Vec<KnownTypeRow>> {
    let rules = (dsl::is_symmetric, dsl::is_acyclic, dsl::max_per_user, dsl::managed_by);
    let of_ends = (dsl::user_role, dsl::target_role);
    dsl::relationship_types.select((dsl::id, dsl::name, of_ends, rules)).order(dsl::name).load(conn)
}

/// At most `limit` types, by name, after the first `offset`, with the total.
pub(in crate::store) fn page(conn: &mut Conn, offset: i64, limit: i64) -> QueryResult<(i64, Vec<TypeRow>)> {
    let count = Sql::new("SELECT COUNT(*) AS total FROM relationship_types");
    let mut page = Sql::new("SELECT ");
    page.text(TYPE_COLUMN_NAMES).text(" FROM relationship_types ORDER BY name LIMIT ").integer(limit);
    page.text(" OFFSET ").integer(offset);
    Sql::listing::<TypeColumns>(count, TYPE_COLUMN_NAMES, page, "name").load(conn).map(split_total)
}

/// The type with that name.
pub(in crate::store) fn find(conn: &mut Conn, name: &str) -> QueryResult<Option<TypeRow>> {
    dsl::relationship_types.filter(dsl::name.eq(name)).select(TYPE_COLUMNS).first(conn).optional()
}

/// The types that have one of `names` as their name or as a role, by name.
pub(in crate::store) fn with_name_or_role(conn: &mut Conn, names: &[&str]) -> QueryResult<Vec<TypeRow>> {
    let roles = dsl::user_role.eq_any(names).or(dsl::target_role.eq_any(names));
    let types = dsl::relationship_types.filter(roles.or(dsl::name.nullable().eq_any(names)));
    types.select(TYPE_COLUMNS).order(dsl::name).load(conn)
}

/// Locks out other registrations and changes of types until the transaction ends.
pub(in crate::store) fn lock_all(conn: &mut Conn) -> QueryResult<()> {
    dialect::lock_types(conn)
}

/// Locks the type with that name against changes until the transaction ends.
pub(in crate::store) fn lock_row(conn: &mut Conn, name: &str) -> QueryResult<()> {
    dialect::lock_type_row(conn, name)
}

/// Registers a name with a free number; `None` if the name is registered already.
pub(in crate::store) fn insert(
    conn: &mut Conn,
    id: i16,
    name: &str,
    data: &TypeData,
    now: i64,
) -> QueryResult<Option<TypeRow>> {
    let row = diesel::insert_into(dsl::relationship_types)
        .values((
            dsl::id.eq(id),
            dsl::name.eq(name),
            dsl::created_at.eq(now),
            dsl::updated_at.eq(now),
            TypeDataRow::from(data),
        ))
        .on_conflict_do_nothing()
        .returning(TYPE_COLUMNS)
        .get_result(conn)
        .optional()?;
    if row.is_some() {
        dialect::advance_type_ids(conn, id)?;
        diesel::insert_into(locks::relationship_type_locks).values(locks::type_id.eq(id)).execute(conn)?;
    }
    Ok(row)
}

/// Writes all data of a type; `None` if there is no such type.
pub(in crate::store) fn update(conn: &mut Conn, name: &str, data: &TypeData, now: i64) -> QueryResult<Option<TypeRow>> {
    diesel::update(dsl::relationship_types.filter(dsl::name.eq(name)))
        .set((TypeDataRow::from(data), dsl::version.eq(dsl::version + 1), dsl::updated_at.eq(now)))
        .returning(TYPE_COLUMNS)
        .get_result(conn)
        .optional()
}

/// Writes the times of a type, which keeps its version.
pub(in crate::store) fn set_times(conn: &mut Conn, name: &str, created_at: i64, updated_at: i64) -> QueryResult<()> {
    diesel::update(dsl::relationship_types.filter(dsl::name.eq(name)))
        .set((dsl::created_at.eq(created_at), dsl::updated_at.eq(updated_at)))
        .execute(conn)
        .map(drop)
}

/// Deletes an unused type; `false` if there is none.
pub(in crate::store) fn delete(conn: &mut Conn, id: i16, now: i64) -> QueryResult<bool> {
    // Where a foreign key cannot do it.
    if dialect::is_spread() {
        diesel::delete(locks::relationship_type_locks.find(id)).execute(conn)?;
        diesel::delete(counts_below::table.filter(counts_below::type_id.eq(id))).execute(conn)?;
    }
    let deleted = diesel::delete(dsl::relationship_types.find(id)).execute(conn)?;
    retired::retire_type(conn, id, now).map(|()| deleted == 1)
}

//! Relationship types: few rows, read whole.

use diesel::prelude::*;

use super::rows::TypeRow;
use super::schema::relationship_types::dsl;
use super::{Conn, dialect, retired};

/// All types, by name.
pub(in crate::store) fn all(conn: &mut Conn) -> QueryResult<Vec<TypeRow>> {
    dsl::relationship_types.order(dsl::name).load(conn)
}

/// Keeps others from registering types until the transaction ends.
pub(in crate::store) fn lock_all(conn: &mut Conn) -> QueryResult<()> {
    dialect::lock_types(conn)
}

/// Keeps the type of that name from changing until the transaction ends.
pub(in crate::store) fn lock_row(conn: &mut Conn, name: &str) -> QueryResult<()> {
    dialect::lock_type_row(conn, name)
}

/// Registers a name under a number that is free; `None` if the name is registered already.
pub(in crate::store) fn insert(
    conn: &mut Conn,
    id: i16,
    name: &str,
    description: Option<&str>,
    now: i64,
) -> QueryResult<Option<TypeRow>> {
    let row = diesel::insert_into(dsl::relationship_types)
        .values((
            dsl::id.eq(id),
            dsl::name.eq(name),
            dsl::description.eq(description),
            dsl::created_at.eq(now),
            dsl::updated_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .returning(dsl::relationship_types::all_columns())
        .get_result(conn)
        .optional()?;
    if row.is_some() {
        dialect::advance_type_ids(conn, id)?;
    }
    Ok(row)
}

/// Describes a type anew; `None` if there is none of that name.
pub(in crate::store) fn describe(
    conn: &mut Conn,
    name: &str,
    description: Option<&str>,
    now: i64,
) -> QueryResult<Option<TypeRow>> {
    diesel::update(dsl::relationship_types.filter(dsl::name.eq(name)))
        .set((dsl::description.eq(description), dsl::version.eq(dsl::version + 1), dsl::updated_at.eq(now)))
        .returning(dsl::relationship_types::all_columns())
        .get_result(conn)
        .optional()
}

/// Removes a type that nothing uses.
pub(in crate::store) fn delete(conn: &mut Conn, id: i16, now: i64) -> QueryResult<()> {
    diesel::delete(dsl::relationship_types.find(id)).execute(conn)?;
    retired::retire_type(conn, id, now)
}

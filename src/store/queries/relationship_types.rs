//! Relationship types: few rows, read whole.

use diesel::prelude::*;

use super::Conn;
use super::rows::TypeRow;
use super::schema::relationship_types::dsl;

/// All types, by name.
pub(in crate::store) fn all(conn: &mut Conn) -> QueryResult<Vec<TypeRow>> {
    dsl::relationship_types.order(dsl::name).load(conn)
}

/// Registers a name; `None` if it is registered already.
pub(in crate::store) fn insert(
    conn: &mut Conn,
    name: &str,
    description: Option<&str>,
    now: i64,
) -> QueryResult<Option<TypeRow>> {
    diesel::insert_into(dsl::relationship_types)
        .values((
            dsl::name.eq(name),
            dsl::description.eq(description),
            dsl::created_at.eq(now),
            dsl::updated_at.eq(now),
        ))
        .on_conflict_do_nothing()
        .returning(dsl::relationship_types::all_columns())
        .get_result(conn)
        .optional()
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
pub(in crate::store) fn delete(conn: &mut Conn, id: i16) -> QueryResult<usize> {
    diesel::delete(dsl::relationship_types.find(id)).execute(conn)
}

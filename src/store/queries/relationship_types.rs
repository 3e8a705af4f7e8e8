//! Relationship types: all their names, or a page of them with all data.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::rows::TypeRow;
use super::schema::relationship_types::dsl;
use super::sql::{Sql, split_total};
use super::{Conn, dialect, retired};

/// The columns of a [`TypeRow`], in order.
const COLUMNS: &str = "version, name, description, created_at, updated_at";
type TypeColumns = (BigInt, Text, Nullable<Text>, BigInt, BigInt);
/// The same for diesel.
const SHOWN: (dsl::version, dsl::name, dsl::description, dsl::created_at, dsl::updated_at) =
    (dsl::version, dsl::name, dsl::description, dsl::created_at, dsl::updated_at);

/// The ids and names of all types, by name.
pub(in crate::store) fn names(conn: &mut Conn) -> QueryResult<Vec<(i16, String)>> {
    dsl::relationship_types.select((dsl::id, dsl::name)).order(dsl::name).load(conn)
}

/// At most `limit` types, by name, after the first `offset`, with the total.
pub(in crate::store) fn page(conn: &mut Conn, offset: i64, limit: i64) -> QueryResult<(i64, Vec<TypeRow>)> {
    let count = Sql::new("SELECT COUNT(*) AS total FROM relationship_types");
    let mut page = Sql::new("SELECT ");
    page.text(COLUMNS).text(" FROM relationship_types ORDER BY name LIMIT ").integer(limit);
    page.text(" OFFSET ").integer(offset);
    Sql::listing::<TypeColumns>(count, COLUMNS, page, "name").load(conn).map(split_total)
}

/// The type with that name.
pub(in crate::store) fn find(conn: &mut Conn, name: &str) -> QueryResult<Option<TypeRow>> {
    dsl::relationship_types.filter(dsl::name.eq(name)).select(SHOWN).first(conn).optional()
}

/// Locks out other registrations of types until the transaction ends.
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
        .returning(SHOWN)
        .get_result(conn)
        .optional()?;
    if row.is_some() {
        dialect::advance_type_ids(conn, id)?;
    }
    Ok(row)
}

/// Replaces the description of a type; `None` if there is no such type.
pub(in crate::store) fn describe(
    conn: &mut Conn,
    name: &str,
    description: Option<&str>,
    now: i64,
) -> QueryResult<Option<TypeRow>> {
    diesel::update(dsl::relationship_types.filter(dsl::name.eq(name)))
        .set((dsl::description.eq(description), dsl::version.eq(dsl::version + 1), dsl::updated_at.eq(now)))
        .returning(SHOWN)
        .get_result(conn)
        .optional()
}

/// Deletes an unused type.
pub(in crate::store) fn delete(conn: &mut Conn, id: i16, now: i64) -> QueryResult<()> {
    diesel::delete(dsl::relationship_types.find(id)).execute(conn)?;
    retired::retire_type(conn, id, now)
}

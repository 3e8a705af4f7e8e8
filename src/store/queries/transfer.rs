//! Queries for many rows: those of imports, and the pages of exports.

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error};
use diesel::sql_types::{BigInt, Bool, SmallInt, Text};

use super::columns::Column;
use super::rows::{
    COLUMNS_AFTER_PROFILE, COLUMNS_BEFORE_PROFILE, Numbered, Profiles, UserColumns, UserRow, number_of, text_of,
};
use super::sql::Sql;
use super::{Conn, bulk, counts, dialect, edge_tables, user_columns};
use crate::model::user::User;
use crate::store::relationship_rows::{
    RELATIONSHIP_COLUMNS, RelationshipColumns, RelationshipRow, relationship_columns,
};
use crate::store::type_counts::TypeCounts;

/// The users with these ids, without their profiles.
pub(in crate::store) fn users_of_ids(conn: &mut Conn, ids: &[i64]) -> QueryResult<Vec<UserRow>> {
    let mut sql = select_users(Profiles::Omitted);
    sql.in_list("id", bulk::ValueList::of_integers(ids));
    sql.returning::<UserColumns>().load(conn)
}

/// The users with these keys of addresses.
pub(in crate::store) fn users_of_emails(conn: &mut Conn, emails: &[String]) -> QueryResult<Vec<UserRow>> {
    let mut sql = select_users(Profiles::All);
    sql.in_list("email_key", bulk::ValueList::of_texts(emails));
    sql.returning::<UserColumns>().load(conn)
}

/// `SELECT … FROM users WHERE `, without the number of subordinates.
fn select_users(profiles: Profiles) -> Sql {
    let mut sql = Sql::new("SELECT ");
    sql.text(COLUMNS_BEFORE_PROFILE).text(profiles.sql()).text(COLUMNS_AFTER_PROFILE);
    sql.text(", CAST(0 AS BIGINT) FROM users WHERE ");
    sql
}

/// Which of these ids belong to a user.
pub(in crate::store) fn existing_users(conn: &mut Conn, ids: &[i64]) -> QueryResult<Vec<i64>> {
    let mut sql = Sql::new("SELECT id FROM users WHERE ");
    sql.in_list("id", bulk::ValueList::of_integers(ids));
    sql.returning::<BigInt>().load(conn)
}

/// The ids of the users with these keys of addresses.
pub(in crate::store) fn ids_of_emails(conn: &mut Conn, emails: &[String]) -> QueryResult<Vec<(String, i64)>> {
    let mut sql = Sql::new("SELECT email_key, id FROM users WHERE ");
    sql.in_list("email_key", bulk::ValueList::of_texts(emails));
    sql.returning::<(Text, BigInt)>().load(conn)
}

/// The ids of the users with these ids in other systems, which several may share.
pub(in crate::store) fn ids_of_alt_ids(conn: &mut Conn, alt_ids: &[String]) -> QueryResult<Vec<(String, i64)>> {
    let mut sql = Sql::new("SELECT alt_id, id FROM users WHERE ");
    sql.in_list("alt_id", bulk::ValueList::of_texts(alt_ids));
    sql.returning::<(Text, BigInt)>().load(conn)
}

/// How many users have each of these keys of names, and the smallest of their ids. Very many may share one, so no row of
/// theirs is returned. A name without users may be left out, or have the count 0.
pub(in crate::store) fn count_users_of_names(
    conn: &mut Conn,
    names: &[String],
) -> QueryResult<Vec<(String, i64, i64)>> {
    bulk::count_users_of_names(conn, names)
}

/// At most `limit` users with a key of a name after an id, by id: ids and addresses.
pub(in crate::store) fn users_of_name_after(
    conn: &mut Conn,
    name: &str,
    id: i64,
    limit: i64,
) -> QueryResult<Vec<(i64, String)>> {
    let mut sql = Sql::new("SELECT id, email FROM users");
    sql.text(dialect::by_index!("users_by_name")).text(" WHERE name_key = ").string(name.to_owned());
    sql.text(" AND id > ").integer(id).text(" ORDER BY id LIMIT ").integer(limit);
    sql.returning::<(BigInt, Text)>().load(conn)
}

/// The addresses of the users with these ids.
pub(in crate::store) fn emails_of_ids(conn: &mut Conn, ids: &[i64]) -> QueryResult<Vec<(i64, String)>> {
    let mut sql = Sql::new("SELECT id, email FROM users WHERE ");
    sql.in_list("id", bulk::ValueList::of_integers(ids));
    sql.returning::<(BigInt, Text)>().load(conn)
}

/// Reserves ids, larger than `largest`, for new rows of a table.
pub(in crate::store) fn reserve(conn: &mut Conn, table: Numbered, rows: usize, largest: i64) -> QueryResult<Vec<i64>> {
    bulk::reserve(conn, table, rows, largest)
}

/// The largest id that a row of a table had, or more; 0 if there was none.
pub(in crate::store) fn newest_id(conn: &mut Conn, table: Numbered) -> QueryResult<i64> {
    bulk::newest_id(conn, table)
}

/// Makes the next id of a table larger than one that a caller chose.
pub(in crate::store) fn advance(conn: &mut Conn, table: Numbered, largest: i64) -> QueryResult<()> {
    bulk::advance(conn, table, largest)
}

/// Stores users with their ids and counts them. Their ids and addresses must be free.
pub(in crate::store) fn insert_users(conn: &mut Conn, users: &[&User]) -> QueryResult<()> {
    for some in users.chunks(bulk::ROWS) {
        let texts = |text: fn(&User) -> String| Column::Texts(some.iter().map(|user| text(user)).collect());
        let optional = |text: fn(&User) -> Option<&String>| {
            Column::OptionalTexts(some.iter().map(|user| text(user).cloned()).collect())
        };
        let integers = |number: fn(&User) -> i64| Column::Integers(some.iter().map(|user| number(user)).collect());
        let columns = vec![
            integers(|user| user.id.get()),
            texts(|user| user.data.email.clone()),
            texts(|user| user.data.email_key()),
            optional(|user| user.data.first_name.as_ref()),
            optional(|user| user.data.last_name.as_ref()),
            texts(|user| user.data.name_key()),
            Column::Smalls(some.iter().map(|user| number_of(user.data.access_level)).collect()),
            Column::Flags(some.iter().map(|user| user.data.is_enabled).collect()),
            optional(|user| user.data.alt_id.as_ref()),
            texts(|user| text_of(&user.data.profile)),
            integers(|user| user.created_at.micros()),
            integers(|user| user.updated_at.micros()),
            texts(|user| user.data.search_key()),
        ];
        let mut sql = Sql::new("INSERT INTO users (id, email, email_key, first_name, last_name, name_key, ");
        sql.text("access_level, is_enabled, alt_id, profile, created_at, updated_at, search_key) ");
        sql.source(columns);
        sql.returning::<()>().execute(conn)?;
    }
    counts::add_many_users(conn, users)
}

/// Stores relationships with their ids, except those that exist already, and returns the ids of those that it stored.
/// Does not count them.
pub(in crate::store) fn insert_relationships(conn: &mut Conn, rows: &[RelationshipRow]) -> QueryResult<Vec<i64>> {
    let mut stored = Vec::with_capacity(rows.len());
    for some in rows.chunks(bulk::ROWS) {
        if dialect::COUNTS_STORED_ROWS
            && let [row] = some
        {
            let is_stored = insertion(some).returning::<()>().execute(conn)? == 1;
            stored.extend(is_stored.then_some(row.id));
        } else {
            let mut sql = insertion(some);
            sql.text(" RETURNING id");
            stored.extend(sql.returning::<BigInt>().load::<i64>(conn)?);
        }
    }
    Ok(stored)
}

/// Stores relationships while all indexes but the primary key are dropped. Their ids must be free.
pub(in crate::store) fn load_relationships(conn: &mut Conn, rows: &[RelationshipRow]) -> QueryResult<()> {
    bulk::load(conn, rows, |conn, some| values_of(some).returning::<()>().execute(conn).map(drop))
}

fn insertion(rows: &[RelationshipRow]) -> Sql {
    let mut sql = values_of(rows);
    sql.text(" ON CONFLICT DO NOTHING");
    sql
}

fn values_of(rows: &[RelationshipRow]) -> Sql {
    let mut sql = Sql::new(concat!("INSERT INTO user_relationships (", relationship_columns!(), ") "));
    sql.source(RelationshipRow::columns(rows));
    sql
}

/// Adds relationships to the counts.
pub(in crate::store) fn count_relationships(conn: &mut Conn, rows: &[RelationshipRow]) -> QueryResult<()> {
    counts::add_many(conn, &mut TypeCounts::default(), rows, 1)
}

/// Which of these edges exist.
pub(in crate::store) fn existing_relationships(
    conn: &mut Conn,
    edges: &[(i64, i64, i16)],
) -> QueryResult<Vec<(i64, i64, i16)>> {
    let mut found = Vec::new();
    for some in edges.chunks(bulk::ROWS_OF_LOAD) {
        let columns = vec![
            Column::Integers(some.iter().map(|edge| edge.0).collect()),
            Column::Integers(some.iter().map(|edge| edge.1).collect()),
            Column::Smalls(some.iter().map(|edge| edge.2).collect()),
        ];
        let mut sql = Sql::new("SELECT r.user_id, r.target_id, r.type_id FROM ");
        sql.table(columns).text(" JOIN user_relationships AS r ON r.user_id = given.column1");
        sql.text(" AND r.target_id = given.column2 AND r.type_id = given.column3");
        found.extend(sql.returning::<(BigInt, BigInt, SmallInt)>().load::<(i64, i64, i16)>(conn)?);
    }
    Ok(found)
}

/// The relationships with these ids.
pub(in crate::store) fn relationships_of_ids(conn: &mut Conn, ids: &[i64]) -> QueryResult<Vec<RelationshipRow>> {
    let mut sql = Sql::new("SELECT ");
    sql.text(RELATIONSHIP_COLUMNS).text(" FROM user_relationships WHERE ");
    sql.in_list("id", bulk::ValueList::of_integers(ids));
    edge_tables::push_owners(conn, &mut sql, ids)?;
    sql.returning::<RelationshipColumns>().load(conn)
}

/// At most `limit` users after an id, by id, with their number of subordinates if `has_subordinates`.
pub(in crate::store) fn users_after(
    conn: &mut Conn,
    id: i64,
    limit: i64,
    has_subordinates: bool,
) -> QueryResult<Vec<UserRow>> {
    let mut sql =
        if has_subordinates { user_columns::select(Profiles::Legal, "") } else { select_users(Profiles::Legal) };
    sql.text("id > ").integer(id).text(" ORDER BY id LIMIT ").integer(limit);
    sql.returning::<UserColumns>().load(conn)
}

/// At most `limit` enabled users with an id in another system after an id, by id, without their profiles.
pub(in crate::store) fn enabled_users_with_alt_id_after(
    conn: &mut Conn,
    id: i64,
    limit: i64,
) -> QueryResult<Vec<UserRow>> {
    let mut sql = select_users(Profiles::Omitted);
    sql.text("is_enabled AND alt_id IS NOT NULL AND id > ").integer(id);
    sql.text(" ORDER BY id LIMIT ").integer(limit);
    sql.returning::<UserColumns>().load(conn)
}

/// At most `limit` relationships after an id, by id.
pub(in crate::store) fn relationships_after(conn: &mut Conn, id: i64, limit: i64) -> QueryResult<Vec<RelationshipRow>> {
    let mut sql = Sql::new("SELECT ");
    sql.text(RELATIONSHIP_COLUMNS).text(" FROM user_relationships WHERE id > ").integer(id);
    sql.text(" ORDER BY id LIMIT ").integer(limit);
    sql.returning::<RelationshipColumns>().load(conn)
}

/// Whether other clients are connected.
pub(in crate::store) fn has_other_clients(conn: &mut Conn) -> QueryResult<bool> {
    bulk::has_other_clients(conn)
}

/// Drops the indexes and keys of relationships, and returns the statements that create them; `None` if that is not
/// possible, or if there are relationships already.
pub(in crate::store) fn drop_indexes(conn: &mut Conn) -> QueryResult<Option<Vec<String>>> {
    // The first check avoids the lock, the second one is made under it.
    if has_relationships(conn)? || !bulk::lock_for_load(conn)? || has_relationships(conn)? {
        return Ok(None);
    }
    bulk::drop_indexes(conn, &["user_relationships"]).map(Some)
}

fn has_relationships(conn: &mut Conn) -> QueryResult<bool> {
    Sql::new("SELECT EXISTS (SELECT 1 FROM user_relationships)").returning::<Bool>().get_result(conn)
}

/// Creates the dropped indexes and keys again, and counts all relationships. Returns how many duplicates it removed.
pub(in crate::store) fn recreate(conn: &mut Conn, statements: &[String]) -> QueryResult<usize> {
    bulk::prepare_to_recreate(conn)?;
    let mut removed = 0;
    for statement in statements {
        removed += create_index(conn, statement)?;
    }
    counts::count_all(conn)?;
    Ok(removed)
}

/// Gathers what the planner knows of the tables that imports fill.
pub(in crate::store) fn refresh_statistics(conn: &mut Conn) -> QueryResult<()> {
    bulk::refresh_statistics(conn)
}

/// Creates an index or a key. If that of the edges fails because of duplicates, removes them first.
fn create_index(conn: &mut Conn, statement: &str) -> QueryResult<usize> {
    let run = |conn: &mut Conn, statement: &str| diesel::sql_query(statement).execute(conn);
    run(conn, "SAVEPOINT index_creation")?;
    let removed = match run(conn, statement) {
        Err(Error::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => {
            run(conn, "ROLLBACK TO SAVEPOINT index_creation")?;
            let removed = remove_duplicates(conn)?;
            run(conn, statement)?;
            removed
        }
        created => created.map(|_| 0)?,
    };
    run(conn, "RELEASE SAVEPOINT index_creation")?;
    Ok(removed)
}

/// Removes duplicate edges: of each edge the relationship with the smallest id stays.
fn remove_duplicates(conn: &mut Conn) -> QueryResult<usize> {
    let mut sql = Sql::new("DELETE FROM user_relationships WHERE id IN (SELECT id FROM (SELECT id, ROW_NUMBER() OVER ");
    sql.text("(PARTITION BY user_id, target_id, type_id ORDER BY id) AS place FROM user_relationships) AS numbered ");
    sql.text("WHERE place > 1)");
    sql.returning::<()>().execute(conn)
}

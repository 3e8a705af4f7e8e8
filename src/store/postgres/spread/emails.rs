//! Which user has an address. Shards of users cannot keep addresses unique, because they are distributed by id.

use diesel::prelude::*;

use super::schema::user_emails::dsl;
use crate::model::key;
use crate::model::user::User;
use crate::store::postgres::conn::Conn;

/// The most rows in a statement, which has a parameter for each value.
const ROWS: usize = 10_000;

/// Gives an address to a user; `false` if another one has it.
pub(in crate::store) fn take(conn: &mut Conn, email_key: &str, user: i64) -> QueryResult<bool> {
    let row = (dsl::email_key.eq(email_key), dsl::user_id.eq(user));
    Ok(diesel::insert_into(dsl::user_emails).values(row).on_conflict_do_nothing().execute(conn)? == 1)
}

/// Gives their addresses to users, which must be free.
pub(in crate::store) fn take_all(conn: &mut Conn, users: &[&User]) -> QueryResult<()> {
    for some in users.chunks(ROWS) {
        let row = |user: &&User| (dsl::email_key.eq(user.data.email_key()), dsl::user_id.eq(user.id.get()));
        let rows: Vec<_> = some.iter().map(row).collect();
        diesel::insert_into(dsl::user_emails).values(rows).execute(conn)?;
    }
    Ok(())
}

/// Frees an address of a user, by its key or an earlier one.
pub(in crate::store) fn free(conn: &mut Conn, email: &str, user: i64) -> QueryResult<bool> {
    let keys = dsl::email_key.eq_any(key::stored_keys_of_email(email));
    Ok(diesel::delete(dsl::user_emails.filter(keys.and(dsl::user_id.eq(user)))).execute(conn)? == 1)
}

/// The users with one of these keys, and their keys.
pub(in crate::store) fn holders(conn: &mut Conn, keys: &[String]) -> QueryResult<Vec<(String, i64)>> {
    dsl::user_emails.filter(dsl::email_key.eq_any(keys)).select((dsl::email_key, dsl::user_id)).load(conn)
}

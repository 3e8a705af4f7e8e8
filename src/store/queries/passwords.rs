//! Hashes of passwords, found by user or by e-mail address.

use diesel::prelude::*;

use super::Conn;
use super::schema::users::dsl;

/// An account with a password: id, level, whether it is enabled, and the hash.
pub(in crate::store) type LoginRow = (i64, i16, bool, Option<String>);

/// The users with one of these keys: key, address and account.
pub(in crate::store) fn accounts(
    conn: &mut Conn,
    [key, earlier_key]: &[String; 2],
) -> QueryResult<Vec<(String, String, LoginRow)>> {
    dsl::users
        .filter(dsl::email_key.eq(key).or(dsl::email_key.eq(earlier_key)))
        .select((dsl::email_key, dsl::email, (dsl::id, dsl::access_level, dsl::is_enabled, dsl::password_hash)))
        .load(conn)
}

/// The key, the address and the account of a user.
pub(in crate::store) fn account(conn: &mut Conn, user: i64) -> QueryResult<Option<(String, String, LoginRow)>> {
    let account = (dsl::id, dsl::access_level, dsl::is_enabled, dsl::password_hash);
    dsl::users.find(user).select((dsl::email_key, dsl::email, account)).first(conn).optional()
}

/// The hash of a user's password.
pub(in crate::store) fn hash_of(conn: &mut Conn, user: i64) -> QueryResult<Option<String>> {
    dsl::users.find(user).select(dsl::password_hash).first(conn).optional().map(Option::flatten)
}

/// Stores the hash of a user's password.
pub(in crate::store) fn set(conn: &mut Conn, user: i64, hash: &str) -> QueryResult<usize> {
    diesel::update(dsl::users.find(user)).set(dsl::password_hash.eq(hash)).execute(conn)
}

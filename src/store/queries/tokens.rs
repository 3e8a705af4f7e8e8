//! API tokens: found by their digest, never readable.

use diesel::prelude::*;

use super::Conn;
use super::schema::{api_tokens, users};
use crate::model::token::NewToken;

/// A token and its owner: id, expiry, last use, owner, the owner's level and whether it is enabled.
pub(in crate::store) type OwnerRow = (i64, Option<i64>, Option<i64>, i64, i16, bool);
/// A token in a list: id, e-mail, name, expiry, last use.
pub(in crate::store) type TokenRow = (i64, String, Option<String>, Option<i64>, Option<i64>);

/// The token with that digest and its owner.
pub(in crate::store) fn owner(conn: &mut Conn, digest: &[u8]) -> QueryResult<Option<OwnerRow>> {
    api_tokens::table
        .inner_join(users::table.on(users::id.eq(api_tokens::user_id)))
        .filter(api_tokens::digest.eq(digest))
        .select((
            api_tokens::id,
            api_tokens::expires_at,
            api_tokens::last_used_at,
            users::id,
            users::access_level,
            users::is_enabled,
        ))
        .first(conn)
        .optional()
}

/// All tokens, by id, at most `limit` after `after`.
pub(in crate::store) fn list(conn: &mut Conn, after: i64, limit: i64) -> QueryResult<Vec<TokenRow>> {
    api_tokens::table
        .inner_join(users::table.on(users::id.eq(api_tokens::user_id)))
        .filter(api_tokens::id.gt(after))
        .order(api_tokens::id)
        .limit(limit)
        .select((api_tokens::id, users::email, api_tokens::name, api_tokens::expires_at, api_tokens::last_used_at))
        .load(conn)
}

/// Stores a token.
pub(in crate::store) fn insert(conn: &mut Conn, token: &NewToken, now: i64) -> QueryResult<i64> {
    diesel::insert_into(api_tokens::table)
        .values((
            api_tokens::digest.eq(token.digest.as_slice()),
            api_tokens::user_id.eq(token.user.get()),
            api_tokens::name.eq(token.name.as_deref()),
            api_tokens::created_at.eq(now),
            api_tokens::expires_at.eq(token.expires_at.map(crate::model::time::Timestamp::micros)),
            api_tokens::is_session.eq(token.is_session),
        ))
        .returning(api_tokens::id)
        .get_result(conn)
}

/// Notes that a token was used.
pub(in crate::store) fn touch(conn: &mut Conn, id: i64, now: i64) -> QueryResult<usize> {
    diesel::update(api_tokens::table.find(id)).set(api_tokens::last_used_at.eq(now)).execute(conn)
}

/// Removes a token.
pub(in crate::store) fn delete(conn: &mut Conn, id: i64) -> QueryResult<usize> {
    diesel::delete(api_tokens::table.find(id)).execute(conn)
}

/// Removes all tokens of a user.
pub(in crate::store) fn delete_of_user(conn: &mut Conn, user: i64) -> QueryResult<usize> {
    diesel::delete(api_tokens::table.filter(api_tokens::user_id.eq(user))).execute(conn)
}

/// Removes the token of a session; 0 if it is no session's.
pub(in crate::store) fn delete_session(conn: &mut Conn, id: i64) -> QueryResult<usize> {
    diesel::delete(api_tokens::table.find(id).filter(api_tokens::is_session)).execute(conn)
}

/// Removes all tokens of a user's sessions.
pub(in crate::store) fn delete_sessions_of_user(conn: &mut Conn, user: i64) -> QueryResult<usize> {
    diesel::delete(api_tokens::table.filter(api_tokens::user_id.eq(user)).filter(api_tokens::is_session)).execute(conn)
}

/// Removes the tokens of a user's sessions that ended before `now`.
pub(in crate::store) fn delete_expired_sessions_of_user(conn: &mut Conn, user: i64, now: i64) -> QueryResult<usize> {
    diesel::delete(
        api_tokens::table
            .filter(api_tokens::user_id.eq(user))
            .filter(api_tokens::is_session)
            .filter(api_tokens::expires_at.lt(now)),
    )
    .execute(conn)
}

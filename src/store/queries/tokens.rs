//! API tokens, of which only digests are stored.

use diesel::prelude::*;

use super::Conn;
use super::rows::TokenRow;
use super::schema::{api_tokens, users};
use crate::model::token::NewToken;

/// A token and its owner: id, expiry, last use, owner, the owner's level and whether it is enabled.
pub(in crate::store) type OwnerRow = (i64, Option<i64>, Option<i64>, i64, i16, bool);
/// A token: id, expiry, last use and the id of the owner.
pub(in crate::store) type UnownedRow = (i64, Option<i64>, Option<i64>, i64);
/// The columns of [`TokenRow`].
macro_rules! token_columns {
    () => {
        (
            api_tokens::id,
            (users::id, users::email),
            api_tokens::name,
            (api_tokens::created_at, api_tokens::expires_at, api_tokens::last_used_at),
            api_tokens::is_session,
        )
    };
}

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

/// The token with that digest: id, expiry, last use and the id of the owner.
pub(in crate::store) fn find(conn: &mut Conn, digest: &[u8]) -> QueryResult<Option<UnownedRow>> {
    let columns = (api_tokens::id, api_tokens::expires_at, api_tokens::last_used_at, api_tokens::user_id);
    api_tokens::table.filter(api_tokens::digest.eq(digest)).select(columns).first(conn).optional()
}

/// At most `limit` tokens after `after`, by id.
pub(in crate::store) fn list(conn: &mut Conn, after: i64, limit: i64) -> QueryResult<Vec<TokenRow>> {
    api_tokens::table
        .inner_join(users::table.on(users::id.eq(api_tokens::user_id)))
        .filter(api_tokens::id.gt(after))
        .order(api_tokens::id)
        .limit(limit)
        .select(token_columns!())
        .load(conn)
}

/// At most `limit` tokens after `after`, by id, of sessions that have not ended at `now`; of one user or of all.
pub(in crate::store) fn sessions(
    conn: &mut Conn,
    (after, limit): (i64, i64),
    user: Option<i64>,
    now: i64,
) -> QueryResult<Vec<TokenRow>> {
    let (first, last) = user.map_or((i64::MIN, i64::MAX), |user| (user, user));
    api_tokens::table
        .inner_join(users::table.on(users::id.eq(api_tokens::user_id)))
        .filter(api_tokens::id.gt(after).and(api_tokens::user_id.between(first, last)))
        .filter(api_tokens::is_session.and(api_tokens::expires_at.gt(now)))
        .order(api_tokens::id)
        .limit(limit)
        .select(token_columns!())
        .load(conn)
}

/// How many tokens of a user belong to sessions, or do not, and have not ended at `now`.
pub(in crate::store) fn count_of_user(conn: &mut Conn, user: i64, is_session: bool, now: i64) -> QueryResult<i64> {
    api_tokens::table
        .filter(api_tokens::user_id.eq(user).and(api_tokens::is_session.eq(is_session)))
        .filter(api_tokens::expires_at.is_null().or(api_tokens::expires_at.gt(now)))
        .count()
        .get_result(conn)
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

/// Records that a token was used.
pub(in crate::store) fn record_use(conn: &mut Conn, id: i64, now: i64) -> QueryResult<usize> {
    diesel::update(api_tokens::table.find(id)).set(api_tokens::last_used_at.eq(now)).execute(conn)
}

/// Deletes a token.
pub(in crate::store) fn delete(conn: &mut Conn, id: i64) -> QueryResult<usize> {
    diesel::delete(api_tokens::table.find(id)).execute(conn)
}

/// Deletes all tokens of a user.
pub(in crate::store) fn delete_of_user(conn: &mut Conn, user: i64) -> QueryResult<usize> {
    diesel::delete(api_tokens::table.filter(api_tokens::user_id.eq(user))).execute(conn)
}

/// Deletes the token of a session; 0 if the token does not belong to a session.
pub(in crate::store) fn delete_session(conn: &mut Conn, id: i64) -> QueryResult<usize> {
    diesel::delete(api_tokens::table.find(id).filter(api_tokens::is_session)).execute(conn)
}

/// Deletes the tokens of all sessions of a user.
pub(in crate::store) fn delete_sessions_of_user(conn: &mut Conn, user: i64) -> QueryResult<usize> {
    diesel::delete(api_tokens::table.filter(api_tokens::user_id.eq(user)).filter(api_tokens::is_session)).execute(conn)
}

/// Deletes the tokens of a user's sessions that ended before `now`.
pub(in crate::store) fn delete_expired_sessions_of_user(conn: &mut Conn, user: i64, now: i64) -> QueryResult<usize> {
    diesel::delete(
        api_tokens::table
            .filter(api_tokens::user_id.eq(user))
            .filter(api_tokens::is_session)
            .filter(api_tokens::expires_at.lt(now)),
    )
    .execute(conn)
}

//! Idempotency keys with the stored answers to their requests.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable};

use super::schema::idempotency_keys::dsl;
use super::sql::Sql;
use super::{Conn, dialect};
use crate::model::idempotency::{IdempotencyKey, StoredAnswer};

/// A stored answer: fingerprint, status, headers, body unless it is too large, and the time of the claim.
pub(in crate::store) type StoredAnswerRow = (Vec<u8>, i16, String, Option<Vec<u8>>, i64);

/// The number of expired keys that a claim deletes: more than one, so that they become fewer.
const CLEARED: i64 = 20;

/// Claims a key; `false` if it is claimed already. Waits briefly for an uncommitted claim.
pub(in crate::store) fn claim(conn: &mut Conn, key: &IdempotencyKey, now: i64) -> QueryResult<bool> {
    let insert = diesel::insert_into(dsl::idempotency_keys)
        .values((
            dsl::caller_id.eq(key.caller.get()),
            dsl::key.eq(&key.key),
            dsl::fingerprint.eq(key.fingerprint.as_slice()),
            dsl::status.eq(0_i16),
            dsl::headers.eq(""),
            dsl::body.eq([].as_slice()),
            dsl::created_at.eq(now),
        ))
        .on_conflict_do_nothing();
    let inserted = dialect::wait_briefly(conn, |conn| insert.execute(conn))?;
    Ok(inserted == 1)
}

/// The answer that is stored for a key; a body of more than `most` bytes is not read.
pub(in crate::store) fn find(
    conn: &mut Conn,
    key: &IdempotencyKey,
    most: usize,
) -> QueryResult<Option<StoredAnswerRow>> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let body = sql::<Nullable<Binary>>("CASE WHEN length(body) <= ").bind::<BigInt, _>(most).sql(" THEN body END");
    dsl::idempotency_keys
        .find((key.caller.get(), &key.key))
        .select((dsl::fingerprint, dsl::status, dsl::headers, body, dsl::created_at))
        .first(conn)
        .optional()
}

/// Stores the answer for a claimed key.
pub(in crate::store) fn store(conn: &mut Conn, key: &IdempotencyKey, answer: &StoredAnswer) -> QueryResult<usize> {
    diesel::update(dsl::idempotency_keys.find((key.caller.get(), &key.key)))
        .set((
            dsl::status.eq(i16::try_from(answer.status).unwrap_or_default()),
            dsl::headers.eq(&answer.headers),
            dsl::body.eq(&answer.body),
        ))
        .execute(conn)
}

/// Deletes a key.
pub(in crate::store) fn delete(conn: &mut Conn, key: &IdempotencyKey) -> QueryResult<usize> {
    diesel::delete(dsl::idempotency_keys.find((key.caller.get(), &key.key))).execute(conn)
}

/// Deletes all keys of a user.
pub(in crate::store) fn delete_of_user(conn: &mut Conn, user: i64) -> QueryResult<usize> {
    diesel::delete(dsl::idempotency_keys.filter(dsl::caller_id.eq(user))).execute(conn)
}

/// Deletes some of the keys that were claimed before a time, and skips those that another transaction deletes.
pub(in crate::store) fn clear(conn: &mut Conn, before: i64) -> QueryResult<usize> {
    let mut sql = Sql::new("DELETE FROM idempotency_keys WHERE (caller_id, key) IN (");
    sql.text("SELECT caller_id, key FROM idempotency_keys WHERE created_at < ").integer(before);
    sql.text(" ORDER BY created_at LIMIT ").integer(CLEARED).text(dialect::SKIP_LOCKED).text(")");
    sql.returning::<()>().execute(conn)
}

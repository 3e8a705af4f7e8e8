//! Signing clients, their keys and nonces, and the accounts that they act for.

use diesel::prelude::*;

use super::Conn;
use super::rows::{AccountRow, ClientRow};
use super::schema::{api_client_keys, api_clients, api_nonces, users};
use super::sql::Sql;
use crate::model::client::NewClient;

/// A key of a client: the client's id, whether it may use SHA-1, and the key.
pub(in crate::store) type ClientKeyRow = (i64, bool, Vec<u8>);
/// A key in a list: id, key, time of registration.
pub(in crate::store) type ListedKeyRow = (i64, Vec<u8>, i64);

/// The keys of an enabled client.
pub(in crate::store) fn keys(conn: &mut Conn, api_id: &str) -> QueryResult<Vec<ClientKeyRow>> {
    api_clients::table
        .inner_join(api_client_keys::table.on(api_client_keys::client_id.eq(api_clients::id)))
        .filter(api_clients::api_id.eq(api_id).and(api_clients::is_enabled.eq(true)))
        .order(api_client_keys::id)
        .select((api_clients::id, api_clients::allows_sha1, api_client_keys::public_key))
        .load(conn)
}

/// The client with that `Api-Id`.
pub(in crate::store) fn find(conn: &mut Conn, api_id: &str) -> QueryResult<Option<ClientRow>> {
    let columns =
        (api_clients::id, api_clients::api_id, api_clients::name, api_clients::allows_sha1, api_clients::is_enabled);
    api_clients::table.filter(api_clients::api_id.eq(api_id)).select(columns).first(conn).optional()
}

/// At most `limit` clients after `after`, by id.
pub(in crate::store) fn list(conn: &mut Conn, after: i64, limit: i64) -> QueryResult<Vec<ClientRow>> {
    let columns =
        (api_clients::id, api_clients::api_id, api_clients::name, api_clients::allows_sha1, api_clients::is_enabled);
    api_clients::table.filter(api_clients::id.gt(after)).order(api_clients::id).limit(limit).select(columns).load(conn)
}

/// The keys of a client, by id.
pub(in crate::store) fn keys_of(conn: &mut Conn, client: i64) -> QueryResult<Vec<ListedKeyRow>> {
    api_client_keys::table
        .filter(api_client_keys::client_id.eq(client))
        .order(api_client_keys::id)
        .select((api_client_keys::id, api_client_keys::public_key, api_client_keys::created_at))
        .load(conn)
}

/// Stores an enabled client.
pub(in crate::store) fn insert(conn: &mut Conn, client: &NewClient, now: i64) -> QueryResult<i64> {
    diesel::insert_into(api_clients::table)
        .values((
            api_clients::api_id.eq(&client.api_id),
            api_clients::name.eq(client.name.as_deref()),
            api_clients::allows_sha1.eq(client.allows_sha1),
            api_clients::is_enabled.eq(true),
            api_clients::created_at.eq(now),
        ))
        .returning(api_clients::id)
        .get_result(conn)
}

/// Stores a key of a client.
pub(in crate::store) fn insert_key(conn: &mut Conn, client: i64, key: &[u8], now: i64) -> QueryResult<i64> {
    diesel::insert_into(api_client_keys::table)
        .values((
            api_client_keys::client_id.eq(client),
            api_client_keys::public_key.eq(key),
            api_client_keys::created_at.eq(now),
        ))
        .returning(api_client_keys::id)
        .get_result(conn)
}

/// Disables a client.
pub(in crate::store) fn disable(conn: &mut Conn, api_id: &str) -> QueryResult<usize> {
    diesel::update(api_clients::table.filter(api_clients::api_id.eq(api_id)))
        .set(api_clients::is_enabled.eq(false))
        .execute(conn)
}

/// Deletes a key of a client.
pub(in crate::store) fn delete_key(conn: &mut Conn, client: i64, key: i64) -> QueryResult<usize> {
    let row = api_client_keys::id.eq(key).and(api_client_keys::client_id.eq(client));
    diesel::delete(api_client_keys::table.filter(row)).execute(conn)
}

/// Records that a client used a nonce; 0 if it has used it before.
pub(in crate::store) fn use_nonce(conn: &mut Conn, client: i64, nonce: &str, now: i64) -> QueryResult<usize> {
    diesel::insert_into(api_nonces::table)
        .values((api_nonces::client_id.eq(client), api_nonces::nonce.eq(nonce), api_nonces::seen_at.eq(now)))
        .on_conflict_do_nothing()
        .execute(conn)
}

/// Whether a client has used a nonce.
pub(in crate::store) fn has_nonce(conn: &mut Conn, client: i64, nonce: &str) -> QueryResult<bool> {
    diesel::select(diesel::dsl::exists(api_nonces::table.find((client, nonce)))).get_result(conn)
}

/// Deletes at most `limit` nonces that were seen before a time.
pub(in crate::store) fn clear_nonces(conn: &mut Conn, before: i64, limit: i64) -> QueryResult<usize> {
    let mut sql = Sql::new("DELETE FROM api_nonces WHERE (client_id, nonce) IN (");
    sql.text("SELECT client_id, nonce FROM api_nonces WHERE seen_at < ").integer(before);
    sql.text(" ORDER BY seen_at LIMIT ").integer(limit).text(")");
    sql.returning::<()>().execute(conn)
}

/// The account of a user.
pub(in crate::store) fn account(conn: &mut Conn, user: i64) -> QueryResult<Option<AccountRow>> {
    let columns = (users::id, users::access_level, users::is_enabled);
    users::table.find(user).select(columns).first(conn).optional()
}

/// The users with one of these keys: key, address and account.
pub(in crate::store) fn accounts_of_email(
    conn: &mut Conn,
    [key, earlier_key]: &[String; 2],
) -> QueryResult<Vec<(String, String, AccountRow)>> {
    users::table
        .filter(users::email_key.eq(key).or(users::email_key.eq(earlier_key)))
        .select((users::email_key, users::email, (users::id, users::access_level, users::is_enabled)))
        .load(conn)
}

/// The key, the address and the account of a user.
pub(in crate::store) fn account_with_email(
    conn: &mut Conn,
    user: i64,
) -> QueryResult<Option<(String, String, AccountRow)>> {
    let columns = (users::email_key, users::email, (users::id, users::access_level, users::is_enabled));
    users::table.find(user).select(columns).first(conn).optional()
}

/// At most two of the accounts with an `alt-id`, which need not be unique.
pub(in crate::store) fn accounts_of_alt_id(conn: &mut Conn, alt_id: &str) -> QueryResult<Vec<AccountRow>> {
    users::table
        .filter(users::alt_id.eq(alt_id))
        .select((users::id, users::access_level, users::is_enabled))
        .limit(2)
        .load(conn)
}

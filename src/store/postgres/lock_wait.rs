//! Short waits for locks, for statements that are retried later.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Text;

use super::conn::Conn;

/// How long such a statement waits for a lock.
const SHORT_WAIT: &str = "75ms";

/// Runs a statement of a transaction with a lock timeout of 75 ms. If that is exceeded, the statement and the
/// transaction fail.
///
/// # Errors
/// Those of the statement.
pub fn wait_briefly<T>(conn: &mut Conn, run: impl FnOnce(&mut Conn) -> QueryResult<T>) -> QueryResult<T> {
    let before = sql::<Text>("current_setting('lock_timeout')");
    let now = sql::<Text>("set_config('lock_timeout', ").bind::<Text, _>(SHORT_WAIT).sql(", true)");
    let (before, _): (String, String) = diesel::select((before, now)).get_result(conn)?;
    let done = run(conn)?;
    let after = sql::<Text>("set_config('lock_timeout', ").bind::<Text, _>(before).sql(", true)");
    let _: String = diesel::select(after).get_result(conn)?;
    Ok(done)
}

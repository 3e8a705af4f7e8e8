//! Detects poolers that mix up the prepared statements of their clients.
//!
//! # Design
//! The names of prepared statements are the same on every connection. A pooler that runs each transaction in another
//! session of the server, and forwards these names as they are (PgBouncer before 1.21, and any with
//! `max_prepared_statements = 0`), runs the statement that another client has prepared under the same name, and returns
//! its rows.
//!
//! Behind a pooler, each new connection therefore prepares a statement with a text of its own, the canary, and looks how
//! the session of the server calls it. If the pooler has renamed it, the connection is safe. If not, the pooler may still
//! keep a session for each client; so every transaction begins, in the same round trip, with a check that the session has
//! the canary of this connection or none of our statements. Another client cannot add one: it would fail the same check.

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::Text;

use super::conn::{Conn, Db};
use super::layout::{self, Layout};

/// The text of the error where statements are mixed up. No planner evaluates the cast that fails with it before.
const MIXED: &str = "prepared statements are mixed up";
/// The start of the names that the client library gives.
const NAMES: &str = "__diesel_stmt_";
/// What libpq reports for a name that another client has used, or that this session of the server does not know.
const CONFLICTS: [&str; 3] = [MIXED, "already exists", "does not exist"];

/// Why a pooler cannot be used, for people.
pub(in crate::store) const EXPLANATION: &str = "the pooler mixes up the prepared statements of its clients, so that \
     queries would return the rows of other queries; use PgBouncer 1.21 or newer with `max_prepared_statements` above 0, or \
     `pool_mode = session` (docs/OPERATIONS.md, \"Poolers\")";

/// How a connection behind a pooler begins its transactions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Canary {
    /// SQL that fails if the session of the server is not safe, beginning with a semicolon; empty if all are.
    pub check: String,
    /// The key of the advisory lock by which the process that runs a transaction is found. It is random.
    pub lock: i64,
    /// Where the rows of the database are.
    pub layout: Layout,
}

/// Prepares the canary of a new connection.
///
/// # Errors
/// Those of libpq; [`is_mixed_up`] tells whether the pooler is the reason.
pub(super) fn plant(conn: &mut Conn) -> QueryResult<Canary> {
    let mut random = [0; 8];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| mixed_up("no random number"))?;
    let lock = i64::from_be_bytes(random);
    let own = format!("{lock:016x}");
    // In a transaction, so that all of it runs in one session of the server.
    conn.batch_execute("BEGIN")?;
    let text = format!("SELECT '{own}' AS canary");
    let found: String = Canaries { text: &text }.get_result(conn)?;
    if found != own {
        return Err(mixed_up(MIXED));
    }
    let names = diesel::dsl::sql::<Text>("SELECT name FROM pg_prepared_statements WHERE statement = ");
    let names: Vec<String> = names.bind::<Text, _>(&text).load(conn)?;
    let layout = layout::find(conn)?;
    conn.batch_execute("COMMIT")?;
    let own_name = names.into_iter().find(|name| name.starts_with(NAMES));
    let check = own_name.map(|name| {
        format!(
            "; SELECT CAST(CASE WHEN EXISTS (SELECT FROM pg_prepared_statements WHERE starts_with(name, '{NAMES}')) \
             AND NOT EXISTS (SELECT FROM pg_prepared_statements WHERE name = '{name}' AND strpos(statement, '{own}') > 0) \
             THEN '{MIXED}' END AS INTEGER)"
        )
    });
    Ok(Canary { check: check.unwrap_or_default(), lock, layout })
}

/// Whether an error shows that prepared statements are mixed up.
pub(super) fn is_mixed_up(message: &str) -> bool {
    message.contains(MIXED)
        || (message.contains("prepared statement") && CONFLICTS.iter().any(|text| message.contains(text)))
}

fn mixed_up(cause: &str) -> diesel::result::Error {
    diesel::result::Error::QueryBuilderError(cause.into())
}

/// The statement, which the client library keeps prepared under a name.
#[derive(Debug)]
struct Canaries<'a> {
    text: &'a str,
}

impl QueryFragment<Db> for Canaries<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Db>) -> QueryResult<()> {
        out.push_sql(self.text);
        Ok(())
    }
}

impl QueryId for Canaries<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Canaries<'_> {
    type SqlType = Text;
}

impl diesel::RunQueryDsl<Conn> for Canaries<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conflicts_of_names_are_told_from_other_errors() {
        for message in [
            "invalid input syntax for type integer: \"prepared statements are mixed up\"",
            "prepared statement \"__diesel_stmt_0\" already exists",
            "prepared statement \"__diesel_stmt_7\" does not exist",
        ] {
            assert!(is_mixed_up(message), "{message}");
        }
        for message in ["relation \"users\" does not exist", "relation \"users\" already exists"] {
            assert!(!is_mixed_up(message), "{message}");
        }
    }
}

//! Spreads the rows of a database over the nodes of a Citus cluster (`docs/SCALE.md`).

use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use super::migrations::{self, MigrationFailure};
use super::opening::OpenError;
use super::postgres::conn::Conn;
use super::postgres::layout::{self, Layout};
use super::postgres::spread::copies;
use super::sql_script;
use super::url::DatabaseUrl;

/// The statements, of which each is sent alone, because Citus refuses some of them in a message with others.
const SCRIPT: &str = include_str!("../../migrations/citus/spread_rows.sql");

/// Whether the schema is that of one tenant, which is on one node as a whole.
const IS_TENANT: &str = "SELECT EXISTS (SELECT 1 FROM pg_dist_partition WHERE logicalrelid = to_regclass('users'))";

/// Whether other clients are connected to the database, besides the nodes themselves and the process that holds the lock of
/// migrations for this one.
const HAS_OTHER_CLIENTS: &str = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() \
     AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND NOT starts_with(application_name, 'citus_') \
     AND pid NOT IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted))";

/// Where the rows of a database are, for people; `None` if they are on one server.
///
/// # Errors
/// [`OpenError`] when the database cannot be reached.
pub fn describe(url: &DatabaseUrl) -> Result<Option<&'static str>, OpenError> {
    let DatabaseUrl::Postgres(url) = url else { return Ok(None) };
    Ok(match layout::find(&mut migrations::connect(url)?).map_err(MigrationFailure::from)? {
        Layout::Server => None,
        Layout::CitusSchema => Some("Citus: the schema is on one node"),
        Layout::CitusRows => Some("Citus: the rows are spread over all nodes"),
    })
}

/// Spreads the rows over the nodes; `false` if they are spread already. All migrations must be applied.
///
/// # Errors
/// [`OpenError`] when the database cannot be reached, is no coordinator of a cluster, belongs to a tenant, or has other
/// clients. Then nothing has changed.
pub fn run(url: &DatabaseUrl) -> Result<bool, OpenError> {
    let DatabaseUrl::Postgres(url) = url else {
        return Err(OpenError::Schema("rows can be spread on PostgreSQL with Citus, not on SQLite".to_owned()));
    };
    migrations::under_lock(url, |conn| match layout::find(conn)? {
        Layout::CitusRows => Ok(false),
        Layout::Server => Err(refusal(
            "the database lacks the extension `citus`; create it on all nodes and add them as docs/SCALE.md says",
        )),
        Layout::CitusSchema => conn.transaction(spread).map(|()| true),
    })
}

fn spread(conn: &mut Conn) -> Result<(), MigrationFailure> {
    let is = |conn: &mut Conn, question: &str| diesel::dsl::sql::<Bool>(question).get_result::<bool>(conn);
    if is(conn, IS_TENANT)? {
        return Err(refusal(
            "the tables belong to a tenant, whose schema is on one node; use a schema that is not distributed",
        ));
    }
    // A client that connects later waits.
    diesel::sql_query("LOCK TABLE users, relationship_types, user_relationships IN ACCESS EXCLUSIVE MODE")
        .execute(conn)?;
    if is(conn, HAS_OTHER_CLIENTS)? {
        return Err(refusal("other clients are connected to the database; stop all instances of the service first"));
    }
    for statement in sql_script::split(SCRIPT) {
        diesel::sql_query(statement).execute(conn)?;
    }
    copies::rebuild(conn)?;
    // Citus keeps the rows of a table that it has distributed on the coordinator, out of sight.
    let tables: Vec<String> =
        diesel::dsl::sql::<Text>("SELECT logicalrelid::text FROM pg_dist_partition WHERE partmethod IN ('h', 'n')")
            .load(conn)?;
    for table in tables {
        diesel::sql_query(format!("SELECT truncate_local_data_after_distributing_table('{table}')")).execute(conn)?;
    }
    Ok(())
}

/// The statements that make the copies of relationships and addresses again, for tests that write rows.
pub fn copy_statements() -> impl Iterator<Item = String> {
    copies::statements()
}

fn refusal(reason: &str) -> MigrationFailure {
    MigrationFailure(format!("the rows were not spread: {reason}").into())
}

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

/// Sets the number of shards of each table, unless it is set. A statement for several users is planned once for each
/// of their shards, so few are faster; a cluster grows to as many nodes as there are shards.
const CHOOSE_SHARDS: &str = "SELECT set_config('citus.shard_count', CAST(2 * (SELECT GREATEST(COUNT(*), 1) \
     FROM pg_dist_node WHERE shouldhaveshards AND isactive AND noderole = 'primary') AS TEXT), true) \
     FROM pg_settings WHERE name = 'citus.shard_count' AND source = 'default'";

/// Where the rows of a database are, for people; `None` if they are on one server.
///
/// # Errors
/// [`OpenError`] when the database cannot be reached.
pub fn describe(url: &DatabaseUrl) -> Result<Option<&'static str>, OpenError> {
    Ok(match layout_of(url)? {
        Layout::Server => None,
        Layout::CitusSchema => Some("Citus: the schema is on one node"),
        Layout::CitusRows => Some("Citus: the rows are spread over all nodes"),
    })
}

/// Fails if the rows of a database are spread, which a command cannot change back or load.
pub(super) fn require_one_server(url: &DatabaseUrl) -> Result<(), OpenError> {
    if layout_of(url)? != Layout::CitusRows {
        return Ok(());
    }
    Err(OpenError::Layout(
        "the rows of the database are spread over nodes: copy them into another database, or copy into an ordinary one and \
         then spread it (docs/SCALE.md, \"Rows spread over nodes\")"
            .to_owned(),
    ))
}

fn layout_of(url: &DatabaseUrl) -> Result<Layout, OpenError> {
    let DatabaseUrl::Postgres(url) = url else { return Ok(Layout::Server) };
    Ok(layout::find(&mut migrations::connect(url)?).map_err(MigrationFailure::from)?)
}

/// Spreads the rows over the nodes; `false` if they are spread already. All migrations must be applied.
///
/// # Errors
/// [`OpenError`] when the database cannot be reached, is no coordinator of a cluster, belongs to a tenant, or has other
/// clients. Then nothing has changed.
pub fn run(url: &DatabaseUrl) -> Result<bool, OpenError> {
    let DatabaseUrl::Postgres(url) = url else { return Err(refusal("only those on PostgreSQL with Citus can be")) };
    let spread = migrations::under_lock(url, |conn| match layout::find(conn)? {
        Layout::CitusRows => Ok(Ok(false)),
        Layout::Server => Ok(Err("the database lacks the extension `citus`; create it on all nodes (docs/SCALE.md)")),
        Layout::CitusSchema => conn.transaction(spread).map(|done| done.map(|()| true)),
    });
    spread?.map_err(refusal)
}

/// Spreads the rows, or returns why not.
fn spread(conn: &mut Conn) -> Result<Result<(), &'static str>, MigrationFailure> {
    let is = |conn: &mut Conn, question: &str| diesel::dsl::sql::<Bool>(question).get_result::<bool>(conn);
    if is(conn, IS_TENANT)? {
        return Ok(Err("the schema is distributed as a whole; use one that is not"));
    }
    // A client that connects later waits.
    diesel::sql_query("LOCK TABLE users, relationship_types, user_relationships IN ACCESS EXCLUSIVE MODE")
        .execute(conn)?;
    if is(conn, HAS_OTHER_CLIENTS)? {
        return Ok(Err("other clients are connected to the database; stop all instances of the service first"));
    }
    diesel::sql_query(CHOOSE_SHARDS).execute(conn)?;
    for statement in sql_script::split(SCRIPT) {
        diesel::sql_query(statement).execute(conn)?;
    }
    copies::rebuild(conn)?;
    // Citus keeps the rows of a table that it has distributed on the coordinator, out of sight.
    let tables: Vec<String> = diesel::dsl::sql::<Text>(
        "SELECT logicalrelid::text FROM pg_dist_partition WHERE partmethod = 'h' OR repmodel = 't'",
    )
    .load(conn)?;
    for table in tables {
        diesel::sql_query(format!("SELECT truncate_local_data_after_distributing_table('{table}')")).execute(conn)?;
    }
    Ok(Ok(()))
}

/// The statements that make the copies of relationships and addresses again, for tests that write rows.
pub fn copy_statements() -> impl Iterator<Item = String> {
    copies::statements()
}

fn refusal(reason: &str) -> OpenError {
    OpenError::Layout(format!("the rows were not spread: {reason}"))
}

//! Finds out whether a database can be used, with statements that need no privileges.

use diesel::prelude::*;
use diesel::sql_types::{Array, Bool, Text};

use super::conn::Conn;
use crate::model::database_problem::DatabaseProblem;

/// What an unprivileged session can see.
#[derive(QueryableByName)]
struct Inspection {
    #[diesel(sql_type = Text)]
    encoding: String,
    /// Whether the table of migrations is in a schema that the session searches.
    #[diesel(sql_type = Bool)]
    has_schema: bool,
    /// Whether it is in another one.
    #[diesel(sql_type = Bool)]
    is_elsewhere: bool,
    /// Whether it is in a schema that the role may not use.
    #[diesel(sql_type = Bool)]
    is_forbidden: bool,
    /// The missing privileges, a text for each table.
    #[diesel(sql_type = Array<Text>)]
    missing: Vec<String>,
}

#[derive(QueryableByName)]
struct Creation {
    #[diesel(sql_type = Bool)]
    has_schema: bool,
    #[diesel(sql_type = Bool)]
    may_create: bool,
}

/// The tables that the service reads and writes.
const WRITTEN: [&str; 26] = [
    "api_client_keys",
    "api_clients",
    "api_nonces",
    "api_tokens",
    "change_log",
    "changes",
    "counts_below",
    "counts_by_target",
    "counts_by_type",
    "counts_by_user",
    "counts_of_users",
    "group_members",
    "groups",
    "idempotency_keys",
    "import_chunks",
    "import_rows",
    "imports",
    "relationship_type_locks",
    "relationship_types",
    "retired_relationship_ids",
    "retired_type_ids",
    "retired_user_ids",
    "transfers",
    "unnumbered_changes",
    "user_relationships",
    "users",
];
/// The tables and views that the service only reads.
const READ: [&str; 4] = ["__diesel_schema_migrations", "computed_data", "readable_relationships", "service_secrets"];

const INSPECT: &str = "SELECT current_setting('server_encoding') AS encoding, \
     to_regclass('__diesel_schema_migrations') IS NOT NULL AS has_schema, \
     EXISTS (SELECT 1 FROM pg_class WHERE relname = '__diesel_schema_migrations') AS is_elsewhere, \
     EXISTS (SELECT 1 FROM pg_class WHERE relname = '__diesel_schema_migrations' \
             AND NOT has_schema_privilege(relnamespace, 'USAGE')) AS is_forbidden, \
     ARRAY(SELECT string_agg(privilege, ', ' ORDER BY place) || ' on ' || name \
           FROM (SELECT name, p.privilege, p.place FROM unnest($1) AS w (name), \
                 unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) WITH ORDINALITY AS p (privilege, place) \
                 UNION ALL SELECT name, 'SELECT', 1 FROM unnest($2) AS r (name)) AS needed \
           WHERE NOT has_table_privilege(to_regclass(name), privilege) GROUP BY name ORDER BY name) AS missing";

/// Why requests cannot be served from the database; `None` if nothing is wrong but perhaps the version of the schema.
pub fn find_problem(conn: &mut Conn) -> QueryResult<Option<DatabaseProblem>> {
    let found: Inspection = diesel::sql_query(INSPECT)
        .bind::<Array<Text>, _>(WRITTEN.as_slice())
        .bind::<Array<Text>, _>(READ.as_slice())
        .get_result(conn)?;
    Ok(found.problem())
}

impl Inspection {
    fn problem(self) -> Option<DatabaseProblem> {
        if self.encoding != "UTF8" {
            return Some(DatabaseProblem::Encoding(self.encoding));
        }
        match (self.has_schema, self.is_forbidden, self.is_elsewhere) {
            (true, ..) if self.missing.is_empty() => None,
            (true, ..) => Some(DatabaseProblem::MissingPrivileges(self.missing)),
            (false, true, _) => {
                Some(DatabaseProblem::MissingPrivileges(vec!["USAGE on the schema of the tables".to_owned()]))
            }
            (false, false, true) => Some(DatabaseProblem::HiddenSchema),
            (false, false, false) => Some(DatabaseProblem::NoSchema),
        }
    }
}

/// Whether the database has the table of migrations, where the session searches for it.
pub fn has_schema(conn: &mut Conn) -> QueryResult<bool> {
    diesel::dsl::sql::<Bool>("SELECT to_regclass('__diesel_schema_migrations') IS NOT NULL").get_result(conn)
}

/// Whether the text of the database is not UTF-8, so that it cannot store every name.
pub(in crate::store) fn check_encoding(conn: &mut Conn) -> QueryResult<Option<DatabaseProblem>> {
    let encoding: String = diesel::dsl::sql::<Text>("SELECT current_setting('server_encoding')").get_result(conn)?;
    Ok((encoding != "UTF8").then_some(DatabaseProblem::Encoding(encoding)))
}

/// Why a role cannot create tables, for people; `None` if it can.
pub(in crate::store) fn find_creation_problem(conn: &mut Conn) -> QueryResult<Option<&'static str>> {
    let found: Creation = diesel::sql_query(
        "SELECT current_schema() IS NOT NULL AS has_schema, \
         COALESCE(has_schema_privilege(current_schema(), 'CREATE'), FALSE) AS may_create",
    )
    .get_result(conn)?;
    Ok(match (found.has_schema, found.may_create) {
        (true, true) => None,
        (true, false) => Some(
            "permission denied (SQLSTATE 42501): the role lacks CREATE on it; run `migrate run` with the role that owns \
             the tables, and start the service with `--no-migrate` (docs/OPERATIONS.md, \"Roles\")",
        ),
        (false, _) => Some("no schema in the `search_path` of the role exists, or the role lacks USAGE on it"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_privileges_of_every_table_are_checked() {
        let schema = include_str!("../schema.rs");
        let tables = schema.lines().skip_while(|line| !line.contains("table!")).filter_map(|line| {
            let (name, rest) = line.strip_prefix("    ")?.split_once(" (")?;
            rest.ends_with(") {").then_some(name)
        });
        let tables: Vec<_> = tables.collect();
        assert!(tables.len() > 15, "{tables:?}");
        let missing: Vec<_> = tables.iter().filter(|name| !WRITTEN.contains(name) && !READ.contains(name)).collect();
        assert!(missing.is_empty(), "add these tables to `WRITTEN` or `READ`: {missing:?}");
    }
}

//! Plans of prepared statements on PostgreSQL.
//!
//! # Design
//! The statement is prepared by the protocol, as the service does, and not by the SQL command `PREPARE`, which a pooler
//! in transaction mode leaves in a session of the server that the next client gets. A pooler renames it, so its name is
//! looked up.

use std::fmt::Write;

use diesel::connection::SimpleConnection;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::Text;
use diesel::{PgConnection, QueryResult, QueryableByName, RunQueryDsl, sql_query};

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    line: String,
}

/// The plan of a statement with parameters of these types, such as `(bigint, text[])` or an empty text, for these values,
/// of which it may use the first ones only; `mode` is a value of `plan_cache_mode`.
pub fn explain(conn: &mut PgConnection, statement: &str, types: &str, values: &str, mode: &str) -> String {
    let parameters = (1..=99).take_while(|number| statement.contains(&format!("${number}"))).count();
    let values = values.split(", ").take(parameters).collect::<Vec<_>>().join(", ");
    let statement = with_types(statement, types);
    // Behind a pooler, the next client of the session must not find the setting.
    conn.batch_execute(&format!("BEGIN; SET LOCAL plan_cache_mode = {mode}; SAVEPOINT unprepared")).expect("a mode");
    // It has no values, so it is prepared, and fails to run.
    let refused = Prepared { text: &statement }.execute(conn).map_err(|error| error.to_string());
    assert!(refused.as_ref().is_err_and(|error| error.contains("supplies 0 parameters")), "{refused:?}\n{statement}");
    conn.batch_execute("ROLLBACK TO unprepared").expect("the transaction goes on");
    let name = sql_query("SELECT name FROM pg_prepared_statements WHERE statement = $1 AND NOT from_sql LIMIT 1");
    let Name { name } = name.bind::<Text, _>(&statement).get_result(conn).expect("a prepared statement");
    let lines: QueryResult<Vec<Line>> = sql_query(format!("EXPLAIN EXECUTE \"{name}\" ({values})")).load(conn);
    let lines = lines.unwrap_or_else(|error| panic!("{error}\n{values}\n{statement}"));
    conn.batch_execute("ROLLBACK").expect("the end of the transaction");
    lines.into_iter().map(|line| line.line).collect::<Vec<_>>().join("\n")
}

/// The plan of a statement without parameters.
pub fn explain_literals(conn: &mut PgConnection, statement: &str) -> String {
    let lines: QueryResult<Vec<Line>> = sql_query(format!("EXPLAIN {statement}")).load(conn);
    let lines = lines.unwrap_or_else(|error| panic!("{error}\n{statement}"));
    lines.into_iter().map(|line| line.line).collect::<Vec<_>>().join("\n")
}

/// Adds the types to the parameters.
fn with_types(statement: &str, types: &str) -> String {
    if types.is_empty() {
        return statement.to_owned();
    }
    let types: Vec<_> = types.trim_matches(['(', ')']).split(", ").collect();
    let mut parts = statement.split('$');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(part.len());
        let (number, rest) = part.split_at(digits);
        let place: usize = number.parse().expect("the number of a parameter");
        write!(text, "CAST(${number} AS {}){rest}", types[place - 1]).expect("a text");
    }
    text
}

/// A statement that the client library keeps prepared.
#[derive(Debug)]
struct Prepared<'a> {
    text: &'a str,
}

impl QueryFragment<Pg> for Prepared<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(self.text);
        Ok(())
    }
}

impl QueryId for Prepared<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Prepared<'_> {
    type SqlType = Text;
}

impl RunQueryDsl<PgConnection> for Prepared<'_> {}

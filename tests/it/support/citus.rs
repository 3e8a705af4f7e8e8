//! Databases on a Citus cluster whose coordinator `TEST_CITUS_URL` names, each with one distributed schema: the layout of
//! one schema for each tenant. With `TEST_CITUS_LAYOUT=rows` their rows are spread over the nodes instead.
//!
//! A database exists on every node under the same name. A copy of it on every node is a copy of the whole, because the
//! nodes connect to the database of their own name, so a test gets its database as quickly as elsewhere.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

use super::cluster::{setting, with_database};
use super::process::until;
use super::skip::skip;
use super::sql::Raw;
use user_relationships::store::url::DatabaseUrl;

/// The schema of a database, which all of its sessions search.
pub const SCHEMA: &str = "tenant";

/// A cluster, on which tests create databases of their own.
#[derive(Debug)]
pub struct CitusCluster {
    /// The URLs of the coordinator, which is the first, and of the workers.
    nodes: Vec<String>,
    /// Whether rows are spread over the nodes.
    has_spread_rows: bool,
}

/// The cluster that `TEST_CITUS_URL` names, if it names one. Its database has the extension and knows the workers.
pub fn citus() -> Option<&'static CitusCluster> {
    static CLUSTER: LazyLock<Option<CitusCluster>> =
        LazyLock::new(|| setting("TEST_CITUS_URL").map(|url| CitusCluster::find(&url)));
    CLUSTER.as_ref()
}

/// Spreads the rows of a migrated database, if those of tests are.
pub fn spread_rows(url: &DatabaseUrl) {
    if has_spread_rows() {
        assert!(user_relationships::store::spread_rows::run(url).expect("the rows are spread"));
    }
}

/// Whether the tests run on rows that are spread over nodes.
pub fn has_spread_rows() -> bool {
    citus().is_some_and(CitusCluster::has_spread_rows)
}

/// In how many shards a database has its users; 1 where rows are not spread.
pub fn shards(raw: &mut Raw) -> i64 {
    let shards = "SELECT COUNT(*) AS number FROM pg_dist_shard WHERE logicalrelid = 'users'::regclass";
    if has_spread_rows() { raw.number(shards) } else { 1 }
}

/// Whether the tests run on Citus, where the service does something not at all; then it reports that the test is skipped.
pub fn skips_on_citus(what: &str) -> bool {
    if citus().is_some() {
        skip(&format!("Citus: {what}"));
    }
    citus().is_some()
}

/// Whether the tests run on Citus with one schema for each tenant, where something is not so; then it reports that the test is
/// skipped.
pub fn skips_on_tenants(what: &str) -> bool {
    let is_skipped = citus().is_some_and(|cluster| !cluster.has_spread_rows());
    if is_skipped {
        skip(&format!("tenants: {what}"));
    }
    is_skipped
}

/// Whether the tests run on spread rows, where something is not so; then it reports that the test is skipped.
pub fn skips_on_spread_rows(what: &str) -> bool {
    let is_skipped = has_spread_rows();
    if is_skipped {
        skip(&format!("spread rows: {what}"));
    }
    is_skipped
}

impl CitusCluster {
    fn find(url: &str) -> Self {
        let workers = connect(url).lines(
            "SELECT nodename || ':' || nodeport AS line FROM pg_dist_node
             WHERE groupid > 0 AND noderole = 'primary' AND isactive ORDER BY nodeid",
        );
        assert!(!workers.is_empty(), "the database in TEST_CITUS_URL knows no workers");
        let (scheme, rest) = url.split_once("://").expect("a URL");
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let user = rest[..end].rsplit_once('@').map_or("", |(user, _)| user);
        let workers = workers.iter().map(|address| format!("{scheme}://{user}@{address}/postgres"));
        let layout = setting("TEST_CITUS_LAYOUT").unwrap_or_else(|| "schema".to_owned());
        assert!(["schema", "rows"].contains(&layout.as_str()), "TEST_CITUS_LAYOUT is `schema` or `rows`: {layout}");
        Self { nodes: [url.to_owned()].into_iter().chain(workers).collect(), has_spread_rows: layout == "rows" }
    }

    /// Whether the rows of the databases of tests are spread over the nodes.
    pub fn has_spread_rows(&self) -> bool {
        self.has_spread_rows
    }

    /// The URL of a database on the coordinator.
    pub fn url(&self, database: &str) -> String {
        with_database(&self.nodes[0], database)
    }

    /// Creates a database as a copy of `template`, or else with an empty distributed schema.
    pub fn create_database(&self, psql: &Path, name: &str, template: Option<&str>) {
        let template = template.unwrap_or_else(|| self.empty(psql));
        self.run_everywhere(psql, &format!("CREATE DATABASE \"{name}\" TEMPLATE \"{template}\" STRATEGY wal_log"));
        run(psql, &self.url("postgres"), &format!("ALTER DATABASE \"{name}\" SET search_path = {SCHEMA}"));
    }

    /// Makes a database that is to be copied unusable for sessions, and ends those that it has.
    pub fn close_template(&self, psql: &Path, name: &str) {
        self.run_everywhere(psql, &format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS false"));
        let end =
            format!("SELECT pg_terminate_backend(pid)::text AS line FROM pg_stat_activity WHERE datname = '{name}'");
        until("no session uses the template", Duration::from_secs(10), || {
            self.nodes.iter().all(|node| connect(&with_database(node, "postgres")).lines(&end).is_empty())
        });
    }

    /// Drops a database if it exists, and closes its sessions.
    pub fn drop_database(&self, psql: &Path, name: &str) {
        self.run_everywhere(psql, &format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)"));
    }

    /// The name of a database with an empty distributed schema.
    fn empty(&self, psql: &Path) -> &'static str {
        static NAME: LazyLock<String> = LazyLock::new(|| format!("ur_{}_citus", std::process::id()));
        static CREATED: std::sync::Once = std::sync::Once::new();
        CREATED.call_once(|| {
            self.run_everywhere(psql, &format!("CREATE DATABASE \"{}\" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'", *NAME));
            for node in &self.nodes {
                run(psql, &with_database(node, &NAME), "CREATE EXTENSION citus");
            }
            // As they are in the database of TEST_CITUS_URL.
            let nodes = connect(&self.nodes[0]).lines(
                "SELECT CASE groupid WHEN 0 THEN 'SELECT citus_set_coordinator_host(' ELSE 'SELECT citus_add_node(' END ||
                 quote_literal(nodename) || ', ' || nodeport || ')' AS line FROM pg_dist_node
                 WHERE noderole = 'primary' AND isactive ORDER BY groupid",
            );
            let url = self.url(&NAME);
            for add in nodes {
                run(psql, &url, &add);
            }
            run(psql, &url, &format!("CREATE SCHEMA {SCHEMA}"));
            if !self.has_spread_rows {
                run(psql, &url, &format!("SELECT citus_schema_distribute('{SCHEMA}')"));
            }
            self.close_template(psql, &NAME);
        });
        &NAME
    }

    /// Runs a statement on all nodes, again while the background workers of Citus use a database that it drops. While a failed
    /// test unwinds, errors are ignored: a panic would hide why it failed.
    fn run_everywhere(&self, psql: &Path, sql: &str) {
        let is_unwinding = thread::panicking();
        thread::scope(|scope| {
            for node in &self.nodes {
                scope.spawn(move || {
                    let attempt = || psql_output(psql, &with_database(node, "postgres"), sql);
                    let mut output = attempt();
                    for _ in 0..20 {
                        if output.status.success() || is_unwinding {
                            return;
                        }
                        thread::sleep(Duration::from_millis(250));
                        output = attempt();
                    }
                    panic!("{sql}: {output:?}");
                });
            }
        });
    }
}

fn connect(url: &str) -> Raw {
    Raw::connect(&DatabaseUrl::parse(url).expect("a URL of PostgreSQL"))
}

/// Runs a statement with `psql`.
fn run(psql: &Path, url: &str, sql: &str) {
    let output = psql_output(psql, url, sql);
    assert!(output.status.success(), "{sql}: {output:?}");
}

fn psql_output(psql: &Path, url: &str, sql: &str) -> Output {
    Command::new(psql).args(["-XAtq", "-w", "-d", url, "-c", sql]).output().expect("running psql")
}

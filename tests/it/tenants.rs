//! One schema for each tenant: several services on one database, each in the schema that its URL names. On Citus the schemas
//! are distributed (docs/SCALE.md).

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use user_relationships::store::url::DatabaseUrl;

use crate::support::bare::Bare;
use crate::support::citus::{CitusCluster, citus};
use crate::support::client::Client;
use crate::support::cluster::{self, with_parameter};
use crate::support::edge;
use crate::support::process::{Service, new_user_token, run};
use crate::support::skip::skip;
use crate::support::sql::Raw;

fn connect(url: &str) -> Raw {
    Raw::connect(&DatabaseUrl::parse(url).expect("a URL of a test"))
}

/// A database on Citus, or else one that is not behind a pooler, which ignores the schema in a URL.
fn empty_database(name: &str) -> Option<Bare> {
    if citus().is_some() { Bare::postgres(name, "UTF8") } else { Bare::direct(name, "UTF8") }
}

/// Creates an empty schema, on Citus a distributed one, and returns the URL of its tenant.
fn create_tenant(database: &str, name: &str) -> String {
    let mut raw = connect(database);
    raw.run(&format!("CREATE SCHEMA {name}"));
    if citus().is_some() {
        raw.run(&format!("SELECT citus_schema_distribute('{name}')"));
    }
    with_parameter(database, &format!("options=-c%20search_path%3D{name}"))
}

/// A user with a token, and the id of another user.
fn users(url: &str, service: &Service) -> (Client, i64) {
    let client = service.client(&new_user_token(url, "ann@example.com", "admin"));
    run(url, &["user", "add", "--email", "bob@example.com"]).expect(0);
    let bob = client.get("/api/v2/users?filter[email]=bob@example.com").expect(200);
    let id = bob.body["data"][0]["id"].as_str().expect("an id").parse().expect("a number");
    (client, id)
}

fn count_edges(client: &Client) -> i64 {
    let list = client.get("/api/v2/user-relationships?page[limit]=0").expect(200);
    list.body["meta"]["total-count"].as_i64().expect("a count")
}

#[test]
fn each_schema_of_a_database_is_a_tenant_of_its_own() {
    let Some(database) = empty_database("tenants") else { return };
    let urls = ["north", "south"].map(|name| create_tenant(&database.url(), name));
    for url in &urls {
        let applied = run(url, &["migrate", "run"]).expect(0).stdout;
        assert!(applied.lines().count() > 5, "{applied}");
        assert_eq!(run(url, &["migrate", "run"]).expect(0).stdout, "", "the other tenant has its schema already");
    }
    let services = urls.each_ref().map(|url| Service::start(url, &[]));
    let (north, bob) = users(&urls[0], &services[0]);
    let (south, _) = users(&urls[1], &services[1]);
    north.post("/api/v2/user-relationships", &edge(None, "mentor", bob)).expect(201);
    assert_eq!((count_edges(&north), count_edges(&south)), (1, 0));
    run(&urls[0], &["migrate", "revert", "--yes"]).expect(0);
    assert!(run(&urls[0], &["migrate", "status"]).expect(0).stdout.contains("pending"));
    assert!(!run(&urls[1], &["migrate", "status"]).expect(0).stdout.contains("pending"));
    run(&urls[0], &["migrate", "run"]).expect(0);
    for url in &urls {
        run(url, &["check"]).expect(0);
    }
}

#[test]
fn a_role_whose_search_path_is_a_schema_uses_its_tenant() {
    let Some(database) = empty_database("tenant_roles") else { return };
    let mut raw = connect(&database.url());
    let role = format!("ur_tenant_{}", std::process::id());
    create_tenant(&database.url(), "west");
    raw.run(&format!("CREATE ROLE {role} LOGIN"));
    raw.run(&format!("ALTER ROLE {role} SET search_path = west; GRANT USAGE, CREATE ON SCHEMA west TO {role}"));
    if citus().is_some() {
        raw.run(&format!("ALTER SCHEMA west OWNER TO {role}"));
    }
    let url = with_parameter(&database.url(), &format!("user={role}"));
    run(&url, &["migrate", "run"]).expect(0);
    let service = Service::start(&url, &[]);
    let (client, bob) = users(&url, &service);
    client.post("/api/v2/user-relationships", &edge(None, "mentor", bob)).expect(201);
    assert_eq!(raw.number("SELECT COUNT(*) AS number FROM west.user_relationships"), 1);
    drop((service, raw, database));
    let mut raw = connect(&cluster::cluster().expect("it runs").admin_url());
    raw.attempt(&format!("DROP ROLE {role}"));
}

/// The cluster, a database on it, and the URL of a migrated tenant; `None`, with a message, without `TEST_CITUS_URL`.
fn citus_tenant(name: &str) -> Option<(&'static CitusCluster, Bare, String)> {
    let Some(citus) = citus() else {
        skip("Citus: set TEST_CITUS_URL to the coordinator of a cluster");
        return None;
    };
    let database = empty_database(name)?;
    let url = create_tenant(&database.url(), "tenant_of_test");
    run(&url, &["migrate", "run"]).expect(0);
    Some((citus, database, url))
}

/// The ports of the nodes that have tables of the tenant.
fn nodes(raw: &mut Raw) -> Vec<String> {
    raw.lines("SELECT DISTINCT nodeport::text AS line FROM citus_shards WHERE table_name::text LIKE 'tenant_of_test.%'")
}

#[test]
fn a_tenant_moves_to_another_node_while_it_writes() {
    let Some((_, database, url)) = citus_tenant("move") else { return };
    let service = Service::start(&url, &[]);
    let (client, bob) = users(&url, &service);
    let mut raw = connect(&database.url());
    let before = nodes(&mut raw);
    let [from] = &*before else { panic!("a tenant is on one node: {before:?}") };
    let other = raw.lines(&format!(
        "SELECT quote_literal(nodename) || ', ' || nodeport AS line FROM pg_dist_node \
         WHERE groupid > 0 AND noderole = 'primary' AND nodeport <> {from}"
    ));
    let is_moved = AtomicBool::new(false);
    let created = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut created = 0;
            while !is_moved.load(Ordering::Relaxed) || created < 20 {
                let made = client.post("/api/v2/user-relationships", &edge(None, "mentor", bob)).expect(201);
                let id = made.body["data"]["id"].as_str().expect("an id").to_owned();
                client.delete(&format!("/api/v2/user-relationships/{id}")).expect(204);
                created += 1;
            }
            created
        });
        thread::sleep(Duration::from_millis(200));
        raw.run(&format!("SELECT citus_schema_move('tenant_of_test', {})", other[0]));
        is_moved.store(true, Ordering::Relaxed);
        writer.join().expect("every write succeeds")
    });
    assert!(created >= 20);
    assert_ne!(nodes(&mut raw), before);
    assert_eq!(count_edges(&client), 0);
    // Both changes of each edge, without a gap.
    assert_eq!(raw.number("SELECT COUNT(*) AS number FROM tenant_of_test.user_relationships"), 0);
    run(&url, &["check"]).expect(0);
}

#[test]
fn a_dump_of_a_tenant_is_restored_and_distributed_again() {
    let Some((_, database, url)) = citus_tenant("dump") else { return };
    let service = Service::start(&url, &[]);
    let (client, bob) = users(&url, &service);
    client.post("/api/v2/user-relationships", &edge(None, "mentor", bob)).expect(201);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tenant.dump").display().to_string();
    let cluster = cluster::cluster().expect("it runs");
    let run_tool = |name: &str, args: &[&str]| {
        let output = Command::new(cluster.bin(name)).args(args).output().expect("it runs");
        assert!(output.status.success(), "{name}: {output:?}");
    };
    run_tool("pg_dump", &["-n", "tenant_of_test", "-Fc", "-f", &file, "-d", &database.url()]);
    drop(service);
    let mut raw = connect(&database.url());
    raw.run("DROP SCHEMA tenant_of_test CASCADE");
    run_tool("pg_restore", &["--exit-on-error", "--single-transaction", "-d", &database.url(), &file]);
    raw.run("SELECT citus_schema_distribute('tenant_of_test')");
    assert_eq!(nodes(&mut raw).len(), 1);
    let token = run(&url, &["token", "create", "--user", "ann@example.com"]).expect(0).line().to_owned();
    let service = Service::start(&url, &[]);
    let client = service.client(&token);
    assert_eq!(count_edges(&client), 1);
    client.post("/api/v2/user-relationships", &edge(None, "colleague", bob)).expect(201);
    run(&url, &["check"]).expect(0);
}

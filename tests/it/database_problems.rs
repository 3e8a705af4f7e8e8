//! Databases that cannot be used: the start and `/readyz` name the cause, and nothing that is secret.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::support::app::{Engine, Home};
use crate::support::bare::Bare;
use crate::support::cluster::{self, PrivateServer};
use crate::support::process::{Service, new_user_token, run, until};
use crate::support::replica::raw;
use crate::support::sources::{marked, read};
use crate::support::{Answer, edge, json};

const USERS: &str = "/api/v2/users";
const SOON: Duration = Duration::from_secs(10);

/// The detail of a 503 of `/readyz`.
#[track_caller]
fn cause(service: &Service) -> String {
    let answer = service.anonymous().get("/readyz?verbose").refused(503, "unavailable");
    answer.body["errors"][0]["detail"].as_str().expect("a text").to_owned()
}

/// Waits until the detail of a 503 of `/readyz` contains all these words.
#[track_caller]
fn wait_for_cause(service: &Service, words: &[&str]) {
    let mut last = String::new();
    until(&format!("{words:?}"), SOON, || {
        let answer = service.anonymous().get("/readyz");
        last = answer.text;
        answer.status == 503 && words.iter().all(|word| last.contains(word))
    });
}

/// Starts a service without migrations.
fn start(url: &str) -> Service {
    Service::start(url, &[("NO_MIGRATE", "true"), ("DATABASE_POOL_SIZE", "2")])
}

#[test]
fn a_database_that_is_not_utf_8_is_refused_at_start() {
    for encoding in ["SQL_ASCII", "LATIN1", "EUC_JP", "WIN1252", "MULE_INTERNAL"] {
        let Some(bare) = Bare::postgres("encoding", encoding) else { return };
        let all: [&[&str]; 6] = [
            &["serve"],
            &["serve", "--no-migrate"],
            &["migrate", "run"],
            &["migrate", "status"],
            &["user", "add", "--email", "a@example.com"],
            &["check"],
        ];
        for args in if encoding == "LATIN1" { &all[..] } else { &all[..2] } {
            let ended = run(&bare.url(), args).expect(78);
            let name = if encoding == "MULE_INTERNAL" { "conversion" } else { encoding };
            for word in [name, "UTF8", "DATABASE_URL", "createdb -E UTF8"] {
                assert!(ended.stderr.contains(word), "{encoding} {args:?}: {word} in {}", ended.stderr);
            }
        }
    }
}

#[test]
fn readyz_names_a_missing_database_and_a_wrong_encoding() {
    // A pooler repeats a failed login to the server after seconds only, and until then names another cause.
    let Some(bare) = Bare::direct("late", "UTF8") else { return };
    let Bare::Database(name, cluster) = &bare else { unreachable!() };
    cluster.drop_database(name);
    let service = start(&bare.url());
    wait_for_cause(&service, &["the database does not exist"]);
    assert!(!cause(&service).contains(name), "a name is not for everyone");
    assert!(
        service.log().iter().any(|line| line.contains("does not exist") && line.contains(&**name)),
        "the log has it"
    );
    cluster.create_encoded_database(name, "LATIN1");
    wait_for_cause(&service, &["LATIN1", "UTF8"]);
    until("the log says so", SOON, || {
        service.log().iter().any(|line| line.contains("the encoding of the database is LATIN1"))
    });
    cluster.drop_database(name);
    cluster.create_encoded_database(name, "UTF8");
    wait_for_cause(&service, &["no schema", "migrate run"]);
    run(&bare.url(), &["migrate", "run"]).expect(0);
    until("it is ready", SOON, || service.anonymous().get("/readyz").status == 200);
    until("the log says so", SOON, || service.log().iter().any(|line| line.contains("ready again")));
}

#[test]
fn the_encoding_of_the_client_does_not_matter() {
    let Some(home) = Home::new(Engine::Postgres) else { return };
    let Home::Database(name, _) = &home else { unreachable!() };
    raw(&home.text()).run(&format!("ALTER DATABASE \"{name}\" SET client_encoding = 'SQL_ASCII'"));
    let url = cluster::with_parameter(&home.text(), "client_encoding=LATIN1");
    let token = new_user_token(&url, "ann@example.com", "admin");
    let service = Service::start(&url, &[("DATABASE_READ_URL", &url)]);
    service.anonymous().get("/readyz").expect(200);
    let ann = service.client(&token);
    let named = json!({"data": {"type": "users", "id": "1", "attributes": {"first-name": "Ђорђе 李"}}});
    ann.patch(&format!("{USERS}/1"), &named).expect(200);
    assert_eq!(ann.get(&format!("{USERS}/1")).expect(200).body["data"]["attributes"]["first-name"], "Ђорђе 李");
}

#[test]
fn a_replica_that_is_not_utf_8_is_not_used() {
    let (Some(home), Some(bare)) = (Home::new(Engine::Postgres), Bare::postgres("replica", "LATIN1")) else { return };
    let service = Service::start(&home.text(), &[("DATABASE_READ_URL", &bare.url())]);
    until("the log says why", SOON, || {
        service.log().iter().any(|line| line.contains("the replica is down") && line.contains("LATIN1"))
    });
    let ready = service.anonymous().get("/readyz?verbose").expect(200);
    assert_eq!(ready.body["meta"]["checks"]["replica"], false);
}

/// A server with a schema in the database `people`, owned by `owner`, and a role `service` without privileges.
fn server_with_roles() -> Option<PrivateServer> {
    let server = PrivateServer::start()?;
    raw(&server.url("postgres")).run("CREATE ROLE owner LOGIN; CREATE ROLE service LOGIN PASSWORD 'right'");
    raw(&server.url("postgres")).run("CREATE DATABASE people OWNER owner");
    run(&of_role(&server, "owner", "people"), &["migrate", "run"]).expect(0);
    Some(server)
}

fn of_role(server: &PrivateServer, role: &str, database: &str) -> String {
    server.url(database).replacen("postgres@", &format!("{role}@"), 1)
}

#[test]
fn readyz_and_the_log_name_missing_privileges() {
    let Some(server) = server_with_roles() else { return };
    let service = start(&of_role(&server, "service", "people"));
    let text = cause(&service);
    for word in ["permission denied", "42501", "SELECT, INSERT, UPDATE, DELETE on api_", "GRANT"] {
        assert!(text.contains(word), "{word} in {text}");
    }
    for secret in ["people", "owner", &*server.folder().display().to_string()] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    let verbose = service.anonymous().get("/readyz?verbose").body;
    assert_eq!(verbose["errors"][0]["meta"]["checks"]["database"], false);
    let log = service.log();
    assert!(log.iter().any(|line| line.contains("not ready: permission denied")), "at the start: {log:?}");
    for args in [&["serve"][..], &["user", "list"]] {
        let ended = run(&of_role(&server, "service", "people"), args).expect(1);
        assert!(ended.stderr.contains("permission denied"), "{args:?} {ended:?}");
    }

    let mut owner = raw(&of_role(&server, "owner", "people"));
    owner.run("GRANT SELECT ON ALL TABLES IN SCHEMA public TO service");
    wait_for_cause(&service, &["lacks INSERT, UPDATE, DELETE on api_client_keys;", "more tables"]);
    owner.run("GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO service");
    until("it is ready without a restart", SOON, || service.anonymous().get("/readyz").status == 200);
    owner.run("REVOKE DELETE ON users FROM service");
    wait_for_cause(&service, &["lacks DELETE on users;"]);
    owner.run("GRANT DELETE ON users TO service");
    raw(&server.url("people")).run("REVOKE USAGE ON SCHEMA public FROM PUBLIC");
    wait_for_cause(&service, &["lacks USAGE on the schema"]);
    let listed = run(&of_role(&server, "service", "people"), &["user", "list"]).expect(69);
    assert!(listed.stderr.contains("lacks USAGE on the schema"), "{listed:?}");
}

#[test]
fn readyz_names_why_the_database_refuses_the_connection() {
    let Some(server) = server_with_roles() else { return };
    let mut root = raw(&server.url("postgres"));
    let url = of_role(&server, "service", "people");
    for (sql, cause, undo) in [
        ("ALTER ROLE service NOLOGIN", "rejects the role", "ALTER ROLE service LOGIN"),
        ("ALTER ROLE service CONNECTION LIMIT 0", "too many connections", "ALTER ROLE service CONNECTION LIMIT -1"),
        (
            "REVOKE CONNECT ON DATABASE people FROM PUBLIC",
            "lacks CONNECT",
            "GRANT CONNECT ON DATABASE people TO PUBLIC",
        ),
        (
            "ALTER ROLE service SET search_path = elsewhere",
            "`search_path`",
            "ALTER ROLE service RESET search_path; ALTER ROLE service CONNECTION LIMIT -1",
        ),
    ] {
        root.run(sql);
        let service = start(&url);
        wait_for_cause(&service, &["not ready", cause]);
        root.run(undo);
    }
    wait_for_cause(&start(&of_role(&server, "unknown", "people")), &["rejects the role"]);
    wait_for_cause(&start(&of_role(&server, "service", "nowhere")), &["the database does not exist"]);
    wait_for_cause(&start("postgres://service@127.0.0.1:1/people"), &["cannot be reached"]);

    let access = server.folder().join("data/pg_hba.conf");
    let text = fs::read_to_string(&access).expect("the file");
    fs::write(&access, format!("local people service scram-sha-256\n{text}")).expect("the file");
    root.run("SELECT pg_reload_conf()");
    let wrong = url.replacen("service@", "service:wr0ng@", 1);
    until("passwords are checked", SOON, || run(&wrong, &["user", "list"]).code == 69);
    for url in [&url, &wrong] {
        let service = start(url);
        wait_for_cause(&service, &["rejects the role or the password"]);
        assert!(!service.log().iter().any(|line| line.contains("wr0ng")), "a password in the log");
    }
    let ended = run(&wrong, &["serve"]).expect(69);
    assert!(ended.stderr.contains("password authentication failed") && !ended.stderr.contains("wr0ng"), "{ended:?}");
}

#[test]
fn a_role_that_cannot_migrate_is_told_who_can() {
    let Some(server) = server_with_roles() else { return };
    raw(&server.url("postgres")).run("CREATE DATABASE empty OWNER owner");
    raw(&server.url("empty")).run("REVOKE CREATE ON SCHEMA public FROM PUBLIC");
    for args in [&["serve"][..], &["migrate", "run"]] {
        let ended = run(&of_role(&server, "service", "empty"), args).expect(1);
        for word in ["42501", "CREATE", "migrate run", "--no-migrate", "OPERATIONS.md"] {
            assert!(ended.stderr.contains(word), "{word} in {}", ended.stderr);
        }
    }
}

/// Runs a marked block of statements of the documentation with psql.
#[track_caller]
fn run_documented(server: &PrivateServer, name: &str, database: &str) {
    let document = read("docs/OPERATIONS.md");
    let lines: Vec<_> = marked(&document, name).into_iter().filter(|line| !line.starts_with("```")).collect();
    assert!(lines.len() > 1, "{name}: {lines:?}");
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(&file, lines.join("\n")).expect("a file");
    let mut psql = Command::new(cluster::cluster().expect("it runs").bin("psql"));
    psql.args(["-X", "-q", "-w", "-v", "ON_ERROR_STOP=1", "-d", &server.url(database), "-f"]).arg(file.path());
    let ended = psql.output().expect("psql runs");
    assert!(ended.status.success(), "{ended:?}");
}

#[test]
fn the_documented_grants_suffice_for_the_service() {
    let Some(server) = PrivateServer::start() else { return };
    run_documented(&server, "roles", "postgres");
    let owner = of_role(&server, "relationships_owner", "relationships");
    let url = of_role(&server, "relationships_service", "relationships");
    run(&url, &["migrate", "run"]).expect(1);
    run(&owner, &["migrate", "run"]).expect(0);
    use_everything(&url);
    // A table of a later migration.
    raw(&owner).run("CREATE TABLE later (id BIGINT)");
    raw(&url).run("INSERT INTO later VALUES (1)");

    // The second block repairs the privileges of existing tables.
    raw(&owner).run(
        "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM relationships_service; \
         REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM relationships_service",
    );
    let service = start(&url);
    wait_for_cause(&service, &["42501"]);
    run_documented(&server, "grants", "relationships");
    until("it is ready", SOON, || service.anonymous().get("/readyz").status == 200);
}

/// Uses every kind of statement of the service and its commands.
fn use_everything(url: &str) {
    for settings in [&[("NO_MIGRATE", "true")][..], &[]] {
        let service = Service::start(url, settings);
        service.anonymous().get("/readyz").expect(200);
        assert!(service.log().iter().all(|line| !line.contains("not ready")), "{:?}", service.log());
    }
    let folder = tempfile::tempdir().expect("a folder");
    let token = {
        run(url, &["user", "add", "--email", "root@example.com", "--access-level", "admin", "--id", "7"]).expect(0);
        run(url, &["token", "create", "--user", "root@example.com"]).expect(0).line().to_owned()
    };
    let service = Service::start(url, &[("NO_MIGRATE", "true")]);
    let root = service.client(&token);
    let kind =
        json!({"data": {"type": "relationship-types", "id": "buddy", "attributes": {"description": "A friend"}}});
    root.post("/api/v2/relationship-types", &kind).expect(201);
    let user = |email: &str| json!({"data": {"type": "users", "attributes": {"email": email}}});
    let [ann, bob] =
        ["ann@example.com", "bob@example.com"].map(|email| root.post(USERS, &user(email)).expect(201).id());
    let create = |user, name, target| root.post("/api/v2/user-relationships", &edge(Some(user), name, target));
    let made = create(ann, "buddy", bob).expect(201).id();
    create(bob, "mentor", ann).expect(201);
    root.delete(&format!("/api/v2/user-relationships/{made}")).expect(204);
    create(ann, "buddy", bob).expect(201);
    let once = |key: &str| -> Answer {
        let body = edge(Some(7), key, ann).to_string();
        let headers = [("Content-Type", "application/vnd.api+json"), ("Idempotency-Key", key)];
        root.send("POST", "/api/v2/user-relationships", &headers, Some(body.as_bytes()))
    };
    assert_eq!(once("mentor").expect(201).id(), once("mentor").expect(201).id());
    root.delete(&format!("{USERS}/{bob}")).expect(204);
    root.delete("/api/v2/relationship-types/buddy").expect(204);
    let lines = "{\"type\":\"user\",\"id\":50,\"email\":\"kim@example.com\"}\n\
                 {\"type\":\"user-relationship\",\"id\":900,\"user\":50,\"target\":7,\"relationship\":\"friend\"}\n";
    let file = folder.path().join("people.ndjson");
    fs::write(&file, lines).expect("a file");
    run(url, &["import", "--create-types", file.to_str().expect("a path")]).expect(0);
    let exported = run(url, &["export"]).expect(0).stdout;
    assert_eq!(exported.lines().filter(|line| !line.starts_with("{\"type\":\"relationship-type\"")).count(), 5);
    for args in [&["check"][..], &["check", "--repair"], &["migrate", "status"], &["token", "revoke", "1"]] {
        run(url, args).expect(0);
    }
}

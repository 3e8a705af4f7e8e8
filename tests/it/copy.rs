//! `copy`: everything is copied between any two databases, or nothing is.

use std::path::Path;
use std::process::Stdio;

use crate::both;
use crate::support::bare::Bare;
use crate::support::changes::{after, now};
use crate::support::citus::skips_on_spread_rows;
use crate::support::cluster::PrivateServer;
use crate::support::graph::{EDGES, create, path, register, store, tree, users};
use crate::support::groups::{new_group, new_member};
use crate::support::process::{Outcome, PATIENCE, Service, finish, program, run, sqlite_url};
use crate::support::signing;
use crate::support::sql::Raw;
use crate::support::statement_gate::StatementGate;
use crate::support::uploads::{CSV, preview};
use crate::support::{App, Client, edge, json};
use user_relationships::store::url::DatabaseUrl;

fn copy(from: &str, to: &str) -> Outcome {
    finish(program().args(["copy", "--from", from, "--to", to]))
}

fn raw(url: &str) -> Raw {
    Raw::connect(&DatabaseUrl::parse(url).expect("a URL"))
}

/// Stores something in every table, and returns an admin and a cursor from before the last change.
fn fill(app: &App) -> (Client, String) {
    let admin = app.admin();
    let ids = users(app, 40);
    register(&admin, "line", &tree());
    store(app, "line", &path(&ids[..20]));
    store(app, "mentor", &[(ids[0], ids[30])]);
    let group = new_group(app, ids[1], r#"{"name":"it's \"one\"\n[2, 'ü']"}"#);
    new_member(app, group, ids[2], "{}");
    signing::register(app, 0, true);
    preview(&admin, "", CSV, "email\nnew@example.com\n");
    let mut raw = Raw::connect(&app.config.database_url);
    let client = raw.number("SELECT MAX(id) AS number FROM api_clients");
    raw.run(&format!("INSERT INTO api_nonces (client_id, nonce, seen_at) VALUES ({client}, 'one', 7)"));
    let headers = [("Content-Type", "application/vnd.api+json"), ("Idempotency-Key", "once")];
    let body = edge(Some(ids[3]), "mentor", ids[4]).to_string();
    admin.send("POST", EDGES, &headers, Some(body.as_bytes())).expect(201);
    let attributes = json!({"alt-id": "E-5", "job-title": ["[1] \\ \u{1f600}\t"]});
    let profile = json!({"data": {"type": "users", "id": ids[5].to_string(), "attributes": attributes}});
    admin.patch(&format!("/api/v2/users/{}", ids[5]), &profile).expect(200);
    // Ids that are not given again.
    let gone = create(&admin, ids[6], "mentor", ids[7]).expect(201).id();
    admin.delete(&format!("{EDGES}/{gone}")).expect(204);
    admin.delete(&format!("/api/v2/users/{}", ids[39])).expect(204);
    register(&admin, "passing", &json!({}));
    admin.delete("/api/v2/relationship-types/passing").expect(204);
    let transfer = json!({"data": {"type": "transfers", "attributes": {"relationship": "line"}, "relationships": {
        "from": {"data": {"type": "users", "id": ids[10].to_string()}},
        "to": {"data": {"type": "users", "id": ids[35].to_string()}}}}});
    admin.post("/api/v2/transfers", &transfer).expect(201);
    let cursor = now(&admin);
    create(&admin, ids[8], "mentor", ids[9]).expect(201);
    (admin, cursor)
}

/// All rows of all tables of an SQLite file. The index of texts, which is made of the users, is not copied.
fn rows(file: &Path) -> Vec<String> {
    let mut raw = raw(&sqlite_url(file));
    let mut all = Vec::new();
    for table in raw.lines(
        "SELECT name AS line FROM sqlite_schema WHERE type = 'table' AND name <> '__diesel_schema_migrations' \
         AND name NOT GLOB 'users_by_text*' ORDER BY name",
    ) {
        let columns =
            raw.lines(&format!("SELECT 'quote(\"' || name || '\")' AS line FROM pragma_table_info('{table}')"));
        // In `sqlite_sequence` a table that never had a row has none, or 0.
        let only = if table == "sqlite_sequence" { "WHERE seq > 0" } else { "" };
        let rows = format!("SELECT {} AS line FROM {table} {only} ORDER BY 1", columns.join(" || ' ' || "));
        all.extend(raw.lines(&rows).into_iter().map(|row| format!("{table}: {row}")));
    }
    all
}

both!(a_copy_has_all_rows_and_is_used_like_the_original, |app| {
    let (admin, seen) = fill(app);
    let folder = tempfile::tempdir().expect("a folder");
    let direct = folder.path().join("direct.db");
    let copied = copy(&app.home().text(), &sqlite_url(&direct)).expect(0);
    assert!(copied.stderr.contains("all counts agree"), "{copied:?}");
    let name = if app.home().file().is_some() { "copy_of_sqlite" } else { "copy_of_postgres" };
    for (number, bare) in Bare::all_direct(name).into_iter().enumerate() {
        let there = bare.url();
        copy(&app.home().text(), &there).expect(0);
        let back = folder.path().join(format!("{number}.db"));
        copy(&there, &sqlite_url(&back)).expect(0);
        assert_eq!(rows(&direct), rows(&back), "through {there}");
        run(&there, &["check"]).expect(0);
        let service = Service::start(&there, &[]);
        // The token and the cursor are those of the original.
        let client = admin.at(service.address);
        assert_eq!(after(&client, &seen, "").ids().len(), 1);
        let largest = Raw::connect(&app.config.database_url)
            .number("SELECT MAX(last_id) AS number FROM retired_relationship_ids");
        let made = create(&client, admin.id, "mentor", client.get("/api/v2/users").expect(200).ids()[3]).expect(201);
        assert!(made.id() > largest, "{} of {largest}", made.text);
    }
});

both!(a_copy_has_every_table, |app| {
    if skips_on_spread_rows("a copy into one database has no copies of relationships") {
        return;
    }
    fill(app);
    let folder = tempfile::tempdir().expect("a folder");
    let copied = copy(&app.home().text(), &sqlite_url(&folder.path().join("copy.db"))).expect(0);
    let mut copied: Vec<_> = copied.stdout.lines().collect();
    let mut raw = Raw::connect(&app.config.database_url);
    let of_sqlite = "SELECT name AS line FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' \
                     AND name NOT GLOB 'users_by_text*'";
    let of_postgres = "SELECT CAST(tablename AS TEXT) AS line FROM pg_tables WHERE schemaname = current_schema()";
    let tables = raw.lines(if app.home().file().is_some() { of_sqlite } else { of_postgres });
    // Changes without a number are copied with one.
    let others = ["__diesel_schema_migrations", "unnumbered_changes"];
    let mut expected = Vec::new();
    for table in tables.iter().filter(|table| !others.contains(&table.as_str())) {
        let mut count = raw.number(&format!("SELECT COUNT(*) AS number FROM {table}"));
        assert!(count > 0, "the test stores nothing in {table}");
        if table == "changes" {
            count += raw.number("SELECT COUNT(*) AS number FROM unnumbered_changes");
        }
        expected.push(format!("{table}\t{count}"));
    }
    copied.sort_unstable();
    expected.sort_unstable();
    assert_eq!(copied, expected);
});

#[test]
fn a_copy_needs_an_empty_target_that_is_not_in_use() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = sqlite_url(&folder.path().join("source.db"));
    run(&source, &["migrate", "run"]).expect(0);
    run(&source, &["user", "add", "--email", "ann@example.com"]).expect(0);
    let refused = copy(&source, &source).expect(1);
    assert!(refused.stderr.contains("in use") || refused.stderr.contains("not empty"), "{refused:?}");
    for bare in Bare::all_direct("targets") {
        let target = bare.url();
        let service = Service::start(&target, &[]);
        let refused = copy(&source, &target).expect(1);
        assert!(refused.stderr.contains("the target is in use"), "{refused:?}");
        service.kill();
        run(&target, &["user", "add", "--email", "bob@example.com"]).expect(0);
        let refused = copy(&source, &target).expect(1);
        assert!(refused.stderr.contains("not empty: its table `users` has 1 rows"), "{refused:?}");
        assert!(run(&target, &["user", "list"]).expect(0).stdout.contains("bob@example.com"));
    }
}

#[test]
fn a_copy_needs_a_source_with_the_schema_of_this_release() {
    for bare in Bare::all("sources") {
        let (source, folder) = (bare.url(), tempfile::tempdir().expect("a folder"));
        let target = sqlite_url(&folder.path().join("target.db"));
        copy(&source, &target).expect(69);
        run(&source, &["migrate", "run"]).expect(0);
        raw(&source).run("INSERT INTO __diesel_schema_migrations (version) VALUES ('20991231000000')");
        let refused = copy(&source, &target).expect(1);
        assert!(refused.stderr.contains("the source has migrations") && refused.stderr.contains("20991231"));
        raw(&source).run("DELETE FROM __diesel_schema_migrations WHERE version > '20260101'");
        raw(&source).run("INSERT INTO __diesel_schema_migrations (version) VALUES ('20261121000000')");
        let refused = copy(&source, &target).expect(1);
        assert!(refused.stderr.contains("older than this release; run `migrate run"), "{refused:?}");
        assert!(!folder.path().join("target.db").exists(), "the source is checked first");
    }
    let refused = copy("mysql://db", "sqlite://x.db").expect(2);
    assert!(refused.stderr.contains("`--from`"), "{refused:?}");
}

#[test]
fn a_copy_that_is_interrupted_leaves_the_target_empty() {
    let Some(mut server) = PrivateServer::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| sqlite_url(&folder.path().join(name));
    let there = server.url("postgres");
    run(&there, &["user", "add", "--email", "ann@example.com"]).expect(69);
    run(&there, &["migrate", "run"]).expect(0);
    run(&there, &["user", "add", "--email", "ann@example.com"]).expect(0);
    copy(&there, &file("source.db")).expect(0);
    let users = "SELECT COUNT(*) AS number FROM users";
    let begin = |from: &str, to: &str| {
        let mut command = program();
        command.args(["copy", "--from", from, "--to", to]).stderr(Stdio::piped());
        command.spawn().expect("the program runs")
    };
    // Killed between two tables that it reads, and between two that it writes.
    let gate = StatementGate::to(&server.socket());
    gate.close_after(60);
    let mut copying = begin(&gate.url("postgres"), &file("target.db"));
    gate.wait_until_held(PATIENCE);
    copying.kill().and_then(|()| copying.wait()).expect("it ends");
    assert_eq!(raw(&file("target.db")).number(users), 0);
    copy(&there, &file("target.db")).expect(0);
    raw(&there).run("CREATE DATABASE target");
    run(&server.url("target"), &["migrate", "run"]).expect(0);
    let gate = StatementGate::to(&server.socket());
    gate.close_after(120);
    let mut copying = begin(&file("source.db"), &gate.url("target"));
    gate.wait_until_held(PATIENCE);
    copying.kill().and_then(|()| copying.wait()).expect("it ends");
    drop(gate);
    let target = server.url("target");
    assert_eq!(raw(&target).number(users), 0);
    copy(&file("source.db"), &target).expect(0);
    assert_eq!(raw(&target).number(users), 1);
    // The server stops.
    raw(&there).run("CREATE DATABASE other");
    // The server is killed, which must not lose the schema.
    raw(&there).run("ALTER DATABASE other SET synchronous_commit = on");
    run(&server.url("other"), &["migrate", "run"]).expect(0);
    let gate = StatementGate::to(&server.socket());
    gate.close_after(120);
    let copying = begin(&file("source.db"), &gate.url("other"));
    gate.wait_until_held(PATIENCE);
    server.stop();
    drop(gate);
    let ended = copying.wait_with_output().expect("it ends");
    let message = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.code() == Some(69) && message.contains("nothing was copied"), "{ended:?}");
    server.start_again();
    assert_eq!(raw(&server.url("other")).number(users), 0);
}

/// The rows of a table that a copy read after its source had changed: none.
fn assert_has_no_group(copying: std::process::Child, target: &str) {
    let ended = copying.wait_with_output().expect("it ends");
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(raw(target).number("SELECT COUNT(*) AS number FROM groups"), 0);
    assert_eq!(raw(target).number("SELECT COUNT(*) AS number FROM users"), 1);
}

#[test]
fn a_copy_is_one_snapshot_of_its_source() {
    let Some(server) = PrivateServer::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| sqlite_url(&folder.path().join(name));
    let begin = |from: &str, to: &str| {
        let mut command = program();
        command.args(["copy", "--from", from, "--to", to]).stderr(Stdio::piped()).stdout(Stdio::piped());
        command.spawn().expect("the program runs")
    };
    let group =
        "INSERT INTO groups (id, group_type, properties, created_at, updated_at) VALUES (1, 'team', '{}', 0, 0)";
    let mut admin = raw(&server.url("postgres"));
    let mut wait_for = |what: &str| {
        let query = format!("SELECT COUNT(*) AS number FROM pg_stat_activity WHERE {what}");
        let patience = std::time::Instant::now() + PATIENCE;
        while admin.number(&query) == 0 {
            assert!(std::time::Instant::now() < patience, "nothing waits: {what}");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    };
    // PostgreSQL changes while the copy waits for a table.
    let there = server.url("postgres");
    run(&there, &["migrate", "run"]).expect(0);
    run(&there, &["user", "add", "--email", "ann@example.com"]).expect(0);
    copy(&there, &file("source.db")).expect(0);
    let mut session = raw(&there);
    session.run("BEGIN");
    session.run("LOCK TABLE groups IN ACCESS EXCLUSIVE MODE");
    let copying = begin(&there, &file("target.db"));
    wait_for("wait_event_type = 'Lock'");
    session.run(group);
    session.run("COMMIT");
    assert_has_no_group(copying, &file("target.db"));
    // An SQLite file changes while the target takes long.
    raw(&there).run("CREATE DATABASE target");
    run(&server.url("target"), &["migrate", "run"]).expect(0);
    let mut target = raw(&server.url("target"));
    target.run(
        "CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN PERFORM pg_sleep(2); RETURN NULL; END $$",
    );
    target.run("CREATE TRIGGER slow AFTER INSERT ON users FOR EACH STATEMENT EXECUTE FUNCTION pause()");
    drop(target);
    let copying = begin(&file("source.db"), &server.url("target"));
    wait_for("wait_event = 'PgSleep' AND datname = 'target'");
    raw(&file("source.db")).run(group);
    assert_has_no_group(copying, &server.url("target"));
}

#[test]
fn a_copy_with_fewer_rows_than_its_source_is_undone() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = sqlite_url(&folder.path().join("source.db"));
    run(&source, &["migrate", "run"]).expect(0);
    for name in ["ann", "bob"] {
        run(&source, &["user", "add", "--email", &format!("{name}@example.com")]).expect(0);
    }
    for bare in Bare::all_direct("fewer") {
        let target = bare.url();
        run(&target, &["migrate", "run"]).expect(0);
        let mut there = raw(&target);
        // The target loses a row.
        if target.starts_with("sqlite") {
            there.run(
                "CREATE TRIGGER loss BEFORE INSERT ON users WHEN NEW.email LIKE 'bob@%' \
                 BEGIN SELECT RAISE(IGNORE); END",
            );
        } else {
            there.run("CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$");
            there.run(
                "CREATE TRIGGER loss BEFORE INSERT ON users FOR EACH ROW WHEN (NEW.email LIKE 'bob@%') \
                 EXECUTE FUNCTION lose()",
            );
        }
        drop(there);
        let refused = copy(&source, &target).expect(1);
        let reason = "the table `users` has 2 rows, and its copy has 1; nothing was copied";
        assert!(refused.stderr.contains(reason), "{refused:?}");
        assert_eq!(raw(&target).number("SELECT COUNT(*) AS number FROM users"), 0);
    }
}

//! The schema: migrations up, down, up again, concurrent, and with older and newer programs.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread;
use std::time::Duration;

use user_relationships::store::migrations;
use user_relationships::store::url::DatabaseUrl;

use crate::support::app::{Engine, Home};
use crate::support::bare::Bare;
use crate::support::citus::citus;
use crate::support::json;
use crate::support::process::{Service, new_user_token, revert_to_before, run, until};
use crate::support::sql::Raw;

fn parsed(url: &str) -> DatabaseUrl {
    DatabaseUrl::parse(url).expect("a URL of a test")
}

/// The whole schema, one line for each part, without diesel's own table.
fn schema(url: &str) -> Vec<String> {
    let mut raw = Raw::connect(&parsed(url));
    let queries: &[&str] = match raw {
        Raw::Sqlite(_) => &["SELECT type || ' ' || name || ' ' || coalesce(sql, '') AS line FROM sqlite_schema
                             WHERE name NOT LIKE 'sqlite%' ORDER BY 1"],
        Raw::Postgres(_) => &[
            "SELECT concat_ws(' ', table_name, column_name, data_type, collation_name, is_nullable, column_default,
                              is_identity, identity_generation) AS line
             FROM information_schema.columns WHERE table_schema = current_schema() ORDER BY 1",
            "SELECT indexdef AS line FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1",
            "SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) AS line
             FROM pg_constraint WHERE connamespace = current_schema()::regnamespace ORDER BY 1",
            "SELECT viewname || ' ' || definition AS line FROM pg_views WHERE schemaname = current_schema() ORDER BY 1",
            "SELECT relkind::text || ' ' || relname AS line FROM pg_class
             WHERE relnamespace = current_schema()::regnamespace ORDER BY 1",
        ],
    };
    let lines = queries.iter().flat_map(|query| raw.lines(query));
    lines.filter(|line| !line.contains("__diesel_schema_migrations")).collect()
}

#[test]
fn migrating_down_and_up_restores_the_same_schema() {
    for bare in Bare::all("updown") {
        let url = bare.url();
        let first = run(&url, &["migrate", "run"]).expect(0).stdout;
        let up = schema(&url);
        assert!(up.len() > 10 && first.lines().all(|line| line.starts_with("applied ")), "{first}");
        assert_eq!(run(&url, &["migrate", "run"]).expect(0).stdout, "", "the schema is complete");
        let mut down = up.clone();
        for _ in first.lines() {
            let reverted = run(&url, &["migrate", "revert", "--yes"]).expect(0);
            assert!(reverted.line().starts_with("reverted "), "{reverted:?}");
            assert_ne!(schema(&url), down, "nothing was reverted");
            down = schema(&url);
        }
        assert_eq!(down, Vec::<String>::new(), "something remained");
        assert_eq!(run(&url, &["migrate", "revert", "--yes"]).expect(0).stdout, "");
        assert!(run(&url, &["migrate", "status"]).expect(0).stdout.lines().all(|line| line.starts_with("pending")));
        assert_eq!(run(&url, &["migrate", "run"]).expect(0).stdout, first);
        assert_eq!(schema(&url), up);
        assert!(run(&url, &["migrate", "status"]).expect(0).stdout.lines().all(|line| line.starts_with("applied")));
    }
}

#[test]
fn both_databases_have_reversible_migrations_of_the_same_names() {
    let names = |engine: &str| -> BTreeSet<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
        let entries = std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("an entry"));
        let name = |entry: std::fs::DirEntry| {
            for file in ["up.sql", "down.sql"] {
                let sql = std::fs::read_to_string(entry.path().join(file)).expect(file);
                assert!(sql.contains(';'), "{file} of {:?} is empty", entry.path());
            }
            entry.file_name().into_string().expect("a name of text")
        };
        entries.map(name).collect()
    };
    assert_eq!(names("sqlite"), names("postgres"));
    assert!(!names("sqlite").is_empty());
}

#[test]
fn a_migration_that_fails_halfway_changes_nothing_and_runs_later() {
    for home in [Engine::Sqlite, Engine::Postgres].into_iter().filter_map(Home::revertible) {
        let url = home.text();
        let complete = schema(&url);
        revert_to_before(&url, "_changes");
        // The migration creates two tables and a sequence before this one.
        let mut raw = Raw::connect(&home.url());
        raw.run("CREATE TABLE change_log (id SMALLINT)");
        let before = schema(&url);
        let failed = run(&url, &["migrate", "run"]).expect(1);
        assert!(failed.stdout.is_empty(), "{failed:?}");
        for word in ["2026-11-29-200000_changes", "change_log", "already exists"] {
            assert!(failed.stderr.contains(word), "{word}: {failed:?}");
        }
        assert_eq!(schema(&url), before);
        raw.run("DROP TABLE change_log");
        let applied = run(&url, &["migrate", "run"]).expect(0).stdout;
        assert!(applied.starts_with("applied 2026-11-29-200000_changes\n"), "{applied}");
        assert_eq!(schema(&url), complete);
    }
}

#[test]
fn each_statement_of_a_migration_is_a_message_of_its_own() {
    // Citus has no triggers of this kind, and refuses messages of several statements itself.
    let Some(bare) = Bare::postgres("messages", "UTF8").filter(|_| citus().is_none()) else { return };
    let mut raw = Raw::connect(&parsed(&bare.url()));
    raw.run(
        "CREATE SCHEMA seen; CREATE TABLE seen.messages (text TEXT);
         CREATE FUNCTION seen.record() RETURNS event_trigger LANGUAGE plpgsql AS
             'BEGIN INSERT INTO seen.messages VALUES (current_query()); END';
         CREATE EVENT TRIGGER record ON ddl_command_end EXECUTE FUNCTION seen.record()",
    );
    let applied = run(&bare.url(), &["migrate", "run"]).expect(0).stdout.lines().count();
    for _ in 0..applied {
        run(&bare.url(), &["migrate", "revert", "--yes"]).expect(0);
    }
    let messages = raw.lines("SELECT text AS line FROM seen.messages");
    assert!(messages.len() > 80, "{}", messages.len());
    // A block is one statement that contains others.
    let mut outside = messages.iter().filter(|message| !message.starts_with("DO $$"));
    let several = outside.find(|message| message.trim_end().trim_end_matches(';').contains(";\n"));
    assert_eq!(several, None);
}

#[test]
fn concurrent_migrations_all_succeed_and_each_runs_once() {
    for bare in Bare::all("five") {
        let url = bare.url();
        let ended: Vec<_> = thread::scope(|scope| {
            let all: Vec<_> = (0..5).map(|_| scope.spawn(|| run(&url, &["migrate", "run"]))).collect();
            all.into_iter().map(|one| one.join().expect("no panic")).collect()
        });
        let mut applied: Vec<_> = ended.iter().flat_map(|one| one.stdout.lines()).collect();
        assert!(ended.iter().all(|one| one.code == 0), "{ended:?}");
        let count = applied.len();
        applied.dedup();
        let known = migrations::status(&parsed(&url)).expect("the schema").len();
        assert_eq!((count, applied.len()), (known, known), "{ended:?}");
    }
}

#[test]
fn concurrent_starts_on_an_empty_database_all_serve() {
    for bare in Bare::all("serve") {
        let url = bare.url();
        thread::scope(|scope| {
            for _ in 0..5 {
                scope.spawn(|| Service::start(&url, &[]).anonymous().get("/readyz").expect(200));
            }
        });
        run(&url, &["check"]).expect(0);
    }
}

#[test]
fn a_start_waits_for_another_process_that_migrates() {
    let bare = Bare::all("waits").into_iter().find(|bare| bare.url().starts_with("sqlite")).expect("a file");
    run(&bare.url(), &["migrate", "run"]).expect(0);
    run(&bare.url(), &["migrate", "revert", "--yes"]).expect(0);
    let mut other = Raw::connect(&parsed(&bare.url()));
    other.run("BEGIN IMMEDIATE");
    thread::scope(|scope| {
        let start = scope.spawn(|| Service::start(&bare.url(), &[]).anonymous().get("/readyz").expect(200));
        // Longer than other statements wait.
        thread::sleep(Duration::from_secs(6));
        assert!(!start.is_finished());
        other.run("COMMIT");
    });
}

#[test]
fn commands_refuse_an_old_schema_and_serve_migrates_it() {
    for home in [Engine::Sqlite, Engine::Postgres].into_iter().filter_map(Home::revertible) {
        let url = home.text();
        let before = schema(&url);
        run(&url, &["migrate", "revert", "--yes"]).expect(0);
        let reverted = schema(&url);
        // With a single migration nothing remains: that is no schema rather than an old one.
        let code = if reverted.is_empty() { 69 } else { 1 };
        for args in [&["user", "list"][..], &["token", "list"], &["check"], &["token", "revoke", "1"]] {
            let ended = run(&url, args).expect(code);
            assert!(ended.stderr.contains("migrate run"), "{ended:?}");
        }
        if !reverted.is_empty() {
            run(&url, &["token", "create", "--user", "ann@example.com"]).expect(1);
        }
        assert_eq!(schema(&url), reverted, "a status command changes nothing");
        let service = Service::start(&url, &[]);
        service.anonymous().get("/readyz").expect(200);
        assert_eq!(schema(&url), before);
    }
}

#[test]
fn a_schema_of_a_later_release_is_served() {
    for home in [Engine::Sqlite, Engine::Postgres].into_iter().filter_map(Home::new) {
        let url = home.text();
        let later = "INSERT INTO __diesel_schema_migrations (version, run_on) VALUES ('29991231235959', '2026-01-01')";
        Raw::connect(&home.url()).run(later);
        let service = Service::start(&url, &[]);
        service.anonymous().get("/readyz").expect(200);
        run(&url, &["user", "add", "--email", "ann@example.com"]).expect(0);
        run(&url, &["check"]).expect(0);
    }
}

#[test]
fn no_migrate_leaves_the_schema_of_postgres_alone() {
    for bare in Bare::all("no_migrate") {
        let url = bare.url();
        let service = Service::start(&url, &[("NO_MIGRATE", "true")]);
        let anonymous = service.anonymous();
        anonymous.get("/livez").expect(200);
        if matches!(bare, Bare::Folder(_)) {
            anonymous.get("/readyz").expect(200);
            continue;
        }
        anonymous.get("/readyz").refused(503, "unavailable");
        assert_eq!(schema(&url), Vec::<String>::new());
        run(&url, &["migrate", "run"]).expect(0);
        until("the service is ready without a restart", Duration::from_secs(5), || {
            anonymous.get("/readyz").status == 200
        });
    }
}

#[test]
fn migration_waits_for_a_writer_of_the_file_but_not_forever() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let (url, file) = (home.text(), home.file().expect("a file").display().to_string());
    run(&url, &["migrate", "revert", "--yes"]).expect(0);
    let mut other = Raw::connect(&home.url());
    other.run("BEGIN IMMEDIATE");
    let commands = [&["serve", "--listen", "127.0.0.1:0"][..], &["migrate", "run"], &["migrate", "revert", "--yes"]];
    thread::scope(|scope| {
        for ended in commands.map(|args| scope.spawn(|| run(&url, args))) {
            let ended = ended.join().expect("it ends").expect(69);
            for word in [&*file, "another process", "for 15s", "import", "fuser"] {
                assert!(ended.stderr.contains(word), "{word}: {ended:?}");
            }
        }
    });
    let service = thread::scope(|scope| {
        let service = scope.spawn(|| Service::start(&url, &[]));
        // Long enough for the service to start waiting; if it has not yet, the test proves less but still passes.
        thread::sleep(Duration::from_millis(500));
        assert!(!service.is_finished());
        other.run("ROLLBACK");
        service.join().expect("it listens")
    });
    service.anonymous().get("/readyz").expect(200);
    // The schema is complete: another start waits for nothing.
    other.run("BEGIN IMMEDIATE");
    assert_eq!(run(&url, &["migrate", "run"]).expect(0).stdout, "");
    Service::start(&url, &[]).anonymous().get("/readyz").expect(200);
    other.run("ROLLBACK");
}

/// A database with the schema before there were rules.
fn without_rules(engine: Engine) -> Option<Home> {
    let home = Home::revertible(engine)?;
    revert_to_before(&home.text(), "_rules");
    Some(home)
}

fn register(home: &Home, names: &[&str]) {
    let mut raw = Raw::connect(&home.url());
    for name in names {
        raw.run(&format!("INSERT INTO relationship_types (name, created_at, updated_at) VALUES ('{name}', 0, 0)"));
    }
}

/// Name and roles of every type.
fn roles(home: &Home) -> Vec<String> {
    Raw::connect(&home.url()).lines(
        "SELECT name || ' ' || coalesce(user_role, '-') || ' ' || coalesce(target_role, '-') AS line
         FROM relationship_types ORDER BY name",
    )
}

#[test]
fn the_migration_gives_built_in_types_the_roles_whose_names_are_free() {
    for home in [Engine::Sqlite, Engine::Postgres].into_iter().filter_map(without_rules) {
        let url = home.text();
        let types = ["colleague - -", "mentor mentees mentors", "subordinate subordinates supervisors"];
        run(&url, &["migrate", "run"]).expect(0);
        assert_eq!(roles(&home), types);

        revert_to_before(&url, "_rules");
        register(&home, &["supervisors", "mentees", "friend"]);
        run(&url, &["migrate", "run"]).expect(0);
        let types = [
            "colleague - -",
            "friend - -",
            "mentees - -",
            "mentor - mentors",
            "subordinate subordinates -",
            "supervisors - -",
        ];
        assert_eq!(roles(&home), types);
        run(&url, &["check"]).expect(0);

        revert_to_before(&url, "_rules");
        Raw::connect(&home.url()).run("DELETE FROM relationship_types WHERE name IN ('mentor', 'supervisors')");
        register(&home, &["subordinates"]);
        run(&url, &["migrate", "run"]).expect(0);
        let types = ["colleague - -", "friend - -", "mentees - -", "subordinate - supervisors", "subordinates - -"];
        assert_eq!(roles(&home), types);
    }
}

#[test]
fn the_migration_keeps_types_and_starts_without_rules() {
    for home in [Engine::Sqlite, Engine::Postgres].into_iter().filter_map(without_rules) {
        let url = home.text();
        let kept = "SELECT id || ' ' || name || ' ' || version || ' ' || description || ' ' || updated_at AS line
                    FROM relationship_types ORDER BY id";
        let before = Raw::connect(&home.url()).lines(kept);
        run(&url, &["migrate", "run"]).expect(0);
        assert_eq!(Raw::connect(&home.url()).lines(kept), before);
        let ruled = "SELECT COUNT(*) AS number FROM relationship_types
                     WHERE is_symmetric OR is_acyclic OR max_per_user IS NOT NULL OR managed_by <> 'owner'";
        assert_eq!(Raw::connect(&home.url()).number(ruled), 0);
        let locks = "SELECT COUNT(*) AS number FROM relationship_type_locks";
        assert_eq!(Raw::connect(&home.url()).number(locks), 3);
        // Rules are lost with their columns; types and relationships stay.
        run(&url, &["type", "set", "subordinate", "--acyclic", "yes", "--max-per-user", "1"]).expect(0);
        revert_to_before(&url, "_rules");
        let types = Raw::connect(&home.url()).lines("SELECT name AS line FROM relationship_types ORDER BY name");
        assert_eq!(types, ["colleague", "mentor", "subordinate"]);
        run(&url, &["migrate", "run"]).expect(0);
        assert_eq!(Raw::connect(&home.url()).number(ruled), 0);
    }
}

#[test]
fn types_that_the_previous_release_registers_have_no_roles_and_rules() {
    for home in [Engine::Sqlite, Engine::Postgres].into_iter().filter_map(Home::new) {
        register(&home, &["friend", "mentees"]);
        let token = new_user_token(&home.text(), "ann@example.com", "admin");
        let service = Service::start(&home.text(), &[]);
        let admin = service.client(&token);
        let friend = admin.get("/api/v2/relationship-types/friend").expect(200);
        let attributes = &friend.body["data"]["attributes"];
        let found =
            ["user-role", "is-symmetric", "is-tree", "max-per-user", "managed-by"].map(|name| &attributes[name]);
        assert_eq!(found, [&json!(null), &json!(false), &json!(false), &json!(null), &json!("owner")]);
        run(&home.text(), &["type", "set", "friend", "--acyclic", "yes"]).expect(0);
        run(&home.text(), &["check"]).expect(0);
    }
}

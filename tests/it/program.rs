//! The program as operators run it: exit codes, output, and commands beside a running service.

use std::fs;
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::app::{Engine, Home};
use crate::support::citus::{has_spread_rows, skips_on_spread_rows};
use crate::support::demo::Demo;
use crate::support::process::{Service, finish, new_user_token, program, run, sqlite_url, until};
use crate::support::skip::skip;
use crate::support::sql::Raw;
use crate::support::{Value, edge};

const EDGES: &str = "/api/v2/user-relationships";

/// The path of an SQLite file that does not exist.
fn nowhere() -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = sqlite_url(&folder.path().join("new.db"));
    (folder, url)
}

/// An empty, migrated database of each available kind.
fn homes() -> Vec<Home> {
    [Engine::Sqlite, Engine::Postgres].into_iter().filter_map(Home::new).collect()
}

fn is_empty(folder: &TempDir) -> bool {
    fs::read_dir(folder).expect("the folder").next().is_none()
}

#[test]
fn user_and_token_commands_create_list_and_change() {
    for home in homes() {
        let url = home.text();
        let add = ["user", "add", "--email", "Ann@example.com", "--first-name", "Ann", "--access-level", "admin"];
        assert_eq!(run(&url, &add).expect(0).line(), "1");
        let chosen = ["user", "add", "--email", "bob@example.com", "--id", "1234"];
        assert_eq!(run(&url, &chosen).expect(0).line(), "1234");
        let next = run(&url, &["user", "add", "--email", "cho@example.com"]).expect(0);
        assert_eq!(next.line(), "1235", "a chosen id moves the next one");
        let taken = run(&url, &["user", "add", "--email", "ANN@example.com"]).expect(1);
        assert!(taken.stdout.is_empty() && taken.stderr.contains("e-mail"), "{taken:?}");
        run(&url, &["user", "set", "bob@example.com", "--last-name", "Ray", "--disable"]).expect(0);
        let listed = run(&url, &["user", "list"]).expect(0).stdout;
        let lines: Vec<_> = listed.lines().collect();
        assert_eq!(lines.len(), 3, "{listed}");
        assert_eq!(lines[0].split('\t').collect::<Vec<_>>()[..2], ["1", "Ann@example.com"], "{listed}");
        assert!(lines[1].contains("Ray") && lines[1].ends_with("disabled"), "{listed}");

        let made =
            run(&url, &["token", "create", "--user", "ann@example.com", "--name", "laptop", "--expires-in", "30d"]);
        let token = made.expect(0).line().to_owned();
        assert!(token.starts_with("urt_"), "{token}");
        let listed = run(&url, &["token", "list"]).expect(0);
        assert!(!listed.stdout.contains(&token), "a token is shown once");
        let columns: Vec<_> = listed.line().split('\t').collect();
        assert_eq!((columns[0], columns[1], columns[2], columns[4]), ("1", "Ann@example.com", "laptop", "-"));
        run(&url, &["token", "create", "--user", "unknown@example.com"]).expect(1);
        run(&url, &["token", "revoke", "77"]).expect(1);
        run(&url, &["token", "revoke", "1"]).expect(0);
        assert_eq!(run(&url, &["token", "list"]).expect(0).stdout, "");
    }
}

#[test]
fn a_token_created_beside_the_service_works_immediately() {
    for home in homes() {
        let url = home.text();
        let service = Service::start(&url, &[]);
        let token = new_user_token(&url, "ann@example.com", "user");
        service.client(&token).get("/api/v2/users/me").expect(200);
        until("the use of the token is recorded", Duration::from_secs(10), || {
            let listed = run(&url, &["token", "list"]).expect(0);
            listed.line().split('\t').nth(4).is_some_and(|used| used.starts_with("20"))
        });
        run(&url, &["token", "revoke", "1"]).expect(0);
        until("the revoked token is refused", Duration::from_secs(5), || {
            service.client(&token).get("/api/v2/users/me").status == 401
        });
    }
}

#[test]
fn check_finds_and_repairs_a_wrong_count() {
    for home in homes() {
        let url = home.text();
        let token = new_user_token(&url, "ann@example.com", "user");
        run(&url, &["user", "add", "--email", "bob@example.com"]).expect(0);
        let service = Service::start(&url, &[]);
        let ann = service.client(&token);
        ann.post(EDGES, &edge(None, "mentor", 2)).expect(201);
        assert_eq!(run(&url, &["check"]).expect(0).stdout, "");
        let falsify = "UPDATE counts_by_user SET n = n + 5; UPDATE counts_by_type SET n = n - 1; \
                       UPDATE counts_of_users SET n = 7; UPDATE counts_by_target SET n = 0";
        Raw::connect(&home.url()).run(falsify);
        // Where rows are spread, the total of a short list is the number of its rows.
        let shown = if has_spread_rows() && url.starts_with("postgres") { 1 } else { 6 };
        assert_eq!(ann.get(&format!("{EDGES}?user=1")).expect(200).total(), shown);
        let found = run(&url, &["check"]).expect(1);
        assert_eq!(found.stdout.lines().count(), 4, "{found:?}");
        run(&url, &["check", "--repair"]).expect(0);
        run(&url, &["check"]).expect(0);
        assert_eq!(ann.get(&format!("{EDGES}?user=1")).expect(200).total(), 1);
    }
}

#[test]
fn check_finds_counts_without_rows_rows_without_counts_and_rows_without_users() {
    if skips_on_spread_rows("the test writes rows itself, with statements that Citus refuses") {
        return;
    }
    for home in homes() {
        let url = home.text();
        let token = new_user_token(&url, "ann@example.com", "user");
        for email in ["bob@example.com", "cid@example.com"] {
            run(&url, &["user", "add", "--email", email]).expect(0);
        }
        let service = Service::start(&url, &[]);
        let ann = service.client(&token);
        ann.post(EDGES, &edge(None, "mentor", 2)).expect(201);
        let dangling = ann.post(EDGES, &edge(None, "mentor", 3)).expect(201).id();
        drop(service);
        let mut raw = Raw::connect(&home.url());
        let without_keys = match &raw {
            Raw::Sqlite(_) => "PRAGMA foreign_keys = OFF",
            Raw::Postgres(_) => "SET session_replication_role = replica",
        };
        raw.run(&format!(
            "{without_keys};
             DELETE FROM counts_by_user;
             INSERT INTO counts_by_target (target_id, type_id, slot, n) VALUES (1, 3, 0, 4), (2, 2, 0, 0);
             DELETE FROM counts_by_type; INSERT INTO counts_by_type (type_id, slot, n) VALUES (2, 0, 1);
             DELETE FROM users WHERE id = 3"
        ));
        let found = run(&url, &["check"]).expect(1);
        for line in [
            "count by user: user 1, type 3: stored 0, counted 2".to_owned(),
            "count by target: target 1, type 3: stored 4, counted 0".to_owned(),
            "count by type: type 2: stored 1, counted 0".to_owned(),
            "count by type: type 3: stored 0, counted 2".to_owned(),
            format!("relationship {dangling}: the user at one end does not exist"),
        ] {
            assert_eq!(found.stdout.lines().filter(|found| **found == line).count(), 1, "{line}\n{}", found.stdout);
        }
        assert_eq!(found.stdout.matches("count by ").count(), 4, "{}", found.stdout);
        run(&url, &["check", "--repair"]).expect(0);
        run(&url, &["check"]).expect(0);
    }
}

#[test]
fn wrong_usage_exits_with_2_and_help_and_version_with_0() {
    let (folder, url) = nowhere();
    let wrong: [&[&str]; 6] = [
        &["nonsense"],
        &["--nonsense"],
        &["user"],
        &["user", "set", "a@example.com"],
        &["token", "revoke", "x"],
        &["user", "add"],
    ];
    for args in wrong {
        let ended = run(&url, args).expect(2);
        assert!(ended.stdout.is_empty() && !ended.stderr.is_empty(), "{args:?} {ended:?}");
    }
    for args in [["--help"], ["--version"]] {
        assert!(!run(&url, &args).expect(0).stdout.is_empty());
    }
    assert!(is_empty(&folder));
}

#[test]
fn all_wrong_settings_are_reported_together() {
    for command in ["serve", "config", "demo"] {
        let wrong =
            [("DATABASE_URL", "sqllite://a.db"), ("LISTEN", "here"), ("MAX_BODY", "1MB"), ("TIME_ZONE", "Mars/Base")];
        let ended = finish(program().envs(wrong).arg(command).args(["--workers", "0"])).expect(78);
        assert!(ended.stdout.is_empty(), "{ended:?}");
        for name in ["DATABASE_URL", "LISTEN", "MAX_BODY", "TIME_ZONE", "WORKERS"] {
            assert!(ended.stderr.contains(name), "{name} is not in {}", ended.stderr);
        }
    }
}

#[test]
fn a_mistyped_database_url_never_creates_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    for url in ["sqllite://a.db", "a.db", "sqlite:a.db", "postgre://h/d", "file:a.db", "mysql://h/d", "sqlite://"] {
        for command in [&["serve"][..], &["migrate", "run"], &["user", "add", "--email", "a@example.com"], &["check"]] {
            finish(program().current_dir(&folder).env("DATABASE_URL", url).args(command)).expect(78);
        }
    }
    assert!(is_empty(&folder));
}

#[test]
fn an_unreachable_database_exits_with_69() {
    let (folder, url) = nowhere();
    for args in
        [&["check"][..], &["user", "list"], &["token", "list"], &["migrate", "status"], &["token", "revoke", "1"]]
    {
        let ended = run(&url, args).expect(69);
        assert!(ended.stderr.contains("new.db") && !ended.stderr.is_empty(), "{ended:?}");
    }
    assert!(is_empty(&folder), "a status command creates no database");
    let missing = sqlite_url(&folder.path().join("no/such/folder/a.db"));
    run(&missing, &["serve"]).expect(69);
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its number");
    for args in [&["serve"][..], &["check"], &["migrate", "run"]] {
        let ended = run(&format!("postgres://ann:s3cret@{closed}/nothing?connect_timeout=2"), args).expect(69);
        assert!(!ended.stderr.contains("s3cret"), "{ended:?}");
    }
}

#[test]
fn config_prints_the_settings_without_the_password() {
    let ended = run("postgres://ann:s3cret@db.example/people?password=hidden2", &["config"]).expect(0);
    assert!(ended.stdout.lines().any(|line| line.starts_with("DATABASE_URL=postgres://ann:")), "{}", ended.stdout);
    for secret in ["s3cret", "hidden2"] {
        assert!(!ended.stdout.contains(secret) && !ended.stderr.contains(secret), "{ended:?}");
    }
    assert!(ended.stdout.lines().all(|line| line.contains('=')), "{}", ended.stdout);
}

#[test]
fn healthcheck_reports_by_its_exit_code() {
    let (_folder, url) = nowhere();
    let service = Service::start(&url, &[]);
    let listen = service.address.to_string();
    for args in [&["healthcheck"][..], &["healthcheck", "--ready"]] {
        let ended = finish(program().env("LISTEN", &listen).args(args)).expect(0);
        assert_eq!((ended.stdout, ended.stderr), (String::new(), String::new()));
    }
    Raw::connect(&user_relationships::store::url::DatabaseUrl::parse(&url).unwrap())
        .run("DELETE FROM __diesel_schema_migrations");
    finish(program().env("LISTEN", &listen).args(["healthcheck", "--ready"])).expect(1);
    finish(program().env("LISTEN", &listen).arg("healthcheck")).expect(0);
    service.kill();
    finish(program().env("LISTEN", &listen).arg("healthcheck")).expect(1);
}

#[test]
fn an_address_in_use_exits_with_1_and_a_json_log_line() {
    let (_folder, url) = nowhere();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let listen = taken.local_addr().expect("its number").to_string();
    let settings = [("DATABASE_URL", &*url), ("LISTEN", &*listen), ("LOG_FORMAT", "json")];
    let ended = finish(program().envs(settings).arg("serve")).expect(1);
    assert_eq!(ended.stdout, "");
    assert!(ended.stderr.contains("LISTEN"), "{}", ended.stderr);
    for line in ended.stderr.lines() {
        let fields: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert!(fields["level"].is_string() && fields["message"].is_string(), "{line}");
    }
}

#[test]
fn the_demo_prints_three_lines_of_curl_that_work() {
    let demo = Demo::start();
    if Command::new("curl").arg("--version").output().is_err() {
        skip("no curl to run the demo's lines with");
        return;
    }
    for line in &demo.curls {
        assert!(!line.contains('$') && !line.ends_with('\\'), "{line}");
        let answer = Command::new("sh").args(["-c", line]).output().expect("curl runs");
        let document: Value = serde_json::from_slice(&answer.stdout).unwrap_or_default();
        assert!(document.get("data").is_some(), "{line}: {answer:?}");
    }
    let (code, folder) = demo.stop();
    assert_eq!(code, Some(0));
    assert!(is_empty(&folder), "the demo deletes its database");
}

#[test]
fn the_demo_refuses_a_database_of_its_user() {
    let (folder, url) = nowhere();
    for flag in ["--database-url", "--database-url-file", "--database-read-url", "--database-read-url-file"] {
        let refused = finish(program().args(["demo", flag, &url])).expect(2);
        assert!(refused.stderr.contains(flag) && refused.stderr.contains("temporary database"), "{refused:?}");
        assert!(refused.stdout.is_empty() && is_empty(&folder), "{refused:?}");
    }
}

#[test]
fn sighup_changes_nothing_and_is_logged() {
    let (_folder, url) = nowhere();
    let service = Service::start(&url, &[]);
    service.signal("HUP");
    until("the log says so", Duration::from_secs(10), || service.log().iter().any(|line| line.contains("SIGHUP")));
    service.anonymous().get("/livez").expect(200);
}

//! Commands where there is no database, and the program without a command.

use std::fs;
use std::path::Path;

use crate::support::bare::Bare;
use crate::support::process::{Outcome, Service, finish, program, run, sqlite_url};
use crate::support::signing::{pem, public_key};
use crate::support::sql::Raw;
use user_relationships::store::url::DatabaseUrl;

/// Every command that uses a database and must not create one; `FILE`, `CSV` and `KEY` are files that exist.
const COMMANDS: [&[&str]; 30] = [
    &["import", "FILE"],
    &["import", "FILE", "--dry-run"],
    &["import", "FILE", "--create-types", "--strict"],
    &["import", "--format", "csv", "--users", "CSV"],
    &["export"],
    &["export", "--format", "csv", "--users", "-"],
    &["check"],
    &["check", "--repair"],
    &["user", "add", "--email", "ann@example.com"],
    &["user", "add", "--email", "ann@example.com", "--id", "7", "--access-level", "admin"],
    &["user", "list"],
    &["user", "set", "1", "--disable"],
    &["user", "show", "1"],
    &["user", "delete", "1", "--yes"],
    &["session", "list"],
    &["session", "revoke", "1"],
    &["session", "revoke", "--user", "1"],
    &["secret", "rotate"],
    &["changes"],
    &["type", "list"],
    &["type", "list", "--json"],
    &["type", "set", "mentor", "--acyclic", "yes"],
    &["type", "set", "friend", "--create"],
    &["token", "create", "--user", "ann@example.com"],
    &["token", "list"],
    &["token", "revoke", "1"],
    &["client", "add", "--public-key", "KEY"],
    &["client", "list"],
    &["client", "disable", "x"],
    &["migrate", "revert"],
];

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder");
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Runs a command in a folder, with the files that it reads outside of it.
fn run_in(folder: &Path, inputs: &Path, args: &[&str], url: Option<&str>) -> Outcome {
    let (file, csv, key) = (inputs.join("users.jsonl"), inputs.join("users.csv"), inputs.join("key.pem"));
    fs::write(&file, "{\"type\":\"user\",\"email\":\"ann@example.com\"}\n").unwrap();
    fs::write(&csv, "email\nann@example.com\n").unwrap();
    fs::write(&key, pem("PUBLIC KEY", &public_key(0))).unwrap();
    let place = |arg: &&str| match *arg {
        "FILE" => file.display().to_string(),
        "CSV" => csv.display().to_string(),
        "KEY" => key.display().to_string(),
        other => other.to_owned(),
    };
    let mut command = program();
    command.current_dir(folder).args(args.iter().map(place)).envs(url.map(|url| ("DATABASE_URL", url)));
    finish(&mut command)
}

#[test]
fn a_command_without_a_database_creates_none_and_says_what_to_do() {
    let (folder, inputs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let given = sqlite_url(&folder.path().join("given.db"));
    for args in COMMANDS {
        for (url, file) in [(None, "user-relationships.db"), (Some(&*given), "given.db")] {
            let ended = run_in(folder.path(), inputs.path(), args, url).expect(69);
            assert_eq!(ended.stdout, "", "{args:?}");
            for word in [file, "DATABASE_URL", "migrate run"] {
                assert!(ended.stderr.contains(word), "{args:?}: {word} in {}", ended.stderr);
            }
            assert_eq!(files(folder.path()), Vec::<String>::new(), "{args:?}");
        }
    }
    let status = run_in(folder.path(), inputs.path(), &["migrate", "status"], None).expect(69);
    assert!(status.stderr.contains("user-relationships.db") && files(folder.path()).is_empty(), "{status:?}");
}

#[test]
fn a_command_on_a_database_without_a_schema_writes_nothing() {
    for bare in Bare::all("commands") {
        let (url, inputs) = (bare.url(), tempfile::tempdir().unwrap());
        if let Bare::Folder(folder) = &bare {
            fs::write(folder.path().join("bare.db"), "").unwrap();
        }
        let tables = if matches!(bare, Bare::Folder(_)) {
            "sqlite_schema"
        } else {
            "pg_tables WHERE schemaname = current_schema()"
        };
        let count = || {
            Raw::connect(&DatabaseUrl::parse(&url).unwrap()).number(&format!("SELECT COUNT(*) AS number FROM {tables}"))
        };
        for args in COMMANDS.iter().filter(|args| **args != ["migrate", "revert"]) {
            let ended = run_in(inputs.path(), inputs.path(), args, Some(&url)).expect(69);
            assert!(ended.stderr.contains("migrate run") && ended.stdout.is_empty(), "{args:?} {ended:?}");
            assert_eq!(count(), 0, "{args:?}");
        }
        assert!(run(&url, &["migrate", "status"]).expect(0).stdout.lines().all(|line| line.starts_with("pending")));
        assert!(run(&url, &["migrate", "revert"]).expect(0).stderr.contains("no migration is applied"));
        assert_eq!(count(), 0, "`migrate status` creates nothing either");
    }
}

#[test]
fn serve_and_migrate_create_the_database() {
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path(), &folder.path().join(".."), &["migrate", "run"], None).expect(0);
    assert_eq!(files(folder.path())[0], "user-relationships.db");
    let url = sqlite_url(&folder.path().join("served.db"));
    Service::start(&url, &[]).anonymous().get("/readyz").expect(200);
    run(&url, &["user", "list"]).expect(0);
}

#[test]
fn the_bare_program_prints_its_help_and_exits_with_2() {
    let folder = tempfile::tempdir().unwrap();
    for (args, variables) in [
        (&[][..], &[][..]),
        (&[], &[("LISTEN", "127.0.0.1:0"), ("LOG_FORMAT", "json"), ("DATABASE_URL", "sqlite://a.db")]),
        (&[], &[("LISTEN", "nonsense"), ("LOG_FORMAT", "text")]),
        (&["--listen", "127.0.0.1:0"], &[]),
        (&["--database-url=sqlite://a.db"], &[("LOG_FORMAT", "json")]),
    ] {
        let mut command = program();
        command.current_dir(&folder).args(args).envs(variables.iter().copied());
        let ended = finish(&mut command).expect(2);
        assert_eq!(ended.stdout, "", "{args:?}");
        assert!(ended.stderr.contains("Usage: user-relationships") && ended.stderr.contains("  serve "), "{ended:?}");
        assert!(!ended.stderr.contains("--rate-limit"), "the help of the program, without all settings: {ended:?}");
    }
    assert_eq!(files(folder.path()), Vec::<String>::new());
    // A command that needs another word says so, with the same code.
    let ended = finish(program().arg("user")).expect(2);
    assert!(ended.stderr.contains("Usage: user-relationships user"), "{ended:?}");
}

//! Files with personal data: who may read them, and how a spreadsheet treats them.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::app::Engine;
use crate::support::import::{ImportFixture, lines};
use crate::support::json;
use crate::support::process::{Service, finish, program, program_after_shell, run, sqlite_url};

/// Starts the program with a umask that allows reading and writing by every user.
const NO_UMASK: &str = r#"umask 0; exec "$0" "$@""#;

fn mode(path: &Path) -> u32 {
    path.metadata().expect("a file").permissions().mode() & 0o777
}

#[test]
fn a_new_sqlite_file_is_readable_by_its_owner_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = sqlite_url(&folder.path().join("new.db"));
    let service = Service::start_as(program_after_shell(NO_UMASK), &url, &[]);
    service.anonymous().get("/readyz").expect(200);
    let files: Vec<_> =
        folder.path().read_dir().expect("a folder").map(|entry| entry.expect("a file").path()).collect();
    assert_eq!(files.len(), 3, "the file, its log and their index: {files:?}");
    for file in &files {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
    assert!(!service.log().iter().any(|line| line.contains("chmod")), "{:?}", service.log());
}

#[test]
fn serve_warns_about_a_database_file_that_others_can_read() {
    let fixture = ImportFixture::new(Engine::Sqlite).expect("a folder");
    let file = fixture.home.file().expect("a file");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).expect("a mode");
    let service = Service::start(&fixture.home.text(), &[]);
    let log = service.log();
    let warned = |line: &&String| line.contains("WARN") && line.contains("chmod 600 '") && line.contains("test.db'");
    assert_eq!(log.iter().filter(warned).count(), 1, "{log:?}");
    assert_eq!(mode(&file), 0o640, "the service does not change it");
}

#[test]
fn an_export_file_is_readable_by_its_owner_only() {
    let fixture = ImportFixture::new(Engine::Sqlite).expect("a folder");
    let (all, part) = (fixture.path("all.ndjson"), fixture.path("all.ndjson.part"));
    let (users, edges) = (fixture.path("users.csv"), fixture.path("edges.csv"));
    // The mode of an earlier export must not apply.
    std::fs::write(&part, "").expect("a file");
    std::fs::set_permissions(&part, std::fs::Permissions::from_mode(0o666)).expect("a mode");
    let [all_text, users_text, edges_text] = [&all, &users, &edges].map(|path| path.display().to_string());
    for args in [
        &["export", "--output", &all_text][..],
        &["export", "--format", "csv", "--users", &users_text, "--relationships", &edges_text],
    ] {
        finish(program_after_shell(NO_UMASK).env("DATABASE_URL", fixture.home.text()).args(args)).expect(0);
    }
    for file in [&all, &users, &edges] {
        assert_eq!(mode(file), 0o600, "{}", file.display());
    }
}

#[test]
fn a_csv_export_holds_no_formula_and_is_imported_unchanged() {
    for fixture in ImportFixture::all() {
        let names = ["=1+1", "+49 30", "-x", "@a", "\tx", "\rx", "'=1", "''", "'", "-5", "'-5", "＝1"];
        let people = (1..).zip(names).map(|(id, name)| {
            json!({"type": "user", "id": id, "email": format!("={id}@example.com"), "last-name": name, "phone": [name]})
        });
        let people: Vec<_> = people.collect();
        fixture.import(&lines(&people), &[]).expect(0);
        let before = fixture.export();
        let csv = fixture.run(&["export", "--format", "csv", "--users", "-"]).expect(0).stdout;
        assert!(csv.contains(",'=1+1,") && csv.contains(",'=1@example.com,") && csv.contains(",-5,"), "{csv}");
        let file = fixture.write("users.csv", &csv);
        let other = ImportFixture::new(Engine::Sqlite).expect("a folder");
        other.run(&["import", "--format", "csv", "--users", &file]).expect(0);
        assert_eq!(other.export(), before);
    }
}

#[test]
fn config_shows_no_password_whatever_its_encoding() {
    for (variable, url) in [
        ("DATABASE_URL", "postgres://ann@h/db?%70assword=S3CRET&sslmode=require"),
        ("DATABASE_URL", "postgres://h/db?%70%61ssword=S3CRET&options=-cx.y%3DS3CRET"),
        ("DATABASE_READ_URL", "postgres://h/db?%50assword=S3CRET&passw%6frd=S3CRET"),
    ] {
        let primary = ("DATABASE_URL", "postgres://h/db");
        let config = finish(program().envs([primary, (variable, url)]).arg("config")).expect(0);
        assert!(!config.stdout.contains("S3CRET") && config.stdout.contains("***"), "{config:?}");
    }
    for url in ["postgres://h/db?S3CRET=x", "postgres://h/db?connect_timeout=S3CRET", "host=h password=S3CRET://x"] {
        let outcome = run(url, &["user", "list"]);
        assert!(outcome.code != 0 && !outcome.stderr.contains("S3CRET"), "{outcome:?}");
    }
}

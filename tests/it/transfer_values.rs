//! Values in files as spreadsheets, databases and people write them, and the sample files.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use user_relationships::clock::Clock;

use crate::support::bare::Bare;
use crate::support::import::{ImportFixture, counts, lines, relation, user};
use crate::support::process::{finish, run};
use crate::support::sources::{read, root};
use crate::support::{Value, json};

/// The exported users of a database, by e-mail address.
fn exported(fixture: &ImportFixture, email: &str) -> Value {
    let lines = fixture.export();
    let users = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    users.into_iter().find(|user| user["email"] == email).unwrap_or_else(|| panic!("{email} is not in {lines}"))
}

#[test]
fn booleans_of_spreadsheets_are_imported_in_any_case() {
    let words = [
        ("TRUE", true),
        ("FALSE", false),
        ("True", true),
        ("yes", true),
        ("NO", false),
        ("1", true),
        ("0", false),
        (" true ", true),
        ("off", false),
    ];
    for fixture in ImportFixture::all() {
        let rows = words.iter().enumerate().map(|(n, (word, _))| format!("u{n}@example.com,{word}\r\n"));
        let file = fixture.write("users.csv", format!("email,is-enabled\r\n{}", rows.collect::<String>()));
        fixture.run(&["import", "--format", "csv", "--users", &file]).expect(0);
        for (n, (word, is_enabled)) in words.iter().enumerate() {
            assert_eq!(exported(&fixture, &format!("u{n}@example.com"))["is-enabled"], *is_enabled, "{word:?}");
        }
        // An empty cell leaves the value alone; a wrong word rejects its row only.
        let file =
            fixture.write("more.csv", "email,is-enabled\nu1@example.com,\nu0@example.com,maybe\nu2@example.com,No\n");
        let ended = fixture.run(&["import", "--format", "csv", "--users", &file]).expect(1);
        assert_eq!(counts(&ended)[0], [0, 1, 1, 1]);
        for word in ["line 3", "`is-enabled`", "`yes`", "`1`", "got `maybe`"] {
            assert!(ended.stderr.contains(word), "{word} in {}", ended.stderr);
        }
        let lines = r#"{"type":"user","email":"n1@example.com","is-enabled":"FALSE"}
{"type":"user","email":"n2@example.com","is-enabled":0}
{"type":"user","email":"n3@example.com","is-enabled":1}
{"type":"user","email":"n4@example.com","is-enabled":false}
"#;
        fixture.import(lines, &[]).expect(0);
        let enabled = ["n1", "n2", "n3", "n4"].map(|name| exported(&fixture, &format!("{name}@example.com")));
        assert_eq!(enabled.map(|user| user["is-enabled"].as_bool().unwrap()), [false, false, true, false]);
    }
}

#[test]
fn times_without_a_weekday_and_with_any_offset_are_imported() {
    let times = [
        "Wed, 21 May 2014 10:11:24 +0300",
        "21 May 2014 10:11:24 +0300",
        "2014-05-21T10:11:24+03:00",
        "2014-05-21T10:11:24+0300",
        "2014-05-21T10:11:24+03",
        "2014-05-21 10:11:24 +0300",
        "2014-05-21T07:11:24Z",
    ];
    for fixture in ImportFixture::all() {
        let rows = times.iter().enumerate().map(|(n, time)| format!("u{n}@example.com,\"{time}\"\n"));
        let file = fixture.write("users.csv", format!("email,created-at\n{}", rows.collect::<String>()));
        fixture.run(&["import", "--format", "csv", "--users", &file]).expect(0);
        let line = |(n, time): (usize, &&str)| {
            format!("{{\"type\":\"user\",\"email\":\"n{n}@example.com\",\"created-at\":\"{time}\"}}\n")
        };
        fixture.import(&times.iter().enumerate().map(line).collect::<String>(), &[]).expect(0);
        for (n, time) in times.iter().enumerate() {
            for name in [format!("u{n}@example.com"), format!("n{n}@example.com")] {
                assert_eq!(exported(&fixture, &name)["created-at"], "Wed, 21 May 2014 07:11:24 +0000", "{time}");
            }
        }
        let ended = fixture
            .import("{\"type\":\"user\",\"email\":\"x@example.com\",\"created-at\":\"21.5.2014\"}\n", &[])
            .expect(1);
        for word in ["`created-at`", "RFC 2822", "ISO 8601", "2014-05-21 10:11:24 +0300", "got `21.5.2014`"] {
            assert!(ended.stderr.contains(word), "{word} in {}", ended.stderr);
        }
    }
}

/// The lines of shell of a document that import files, as printed: the whole block.
fn import_block(document: &str) -> String {
    let text = read(document);
    let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let block = blocks.into_iter().find(|block| block.contains("user-relationships import"));
    block.unwrap_or_else(|| panic!("no import in {document}")).to_owned()
}

#[test]
fn the_documented_import_commands_work_on_an_empty_database() {
    for (document, is_migrated) in [("README.md", false), ("docs/DEPLOYMENT.md", true)] {
        for bare in Bare::all("readme") {
            let (url, folder) = (bare.url(), tempfile::tempdir().expect("a folder"));
            if is_migrated {
                run(&url, &["migrate", "run"]).expect(0);
            }
            symlink(root().join("examples"), folder.path().join("examples")).expect("a link");
            let program = Path::new(env!("CARGO_BIN_EXE_user-relationships")).parent().expect("a folder");
            let mut shell = Command::new("/bin/sh");
            shell.env_clear().env("PATH", format!("{}:/usr/bin:/bin", program.display())).env("DATABASE_URL", &url);
            shell.current_dir(&folder).stdout(Stdio::piped()).stderr(Stdio::piped());
            let ended = finish(shell.args(["-e", "-c", &import_block(document)])).expect(0);
            assert!(ended.stderr.contains("users: 10 added") && ended.stderr.contains("users: 3 added"), "{ended:?}");
            let file = folder.path().join("company.ndjson");
            assert_eq!(fs::read_to_string(&file).expect("the export").lines().count(), 3 + 10 + 15 + 3 + 3);
            run(&url, &["check"]).expect(0);
            // What was exported is imported unchanged.
            let again = run(&url, &["import", file.to_str().expect("a path")]).expect(0);
            assert_eq!(counts(&again), [[0, 0, 13, 0], [0, 0, 18, 0]]);
        }
    }
}

/// A time that many seconds from now.
fn from_now(seconds: i64) -> String {
    Clock::System.now().plus_seconds(seconds).iso8601()
}

#[test]
fn times_in_the_future_are_rejected_with_line_and_member() {
    let with = |mut line: Value, member: &str, time: &str| {
        line[member] = json!(time);
        line
    };
    for one in ImportFixture::all() {
        for (fixture, is_first_load) in [(one.another(), true), (one, false)] {
            let _session = (!is_first_load).then(|| fixture.open_session());
            // Clocks may differ by a minute.
            let (near, far) = (from_now(30), from_now(300));
            let text = lines(&[
                user(1),
                with(user(2), "created-at", &near),
                with(user(3), "created-at", &far),
                with(user(4), "updated-at", "9999-12-31T23:59:59Z"),
                with(relation(1, "mentor", 2), "created-at", &near),
                with(relation(2, "mentor", 1), "created-at", &far),
                with(relation(2, "colleague", 1), "updated-at", &far),
            ]);
            for options in [&["--dry-run"][..], &[]] {
                let outcome = fixture.import(&text, options).expect(1);
                assert_eq!(counts(&outcome), [[2, 0, 0, 2], [1, 0, 0, 2]], "{options:?} {}", outcome.stderr);
                for (place, got) in [
                    ("line 3: `created-at`", far.as_str()),
                    ("line 4: `updated-at`", "9999-12-31T23:59:59.000000Z"),
                    ("line 6: `created-at`", &far),
                    ("line 7: `updated-at`", &far),
                ] {
                    let line = outcome.stderr.lines().find(|line| line.contains(place)).unwrap_or(&outcome.stderr);
                    assert!(line.contains("at most 60 seconds in the future (it is 2"), "{place}: {line}");
                    assert!(line.ends_with(&format!("; got `{got}`")), "{place}: {line}");
                }
            }
            // The times of a record that exists are checked as well.
            let again = fixture.import(&lines(&[with(user(1), "created-at", &far)]), &[]).expect(1);
            assert_eq!(counts(&again)[0], [0, 0, 0, 1]);
            fixture.assert_no_drift();
        }
    }
}

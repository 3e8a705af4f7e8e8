//! Damaged files and files of other kinds: each problem is reported with its line, the rest is imported, and no line is
//! half applied.

use std::fs;
use std::io::{Read, Write};
use std::process::Stdio;

use crate::support::app::Engine;
use crate::support::import::{ImportFixture, company, counts, lines, relation, user};
use crate::support::process::{Guard, Outcome, PATIENCE, program};
use crate::support::skip::skip;

const USERS: &str = "SELECT COUNT(*) AS number FROM users";

/// The reason that is reported for a line.
#[track_caller]
fn reason_for(outcome: &Outcome, place: &str) -> String {
    let found = outcome.stderr.lines().find_map(|line| line.split_once(&format!("{place}: ")));
    found.unwrap_or_else(|| panic!("nothing of {place}: {}", outcome.stderr)).1.to_owned()
}

fn tables<'a>(users: &'a str, relationships: &'a str) -> [&'a str; 7] {
    ["import", "--format", "csv", "--users", users, "--relationships", relationships]
}

#[test]
fn a_truncated_file_loses_only_its_last_line() {
    for fixture in ImportFixture::all() {
        let text = company(20, 60);
        let start = text.trim_end().rfind('\n').expect("many lines") + 1;
        for cut in [start + 1, start + 40, text.len() - 3, text.len() - 2] {
            let outcome = fixture.import(&text[..cut], &[]).expect(1);
            assert_eq!(reason_for(&outcome, "line 80"), "the line ends inside a JSON object", "{cut}");
            assert!(outcome.stderr.ends_with("1 line was rejected\n"), "{}", outcome.stderr);
            assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM user_relationships"), 59);
        }
        // Only the line end is missing, which is fine.
        let whole = fixture.import(text.trim_end(), &[]).expect(0);
        assert_eq!(counts(&whole), [[0, 0, 20, 0], [1, 0, 59, 0]]);

        // A cell of a table may be truncated, too.
        let file = |name: &str| fixture.path(name).display().to_string();
        let (users, edges) = (file("u.csv"), file("e.csv"));
        let mut export = tables(&users, &edges);
        export[0] = "export";
        fixture.run(&export).expect(0);
        let text = fs::read_to_string(&edges).unwrap();
        let before = fixture.export();
        for (cut, reason) in
            [(2, "the file ends inside quotation marks"), (70, "the row has 4 cells; the header line has 6")]
        {
            fs::write(&edges, &text[..text.len() - cut]).unwrap();
            let outcome = fixture.run(&tables(&users, &edges)).expect(1);
            assert_eq!(reason_for(&outcome, "e.csv: line 61"), reason);
            assert_eq!(counts(&outcome), [[0, 0, 20, 0], [0, 0, 59, 1]]);
            assert_eq!(fixture.export(), before);
        }
        // Only the line end is missing, which many programs omit.
        fs::write(&edges, text.trim_end()).unwrap();
        let whole = fixture.run(&tables(&users, &edges)).expect(0);
        assert_eq!(counts(&whole), [[0, 0, 20, 0], [0, 0, 60, 0]]);
        fixture.assert_no_drift();
    }
}

#[test]
fn csv_files_with_wrong_columns_are_refused_before_any_write() {
    for fixture in ImportFixture::all() {
        let users = fixture.write("u.csv", "email,id\nann@example.com,1\nbob@example.com,2\n");
        for (columns, reasons) in [
            ("user,relationship", &["`target` is missing"][..]),
            ("user,target,relationship,shoe-size", &["`shoe-size`: unknown column"]),
            ("user,target,relationship,email", &["`email`: unknown column"]),
            ("user,target,relationship,user", &["`user` is a duplicate"]),
            (
                "USR,Target",
                &["`user` is missing", "`relationship` is missing", "`USR`: unknown column, did you mean `user`?"],
            ),
            ("user|target|relationship", &["`user` is missing", "`user|target|relationship`: unknown column"]),
            ("", &["the header line"]),
        ] {
            let edges =
                fixture.write("e.csv", if columns.is_empty() { String::new() } else { format!("{columns}\n1,2\n") });
            let refused = fixture.run(&tables(&users, &edges)).expect(1);
            assert!(
                refused.stderr.contains("cannot read `") && refused.stderr.contains("e.csv`: "),
                "{}",
                refused.stderr
            );
            assert!(columns.is_empty() || refused.stderr.contains("`: line 1: "), "{}", refused.stderr);
            for reason in reasons {
                assert!(refused.stderr.contains(reason), "{columns}: {}", refused.stderr);
            }
            assert_eq!(refused.stderr.lines().count(), 1, "once, and not for every line: {}", refused.stderr);
            assert_eq!(fixture.number(USERS), 0);
        }
        // A table without lines is valid.
        let edges = fixture.write("e.csv", "user,target,relationship\n");
        assert_eq!(counts(&fixture.run(&tables(&users, &edges)).expect(0)), [[2, 0, 0, 0], [0; 4]]);
    }
}

#[test]
fn unsuitable_files_are_named_in_the_error() {
    for fixture in ImportFixture::all() {
        let good = fixture.write("good.csv", "email\nann@example.com\n");
        let folder = fixture.folder.path().display().to_string();
        for (bad, reason) in [(&*folder, "directory"), ("/no/such/file", "No such file")] {
            for args in [vec!["import", bad], tables(&good, bad).to_vec(), tables(bad, &good).to_vec()] {
                let refused = fixture.run(&args).expect(1);
                assert!(refused.stderr.contains(&format!("cannot read `{bad}`: ")), "{}", refused.stderr);
                assert!(refused.stderr.contains(reason), "{}", refused.stderr);
            }
        }
        // Some systems have a file that can be opened but not read.
        let unreadable = "/proc/self/mem";
        if fs::exists(unreadable).unwrap() {
            let refused = fixture.run(&["import", unreadable]).expect(1);
            assert!(refused.stderr.contains("cannot read `/proc/self/mem`: "), "{}", refused.stderr);
            let refused = fixture.run(&tables(&good, unreadable)).expect(1);
            assert!(refused.stderr.contains("cannot read `/proc/self/mem`: "), "{}", refused.stderr);
        } else {
            skip("no file that can be opened but not read");
        }
        assert_eq!(fixture.number(USERS), 0);
        assert_eq!(counts(&fixture.import("", &[]).expect(0)), [[0; 4]; 2]);
    }
}

#[test]
fn zero_bytes_are_refused_in_the_line_that_has_them() {
    for fixture in ImportFixture::all() {
        let bad = "{\"type\":\"user\",\"email\":\"b\0b@example.com\"}\n\0\n\0\0\0\n";
        let outcome = fixture.import(&format!("{}{bad}{}", lines(&[user(1)]), lines(&[user(2)])), &[]).expect(1);
        assert_eq!(counts(&outcome)[0], [2, 0, 0, 0]);
        for number in 2..=4 {
            assert!(
                reason_for(&outcome, &format!("line {number}")).starts_with("the line is not valid JSON"),
                "{}",
                outcome.stderr
            );
        }
        let file = fixture.write(
            "zero.csv",
            "email,first-name\ncho@example.com,C\0o\nd\0@example.com,Dee\n\0\neve@example.com,Eve\n",
        );
        let outcome = fixture.run(&["import", "--format", "csv", "--users", &file]).expect(1);
        assert_eq!(counts(&outcome)[0], [1, 0, 0, 3]);
        assert!(reason_for(&outcome, "line 2").contains("`first-name`: must not contain U+0000"), "{}", outcome.stderr);
        assert!(reason_for(&outcome, "line 3").contains("`email`"), "{}", outcome.stderr);
        assert!(reason_for(&outcome, "line 4").contains("the row has 1 cells"), "{}", outcome.stderr);
        assert_eq!(fixture.number(USERS), 3);
    }
}

#[test]
fn an_unclosed_quotation_mark_rejects_the_rest_of_the_file() {
    let fixture = ImportFixture::new(Engine::Sqlite).expect("SQLite is always there");
    let file =
        fixture.write("q.csv", "email,first-name\nann@example.com,Ann\nbob@example.com,\"Bob\ncho@example.com,Cho\n");
    let outcome = fixture.run(&["import", "--format", "csv", "--users", &file]).expect(1);
    assert_eq!(counts(&outcome)[0], [1, 0, 0, 1]);
    assert!(reason_for(&outcome, "line 3").contains("the file ends inside quotation marks"), "{}", outcome.stderr);
}

#[test]
fn a_record_of_100_megabytes_is_skipped_in_little_memory() {
    for (before, after) in [("", ""), ("\"", "\"")] {
        let fixture = ImportFixture::new(Engine::Sqlite).expect("SQLite is always there");
        let mut command = program();
        command.env("DATABASE_URL", fixture.home.text()).args(["import", "--format", "csv", "--users", "-"]);
        let mut child = Guard(command.stdin(Stdio::piped()).spawn().expect("the program starts"));
        let mut stdin = child.0.stdin.take().expect("a pipe");
        let megabyte = vec![b'a'; 1 << 20];
        write!(stdin, "email,first-name\nann@example.com,{before}").unwrap();
        for _ in 0..100 {
            stdin.write_all(&megabyte).unwrap();
        }
        write!(stdin, "{after}\nbob@example.com,Bob\n").unwrap();
        let status = fs::read_to_string(format!("/proc/{}/status", child.0.id())).unwrap_or_default();
        drop(stdin);
        let mut all = String::new();
        child.0.stderr.take().expect("a pipe").read_to_string(&mut all).unwrap();
        assert_eq!(child.wait(PATIENCE).code(), Some(1), "{all}");
        assert!(all.contains("line 2: the row is longer than") && all.contains("users: 1 added"), "{all}");
        match status.lines().find_map(|line| line.strip_prefix("VmHWM:")) {
            Some(peak) => {
                let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
                assert!(kilobytes < 60_000, "{kilobytes} kB at its peak");
            }
            None => skip("the system does not report the peak memory of a process"),
        }
    }
}

#[test]
fn a_dry_run_does_not_modify_the_database_file() {
    let fixture = ImportFixture::new(Engine::Sqlite).expect("SQLite is always there");
    fixture.import(&lines(&[user(1), user(2)]), &[]).expect(0);
    let file = fixture.home.file().expect("a file");
    let before = fs::read(&file).unwrap();
    fixture
        .import(&lines(&[user(3), relation(1, "mentor", 2), relation(1, "buddy", 3)]), &["--dry-run", "--create-types"])
        .expect(0);
    assert!(fs::read(&file).unwrap() == before, "a dry run wrote to the file");
}

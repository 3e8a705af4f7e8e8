//! Files that are damaged, or are something else than what an import takes: what is wrong is named with its line, the
//! rest goes on, and nothing is half applied.

use std::fs;
use std::io::{Read, Write};
use std::process::Stdio;

use crate::support::app::Engine;
use crate::support::desk::{ImportFixture, company, counts, lines, relation, user};
use crate::support::process::{Guard, Outcome, PATIENCE, program};
use crate::support::{Value, json};

const USERS: &str = "SELECT COUNT(*) AS number FROM users";

/// The reason that is given for a line.
#[track_caller]
fn told(outcome: &Outcome, place: &str) -> String {
    let found = outcome.stderr.lines().find_map(|line| line.split_once(&format!("{place}: ")));
    found.unwrap_or_else(|| panic!("nothing of {place}: {}", outcome.stderr)).1.to_owned()
}

fn tables<'a>(users: &'a str, relationships: &'a str) -> [&'a str; 7] {
    ["import", "--format", "csv", "--users", users, "--relationships", relationships]
}

#[test]
fn a_file_that_was_cut_off_lacks_its_last_line_and_nothing_else() {
    for desk in ImportFixture::all() {
        let text = company(20, 60);
        let start = text.trim_end().rfind('\n').expect("many lines") + 1;
        for cut in [start + 1, start + 40, text.len() - 3, text.len() - 2] {
            let outcome = desk.import(&text[..cut], &[]).expect(1);
            assert_eq!(told(&outcome, "line 80"), "the line ends inside a JSON object", "{cut}");
            assert!(outcome.stderr.ends_with("1 line was rejected\n"), "{}", outcome.stderr);
            assert_eq!(desk.number("SELECT COUNT(*) AS number FROM user_relationships"), 59);
        }
        // Only the line end is missing, which says nothing.
        let whole = desk.import(text.trim_end(), &[]).expect(0);
        assert_eq!(counts(&whole), [[0, 0, 20, 0], [1, 0, 59, 0]]);

        // Of a table a cell may be cut, too.
        let file = |name: &str| desk.path(name).display().to_string();
        let (users, edges) = (file("u.csv"), file("e.csv"));
        let mut export = tables(&users, &edges);
        export[0] = "export";
        desk.run(&export).expect(0);
        let text = fs::read_to_string(&edges).unwrap();
        let before = desk.export();
        for (cut, reason) in
            [(2, "the file ends inside quotation marks"), (70, "the row has 4 cells; the header line has 6")]
        {
            fs::write(&edges, &text[..text.len() - cut]).unwrap();
            let outcome = desk.run(&tables(&users, &edges)).expect(1);
            assert_eq!(told(&outcome, "e.csv: line 61"), reason);
            assert_eq!(counts(&outcome), [[0, 0, 20, 0], [0, 0, 59, 1]]);
            assert_eq!(desk.export(), before);
        }
        // Only the line end is missing, which many programs leave out.
        fs::write(&edges, text.trim_end()).unwrap();
        let whole = desk.run(&tables(&users, &edges)).expect(0);
        assert_eq!(counts(&whole), [[0, 0, 20, 0], [0, 0, 60, 0]]);
        desk.assert_no_drift();
    }
}

#[test]
fn tables_in_another_encoding_are_refused_or_lack_the_lines_that_are_not_text() {
    for desk in ImportFixture::all() {
        let good = "email,first-name\nann@example.com,Ann\n";
        let wide = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> { good.encode_utf16().flat_map(bytes).collect() };
        for bytes in [
            [b"\xFF\xFE".to_vec(), wide(u16::to_le_bytes)].concat(),
            [b"\xFE\xFF".to_vec(), wide(u16::to_be_bytes)].concat(),
            wide(u16::to_le_bytes),
            wide(u16::to_be_bytes),
        ] {
            let file = desk.write("wide.csv", bytes);
            let refused = desk.run(&["import", "--format", "csv", "--users", &file]).expect(1);
            assert!(refused.stderr.contains("wide.csv`: the encoding is UTF-16"), "{}", refused.stderr);
        }
        assert_eq!(desk.number(USERS), 0);
        let latin = [b"\xEF\xBB\xBF".as_slice(), good.as_bytes(), b"bob@example.com,B\xF6b\ncho@example.com,Cho\n"];
        let file = desk.write("latin.csv", latin.concat());
        let outcome = desk.run(&["import", "--format", "csv", "--users", &file]).expect(1);
        assert_eq!(counts(&outcome)[0], [2, 0, 0, 1]);
        assert_eq!(told(&outcome, "line 3"), "the row is not UTF-8");
        let names: Vec<Value> = desk.export().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((&names[0]["first-name"], &names[1]["first-name"]), (&json!("Ann"), &json!("Cho")));
    }
}

#[test]
fn a_table_with_wrong_columns_is_refused_before_anything_is_written() {
    for desk in ImportFixture::all() {
        let users = desk.write("u.csv", "email,id\nann@example.com,1\nbob@example.com,2\n");
        for (columns, reasons) in [
            ("user,relationship", &["`target` is missing"][..]),
            ("user,target,relationship,shoe-size", &["`shoe-size`: unknown member"]),
            ("user,target,relationship,email", &["`email`: unknown member"]),
            ("user,target,relationship,user", &["`user` is a duplicate"]),
            ("USER,Target", &["`user` is missing", "`target` is missing", "`relationship` is missing", "`USER`"]),
            ("user;target;relationship", &["`user` is missing", "`user;target;relationship`: unknown member"]),
            ("", &["the header line"]),
        ] {
            let edges =
                desk.write("e.csv", if columns.is_empty() { String::new() } else { format!("{columns}\n1,2\n") });
            let refused = desk.run(&tables(&users, &edges)).expect(1);
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
            assert_eq!(desk.number(USERS), 0);
        }
        // A table without lines is none of that.
        let edges = desk.write("e.csv", "user,target,relationship\n");
        assert_eq!(counts(&desk.run(&tables(&users, &edges)).expect(0)), [[2, 0, 0, 0], [0; 4]]);
    }
}

#[test]
fn what_is_no_file_of_lines_is_named() {
    for desk in ImportFixture::all() {
        let good = desk.write("good.csv", "email\nann@example.com\n");
        let folder = desk.folder.path().display().to_string();
        for (bad, reason) in [(&*folder, "directory"), ("/no/such/file", "No such file")] {
            for args in [vec!["import", bad], tables(&good, bad).to_vec(), tables(bad, &good).to_vec()] {
                let refused = desk.run(&args).expect(1);
                assert!(refused.stderr.contains(&format!("cannot read `{bad}`: ")), "{}", refused.stderr);
                assert!(refused.stderr.contains(reason), "{}", refused.stderr);
            }
        }
        // Where the system has a file that can be opened and not read.
        let unreadable = "/proc/self/mem";
        if fs::exists(unreadable).unwrap() {
            let refused = desk.run(&["import", unreadable]).expect(1);
            assert!(refused.stderr.contains("cannot read `/proc/self/mem`: "), "{}", refused.stderr);
            let refused = desk.run(&tables(&good, unreadable)).expect(1);
            assert!(refused.stderr.contains("cannot read `/proc/self/mem`: "), "{}", refused.stderr);
        }
        assert_eq!(desk.number(USERS), 0);
        assert_eq!(counts(&desk.import("", &[]).expect(0)), [[0; 4]; 2]);
    }
}

#[test]
fn bytes_of_zero_are_refused_where_they_stand() {
    for desk in ImportFixture::all() {
        let bad = "{\"type\":\"user\",\"email\":\"b\0b@example.com\"}\n\0\n\0\0\0\n";
        let outcome = desk.import(&format!("{}{bad}{}", lines(&[user(1)]), lines(&[user(2)])), &[]).expect(1);
        assert_eq!(counts(&outcome)[0], [2, 0, 0, 0]);
        for number in 2..=4 {
            assert!(
                told(&outcome, &format!("line {number}")).starts_with("the line is not valid JSON"),
                "{}",
                outcome.stderr
            );
        }
        let file = desk.write(
            "zero.csv",
            "email,first-name\ncho@example.com,C\0o\nd\0@example.com,Dee\n\0\neve@example.com,Eve\n",
        );
        let outcome = desk.run(&["import", "--format", "csv", "--users", &file]).expect(1);
        assert_eq!(counts(&outcome)[0], [1, 0, 0, 3]);
        assert!(told(&outcome, "line 2").contains("`first-name`: a text cannot contain U+0000"), "{}", outcome.stderr);
        assert!(told(&outcome, "line 3").contains("`email`"), "{}", outcome.stderr);
        assert!(told(&outcome, "line 4").contains("the row has 1 cells"), "{}", outcome.stderr);
        assert_eq!(desk.number(USERS), 3);
    }
}

#[test]
fn a_quotation_mark_that_is_never_closed_takes_its_line_along() {
    let desk = ImportFixture::new(Engine::Sqlite).expect("SQLite is always there");
    let file =
        desk.write("q.csv", "email,first-name\nann@example.com,Ann\nbob@example.com,\"Bob\ncho@example.com,Cho\n");
    let outcome = desk.run(&["import", "--format", "csv", "--users", &file]).expect(1);
    assert_eq!(counts(&outcome)[0], [1, 0, 0, 1]);
    assert!(told(&outcome, "line 3").contains("the file ends inside quotation marks"), "{}", outcome.stderr);
}

#[test]
fn a_record_of_100_megabytes_is_passed_over_in_little_memory() {
    for (before, after) in [("", ""), ("\"", "\"")] {
        let desk = ImportFixture::new(Engine::Sqlite).expect("SQLite is always there");
        let mut command = program();
        command.env("DATABASE_URL", desk.home.text()).args(["import", "--format", "csv", "--users", "-"]);
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
        if let Some(peak) = status.lines().find_map(|line| line.strip_prefix("VmHWM:")) {
            let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
            assert!(kilobytes < 60_000, "{kilobytes} kB at its peak");
        }
    }
}

#[test]
fn a_rehearsal_leaves_even_the_file_as_it_was() {
    let desk = ImportFixture::new(Engine::Sqlite).expect("SQLite is always there");
    desk.import(&lines(&[user(1), user(2)]), &[]).expect(0);
    let file = desk.home.file().expect("a file");
    let before = fs::read(&file).unwrap();
    desk.import(
        &lines(&[user(3), relation(1, "mentor", 2), relation(1, "buddy", 3)]),
        &["--dry-run", "--create-types"],
    )
    .expect(0);
    assert!(fs::read(&file).unwrap() == before, "a rehearsal wrote to the file");
}

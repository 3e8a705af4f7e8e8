//! `docs/CONFORMANCE.md`, made from the tests: `WRITE_DOCS=1 cargo test --test it the_report` writes it, any other run
//! fails if it is not what the tests say.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::items::{PARTS, UNTESTED};

const DOCUMENT: &str = "docs/CONFORMANCE.md";
const HEAD: &str = "# Conformance\n\n\
    JSON:API 1.1, its extension and profile, and what our contract adds, as numbered items, each with the tests in\n\
    `tests/it` that hold it, on SQLite and on PostgreSQL. Besides, every answer to these tests is read by\n\
    `tests/it/conformance/document.rs`, which knows the rules of documents (20 to 51) and nothing of the program.\n\n\
    Made by `WRITE_DOCS=1 cargo test --test it the_report`; the tests fail where it is not what they say.\n";

/// A test and the items that it holds.
struct Held {
    /// `file::name`.
    test: String,
    items: Vec<String>,
}

/// Everything that stands in an `item!` of the tests.
fn held() -> Vec<Held> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let files = fs::read_dir(folder).expect("the tests").map(|entry| entry.expect("a test").path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|ending| ending == "rs")).collect();
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("a text");
        let module = file.file_stem().expect("a name").to_string_lossy();
        for rest in text.split("\nitem!(").skip(1) {
            let (items, rest) = rest.split_once('[').and_then(|(_, rest)| rest.split_once(']')).expect("items");
            let name = rest.trim_start_matches(',').split(',').next().expect("a name").trim();
            let items = items.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect();
            all.push(Held { test: format!("{module}::{name}"), items });
        }
    }
    all
}

/// Runs the tests anew and gives those that fail.
fn failing(tests: &[Held]) -> BTreeSet<String> {
    let program = std::env::current_exe().expect("this program");
    let run = |test: &Held| format!("{}::", test.test);
    let output = Command::new(program).args(tests.iter().map(run)).env("REQUIRE_POSTGRES", "1").output();
    let output = String::from_utf8(output.expect("the tests run").stdout).expect("a text");
    let results = output.lines().filter_map(|line| line.strip_prefix("test ")?.split_once(" ... "));
    let (mut passed, mut failed) = (0, BTreeSet::new());
    for (test, result) in results {
        if result == "ok" {
            passed += 1;
        } else {
            let (name, _) = test.rsplit_once("::").expect("a database");
            failed.insert(name.to_owned());
        }
    }
    assert!(passed + 2 * failed.len() >= 2 * tests.len(), "not all tests ran:\n{output}");
    failed
}

/// The document.
fn report(tests: &[Held], failing: &BTreeSet<String>) -> String {
    let mut by_item: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for held in tests {
        for item in &held.items {
            by_item.entry(item).or_default().push(&held.test);
        }
    }
    let reasons: BTreeMap<_, _> = UNTESTED.iter().copied().collect();
    let mut text = HEAD.to_owned();
    for (heading, items) in PARTS {
        let _ = write!(text, "\n## {heading}\n\n| item | rule | tests | result |\n|---|---|---|---|\n");
        for (item, rule) in *items {
            let tests = by_item.get(item).map(Vec::as_slice).unwrap_or_default();
            let names: Vec<_> = tests.iter().map(|test| format!("`{test}`")).collect();
            let result = match reasons.get(item) {
                _ if tests.iter().any(|test| failing.contains(*test)) => "FAILS",
                _ if !tests.is_empty() => "holds",
                Some(reason) => reason,
                None => "NOT TESTED",
            };
            let _ = writeln!(text, "| {item} | {rule} | {} | {result} |", names.join("<br>"));
        }
    }
    text
}

#[test]
fn every_item_has_a_test_or_a_reason_and_no_test_names_another() {
    let known: Vec<_> = PARTS.iter().flat_map(|(_, items)| items.iter().map(|(item, _)| *item)).collect();
    let known_once: BTreeSet<_> = known.iter().copied().collect();
    assert_eq!(known.len(), known_once.len(), "an item twice");
    let tests = held();
    let tested: BTreeSet<_> = tests.iter().flat_map(|test| test.items.iter().map(String::as_str)).collect();
    let excused: BTreeSet<_> = UNTESTED.iter().map(|(item, _)| *item).collect();
    assert_eq!(tested.intersection(&excused).collect::<Vec<_>>(), Vec::<&&str>::new(), "tested: no reason is needed");
    assert_eq!(tested.union(&excused).copied().collect::<BTreeSet<_>>(), known_once);
}

#[test]
fn the_report_of_conformance_is_what_the_tests_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT);
    let tests = held();
    if std::env::var_os("WRITE_DOCS").is_some() {
        fs::write(&path, report(&tests, &failing(&tests))).expect("the report is written");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    let is_so = found == report(&tests, &BTreeSet::new());
    assert!(is_so, "{DOCUMENT} is not what the tests say: run `WRITE_DOCS=1 cargo test --test it the_report`");
}

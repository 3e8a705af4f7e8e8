//! The rules of the house (`docs/ARCHITECTURE.md`) and what the documents claim, held by machine.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use user_relationships::config::Config;
use user_relationships::model::code::Code;

/// What each floor may use beside itself: a floor, or some of its names. No arrow goes both ways.
const ARROWS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("clock", &["model"]),
    // Numbers and names of families; every floor that does something may count it.
    ("metrics", &[]),
    ("store", &["model", "clock", "metrics"]),
    ("domain", &["model", "store::Tx"]),
    ("auth", &["model", "store", "clock"]),
    ("config", &["model", "store", "auth::claims", "auth::jwt", "auth::keyset"]),
    (
        "http",
        &[
            "model",
            "domain",
            "auth",
            "clock",
            "config",
            "metrics",
            "store::Cost",
            "store::Tx",
            "store::Store",
            "store::migrations",
        ],
    ),
    ("app", &["http", "config"]),
    (
        "server",
        &["app", "http::state", "http::connections", "http::forms::config::catalogue", "config", "clock", "store"],
    ),
    ("telemetry", &["model", "config"]),
    (
        "cli",
        &[
            "model",
            "domain",
            "auth",
            "store",
            "clock",
            "config",
            "server",
            "telemetry",
            "http::ops::openapi",
            "http::forms::config::builtin",
            "http::forms::config::catalogue",
            "http::jsonapi::view::member_of",
            "http::jsonapi::resources::COMPUTED",
        ],
    ),
];

/// Crates that a floor never names.
const FORBIDDEN_CRATES: &[(&str, &[&str])] = &[
    // JSON values are plain data there: what a configured type lets be said of a group.
    ("model", &["actix", "diesel", "tokio"]),
    ("store", &["actix", "jsonapi"]),
    ("domain", &["actix", "diesel", "tokio", "serde_json"]),
    ("metrics", &["actix", "diesel", "tokio"]),
    ("auth", &["actix", "diesel"]),
    ("http", &["diesel"]),
    ("cli", &["diesel"]),
];

/// Where actix-web is at home. `config` only borrows its `Uri`, to read origins.
const WEB: &[&str] = &["src/http/", "src/app.rs", "src/server.rs", "src/cli/database.rs", "src/config/read.rs"];

const LONGEST_FILE: usize = 400;

/// A text file of the project.
struct File {
    /// Its path from the root.
    path: String,
    text: String,
}

impl File {
    /// `src/http/v2/users.rs` and `src/http/mod.rs` stand on the floor `http`, `src/app.rs` on `app`.
    fn floor(&self) -> &str {
        let path = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        path.split_once('/').map_or(path, |(floor, _)| floor)
    }

    /// What is compiled into the program: no comments, and nothing from `#[cfg(test)]` on.
    fn code(&self) -> String {
        let shipped = self.text.split("#[cfg(test)]").next().unwrap_or_default();
        let lines = shipped.lines().map(|line| {
            // `https://` in a text begins no comment.
            let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
            comment.map_or(line, |(at, _)| &line[..at])
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All files below a folder whose names end so.
fn files(folder: &str, ending: &str) -> Vec<File> {
    let mut all = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).expect("a folder") {
            let entry = entry.expect("an entry of it");
            let path = folder.join(entry.file_name());
            if entry.path().is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                let path = path.to_string_lossy().into_owned();
                all.push(File { text: read(&path), path });
            }
        }
    }
    assert!(!all.is_empty(), "no files in {folder}");
    all
}

/// The documents of the project: those at its root and those below `docs`.
#[expect(clippy::case_sensitive_file_extension_comparisons, reason = "so that they are named alike")]
fn documents() -> Vec<File> {
    let names = fs::read_dir(root()).expect("the root").filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let at_root = names.filter(|name| name.ends_with(".md")).map(|path| File { text: read(&path), path });
    at_root.chain(files("docs", ".md")).collect()
}

/// Everything that follows `crate::` in a piece of code, groups spelled out: `store::Cost`, `store::Tx`, ….
fn uses(code: &str) -> Vec<String> {
    code.match_indices("crate::").flat_map(|(at, word)| expand(&code[at + word.len()..])).collect()
}

/// The paths with which a text begins.
fn expand(text: &str) -> Vec<String> {
    if let Some(group) = text.strip_prefix('{') {
        return members(group).into_iter().flat_map(|member| expand(member.trim())).collect();
    }
    let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    match rest.strip_prefix("::") {
        Some(rest) => expand(rest).into_iter().map(|path| format!("{name}::{path}")).collect(),
        None => vec![name.to_owned()],
    }
}

/// The members of a group whose opening brace is already behind us.
fn members(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut all) = (0, 0, Vec::new());
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' | ',' if depth == 0 => {
                all.push(&group[start..at]);
                start = at + 1;
                if letter == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    all.retain(|member| !member.trim().is_empty());
    all
}

/// The lines between `<!-- name -->` and `<!-- /name -->`, without empty ones.
fn marked<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let (_, rest) = text.split_once(&format!("<!-- {name} -->")).expect("the opening marker");
    let (inside, _) = rest.split_once(&format!("<!-- /{name} -->")).expect("the closing marker");
    inside.lines().filter(|line| !line.trim().is_empty()).collect()
}

fn assert_none(findings: &[String], rule: &str) {
    assert!(findings.is_empty(), "{rule}:\n{}", findings.join("\n"));
}

#[test]
fn a_path_is_read_out_of_any_use() {
    let code = "use crate::a::{self, b::{C, D},\n    e};\npub(in crate::f) fn g() { crate::h::i(1) }";
    assert_eq!(uses(code), ["a::self", "a::b::C", "a::b::D", "a::e", "f", "h::i"]);
}

#[test]
fn arrows_between_floors_go_one_way() {
    let mut findings = Vec::new();
    for file in files("src", ".rs") {
        let floor = file.floor();
        let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == floor) else {
            if !["lib", "main"].contains(&floor) {
                findings.push(format!("{}: `{floor}` is a floor that nobody has drawn", file.path));
            }
            continue;
        };
        let within = |path: &str, place: &str| path == place || path.starts_with(&format!("{place}::"));
        for path in uses(&file.code()) {
            if !within(&path, floor) && !allowed.iter().any(|place| within(&path, place)) {
                findings.push(format!("{}: `{floor}` uses `{path}`", file.path));
            }
        }
    }
    assert_none(&findings, "an arrow that is not in the picture");
}

#[test]
fn a_floor_never_names_what_it_must_not_know() {
    let mut findings = Vec::new();
    for file in files("src", ".rs") {
        let code = file.code();
        let strangers =
            FORBIDDEN_CRATES.iter().filter(|(floor, _)| *floor == file.floor()).flat_map(|(_, names)| *names);
        findings.extend(strangers.filter(|name| code.contains(**name)).map(|name| format!("{}: `{name}`", file.path)));
        if code.contains("actix_web") && !WEB.iter().any(|home| file.path.starts_with(home)) {
            findings.push(format!("{}: `actix_web`", file.path));
        }
    }
    assert_none(&findings, "a crate that this floor must not know");
}

#[test]
fn what_is_decided_never_goes_by_a_replica() {
    let mut findings = Vec::new();
    for file in files("src", ".rs") {
        // The one place that knows whether a request shows or changes something.
        let is_known = file.floor() == "store" || file.path == "src/http/v2/request.rs";
        if file.code().contains("read_replica(") && !is_known {
            findings.push(format!("{}: `Call::read` goes by the method", file.path));
        }
    }
    assert_none(&findings, "a read that may be late");
}

#[test]
fn no_file_is_too_long() {
    let all = files("src", ".rs").into_iter().chain(files("tests", ".rs"));
    let long = all.filter(|file| file.text.lines().count() > LONGEST_FILE);
    let findings: Vec<_> = long.map(|file| format!("{}: {} lines", file.path, file.text.lines().count())).collect();
    assert_none(&findings, "look for the second noun that hides in it");
}

#[test]
fn nothing_is_left_unfinished_and_nothing_panics_on_purpose() {
    let mut findings = Vec::new();
    for file in files("src", ".rs") {
        let unfinished = ["todo!", "unimplemented!", "dbg!", "FIXME", "TODO"].into_iter();
        findings
            .extend(unfinished.filter(|word| file.text.contains(word)).map(|word| format!("{}: {word}", file.path)));
        let code = file.code();
        let bangs = [".unwrap()", ".expect(", "panic!(", "unreachable!("].into_iter();
        findings.extend(bangs.filter(|word| code.contains(word)).map(|word| format!("{}: {word}", file.path)));
    }
    assert_none(&findings, "not in `src`");
}

#[test]
fn both_databases_have_the_same_migrations_and_a_way_back() {
    let names = |engine: &str| -> BTreeSet<String> {
        let folder = fs::read_dir(root().join("migrations").join(engine)).expect("migrations");
        folder.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    };
    assert_eq!(names("sqlite"), names("postgres"));
    for engine in ["sqlite", "postgres"] {
        for name in names(engine) {
            for file in ["up.sql", "down.sql"] {
                let path = format!("migrations/{engine}/{name}/{file}");
                let has_statement = read(&path).lines().any(|line| !line.trim().is_empty() && !line.starts_with("--"));
                assert!(has_statement, "{path} does nothing");
            }
        }
    }
}

/// Holds a marked table of a document equal to what the program says, and prints what to paste if it is not.
fn assert_table(document: &str, name: &str, columns: &str, rows: impl Iterator<Item = String>) {
    let ruler = "|---".repeat(columns.matches('|').count() - 1) + "|";
    let expected: Vec<_> = [columns.to_owned(), ruler].into_iter().chain(rows).collect();
    let expected = expected.join("\n");
    let found = marked(&read(document), name).join("\n");
    assert!(found == expected, "put this between the markers `{name}` of {document}:\n\n{expected}\n");
}

#[test]
fn every_error_code_is_documented_as_it_is() {
    let rows = Code::ALL
        .iter()
        .map(|code| format!("| {} | `{}` | {} | {} |", code.status(), code.name(), code.title(), code.help()));
    assert_table("docs/API.md", "codes", "| status | code | title | what to do |", rows);
}

/// The rows of the settings table.
fn setting_rows() -> impl Iterator<Item = String> {
    Config::rows().into_iter().map(|row| {
        let quote = |text: String| if text.is_empty() { text } else { format!("`{text}`") };
        format!("| `{}` | {} | {} | {} |", row.variable, quote(row.flag), quote(row.default), row.help)
    })
}

#[test]
fn docs_list_every_setting_as_defined() {
    assert_table("docs/SETTINGS.md", "settings", "| variable | flag | default | meaning |", setting_rows());
}

#[test]
fn the_readme_lists_common_settings_as_defined() {
    let readme = read("README.md");
    let listed = marked(&readme, "common settings");
    let rows: Vec<_> = setting_rows().filter(|row| listed.contains(&row.as_str())).collect();
    assert_table("README.md", "common settings", "| variable | flag | default | meaning |", rows.into_iter());
}

#[test]
fn the_image_is_built_from_files_that_exist() {
    let ignored = read(".dockerignore");
    let mut sources = 0;
    for line in read("Dockerfile").lines().filter(|line| line.starts_with("COPY ") && !line.contains("--from=")) {
        let words: Vec<_> = line.split_whitespace().skip(1).filter(|word| !word.starts_with("--")).collect();
        let (_, from) = words.split_last().expect("a COPY has a destination");
        for source in from {
            assert!(root().join(source).exists(), "{line}: `{source}` does not exist");
            assert!(!ignored.lines().any(|line| line.trim_matches('/') == *source), "`{source}` is ignored");
            sources += 1;
        }
    }
    assert!(sources > 0, "the Dockerfile copies nothing");
}

#[test]
fn links_in_documents_lead_somewhere() {
    let mut findings = Vec::new();
    for file in documents() {
        let folder = root().join(&file.path).parent().expect("a folder").to_owned();
        for rest in file.text.split("](").skip(1) {
            let target = rest.split(')').next().unwrap_or_default();
            let path = target.split('#').next().unwrap_or_default();
            if !path.is_empty() && !path.contains(':') && !folder.join(path).exists() {
                findings.push(format!("{}: {target}", file.path));
            }
        }
    }
    assert_none(&findings, "a link that leads nowhere");
}

#[test]
fn files_that_documents_name_exist() {
    const PLACES: [&str; 8] = ["src/", "tests/", "docs/", "migrations/", "vendor/", ".ci/", "benches/", "deploy/"];
    let mut findings = Vec::new();
    for file in documents() {
        let quoted = file.text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
        let paths = quoted.filter(|text| PLACES.iter().any(|place| text.starts_with(place)));
        let plain = paths.filter(|path| !path.contains(['<', '{', ' ', '*', '…']));
        findings.extend(plain.filter(|path| !root().join(path).exists()).map(|path| format!("{}: {path}", file.path)));
    }
    assert_none(&findings, "a file that is not there");
}

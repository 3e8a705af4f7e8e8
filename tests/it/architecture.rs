//! The rules of `docs/ARCHITECTURE.md` for the source code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::support::modules::{ModuleGraph, crate_paths};
use crate::support::sources::{File, assert_none, files, read, root};

/// What each layer may use besides itself: a layer, or some of its names.
const ALLOWED: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("clock", &["model"]),
    // Counters for every layer.
    ("metrics", &[]),
    ("store", &["model", "clock", "metrics"]),
    (
        "domain",
        &[
            "model",
            "store::ExistingEnds",
            "store::FoundRelationship",
            "store::GatheredChange",
            "store::GatheredCreate",
            "store::GatheredDelete",
            "store::GatheredTraversal",
            "store::GatheredWriter",
            "store::HeldRole",
            "store::HeldType",
            "store::RoleStart",
            "store::Tx",
        ],
    ),
    ("files", &["model", "domain"]),
    ("imports", &["model", "domain", "files", "store", "clock", "metrics"]),
    ("auth", &["model", "store", "clock"]),
    (
        "config",
        &["model", "store", "auth::AuthSettings", "auth::claims", "auth::jwt", "auth::keyset", "auth::user_claim"],
    ),
    (
        "http",
        &[
            "model",
            "domain",
            "files::encoding",
            "imports",
            "auth",
            "clock",
            "config",
            "metrics",
            "store::Cost",
            "store::FoundRelationship",
            "store::GatheredCreate",
            "store::GatheredTraversal",
            "store::ShortTraversals",
            "store::Tx",
            "store::Store",
            "store::migrations",
        ],
    ),
    ("app", &["http", "config", "clock", "store"]),
    (
        "server",
        &[
            "model",
            "app",
            "http::state",
            "http::connections",
            "http::forms::config::catalogue",
            "config",
            "clock",
            "store",
        ],
    ),
    ("telemetry", &["model", "config"]),
    (
        "cli",
        &[
            "model",
            "domain",
            "files",
            "imports",
            "auth",
            "store",
            "clock",
            "config",
            "server",
            "telemetry",
            "http::ops::openapi",
            "http::jsonapi::change_resource",
            "http::jsonapi::export_resource",
            "http::forms::config::builtin",
            "http::forms::config::catalogue",
        ],
    ),
    // Fuzz targets, which a release does not contain.
    ("fuzzing", &["model", "files", "auth", "http", "app", "config", "clock", "store", "domain"]),
];

/// Crates that a layer must not name.
const FORBIDDEN_CRATES: &[(&str, &[&str])] = &[
    // `serde_json` is allowed: the properties of a group are JSON values.
    ("model", &["actix", "diesel", "tokio"]),
    ("store", &["actix", "jsonapi"]),
    ("domain", &["actix", "diesel", "tokio", "serde_json"]),
    ("metrics", &["actix", "diesel", "tokio"]),
    ("auth", &["actix", "diesel"]),
    ("http", &["diesel"]),
    ("cli", &["diesel"]),
];

/// The files that may use actix-web. `config` borrows its `Uri` to parse origins.
const WEB: &[&str] =
    &["src/http/", "src/app.rs", "src/server.rs", "src/cli/database.rs", "src/config/read.rs", "src/fuzzing/"];

const LONGEST_FILE: usize = 300;
const LONGEST_TEST_FILE: usize = 400;

/// `src/http/v2/users.rs` and `src/http/mod.rs` belong to the layer `http`, `src/app.rs` to `app`.
fn layer(file: &File) -> &str {
    let path = file.path.trim_start_matches("src/").trim_end_matches(".rs");
    path.split_once('/').map_or(path, |(layer, _)| layer)
}

#[test]
fn paths_are_found_in_every_form_of_use() {
    let code = "use crate::a::{self, b::{C, D},\n    e};\npub(in crate::f) fn g() { crate::h::i(1) }";
    assert_eq!(crate_paths(code), ["a::self", "a::b::C", "a::b::D", "a::e", "f", "h::i"]);
}

#[test]
fn layers_depend_only_on_allowed_layers() {
    let mut findings = Vec::new();
    for file in files("src", ".rs") {
        let layer = layer(&file);
        let Some((_, allowed)) = ALLOWED.iter().find(|(known, _)| *known == layer) else {
            if !["lib", "main"].contains(&layer) {
                findings.push(format!("{}: the layer `{layer}` is not in the table", file.path));
            }
            continue;
        };
        let within = |path: &str, place: &str| path == place || path.starts_with(&format!("{place}::"));
        for path in crate_paths(&file.code()) {
            if !within(&path, layer) && !allowed.iter().any(|place| within(&path, place)) {
                findings.push(format!("{}: `{layer}` uses `{path}`", file.path));
            }
        }
    }
    assert_none(&findings, "dependencies that are not in the table");
}

#[test]
fn no_layer_names_a_forbidden_crate() {
    let mut findings = Vec::new();
    for file in files("src", ".rs") {
        let code = file.code();
        let forbidden = FORBIDDEN_CRATES.iter().filter(|(name, _)| *name == layer(&file)).flat_map(|(_, names)| *names);
        findings.extend(forbidden.filter(|name| code.contains(**name)).map(|name| format!("{}: `{name}`", file.path)));
        if code.contains("actix_web") && !WEB.iter().any(|path| file.path.starts_with(path)) {
            findings.push(format!("{}: `actix_web`", file.path));
        }
    }
    assert_none(&findings, "crates that the layer must not use");
}

#[test]
fn types_of_src_have_unique_names() {
    // Each database has its own type with this name, for queries that are compiled for both.
    let for_each_database = ["Conn", "Db", "ValueList"];
    let mut places = BTreeMap::<String, Vec<String>>::new();
    for file in files("src", ".rs") {
        for line in file.code().lines() {
            if let Some(name) = defined_type(line).filter(|name| !for_each_database.contains(name)) {
                places.entry(name.to_owned()).or_default().push(file.path.clone());
            }
        }
    }
    let shared = places.into_iter().filter(|(_, paths)| paths.len() > 1);
    let findings: Vec<_> = shared.map(|(name, paths)| format!("{name}: {}", paths.join(", "))).collect();
    assert_none(&findings, "types that share a name");
}

/// The type that a line defines. Private `type`s are left out, because traits prescribe the names of most.
fn defined_type(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let visible = line.strip_prefix("pub").map(|rest| rest.strip_prefix('(').map_or(rest, after_parenthesis));
    let (kind, rest) = visible.unwrap_or(line).trim_start().split_once(' ')?;
    let is_type = ["struct", "enum", "trait"].contains(&kind) || (kind == "type" && visible.is_some());
    let name = rest.split(|char: char| !char.is_alphanumeric()).next()?;
    // A macro names its types `$name`.
    (is_type && !name.is_empty()).then_some(name)
}

fn after_parenthesis(text: &str) -> &str {
    text.split_once(')').map_or(text, |(_, rest)| rest)
}

#[test]
fn modules_of_src_form_no_cycle() {
    assert_none(&ModuleGraph::of(&files("src", ".rs")).cycles(), "modules that depend on each other");
}

#[test]
fn a_cycle_is_found_through_every_form_of_path() {
    let graph = |texts: &[(&str, &str)]| {
        let file = |(path, text): &(&str, &str)| File { path: (*path).to_owned(), text: (*text).to_owned() };
        ModuleGraph::of(&texts.iter().map(file).collect::<Vec<_>>())
    };
    let cyclic = [
        ("src/lib.rs", "mod a; mod b; mod d;"),
        ("src/a.rs", "use crate::{d::E, b::{self, C}};"),
        ("src/b/mod.rs", "mod c; pub use c::C;"),
        ("src/b/c.rs", "fn c() { super::super::a::f() }"),
        ("src/d.rs", "pub(in crate::a) struct E; // crate::a\n#[cfg(test)] use crate::a;"),
        ("src/main.rs", "use crate::a;"),
    ];
    let cycle = "a cycle of 3 modules:\n    a -> b\n    b -> b::c\n    b::c -> a";
    assert_eq!(graph(&cyclic).cycles(), [cycle]);
    let mut acyclic = cyclic;
    acyclic[3].1 = "fn c() { crate::d::f() }";
    assert_eq!(graph(&acyclic).cycles(), [""; 0]);
}

#[test]
fn only_requests_that_show_data_read_the_replica() {
    let mut findings = Vec::new();
    for file in files("src", ".rs") {
        // The one file that knows whether a request shows data or decides and changes.
        let is_allowed = layer(&file) == "store" || file.path == "src/http/v2/request.rs";
        if file.code().contains("read_replica(") && !is_allowed {
            findings.push(format!("{}: use `Call::read`, which considers the method", file.path));
        }
        if file.code().contains("read_standby(") && layer(&file) != "store" && file.path != "src/auth/lookup.rs" {
            findings.push(format!("{}: only credentials are read from a replica alone", file.path));
        }
    }
    assert_none(&findings, "reads that may be stale");
}

/// The functions of `Tx` that store relationships or change their type.
const INSERTS: [&str; 6] = [
    "insert_relationship",
    "insert_gathered",
    "insert_edges",
    "insert_many_relationships",
    "load_relationships",
    "update_relationship",
];

/// The functions by which a file stores relationships although it asks no rules.
fn unjudged_inserts(file: &File) -> Vec<&'static str> {
    let code = file.code();
    let is_judged = layer(file) == "domain" && code.contains("admission::");
    let is_named = |name: &&str| code.contains(&format!(".{name}("));
    INSERTS.into_iter().filter(|_| !is_judged && layer(file) != "store").filter(is_named).collect()
}

#[test]
fn only_files_that_ask_admission_store_relationships() {
    let all = files("src", ".rs");
    let named =
        |name: &&str| all.iter().any(|file| layer(file) == "domain" && file.code().contains(&format!("tx.{name}(")));
    assert!(INSERTS.iter().all(named), "a function has another name");
    let finding =
        |file: &File| unjudged_inserts(file).iter().map(|name| format!("{}: {name}", file.path)).collect::<Vec<_>>();
    let findings: Vec<_> = all.iter().flat_map(finding).collect();
    assert_none(&findings, "relationships that no rule has judged");
}

#[test]
fn a_file_that_stores_relationships_without_admission_is_found() {
    let text = "tx.update_relationship(&old, data, None)?; tx.many_relationships(&ids)?; // admission::admit";
    let found = |path: &str, text: &str| unjudged_inserts(&File { path: path.to_owned(), text: text.to_owned() });
    assert_eq!(found("src/domain/users.rs", text), ["update_relationship"]);
    assert!(found("src/domain/users.rs", &format!("admission::admit(tx)?;\n{text}")).is_empty());
    assert_eq!(found("src/cli/demo.rs", &format!("admission::admit(tx)?;\n{text}")).len(), 1);
}

#[test]
fn no_file_is_too_long() {
    let all = [("src", LONGEST_FILE), ("tests", LONGEST_TEST_FILE)];
    let lengths = all.iter().flat_map(|(folder, longest)| {
        let count = |file: File| (file.text.lines().count(), *longest, file.path);
        files(folder, ".rs").into_iter().map(count).collect::<Vec<_>>()
    });
    let long = lengths.filter(|(lines, longest, _)| lines > longest);
    let findings: Vec<_> = long.map(|(lines, longest, path)| format!("{path}: {lines} lines of {longest}")).collect();
    assert_none(&findings, "files to split");
}

#[test]
fn src_has_no_unfinished_code_and_no_deliberate_panics() {
    let mut findings = Vec::new();
    for file in files("src", ".rs") {
        let unfinished = ["todo!", "unimplemented!", "dbg!", "FIXME", "TODO"].into_iter();
        findings
            .extend(unfinished.filter(|word| file.text.contains(word)).map(|word| format!("{}: {word}", file.path)));
        let code = file.code();
        let bangs = [".unwrap()", ".expect(", "panic!(", "unreachable!("].into_iter();
        findings.extend(bangs.filter(|word| code.contains(word)).map(|word| format!("{}: {word}", file.path)));
    }
    assert_none(&findings, "unfinished code or deliberate panics");
}

#[test]
fn both_databases_have_the_same_migrations_up_and_down() {
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

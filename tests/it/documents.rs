//! The claims of the documents that a test can check: tables, links and names of files.

use std::fs;

use user_relationships::config::Config;
use user_relationships::model::code::Code;

use crate::support::sources::{File, assert_none, files, marked, read, root};

/// The documents of the project: those at its root and those below `docs`.
#[expect(clippy::case_sensitive_file_extension_comparisons, reason = "all documents have lower-case endings")]
fn documents() -> Vec<File> {
    let names = fs::read_dir(root()).expect("the root").filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let at_root = names.filter(|name| name.ends_with(".md")).map(|path| File { text: read(&path), path });
    at_root.chain(files("docs", ".md")).collect()
}

/// Asserts that a marked table of a document equals the definition in the program, and prints what to paste otherwise.
fn assert_table(document: &str, name: &str, columns: &str, rows: impl Iterator<Item = String>) {
    let ruler = "|---".repeat(columns.matches('|').count() - 1) + "|";
    let expected: Vec<_> = [columns.to_owned(), ruler].into_iter().chain(rows).collect();
    let expected = expected.join("\n");
    let found = marked(&read(document), name).join("\n");
    assert!(found == expected, "put this between the markers `{name}` of {document}:\n\n{expected}\n");
}

#[test]
fn docs_list_every_error_code_as_defined() {
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
fn links_in_documents_resolve() {
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
    assert_none(&findings, "links to missing files");
}

#[test]
fn files_named_in_documents_exist() {
    const PLACES: [&str; 8] = ["src/", "tests/", "docs/", "migrations/", "vendor/", ".ci/", "benches/", "deploy/"];
    let mut findings = Vec::new();
    for file in documents() {
        let quoted = file.text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
        let paths = quoted.filter(|text| PLACES.iter().any(|place| text.starts_with(place)));
        let plain = paths.filter(|path| !path.contains(['<', '{', ' ', '*', '…']));
        findings.extend(plain.filter(|path| !root().join(path).exists()).map(|path| format!("{}: {path}", file.path)));
    }
    assert_none(&findings, "missing files");
}

/// `tests/clients/run` produces the page, and compares it with what ran.
#[test]
fn the_clients_page_shows_all_steps_of_all_libraries() {
    let (page, run) = (read("docs/CLIENTS.md"), read("tests/clients/run"));
    let libraries = ["kitsu", "orbit", "devour", "jsona", "datx", "coloquent", "jsonapi-react", "jsonapi-requests"];
    let generated = ["openapi-fetch", "openapi-python-client", "datamodel-code-generator"];
    for name in libraries.into_iter().chain(generated) {
        let row = page.lines().find(|line| line.starts_with(&format!("| [{name}](")));
        // Reading a role, including it, reassigning, and sending a record with roles back.
        let steps = if ["kitsu", "orbit", "datx"].contains(&name) { 11 } else { 7 };
        assert_eq!(row.expect(name).matches('✓').count(), steps, "{name}");
        assert!(page.contains(&format!("\n## {name}\n")), "{name} has no section");
        assert!(run.contains(name), "{name} does not run");
    }
}

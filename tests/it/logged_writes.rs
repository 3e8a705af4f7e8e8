//! No method of `Tx` forgets the change log: each query that writes to a table of a logged resource is called only by
//! methods that collect changes.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::sources::{File, assert_none, files};

/// The tables of the logged resources.
const TABLES: [&str; 5] = ["user_relationships", "users", "relationship_types", "groups", "group_members"];

/// Write queries whose callers need no change, and why.
const UNLOGGED: [(&str, &str); 16] = [
    ("relationships::lock", "locks a row by writing the same value"),
    ("users::lock", "locks rows by writing the same values"),
    ("locks::lock_user", "locks rows by writing the same values"),
    ("handovers::lock_edges", "locks rows by writing the same values"),
    ("handovers::lock_rows_of", "locks rows by writing the same values"),
    ("edges::delete_of_user", "returns the relationships to `delete_user`, which logs them"),
    ("keys::put", "keys of addresses and names are computed"),
    ("keys::compute_all", "keys of addresses and names are computed"),
    ("transfer::load_relationships", "is part of a bulk load, which `loaded` stands for"),
    ("transfer::recreate", "removes duplicates of a bulk load, which `loaded` stands for"),
    ("creates_sql::insert", "logs in the same statement"),
    ("creates::insert", "logs with its last statement"),
    ("changes_sql::change", "logs in the same statement"),
    ("deletes_sql::delete", "logs in the same statement"),
    ("migrations::run", "changes no resource"),
    ("relationship_types::set_times", "restores the times of a type whose values an import has compared"),
];

/// A query, as `relationships::insert`.
type QueryName = String;

/// A function or a constant: its name, and its text without comments.
struct Item {
    name: String,
    text: String,
}

/// The functions and constants of a file, in order. The text of each one ends where the next one begins.
fn items(code: &str) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for line in code.lines() {
        if let Some(name) = defined(line) {
            items.push(Item { name: name.to_owned(), text: String::new() });
        }
        if let Some(item) = items.last_mut() {
            item.text += line;
            item.text.push('\n');
        }
    }
    items
}

/// The name of the function or constant that begins on a line.
fn defined(line: &str) -> Option<&str> {
    let (before, rest) =
        line.split_once("fn ").or_else(|| line.split_once("const ").filter(|(_, it)| it.contains(':')))?;
    let is_start = before.split_whitespace().all(|word| {
        word.starts_with("pub")
            || word == "const"
            || word == "async"
            || word.ends_with(')')
            || word.starts_with("crate::")
    });
    let name = rest.split(|letter: char| !is_word(letter)).next().unwrap_or_default();
    (is_start && !name.is_empty()).then_some(name)
}

const fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// Whether a text has a word, not as a part of a longer one.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word)
        .any(|(at, _)| !text[..at].ends_with(is_word) && !text[at + word.len()..].starts_with(is_word))
}

/// Whether a piece of code writes to one of the tables, by SQL or by diesel.
fn writes(text: &str) -> bool {
    let by_sql = ["INSERT INTO ", "UPDATE ", "DELETE FROM "].iter().any(|verb| {
        let after = text.match_indices(verb).map(|(at, _)| &text[at + verb.len()..]);
        after.into_iter().any(|rest| TABLES.contains(&rest.split(|letter| !is_word(letter)).next().unwrap_or_default()))
    });
    let by_diesel = ["insert_into(", "diesel::update(", "diesel::delete("].iter().any(|call| {
        text.match_indices(call).any(|(at, _)| {
            let argument = &text[at + call.len()..];
            let argument = argument.split([')', ',']).next().unwrap_or_default();
            // The row of a relationship, on its node.
            if argument.starts_with("row") && text.contains("on_row!(") {
                return true;
            }
            // A variable holds rows that the function has chosen before.
            let place = if argument.contains("::") { argument } else { text };
            TABLES.iter().any(|table| {
                [format!("dsl::{table}"), format!("{table}::table"), format!("{table}::dsl")]
                    .iter()
                    .any(|path| has_word(place, path))
            })
        })
    });
    by_sql || by_diesel
}

/// The module of a file: `src/store/queries/groups.rs` is `groups`.
fn module(file: &File) -> &str {
    file.path.trim_end_matches(".rs").rsplit('/').next().unwrap_or_default()
}

/// The queries that write to one of the tables, or call one that does.
fn write_queries(all: &[File]) -> BTreeSet<QueryName> {
    let is_query = |file: &&File| file.path.starts_with("src/store/") && !file.path.starts_with("src/store/tx/");
    let items: Vec<_> = all
        .iter()
        .filter(is_query)
        .flat_map(|file| items(&file.code()).into_iter().map(move |item| (module(file), item)))
        .collect();
    let name = |(module, item): &(&str, Item)| format!("{module}::{}", item.name);
    let mut found: BTreeSet<_> = items.iter().filter(|(_, item)| writes(&item.text)).map(name).collect();
    loop {
        let leads_on = |(module, item): &&(&str, Item)| found.iter().any(|query| leads_to(query, module, item));
        let new: BTreeSet<_> = items.iter().filter(leads_on).map(name).filter(|query| !found.contains(query)).collect();
        if new.is_empty() {
            return found;
        }
        found.extend(new);
    }
}

/// Whether an item of a module leads to a write query. Any function of a module may run the SQL of its constants.
fn leads_to(query: &str, of: &str, item: &Item) -> bool {
    let (module, name) = query.split_once("::").expect("a module");
    if module != of || item.name == name {
        return has_word(&item.text, query);
    }
    let is_constant = !name.contains(char::is_lowercase);
    let calls =
        |(at, _): (usize, &str)| !item.text[..at].ends_with(|before| is_word(before) || before == '.' || before == ':');
    is_constant || item.text.match_indices(&format!("{name}(")).any(calls)
}

/// Whether a method collects the changes that it makes. A bulk load is no single change.
fn collects(text: &str) -> bool {
    let single = text.replace(".log_load_of_", "");
    ["self.log(", "self.log_", "tx.log(", "tx.log_"].iter().any(|call| single.contains(call))
}

/// The calls of write queries in the store, outside the queries: the caller, the query, and whether the caller collects
/// changes. Other layers cannot see the queries.
fn calls(all: &[File]) -> Vec<(String, QueryName, bool)> {
    let queries = write_queries(all);
    let is_caller = |file: &&File| file.path.starts_with("src/store/") && !file.path.starts_with("src/store/queries/");
    let mut calls = Vec::new();
    for file in all.iter().filter(is_caller) {
        for item in items(&file.code()) {
            let called = queries.iter().filter(|query| has_word(&item.text, query));
            calls.extend(called.map(|query| (item.name.clone(), query.clone(), collects(&item.text))));
        }
    }
    calls
}

fn unlogged_writes(all: &[File]) -> Vec<String> {
    let is_exempt = |query: &str| UNLOGGED.iter().any(|(known, _)| *known == query);
    let calls = calls(all).into_iter().filter(|(_, query, collects)| !collects && !is_exempt(query));
    calls.map(|(caller, query, _)| format!("`{caller}` calls `{query}` and collects no change")).collect()
}

#[test]
fn every_write_of_a_logged_resource_collects_its_change() {
    let all = files("src", ".rs");
    assert_none(&unlogged_writes(&all), "writes that the log lacks");
    let made: BTreeMap<QueryName, bool> =
        calls(&all).into_iter().map(|(_, query, collects)| (query, collects)).collect();
    for (query, reason) in UNLOGGED {
        assert_eq!(made.get(query), Some(&false), "{query}, which {reason}, has another name or collects changes");
    }
    for query in [
        "relationships::insert",
        "handovers::delete_edges",
        "users::update",
        "passwords::set",
        "transfer::insert_users",
        "relationship_types::delete",
        "groups::insert_member",
        "user_deletion::disown_groups",
    ] {
        assert_eq!(made.get(query), Some(&true), "{query} is not found among {made:?}");
    }
}

#[test]
fn a_write_that_collects_no_change_is_found() {
    let queries = "pub(in crate::store) fn rename(conn: &mut Conn) { diesel::update(groups::table.find(1)) }\n\
                   fn drop_all(conn: &mut Conn) { Sql::new(\"DELETE FROM users WHERE id = \") }\n\
                   pub(in crate::store) fn clear(conn: &mut Conn) { drop_all(conn) }\n\
                   pub(in crate::store) fn count(conn: &mut Conn) { Sql::new(\"INSERT INTO counts_of_users \") }\n\
                   pub(in crate::store) fn choose(conn: &mut Conn) { let row = dsl::users.find(1); diesel::delete(row) }";
    let batch =
        "const MOVE: &str = \"UPDATE user_relationships SET\";\npub fn shift(conn: &mut Conn) { Sql::new(MOVE) }";
    let methods = "pub fn rename(&mut self) { ask!(self, people::rename())?; self.log(Updated, group, &[]) }\n\
                   pub fn clear(&mut self) { ask!(self, people::clear()) }\n\
                   pub fn count(&mut self) { ask!(self, people::count()) }\n\
                   pub fn shift(&mut self) { self.ask_postgres(|conn| shift_sql::shift(conn)) }\n\
                   pub fn choose(&mut self) { ask!(self, people::choose()) } // self.log(";
    let file = |path: &str, text: &str| File { path: path.to_owned(), text: text.to_owned() };
    let all = [
        file("src/store/queries/people.rs", queries),
        file("src/store/postgres/batch/shift_sql.rs", batch),
        file("src/store/tx/people.rs", methods),
    ];
    let calls = ["clear` calls `people::clear", "shift` calls `shift_sql::shift", "choose` calls `people::choose"];
    assert_eq!(unlogged_writes(&all), calls.map(|call| format!("`{call}` and collects no change")));
}

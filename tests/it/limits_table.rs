//! The table of limits in `docs/OPERATIONS.md`: a test exceeds each row, and the client gets the documented response.

mod answers;
mod imports;
mod jobs;
mod operators;
mod requests;
mod values;

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use user_relationships::config::{Config, RawSettings};

use crate::support::app::{Engine, Home};
use crate::support::{Answer, App, Client};

const EDGES: &str = "/api/v2/user-relationships";
const USERS: &str = "/api/v2/users";
const ME: &str = "/api/v2/users/me";
const TYPES: &str = "/api/v2/relationship-types";
const OPERATIONS: &str = "/api/v2/operations";
const JSON_API: (&str, &str) = ("content-type", "application/vnd.api+json");
const ATOMIC: (&str, &str) = ("content-type", "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\"");

/// A row of the table.
struct Row<'t> {
    limit: &'t str,
    default: &'t str,
    setting: &'t str,
    answer: &'t str,
}

/// Two responses for a limit: to the largest allowed request, and to one that exceeds it.
type Ask = fn(&App, usize) -> (Answer, Answer);

use Check::{Alone, Asserts, Boundary, Calls, Test};

/// How a row is checked.
enum Check {
    /// Two requests to a service that many rows share.
    Boundary(Ask),
    /// The same with a service of its own.
    Alone(Setup, Ask),
    /// Exceeds a limit whose documented effect is not a response of its own, and asserts that effect.
    Asserts(Setup, fn(&App, usize)),
    /// Calls a test elsewhere, which exceeds the limit on that database.
    Calls(fn(Engine)),
    /// A test elsewhere that needs a process of its own, many seconds, or parts that no request reaches: its file below
    /// `tests/it`, or `src` for a unit test, and its name.
    Test(&'static str, &'static str),
}

/// A service for one row.
#[derive(Clone, Copy)]
struct Setup {
    /// The limit that the settings give; otherwise that of the table.
    limit: Option<usize>,
    /// The only database with that limit.
    engine: Option<Engine>,
    settings: fn(&mut Config),
}

impl Setup {
    const DEFAULT: Self = Self { limit: None, engine: None, settings: |_| {} };
}

type Checks = &'static [(&'static str, Check)];

fn checks() -> impl Iterator<Item = &'static (&'static str, Check)> {
    [requests::CHECKS, imports::CHECKS, values::CHECKS, answers::CHECKS, jobs::CHECKS, operators::CHECKS]
        .into_iter()
        .flatten()
}

/// Sends bytes, waits until the connection is closed, and reads the only response.
fn send_raw(client: &Client, bytes: &[u8]) -> Answer {
    let text = client.raw(bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no response: {text}"));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let fields = lines.filter_map(|line| line.split_once(": "));
    let headers = fields.map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")));
    let status = status.unwrap_or_else(|| panic!("no status: {text}"));
    Answer {
        status,
        headers: headers.collect(),
        body: serde_json::from_str(body).unwrap_or_default(),
        text: body.to_owned(),
    }
}

/// The rows between the markers, without the header.
fn rows(text: &str) -> Vec<Row<'_>> {
    let (_, rest) = text.split_once("<!-- limits -->").expect("the opening marker");
    let (inside, _) = rest.split_once("<!-- /limits -->").expect("the closing marker");
    let lines = inside.lines().filter(|line| line.starts_with('|')).skip(2);
    let row = |line| {
        let cells: Vec<_> = str::trim_matches(line, '|').split('|').map(str::trim).collect();
        let [limit, default, setting, answer] = cells[..] else { panic!("not four cells: {line}") };
        Row { limit, default, setting, answer }
    };
    lines.map(row).collect()
}

fn document() -> String {
    read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/OPERATIONS.md")))
}

/// The figure of a cell such as `8 KiB`, `100,000` or `10 s`, if it begins with one.
fn figure(cell: &str) -> Option<usize> {
    let digits: String = cell.chars().take_while(|letter| letter.is_ascii_digit() || *letter == ',').collect();
    let number: usize = digits.replace(',', "").parse().ok()?;
    let unit = match cell.split(' ').nth(1) {
        Some("KiB") => 1_024,
        Some("MiB") => 1_024 * 1_024,
        _ => 1,
    };
    Some(number * unit)
}

/// The words in backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

impl Row<'_> {
    /// The limit in the table; 0 if it is no figure.
    fn most(&self) -> usize {
        figure(self.default).unwrap_or_default()
    }

    /// Whether a response is the one that the row promises.
    fn describes(&self, answer: &Answer) -> bool {
        let has = |word: &&str| answer.text.contains(*word) || answer.headers.contains_key(word.to_ascii_lowercase());
        Some(usize::from(answer.status)) == figure(self.answer) && quoted(self.answer).iter().all(has)
    }

    /// What is wrong with the responses at the limit and beyond it.
    fn problems(&self, (within, beyond): &(Answer, Answer)) -> Vec<String> {
        let shown =
            |answer: &Answer| format!("{} {}", answer.status, answer.text.chars().take(400).collect::<String>());
        let cases = [
            (self.describes(within), "refused at the limit", within),
            (!self.describes(beyond), "not refused beyond it", beyond),
        ];
        let wrong = cases.into_iter().filter(|(is_wrong, ..)| *is_wrong);
        wrong.map(|(_, what, answer)| format!("{}: {what}: {}", self.limit, shown(answer))).collect()
    }
}

impl Check {
    /// What is wrong with the responses.
    fn problems(&self, row: &Row<'_>, engine: Engine, shared: &App) -> Vec<String> {
        let alone = |setup: &Setup| {
            let is_here = setup.engine.is_none_or(|only| only == engine);
            is_here.then(|| App::start(Home::new(engine).expect("as before"), setup.settings))
        };
        match self {
            Boundary(ask) => return row.problems(&ask(shared, row.most())),
            Alone(setup, ask) => {
                let answers = alone(setup).map(|app| ask(&app, setup.limit.unwrap_or(row.most())));
                return answers.map(|answers| row.problems(&answers)).unwrap_or_default();
            }
            Asserts(setup, exceed) => {
                if let Some(app) = alone(setup) {
                    exceed(&app, setup.limit.unwrap_or(row.most()));
                }
            }
            Calls(test) => test(engine),
            Test(..) => {}
        }
        Vec::new()
    }
}

fn walk(engine: Engine) {
    let Some(home) = Home::new(engine) else { return };
    let shared = App::start(home, |_| {});
    let text = document();
    let rows = rows(&text);
    let checked = |row: &Row<'_>| {
        let (_, check) = checks().find(|(limit, _)| *limit == row.limit)?;
        let problems = catch_unwind(AssertUnwindSafe(|| check.problems(row, engine, &shared)));
        Some(problems.unwrap_or_else(|_| vec![format!("{}: see the panic above", row.limit)]))
    };
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    // Most checks wait most of the time.
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let problems = checked(row).unwrap_or_default();
                    wrong.lock().expect("no panic").extend(problems);
                }
            });
        }
    });
    let wrong = wrong.into_inner().expect("no panic");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_limit_answers_as_documented_on_sqlite() {
    walk(Engine::Sqlite);
}

#[test]
fn every_limit_answers_as_documented_on_postgres() {
    walk(Engine::Postgres);
}

#[test]
fn every_documented_limit_has_a_check_and_every_check_a_row() {
    let text = document();
    let rows: Vec<_> = rows(&text).iter().map(|row| row.limit).collect();
    let checks: Vec<_> = checks().map(|(limit, _)| *limit).collect();
    let (in_table, checked): (BTreeSet<_>, BTreeSet<_>) = (rows.iter().collect(), checks.iter().collect());
    let unchecked: Vec<_> = in_table.difference(&checked).collect();
    assert!(unchecked.is_empty(), "rows without a check: {unchecked:?}");
    let missing: Vec<_> = checked.difference(&in_table).collect();
    assert!(missing.is_empty(), "checks without a row: {missing:?}");
    assert_eq!((rows.len(), checks.len()), (in_table.len(), checked.len()), "each limit has one row and one check");
}

/// The attributes and the macro in front of a test with this name; `None` if there is no such test.
fn declaration<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let ways = [format!("fn {name}("), format!("({name},"), format!(" {name},")];
    let at = ways.iter().find_map(|way| text.find(way))?;
    let before = &text[..=at];
    let declaration = before.rsplit("\n\n").next()?;
    let is_test = ["#[test]", "#[tokio::test]", "both!", "on_each!", "item!"].iter().any(|it| declaration.contains(it));
    is_test.then_some(declaration)
}

#[test]
fn every_check_names_a_test_that_exists_and_is_not_ignored() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let unit_tests = all_text(&root.join("src"));
    for (limit, check) in checks() {
        let Test(file, name) = check else { continue };
        let text = match *file {
            "src" => unit_tests.clone(),
            file => read(&root.join(format!("tests/it/{file}.rs"))),
        };
        let declaration = declaration(&text, name);
        let declaration = declaration.unwrap_or_else(|| panic!("{limit}: no test `{name}` in {file}"));
        assert!(!declaration.contains("ignore") && !declaration.contains("cfg"), "{limit}: `{name}` may not run");
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files below a folder, one after the other.
fn all_text(folder: &Path) -> String {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.map(|path| if path.is_dir() { all_text(&path) } else { read(&path) }).collect()
}

#[test]
fn documented_limits_equal_the_defaults_of_the_settings() {
    let settings = RawSettings::rows();
    for row in rows(&document()) {
        // Limits that follow from a setting name it without backticks.
        for variable in quoted(row.setting) {
            let setting = settings.iter().find(|setting| setting.variable == variable);
            let setting = setting.unwrap_or_else(|| panic!("{}: there is no setting `{variable}`", row.limit));
            let plain = |text: &str| text.replace([' ', ','], "");
            assert_eq!(plain(row.default), setting.default, "{}", row.limit);
        }
    }
}

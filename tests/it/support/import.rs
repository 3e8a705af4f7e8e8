//! Files for imports and exports.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::app::{Engine, Home};
use super::process::{Outcome, run};
use super::sql::Raw;

const ENGINES: [Engine; 2] = [Engine::Sqlite, Engine::Postgres];

/// A database and files to import.
pub struct ImportFixture {
    /// The database.
    pub home: Home,
    /// The files.
    pub folder: TempDir,
}

impl ImportFixture {
    /// One with an empty, migrated database of each available kind.
    pub fn all() -> Vec<Self> {
        ENGINES.into_iter().filter_map(Self::new).collect()
    }

    /// The same, never behind a pooler, where an import does not load tables without their indexes.
    pub fn all_direct() -> Vec<Self> {
        ENGINES.into_iter().filter_map(Self::direct).collect()
    }

    /// One on that database, if it is available.
    pub fn new(engine: Engine) -> Option<Self> {
        Home::new(engine).map(Self::at)
    }

    /// The same, never behind a pooler.
    pub fn direct(engine: Engine) -> Option<Self> {
        Home::direct(engine).map(Self::at)
    }

    fn at(home: Home) -> Self {
        Self { home, folder: tempfile::tempdir().expect("a folder") }
    }

    /// Another one with an empty database of the same kind.
    pub fn another(&self) -> Self {
        Self::at(self.home.another())
    }

    /// The path of a file.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file and returns its path.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(&path, bytes).expect("a file");
        path.display().to_string()
    }

    /// Runs a command of the program.
    #[track_caller]
    pub fn run(&self, args: &[&str]) -> Outcome {
        run(&self.home.text(), args)
    }

    /// Imports lines.
    #[track_caller]
    pub fn import(&self, lines: &str, options: &[&str]) -> Outcome {
        let file = self.write("lines.ndjson", lines);
        self.run(&[&["import", &file], options].concat())
    }

    /// All data, as NDJSON.
    #[track_caller]
    pub fn export_all(&self) -> String {
        self.run(&["export"]).expect(0).stdout
    }

    /// All data but the relationship types, as NDJSON.
    #[track_caller]
    pub fn export(&self) -> String {
        let text = self.export_all();
        text.split_inclusive('\n').filter(|line| !line.starts_with("{\"type\":\"relationship-type\"")).collect()
    }

    /// The relationships: the first parts of the addresses of owner and target, and the type between them.
    pub fn named_edges(&self) -> Vec<[String; 3]> {
        let all: Vec<Value> = self.export().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let name = |id: &Value| {
            let user = all.iter().find(|user| user["type"] == "user" && user["id"] == *id).expect("the user");
            user["email"].as_str().unwrap().split('@').next().unwrap().to_owned()
        };
        let edges = all.iter().filter(|line| line["type"] == "user-relationship");
        let edge = |edge: &Value| {
            [name(&edge["user"]), edge["relationship"].as_str().unwrap().to_owned(), name(&edge["target"])]
        };
        edges.map(edge).collect()
    }

    /// The single number that a query returns.
    #[track_caller]
    pub fn number(&self, sql: &str) -> i64 {
        Raw::connect(&self.home.url()).number(sql)
    }

    /// Opens another session on the database, so that an import keeps the indexes and commits each batch.
    #[track_caller]
    pub fn open_session(&self) -> Raw {
        let mut raw = Raw::connect(&self.home.url());
        raw.number("SELECT COUNT(*) AS number FROM users");
        raw
    }

    /// Compares every stored count with the rows.
    #[track_caller]
    pub fn assert_no_drift(&self) {
        self.run(&["check"]).expect(0);
    }
}

/// The counts in the report of an import, for users and for relationships: added, changed, unchanged, rejected.
#[track_caller]
pub fn counts(outcome: &Outcome) -> [[u64; 4]; 2] {
    ["users: ", "relationships: "].map(|what| {
        let line = outcome.stderr.lines().find_map(|line| line.strip_prefix(what));
        let line = line.unwrap_or_else(|| panic!("no counts in {}", outcome.stderr)).replace(',', "");
        let numbers: Vec<u64> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        numbers.try_into().expect("four counts")
    })
}

/// The whole schema, as the database describes it.
pub fn schema(fixture: &ImportFixture) -> Vec<String> {
    let sql = if fixture.home.file().is_some() {
        "SELECT type || ' ' || name || ' ' || tbl_name || ' ' || COALESCE(sql, '') AS line FROM sqlite_schema ORDER BY 1"
    } else {
        "SELECT indexdef AS line FROM pg_indexes WHERE schemaname = current_schema() UNION ALL \
         SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) || ' ' || convalidated::text \
         FROM pg_constraint WHERE connamespace = current_schema()::regnamespace UNION ALL \
         SELECT table_name || ' ' || column_name || ' ' || data_type || ' ' || is_nullable || COALESCE(column_default, '') \
         FROM information_schema.columns WHERE table_schema = current_schema() UNION ALL \
         SELECT tgrelid::regclass || ' ' || tgfoid::regproc || ' ' || tgenabled::text FROM pg_trigger ORDER BY 1"
    };
    Raw::connect(&fixture.home.url()).lines(sql)
}

/// The line of a user.
pub fn user(id: i64) -> Value {
    json!({"type": "user", "id": id, "email": format!("u{id}@example.com")})
}

/// The line of a relationship.
pub fn relation(user: impl Into<Value>, relationship: &str, target: impl Into<Value>) -> Value {
    json!({"type": "user-relationship", "user": user.into(), "target": target.into(), "relationship": relationship})
}

/// Lines of a file.
pub fn lines(values: &[Value]) -> String {
    values.iter().fold(String::new(), |text, value| text + &value.to_string() + "\n")
}

/// A company of `users` users and `edges` relationships, in an arbitrary order.
pub fn company(users: u64, edges: u64) -> String {
    let mut text = String::new();
    for id in 1..=users {
        let level = ["user", "user", "admin", "ext"][usize::try_from(id % 4).unwrap()];
        let line = json!({"type": "user", "id": id, "email": format!("U{id}@example.com"), "first-name": "Ann",
            "last-name": format!("O'Neil, \"{id}\""), "access-level": level, "is-enabled": id % 5 != 0,
            "alt-id": format!("x{id}"), "phone": ["1", "2"], "created-at": "Tue, 03 Jun 2014 12:28:56 +0300"});
        writeln!(text, "{line}").unwrap();
    }
    // Steps that share no factor with the number of pairs visit each pair once.
    let pairs = users * (users - 1);
    assert!(edges <= pairs);
    let step = (pairs * 5 / 8..pairs).find(|step| gcd(*step, pairs) == 1).unwrap();
    for number in 0..edges {
        let pair = (number * step) % pairs;
        let (user, other) = (pair / (users - 1) + 1, pair % (users - 1) + 1);
        let target = if other >= user { other + 1 } else { other };
        let name = ["subordinate", "colleague", "mentor"][usize::try_from(number % 3).unwrap()];
        writeln!(
            text,
            r#"{{"type":"user-relationship","id":{},"user":{user},"target":{target},"relationship":"{name}","created-at":"Wed, 21 May 2014 10:11:24 +0300"}}"#,
            number + 1
        )
        .unwrap();
    }
    text
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

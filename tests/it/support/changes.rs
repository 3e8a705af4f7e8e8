//! The change log: changes that a test stores itself, and the feed.

use std::fmt::Write as _;

use serde_json::Value;
use user_relationships::store::Tx;

use super::App;
use super::app::wait;
use super::client::{Answer, Client};
use super::sql::Raw;

/// The feed.
pub const CHANGES: &str = "/api/v2/changes";

/// A change to store; columns that are not given are null.
pub struct Row<'a> {
    /// 0 created, 1 updated, 2 deleted, 3 loaded.
    pub action: i16,
    /// 0 relationships, 1 users, 2 types, 3 groups, 4 members.
    pub subject_type: i16,
    /// Further columns and their SQL values.
    pub columns: &'a str,
    /// The values.
    pub values: String,
}

impl Row<'_> {
    /// A change of a relationship.
    pub fn edge(action: i16, id: i64, (user, target): (i64, i64), name: &str, actor: Option<i64>) -> Self {
        let actor = actor.map_or_else(|| "NULL".to_owned(), |id| id.to_string());
        Self {
            action,
            subject_type: 0,
            columns: "subject_id, user_id, target_id, relationship, edge_created_at, actor_id",
            values: format!("{id}, {user}, {target}, '{name}', 1000000, {actor}"),
        }
    }

    /// A change of a user.
    pub fn user(action: i16, id: i64, changed: &str, actor: i64) -> Self {
        Self {
            action,
            subject_type: 1,
            columns: "subject_id, user_id, changed, actor_id",
            values: format!("{id}, {id}, '{changed}', {actor}"),
        }
    }
}

/// Direct access to the change log of a service.
pub struct Log<'a> {
    app: &'a App,
    raw: Raw,
}

impl<'a> Log<'a> {
    /// Numbers what is logged already.
    pub fn of(app: &'a App) -> Self {
        wait(app.store.number_changes()).expect("numbers");
        Self { app, raw: Raw::connect(&app.config.database_url) }
    }

    /// The connection.
    pub fn raw(&mut self) -> &mut Raw {
        &mut self.raw
    }

    /// The number of the last change.
    pub fn last(&mut self) -> i64 {
        wait(self.app.store.number_changes()).expect("numbers");
        self.app.read(|tx: &mut Tx<'_>| tx.change_log()).last_number
    }

    /// Appends changes of one transaction at this moment, and returns the number of the first one.
    pub fn append(&mut self, rows: &[Row<'_>]) -> i64 {
        let now = self.app.clock.now().micros();
        self.append_at(rows, now)
    }

    /// Appends changes of one transaction at a time in microseconds.
    pub fn append_at(&mut self, rows: &[Row<'_>], at: i64) -> i64 {
        let first = self.last() + 1;
        let mut sql = String::new();
        for (place, row) in rows.iter().enumerate() {
            let (Row { action, subject_type, columns, values }, n) = (row, first + i64::try_from(place).expect("few"));
            write!(
                sql,
                "INSERT INTO changes (n, place, at, action, subject_type, {columns}) \
                 VALUES ({n}, {place}, {at}, {action}, {subject_type}, {values}); \
                 UPDATE change_log SET last_number = {n}, last_at = {at}; "
            )
            .expect("room");
        }
        self.raw.run(&format!("BEGIN; {sql} COMMIT"));
        first
    }

    /// Appends many changes of users, one transaction each.
    pub fn append_many(&mut self, count: i64) -> i64 {
        let (first, now) = (self.last() + 1, self.app.clock.now().micros());
        let numbers = format!(
            "WITH RECURSIVE numbers (i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM numbers WHERE i < {}) ",
            first + count - 1
        );
        self.raw.run(&format!(
            "INSERT INTO changes (n, place, at, action, subject_type, subject_id, changed) {numbers}\
             SELECT i, 0, {now}, 1, 1, 7, 'unit' FROM numbers; \
             UPDATE change_log SET last_number = {first} + {count} - 1, last_at = {now}"
        ));
        first
    }
}

/// `meta.cursor`.
#[track_caller]
pub fn cursor(answer: &Answer) -> String {
    answer.body["meta"]["cursor"].as_str().unwrap_or_else(|| panic!("no cursor in {}", answer.text)).to_owned()
}

/// The cursor after everything so far.
#[track_caller]
pub fn now(admin: &Client) -> String {
    let answer = admin.get(&format!("{CHANGES}?filter[from]=now")).expect(200);
    assert!(answer.ids().is_empty(), "{}", answer.text);
    cursor(&answer)
}

/// A link of a list, as path and query.
pub fn link<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.body["links"][name].as_str()
}

/// All changes of a list, page by page, with the last answer.
#[track_caller]
pub fn follow(client: &Client, path: &str) -> (Vec<Value>, Answer) {
    let mut all = Vec::new();
    let mut answer = client.get(path).expect(200);
    loop {
        all.extend(answer.body["data"].as_array().expect("a list").clone());
        let Some(next) = link(&answer, "next").map(str::to_owned) else { return (all, answer) };
        answer = client.get(&next).expect(200);
    }
}

/// The changes after a cursor.
#[track_caller]
pub fn after(admin: &Client, cursor: &str, query: &str) -> Answer {
    admin.get(&format!("{CHANGES}?page[after]={cursor}&{query}")).expect(200)
}

/// The numbers of `count` changes from `first` on.
pub fn numbers(first: i64, count: i64) -> Vec<i64> {
    (first..first + count).collect()
}

//! `migrate revert` says what it deletes, and `migrate status` names what it does not know.

use std::collections::BTreeSet;

use crate::support::app::{Engine, Home};
use crate::support::process::{Outcome, new_user_token, run};
use crate::support::sql::Raw;

fn homes() -> impl Iterator<Item = Home> {
    [Engine::Sqlite, Engine::Postgres].into_iter().filter_map(Home::revertible)
}

/// Table and column of every column of a table, without the index of texts, which is made of the users.
fn columns(home: &Home) -> BTreeSet<String> {
    let mut raw = Raw::connect(&home.url());
    let query = match raw {
        Raw::Sqlite(_) => {
            "SELECT t.name || '.' || c.name AS line FROM sqlite_schema AS t, pragma_table_info(t.name) AS c
             WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%'
             AND t.name NOT GLOB 'users_by_text*'"
        }
        Raw::Postgres(_) => {
            "SELECT table_name || '.' || column_name AS line FROM information_schema.columns JOIN information_schema.tables
             USING (table_schema, table_name) WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'"
        }
    };
    raw.lines(query).into_iter().filter(|line| !line.starts_with("__diesel")).collect()
}

/// The columns that a command says it deletes, and the number of rows of each table.
fn announced(outcome: &Outcome, present: &BTreeSet<String>) -> (BTreeSet<String>, Vec<(String, i64)>) {
    let (mut named, mut rows) = (BTreeSet::new(), Vec::new());
    for line in outcome.stderr.lines() {
        if let Some((table, count)) = line.strip_prefix("  the table ").and_then(|rest| rest.split_once(", rows: ")) {
            named.extend(present.iter().filter(|column| column.starts_with(&format!("{table}."))).cloned());
            rows.push((table.to_owned(), count.parse().expect("a number")));
        } else if let Some((column, _)) =
            line.strip_prefix("  the column ").and_then(|rest| rest.split_once(", values: "))
        {
            named.insert(column.to_owned());
        }
    }
    (named, rows)
}

#[test]
fn every_revert_says_what_it_deletes_and_needs_a_confirmation() {
    for home in homes() {
        let url = home.text();
        new_user_token(&url, "ann@example.com", "user");
        let mut before = columns(&home);
        let mut dropped = 0;
        while !before.is_empty() {
            let refused = run(&url, &["migrate", "revert"]).expect(2);
            assert!(refused.stdout.is_empty() && refused.stderr.contains("add `--yes`"), "{refused:?}");
            assert_eq!(columns(&home), before);
            let (named, rows) = announced(&refused, &before);
            let mut raw = Raw::connect(&home.url());
            for (table, count) in &rows {
                assert_eq!(*count, raw.number(&format!("SELECT COUNT(*) AS number FROM {table}")), "{table}");
            }
            drop(raw);
            let reverted = run(&url, &["migrate", "revert", "--yes"]).expect(0);
            assert!(reverted.line().starts_with("reverted 2026-"), "{reverted:?}");
            assert_eq!(announced(&reverted, &before), (named.clone(), rows.clone()));
            let after = columns(&home);
            assert_eq!(named, before.difference(&after).cloned().collect(), "{reverted:?}");
            dropped += rows.len();
            before = after;
        }
        assert!(dropped > 10, "{dropped}");
        let nothing = run(&url, &["migrate", "revert"]).expect(0);
        assert!(nothing.stderr.contains("no migration is applied") && nothing.stdout.is_empty(), "{nothing:?}");
    }
}

#[test]
fn migrations_of_a_later_release_are_named_and_not_reverted() {
    for home in homes() {
        let url = home.text();
        let later = "INSERT INTO __diesel_schema_migrations (version, run_on) VALUES ('29991231235959', '2026-01-01')";
        Raw::connect(&home.url()).run(later);
        let status = run(&url, &["migrate", "status"]).expect(0);
        assert_eq!(status.stdout.lines().last(), Some("unknown  29991231235959"), "{status:?}");
        assert!(status.stderr.contains("a later release"), "{status:?}");
        let before = columns(&home);
        let refused = run(&url, &["migrate", "revert", "--yes"]).expect(1);
        assert!(refused.stderr.contains("`29991231235959` was applied by a later release"), "{refused:?}");
        assert_eq!(columns(&home), before);
    }
}

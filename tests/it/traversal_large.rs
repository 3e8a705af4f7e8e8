//! A tree of many users, with one manager of a fifth of them and a chain of 60: a walk shows all exactly once, in order,
//! and a page deep inside costs no more than the first one.
//!
//! `TRAVERSAL_USERS=100000 cargo test --test it traversal_large` uses the full size.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use user_relationships::config::Config;
use user_relationships::store::Tx;

use crate::both;
use crate::support::graph::{crowd, register, repetitions, set_rules, store_many, stored};
use crate::support::sql::Raw;
use crate::support::traversal::{Row, pre_order, rows};
use crate::support::{App, Client, json};

const KIND: &str = "boss";
/// The length of the chain, and the place in it of the user above most others.
const CHAIN: i64 = 60;
const MANAGER: i64 = 30;

/// Stores the tree in a few statements, and returns its root.
fn load(app: &App, users: i64) -> i64 {
    let admin = app.admin();
    register(&admin, KIND, &json!({"user-role": "reports", "target-role": "superior"}));
    let root = crowd(app, users);
    // A chain; then users below one of its middle; then eight below each.
    let (team, rest) = (root + CHAIN, root + CHAIN + users / 5);
    let target = format!(
        "CASE WHEN i <= {team} THEN i - 1 WHEN i <= {rest} THEN {root} + {MANAGER} \
         WHEN i <= {rest} + 8 THEN {root} ELSE {rest} + 1 + (i - {rest} - 9) / 8 END"
    );
    store_many(app, KIND, root + 1, users - 1, ["i", &target]);
    set_rules(&admin, KIND, &json!({"is-acyclic": true, "max-per-user": 1})).expect(200);
    app.write(|tx: &mut Tx<'_>| tx.repair());
    app.assert_no_drift();
    let mut raw = Raw::connect(&app.config.database_url);
    raw.gather_statistics();
    root
}

/// Counting the full size takes longer than a request without optimization.
fn patient(config: &mut Config) {
    config.request_timeout = Duration::from_mins(5);
}

/// The shortest of some requests for each of two URLs. They take turns, so that other load concerns both alike.
fn times(client: &Client, urls: [&str; 2]) -> [Duration; 2] {
    let ask = |url: &str| {
        let asked = Instant::now();
        client.get(url).expect(200);
        asked.elapsed()
    };
    let mut shortest = [Duration::MAX; 2];
    for _ in 0..12 {
        for (shortest, url) in shortest.iter_mut().zip(urls) {
            *shortest = ask(url).min(*shortest);
        }
    }
    shortest
}

both!(a_walk_through_a_large_tree_is_complete_and_flat_in_cost, |config| { patient(config) }, |app| {
    let users = i64::try_from(repetitions("TRAVERSAL_USERS", 20_000)).expect("a number");
    let root = load(app, users);
    let admin = app.admin();
    let expected = expected(app, root);
    assert_eq!(expected.len(), usize::try_from(users - 1).expect("a number"));
    let first = format!("/api/v2/users/{root}/reports?max-depth=all&page[size]=50");
    let (mut found, mut pages, mut next) = (Vec::new(), Vec::new(), Some(first.clone()));
    while let Some(url) = next {
        let page = admin.get(&url).expect(200);
        assert_eq!(page.total(), users - 1);
        found.extend(rows(&page));
        next = page.body["links"]["next"].as_str().map(str::to_owned);
        pages.push(url);
    }
    for (row, expected) in found.iter().zip(&expected) {
        assert_eq!(row, expected);
    }
    assert_eq!((found.len(), pages.len()), (expected.len(), expected.len().div_ceil(50)));
    // Pages inside the team of the manager, and in other places.
    for part in 1..10 {
        let [time, usual] = times(&admin, [&pages[pages.len() * part / 10], &first]);
        assert!(time < usual * 4, "page {part} of 10 takes {time:?}; the first {usual:?}");
    }
    let (top, team) = (root, root + MANAGER);
    let below = |user: i64| format!("/api/v2/users/{user}/reports?max-depth=all&limit=0");
    let [all, some] = times(&admin, [&below(top), &below(team)]);
    assert!(all < some * 4, "the count below the top takes {all:?}; below a manager {some:?}");
    let path = admin.get(&format!("/api/v2/users/{}/superior?max-depth=all&limit=50", root + CHAIN)).expect(200);
    assert_eq!((path.total(), path.ids()[0]), (CHAIN, root + CHAIN - 1));
});

/// All rows below the root. Naive searches would take too long: the counts come from one pass from the end.
fn expected(app: &App, root: i64) -> Vec<Row> {
    let edges = stored(app, KIND);
    let mut children = BTreeMap::<i64, Vec<(i64, i64)>>::new();
    for (edge, (owner, target)) in edges {
        children.entry(target).or_default().push((edge, owner));
    }
    let mut rows: Vec<Row> = Vec::new();
    let mut stack: Vec<(i64, i64, i64, usize)> = Vec::new();
    let push = |stack: &mut Vec<_>, above: i64, depth: usize| {
        let below = children.get(&above).map(Vec::as_slice).unwrap_or_default();
        stack.extend(below.iter().rev().map(|(edge, owner)| (*edge, *owner, above, depth)));
    };
    push(&mut stack, root, 1);
    while let Some((edge, id, via, depth)) = stack.pop() {
        rows.push(Row { id, depth, via, edge, below: Some(0) });
        push(&mut stack, id, depth + 1);
    }
    // In pre-order, those below a row are the rows that follow it and are deeper.
    let mut open: Vec<(usize, usize)> = Vec::new();
    for at in 0..=rows.len() {
        let depth = rows.get(at).map_or(0, |row| row.depth);
        while let Some(&(start, above)) = open.last()
            && above >= depth
        {
            rows[start].below = Some((at - start - 1) as u64);
            open.pop();
        }
        open.push((at, depth));
    }
    rows
}

#[test]
fn the_expected_rows_are_those_of_the_naive_search() {
    crate::support::app::run(
        crate::support::Engine::Sqlite,
        |_| {},
        |app| {
            let root = load(app, 200);
            assert_eq!(expected(app, root), pre_order(&stored(app, KIND), root, usize::MAX));
        },
    );
}

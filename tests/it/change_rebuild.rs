//! Random writes through all writers leave a log from which the tables can be rebuilt, forwards and backwards.

use std::collections::{BTreeMap, BTreeSet};

use user_relationships::model::change::{ChangeAction, ChangeSubject, EdgeChange, NumberedChange};
use user_relationships::model::id::UserId;

use crate::both;
use crate::support::change_log::{changes_after, last_number};
use crate::support::graph::{
    EDGES, TRANSFERS, add, create, import, operate, register, remove, repetitions, retype, transfer, tree, update,
    users, wide,
};
use crate::support::sql::Raw;
use crate::support::{App, Client, json};

const KINDS: [&str; 3] = ["mentor", "colleague", "boss"];

/// A relationship as it is stored: version, ends, type, times and authors.
type Stored = (i64, i64, i64, String, i64, i64, i64, i64);
type Edges = BTreeMap<i64, Stored>;

fn stored(app: &App) -> Edges {
    let lines = Raw::connect(&app.home().url()).lines(
        "SELECT e.id || ' ' || e.version || ' ' || user_id || ' ' || target_id || ' ' || name || ' ' || e.created_at \
         || ' ' || e.updated_at || ' ' || COALESCE(created_by, 0) || ' ' || COALESCE(updated_by, 0) AS line \
         FROM user_relationships AS e JOIN relationship_types AS t ON t.id = e.type_id",
    );
    let row = |line: &String| {
        let parts: Vec<_> = line.split(' ').collect();
        let number = |at: usize| parts[at].parse::<i64>().expect("a number");
        let row = (number(1), number(2), number(3), parts[4].to_owned(), number(5), number(6), number(7), number(8));
        (number(0), row)
    };
    lines.iter().map(row).collect()
}

fn edge_of(change: &NumberedChange) -> Option<&EdgeChange> {
    change.change.subject.edge()
}

/// The relationship before a change; `None` if there was none.
fn before(edge: &EdgeChange) -> Option<Stored> {
    let (row, previous) = (edge.undo()?, edge.previous?);
    let author = |user: Option<UserId>| user.map_or(0, UserId::get);
    Some((
        row.version,
        row.user.get(),
        row.target.get(),
        row.data.relationship.to_string(),
        row.created_at.micros(),
        row.updated_at.micros(),
        author(edge.created_by),
        author(previous.updated_by),
    ))
}

fn random(seed: &mut u64, below: usize) -> usize {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    usize::try_from(*seed >> 33).expect("a small number") % below
}

/// One random write; it may be refused.
fn write(app: &App, admin: &Client, people: &[i64], seed: &mut u64) {
    let mut any = |all: &[i64]| if all.is_empty() { 0 } else { all[random(seed, all.len())] };
    let (user, target, edge) = (any(people), any(people), any(&stored(app).into_keys().collect::<Vec<_>>()));
    let kind = KINDS[random(seed, KINDS.len())];
    match random(seed, 12) {
        0..=3 => drop(create(admin, user, kind, target)),
        4 => drop(retype(admin, edge, kind)),
        5 => drop(admin.delete(&format!("{EDGES}/{edge}"))),
        6 => drop(operate(admin, &[add(user, kind, target), remove(edge), add(target, kind, user)])),
        7 => drop(operate(admin, &[update(edge, kind), add(user, kind, user)])),
        8 => drop(admin.post(TRANSFERS, &transfer(kind, user, target, random(seed, 2) == 0))),
        9 => {
            let url = format!("/api/v2/users/{user}/relationships/bosses");
            admin.patch(&url, &json!({"data": {"type": "users", "id": target.to_string()}}));
        }
        10 if user != target && exists(app, user) && exists(app, target) => drop(import(app, kind, &[(user, target)])),
        11 if random(seed, 4) == 0 => drop(admin.delete(&format!("/api/v2/users/{user}"))),
        _ => drop(admin.patch(
            &format!("/api/v2/users/{user}"),
            &json!({"data": {"type": "users", "id": user.to_string(),
            "attributes": {"first-name": format!("n{}", random(seed, 9))}}}),
        )),
    }
}

fn exists(app: &App, user: i64) -> bool {
    user_ids(app).contains(&user)
}

fn user_ids(app: &App) -> BTreeSet<i64> {
    let lines = Raw::connect(&app.home().url()).lines("SELECT CAST(id AS TEXT) AS line FROM users");
    lines.iter().map(|line| line.parse().expect("a number")).collect()
}

both!(the_tables_can_be_rebuilt_from_the_log, |config| { wide(config) }, |app| {
    let admin = app.admin();
    let rules = json!({"is-acyclic": true, "max-per-user": 1, "user-role": "reports", "target-role": "bosses"});
    assert_eq!(tree(), json!({"is-acyclic": true, "max-per-user": 1}));
    register(&admin, "boss", &rules);
    let people = users(app, 8);
    let mut seed = 20_261_129;
    let mut moments = vec![(last_number(app), stored(app))];
    for step in 0..repetitions("CHANGE_STEPS", 150) {
        write(app, &admin, &people, &mut seed);
        if step % 10 == 0 {
            moments.push((last_number(app), stored(app)));
        }
    }
    let all = changes_after(app, 0);
    assert!(all.iter().zip(1..).all(|(change, number)| change.number == number), "numbers are dense");
    assert!(all.is_sorted_by_key(|change| change.change.at));
    assert!(all.len() > 100, "{} changes", all.len());
    assert_forwards(app, &all);
    // Backwards: the present, with all later changes undone.
    let mut edges = stored(app);
    let mut left = all.iter().rev().peekable();
    for (number, expected) in moments.iter().rev() {
        while let Some(change) = left.next_if(|change| change.number > *number) {
            let Some(edge) = edge_of(change) else { continue };
            match before(edge) {
                Some(row) => edges.insert(edge.id.get(), row),
                None => edges.remove(&edge.id.get()),
            };
        }
        assert_eq!(edges, *expected, "as of {number}");
    }
});

/// Applies all changes to nothing.
fn assert_forwards(app: &App, all: &[NumberedChange]) {
    let (mut edges, mut people) = (BTreeMap::new(), BTreeSet::new());
    for change in all {
        let action = change.change.action;
        match &change.change.subject {
            ChangeSubject::Relationship(edge) => {
                let row = (edge.user.get(), edge.target.get(), edge.relationship.to_string());
                let old = match action {
                    ChangeAction::Deleted => edges.remove(&edge.id.get()),
                    _ => edges.insert(edge.id.get(), row),
                };
                assert_eq!(old.is_some(), action != ChangeAction::Created, "{change:?}");
            }
            ChangeSubject::User(id) => {
                let is_new = if action == ChangeAction::Deleted { !people.remove(id) } else { people.insert(*id) };
                assert_eq!(is_new, action == ChangeAction::Created, "{change:?}");
            }
            _ => {}
        }
    }
    let expected: BTreeMap<_, _> = stored(app).into_iter().map(|(id, row)| (id, (row.1, row.2, row.3))).collect();
    assert_eq!(edges, expected);
    assert_eq!(people.into_iter().map(UserId::get).collect::<BTreeSet<_>>(), user_ids(app));
}

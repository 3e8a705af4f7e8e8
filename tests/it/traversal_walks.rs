//! A walk through the pages of a tree while other clients move users: a user that keeps its place appears exactly once,
//! in order, and nobody appears who never was below.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::both;
use crate::support::graph::{EDGES, assert_clean, path, register, repetitions, store, stored, users, wide};
use crate::support::traversal::{Row, pre_order, walk};
use crate::support::{App, Client, Value, json};

const KIND: &str = "boss";

/// A tree of users that keep their places, and users that are moved between places in it and places outside.
struct Company {
    admin: Client,
    root: i64,
    /// The users below the root that keep their places, in order.
    fixed: Vec<i64>,
    /// The users that move, each with one more below it.
    moving: Vec<i64>,
    /// Places outside.
    outside: Vec<i64>,
    /// Users below places outside that never move.
    strangers: Vec<i64>,
}

impl Company {
    fn new(app: &App) -> Self {
        let admin = app.admin();
        register(
            &admin,
            KIND,
            &json!({"is-acyclic": true, "max-per-user": 1, "user-role": "reports", "target-role": "superior"}),
        );
        let (fixed, moving, outside) = (users(app, 41), users(app, 24), users(app, 8));
        // Three users below each, and a chain of five at the end.
        let mut edges: Vec<_> = (1..36).map(|at| (fixed[at], fixed[(at - 1) / 3])).collect();
        edges.extend((36..41).map(|at| (fixed[at], fixed[at - 1])));
        store(app, KIND, &edges);
        let (leaders, below) = moving.split_at(12);
        // Users that move are between those that do not, because the order is that of edges.
        store(app, KIND, &leaders.iter().zip(below).map(|(leader, below)| (*below, *leader)).collect::<Vec<_>>());
        store(app, KIND, &leaders.iter().zip(&fixed).map(|(leader, place)| (*leader, *place)).collect::<Vec<_>>());
        store(app, KIND, &path(&outside));
        let last: Vec<_> = users(app, 9).into_iter().map(|id| (id, fixed[0])).collect();
        store(app, KIND, &last);
        let tree = stored(app, KIND);
        let is_fixed: BTreeSet<_> = fixed.iter().copied().chain(last.iter().map(|(id, _)| *id)).collect();
        let rows = pre_order(&tree, fixed[0], usize::MAX).into_iter().map(|row| row.id);
        let in_order = rows.filter(|id| is_fixed.contains(id)).collect();
        let (root, strangers) = (fixed[0], outside[..4].to_vec());
        Self { admin, root, fixed: in_order, moving: leaders.to_vec(), outside: outside[4..].to_vec(), strangers }
    }

    /// Moves a user to another place; the random number selects both.
    fn move_user(&self, random: usize) {
        let (user, choice) = (self.moving[random % self.moving.len()], random / 64);
        let place = if choice % 3 == 0 { &self.outside } else { &self.fixed };
        self.place(user, Some(place[choice / 3 % place.len()]));
    }

    fn place(&self, user: i64, target: Option<i64>) {
        let data = target.map_or(Value::Null, |id| json!({"type": "users", "id": id.to_string()}));
        self.admin.patch(&format!("/api/v2/users/{user}/relationships/superior"), &json!({"data": data})).expect(200);
    }

    fn url(&self, size: usize) -> String {
        format!("/api/v2/users/{}/reports?max-depth=all&page[size]={size}", self.root)
    }

    #[track_caller]
    fn assert_sound(&self, rows: &[Row]) {
        let is_fixed: BTreeSet<_> = self.fixed.iter().collect();
        let fixed: Vec<_> = rows.iter().map(|row| row.id).filter(|id| is_fixed.contains(id)).collect();
        assert_eq!(fixed, self.fixed, "each user that keeps its place once, in order");
        assert!(rows.iter().all(|row| !self.strangers.contains(&row.id) && row.id != self.root), "{rows:?}");
    }
}

fn next(seed: &mut usize) -> usize {
    *seed = (*seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    *seed / 64
}

both!(a_walk_shows_once_who_stays_while_others_move, |config| { wide(config) }, |app| {
    let company = Company::new(app);
    let (is_over, moves) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        for number in 0..2 {
            let (company, is_over, moves) = (&company, &is_over, &moves);
            scope.spawn(move || {
                let mut seed = number + 1;
                while !is_over.load(Ordering::Relaxed) {
                    company.move_user(next(&mut seed));
                    moves.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let walks = repetitions("TRAVERSAL_ROUNDS", 6);
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for number in 0.. {
                if number >= walks && moves.load(Ordering::Relaxed) > 20 {
                    break;
                }
                let walk = walk(&company.admin, &company.url(1 + number % 5), |_| ());
                company.assert_sound(&walk.rows);
            }
        }));
        is_over.store(true, Ordering::Relaxed);
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    assert_clean(app);
});

both!(a_walk_goes_on_when_the_user_of_its_cursor_has_moved, |app| {
    let company = Company::new(app);
    let mut seed = 7;
    for size in 1..5 {
        let mut last_places = BTreeMap::new();
        let walk = walk(&company.admin, &company.url(size), |rows| {
            // The cursor names the last row and those above it.
            if let Some(row) = rows.last() {
                for user in [row.id, row.via] {
                    if company.moving.contains(&user) {
                        let place = match next(&mut seed) % 3 {
                            0 => None,
                            1 => Some(company.outside[0]),
                            _ => Some(company.fixed[next(&mut seed) % company.fixed.len()]),
                        };
                        company.place(user, place);
                        last_places.insert(user, place);
                    }
                }
            }
        });
        company.assert_sound(&walk.rows);
        assert!(!last_places.is_empty(), "nobody moved");
        // Back below the root, for the next walk.
        for (number, user) in company.moving.iter().enumerate() {
            company.place(*user, Some(company.fixed[number]));
        }
    }
    assert_clean(app);
});

both!(a_walk_goes_on_when_the_user_of_its_cursor_is_deleted, |app| {
    let company = Company::new(app);
    let mut deleted = BTreeSet::new();
    let walk = walk(&company.admin, &company.url(1), |rows| {
        if let Some(row) = rows.last()
            && company.moving.contains(&row.id)
        {
            company.admin.delete(&format!("/api/v2/users/{}", row.id)).expect(204);
            deleted.insert(row.id);
        }
    });
    company.assert_sound(&walk.rows);
    assert_eq!(deleted.len(), company.moving.len());
    // Also the edge alone, of a user that stays, but below nobody.
    let edges = stored(app, KIND);
    let (edge, (user, _)) = edges.iter().next_back().expect("an edge");
    company.admin.delete(&format!("{EDGES}/{edge}")).expect(204);
    let rest = crate::support::traversal::walk(&company.admin, &company.url(2), |_| ()).rows;
    assert!(rest.iter().all(|row| row.id != *user));
    assert_clean(app);
});

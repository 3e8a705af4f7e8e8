//! Concurrent writers cannot break a rule together.
//!
//! `RULE_ROUNDS=10000 cargo test --release --test it rule_races` repeats the races of rings more often.

use std::collections::BTreeMap;

use crate::both;
use crate::support::graph::{
    EDGES, acyclic, add, assert_clean, concurrently, create, import, meta, on_cycles, operate, register, remove,
    retype, rounds, store, stored, stored_where, symmetric, tree, users, wide,
};
use crate::support::sql::Raw;
use crate::support::{Answer, App, Client, Engine};

/// The rings that are created at the same time, so that edges of several rings share a batch.
const RINGS: usize = 3;
/// How often a race checks all data, which takes longer with every round.
const CHECKS: usize = 5;

/// The instances that write: two on PostgreSQL, one on SQLite, whose second writer would wait by polling.
fn instances(app: &App) -> Vec<App> {
    if app.home().file().is_some() { Vec::new() } else { vec![app.beside()] }
}

fn clients(app: &App, others: &[App]) -> Vec<Client> {
    let admin = app.admin();
    let there: Vec<_> = others.iter().map(|other| other.client_like(&admin)).collect();
    [vec![admin], there].concat()
}

/// A way to store an edge of a type.
#[derive(Debug, Clone, Copy)]
enum Writer {
    Post,
    /// Changes the type of this edge.
    Retype(i64),
    Operations,
    /// Moves an edge of the same type, with this id, away first.
    Move(i64),
    Import,
}

impl Writer {
    /// The writer number `at`, and what it needs.
    fn prepare(at: usize, client: &Client, kind: &str, (user, target): (i64, i64), spare: i64) -> Self {
        match at % 16 {
            1 | 4 | 7 | 13 => Self::Retype(create(client, user, "mentor", target).expect(201).id()),
            2 | 8 | 12 => Self::Operations,
            5 | 10 | 14 => Self::Move(create(client, user, kind, spare).expect(201).id()),
            3 => Self::Import,
            _ => Self::Post,
        }
    }

    /// Returns whether the edge was stored; otherwise the code must be `refusal`.
    fn store(self, app: &App, client: &Client, kind: &str, (user, target): (i64, i64), refusal: &str) -> bool {
        let of = |answer: Answer| match answer.status {
            200 | 201 => true,
            _ => answer.refused(409, refusal).status == 200,
        };
        match self {
            Self::Post => of(create(client, user, kind, target)),
            Self::Retype(id) => of(retype(client, id, kind)),
            Self::Operations => of(operate(client, &[add(user, "colleague", target), add(user, kind, target)])),
            Self::Move(id) => of(operate(client, &[remove(id), add(user, kind, target)])),
            Self::Import => {
                let outcome = import(app, kind, &[(user, target)]);
                assert_eq!(outcome.relationships.added + outcome.relationships.rejected, 1, "{outcome:?}");
                outcome.relationships.added == 1
            }
        }
    }
}

type Pairs = Vec<(i64, i64)>;

/// The edges of a ring of users: those that are stored before the race, and those that race.
fn ring(ids: &[i64]) -> (Pairs, Pairs) {
    let edge = |at: usize| (ids[at], ids[(at + 1) % ids.len()]);
    let is_stored = |at: &usize| ids.len() > 3 && at % 2 == 1;
    let (stored, raced): (Vec<_>, Vec<_>) = (0..ids.len()).partition(is_stored);
    (stored.into_iter().map(edge).collect(), raced.into_iter().map(edge).collect())
}

/// Rings of 2 to 10 users, whose last edges are created at the same time: in each ring all but one are stored.
fn race_rings(app: &App, clients: &[Client], kind: &str, is_mixed: bool, rounds: usize) {
    let mut raw = Raw::connect(&app.config.database_url);
    for round in 0..rounds {
        let sizes: Vec<_> = (0..RINGS).map(|ring| 2 + (round * RINGS + ring) % 9).collect();
        let ids = users(app, sizes.iter().sum::<usize>() + 1);
        let (spare, mut rest) = (ids[0], &ids[1..]);
        let (mut before, mut raced) = (Vec::new(), Vec::new());
        for (number, size) in sizes.iter().enumerate() {
            let (now, later) = rest.split_at(*size);
            let (stored, racing) = ring(now);
            before.extend(stored);
            raced.extend(racing.into_iter().map(|edge| (number, edge)));
            rest = later;
        }
        store(app, kind, &before);
        let writer = |at: usize, edge| {
            let number = if is_mixed { round * 5 + at } else { 0 };
            Writer::prepare(number, &clients[0], kind, edge, spare)
        };
        let writers: Vec<_> = raced.iter().enumerate().map(|(at, (_, edge))| writer(at, *edge)).collect();
        let are_stored = concurrently(raced.len(), |at| {
            let client = &clients[(round + at) % clients.len()];
            writers[at].store(app, client, kind, raced[at].1, "relationship-cycle")
        });
        let condition = format!("AND user_id BETWEEN {} AND {} AND target_id <> {spare}", ids[0], ids[ids.len() - 1]);
        let all = stored_where(&mut raw, kind, &condition);
        assert_eq!(on_cycles(all.values().copied()).len(), 0, "a cycle is stored in round {round}: {all:?}");
        for number in 0..RINGS {
            let of_ring = raced.iter().zip(&are_stored).filter(|((ring, _), _)| *ring == number);
            let refused: Vec<_> = of_ring.filter(|(_, is_stored)| !**is_stored).collect();
            assert_eq!(refused.len(), 1, "round {round}: {refused:?} of {raced:?} with {writers:?}");
        }
        assert_eq!(all.len(), before.len() + raced.len() - RINGS);
        if round % rounds.div_ceil(CHECKS) == 0 {
            assert_clean(app);
        }
    }
    assert_clean(app);
}

both!(of_the_last_edges_of_a_ring_one_is_refused, |config| { wide(config) }, |app| {
    let others = instances(app);
    let clients = clients(app, &others);
    for (kind, rules) in [("boss", tree()), ("needs", acyclic())] {
        register(&clients[0], kind, &rules);
        race_rings(app, &clients, kind, false, rounds(20));
    }
});

both!(of_the_last_edges_of_a_ring_one_is_refused_to_all_writers, |config| { wide(config) }, |app| {
    let others = instances(app);
    let clients = clients(app, &others);
    for (kind, rules) in [("boss", tree()), ("needs", acyclic())] {
        register(&clients[0], kind, &rules);
        race_rings(app, &clients, kind, true, rounds(20));
    }
});

/// The id of an edge between these users of a type without rules.
fn draft(client: &Client, (user, target): (i64, i64)) -> i64 {
    let answer = create(client, user, "mentor", target);
    match answer.status {
        201 => answer.id(),
        _ => meta(&answer, "existing-id").as_str().expect("an id").parse().expect("a number"),
    }
}

/// The number of answers by status.
fn tally(answers: Vec<Answer>, refusal: &str) -> BTreeMap<u16, usize> {
    let mut tally = BTreeMap::new();
    for answer in answers {
        let answer = if answer.status == 409 { answer.refused(409, refusal) } else { answer };
        *tally.entry(answer.status).or_default() += 1;
    }
    tally
}

both!(of_64_creates_under_a_limit_of_one_one_succeeds, |config| { wide(config) }, |app| {
    let others = instances(app);
    let clients = clients(app, &others);
    register(&clients[0], "boss", &crate::support::json!({"max-per-user": 1}));
    for _ in 0..rounds(3).min(100) {
        let ids = users(app, 65);
        let create = |at: usize| create(&clients[at % clients.len()], ids[0], "boss", ids[at + 1]);
        let tally = tally(concurrently(64, create), "too-many-relationships");
        assert_eq!(tally, BTreeMap::from([(201, 1), (409, 63)]));
        let condition = format!("AND user_id = {}", ids[0]);
        assert_eq!(stored_where(&mut Raw::connect(&app.config.database_url), "boss", &condition).len(), 1);
    }
    assert_clean(app);
});

both!(of_both_directions_of_a_symmetric_edge_one_is_stored, |config| { wide(config) }, |app| {
    let others = instances(app);
    let clients = clients(app, &others);
    register(&clients[0], "peer", &symmetric());
    let pairs = 3;
    for round in 0..rounds(24) {
        let ids = users(app, 2 * pairs);
        let ends = |at: usize| {
            let (one, other) = (ids[2 * (at / 4)], ids[2 * (at / 4) + 1]);
            if at.is_multiple_of(2) { (one, other) } else { (other, one) }
        };
        let writer = |at: usize| match (round + at) % 6 {
            4 => Writer::Retype(draft(&clients[0], ends(at))),
            5 => Writer::Operations,
            _ => Writer::Post,
        };
        let writers: Vec<_> = (0..4 * pairs).map(writer).collect();
        let are_stored = concurrently(writers.len(), |at| {
            writers[at].store(app, &clients[(round + at) % clients.len()], "peer", ends(at), "already-exists")
        });
        for pair in are_stored.chunks(4) {
            assert_eq!(pair.iter().filter(|is_stored| **is_stored).count(), 1, "round {round}: {are_stored:?}");
        }
    }
    assert_eq!(stored(app, "peer").len(), pairs * rounds(24));
    assert_clean(app);
});

both!(counts_below_agree_after_concurrent_moves, |config| { wide(config) }, |app| {
    let others = instances(app);
    let clients = clients(app, &others);
    register(&clients[0], "boss", &tree());
    for round in 0..rounds(3).min(100) {
        let ids = users(app, 24);
        let act = |number: usize| {
            let client = &clients[number % clients.len()];
            // Each thread moves users of its own below users of all threads.
            let (mut seed, own) = ((round * 8 + number + 1) * 7_919, &ids[3 * number..3 * number + 3]);
            let mut edges = [None; 3];
            for step in 0..12 {
                seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
                let (at, target) = (step % 3, ids[seed / 64 % ids.len()]);
                if target == own[at] {
                    continue;
                }
                let answer = match edges[at] {
                    None => create(client, own[at], "boss", target),
                    Some(id) if step % 4 == 3 => {
                        client.delete(&format!("{EDGES}/{id}")).expect(204);
                        edges[at] = None;
                        continue;
                    }
                    Some(id) => operate(client, &[remove(id), add(own[at], "boss", target)]),
                };
                match answer.status {
                    201 => edges[at] = Some(answer.id()),
                    200 => edges[at] = answer.body["atomic:results"][1]["data"]["id"].as_str().unwrap().parse().ok(),
                    _ => drop(answer.refused(409, "relationship-cycle")),
                }
            }
        };
        concurrently(8, act);
        assert_eq!(on_cycles(stored(app, "boss").into_values()).len(), 0);
        assert_clean(app);
    }
});

#[test]
fn two_processes_on_sqlite_cannot_close_cycles_together() {
    crate::support::app::run(Engine::Sqlite, wide, |app| {
        let other = app.beside();
        let admin = app.admin();
        let clients = [admin.clone(), other.client_like(&admin)];
        register(&admin, "boss", &tree());
        race_rings(app, &clients, "boss", false, rounds(4).min(100));
    });
}

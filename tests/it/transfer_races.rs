//! Transfers at the same time as other changes: no edge is lost, and all counts agree.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::both;
use crate::support::citus::skips_on_spread_rows;
use crate::support::graph::{
    EDGES, TRANSFERS, assert_clean, assert_no_deadlock, concurrently, create, register, rounds, store, stored,
    stored_where, symmetric, transfer, tree, users, wide,
};
use crate::support::process::{PATIENCE, Service, run, until};
use crate::support::random::Random;
use crate::support::sql::Raw;
use crate::support::{App, Client, json};

const USERS: &str = "/api/v2/users";
const THREADS: usize = 6;

/// The owner of each edge of a type, by target.
fn by_owner(app: &App, kind: &str) -> BTreeMap<i64, i64> {
    stored(app, kind).into_values().collect()
}

both!(no_create_is_lost_when_its_target_is_deleted_with_a_successor, |config| { wide(config) }, |app| {
    let admin = app.admin();
    register(&admin, "plain", &json!({}));
    register(&admin, "pairs", &symmetric());
    for round in 0..rounds(6) {
        let kind = ["plain", "pairs"][round % 2];
        let [leaver, successor] = users(app, 2).try_into().expect("two");
        let owners = users(app, THREADS * 4);
        let made = concurrently(THREADS + 1, |number| {
            if number == THREADS {
                thread::sleep(Duration::from_millis(3 * (round as u64 % 3)));
                let url = format!("{USERS}/{leaver}?transfer-to={successor}&transfer-types={kind}");
                admin.delete(&url).expect(204);
                return Vec::new();
            }
            let own = owners.chunks(4).nth(number).expect("users");
            own.iter().copied().filter(|owner| create(&admin, *owner, kind, leaver).status == 201).collect()
        });
        let stored = by_owner(app, kind);
        for owner in made.into_iter().flatten() {
            assert_eq!(stored.get(&owner), Some(&successor), "{kind}: the edge of {owner} is lost");
        }
    }
    assert_clean(app);
});

both!(an_edge_that_gets_the_type_of_a_handover_is_not_lost, |config| { wide(config) }, |app| {
    let admin = app.admin();
    register(&admin, "plain", &json!({}));
    for _ in 0..rounds(4) {
        let [leaver, successor] = users(app, 2).try_into().expect("two");
        let owners = users(app, THREADS);
        let ids: Vec<_> = owners.iter().map(|id| create(&admin, *id, "mentor", leaver).expect(201).id()).collect();
        let changed = concurrently(THREADS + 1, |number| {
            if number == THREADS {
                admin.delete(&format!("{USERS}/{leaver}?transfer-to={successor}&transfer-types=plain")).expect(204);
                return false;
            }
            crate::support::graph::retype(&admin, ids[number], "plain").status == 200
        });
        let stored = by_owner(app, "plain");
        for (owner, is_changed) in owners.iter().zip(changed) {
            assert_eq!(stored.get(owner), is_changed.then_some(&successor), "{owner}");
        }
    }
    assert_clean(app);
});

both!(a_deletion_waits_for_an_edge_that_gets_the_type_of_its_handover, |app| {
    if skips_on_spread_rows("the test locks a row itself, which Citus refuses") {
        return;
    }
    let admin = app.admin();
    register(&admin, "plain", &json!({}));
    let [leaver, successor, owner, other] = users(app, 4).try_into().expect("four");
    store(app, "plain", &[(other, leaver)]);
    let id = create(&admin, owner, "mentor", leaver).expect(201).id();
    let mut raw = Raw::connect(&app.config.database_url);
    let Raw::Postgres(_) = raw else { return };
    // A writer that locks the edge alone. The service also locks the user, which is why it waits before this.
    raw.run(&format!(
        "BEGIN; UPDATE user_relationships SET type_id = (SELECT id FROM relationship_types WHERE name = 'plain') \
         WHERE id = {id}"
    ));
    thread::scope(|scope| {
        let (admin, url) = (&admin, format!("{USERS}/{leaver}?transfer-to={successor}&transfer-types=plain"));
        let deletion = scope.spawn(move || admin.delete(&url).expect(204));
        let mut beside = Raw::connect(&app.config.database_url);
        until("the deletion waits", PATIENCE, || beside.waiting_sessions() == 1);
        raw.run("COMMIT");
        deletion.join().expect("no panic");
    });
    assert_eq!(by_owner(app, "plain"), BTreeMap::from([(owner, successor), (other, successor)]));
});

both!(transfers_between_creates_deletes_and_reassignments_keep_the_tree, |config| { wide(config) }, |app| {
    let admin = app.admin();
    register(&admin, "boss", &json!({"is-acyclic": true, "max-per-user": 1, "target-role": "chief"}));
    let all = users(app, 16);
    store(app, "boss", &all.windows(2).take(6).map(|pair| (pair[1], pair[0])).collect::<Vec<_>>());
    let answers = concurrently(THREADS, |number| {
        let mut random = Random::new(number as u64);
        let mut moved = 0;
        for _ in 0..rounds(12) {
            let (one, other, choice) = (random.choose(&all), random.choose(&all), random.below(8));
            if one == other {
                continue;
            }
            let linkage = json!({"data": {"type": "users", "id": other.to_string()}});
            let answer = match choice {
                0..=3 => admin.post(TRANSFERS, &transfer("boss", one, other, choice % 2 == 0)),
                4 => create(&admin, one, "boss", other),
                5 | 6 => admin.patch(&format!("{USERS}/{one}/relationships/chief"), &linkage),
                _ => {
                    let own = admin.get(&format!("{EDGES}?user={one}&relationship=boss")).expect(200).ids();
                    let Some(id) = own.first() else { continue };
                    admin.delete(&format!("{EDGES}/{id}"))
                }
            };
            assert!([200, 201, 204, 404, 409].contains(&answer.status), "{}", answer.text);
            moved += answer.body["data"]["attributes"]["moved"].as_i64().unwrap_or(0);
        }
        moved
    });
    assert!(answers.into_iter().sum::<i64>() > 0);
    assert_clean(app);
});

both!(opposite_transfers_keep_every_edge, |config| { wide(config) }, |app| {
    let admin = app.admin();
    for (kind, rules) in [("plain", json!({})), ("tree", tree())] {
        register(&admin, kind, &rules);
        let [a, b] = users(app, 2).try_into().expect("two");
        let owners = users(app, 8);
        let half = |(at, owner): (usize, &i64)| (*owner, [a, b][at % 2]);
        store(app, kind, &owners.iter().enumerate().map(half).collect::<Vec<_>>());
        concurrently(4, |number| {
            let (from, to) = if number % 2 == 0 { (a, b) } else { (b, a) };
            for _ in 0..rounds(4) {
                admin.post(TRANSFERS, &transfer(kind, from, to, false)).expect(201);
            }
        });
        let stored = by_owner(app, kind);
        assert_eq!(stored.keys().copied().collect::<Vec<_>>(), owners, "{kind}");
    }
    assert_no_deadlock(app);
    assert_clean(app);
});

/// Hands a team back and forth until the service no longer answers.
fn shuttle(client: &Client, kind: &str, (a, b): (i64, i64), done: &AtomicUsize) {
    let json_api = [("content-type", "application/vnd.api+json")];
    for turn in 0.. {
        let (from, to) = if turn % 2 == 0 { (a, b) } else { (b, a) };
        let body = transfer(kind, from, to, turn % 3 == 0).to_string();
        match client.attempt("POST", TRANSFERS, &json_api, Some(body.as_bytes())) {
            Ok(answer) => assert_eq!(answer.status, 201, "{}", answer.text),
            Err(_) => return,
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
}

both!(a_transfer_killed_at_any_moment_is_complete_or_absent, |app| {
    let url = app.home().text();
    let admin = app.admin();
    let [top, a, b] = users(app, 3).try_into().expect("three");
    let team = users(app, 30);
    for (kind, rules) in [("tree", tree()), ("plain", json!({}))] {
        register(&admin, kind, &rules);
        store(app, kind, &[(a, top), (b, top)]);
        store(app, kind, &team.iter().map(|owner| (*owner, a)).collect::<Vec<_>>());
    }
    let mut raw = Raw::connect(&app.config.database_url);
    for round in 0..rounds(4).min(200) {
        let service = Service::start(&url, &[]);
        let done = AtomicUsize::new(0);
        thread::scope(|scope| {
            for kind in ["tree", "plain"] {
                let client = admin.at(service.address);
                let done = &done;
                scope.spawn(move || shuttle(&client, kind, (a, b), done));
            }
            until("transfers are made", PATIENCE, || done.load(Ordering::Relaxed) >= 6);
            thread::sleep(Duration::from_micros(2_300 * (round as u64 % 13)));
            service.kill();
        });
        run(&url, &["check"]).expect(0);
        for kind in ["tree", "plain"] {
            let edges = stored_where(&mut raw, kind, "");
            let targets: Vec<_> = team
                .iter()
                .map(|owner| edges.values().find(|(user, _)| user == owner).expect("an edge is lost").1)
                .collect();
            assert!(targets.iter().all(|target| *target == targets[0] && [a, b].contains(target)), "{targets:?}");
        }
    }
});

/// The ids of the newest edges that target a user.
fn newest(client: &Client, target: i64) -> Vec<i64> {
    client.get(&format!("{EDGES}?target={target}&sort=-id&limit=50")).expect(200).ids()
}

both!(a_create_seen_before_a_transfer_is_handed_over_with_it, |config| { wide(config) }, |app| {
    let admin = app.admin();
    register(&admin, "plain", &json!({}));
    for _ in 0..rounds(3) {
        let [leaver, successor] = users(app, 2).try_into().expect("two");
        let owners = users(app, 300);
        let (old, new) = owners.split_at(200);
        store(app, "plain", &old.iter().map(|owner| (*owner, leaver)).collect::<Vec<_>>());
        let marks = newest(&admin, leaver);
        let is_over = AtomicBool::new(false);
        let seen = concurrently(THREADS, |number| {
            let mut seen = Vec::new();
            match number {
                0 => {
                    let answer = admin.post(TRANSFERS, &transfer("plain", leaver, successor, false)).expect(201);
                    is_over.store(true, Ordering::Relaxed);
                    assert!(answer.body["data"]["attributes"]["moved"].as_i64() >= Some(200), "{}", answer.text);
                }
                1 | 2 => {
                    while !is_over.load(Ordering::Relaxed) {
                        // Edges next to ones that the transfer has not moved yet.
                        let page = newest(&admin, leaver);
                        if page.iter().any(|id| marks.contains(id)) {
                            seen = page;
                        }
                    }
                }
                _ => {
                    let mut own = new.iter().skip(number).step_by(THREADS);
                    while let (false, Some(owner)) = (is_over.load(Ordering::Relaxed), own.next()) {
                        create(&admin, *owner, "plain", leaver).expect(201);
                    }
                }
            }
            seen
        });
        let left = stored(app, "plain");
        let lost: Vec<_> =
            seen.concat().into_iter().filter(|id| left.get(id).is_some_and(|ends| ends.1 == leaver)).collect();
        assert_eq!(lost, [0; 0], "edges that were stored before the transfer are left with {leaver}");
    }
    assert_clean(app);
});

//! Rules that are turned on while others write, also through an instance that knows the type without them.

use std::collections::BTreeSet;

use crate::both;
use crate::support::graph::{
    EDGES, acyclic, add, assert_clean, concurrently, create, import, kind, on_cycles, operate, register, retype,
    rounds, set_rules, stored, symmetric, tree, users, wide,
};
use crate::support::process::Service;
use crate::support::{App, Client, Value, json};

const KIND: &str = "boss";

/// Whether edges break the rules of these attributes.
fn is_broken(rules: &Value, edges: &[(i64, i64)]) -> bool {
    let owners: BTreeSet<_> = edges.iter().map(|(user, _)| user).collect();
    let has_pair = edges.iter().any(|(user, target)| edges.contains(&(*target, *user)));
    (rules["is-acyclic"] == json!(true) && !on_cycles(edges.iter().copied()).is_empty())
        || (rules["max-per-user"] == json!(1) && owners.len() < edges.len())
        || (rules["is-symmetric"] == json!(true) && has_pair)
}

/// Stores an edge in one of several ways, unless the rules refuse it.
fn write(app: &App, client: &Client, way: usize, draft: Option<i64>, (user, target): (i64, i64)) {
    let answer = match (draft, way % 3) {
        (Some(id), _) => retype(client, id, KIND),
        (None, 0) => operate(client, &[add(user, KIND, target)]),
        (None, 1) if way % 9 == 1 => {
            let outcome = import(app, KIND, &[(user, target)]);
            let tally = outcome.relationships;
            // The other direction of a symmetric edge counts as unchanged.
            assert_eq!(tally.added + tally.unchanged + tally.rejected, 1, "{tally:?}");
            return;
        }
        (None, _) => create(client, user, KIND, target),
    };
    let refusals = ["relationship-cycle", "too-many-relationships", "already-exists"];
    match answer.status {
        200 | 201 => {}
        _ => assert!(answer.status == 409 && refusals.contains(&answer.codes()[0]), "{}", answer.text),
    }
}

/// Turns rules on while edges that break them together are written. Either that is refused, and the rules are broken, or
/// nothing stored breaks them.
fn race_switches(app: &App, admin: &Client, there: &Client, rounds: usize) {
    let turned_off = json!({"is-acyclic": false, "max-per-user": null, "is-symmetric": false});
    let (mut on, mut refused) = (0, 0);
    register(admin, KIND, &json!({}));
    for round in 0..rounds {
        let ids = users(app, 5);
        let (rules, edges) = match round % 4 {
            0 => (acyclic(), vec![(0, 1), (1, 2), (2, 3), (3, 0)]),
            1 => (json!({"max-per-user": 1}), vec![(0, 1), (0, 2), (0, 3), (0, 4)]),
            2 => (symmetric(), vec![(0, 1), (1, 0), (2, 3), (3, 2)]),
            _ => (tree(), vec![(0, 1), (1, 2), (2, 0), (0, 3)]),
        };
        let edges: Vec<_> = edges.into_iter().map(|(user, target)| (ids[user], ids[target])).collect();
        // The other instance reads the type while it has no rules.
        let warm = create(there, ids[4], KIND, ids[3]).expect(201).id();
        there.delete(&format!("{EDGES}/{warm}")).expect(204);
        let draft = |at: usize| {
            let (user, target) = edges[at];
            ((round + at) % 4 == 3).then(|| create(there, user, "mentor", target).expect(201).id())
        };
        let drafts: Vec<_> = (0..edges.len()).map(draft).collect();
        let switch = round / 4 % (edges.len() + 1);
        let statuses = concurrently(edges.len() + 1, |thread| {
            if thread == switch {
                return Some(set_rules(admin, KIND, &rules));
            }
            let at = if thread > switch { thread - 1 } else { thread };
            write(app, if at % 4 == 2 { admin } else { there }, round + at, drafts[at], edges[at]);
            None
        });
        let answer = statuses.into_iter().flatten().next().expect("the answer to the switch");
        let edges: Vec<_> = stored(app, KIND).into_values().collect();
        if answer.status == 200 {
            on += 1;
            assert!(!is_broken(&rules, &edges), "round {round}: {rules} holds over {edges:?}");
        } else {
            refused += 1;
            answer.refused(409, "rules-violated");
            assert!(is_broken(&rules, &edges), "round {round}: {rules} was refused over {edges:?}");
        }
        if round % rounds.div_ceil(5) == 0 {
            assert_clean(app);
        }
        set_rules(admin, KIND, &turned_off).expect(200);
        for id in stored(app, KIND).into_keys() {
            admin.delete(&format!("{EDGES}/{id}")).expect(204);
        }
    }
    assert_clean(app);
    assert!(rounds < 20 || on > 0, "every switch was refused, {refused} times");
}

both!(a_rule_turned_on_while_others_write_holds_or_is_refused, |config| { wide(config) }, |app| {
    let other = app.beside();
    let admin = app.admin();
    let there = other.client_like(&admin);
    // On SQLite the writers of two instances wait by polling, so the same rounds take far longer.
    let is_file = app.home().file().is_some();
    race_switches(app, &admin, if is_file { &admin } else { &there }, rounds(32));
});

both!(a_rule_turned_on_is_obeyed_by_another_process, |config| { wide(config) }, |app| {
    let other = Service::start(&app.home().text(), &[]);
    let admin = app.admin();
    race_switches(app, &admin, &admin.at(other.address), rounds(4).min(100));
});

both!(a_type_is_deleted_while_its_rules_and_edges_change, |config| { wide(config) }, |app| {
    let admin = app.admin();
    for round in 0..6 {
        let name = format!("kind-{round}");
        register(&admin, &name, &if round % 2 == 0 { json!({}) } else { tree() });
        let ids = users(app, 4);
        let statuses = concurrently(5, |thread| match thread {
            0 => admin.delete(&format!("/api/v2/relationship-types/{name}")).status,
            1 => admin.patch(&format!("/api/v2/relationship-types/{name}"), &kind(&name, &acyclic())).status,
            _ => create(&admin, ids[thread - 2], &name, ids[thread - 1]).status,
        });
        assert!([204, 409].contains(&statuses[0]), "{statuses:?}");
        assert!([200, 404].contains(&statuses[1]), "{statuses:?}");
        assert!(statuses[2..].iter().all(|status| [201, 422].contains(status)), "{statuses:?}");
        let made = statuses[2..].iter().filter(|status| **status == 201).count();
        assert_eq!(stored(app, &name).len(), made, "{statuses:?}");
        assert_eq!(statuses[0] == 409, made > 0, "{statuses:?}");
        assert_clean(app);
    }
});

//! Acyclic types: no path has more than 64 edges, and outside trees at most 10,000 users are visited to find out.

use crate::both;
use crate::support::graph::{
    acyclic, assert_clean, create, crowd, meta, path, register, retype, set_rules, store, store_many, stored, tree,
    users,
};
use crate::support::{Answer, App, Client, json};

const MAX_DEPTH: usize = 64;
const MAX_VISITED: i64 = 10_000;

/// A tree and an acyclic type that is not a tree.
fn acyclic_types(admin: &Client) -> [&'static str; 2] {
    register(admin, "boss", &tree());
    register(admin, "needs", &acyclic());
    ["boss", "needs"]
}

#[track_caller]
fn refuse(answer: Answer) {
    let answer = answer.refused(409, "relationship-too-deep");
    assert_eq!((meta(&answer, "max-depth"), meta(&answer, "max-visited")), (&json!(64), &json!(10_000)));
}

/// The top of a new path of this many edges.
fn chain(app: &App, kind: &str, edges: usize) -> Vec<i64> {
    let ids = users(app, edges + 1);
    store(app, kind, &path(&ids));
    ids
}

both!(a_chain_of_64_is_accepted_and_one_of_65_refused, |app| {
    let admin = app.admin();
    for kind in acyclic_types(&admin) {
        let ids = users(app, MAX_DEPTH + 3);
        // From the middle to both ends, edge by edge.
        for step in 0..MAX_DEPTH / 2 {
            let (up, down) = (MAX_DEPTH / 2 + step, MAX_DEPTH / 2 - step);
            create(&admin, ids[up], kind, ids[up + 1]).expect(201);
            create(&admin, ids[down - 1], kind, ids[down]).expect(201);
        }
        let spare = ids[MAX_DEPTH + 2];
        refuse(create(&admin, ids[MAX_DEPTH], kind, ids[MAX_DEPTH + 1]));
        refuse(create(&admin, spare, kind, ids[0]));
        let draft = create(&admin, spare, "mentor", ids[0]).expect(201).id();
        refuse(retype(&admin, draft, kind));
        create(&admin, spare, kind, ids[1]).expect(201);
        assert_eq!(stored(app, kind).len(), MAX_DEPTH + 1);
    }
    assert_clean(app);
});

both!(an_edge_between_two_deep_trees_counts_both, |app| {
    let admin = app.admin();
    for kind in acyclic_types(&admin) {
        let (lower, upper, taller) = (chain(app, kind, 32), chain(app, kind, 31), chain(app, kind, 32));
        refuse(create(&admin, lower[32], kind, taller[0]));
        let joint = create(&admin, lower[32], kind, upper[0]).expect(201).id();
        admin.delete(&format!("/api/v2/user-relationships/{joint}")).expect(204);
        // A branch beside the path makes the lower tree taller until it is removed.
        let (branch, upper, spare) = (chain(app, kind, 2), chain(app, kind, 30), users(app, 2));
        let low = create(&admin, branch[2], kind, lower[2]).expect(201).id();
        create(&admin, lower[32], kind, upper[0]).expect(201);
        refuse(create(&admin, spare[0], kind, branch[0]));
        admin.delete(&format!("/api/v2/user-relationships/{low}")).expect(204);
        create(&admin, spare[0], kind, lower[0]).expect(201);
        refuse(create(&admin, spare[1], kind, spare[0]));
    }
    assert_clean(app);
});

both!(the_longest_of_several_paths_counts, |app| {
    let admin = app.admin();
    register(&admin, "needs", &acyclic());
    let upper = chain(app, "needs", 40);
    let lower = chain(app, "needs", 24);
    // Shortcuts: the shortest path through a new edge would have three edges.
    store(app, "needs", &[(upper[0], upper[40]), (lower[0], lower[24])]);
    refuse(create(&admin, lower[24], "needs", upper[0]));
    create(&admin, lower[23], "needs", upper[0]).expect(201);
    refuse(create(&admin, lower[24], "needs", upper[0]));
    create(&admin, lower[24], "needs", upper[1]).expect(201);
    assert_clean(app);
});

both!(many_paths_through_few_users_are_judged_quickly, |app| {
    let admin = app.admin();
    register(&admin, "needs", &acyclic());
    // Two users a layer, each related to both of the next: two paths more a layer become 2^64 paths.
    let ids = users(app, 2 * MAX_DEPTH + 4);
    let layer = |at: usize| [ids[2 * at], ids[2 * at + 1]];
    let between = |at: usize| layer(at).into_iter().flat_map(move |user| layer(at + 1).map(|target| (user, target)));
    let pairs: Vec<_> = (0..MAX_DEPTH).flat_map(between).collect();
    store(app, "needs", &pairs);
    refuse(create(&admin, ids[2 * MAX_DEPTH], "needs", ids[2 * MAX_DEPTH + 2]));
    create(&admin, ids[2 * MAX_DEPTH], "needs", ids[0]).refused(409, "relationship-cycle");
    create(&admin, ids[0], "needs", ids[2 * MAX_DEPTH]).expect(201);
    assert_clean(app);
});

both!(outside_trees_10_000_users_are_visited_and_10_001_refused, |app| {
    let admin = app.admin();
    register(&admin, "needs", &json!({}));
    let first = crowd(app, 2 * MAX_VISITED);
    let ids = users(app, 10);
    // Many below one user, and many others above another.
    let (below, above) = (ids[0].to_string(), ids[1].to_string());
    store_many(app, "needs", first, MAX_VISITED, ["i", &below]);
    store_many(app, "needs", first + MAX_VISITED, MAX_VISITED, [&above, "i"]);
    set_rules(&admin, "needs", &acyclic()).expect(200);
    create(&admin, ids[0], "needs", ids[2]).expect(201);
    create(&admin, ids[3], "needs", ids[1]).expect(201);
    create(&admin, ids[8], "needs", ids[0]).expect(201);
    create(&admin, ids[1], "needs", ids[9]).expect(201);
    refuse(create(&admin, ids[0], "needs", ids[4]));
    refuse(create(&admin, ids[5], "needs", ids[1]));
    // Without either crowd nothing needs to be visited.
    create(&admin, ids[6], "needs", ids[0]).expect(201);
    create(&admin, ids[1], "needs", ids[7]).expect(201);
});

both!(in_trees_any_number_of_users_may_be_below, |app| {
    let admin = app.admin();
    register(&admin, "boss", &json!({}));
    let first = crowd(app, MAX_VISITED + 2);
    let ids = users(app, 3);
    store_many(app, "boss", first, MAX_VISITED + 2, ["i", &ids[0].to_string()]);
    set_rules(&admin, "boss", &tree()).expect(200);
    create(&admin, ids[0], "boss", ids[1]).expect(201);
    create(&admin, ids[1], "boss", ids[2]).expect(201);
    create(&admin, ids[2], "boss", ids[0]).refused(409, "relationship-cycle");
    create(&admin, ids[2], "boss", first).refused(409, "relationship-cycle");
});

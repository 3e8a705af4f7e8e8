//! Operations and repeated requests obey the rules of relationship types.

use crate::both;
use crate::support::graph::{
    EDGES, add, assert_clean, create, meta, operate, path, register, remove, store, stored, symmetric, texts, tree,
    update, users,
};
use crate::support::{Answer, App, Client, Value, edge, json};

fn pointer(answer: &Answer) -> Option<&str> {
    answer.source("pointer")
}

/// A tree of three users below each other, and one user beside.
fn company(app: &App, admin: &Client) -> Vec<i64> {
    register(admin, "boss", &tree());
    register(admin, "peer", &symmetric());
    let ids = users(app, 4);
    store(app, "boss", &path(&ids[..3]));
    ids
}

both!(a_refused_operation_rolls_all_back_and_is_named, |app| {
    let admin = app.admin();
    let ids = company(app, &admin);
    let before = stored(app, "boss");
    let good = add(ids[3], "boss", ids[0]);
    let cycle = operate(&admin, &[good.clone(), add(ids[2], "boss", ids[0])]).refused(409, "relationship-cycle");
    assert_eq!(pointer(&cycle), Some("/atomic:operations/1/data/relationships/target/data"));
    assert_eq!(*meta(&cycle, "path"), texts(&[ids[2], ids[0], ids[1], ids[2]]));
    // The first operation is on the path.
    let own = operate(&admin, &[good.clone(), add(ids[2], "boss", ids[3])]).refused(409, "relationship-cycle");
    assert_eq!(*meta(&own, "path"), texts(&[ids[2], ids[3], ids[0], ids[1], ids[2]]));
    let limit = operate(&admin, &[good.clone(), add(ids[3], "boss", ids[1])]).refused(409, "too-many-relationships");
    assert!(pointer(&limit).is_some_and(|pointer| pointer.starts_with("/atomic:operations/1")), "{}", limit.text);
    let pair = operate(&admin, &[add(ids[0], "peer", ids[1]), good, add(ids[1], "peer", ids[0])]);
    let pair = pair.refused(409, "already-exists");
    assert!(pointer(&pair).is_some_and(|pointer| pointer.starts_with("/atomic:operations/2")), "{}", pair.text);
    assert_eq!(stored(app, "boss"), before);
    assert_eq!(stored(app, "peer").len(), 0);
    assert_clean(app);
});

both!(operations_are_judged_in_their_order, |app| {
    let admin = app.admin();
    let ids = company(app, &admin);
    let id_of = |pair| stored(app, "boss").into_iter().find(|(_, stored)| *stored == pair).unwrap().0;
    let (low, high) = (id_of((ids[0], ids[1])), id_of((ids[1], ids[2])));
    // A move: the limit and the cycle are gone once the old edge is.
    operate(&admin, &[add(ids[2], "boss", ids[0]), remove(high)]).refused(409, "relationship-cycle");
    operate(&admin, &[remove(high), add(ids[2], "boss", ids[0])]).expect(200);
    operate(&admin, &[add(ids[0], "boss", ids[3]), remove(low)]).refused(409, "too-many-relationships");
    operate(&admin, &[remove(low), add(ids[0], "boss", ids[3])]).expect(200);
    assert_eq!(stored(app, "boss").into_values().collect::<Vec<_>>(), [(ids[2], ids[0]), (ids[0], ids[3])]);
    // Changes of type, through a type without rules and back.
    let id = id_of((ids[2], ids[0]));
    operate(&admin, &[update(id, "mentor"), add(ids[2], "boss", ids[1]), update(id, "boss")])
        .refused(409, "too-many-relationships");
    operate(&admin, &[update(id, "peer"), update(id, "boss"), update(id, "peer")]).expect(200);
    assert_eq!((stored(app, "boss").len(), stored(app, "peer").len()), (1, 1));
    assert_clean(app);
});

both!(operations_respect_who_manages_a_type, |app| {
    let admin = app.admin();
    register(&admin, "badge", &json!({"managed-by": "admin"}));
    let (ann, bob) = (app.user(), app.user());
    let id = create(&admin, ann.id, "badge", bob.id).expect(201).id();
    let own = ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201).id();
    let mentor = add(ann.id, "colleague", bob.id);
    for refused in [add(ann.id, "badge", bob.id), remove(id), update(id, "colleague"), update(own, "badge")] {
        let answer = operate(&ann, &[mentor.clone(), refused]).refused(403, "not-admin");
        assert!(pointer(&answer).is_some_and(|pointer| pointer.starts_with("/atomic:operations/1")));
    }
    assert_eq!(stored(app, "colleague").len(), 0);
    operate(&admin, &[remove(id), update(own, "badge")]).expect(200);
    assert_eq!(stored(app, "badge").len(), 1);
});

both!(a_new_user_gets_its_place_in_the_same_operations, |app| {
    let admin = app.admin();
    let ids = company(app, &admin);
    let new = json!({"op": "add", "data": {"type": "users", "lid": "new", "attributes": {"email": "new@example.org"}}});
    let by_lid = |mut operation: Value, end: &str| {
        operation["data"]["relationships"][end]["data"] = json!({"type": "users", "lid": "new"});
        operation
    };
    let below = by_lid(add(0, "boss", ids[0]), "user");
    let above = by_lid(add(ids[2], "boss", 0), "target");
    operate(&admin, &[new.clone(), below.clone(), above.clone()]).refused(409, "relationship-cycle");
    assert_eq!(stored(app, "boss").len(), 2);
    operate(&admin, &[new, below]).expect(200);
    assert_eq!(stored(app, "boss").len(), 3);
    let leaving = json!({"op": "remove", "ref": {"type": "users", "id": ids[1].to_string()}});
    operate(&admin, &[leaving, add(ids[2], "boss", ids[0])]).expect(200);
    assert_eq!(stored(app, "boss").len(), 2);
    assert_clean(app);
});

both!(a_repeated_request_gets_the_answer_that_it_got, |app| {
    let admin = app.admin();
    let ids = company(app, &admin);
    let send = |key: &str, pair: (i64, i64)| {
        let body = edge(Some(pair.0), "boss", pair.1).to_string();
        let headers = [("content-type", "application/vnd.api+json"), ("idempotency-key", key)];
        admin.send("POST", EDGES, &headers, Some(body.as_bytes()))
    };
    send("cycle", (ids[2], ids[0])).refused(409, "relationship-cycle");
    let first = send("good", (ids[3], ids[0])).expect(201);
    let again = send("good", (ids[3], ids[0])).expect(201);
    assert_eq!((again.id(), again.header("idempotent-replayed")), (first.id(), Some("true")));
    let top = stored(app, "boss").into_iter().find(|(_, pair)| *pair == (ids[1], ids[2])).unwrap().0;
    admin.delete(&format!("{EDGES}/{top}")).expect(204);
    // A refusal is not kept: what was refused may be right now.
    send("cycle", (ids[2], ids[0])).expect(201);
    assert_eq!(stored(app, "boss").len(), 3);
    assert_clean(app);
});

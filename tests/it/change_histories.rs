//! The histories of relationships and of users.

use crate::both;
use crate::support::changes::{Log, Row, cursor, link};
use crate::support::{Answer, Client, Value, edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const USERS: &str = "/api/v2/users";

fn history(client: &Client, id: i64) -> Answer {
    client.get(&format!("{EDGES}/{id}/changes"))
}

/// The actors of the changes of some ids; null where they are hidden.
fn actors(answer: &Answer, ids: &[i64]) -> Vec<Value> {
    let rows = answer.body["data"].as_array().expect("a list").iter();
    let rows = rows.filter(|row| ids.iter().any(|id| row["id"].as_str() == Some(&id.to_string())));
    rows.map(|row| row["relationships"]["actor"]["data"]["id"].clone()).collect()
}

both!(the_history_of_a_relationship_is_for_those_who_see_it, |app| {
    let (admin, ann, bob, other, ext) = (app.admin(), app.user(), app.user(), app.user(), app.caller("ext"));
    let friend = app.caller("ext");
    admin.post(EDGES, &edge(Some(friend.id), "mentor", ann.id)).expect(201);
    let id = admin.post(EDGES, &edge(Some(ann.id), "mentor", bob.id)).expect(201).id();
    let mut log = Log::of(app);
    let first = log.append(&[
        Row::edge(1, id, (ann.id, bob.id), "mentor", Some(admin.id)),
        Row::edge(1, id + 1_000, (ann.id, other.id), "mentor", Some(admin.id)),
        Row::edge(1, id, (ann.id, bob.id), "mentor", None),
    ]);
    // Other resources with the same id.
    log.append(&[
        Row::user(1, id, "unit", admin.id),
        Row { action: 1, subject_type: 3, columns: "subject_id, changed", values: format!("{id}, 'owner'") },
    ]);
    let admin_id = json!(admin.id.to_string());
    for (client, actor) in [(&admin, &admin_id), (&ann, &admin_id), (&bob, &Value::Null), (&other, &Value::Null)] {
        let answer = history(client, id).expect(200);
        assert_eq!(actors(&answer, &[first]), std::slice::from_ref(actor), "{}", answer.text);
        assert!(!answer.ids().contains(&(first + 1)), "{}", answer.text);
        assert_eq!(answer.ids().last(), Some(&(first + 2)));
        let rows = answer.body["data"].as_array().expect("a list");
        let hides = rows.last().expect("a change")["relationships"].get("actor").is_none();
        assert_eq!(hides, actor.is_null(), "a null actor is shown to those who see actors");
        cursor(&answer);
    }
    for client in [&ext, &friend] {
        history(client, id).refused(404, "not-found");
    }
    // Deleted: for admins.
    ann.delete(&format!("{EDGES}/{id}")).expect(204);
    assert!(history(&admin, id).expect(200).ids().contains(&first));
    for client in [&ann, &bob, &other, &ext] {
        history(client, id).refused(404, "not-found");
    }
    history(&admin, 999_999).refused(404, "not-found");
    admin.get(&format!("{EDGES}/x/changes")).refused(404, "not-found");
    app.anonymous().get(&format!("{EDGES}/{id}/changes")).refused(401, "unauthenticated");
});

both!(the_history_of_a_user_is_for_the_user_and_admins, |app| {
    let (admin, ann, bob, ext) = (app.admin(), app.user(), app.user(), app.caller("ext"));
    let gone = app.user();
    let mut log = Log::of(app);
    let first = log.append(&[
        Row::edge(0, 9_001, (ann.id, bob.id), "mentor", Some(admin.id)),
        Row::edge(0, 9_002, (bob.id, ann.id), "mentor", Some(bob.id)),
        Row::user(1, ann.id, "unit", admin.id),
        Row::edge(0, 9_003, (bob.id, gone.id), "mentor", Some(bob.id)),
    ]);
    let own = [first, first + 1, first + 2];
    let of = |client: &Client, user: &str| client.get(&format!("{USERS}/{user}/changes"));
    let ids = |answer: &Answer| answer.ids().into_iter().filter(|id| *id >= first).collect::<Vec<_>>();
    let (admin_id, bob_id) = (json!(admin.id.to_string()), json!(bob.id.to_string()));
    let seen = of(&admin, &ann.id.to_string()).expect(200);
    assert_eq!((ids(&seen), actors(&seen, &own)), (own.to_vec(), vec![admin_id.clone(), bob_id, admin_id.clone()]));
    // Of the changes of relationships, the owner sees the actor.
    for user in ["me", &ann.id.to_string()] {
        let seen = of(&ann, user).expect(200);
        assert_eq!((ids(&seen), actors(&seen, &own)), (own.to_vec(), vec![admin_id.clone(), Value::Null, Value::Null]));
    }
    of(&bob, &ann.id.to_string()).refused(403, "not-owner");
    of(&ext, &ann.id.to_string()).refused(404, "not-found");
    of(&ext, "me").expect(200);
    of(&app.anonymous(), "me").refused(401, "unauthenticated");
    // A deleted user has a history for admins.
    admin.delete(&format!("{USERS}/{}", gone.id)).expect(204);
    assert!(of(&admin, &gone.id.to_string()).expect(200).ids().contains(&(first + 3)));
    of(&bob, &gone.id.to_string()).refused(404, "not-found");
    of(&admin, "999999").refused(404, "not-found");
    of(&admin, "x").refused(404, "not-found");
});

both!(histories_have_the_pages_and_filters_that_reveal_nothing, |app| {
    let (admin, ann, bob) = (app.admin(), app.user(), app.user());
    let id = ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201).id();
    let mut log = Log::of(app);
    let rows: Vec<_> = (0..7).map(|_| Row::edge(1, id, (ann.id, bob.id), "mentor", Some(ann.id))).collect();
    let first = log.append(&rows);
    let path = format!("{EDGES}/{id}/changes");
    let page = ann.get(&format!("{path}?sort=-id&page[size]=3")).expect(200);
    assert_eq!(page.ids(), [first + 6, first + 5, first + 4]);
    let next = ann.get(link(&page, "next").expect("older ones")).expect(200);
    assert_eq!(next.ids(), [first + 3, first + 2, first + 1]);
    // A cursor of a history is a position of the feed.
    let position = cursor(&ann.get(&format!("{path}?page[size]=500")).expect(200));
    assert!(admin.get(&format!("/api/v2/changes?page[after]={position}")).expect(200).ids().is_empty());
    assert!(ann.get(&format!("{path}?filter[action]=deleted")).expect(200).ids().is_empty());
    assert_eq!(ann.get(&format!("{path}?filter[from]=now")).expect(200).ids(), [0; 0]);
    for (path, parameter) in [
        (&path, "filter[actor]"),
        (&path, "filter[user]"),
        (&path, "filter[relationship]"),
        (&format!("{USERS}/me/changes"), "filter[actor]"),
        (&format!("{USERS}/me/changes"), "filter[user]"),
    ] {
        let answer = ann.get(&format!("{path}?{parameter}=1")).refused(400, "unknown-parameter");
        assert_eq!(answer.source("parameter"), Some(parameter));
    }
    let of_user =
        format!("{USERS}/{}/changes?filter[relationship]=mentor&filter[subject-type]=user-relationships", ann.id);
    assert!(ann.get(&of_user).expect(200).ids().contains(&first));
    for path in [&path, &format!("{USERS}/me/changes")] {
        ann.get(&format!("{path}?page[after]=x")).refused(400, "invalid-cursor");
        admin.post(path, &json!({})).refused(405, "method-not-allowed");
    }
});

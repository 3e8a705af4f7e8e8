//! The users with a role towards a user, and their linkage.

use std::collections::BTreeSet;

use crate::both;
use crate::conformance::Checked;
use crate::item;
use crate::support::sql::Raw;
use crate::support::{Answer, App, Client, Value, edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const TYPES: &str = "/api/v2/relationship-types";
const USERS: &str = "/api/v2/users";

/// Changes attributes of a type.
fn set(admin: &Client, name: &str, attributes: &Value) {
    let document = json!({"data": {"type": "relationship-types", "id": name, "attributes": attributes}});
    admin.patch(&format!("{TYPES}/{name}"), &document).expect(200);
}

/// Makes `subordinate` a tree with the role `supervisor`, and `colleague` symmetric with the role `colleagues`.
fn organize(admin: &Client) {
    set(admin, "subordinate", &json!({"is-acyclic": true, "max-per-user": 1, "target-role": "supervisor"}));
    set(admin, "colleague", &json!({"is-symmetric": true, "user-role": "colleagues", "target-role": "colleagues"}));
}

fn relate(admin: &Client, user: i64, name: &str, target: i64) -> i64 {
    admin.post(EDGES, &edge(Some(user), name, target)).expect(201).id()
}

/// The edge of each row.
fn edges(answer: &Answer) -> Vec<i64> {
    let edge = |row: &Value| row["meta"]["user-relationship"].as_str().expect("an edge").parse().expect("a number");
    answer.body["data"].as_array().expect("a list").iter().map(edge).collect()
}

fn users_url(id: i64, role: &str) -> String {
    format!("{USERS}/{id}/{role}")
}

fn linkage_url(id: i64, role: &str) -> String {
    format!("{USERS}/{id}/relationships/{role}")
}

/// The identifiers of users.
fn identifiers(ids: &[i64]) -> Value {
    ids.iter().map(|id| json!({"type": "users", "id": id.to_string()})).collect()
}

item!([26, 28, 40, 58], a_role_lists_users_in_the_order_of_their_edges, |app| {
    let (admin, ann) = (app.admin(), app.user());
    let mut mentees: Vec<_> = (0..5).map(|_| app.user().id).collect();
    mentees.swap(0, 3);
    let made: Vec<_> = mentees.iter().map(|id| relate(&admin, *id, "mentor", ann.id)).collect();
    relate(&admin, mentees[0], "colleague", ann.id);
    relate(&admin, ann.id, "mentor", mentees[1]);
    let all = ann.get(&users_url(ann.id, "mentees")).expect(200);
    assert_eq!((all.ids(), edges(&all), all.total()), (mentees.clone(), made, 5));
    assert_eq!(all.body["data"][0]["links"]["self"], format!("{USERS}/{}", mentees[0]));
    assert_eq!(ann.get(&format!("{USERS}/me/mentees")).expect(200).ids(), mentees);
    let linkage = ann.get(&linkage_url(ann.id, "mentees")).expect(200);
    assert_eq!((&linkage.body["data"], linkage.total()), (&identifiers(&mentees), 5));
    assert_eq!(linkage.body["links"]["related"], users_url(ann.id, "mentees"));
    assert_eq!(linkage.body["links"]["self"], linkage_url(ann.id, "mentees"));
    assert_eq!(ann.get(&format!("{USERS}/me/relationships/mentees")).expect(200).body["data"], linkage.body["data"]);
    // From the other end.
    assert_eq!(ann.get(&users_url(ann.id, "mentors")).expect(200).ids(), [mentees[1]]);
    assert_eq!(ann.get(&users_url(mentees[2], "mentors")).expect(200).ids(), [ann.id]);
    let none = ann.get(&users_url(mentees[2], "mentees")).expect(200);
    assert_eq!((none.ids(), none.total()), (vec![], 0));
    let shown = ann.get(&format!("{}?fields[users]=name", users_url(ann.id, "mentees"))).expect(200);
    assert_eq!(shown.body["data"][0]["attributes"].as_object().map(serde_json::Map::len), Some(1));
    // The role is gone with its name.
    set(&admin, "mentor", &json!({"user-role": "pupils"}));
    ann.get(&users_url(ann.id, "mentees")).refused(404, "not-found");
    assert_eq!(ann.get(&users_url(ann.id, "pupils")).expect(200).ids(), mentees);
});

/// Follows `links.next` from a page to the last one.
fn walk(client: &Checked<Client>, first: &str) -> Vec<Vec<String>> {
    let (mut pages, mut next) = (Vec::new(), Some(first.to_owned()));
    while let Some(url) = next {
        let page = client.get(&url).expect(200);
        let id = |row: &Value| row["id"].as_str().expect("an id").to_owned();
        pages.push(page.body["data"].as_array().expect("a list").iter().map(id).collect());
        assert_eq!(page.total(), 5, "{url}");
        next = page.body["links"]["next"].as_str().map(str::to_owned);
    }
    pages
}

item!([37, 60, P14], users_with_a_role_are_paged_by_offset_and_cursor, |app| {
    let (admin, ann) = (app.admin(), app.user());
    organize(&admin);
    let others: Vec<_> = (0..5).map(|_| app.user().id).collect();
    for (place, other) in others.iter().enumerate() {
        relate(&admin, *other, "subordinate", ann.id);
        // Edges of the symmetric type in both directions.
        let (user, target) = if place % 2 == 0 { (*other, ann.id) } else { (ann.id, *other) };
        relate(&admin, user, "colleague", target);
    }
    let others: Vec<_> = others.iter().map(ToString::to_string).collect();
    for role in ["subordinates", "colleagues"] {
        for url in [users_url(ann.id, role), linkage_url(ann.id, role)] {
            for paging in ["limit=2", "page[size]=2", "page[number]=1&page[size]=2", "offset=0&page[limit]=2"] {
                let pages = walk(&ann, &format!("{url}?{paging}"));
                let sizes: Vec<_> = pages.iter().map(Vec::len).collect();
                assert_eq!((pages.concat(), sizes), (others.clone(), vec![2, 2, 1]), "{url}?{paging}");
            }
            let last = ann.get(&format!("{url}?page[size]=2")).expect(200);
            let next = ann.get(last.body["links"]["next"].as_str().expect("a page")).expect(200);
            let back = ann.get(next.body["links"]["prev"].as_str().expect("a page")).expect(200);
            assert_eq!(back.body["data"], last.body["data"], "{url}");
            assert_eq!(ann.get(&format!("{url}?limit=0")).expect(200).total(), 5);
            let far = ann.get(&format!("{url}?offset=5")).expect(200);
            assert_eq!((far.body["data"].as_array().map(Vec::len), far.total()), (Some(0), 5));
            let cursor = next.body["links"]["next"].as_str().expect("a page").split("page%5Bafter%5D=").nth(1);
            let cursor = cursor.expect("a cursor");
            let stolen = format!("{}?page[after]={cursor}", users_url(others[0].parse().expect("a number"), role));
            ann.get(&stolen).refused(400, "invalid-cursor");
        }
    }
    let by_cursor = ann.get(&format!("{}?page[size]=2", users_url(ann.id, "subordinates"))).expect(200);
    assert!(by_cursor.body["data"][0]["meta"]["page"]["cursor"].is_string());
    assert!(by_cursor.body["data"][0]["meta"]["user-relationship"].is_string());
    let linkage = ann.get(&format!("{}?page[size]=2", linkage_url(ann.id, "subordinates"))).expect(200);
    assert_eq!(linkage.body["data"][0], json!({"type": "users", "id": others[0]}));
});

item!([39, 60, H1, H2, H3], a_role_of_one_user_is_that_user_or_null, |app| {
    let (admin, ann, bob) = (app.admin(), app.user(), app.user());
    organize(&admin);
    let (users, linkage) = (users_url(bob.id, "supervisor"), linkage_url(bob.id, "supervisor"));
    for url in [&users, &linkage] {
        let none = bob.get(url).expect(200);
        assert!(none.body["data"].is_null(), "{}", none.text);
        assert!(none.body.as_object().expect("a document").contains_key("data"));
        let tag = none.header("etag").expect("a tag").to_owned();
        bob.get_with(url, &[("if-none-match", &tag)]).expect(304);
    }
    let before = bob.get(&linkage).expect(200).header("etag").expect("a tag").to_owned();
    let made = relate(&admin, bob.id, "subordinate", ann.id);
    bob.get_with(&linkage, &[("if-none-match", &before)]).expect(200);
    bob.get_with(&linkage, &[("if-match", &before)]).refused(412, "precondition-failed");
    let one = bob.get(&users).expect(200);
    assert_eq!((one.id(), &one.body["data"]["meta"]["user-relationship"]), (ann.id, &json!(made.to_string())));
    let linked = bob.get(&linkage).expect(200);
    assert_eq!(linked.body["data"], json!({"type": "users", "id": ann.id.to_string()}));
    assert_eq!(linked.body["links"], json!({"self": linkage, "related": users}));
    for url in [&users, &linkage] {
        let shown = bob.get(url).expect(200);
        let tag = shown.header("etag").expect("a tag").to_owned();
        bob.get_with(url, &[("if-none-match", &tag)]).expect(304);
        assert_eq!(bob.send("HEAD", url, &[], None).expect(200).header("etag"), Some(&*tag));
        for paging in ["limit=1", "offset=0", "page[size]=2", "page[number]=1&page[size]=1", "page[limit]=0"] {
            let refused = bob.get(&format!("{url}?{paging}")).refused(400, "invalid-parameter");
            assert!(refused.source("parameter").is_some_and(|name| paging.contains(name)), "{}", refused.text);
        }
    }
    // The tag is valid for a change of the user.
    let tag = one.header("etag").expect("a tag").to_owned();
    let renamed = json!({"data": {"type": "users", "id": ann.id.to_string(), "attributes": {"first-name": "Ann"}}});
    ann.put_in("PATCH", &format!("{USERS}/me"), &[("if-match", &tag)], &renamed).expect(200);
    assert_eq!(bob.get(&users_url(ann.id, "subordinates")).expect(200).ids(), [bob.id]);
    // Without the limit the role is a list.
    set(&admin, "subordinate", &json!({"max-per-user": 2}));
    assert_eq!(bob.get(&users).expect(200).ids(), [ann.id]);
    assert_eq!(bob.get(&format!("{linkage}?limit=1")).expect(200).total(), 1);
});

item!([58, 59], unknown_roles_and_users_are_404, |app| {
    let ann = app.user();
    for role in ["friends", "mentor", "subordinate", "Mentors", "user-relationships", "relationships", "x%00", "-"] {
        for url in [users_url(ann.id, role), linkage_url(ann.id, role)] {
            ann.get(&url).refused(404, "not-found");
        }
    }
    let unknown = ann.get(&users_url(ann.id, "friends"));
    assert!(unknown.text.contains("`friends`"), "{}", unknown.text);
    for id in ["999999", "x", "0", "01", "-1", "ME"] {
        ann.get(&format!("{USERS}/{id}/mentors")).refused(404, "not-found");
        ann.get(&format!("{USERS}/{id}/relationships/mentors")).refused(404, "not-found");
    }
    for url in [users_url(ann.id, "mentors"), linkage_url(ann.id, "mentors")] {
        ann.get(&format!("{url}?sort=id")).refused(400, "unsupported-sort");
        ann.get(&format!("{url}?limit=51")).refused(400, "invalid-parameter");
        ann.get(&format!("{url}?page[after]=x")).refused(400, "invalid-cursor");
        ann.get(&format!("{url}?include=friends")).refused(400, "unsupported-include");
        ann.get(&format!("{url}?filter[query]=x")).refused(400, "unknown-parameter");
    }
    ann.send("PUT", &users_url(ann.id, "mentors"), &[], None).refused(405, "method-not-allowed");
});

item!([59], roles_show_disabled_users, |app| {
    let (admin, ann, bob) = (app.admin(), app.user(), app.user());
    organize(&admin);
    relate(&admin, bob.id, "subordinate", ann.id);
    relate(&admin, ann.id, "mentor", bob.id);
    let disabled = json!({"data": {"attributes": {"is-enabled": false}}});
    admin.patch(&format!("{USERS}/{}", ann.id), &disabled).expect(200);
    let shown = bob.get(&users_url(bob.id, "supervisor")).expect(200);
    assert_eq!((shown.id(), &shown.body["data"]["attributes"]["is-enabled"]), (ann.id, &json!(false)));
    assert_eq!(bob.get(&users_url(bob.id, "mentees")).expect(200).ids(), [ann.id]);
    assert_eq!(bob.get(&users_url(ann.id, "mentors")).expect(200).ids(), [bob.id]);
});

item!([59], an_ext_caller_sees_only_members_at_its_own_edges, |app| {
    let (admin, ext) = (app.admin(), app.caller("ext"));
    let [boss, peer, stranger, other] = [app.user().id, app.user().id, app.user().id, app.user().id];
    organize(&admin);
    for (user, name, target) in [
        (ext.id, "subordinate", boss),
        (peer, "subordinate", boss),
        (boss, "subordinate", stranger),
        (boss, "mentor", other),
        (stranger, "colleague", boss),
        (boss, "colleague", other),
        (boss, "colleague", ext.id),
    ] {
        relate(&admin, user, name, target);
    }
    for (id, role, expected) in [
        (boss, "subordinates", vec![ext.id]),
        (boss, "colleagues", vec![ext.id]),
        (boss, "mentors", vec![]),
        (ext.id, "colleagues", vec![boss]),
        (ext.id, "subordinates", vec![]),
    ] {
        for url in [users_url(id, role), linkage_url(id, role)] {
            let seen = ext.get(&url).expect(200);
            assert_eq!((seen.ids(), seen.total()), (expected.clone(), i64::try_from(expected.len()).unwrap()), "{url}");
            let cut = ext.get(&format!("{url}?page[size]=1")).expect(200);
            assert_eq!(cut.total(), seen.total());
        }
    }
    assert_eq!(ext.get(&format!("{USERS}/me/supervisor")).expect(200).id(), boss);
    for url in [users_url(boss, "supervisor"), linkage_url(boss, "supervisor")] {
        assert!(ext.get(&url).expect(200).body["data"].is_null(), "{url}");
    }
    for hidden in [peer, stranger, other, 999_999] {
        for role in ["subordinates", "supervisor", "colleagues"] {
            let refused = ext.get(&users_url(hidden, role)).refused(404, "not-found");
            let detail = refused.body["errors"][0]["detail"].as_str().expect("words");
            assert_eq!(detail, "there is no such user");
            ext.get(&linkage_url(hidden, role)).refused(404, "not-found");
        }
    }
});

/// The number of edges of each role is the stored count, and the rows agree with it.
fn check_counts(app: &App, admin: &Client, ids: &[i64]) {
    for id in ids {
        for role in ["subordinates", "supervisors", "mentees", "mentors"] {
            let listed = admin.get(&format!("{}?limit=50", users_url(*id, role))).expect(200);
            let distinct: BTreeSet<_> = listed.ids().into_iter().collect();
            assert_eq!(i64::try_from(distinct.len()).unwrap(), listed.total(), "{id} {role}");
        }
    }
    app.assert_no_drift();
}

both!(counts_of_roles_follow_creates_changes_and_deletes, |app| {
    let admin = app.admin();
    let ids: Vec<_> = (0..6).map(|_| app.user().id).collect();
    let mut made = Vec::new();
    for (place, user) in ids.iter().enumerate() {
        for target in ids.iter().skip(place + 1) {
            made.push(relate(&admin, *user, "mentor", *target));
        }
    }
    for id in made.iter().step_by(3) {
        let retyped = json!({"data": {"type": "user-relationships", "id": id.to_string(),
                                      "attributes": {"relationship": "subordinate"}}});
        admin.patch(&format!("{EDGES}/{id}"), &retyped).expect(200);
    }
    for id in made.iter().step_by(4) {
        admin.delete(&format!("{EDGES}/{id}")).expect(204);
    }
    admin.delete(&format!("{USERS}/{}", ids[5])).expect(204);
    check_counts(app, &admin, &ids[..5]);
});

both!(a_cut_page_of_a_role_goes_on_after_its_last_row, |app| {
    let (admin, ann) = (app.admin(), app.user());
    let others: Vec<_> = (0..12).map(|_| app.user().id).collect();
    for other in &others {
        relate(&admin, *other, "mentor", ann.id);
    }
    // An earlier release stored larger profiles.
    let profile = format!(r#"{{"description": "{}"}}"#, "x".repeat(1_000_000));
    let list = others.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    Raw::connect(&app.config.database_url).run(&format!("UPDATE users SET profile = '{profile}' WHERE id IN ({list})"));
    let url = users_url(ann.id, "mentees");
    ann.get(&url).refused(413, "answer-too-large");
    let (mut seen, mut next) = (Vec::new(), Some(format!("{url}?page[size]=12")));
    while let Some(page) = next {
        let page = ann.get(&page).expect(200);
        seen.extend(page.ids());
        next = page.body["links"]["next"].as_str().map(str::to_owned);
    }
    assert_eq!(seen, others);
});

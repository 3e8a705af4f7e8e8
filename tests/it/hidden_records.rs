//! Records of others: every id of one user used by another, and all ways in which an ext caller could learn of records
//! that are hidden from it.

use std::collections::BTreeSet;

use user_relationships::http::routes::TABLE;

use crate::both;
use crate::support::groups::{new_group, new_member};
use crate::support::{Answer, App, Client, Value, edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const USERS: &str = "/api/v2/users";
const OPERATIONS: &str = "/api/v2/operations";
const ATOMIC: (&str, &str) = ("content-type", "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\"");

/// Everything that is stored, as an admin sees it.
fn everything(admin: &Client) -> Vec<Value> {
    let lists = [format!("{EDGES}?limit=50"), format!("{USERS}?filter[is-enabled]=true,false&limit=50")];
    lists.iter().map(|list| admin.get(list).expect(200).body["data"].clone()).collect()
}

/// Bodies that would have an effect if the right caller sent them.
fn bodies(method: &str, pattern: &str, id: i64, me: i64) -> Vec<Value> {
    let named =
        |kind: &str, attributes: Value| json!({"data": {"type": kind, "id": id.to_string(), "attributes": attributes}});
    match (method, pattern) {
        ("GET" | "DELETE", "/api/v2/user-relationships/{id}" | "/api/v2/users/{id}") => vec![Value::Null],
        (_, "/api/v2/user-relationships/{id}") => vec![
            named("user-relationships", json!({"relationship": "colleague"})),
            json!({"data": {"type": "user-relationships", "id": id.to_string(), "relationships": {
                "user": {"data": {"type": "users", "id": me.to_string()}}}}}),
        ],
        (_, "/api/v2/users/{id}") => {
            vec![named("users", json!({"first-name": "Eve"})), named("users", json!({"access-level": "user"}))]
        }
        (_, "/api/v2/relationship-types/{id}") => vec![named("relationship-types", json!({"description": "x"}))],
        _ => vec![json!({"data": {"type": "users", "id": me.to_string()}}), json!({"data": null})],
    }
}

both!(ids_of_one_user_give_no_access_to_another, |app| {
    let (admin, ann, friend) = (app.admin(), app.user(), app.user());
    let edges: Vec<_> = [(&ann, &friend, "mentor"), (&ann, &admin, "colleague"), (&friend, &ann, "mentor")]
        .map(|(user, target, name)| user.post(EDGES, &edge(None, name, target.id)).expect(201).id())
        .to_vec();
    let (other, ext) = (app.user(), app.caller("ext"));
    // Several groups, so that no other record has the id of the last one.
    let groups: Vec<_> = (0..20).map(|_| new_group(app, ann.id, "{}")).collect();
    let group = groups[groups.len() - 1];
    let member = new_member(app, group, friend.id, "{}");
    let others = [ann.id, friend.id, admin.id, group, member, 999_999];
    let ids: BTreeSet<_> = edges.iter().copied().chain(others).collect();
    let before = everything(&admin);
    let mut tried = 0;
    for (pattern, methods) in TABLE.iter().filter(|(pattern, _)| pattern.contains("{id}")) {
        for method in *methods {
            for id in &ids {
                let path = pattern.replace("{id}", &id.to_string()).replace("{role}", "mentors");
                for end in if path.contains("{end}") { vec!["user", "target"] } else { vec![""] } {
                    let path = path.replace("{end}", end);
                    for body in bodies(method, pattern, *id, other.id) {
                        for client in [&other, &ext] {
                            let text = body.to_string();
                            let (headers, body) = match &body {
                                Value::Null => (vec![], None),
                                _ => (vec![("content-type", "application/vnd.api+json")], Some(text.as_bytes())),
                            };
                            let answer = client.send(method, &path, &headers, body);
                            let may_see = *method == "GET" && client.id == other.id && !is_for_admins(&path);
                            assert!(
                                may_see || [403, 404, 405].contains(&answer.status),
                                "{method} {path}: {}",
                                answer.text
                            );
                            // Only admins may ask for these, whether they exist or not.
                            let is_hidden = answer.status == 404 || is_for_admins(&path);
                            assert!(may_see || client.id == other.id || *method != "GET" || is_hidden, "{path}");
                            tried += 1;
                        }
                    }
                }
            }
        }
    }
    println!("{tried} requests");
    assert_eq!(everything(&admin), before);
    app.assert_no_drift();
});

/// Whether only admins may ask for a path, whether its resource exists or not.
fn is_for_admins(path: &str) -> bool {
    path.starts_with("/api/v2/transfers/") || path.starts_with("/api/v2/imports/")
}

/// An ext caller, a friend and a boss at the other ends of its edges, and a stranger who is only on edges of others.
struct Fixture {
    ext: Client,
    friend: Client,
    stranger: Client,
    seen: BTreeSet<i64>,
    own: Vec<i64>,
    hidden: Vec<i64>,
}

impl Fixture {
    fn new(app: &App) -> Self {
        let ext = app.caller("ext");
        let [friend, boss, stranger] = [("friend", "Fay"), ("boss", "Bo"), ("stranger", "Zoe")].map(|(name, first)| {
            let client = app.named(&format!("{name}@example.com"), "user");
            let document = json!({"data": {"attributes": {"first-name": first}}});
            client.patch("/api/v2/users/me", &document).expect(200);
            client
        });
        let admin = app.admin();
        let make = |user: &Client, name: &str, target: &Client| {
            admin.post(EDGES, &edge(Some(user.id), name, target.id)).expect(201).id()
        };
        let own = vec![make(&ext, "mentor", &friend), make(&boss, "subordinate", &ext)];
        let hidden = vec![
            make(&stranger, "mentor", &friend),
            make(&boss, "mentor", &stranger),
            make(&friend, "colleague", &boss),
        ];
        let seen = BTreeSet::from([ext.id, friend.id, boss.id]);
        Self { ext, friend, stranger, seen, own, hidden }
    }
}

fn included(answer: &Answer) -> BTreeSet<i64> {
    let all = answer.body["included"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().map(|user| user["id"].as_str().unwrap().parse().unwrap()).collect()
}

both!(ext_callers_find_no_hidden_user_in_any_list, |app| {
    let Fixture { ext, friend, stranger, seen, own, .. } = Fixture::new(app);
    for query in [
        "",
        "include=user,target",
        "include=target&sort=-id",
        "sort=-created-at",
        "page[size]=1",
        "filter[relationship]=mentor,subordinate,colleague",
    ] {
        let mut ids = BTreeSet::new();
        let mut next = Some(format!("{EDGES}?{query}"));
        while let Some(path) = next.take() {
            let page = ext.get(&path).expect(200);
            assert_eq!(page.total(), 2, "{query}");
            assert!(included(&page).is_subset(&seen), "{query}: {}", page.text);
            assert!(page.body["meta"]["page"].get("total").is_none_or(|total| total == 2), "{query}");
            ids.extend(page.ids());
            next = page.body["links"]["next"].as_str().map(str::to_owned);
        }
        assert_eq!(ids, own.iter().copied().collect(), "{query}");
    }
    for (query, total) in [
        (format!("filter[user]={}", stranger.id), 0),
        (format!("filter[target]={}", stranger.id), 0),
        (format!("filter[target]={}", friend.id), 1),
        (format!("filter[user]={}&filter[relationship]=colleague", friend.id), 0),
        (format!("filter[user]={}&limit=0", stranger.id), 0),
    ] {
        assert_eq!(ext.get(&format!("{EDGES}?{query}")).expect(200).total(), total, "{query}");
    }
    for (query, ids) in [
        ("", seen.clone()),
        ("sort=-name&page[size]=50", seen.clone()),
        ("filter[email]=stranger@example.com", BTreeSet::new()),
        ("filter[email]=friend@example.com", BTreeSet::from([friend.id])),
        ("query=zoe", BTreeSet::new()),
        ("query=example.com", seen.clone()),
        ("filter[is-enabled]=true,false&filter[access-level]=user,admin,ext,excluded", seen.clone()),
        (&*format!("filter[id]={},{}", stranger.id, friend.id), BTreeSet::from([friend.id])),
    ] {
        let page = ext.get(&format!("{USERS}?{query}")).expect(200);
        assert_eq!(page.total(), i64::try_from(ids.len()).unwrap(), "{query}");
        assert_eq!(page.ids().into_iter().collect::<BTreeSet<_>>(), ids, "{query}");
    }
    for id in &own {
        let answer = ext.get(&format!("{EDGES}/{id}?include=user,target")).expect(200);
        assert!(included(&answer).is_subset(&seen), "{}", answer.text);
    }
});

both!(ext_callers_cannot_reach_hidden_records_by_any_route, |app| {
    let Fixture { ext, stranger, hidden, .. } = Fixture::new(app);
    let without_id = |answer: &Answer| {
        let mut body = answer.body.clone();
        body["errors"][0]["id"].take();
        (answer.status, body)
    };
    let same = |unseen: &Answer, missing: &Answer, what: &str| {
        assert_eq!(without_id(unseen), without_id(missing), "{what}");
        assert_eq!(unseen.status, 404, "{what}: {}", unseen.text);
    };
    for id in &hidden {
        for rest in ["", "?include=user,target", "/user", "/target", "/relationships/user", "/relationships/target"] {
            let ask = |id: i64| ext.get(&format!("{EDGES}/{id}{rest}"));
            same(&ask(*id), &ask(999_999), rest);
            let head = ext.send("HEAD", &format!("{EDGES}/{id}{rest}"), &[], None);
            assert_eq!((head.status, head.header("etag")), (404, None), "{rest}");
        }
        same(&ext.delete(&format!("{EDGES}/{id}")), &ext.delete(&format!("{EDGES}/999999")), "delete");
        let matched = ext.send("DELETE", &format!("{EDGES}/{id}"), &[("if-match", "\"x\"")], None);
        assert_eq!(matched.status, 404, "no precondition reveals that it exists");
        let operation = |operation: Value| {
            let document = json!({"atomic:operations": [operation]}).to_string();
            ext.send("POST", OPERATIONS, &[ATOMIC], Some(document.as_bytes()))
        };
        let remove =
            |id: i64| operation(json!({"op": "remove", "ref": {"type": "user-relationships", "id": id.to_string()}}));
        same(&remove(*id), &remove(999_999), "remove");
        let update = |id: i64| {
            operation(json!({"op": "update", "data": {"type": "user-relationships", "id": id.to_string(),
                "attributes": {"relationship": "colleague"}}}))
        };
        same(&update(*id), &update(999_999), "update");
    }
    let ask = |id: i64| ext.get(&format!("{USERS}/{id}"));
    same(&ask(stranger.id), &ask(999_999), "a user");
    let head = ext.send("HEAD", &format!("{USERS}/{}", stranger.id), &[], None);
    assert_eq!((head.status, head.header("etag")), (404, None));
    let change = |id: i64| ext.patch(&format!("{USERS}/{id}"), &json!({"data": {"attributes": {"first-name": "Eve"}}}));
    same(&change(stranger.id), &change(999_999), "an update of a user");
    let before = everything(&app.admin());
    for id in &hidden {
        ext.delete(&format!("{EDGES}/{id}"));
    }
    let after = everything(&app.admin());
    assert_eq!(before[0], after[0]);
});

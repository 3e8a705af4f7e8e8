//! Roles included with users, and records with roles that clients send back.

use crate::item;
use crate::support::{Answer, Client, Value, edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const TYPES: &str = "/api/v2/relationship-types";
const USERS: &str = "/api/v2/users";

/// Makes `subordinate` a tree with the role `supervisor`, and `colleague` symmetric with the role `colleagues`.
fn organize(admin: &Client) {
    for (name, attributes) in [
        ("subordinate", json!({"is-acyclic": true, "max-per-user": 1, "target-role": "supervisor"})),
        ("colleague", json!({"is-symmetric": true, "user-role": "colleagues", "target-role": "colleagues"})),
    ] {
        let document = json!({"data": {"type": "relationship-types", "id": name, "attributes": attributes}});
        admin.patch(&format!("{TYPES}/{name}"), &document).expect(200);
    }
}

fn relate(admin: &Client, user: i64, name: &str, target: i64) {
    admin.post(EDGES, &edge(Some(user), name, target)).expect(201);
}

fn user(id: i64) -> Value {
    json!({"type": "users", "id": id.to_string()})
}

/// The ids of the included users.
fn included(answer: &Answer) -> Vec<i64> {
    let rows = answer.body["included"].as_array().expect("included resources");
    rows.iter().map(|row| row["id"].as_str().expect("an id").parse().expect("a number")).collect()
}

fn role<'a>(resource: &'a Value, name: &str) -> &'a Value {
    &resource["relationships"][name]
}

item!([36, 39, 42, 43, 44], roles_are_included_with_a_user, |app| {
    let (admin, ann, boss, bob) = (app.admin(), app.user(), app.user(), app.user());
    organize(&admin);
    relate(&admin, ann.id, "subordinate", boss.id);
    relate(&admin, bob.id, "subordinate", ann.id);
    relate(&admin, bob.id, "colleague", ann.id);
    let plain = ann.get(&format!("{USERS}/{}", ann.id)).expect(200);
    for url in [format!("{USERS}/{}", ann.id), format!("{USERS}/me")] {
        let shown = ann.get(&format!("{url}?include=supervisor,subordinates,colleagues,mentors")).expect(200);
        let data = &shown.body["data"];
        assert_eq!(
            role(data, "supervisor"),
            &json!({
                "links": {"self": format!("{USERS}/{}/relationships/supervisor", ann.id), "related": format!("{USERS}/{}/supervisor", ann.id)},
                "data": user(boss.id),
                "meta": {"total-count": 1},
            })
        );
        for name in ["subordinates", "colleagues"] {
            assert_eq!(
                (&role(data, name)["data"], &role(data, name)["meta"]["total-count"]),
                (&json!([user(bob.id)]), &json!(1))
            );
        }
        assert_eq!(role(data, "mentors")["data"], json!([]));
        assert_eq!(included(&shown), [boss.id, bob.id]);
        assert_ne!(shown.header("etag"), plain.header("etag"));
        assert!(role(data, "targeted-by")["links"]["related"].is_string());
    }
    let none = boss.get(&format!("{USERS}/me?include=supervisor")).expect(200);
    assert!(role(&none.body["data"], "supervisor")["data"].is_null() && included(&none).is_empty());
    assert!(role(&plain.body["data"], "supervisor").is_null());
    // Beside other users with a role, and with the only one.
    let listed = ann.get(&format!("{USERS}/{}/subordinates?include=supervisor,colleagues", ann.id)).expect(200);
    assert_eq!((listed.ids(), included(&listed)), (vec![bob.id], vec![ann.id]));
    assert!(listed.body["data"][0]["meta"]["user-relationship"].is_string());
    let only = bob.get(&format!("{USERS}/me/supervisor?include=subordinates")).expect(200);
    assert_eq!((only.id(), included(&only)), (ann.id, vec![bob.id]));
    // The tag changes with the roles.
    let url = format!("{USERS}/{}?include=colleagues", boss.id);
    let before = ann.get(&url).expect(200);
    relate(&admin, boss.id, "colleague", bob.id);
    assert_ne!(ann.get(&url).expect(200).header("etag"), before.header("etag"));
});

item!([43, 44], roles_are_included_with_lists_of_users, |app| {
    let (admin, boss) = (app.admin(), app.user());
    organize(&admin);
    let team: Vec<_> = (0..4).map(|_| app.user().id).collect();
    for id in &team {
        relate(&admin, *id, "subordinate", boss.id);
        relate(&admin, boss.id, "mentor", *id);
    }
    let list = team.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let listed = boss.get(&format!("{USERS}?filter[id]={list},{}&sort=id&include=supervisor", boss.id)).expect(200);
    assert_eq!(included(&listed), [] as [i64; 0], "primary data is not repeated");
    for row in listed.body["data"].as_array().expect("a list").iter().skip(1) {
        assert_eq!(role(row, "supervisor")["data"], user(boss.id));
    }
    // Only the rows of the page count.
    let (mut seen, mut next) =
        (Vec::new(), Some(format!("{USERS}?filter[id]={list}&sort=id&include=mentees&page[size]=2")));
    while let Some(url) = next {
        let page = boss.get(&url).expect(200);
        assert_eq!(included(&page), [boss.id], "{url}");
        seen.extend(page.ids());
        next = page.body["links"]["next"].as_str().map(str::to_owned);
    }
    assert_eq!(seen, team);
    // At most fifty of each role.
    let more: Vec<_> = (0..52).map(|_| app.user().id).collect();
    let document = json!({"data": more.iter().map(|id| user(*id)).collect::<Vec<_>>()});
    admin.post(&format!("{USERS}/{}/relationships/colleagues", boss.id), &document).expect(200);
    let cut = boss.get(&format!("{USERS}/me?include=colleagues&fields[users]=colleagues")).expect(200);
    let colleagues = role(&cut.body["data"], "colleagues");
    assert_eq!(
        (colleagues["data"].as_array().map(Vec::len), &colleagues["meta"]["total-count"]),
        (Some(50), &json!(52))
    );
    assert_eq!(included(&cut), more[..50]);
});

item!([43], fields_of_users_select_roles, |app| {
    let (admin, ann, boss) = (app.admin(), app.user(), app.user());
    organize(&admin);
    relate(&admin, ann.id, "subordinate", boss.id);
    let get = |query: &str| ann.get(&format!("{USERS}/me?{query}"));
    let members = |answer: &Answer| {
        let links = answer.body["data"]["relationships"].as_object();
        links.map(|links| links.keys().cloned().collect::<Vec<_>>()).unwrap_or_default()
    };
    assert_eq!(members(&get("include=supervisor&fields[users]=name,supervisor").expect(200)), ["supervisor"]);
    assert_eq!(members(&get("include=supervisor&fields[users]=name").expect(200)), [] as [&str; 0]);
    assert_eq!(members(&get("include=supervisor&fields[users]=").expect(200)), [] as [&str; 0]);
    assert_eq!(members(&get("fields[users]=supervisor").expect(200)), [] as [&str; 0]);
    for (query, code, parameter) in [
        ("include=friends", "unsupported-include", "include"),
        ("include=supervisor,friends", "unsupported-include", "include"),
        ("include=Supervisor", "unsupported-include", "include"),
        ("include=supervisor.supervisor", "unsupported-include", "include"),
        ("include=targeted-by", "unsupported-include", "include"),
        ("include=a,b,c,d,e,f,g,h,i,j,k", "unsupported-include", "include"),
        ("fields[users]=friends", "unknown-field", "fields[users]"),
        ("fields[users]=Name", "unknown-field", "fields[users]"),
        ("fields[users]=a,b,c,d,e,f,g,h,i,j,k", "unknown-field", "fields[users]"),
    ] {
        let refused = get(query).refused(400, code);
        assert_eq!(refused.source("parameter"), Some(parameter), "{query}");
        ann.get(&format!("{USERS}?{query}")).refused(400, code);
        ann.get(&format!("{USERS}/me/mentors?{query}")).refused(400, code);
    }
    assert_eq!(included(&get("include=").expect(200)), [] as [i64; 0]);
});

item!([43], fields_of_users_may_name_roles_at_every_url, |app| {
    let (admin, ann, boss) = (app.admin(), app.user(), app.user());
    organize(&admin);
    relate(&admin, ann.id, "subordinate", boss.id);
    let edge_url = format!("{EDGES}/{}", ann.get(&format!("{EDGES}?user=me")).expect(200).ids()[0]);
    let urls = [
        format!("{EDGES}?include=user,target&"),
        format!("{EDGES}?include=user,target&page[size]=2&"),
        format!("{edge_url}?include=target&"),
        format!("{edge_url}/target?"),
        format!("{USERS}?"),
        format!("{USERS}/me?"),
        format!("{USERS}/me/supervisor?"),
        format!("{USERS}/me/supervisor?max-depth=all&"),
        "/api/v2/groups?include=owner&".to_owned(),
        "/api/v2/group-members?include=user&".to_owned(),
        format!("{TYPES}?"),
        format!("{TYPES}/mentor?"),
    ];
    for url in &urls {
        ann.get(&format!("{url}fields[users]=name,supervisor,mentees")).expect(200);
        let refused = ann.get(&format!("{url}fields[users]=name,friends")).refused(400, "unknown-field");
        assert_eq!(refused.source("parameter"), Some("fields[users]"), "{url}");
    }
    let seen = ann.get(&format!("{edge_url}?include=target&fields[users]=name,supervisor")).expect(200);
    assert!(seen.body["included"][0]["relationships"].is_null() && seen.body["included"][0]["attributes"].is_object());
    let record = json!({"data": {"type": "users", "id": ann.id.to_string()}});
    let changed = ann.patch(&format!("{USERS}/me?fields[users]=supervisor"), &record).expect(200);
    assert!(changed.body["data"]["attributes"].is_null());
    ann.patch(&format!("{USERS}/me?fields[users]=friends"), &record).refused(400, "unknown-field");
});

item!([43, 59], an_ext_caller_includes_only_its_own_edges, |app| {
    let (admin, ext, boss, peer) = (app.admin(), app.caller("ext"), app.user(), app.user());
    organize(&admin);
    relate(&admin, ext.id, "subordinate", boss.id);
    relate(&admin, peer.id, "subordinate", boss.id);
    relate(&admin, boss.id, "subordinate", app.user().id);
    for url in [format!("{USERS}/{}?", boss.id), format!("{USERS}?filter[id]={}&", boss.id)] {
        let seen = ext.get(&format!("{url}include=subordinates,supervisor")).expect(200);
        let data = if seen.body["data"].is_array() { &seen.body["data"][0] } else { &seen.body["data"] };
        assert_eq!(role(data, "subordinates")["data"], json!([user(ext.id)]));
        assert_eq!(role(data, "subordinates")["meta"]["total-count"], 1);
        assert!(role(data, "supervisor")["data"].is_null());
        assert_eq!(included(&seen), [ext.id]);
    }
});

item!([91, 101], a_record_with_stored_roles_can_be_sent_back, |app| {
    let (admin, ann, boss, bob) = (app.admin(), app.user(), app.user(), app.user());
    organize(&admin);
    relate(&admin, ann.id, "subordinate", boss.id);
    relate(&admin, bob.id, "mentor", ann.id);
    let url = format!("{USERS}/{}", ann.id);
    let mut record = ann.get(&format!("{url}?include=supervisor,mentees,mentors")).expect(200).body;
    record.as_object_mut().expect("a document").remove("included");
    record["data"]["attributes"]["first-name"] = json!("Ann");
    assert_eq!(ann.patch(&url, &record).expect(200).body["data"]["attributes"]["first-name"], "Ann");
    for (name, data) in [
        ("supervisor", user(bob.id)),
        ("supervisor", json!(null)),
        ("supervisor", json!([user(boss.id)])),
        ("mentees", json!([])),
        ("mentees", json!([user(bob.id), user(boss.id)])),
        ("mentors", json!([user(bob.id)])),
        ("mentors", json!(5)),
    ] {
        let mut changed = record.clone();
        changed["data"]["relationships"][name]["data"] = data;
        changed["data"]["attributes"]["first-name"] = json!("Other");
        let refused = ann.patch(&url, &changed).refused(403, "unsupported-update");
        assert_eq!(refused.source("pointer"), Some(&*format!("/data/relationships/{name}")));
        assert!(refused.text.contains(&format!("`{url}/relationships/{name}`")), "{}", refused.text);
    }
    let mut unknown = record.clone();
    unknown["data"]["relationships"]["friends"] = json!({"data": []});
    ann.patch(&url, &unknown).refused(422, "unknown-relationship");
    let links = json!({"data": {"type": "users", "relationships": {"supervisor": {"links": {}}}}});
    ann.patch(&url, &links).expect(200);
    assert_eq!(ann.get(&url).expect(200).body["data"]["attributes"]["first-name"], "Ann");
});

item!([91, 101], all_roles_of_a_record_are_compared, |app| {
    let (admin, ann, bob) = (app.admin(), app.user(), app.user());
    let names: Vec<_> = (0..10).map(|number| format!("peers-{number}")).collect();
    for name in &names {
        let attributes = json!({"is-symmetric": true, "user-role": name, "target-role": name});
        let document = json!({"data": {"type": "relationship-types", "id": name, "attributes": attributes}});
        admin.post(TYPES, &document).expect(201);
        relate(&admin, ann.id, name, bob.id);
    }
    let url = format!("{USERS}/{}", ann.id);
    let record = ann.get(&format!("{url}?include={}", names.join(","))).expect(200).body;
    let mut record = json!({"data": record["data"]});
    ann.patch(&url, &record).expect(200);
    for name in &names {
        let mut changed = record.clone();
        changed["data"]["relationships"][name]["data"] = json!([]);
        let refused = ann.patch(&url, &changed).refused(403, "unsupported-update");
        assert_eq!(refused.source("pointer"), Some(&*format!("/data/relationships/{name}")));
    }
    // More than `include` can have returned.
    record["data"]["relationships"]["mentors"] = json!({"data": []});
    let refused = ann.patch(&url, &record).refused(422, "unknown-relationship");
    assert_eq!(refused.source("pointer"), Some("/data/relationships"));
    assert!(refused.text.contains("at most 10 roles"), "{}", refused.text);
});

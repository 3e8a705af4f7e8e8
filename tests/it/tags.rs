//! What entity tags identify, and what `If-Match` accepts.

use std::collections::BTreeMap;
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use crate::both;
use crate::support::citus::skips_on_spread_rows;
use crate::support::groups::{GROUPS, MEMBERS, new_group, new_member};
use crate::support::process::until;
use crate::support::sql::Raw;
use crate::support::{Answer, App, Client, Value, edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const USERS: &str = "/api/v2/users";
const TYPES: &str = "/api/v2/relationship-types";

fn tag(answer: &Answer) -> String {
    answer.header("etag").unwrap_or_else(|| panic!("no tag: {}", answer.text)).to_owned()
}

fn tag_of(client: &Client, url: &str) -> String {
    tag(&client.get(url).expect(200))
}

fn change(kind: &str, id: &str, attributes: &Value) -> Value {
    json!({"data": {"type": kind, "id": id, "attributes": attributes}})
}

fn patch_if(client: &Client, url: &str, tag: &str, document: &Value) -> Answer {
    let headers = [("content-type", "application/vnd.api+json"), ("if-match", tag)];
    client.send("PATCH", url, &headers, Some(document.to_string().as_bytes()))
}

fn delete_if(client: &Client, url: &str, tag: &str) -> Answer {
    client.send("DELETE", url, &[("if-match", tag)], None)
}

fn new_edge(client: &Client, kind: &str, target: i64) -> String {
    client.post(EDGES, &edge(None, kind, target)).expect(201).header("location").expect("a location").to_owned()
}

fn new_type(admin: &Client, name: &str) -> String {
    admin.post(TYPES, &json!({"data": {"type": "relationship-types", "id": name}})).expect(201);
    format!("{TYPES}/{name}")
}

/// Two resources of each type, with an update of the first.
fn pairs(app: &App, admin: &Client) -> [(String, String, Value); 3] {
    let (ann, bob) = (app.user(), app.user());
    let edges = [new_edge(admin, "mentor", ann.id), new_edge(admin, "mentor", bob.id)];
    let id = edges[0].rsplit('/').next().unwrap().to_owned();
    let [edge, other_edge] = edges;
    let friend = new_type(admin, "friend");
    [
        (edge, other_edge, change("user-relationships", &id, &json!({"relationship": "colleague"}))),
        (
            format!("{USERS}/{}", ann.id),
            format!("{USERS}/{}", bob.id),
            change("users", &ann.id.to_string(), &json!({"first-name": "New"})),
        ),
        (friend, new_type(admin, "foe"), change("relationship-types", "friend", &json!({"description": "New"}))),
    ]
}

both!(if_match_refuses_invented_tags_and_those_of_other_resources, |app| {
    let admin = app.admin();
    let pairs = pairs(app, &admin);
    let all: Vec<String> =
        pairs.iter().flat_map(|(one, other, _)| [one, other]).map(|url| tag_of(&admin, url)).collect();
    for (url, _, document) in &pairs {
        let before = admin.get(url).expect(200);
        let own = tag(&before);
        let (state, rest) = own.split_once('-').unwrap();
        let (_, foreign_rest) = all.iter().find(|tag| **tag != own).unwrap().split_once('-').unwrap();
        let mut refused: Vec<String> = all.iter().filter(|tag| **tag != own).cloned().collect();
        refused.extend([tag_of(&admin, EDGES), tag_of(&admin, USERS), tag_of(&admin, TYPES)]);
        refused.extend(["\"1-zzz\"", "\"1-0000000000000000\"", "\"1\"", "1"].map(str::to_owned));
        refused.extend([format!("{state}\""), format!("{state}-\""), format!("{state}-{foreign_rest}")]);
        refused.push(format!("{state}-0{}", &rest[1..]).replace("-00", "-01"));
        refused.retain(|tag| *tag != own);
        refused.push(refused.join(", "));
        for tag in &refused {
            for answer in [patch_if(&admin, url, tag, document), delete_if(&admin, url, tag)] {
                let answer = answer.refused(412, "precondition-failed");
                assert_eq!(answer.source("header"), Some("If-Match"), "{tag}");
            }
        }
        assert_eq!(admin.get(url).expect(200).text, before.text, "nothing has changed");
        patch_if(&admin, url, &format!("{}, {own}", refused[0]), document).expect(200);
        let (stale, current) = (own, tag_of(&admin, url));
        delete_if(&admin, url, &stale).refused(412, "precondition-failed");
        delete_if(&admin, url, &current).expect(204);
    }
});

both!(a_weak_tag_in_if_match_is_412_and_says_how_to_keep_it_strong, |app| {
    let admin = app.admin();
    for (url, _, document) in pairs(app, &admin) {
        let weak = format!("W/{}", tag_of(&admin, &url));
        let answers = [
            patch_if(&admin, &url, &weak, &document),
            delete_if(&admin, &url, &weak),
            admin.send("GET", &url, &[("if-match", &weak)], None),
        ];
        for answer in answers {
            let answer = answer.refused(412, "precondition-failed");
            let detail = answer.body["errors"][0]["detail"].as_str().unwrap();
            assert!(
                ["never matches", "proxy", "compression", "docs/OPERATIONS.md"].iter().all(|it| detail.contains(it)),
                "{detail}"
            );
        }
        let strong = delete_if(&admin, &url, "\"1-zzz\"").refused(412, "precondition-failed");
        assert!(!strong.text.contains("weak"), "{}", strong.text);
    }
});

both!(an_etag_of_any_variant_is_valid_for_an_update, |app| {
    let (admin, bob) = (app.admin(), app.user());
    let kinds = ["mentor", "colleague", "subordinate"];
    let url = new_edge(&admin, "mentor", bob.id);
    let id = url.rsplit('/').next().unwrap();
    let mut turn = 0;
    for query in
        ["include=target", "include=user,target&fields[users]=email", "fields[user-relationships]=relationship"]
    {
        let full = format!("{url}?{query}");
        let before = tag_of(&admin, &full);
        // Another row in the response changes, and the resource itself does not.
        bob.patch("/api/v2/users/me", &json!({"data": {"attributes": {"first-name": format!("B{turn}")}}})).expect(200);
        for tag in [before, tag_of(&admin, &full), tag_of(&admin, &full).replacen('"', "", 1)] {
            let tag = if tag.starts_with('"') { tag } else { format!("\"{}.gzip\"", tag.trim_end_matches('"')) };
            let kept = change("user-relationships", id, &json!({}));
            patch_if(&admin, &url, &tag, &kept).expect(200);
        }
        turn += 1;
        let document = change("user-relationships", id, &json!({"relationship": kinds[turn % 3]}));
        patch_if(&admin, &url, &tag_of(&admin, &full), &document).expect(200);
    }
    // The same user, fetched at another URL.
    let document = change("users", &bob.id.to_string(), &json!({"first-name": "Rob"}));
    patch_if(&admin, &format!("{USERS}/{}", bob.id), &tag_of(&admin, &format!("{url}/target")), &document).expect(200);
    delete_if(&admin, &url, &tag_of(&admin, &format!("{url}?include=target&fields[users]="))).expect(204);
    delete_if(
        &admin,
        &format!("{USERS}/{}", bob.id),
        &tag_of(&admin, &format!("{USERS}/{}?fields[users]=name", bob.id)),
    )
    .expect(204);
});

both!(a_type_registered_again_has_a_new_etag, |app| {
    let admin = app.admin();
    let url = new_type(&admin, "friend");
    let (old, old_list) = (tag_of(&admin, &url), tag_of(&admin, TYPES));
    admin.delete(&url).expect(204);
    new_type(&admin, "friend");
    assert_ne!(tag_of(&admin, &url), old);
    assert_ne!(tag_of(&admin, TYPES), old_list);
    admin.send("GET", &url, &[("if-none-match", &old)], None).expect(200);
    let document = change("relationship-types", "friend", &json!({"description": "New"}));
    patch_if(&admin, &url, &old, &document).refused(412, "precondition-failed");
    delete_if(&admin, &url, &old).refused(412, "precondition-failed");
});

both!(the_etag_of_a_user_covers_is_supervisor, |app| {
    let (admin, ann, bob) = (app.admin(), app.user(), app.user());
    let url = format!("{USERS}/{}", bob.id);
    let before = tag_of(&admin, &url);
    let edge = new_edge(&ann, "subordinate", bob.id);
    let document = change("users", &bob.id.to_string(), &json!({"first-name": "New"}));
    patch_if(&admin, &url, &before, &document).refused(412, "precondition-failed");
    delete_if(&admin, &url, &before).refused(412, "precondition-failed");
    let promoted = tag_of(&admin, &url);
    let changed = tag(&patch_if(&admin, &url, &promoted, &document).expect(200));
    ann.delete(&edge).expect(204);
    patch_if(&admin, &url, &changed, &document).refused(412, "precondition-failed");
    delete_if(&admin, &url, &tag_of(&admin, &url)).expect(204);
});

both!(the_etag_of_a_list_covers_when_each_row_was_created, |app| {
    let (admin, bob) = (app.admin(), app.user());
    let edge = new_edge(&admin, "mentor", bob.id);
    let group = new_group(app, admin.id, "{}");
    let member = new_member(app, group, bob.id, "{}");
    let mut raw = Raw::connect(&app.config.database_url);
    for (table, urls) in [
        ("user_relationships", [EDGES.to_owned(), edge.clone(), format!("{EDGES}?page[size]=5")]),
        ("users", [USERS.to_owned(), format!("{USERS}/{}", bob.id), format!("{edge}?include=target")]),
        ("relationship_types", [TYPES.to_owned(), format!("{TYPES}/mentor"), format!("{TYPES}?limit=5")]),
        ("groups", [GROUPS.to_owned(), format!("{GROUPS}/{group}"), format!("{GROUPS}?include=members")]),
        (
            "group_members",
            [MEMBERS.to_owned(), format!("{MEMBERS}/{member}"), format!("{GROUPS}/{group}?include=members")],
        ),
    ] {
        let before = urls.each_ref().map(|url| tag_of(&admin, url));
        // Another row with the same id and version, such as a restored one.
        raw.run(&format!("UPDATE {table} SET created_at = created_at - 1"));
        for (url, old) in urls.iter().zip(&before) {
            assert_ne!(&tag_of(&admin, url), old, "{url}");
            admin.send("GET", url, &[("if-none-match", old)], None).expect(200);
        }
    }
});

/// Runs requests while another transaction has locked the row, so that all of them have found it in its first state
/// before one can change it.
fn while_locked<'scope, T>(
    app: &App,
    table: &str,
    row: &str,
    run: impl FnOnce() -> Vec<ScopedJoinHandle<'scope, T>>,
) -> Vec<T> {
    let [mut holder, mut observer] = [(); 2].map(|()| Raw::connect(&app.config.database_url));
    let is_sqlite = matches!(holder, Raw::Sqlite(_));
    holder.run(&match holder {
        Raw::Sqlite(_) => "BEGIN IMMEDIATE".to_owned(),
        Raw::Postgres(_) => format!("BEGIN; SELECT 1 FROM {table} WHERE {row} FOR UPDATE"),
    });
    let threads = run();
    if is_sqlite {
        thread::sleep(Duration::from_millis(200));
    } else {
        until("several updates wait for the row", Duration::from_secs(5), || observer.waiting_sessions() >= 3);
    }
    holder.run("ROLLBACK");
    threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
}

both!(
    of_concurrent_updates_with_one_etag_one_succeeds,
    |config| {
        config.workers = 4;
        config.database_pool_size = 8;
    },
    |app| {
        const THREADS: usize = 8;
        if skips_on_spread_rows("the test locks a row itself, which Citus refuses") {
            return;
        }
        let admin = app.admin();
        for (url, _, _) in pairs(app, &admin) {
            let tag = tag_of(&admin, &url);
            let (kind, id) = url.trim_start_matches("/api/v2/").split_once('/').unwrap();
            let (table, row) = (kind.replace('-', "_"), if kind == "relationship-types" { "name" } else { "id" });
            let statuses = thread::scope(|scope| {
                let run = |number: usize| {
                    let attributes = match kind {
                        "users" => json!({"first-name": format!("N{number}")}),
                        "relationship-types" => json!({"description": format!("N{number}")}),
                        _ => {
                            json!({"relationship": if number.is_multiple_of(2) { "colleague" } else { "subordinate" }})
                        }
                    };
                    let (admin, url, tag) = (&admin, &url, &tag);
                    scope.spawn(move || patch_if(admin, url, tag, &change(kind, id, &attributes)).status)
                };
                while_locked(app, &table, &format!("{row} = '{id}'"), || (0..THREADS).map(run).collect())
            });
            let mut tally = BTreeMap::new();
            for status in statuses {
                *tally.entry(status).or_insert(0) += 1;
            }
            assert_eq!(tally, BTreeMap::from([(200, 1), (412, THREADS - 1)]), "{url}");
        }
    }
);

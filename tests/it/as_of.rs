//! `filter[as-of]`: relationships, roles and traversals as they were at a moment.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use user_relationships::domain::transfer::{self, ImportLine, ImportOptions, Record, RelationshipLine, UserReference};
use user_relationships::model::id::UserId;
use user_relationships::model::relationship::EdgeData;
use user_relationships::model::relationship_type::TypeName;
use user_relationships::model::time::Timestamp;
use user_relationships::model::time_parser::parse_time;

use crate::both;
use crate::item;
use crate::support::app::wait;
use crate::support::citus::skips_on_spread_rows;
use crate::support::graph::{EDGES, create, register, retype, users, wide};
use crate::support::import::{ImportFixture, lines, relation, user};
use crate::support::past::{as_of, list, now, organize, role};
use crate::support::sql::Raw;
use crate::support::{App, Client, Value, json};

const USERS: &str = "/api/v2/users";

/// Reassigns the only user with the role `boss-of`.
fn reassign(client: &Client, user: i64, target: i64) -> u16 {
    let linkage = json!({"data": {"type": "users", "id": target.to_string()}});
    client.patch(&format!("{USERS}/{user}/relationships/boss-of"), &linkage).status
}

item!([16, 26, 58], a_deleted_edge_has_its_linkage_and_no_links, |app| {
    let (admin, ann, bob) = (app.admin(), app.user(), app.user());
    let deleted = create(&admin, ann.id, "mentor", bob.id).expect(201).id();
    let kept = create(&admin, ann.id, "colleague", bob.id).expect(201).id();
    let at = now(&app);
    admin.delete(&format!("{EDGES}/{deleted}")).expect(204);
    retype(&admin, kept, "subordinate").expect(200);
    let found = ann.get(&list(ann.id, at)).expect(200);
    assert_eq!((found.ids(), found.total()), (vec![deleted, kept], 2));
    assert_eq!(found.body["meta"]["as-of"], Timestamp::from_micros(at).iso8601());
    let [gone, still] = [&found.body["data"][0], &found.body["data"][1]];
    let linkage = |id: i64| json!({"data": {"type": "users", "id": id.to_string()}});
    assert_eq!(gone["relationships"], json!({"user": linkage(ann.id), "target": linkage(bob.id)}));
    assert_eq!((gone.get("links"), gone["attributes"]["relationship"].as_str()), (None, Some("mentor")));
    assert_eq!(still["links"]["self"], format!("{EDGES}/{kept}"));
    assert_eq!(still["attributes"]["relationship"], "colleague");
    assert_eq!(still["attributes"]["updated-at"], still["attributes"]["created-at"]);
    let none = ann.get(&format!("{}&fields[user-relationships]=", list(ann.id, at))).expect(200);
    assert_eq!(none.body["data"][0], json!({"type": "user-relationships", "id": deleted.to_string()}));
    let one = ann.get(&format!("{}&fields[user-relationships]=target", list(ann.id, at))).expect(200);
    assert_eq!(one.body["data"][0]["relationships"], json!({"target": linkage(bob.id)}));
    assert_eq!(one.body["data"][0].get("attributes"), None);
});

both!(filters_apply_to_the_types_of_the_moment, |app| {
    let (admin, ann, bob) = (app.admin(), app.user(), app.user());
    register(&admin, "passing", &json!({}));
    let id = create(&admin, ann.id, "passing", bob.id).expect(201).id();
    let at = now(app);
    retype(&admin, id, "mentor").expect(200);
    admin.delete("/api/v2/relationship-types/passing").expect(204);
    let of = |kind: &str, at| admin.get(&format!("{}&filter[relationship]={kind}", list(ann.id, at))).expect(200);
    assert_eq!((of("passing", at).ids(), of("passing", at).total()), (vec![id], 1));
    assert_eq!((of("mentor", at).ids(), of("mentor", at).total()), (vec![], 0));
    assert_eq!((of("passing", now(app)).total(), of("mentor", now(app)).total()), (0, 1));
});

both!(a_moment_shows_what_was_changed_at_or_before_it, |app| {
    let (admin, ann, bob) = (app.admin(), app.user(), app.user());
    let id = create(&admin, ann.id, "mentor", bob.id).expect(201).id();
    admin.delete(&format!("{EDGES}/{id}")).expect(204);
    wait(app.store.number_changes()).expect("numbers");
    let mut raw = Raw::connect(&app.config.database_url);
    let mut at = |action: i64| {
        raw.number(&format!(
            "SELECT at AS number FROM changes WHERE subject_id = {id} AND action = {action} AND subject_type = 0"
        ))
    };
    let (created, deleted) = (at(0), at(2));
    for (at, rows) in [(created - 1, 0), (created, 1), (deleted - 1, 1), (deleted, 0)] {
        assert_eq!(admin.get(&list(ann.id, at)).expect(200).total(), rows, "{at}");
    }
});

item!([16, 40, 58], a_deleted_user_is_an_identifier_with_a_mark, |app| {
    let (admin, ann) = (app.admin(), app.user());
    organize(&admin);
    let (boss, team) = (users(&app, 1)[0], users(&app, 3));
    for member in &team {
        create(&admin, *member, "boss", boss).expect(201);
    }
    let at = now(&app);
    admin.delete(&format!("{USERS}/{}", team[1])).expect(204);
    let marked = |edge: &Value| {
        json!({"type": "users", "id": team[1].to_string(),
                                       "meta": {"user-relationship": edge, "is-deleted": true}})
    };
    let reports = ann.get(&role(boss, "reports", at)).expect(200);
    assert_eq!((reports.ids(), reports.total()), (team.clone(), 3));
    let row = &reports.body["data"][1];
    assert_eq!(*row, marked(&row["meta"]["user-relationship"]));
    let below = ann.get(&format!("{}&max-depth=all", role(boss, "reports", at))).expect(200);
    assert_eq!((below.ids(), below.total()), (team.clone(), 3));
    let row = &below.body["data"][1];
    assert_eq!((&row["meta"]["is-deleted"], &row["meta"]["depth"]), (&json!(true), &json!(1)));
    assert_eq!((row.get("links"), row.get("attributes"), row["meta"].get("below-count")), (None, None, None));
    assert_eq!(below.body["meta"]["as-of"], Timestamp::from_micros(at).iso8601());
    let edges = format!("{EDGES}?filter[target]={boss}&include=user,target&{}", as_of(at));
    let edges = ann.get(&edges).expect(200);
    let included = edges.body["included"].as_array().expect("users");
    let mut ids: Vec<_> = included.iter().map(|user| user["id"].as_str().unwrap().parse::<i64>().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, [vec![boss], team.clone()].concat());
    let deleted = json!({"type": "users", "id": team[1].to_string(), "meta": {"is-deleted": true}});
    assert!(included.contains(&deleted), "{}", edges.text);
});

both!(only_admins_may_ask_for_the_roles_of_a_deleted_user, |app| {
    let (admin, ann) = (app.admin(), app.user());
    organize(&admin);
    let [boss, member, never] = users(app, 3).try_into().expect("three");
    create(&admin, member, "boss", boss).expect(201);
    let at = now(app);
    admin.delete(&format!("{USERS}/{boss}")).expect(204);
    for end in ["", "&max-depth=all"] {
        let url = format!("{}{end}", role(boss, "reports", at));
        assert_eq!(admin.get(&url).expect(200).ids(), [member]);
        ann.get(&url).refused(404, "not-found");
        admin.get(&format!("{}{end}", role(boss, "reports", now(app)))).expect(200);
        admin.get(&format!("{}{end}", role(9_999_999, "reports", at))).refused(404, "not-found");
        admin.get(&format!("{}{end}", role(boss, "nothing", at))).refused(404, "not-found");
    }
    assert_eq!(ann.get(&format!("{}&max-depth=1", role(never, "reports", at))).expect(200).total(), 0);
    let one = ann.get(&role(member, "boss-of", at)).expect(200);
    assert_eq!(
        (&one.body["data"]["id"], &one.body["data"]["meta"]["is-deleted"]),
        (&json!(boss.to_string()), &json!(true))
    );
    let none = ann.get(&role(member, "boss-of", now(app))).expect(200);
    assert_eq!((&none.body["data"], none.body["meta"]["as-of"].is_string()), (&json!(null), true));
});

both!(a_moment_up_to_a_minute_ahead_counts_as_now, |app| {
    let (admin, ann, bob) = (app.admin(), app.user(), app.user());
    let ahead = now(app) + 50_000_000;
    let id = create(&admin, ann.id, "mentor", bob.id).expect(201).id();
    assert_eq!(admin.get(&list(ann.id, ahead)).expect(200).ids(), [id]);
    admin.delete(&format!("{EDGES}/{id}")).expect(204);
    assert_eq!(admin.get(&list(ann.id, ahead)).expect(200).total(), 0);
});

item!([P1, P2, 26], a_cursor_belongs_to_its_moment, |app| {
    let (admin, ann) = (app.admin(), app.user());
    let others = users(&app, 4);
    for other in &others {
        create(&admin, ann.id, "mentor", *other).expect(201);
    }
    let at = now(&app);
    let first = ann.get(&format!("{}&page[size]=2", list(ann.id, at))).expect(200);
    let next = first.body["links"]["next"].as_str().expect("a page").to_owned();
    assert_eq!(ann.get(&next).expect(200).total(), 4);
    let text = |at: i64| Timestamp::from_micros(at).iso8601().replace(':', "%3A");
    let moved = next.replace(&text(at), &text(at - 1));
    assert_ne!(moved, next);
    ann.get(&moved).refused(400, "invalid-cursor");
    let url = format!("{USERS}/{}/mentors?page[size]=2&{}", ann.id, as_of(at));
    let next = ann.get(&url).expect(200).body["links"]["next"].as_str().expect("a page").to_owned();
    assert_eq!(ann.get(&next).expect(200).ids(), others[2..]);
    ann.get(&next.replace(&text(at), &text(at - 1))).refused(400, "invalid-cursor");
    let tag = first.header("etag").expect("a tag").to_owned();
    let url = format!("{}&page[size]=2", list(ann.id, at));
    assert_eq!(ann.send("GET", &url, &[("if-none-match", &tag)], None).status, 304);
    let id = first.ids()[0];
    admin.delete(&format!("{EDGES}/{id}")).expect(204);
    assert_eq!(ann.send("GET", &url, &[("if-none-match", &tag)], None).expect(200).ids(), first.ids());
});

#[test]
fn an_edge_of_a_first_load_counts_from_its_creation() {
    let micros = |text| parse_time(text).expect("a time").micros();
    let [first, second] = ["2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z"];
    let at = |mut edge: Value, time| {
        edge["created-at"] = json!(time);
        edge
    };
    for fixture in ImportFixture::all_direct() {
        let file = lines(&[
            user(1),
            user(2),
            user(3),
            at(relation(1, "mentor", 2), first),
            at(relation(1, "mentor", 3), second),
            at(relation(2, "mentor", 3), second),
        ]);
        fixture.import(&file, &[]).expect(0);
        let app = App::start(fixture.home, |_| {});
        let admin = app.admin();
        let loaded = now(&app);
        let edges = admin.get(EDGES).expect(200).ids();
        let check = || {
            let of_first = |at| admin.get(&list(1, at)).expect(200);
            for (at, rows) in [(micros(first), 1), (micros(second) - 1, 1), (micros(second), 2), (loaded, 2)] {
                assert_eq!(
                    (of_first(at).ids().len(), of_first(at).total()),
                    (rows, i64::try_from(rows).unwrap()),
                    "{at}"
                );
            }
            let above = |at| admin.get(&format!("{}&max-depth=all", role(1, "mentors", at))).expect(200).ids();
            assert_eq!((above(micros(second) - 1), above(micros(second))), (vec![2], vec![2, 3]));
        };
        check();
        admin.get(&list(1, micros(first) - 1)).refused(400, "invalid-parameter");
        for edge in &edges[1..] {
            admin.delete(&format!("{EDGES}/{edge}")).expect(204);
        }
        check();
        assert_eq!(admin.get(&list(1, now(&app))).expect(200).total(), 1);
    }
}

both!(an_imported_edge_counts_from_its_import, |app| {
    let admin = app.admin();
    let ends = users(app, 3);
    create(&admin, ends[0], "mentor", ends[1]).expect(201);
    let before = now(app);
    let line = RelationshipLine {
        id: None,
        user: UserReference::Id(UserId::new(ends[0])),
        target: UserReference::Id(UserId::new(ends[2])),
        data: EdgeData::new(TypeName::parse("mentor").expect("a name")),
        created_at: Some(Timestamp::from_micros(1)),
        updated_at: None,
    };
    let lines = [ImportLine { number: 1, record: Record::Relationship(line) }];
    app.write(move |tx| transfer::import(tx, &lines, ImportOptions::default()));
    let total = |at| admin.get(&list(ends[0], at)).expect(200).total();
    assert_eq!((total(before), total(now(app))), (1, 2));
});

both!(authors_are_those_of_the_moment, |app| {
    let (admin, ann, bob) = (app.admin(), app.user(), app.user());
    let kept = create(&ann, ann.id, "mentor", bob.id).expect(201).id();
    let deleted = create(&admin, ann.id, "colleague", bob.id).expect(201).id();
    let at = now(app);
    retype(&admin, kept, "subordinate").expect(200);
    admin.delete(&format!("{EDGES}/{deleted}")).expect(204);
    let fields = "&fields[user-relationships]=created-by,updated-by";
    let found = |client: &Client| client.get(&format!("{}{fields}", list(ann.id, at))).expect(200);
    let by = |id: i64| json!({"data": {"type": "users", "id": id.to_string()}});
    for client in [&admin, &ann] {
        let rows = found(client).body["data"].clone();
        for (row, author) in [(&rows[0], ann.id), (&rows[1], admin.id)] {
            assert_eq!(row["relationships"], json!({"created-by": by(author), "updated-by": by(author)}), "{row}");
        }
    }
    let hidden = found(&bob);
    assert!(!hidden.text.contains("created-by\":{"), "{}", hidden.text);
});

both!(
    every_user_has_one_boss_at_every_moment_of_concurrent_reassignments,
    |config| {
        wide(config);
    },
    |app| {
        if skips_on_spread_rows("lists of several users have no common snapshot") {
            return;
        }
        let admin = app.admin();
        organize(&admin);
        let (bosses, team) = (users(app, 3), users(app, 4));
        for (member, boss) in team.iter().zip(bosses.iter().cycle()) {
            create(&admin, *member, "boss", *boss).expect(201);
        }
        let start = now(app);
        let is_done = AtomicBool::new(false);
        thread::scope(|scope| {
            let writers: Vec<_> = team
                .iter()
                .enumerate()
                .map(|(number, member)| {
                    let (admin, bosses) = (admin.clone(), &bosses);
                    scope.spawn(move || {
                        for round in 0..25 {
                            assert_eq!(reassign(&admin, *member, bosses[(round + number + 1) % 3]), 200);
                        }
                    })
                })
                .collect();
            let reader = scope.spawn(|| {
                let mut seen = 0;
                while !is_done.load(Ordering::Relaxed) || seen < 20 {
                    let ids = team.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
                    let back = i64::from(seen % 3) * (now(app) - start) / 3;
                    let url = format!("{EDGES}?filter[user]={ids}&limit=50&{}", as_of(now(app) - back));
                    let found = admin.get(&url).expect(200);
                    let mut owners: Vec<i64> = found.body["data"]
                        .as_array()
                        .expect("a list")
                        .iter()
                        .map(|row| row["relationships"]["user"]["data"]["id"].as_str().unwrap().parse().unwrap())
                        .collect();
                    owners.sort_unstable();
                    assert_eq!((owners, found.total()), (team.clone(), 4), "{url}");
                    seen += 1;
                }
            });
            for writer in writers {
                writer.join().expect("a writer");
            }
            is_done.store(true, Ordering::Relaxed);
            reader.join().expect("a reader");
        });
    }
);

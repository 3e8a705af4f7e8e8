//! `GET /api/v2/changes`: the feed of all changes.

use crate::both;
use crate::item;
use crate::support::changes::{CHANGES, Log, Row, after, cursor, follow, link, now, numbers};
use crate::support::{Value, json};

fn users(ids: [i64; 3]) -> [Value; 3] {
    ids.map(|id| json!({"data": {"type": "users", "id": id.to_string()}}))
}

item!([29, 67], a_change_has_all_documented_members, |app| {
    let admin = app.admin();
    let start = now(&admin);
    let mut log = Log::of(&app);
    let retyped = Row {
        action: 1,
        subject_type: 0,
        columns: "subject_id, user_id, target_id, relationship, previous_relationship, edge_created_at, edge_created_by, \
                  previous_version, previous_updated_at, previous_updated_by, actor_id, request_id, reason",
        values: "88, 1001, 1002, 'mentor', 'colleague', 1, 5, 1, 2, 5, 1003, 'abc', 0".to_owned(),
    };
    let rows = [
        retyped,
        Row::user(1, 1001, "email unit", 1003),
        Row {
            action: 0,
            subject_type: 2,
            columns: "relationship, changed",
            values: "'friend', 'description'".to_owned(),
        },
        Row { action: 3, subject_type: 0, columns: "reason", values: "3".to_owned() },
    ];
    let first = log.append_at(&rows, 4_000_000_000_000_123);
    let answer = after(&admin, &start, "");
    let data = answer.body["data"].as_array().expect("a list");
    let [user, target, actor] = users([1001, 1002, 1003]);
    let nothing = json!({"data": null});
    let id = |place: i64| (first + place).to_string();
    let at = "2096-10-02T07:06:40.000123Z";
    let transaction = first.to_string();
    assert_eq!(
        data[0],
        json!({"type": "changes", "id": id(0), "attributes": {
            "action": "updated", "subject-type": "user-relationships", "subject-id": "88", "relationship": "mentor",
            "previous-relationship": "colleague", "changed": null, "at": at, "transaction": transaction,
            "request-id": "abc", "reason": "reassign",
        }, "relationships": {"actor": actor, "user": user, "target": target}})
    );
    assert_eq!(
        data[1],
        json!({"type": "changes", "id": id(1), "attributes": {
            "action": "updated", "subject-type": "users", "subject-id": "1001", "relationship": null,
            "previous-relationship": null, "changed": ["email", "unit"], "at": at, "transaction": transaction,
            "request-id": null, "reason": null,
        }, "relationships": {"actor": actor}})
    );
    assert_eq!(
        data[2],
        json!({"type": "changes", "id": id(2), "attributes": {
            "action": "created", "subject-type": "relationship-types", "subject-id": "friend", "relationship": null,
            "previous-relationship": null, "changed": ["description"], "at": at, "transaction": transaction,
            "request-id": null, "reason": null,
        }, "relationships": {"actor": nothing}})
    );
    assert_eq!(
        data[3],
        json!({"type": "changes", "id": id(3), "attributes": {
            "action": "loaded", "subject-type": "user-relationships", "subject-id": null, "relationship": null,
            "previous-relationship": null, "changed": null, "at": at, "transaction": transaction,
            "request-id": null, "reason": "import",
        }, "relationships": {"actor": nothing}})
    );
    assert_eq!(data.len(), 4);
    let meta = answer.body["meta"].as_object().expect("an object");
    assert_eq!(meta.keys().collect::<Vec<_>>(), ["cursor"]);
    // Sparse fieldsets.
    let some = after(&admin, &start, "fields[changes]=action,user");
    assert_eq!(
        some.body["data"][0],
        json!({"type": "changes", "id": id(0), "attributes": {"action": "updated"}, "relationships": {"user": user}})
    );
    assert_eq!(some.body["data"][1], json!({"type": "changes", "id": id(1), "attributes": {"action": "updated"}}));
    let none = after(&admin, &start, "fields[changes]=");
    assert_eq!(none.body["data"][0], json!({"type": "changes", "id": id(0)}));
});

both!(a_reader_that_follows_the_cursor_gets_every_change_once, |app| {
    let admin = app.admin();
    let start = now(&admin);
    let mut log = Log::of(app);
    let first = log.append_many(25);
    let path = format!("{CHANGES}?page[after]={start}&page[size]=10");
    let (all, last) = follow(&admin, &path);
    let ids: Vec<i64> = all.iter().map(|row| row["id"].as_str().expect("an id").parse().expect("a number")).collect();
    assert_eq!(ids, numbers(first, 25));
    assert_eq!(last.ids().len(), 5);
    // By `meta.cursor` alone, with another size of pages, and on empty pages too.
    let (mut position, mut seen) = (start, Vec::new());
    loop {
        let page = after(&admin, &position, "page[size]=7");
        position = cursor(&page);
        if page.ids().is_empty() {
            assert_eq!(position, cursor(&last));
            break;
        }
        seen.extend(page.ids());
    }
    assert_eq!(seen, numbers(first, 25));
    // It goes on from there.
    let next = log.append_many(1);
    assert_eq!(after(&admin, &position, "").ids(), [next]);
    assert!(link(&after(&admin, &position, ""), "next").is_none());
    // A full last page has no next one.
    assert!(link(&after(&admin, &position, "page[size]=1"), "next").is_none());
});

both!(pages_are_read_backwards_and_within_a_range_too, |app| {
    let admin = app.admin();
    let start = now(&admin);
    let first = Log::of(app).append_many(9);
    let end = now(&admin);
    let page = admin.get(&format!("{CHANGES}?page[before]={end}&page[size]=3")).expect(200);
    // The cursor stands at the last change, which is not before it.
    assert_eq!(page.ids(), numbers(first + 5, 3));
    let previous = admin.get(link(&page, "prev").expect("a page before")).expect(200);
    assert_eq!(previous.ids(), numbers(first + 2, 3));
    assert_eq!(admin.get(link(&previous, "next").expect("a page after")).expect(200).ids(), page.ids());
    let between = admin.get(&format!("{CHANGES}?page[after]={start}&page[before]={}", cursor(&previous))).expect(200);
    assert_eq!(between.ids(), numbers(first, 4));
    assert!(cursor(&previous) != cursor(&page) && link(&between, "next").is_none());
    let forwards = after(&admin, &start, "page[size]=3");
    let back = admin.get(link(&forwards, "prev").expect("a page before")).expect(200);
    assert!(back.ids().iter().all(|id| *id < first));
    // Before the first change of the log there is nothing, and the cursor is that of its start.
    let oldest = admin.get(&format!("{CHANGES}?page[size]=1")).expect(200);
    let nothing = admin.get(&format!("{CHANGES}?page[before]={}", cursor(&oldest))).expect(200);
    assert_eq!(nothing.ids(), [0; 0]);
    assert_eq!(after(&admin, &cursor(&nothing), "page[size]=1").ids(), [1]);
    assert_eq!(admin.get(link(&nothing, "next").expect("a page after")).expect(200).ids()[0], 1);
    // From an empty page as well.
    let empty = after(&admin, &end, "");
    assert_eq!(admin.get(link(&empty, "prev").expect("a page before")).expect(200).ids().last(), Some(&(first + 8)));
});

both!(the_latest_changes_come_first_with_sort, |app| {
    let admin = app.admin();
    let first = Log::of(app).append_many(8);
    let mut answer = admin.get(&format!("{CHANGES}?sort=-id&page[size]=3")).expect(200);
    assert!(answer.body["meta"].get("cursor").is_none() && link(&answer, "prev").is_none());
    assert_eq!(answer.ids(), [first + 7, first + 6, first + 5]);
    answer = admin.get(link(&answer, "next").expect("older ones")).expect(200);
    assert_eq!(answer.ids(), [first + 4, first + 3, first + 2]);
    let newer = admin.get(link(&answer, "prev").expect("newer ones")).expect(200);
    assert_eq!(newer.ids(), [first + 7, first + 6, first + 5]);
    let (all, _) = follow(&admin, &format!("{CHANGES}?sort=-id&page[size]=3"));
    assert_eq!(all.last().expect("a change")["id"], "1");
    assert_eq!(all.len(), usize::try_from(first + 7).expect("small"));
});

both!(the_feed_is_missing_while_the_log_is_off, |app| {
    let (admin, ann) = (app.admin(), app.user());
    let position = now(&admin);
    Log::of(app).raw().run("UPDATE change_log SET is_on = FALSE");
    for path in [CHANGES.to_owned(), format!("{CHANGES}?page[after]={position}"), format!("{CHANGES}?filter[from]=now")]
    {
        admin.get(&path).refused(404, "not-found");
    }
    for client in [&admin, &ann] {
        client.get(&format!("/api/v2/users/{}/changes", ann.id)).refused(404, "not-found");
    }
    // Rights come first.
    ann.get(CHANGES).refused(403, "not-admin");
});

both!(the_feed_is_for_admins, |app| {
    let admin = app.admin();
    for client in [app.user(), app.caller("ext")] {
        client.get(CHANGES).refused(403, "not-admin");
        client.get(&format!("{CHANGES}?limit=x")).refused(403, "not-admin");
    }
    app.anonymous().get(CHANGES).refused(401, "unauthenticated");
    app.caller("excluded").get(CHANGES).refused(403, "account-disabled");
    for method in ["POST", "PATCH", "DELETE", "PUT"] {
        let answer = admin.send(method, CHANGES, &[], None).refused(405, "method-not-allowed");
        assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"));
    }
    admin.get(&format!("{CHANGES}/1")).refused(404, "not-found");
    let head = admin.send("HEAD", CHANGES, &[], None).expect(200);
    assert!(head.text.is_empty() && head.header("etag").is_some());
});

both!(an_unchanged_page_is_304, |app| {
    let admin = app.admin();
    let mut log = Log::of(app);
    log.append_many(2);
    let position = now(&admin);
    let path = format!("{CHANGES}?page[after]={position}");
    let tag = admin.get(&path).expect(200).header("etag").expect("a tag").to_owned();
    assert_eq!(admin.send("GET", &path, &[("if-none-match", &tag)], None).status, 304);
    log.append_many(1);
    assert_eq!(admin.send("GET", &path, &[("if-none-match", &tag)], None).status, 200);
});

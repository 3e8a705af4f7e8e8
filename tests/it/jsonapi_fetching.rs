//! JSON:API 1.1, "Fetching Data": items 52 to 74 of the checklist.

use std::collections::{BTreeSet, VecDeque};

use chrono::DateTime;

use crate::conformance::{EDGES, TYPES, USERS, make, make_user, retyped};
use crate::item;
use crate::support::citus::skips_on_spread_rows;
use crate::support::sql::Raw;
use crate::support::{Answer, App, Value, edge, json};

/// All links of a document, including link objects.
fn links_in(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for link in members.get("links").and_then(Value::as_object).into_iter().flat_map(|links| links.values()) {
                found.extend(link.as_str().or(link["href"].as_str()).map(str::to_owned));
            }
            members.values().for_each(|member| links_in(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| links_in(item, found)),
        _ => {}
    }
}

/// The fields of every resource of a type in a document, primary or included.
fn fields(answer: &Answer, kind: &str) -> Vec<BTreeSet<String>> {
    let data = match &answer.body["data"] {
        Value::Array(all) => all.clone(),
        one => vec![one.clone()],
    };
    let included = answer.body["included"].as_array().cloned().unwrap_or_default();
    let of_kind = data.iter().chain(&included).filter(|resource| resource["type"] == kind);
    let names = |resource: &Value| {
        let parts = ["attributes", "relationships"].into_iter().filter_map(|part| resource[part].as_object());
        parts.flat_map(|part| part.keys().cloned()).collect()
    };
    of_kind.map(names).collect()
}

fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

fn included(answer: &Answer) -> Vec<i64> {
    let all = answer.body["included"].as_array().unwrap_or_else(|| panic!("no `included` in {}", answer.text));
    all.iter().map(|user| user["id"].as_str().unwrap().parse().unwrap()).collect()
}

/// Inserts `users` users directly into the database, and at most `most` edges among them at unordered instants.
pub fn fill(app: &App, users: usize, most: usize) {
    let mut raw = Raw::connect(&app.home().url());
    let rows: Vec<_> = (1..=users)
        .map(|number| {
            let email = format!("mass{number}@example.com");
            format!("('{email}', '{email}', 'mass {number}', 0, {}, '{{}}', {number}, {number})", "TRUE")
        })
        .collect();
    raw.run(&format!(
        "INSERT INTO users (email, email_key, name_key, access_level, is_enabled, profile, created_at, updated_at) \
         VALUES {}",
        rows.join(",")
    ));
    raw.run(&format!(
        "INSERT INTO user_relationships (user_id, target_id, type_id, created_at, updated_at) \
         SELECT a.id, b.id, t.id, 1400000000000000 + ((a.id * 7919 + b.id * 104729 + t.id * 31) % 1000) * 3600000000, 0 \
         FROM users a CROSS JOIN users b CROSS JOIN relationship_types t \
         WHERE a.id <> b.id AND a.email LIKE 'mass%' AND b.email LIKE 'mass%' ORDER BY a.id, b.id, t.id LIMIT {most}"
    ));
    app.write(|tx| tx.repair().map(drop));
}

item!([52, 53, 58], links_of_cursor_pages_and_compound_documents_can_be_fetched, |app| {
    let (ann, bob, cleo) = (app.user(), app.user(), app.user());
    make(&ann, "mentor", bob.id);
    make(&bob, "subordinate", cleo.id);
    let cut = make(&cleo, "colleague", ann.id).id();
    let mut waiting: VecDeque<_> = [
        format!("{EDGES}?page[size]=1&include=user,target"),
        format!("{EDGES}?page[size]=1&sort=-created-at"),
        format!("{EDGES}?include=target&fields[user-relationships]=target&limit=1&offset=1"),
        format!("{USERS}?page[size]=1&sort=-name"),
        format!("{EDGES}/{cut}?include=user"),
    ]
    .into();
    let mut seen = BTreeSet::new();
    while let Some(url) = waiting.pop_front() {
        let mut found = BTreeSet::new();
        links_in(&ann.get(&url).expect(200).body, &mut found);
        waiting.extend(found.into_iter().filter(|link| seen.insert(link.clone())));
        assert!(seen.len() < 400, "the crawl ends");
    }
    assert!(seen.len() > 30, "{seen:?}");
});

item!([53, 54, 55, 56, 59, 60], existing_resources_are_200_and_missing_ones_404, |app| {
    let (ann, bob) = (app.user(), app.user());
    assert_eq!(ann.get(EDGES).expect(200).body["data"], json!([]));
    let url = make(&ann, "mentor", bob.id).header("location").unwrap().to_owned();
    assert!(ann.get(EDGES).expect(200).body["data"][0].is_object());
    for path in ["", "/user", "/target", "/relationships/user", "/relationships/target"] {
        assert!(ann.get(&format!("{url}{path}")).expect(200).body["data"].is_object());
        ann.get(&format!("{EDGES}/999999999{path}")).refused(404, "not-found");
    }
    for missing in ["users/999999999", "relationship-types/unknown", "users/x", "user-relationships/0"] {
        ann.get(&format!("/api/v2/{missing}")).refused(404, "not-found");
    }
    let alone = ann.get("/api/v2/users/me").expect(200).body["data"]["relationships"].clone();
    let empty = ann.get(alone["targeted-by"]["links"]["related"].as_str().unwrap()).expect(200);
    assert_eq!((&empty.body["data"], empty.total()), (&json!([]), 0));
});

item!([61, 65], an_unsupported_include_is_a_400, |app| {
    let (ann, bob) = (app.user(), app.user());
    let url = make(&ann, "mentor", bob.id).header("location").unwrap().to_owned();
    for path in [USERS, "/api/v2/users/me"] {
        for value in ["user", "target", "user-relationships", "supervisors.mentors"] {
            ann.get(&format!("{path}?include={value}")).refused(400, "unsupported-include");
        }
        ann.get(&format!("{path}?include=")).expect(200);
    }
    let none = [TYPES, &format!("{TYPES}/mentor"), &format!("{url}/target"), &format!("{url}/relationships/target")];
    for path in none {
        for value in ["", "user", "target", "user-relationships"] {
            let refused = ann.get(&format!("{path}?include={value}")).refused(400, "unsupported-include");
            assert_eq!(refused.source("parameter"), Some("include"), "{path}");
        }
    }
    for path in [EDGES, &url] {
        for value in
            ["x", "User", "target.x", "target.user-relationships", "target,x", "target,", ",", "users", "%20user"]
        {
            let refused = ann.get(&format!("{path}?include={value}")).refused(400, "unsupported-include");
            assert_eq!(refused.source("parameter"), Some("include"), "{value}");
        }
    }
    let refused = ann.post(&format!("{EDGES}?include=x"), &edge(None, "colleague", bob.id));
    refused.refused(400, "unsupported-include");
    assert_eq!(ann.get(EDGES).expect(200).total(), 1, "nothing was written");
});

item!([62, 63, 64, 66], included_holds_exactly_the_requested_resources, |app| {
    let (ann, bob) = (app.user(), app.user());
    let id = make(&ann, "mentor", bob.id).id();
    let mut ends = vec![ann.id, bob.id];
    ends.sort_unstable();
    let cases = [
        ("", vec![]),
        ("user", vec![ann.id]),
        ("target", vec![bob.id]),
        ("target,user", ends),
        ("user,user", vec![ann.id]),
    ];
    for (value, expected) in &cases {
        for path in [EDGES.to_owned(), format!("{EDGES}/{id}"), format!("{EDGES}?page[size]=1")] {
            let sign = if path.contains('?') { '&' } else { '?' };
            let answer = ann.get(&format!("{path}{sign}include={value}")).expect(200);
            assert_eq!(included(&answer), *expected, "{path} {value}");
        }
        let changed = ann.patch(&format!("{EDGES}/{id}?include={value}"), &retyped(id, "mentor")).expect(200);
        assert_eq!(included(&changed), *expected);
        let made = ann.post(&format!("{EDGES}?include={value}"), &edge(None, "colleague", bob.id)).expect(201);
        assert_eq!(included(&made), *expected);
        ann.delete(made.header("location").unwrap()).expect(204);
    }
    assert!(ann.get(&format!("{EDGES}/{id}")).expect(200).body.get("included").is_none());
});

item!([67, 68], a_sparse_fieldset_applies_to_every_resource_of_its_type, |app| {
    let (ann, bob) = (app.user(), app.user());
    let id = make(&ann, "mentor", bob.id).id();
    let one = format!("{EDGES}/{id}");
    for path in [EDGES, &one] {
        for (value, expected) in [
            ("target", set(["target"])),
            ("relationship", set(["relationship"])),
            ("relationship,user", set(["relationship", "user"])),
            ("created-at,updated-at,created-at", set(["created-at", "updated-at"])),
            ("", set([])),
        ] {
            let answer = ann.get(&format!("{path}?fields[user-relationships]={value}&include=user,target")).expect(200);
            assert_eq!(fields(&answer, "user-relationships"), [expected]);
            assert!(fields(&answer, "users").iter().all(|fields| fields.len() > 20), "the others are complete");
        }
        let answer = ann.get(&format!("{path}?fields[users]=email,targeted-by&include=user,target")).expect(200);
        assert_eq!(fields(&answer, "users"), [set(["email", "targeted-by"]), set(["email", "targeted-by"])]);
        let answer = ann.get(&format!("{path}?fields[users]=&fields[user-relationships]=&include=target")).expect(200);
        assert_eq!((fields(&answer, "users"), fields(&answer, "user-relationships")), (vec![set([])], vec![set([])]));
        assert_eq!(included(&answer), [bob.id]);
    }
    for path in [USERS, "/api/v2/users/me", &format!("{one}/target")] {
        let answer = ann.get(&format!("{path}?fields%5Busers%5D=name,is-supervisor")).expect(200);
        assert!(fields(&answer, "users").iter().all(|fields| *fields == set(["name", "is-supervisor"])));
        let answer = ann.get(&format!("{path}?fields[users]=")).expect(200);
        assert!(fields(&answer, "users").iter().all(BTreeSet::is_empty));
    }
    let kinds = ann.get(&format!("{TYPES}?fields[relationship-types]=description")).expect(200);
    assert_eq!(fields(&kinds, "relationship-types"), vec![set(["description"]); 3]);
});

item!([66, 68], responses_to_updates_apply_the_fieldset, |app| {
    let (ann, bob, admin) = (app.user(), app.user(), app.admin());
    let query = "fields[user-relationships]=relationship&fields[users]=email&include=target";
    let made = ann.post(&format!("{EDGES}?{query}"), &edge(None, "mentor", bob.id)).expect(201);
    let changed = ann.patch(&format!("{EDGES}/{}?{query}", made.id()), &retyped(made.id(), "colleague")).expect(200);
    for answer in [&made, &changed] {
        assert_eq!(fields(answer, "user-relationships"), [set(["relationship"])]);
        assert_eq!((fields(answer, "users"), included(answer)), (vec![set(["email"])], vec![bob.id]));
    }
    let new = json!({"data": {"type": "users", "attributes": {"email": "new@people.example"}}});
    let made = admin.post(&format!("{USERS}?fields[users]="), &new).expect(201);
    assert_eq!(fields(&made, "users"), [set([])]);
    assert_eq!(made.header("location"), made.body["data"]["links"]["self"].as_str());
    let me = json!({"data": {"attributes": {"first-name": "Ann"}}});
    let changed = ann.patch("/api/v2/users/me?fields[users]=first-name", &me).expect(200);
    assert_eq!(fields(&changed, "users"), [set(["first-name"])]);
});

item!([67, 107], a_field_or_a_type_that_does_not_exist_is_a_400, |app| {
    let ann = app.user();
    for (name, value, code) in [
        ("fields[users]", "x", "unknown-field"),
        ("fields[users]", "email,", "unknown-field"),
        ("fields[users]", "Email", "unknown-field"),
        ("fields[user-relationships]", "email", "unknown-field"),
        ("fields[user-relationships]", "target.email", "unknown-field"),
        ("fields[people]", "name", "unknown-parameter"),
        ("fields", "name", "unknown-parameter"),
        ("fields[]", "name", "unknown-parameter"),
        ("fields[users][name]", "1", "unknown-parameter"),
    ] {
        let refused = ann.get(&format!("{EDGES}?{name}={value}")).refused(400, code);
        assert_eq!(refused.source("parameter"), Some(name));
    }
});

item!([69], an_unsupported_sort_is_a_400, |app| {
    let ann = app.user();
    for (path, values) in [
        (EDGES, &["x", "", "relationship", "name", "--id", "ID", "created-at,-id", "target.name", "+id", "user"][..]),
        (USERS, &["email", "", "Name", "name,email", "-x"]),
        (TYPES, &["id", "description"]),
        ("/api/v2/users/me", &["name"]),
    ] {
        for value in values {
            let refused = ann.get(&format!("{path}?sort={value}")).refused(400, "unsupported-sort");
            assert_eq!(refused.source("parameter"), Some("sort"), "{path} {value}");
        }
    }
});

item!([70, 73, C2], lists_sort_by_instant_then_id_on_every_page, |app| {
    if skips_on_spread_rows("the test writes rows itself, with statements that Citus refuses") {
        return;
    }
    fill(&app, 9, 70);
    let ann = app.user();
    let mut raw = Raw::connect(&app.home().url());
    let ordered = |raw: &mut Raw, order: &str| -> Vec<i64> {
        let sql = format!("SELECT CAST(id AS TEXT) AS line FROM user_relationships ORDER BY {order}");
        raw.lines(&sql).iter().map(|line| line.parse().unwrap()).collect()
    };
    for (sort, order) in [
        ("id", "id"),
        ("-id", "id DESC"),
        ("created-at", "created_at, id"),
        ("created-at,id", "created_at, id"),
        ("-created-at", "created_at DESC, id DESC"),
    ] {
        let expected = ordered(&mut raw, order);
        let mut found = Vec::new();
        let mut url = Some(format!("{EDGES}?sort={sort}&limit=32"));
        while let Some(here) = url {
            let answer = ann.get(&here).expect(200);
            url = answer.body["links"]["next"].as_str().map(str::to_owned);
            found.extend(answer.body["data"].as_array().unwrap().clone());
        }
        let ids: Vec<i64> = found.iter().map(|row| row["id"].as_str().unwrap().parse().unwrap()).collect();
        assert_eq!(ids, expected, "{sort}");
        if sort.contains("created-at") {
            let time =
                |row: &Value| DateTime::parse_from_rfc2822(row["attributes"]["created-at"].as_str().unwrap()).unwrap();
            let mut times: Vec<_> = found.iter().map(time).collect();
            if sort.starts_with('-') {
                times.reverse();
            }
            assert!(times.is_sorted() && times.first() < times.last(), "{sort}");
        }
    }
});

item!([70, 73], users_are_sorted_by_name_id_and_creation, |app| {
    let admin = app.admin();
    let made: Vec<_> = ["Cleo", "ann", "Bob", "anna"].iter().map(|name| make_user(&admin, name, 0)).collect();
    let only = format!("filter[id]={}", made.iter().map(i64::to_string).collect::<Vec<_>>().join(","));
    let (cleo, ann, bob, anna) = (made[0], made[1], made[2], made[3]);
    for (sort, expected) in [
        ("", [ann, anna, bob, cleo]),
        ("&sort=name", [ann, anna, bob, cleo]),
        ("&sort=-name", [cleo, bob, anna, ann]),
        ("&sort=id", [cleo, ann, bob, anna]),
        ("&sort=-id", [anna, bob, ann, cleo]),
        ("&sort=created-at", [cleo, ann, bob, anna]),
        ("&sort=-created-at", [anna, bob, ann, cleo]),
    ] {
        assert_eq!(admin.get(&format!("{USERS}?{only}{sort}")).expect(200).ids(), expected, "{sort}");
        let page = admin.get(&format!("{USERS}?{only}{sort}&offset=1&limit=2")).expect(200);
        assert_eq!(page.ids(), expected[1..3], "{sort}");
    }
});

item!([69, P2], sorting_more_than_10_000_rows_by_creation_is_a_400, |app| {
    if skips_on_spread_rows("the test writes rows itself, with statements that Citus refuses") {
        return;
    }
    fill(&app, 60, 10_001);
    let ann = app.user();
    let profile = "https://jsonapi.org/profiles/ethanresnick/cursor-pagination/unsupported-sort";
    for (query, kind) in [("limit=5", "/docs#unsupported-sort"), ("page[size]=5", profile)] {
        for sort in ["created-at", "-created-at", "updated-at", "-updated-at"] {
            let refused = ann.get(&format!("{EDGES}?sort={sort}&{query}")).refused(400, "unsupported-sort");
            assert_eq!(refused.source("parameter"), Some("sort"));
            assert_eq!(refused.body["errors"][0]["links"]["type"], json!(kind));
            assert!(refused.body["errors"][0]["detail"].as_str().unwrap().contains("10000"), "{}", refused.text);
        }
        assert_eq!(ann.get(&format!("{EDGES}?sort=-id&{query}")).expect(200).total(), 10_001);
        let narrowed = ann.get(&format!("{EDGES}?sort=created-at&relationship=mentor&{query}")).expect(200);
        assert!((3_000..4_000).contains(&narrowed.total()));
    }
    let one = ann.get(EDGES).expect(200).ids()[0];
    app.admin().delete(&format!("{EDGES}/{one}")).expect(204);
    for query in ["limit=5", "page[size]=5"] {
        let answer = ann.get(&format!("{EDGES}?sort=-created-at&{query}")).expect(200);
        assert_eq!((answer.total(), answer.ids().len()), (10_000, 5));
    }
});

item!([71, 72, 74, 110], page_links_are_top_level_and_use_the_names_of_json_api, |app| {
    let (ann, bob) = (app.user(), app.user());
    for relationship in ["mentor", "colleague", "subordinate"] {
        make(&ann, relationship, bob.id);
    }
    let page = |at: i64| json!(format!("{EDGES}?sort=-id&page%5Boffset%5D={at}&page%5Blimit%5D=1"));
    let answer = ann.get(&format!("{EDGES}?offset=1&sort=-id&limit=1")).expect(200);
    let expected = json!({"self": format!("{EDGES}?offset=1&sort=-id&limit=1"),
        "first": page(0), "prev": page(0), "next": page(2), "last": page(2)});
    assert_eq!(answer.body["links"], expected);
    let first = ann.get(&format!("{EDGES}?sort=-id&limit=1")).expect(200);
    assert_eq!((&first.body["links"]["prev"], &first.body["links"]["next"]), (&Value::Null, &page(1)));
    let last = ann.get(&format!("{EDGES}?sort=-id&limit=1&offset=2")).expect(200);
    assert_eq!((&last.body["links"]["prev"], &last.body["links"]["next"]), (&page(1), &Value::Null));
});

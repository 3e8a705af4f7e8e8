//! Filters on the attributes of users, and lists in the order of their last change.

use crate::both;
use crate::support::sql::Raw;
use crate::support::{App, Client, Value, edge, json};

const USERS: &str = "/api/v2/users";
const EDGES: &str = "/api/v2/user-relationships";

fn create(admin: &Client, attributes: &Value) -> i64 {
    admin.post(USERS, &json!({"data": {"type": "users", "attributes": attributes}})).expect(201).id()
}

#[track_caller]
fn lists(client: &Client, query: &str, expected: &[i64]) {
    let answer = client.get(&format!("{USERS}?sort=id&{query}")).expect(200);
    assert_eq!((answer.ids(), answer.total()), (expected.to_vec(), i64::try_from(expected.len()).unwrap()), "{query}");
}

both!(users_are_filtered_by_alt_id_unit_and_job_title, |app| {
    let admin = app.admin();
    let ann = create(
        &admin,
        &json!({"email": "a@example.com", "alt-id": "P-1", "unit": ["Sales", "Büro West"],
        "job-title": ["Chef"]}),
    );
    let bob = create(
        &admin,
        &json!({"email": "b@example.com", "alt-id": "P-2", "unit": ["Sales West"],
        "job-title": ["Sales"]}),
    );
    let cho = create(&admin, &json!({"email": "c@example.com", "alt-id": "P-1", "unit": ["100%", "a_b"]}));
    for (query, expected) in [
        ("filter[alt-id]=P-1", &[ann, cho][..]),
        ("filter[alt-id]=P-1,P-2", &[ann, bob, cho]),
        ("filter[alt-id]=P-1&filter[alt-id]=P-2", &[ann, bob, cho]),
        // Another system may distinguish these.
        ("filter[alt-id]=p-1", &[]),
        ("filter[alt-id]=P-", &[]),
        ("filter[unit]=Sales", &[ann]),
        ("filter[unit]=sales", &[ann]),
        ("filter[unit]=SALES%20%20west", &[bob]),
        ("filter[unit]=buro+West", &[ann]),
        ("filter[unit]=Sales,sales+west", &[ann, bob]),
        ("filter[unit]=Sal", &[]),
        ("filter[unit]=West", &[]),
        ("filter[unit]=Chef", &[]),
        ("filter[unit]=P-1", &[]),
        ("filter[unit]=100%25", &[cho]),
        ("filter[unit]=1%25", &[]),
        ("filter[unit]=a_b", &[cho]),
        ("filter[unit]=axb", &[]),
        ("filter[unit]=%20", &[]),
        ("filter[job-title]=chef", &[ann]),
        ("filter[job-title]=Sales", &[bob]),
        ("filter[job-title]=Sales&filter[unit]=sales+west&filter[alt-id]=P-2", &[bob]),
        ("filter[job-title]=Sales&filter[unit]=sales", &[]),
        ("filter[unit]=sales&query=chef", &[ann]),
    ] {
        lists(&admin, query, expected);
    }
    let change = json!({"data": {"type": "users", "id": ann.to_string(), "attributes": {"unit": ["Sales West"], "alt-id": null}}});
    admin.patch(&format!("{USERS}/{ann}"), &change).expect(200);
    lists(&admin, "filter[unit]=sales+west", &[ann, bob]);
    lists(&admin, "filter[alt-id]=P-1", &[cho]);
    admin.delete(&format!("{USERS}/{bob}")).expect(204);
    lists(&admin, "filter[unit]=sales+west", &[ann]);
    let disable = json!({"data": {"type": "users", "id": ann.to_string(), "attributes": {"is-enabled": false}}});
    admin.patch(&format!("{USERS}/{ann}"), &disable).expect(200);
    lists(&admin, "filter[unit]=sales+west", &[]);
    lists(&admin, "filter[unit]=sales+west&filter[is-enabled]=false", &[ann]);
});

both!(users_are_filtered_by_whether_they_are_supervisors, |app| {
    let admin = app.admin();
    let [ann, bob, cho] = ["a", "b", "c"].map(|name| create(&admin, &json!({"email": format!("{name}@example.com")})));
    admin.post(EDGES, &edge(Some(ann), "mentor", cho)).expect(201);
    lists(&admin, "filter[is-supervisor]=true", &[]);
    let first = admin.post(EDGES, &edge(Some(ann), "subordinate", bob)).expect(201).id();
    let second = admin.post(EDGES, &edge(Some(cho), "subordinate", bob)).expect(201).id();
    for (query, expected) in [
        ("filter[is-supervisor]=true", &[bob][..]),
        ("filter[is-supervisor]=false", &[admin.id, ann, cho]),
        ("filter[is-supervisor]=true,false", &[admin.id, ann, bob, cho]),
        ("filter[is-supervisor]=false,true&filter[is-supervisor]=true", &[admin.id, ann, bob, cho]),
        (&format!("filter[is-supervisor]=true&filter[id]={ann},{bob}"), &[bob]),
        ("filter[is-supervisor]=false&filter[access-level]=user", &[ann, cho]),
    ] {
        lists(&admin, query, expected);
    }
    admin.delete(&format!("{EDGES}/{first}")).expect(204);
    lists(&admin, "filter[is-supervisor]=true", &[bob]);
    admin.delete(&format!("{EDGES}/{second}")).expect(204);
    lists(&admin, "filter[is-supervisor]=true", &[]);
});

both!(an_ext_caller_filters_only_users_that_it_may_see, |app| {
    let (admin, ext) = (app.admin(), app.caller("ext"));
    let seen = create(&admin, &json!({"email": "a@example.com", "unit": ["Sales"], "alt-id": "1"}));
    create(&admin, &json!({"email": "b@example.com", "unit": ["Sales"], "alt-id": "1"}));
    admin.post(EDGES, &edge(Some(ext.id), "subordinate", seen)).expect(201);
    for query in ["filter[unit]=sales", "filter[alt-id]=1", "filter[is-supervisor]=true", "query=sales"] {
        lists(&ext, query, &[seen]);
    }
});

both!(a_malformed_filter_of_users_is_a_400_that_names_it, |app| {
    let ann = app.user();
    let many = (0..51).map(|number| number.to_string()).collect::<Vec<_>>().join(",");
    for (name, values) in [
        ("filter[alt-id]", &["", "a,", &many][..]),
        ("filter[unit]", &["", "a,,b", &many]),
        ("filter[job-title]", &["", ",a", &many]),
        ("filter[is-supervisor]", &["", "yes", "TRUE", "1"]),
    ] {
        for value in values {
            let refused = ann.get(&format!("{USERS}?{name}={value}")).refused(400, "invalid-parameter");
            assert_eq!(refused.source("parameter"), Some(name), "{value}");
            assert!(refused.body["errors"][0]["detail"].as_str().unwrap().contains(name), "{}", refused.text);
        }
    }
    for name in ["unit", "filter[Unit]", "filter[job_title]", "filter[location]"] {
        ann.get(&format!("{USERS}?{name}=a")).refused(400, "unknown-parameter");
    }
});

/// Sets the time of the last change of a row.
fn touch(app: &App, table: &str, id: i64, micros: i64) {
    Raw::connect(&app.home().url()).run(&format!("UPDATE {table} SET updated_at = {micros} WHERE id = {id}"));
}

fn assert_sorted_pages(client: &Client, list: &str, sorted: &[i64]) {
    let mut reversed = sorted.to_vec();
    reversed.reverse();
    for (sort, expected) in [("updated-at", sorted), ("-updated-at", &*reversed)] {
        assert_eq!(client.get(&format!("{list}&sort={sort}")).expect(200).ids(), expected, "{sort}");
        let page = client.get(&format!("{list}&sort={sort}&offset=1&limit=2")).expect(200);
        assert_eq!((page.ids(), page.total()), (expected[1..3].to_vec(), 4), "{sort}");
        let mut found = Vec::new();
        let mut next = Some(format!("{list}&sort={sort}&page[size]=1"));
        while let Some(url) = next {
            let page = client.get(&url).expect(200);
            next = page.body["links"]["next"].as_str().map(str::to_owned);
            found.extend(page.ids());
        }
        assert_eq!(found, expected, "{sort} by cursor");
    }
}

both!(both_lists_are_sorted_by_their_last_change, |app| {
    let admin = app.admin();
    let ids: Vec<_> = (0..4).map(|number| create(&admin, &json!({"email": format!("{number}@example.com")}))).collect();
    let only = format!("{USERS}?filter[id]={}", ids.iter().map(i64::to_string).collect::<Vec<_>>().join(","));
    // Equal times are sorted by id.
    for (id, micros) in ids.iter().zip([3_000_000, 1_000_000, 3_000_000, 2_000_000]) {
        touch(app, "users", *id, micros);
    }
    assert_sorted_pages(&admin, &only, &[ids[1], ids[3], ids[0], ids[2]]);
    let kinds = [("mentor", 1), ("colleague", 1), ("mentor", 2), ("colleague", 2)];
    let edges = kinds.map(|(kind, target)| admin.post(EDGES, &edge(Some(ids[0]), kind, ids[target])).expect(201).id());
    for (id, micros) in edges.iter().zip([3_000_000, 1_000_000, 3_000_000, 2_000_000]) {
        touch(app, "user_relationships", *id, micros);
    }
    let sorted = [edges[1], edges[3], edges[0], edges[2]];
    assert_sorted_pages(&admin, &format!("{EDGES}?user={}", ids[0]), &sorted);
    // Both ends, and several types: other statements.
    assert_sorted_pages(&admin, &format!("{EDGES}?user={}&target={},{}", ids[0], ids[1], ids[2]), &sorted);
    assert_sorted_pages(&admin, &format!("{EDGES}?user={},{}&relationship=mentor,colleague", ids[0], ids[3]), &sorted);
});

both!(sorting_more_than_10_000_users_by_last_change_is_a_400, |app| {
    let admin = app.admin();
    let numbers = match Raw::connect(&app.home().url()) {
        Raw::Sqlite(_) => {
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) SELECT i FROM n"
        }
        Raw::Postgres(_) => "SELECT i FROM generate_series(1, 10000) AS n(i)",
    };
    Raw::connect(&app.home().url()).run(&format!(
        "INSERT INTO users (email, email_key, name_key, access_level, is_enabled, profile, created_at, updated_at)
         SELECT 'u' || i || '@example.org', 'u' || i || '@example.org', '', 0, TRUE, '{{}}', 0, i
         FROM ({numbers}) AS numbers"
    ));
    app.write(|tx| tx.repair().map(drop));
    for sort in ["updated-at", "-updated-at"] {
        for page in ["limit=2", "page[size]=2"] {
            let refused = admin.get(&format!("{USERS}?sort={sort}&{page}")).refused(400, "unsupported-sort");
            assert_eq!(refused.source("parameter"), Some("sort"));
            let detail = refused.body["errors"][0]["detail"].as_str().unwrap();
            for word in ["10000", "10001 rows match", "`updated-at`", "add a filter"] {
                assert!(detail.contains(word), "{word}: {detail}");
            }
        }
        let narrowed = admin.get(&format!("{USERS}?sort={sort}&filter[access-level]=user&limit=1")).expect(200);
        assert_eq!(narrowed.total(), 10_000);
    }
    assert_eq!(admin.get(&format!("{USERS}?sort=created-at&limit=1")).expect(200).total(), 10_001);
});

//! JSON:API 1.1, "Query Parameters": items 105 to 112 of the checklist.

use crate::conformance::{Checked, EDGES, TYPES, USERS, make, make_user};
use crate::item;
use crate::support::{Client, edge, json};

/// Asserts that a query is a 400 that names the parameter.
#[track_caller]
fn unknown(client: &Checked<Client>, path: &str, query: &str, name: &str) {
    let refused = client.get(&format!("{path}?{query}")).refused(400, "unknown-parameter");
    assert_eq!(refused.source("parameter"), Some(name), "{query}");
}

item!([105, 106, 107], an_unusable_parameter_name_is_a_400_that_quotes_it, |app| {
    let ann = app.user();
    for path in [EDGES, USERS, "/api/v2/users/me", TYPES, &format!("{TYPES}/mentor")] {
        for name in [
            "foo",
            "foo[bar]",
            "_",
            "filter[_]",
            "filter[-x]",
            "filter[]",
            "filter",
            "page",
            "page[]",
            "page[number][]",
            "page[size",
            "page]size[",
            "fields[]",
            "fooBar",
            "utm_source",
            "foo-bar",
            "x:y",
            "Sort",
            "FILTER[user]",
            "filter[user.id]",
            "filter[x][]",
            "filter[user][x]",
            "user[]",
            "",
        ] {
            unknown(&ann, path, &format!("{name}=1"), name);
        }
    }
    for (path, name) in [
        (EDGES, "query"),
        (USERS, "user"),
        (USERS, "target"),
        (USERS, "filter[user][]"),
        (TYPES, "query"),
        (TYPES, "page[size]"),
        ("/api/v2/users/me", "page[number]"),
    ] {
        unknown(&ann, path, &format!("{name}=1"), name);
    }
});

item!([107], unknown_parameters_are_refused_before_anything_is_written, |app| {
    let (ann, bob) = (app.user(), app.user());
    let made = make(&ann, "mentor", bob.id);
    let url = made.header("location").unwrap();
    ann.post(&format!("{EDGES}?foo=1"), &edge(None, "colleague", bob.id)).refused(400, "unknown-parameter");
    ann.patch(&format!("{url}?page[size]=1"), &made.body).refused(400, "unknown-parameter");
    ann.patch(&format!("{url}?sort=id"), &made.body).refused(400, "unsupported-sort");
    for query in ["foo=1", "include=user", "fields[users]=name", "limit=1"] {
        assert_eq!(ann.delete(&format!("{url}?{query}")).expect(400).source("parameter"), query.split('=').next());
        ann.get(&format!("{url}/relationships/user?{query}")).expect(400);
    }
    assert_eq!(ann.get(EDGES).total(), 1);
});

item!([108], extension_parameters_are_unknown_without_the_extension, |app| {
    let ann = app.user();
    for name in ["atomic:operations", "atomic:x", "unknown:filter"] {
        unknown(&ann, EDGES, &format!("{name}=1"), name);
        unknown(&ann, EDGES, &format!("{}=1", name.replace(':', "%3A")), name);
    }
});

item!([109], a_query_is_split_first_and_decoded_once_with_plus_as_space, |app| {
    let admin = app.admin();
    let new = |first: &str, last: &str, email: &str| {
        let attributes = json!({"email": email, "first-name": first, "last-name": last});
        admin.post(USERS, &json!({"data": {"type": "users", "attributes": attributes}})).expect(201).id()
    };
    let (plain, percent) = (new("Anna", "Berg", "a@people.example"), new("100%25", "x&limit=0", "b@people.example"));
    for (query, expected) in [
        ("query=anna+berg", vec![plain]),
        ("query=anna%20berg", vec![plain]),
        ("query=an%6Ea", vec![plain]),
        ("query=an%256Ea", vec![]),
        ("query=anna%2Bberg", vec![]),
        ("query=100%2525", vec![percent]),
        ("query=x%26limit%3D0", vec![percent]),
        ("qu%65ry=anna", vec![plain]),
        ("&&query=anna&", vec![plain]),
    ] {
        assert_eq!(admin.get(&format!("{USERS}?{query}")).expect(200).ids(), expected, "{query}");
    }
    // Nothing inside of a value becomes a parameter.
    unknown(&admin, EDGES, "user%3D1=1", "user=1");
    unknown(&admin, EDGES, "limit%26user=1", "limit&user");
    admin.get(&format!("{EDGES}?user=1%26limit=5")).refused(400, "invalid-parameter");
    admin.get(&format!("{EDGES}?limit=5%26limit=6")).refused(400, "invalid-parameter");
});

item!([110], links_repeat_any_query_and_encode_it, |app| {
    let admin = app.admin();
    for number in 0..3 {
        make_user(&admin, "é&=[x] +%", number);
    }
    let query = "query=%C3%A9%26%3D%5Bx%5D+%2B%25";
    for spelled in [query.to_owned(), query.replace("%5B", "[").replace("%5D", "]"), query.replace('+', "%20")] {
        let answer = admin.get(&format!("{USERS}?{spelled}&limit=1")).expect(200);
        assert_eq!(answer.total(), 3, "{spelled}");
        let next = answer.body["links"]["next"].as_str().unwrap();
        assert!(!next.contains(['[', ']', ' ']), "{next}");
        let words = form_urlencoded::parse(next.split_once('?').unwrap().1.as_bytes()).next().unwrap();
        assert_eq!(words, ("filter[query]".into(), "é&=[x] +%".into()));
        let next = admin.get(next).expect(200);
        assert_eq!((next.total(), next.ids().len()), (3, 1));
        assert_ne!(next.ids(), answer.ids());
    }
});

item!([111], brackets_mean_the_same_encoded_or_not, |app| {
    let (ann, bob) = (app.user(), app.user());
    make(&ann, "mentor", bob.id);
    make(&bob, "mentor", ann.id);
    let encode = |query: &str| query.replace('[', "%5b").replace(']', "%5D");
    for query in [
        format!("filter[user]={}", ann.id),
        "page[limit]=1&page[offset]=1".to_owned(),
        "fields[user-relationships]=target&fields[users]=&include=user".to_owned(),
    ] {
        let (plain, encoded) = (ann.get(&format!("{EDGES}?{query}")), ann.get(&format!("{EDGES}?{}", encode(&query))));
        let (plain, encoded) = (plain.expect(200).body, encoded.expect(200).body);
        for part in ["data", "included", "meta"] {
            assert_eq!(plain[part], encoded[part], "{query}");
        }
        assert_eq!(plain["links"]["first"], encoded["links"]["first"]);
    }
    ann.get(&format!("{EDGES}?page[limit]=1&page%5Blimit%5D=1")).refused(400, "duplicate-parameter");
    ann.get(&format!("{EDGES}?filter[user]=1&filter%5Buser%5D=2")).expect(200);
});

item!([112, C1, C8], only_filters_may_be_repeated, |app| {
    let (ann, bob, cleo) = (app.user(), app.user(), app.user());
    make(&ann, "mentor", bob.id);
    make(&ann, "mentor", cleo.id);
    make(&bob, "mentor", ann.id);
    let count = |query: String| ann.get(&format!("{EDGES}?{query}")).expect(200).total();
    assert_eq!(count(format!("filter[target]={}&filter[target]={}", bob.id, cleo.id)), 2);
    assert_eq!(count(format!("filter[target]={},{}", bob.id, cleo.id)), 2);
    assert_eq!(count(format!("filter[target]={}&filter[target]={},{}", bob.id, cleo.id, ann.id)), 3);
    for (query, name) in [
        ("sort=id&sort=id", "sort"),
        ("include=user&include=target", "include"),
        ("page[limit]=1&page[limit]=1", "page[limit]"),
        ("page[size]=1&page[size]=2", "page[size]"),
        ("fields[users]=name&fields[users]=email", "fields[users]"),
        ("user=1&user=2", "user"),
        ("target=1&filter[target]=1", "filter[target]"),
        ("limit=1&page[limit]=1", "page[limit]"),
    ] {
        let refused = ann.get(&format!("{EDGES}?{query}")).refused(400, "duplicate-parameter");
        assert_eq!(refused.source("parameter"), Some(name), "{query}");
    }
});

item!([C3, C5, 74], a_limit_is_from_0_to_50_and_0_only_counts, |app| {
    let (ann, bob) = (app.user(), app.user());
    make(&ann, "mentor", bob.id);
    for list in [EDGES, USERS, TYPES] {
        for name in ["limit", "page[limit]"] {
            let counted = ann.get(&format!("{list}?{name}=0")).expect(200);
            assert_eq!(counted.body["data"], json!([]));
            assert!(counted.body["meta"]["total-count"].as_i64().is_some_and(|total| total > 0), "{}", counted.text);
            ann.get(&format!("{list}?{name}=50")).expect(200);
            let refused = ann.get(&format!("{list}?{name}=51")).refused(400, "invalid-parameter");
            assert_eq!(refused.source("parameter"), Some(name));
        }
    }
    for list in [EDGES, USERS] {
        for size in ["0", "51"] {
            ann.get(&format!("{list}?page[size]={size}")).refused(400, "invalid-parameter");
        }
        let by_cursor = ann.get(&format!("{list}?page[size]=1")).expect(200);
        let meta = &by_cursor.body["meta"];
        assert!(meta["total-count"].is_i64() && meta["total-count"] == meta["page"]["total"], "{meta}");
    }
});

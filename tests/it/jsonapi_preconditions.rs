//! Entity tags, conditional requests and the methods of every resource (RFC 9110; items 57 and H1 to H7).

use std::collections::{BTreeMap, BTreeSet};

use crate::conformance::{Checked, EDGES, TYPES, USERS, make, make_user, retyped};
use crate::item;
use crate::support::{Answer, Client, Value, json};

fn tag(answer: &Answer) -> String {
    let tag = answer.header("etag").unwrap_or_else(|| panic!("no tag: {} {}", answer.status, answer.text));
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 2, "{tag} is a strong tag");
    tag.to_owned()
}

fn known(client: &Checked<Client>, path: &str, tags: &str) -> Answer {
    client.get_with(path, &[("if-none-match", tags)])
}

/// The document that changes attributes of a resource.
fn change(kind: &str, id: &str, attributes: &Value) -> Value {
    json!({"data": {"type": kind, "id": id, "attributes": attributes}})
}

/// One resource of each type, and an update for each.
fn resources(admin: &Checked<Client>, target: i64) -> [(String, Value); 3] {
    let edge = make(admin, "mentor", target).id();
    let user = make_user(admin, "Changed", 0);
    let kind = json!({"data": {"type": "relationship-types", "id": "friend"}});
    admin.post(TYPES, &kind).expect(201);
    [
        (format!("{EDGES}/{edge}"), retyped(edge, "colleague")),
        (format!("{USERS}/{user}"), change("users", &user.to_string(), &json!({"first-name": "New"}))),
        (format!("{TYPES}/friend"), change("relationship-types", "friend", &json!({"description": "New"}))),
    ]
}

item!([H1, 57], a_resource_has_an_etag_that_changes_with_it, |app| {
    let (admin, bob) = (app.admin(), app.user());
    for (url, document) in resources(&admin, bob.id) {
        let before = tag(&admin.get(&url).expect(200));
        assert_eq!(tag(&admin.get(&url).expect(200)), before, "as long as nothing changes");
        // Only admins and the owner see who created a relationship.
        let is_for_all = !url.starts_with(EDGES);
        assert_eq!(tag(&bob.get(&url).expect(200)) == before, is_for_all, "for every caller: {url}");
        let changed = tag(&admin.patch(&url, &document).expect(200));
        assert_ne!(changed, before, "{url}");
        assert_eq!(tag(&admin.get(&url).expect(200)), changed, "the tag of an update is valid for a fetch");
        assert_eq!(tag(&admin.patch(&url, &document).expect(200)), changed, "nothing changed");
    }
    let made = make(&bob, "mentor", admin.id);
    assert_eq!(tag(&bob.get(made.header("location").unwrap()).expect(200)), tag(&made));
    let query = "include=target&fields[users]=email";
    let document = crate::support::edge(None, "colleague", admin.id);
    let made = bob.post(&format!("{EDGES}?{query}"), &document).expect(201);
    let url = made.header("location").unwrap();
    assert_eq!(tag(&bob.get(&format!("{url}?{query}")).expect(200)), tag(&made));
    let other: BTreeSet<_> = ["", "?include=target", "?include=", "?fields[user-relationships]=", "/user", "/target"]
        .map(|part| tag(&bob.get(&format!("{url}{part}")).expect(200)))
        .into();
    assert_eq!(other.len(), 6, "another document, another tag");
});

item!([H1, H2], a_list_has_an_etag_that_changes_with_its_rows, |app| {
    let (ann, bob, admin) = (app.user(), app.user(), app.admin());
    let made = make(&ann, "mentor", bob.id);
    let lists = [
        EDGES.to_owned(),
        format!("{EDGES}?page[size]=1"),
        format!("{EDGES}?limit=0"),
        format!("{EDGES}?include=target&sort=-id"),
    ];
    let tags = || lists.each_ref().map(|list| tag(&ann.get(list).expect(200)));
    let (mut all, before) = (BTreeSet::new(), tags());
    for (list, tag) in lists.iter().zip(&before) {
        let answer = known(&ann, list, tag).expect(304);
        assert_eq!((answer.header("etag"), answer.header("content-type")), (Some(&**tag), None));
        assert!(all.insert(tag.clone()), "another URL, another tag");
    }
    make(&bob, "mentor", ann.id);
    let after = tags();
    for ((list, old), new) in lists.iter().zip(&before).zip(&after) {
        assert_ne!(old, new, "{list}: the count changed");
        known(&ann, list, old).expect(200);
    }
    ann.patch(made.header("location").unwrap(), &retyped(made.id(), "colleague")).expect(200);
    assert_ne!(tags()[0], after[0]);
    let users = tag(&ann.get(USERS).expect(200));
    make_user(&admin, "Zoe", 0);
    known(&ann, USERS, &users).expect(200);
    let kinds = tag(&ann.get(TYPES).expect(200));
    known(&ann, TYPES, &kinds).expect(304);
});

item!([H2, H4, 57], a_matching_if_none_match_is_a_304_without_a_body, |app| {
    let (admin, bob) = (app.admin(), app.user());
    for (url, document) in resources(&admin, bob.id) {
        let full = admin.get(&url).expect(200);
        let tag = tag(&full);
        for sent in [&tag, &format!("W/{tag}"), "*", &format!("\"x\", {tag}"), &format!("W/\"x\" , W/{tag},\"y\"")] {
            let answer = known(&admin, &url, sent).expect(304);
            assert_eq!(
                (&*answer.text, answer.header("etag"), answer.header("vary")),
                ("", Some(&*tag), full.header("vary"))
            );
            let head = admin.send("HEAD", &url, &[("if-none-match", sent)], None).expect(304);
            assert_eq!(head.header("etag"), Some(&*tag));
        }
        for sent in ["\"x\"", "x", "", &tag.to_uppercase().replace('-', "_"), tag.trim_matches('"')] {
            known(&admin, &url, sent).expect(200);
        }
        admin.patch(&url, &document).expect(200);
        known(&admin, &url, &tag).expect(200);
        admin.delete(&url).expect(204);
        known(&admin, &url, &tag).refused(404, "not-found");
    }
    known(&app.anonymous(), EDGES, "*").refused(401, "unauthenticated");
});

item!([H3, H4, 57], writes_with_a_stale_etag_are_412_and_change_nothing, |app| {
    let (admin, bob) = (app.admin(), app.user());
    for (url, document) in resources(&admin, bob.id) {
        let stale = tag(&admin.get(&url).expect(200));
        admin.patch(&url, &document).expect(200);
        let current = admin.get(&url).expect(200);
        let now = tag(&current);
        for bad in [&stale, &format!("W/{now}"), "\"x\"", "nonsense", &format!("{stale}, W/{now}"), ""] {
            let headers = [("if-match", bad)];
            for answer in [admin.put_in("PATCH", &url, &headers, &document), admin.send("DELETE", &url, &headers, None)]
            {
                let answer = answer.refused(412, "precondition-failed");
                assert_eq!(answer.source("header"), Some("If-Match"), "{bad}");
            }
        }
        assert_eq!(admin.get(&url).expect(200).body, current.body);
        for good in [&now, "*", &format!("{stale}, {now}")] {
            admin.put_in("PATCH", &url, &[("if-match", good)], &document).expect(200);
        }
        let sparse = tag(&admin.get(&format!("{url}?fields[users]=name")).expect(200));
        admin.send("DELETE", &url, &[("if-match", &sparse)], None).expect(204);
        for tag in ["*", &now] {
            admin.put_in("PATCH", &url, &[("if-match", tag)], &document).refused(404, "not-found");
            admin.send("DELETE", &url, &[("if-match", tag)], None).refused(404, "not-found");
        }
    }
});

item!([H3], of_two_updates_of_one_version_one_is_a_412, |app| {
    let (ann, bob) = (app.user(), app.user());
    let made = make(&ann, "mentor", bob.id);
    let (url, tag) = (made.header("location").unwrap(), tag(&made));
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let threads = ["colleague", "subordinate"].map(|kind| {
            let (ann, tag, document) = (&ann, &tag, retyped(made.id(), kind));
            scope.spawn(move || ann.put_in("PATCH", url, &[("if-match", tag)], &document).status)
        });
        threads.map(|thread| thread.join().unwrap()).into()
    });
    assert_eq!(BTreeSet::from_iter(statuses), BTreeSet::from([200, 412]));
});

item!([H5], the_etag_covers_included_and_computed_values, |app| {
    let (ann, bob, cleo) = (app.user(), app.user(), app.user());
    let url = make(&ann, "mentor", bob.id).header("location").unwrap().to_owned();
    let bobs = format!("{USERS}/{}", bob.id);
    let with = [
        format!("{url}?include=target"),
        format!("{EDGES}?include=target"),
        format!("{url}/target"),
        bobs,
        USERS.into(),
    ];
    let without = [url.clone(), EDGES.to_owned(), format!("{url}?include=user")];
    let tags = |urls: &[String]| -> Vec<String> { urls.iter().map(|url| tag(&ann.get(url).expect(200))).collect() };
    let differ = |old: &[String], new: &[String]| old.iter().zip(new).all(|(old, new)| old != new);
    let (first, fixed) = (tags(&with), tags(&without));
    bob.patch("/api/v2/users/me", &json!({"data": {"attributes": {"first-name": "Robert"}}})).expect(200);
    let renamed = tags(&with);
    assert!(differ(&first, &renamed), "{first:?} {renamed:?}");
    assert_eq!(tags(&without), fixed, "users who are not shown do not count");
    // From now on bob is a supervisor, though his row has not changed.
    let edge = make(&cleo, "subordinate", bob.id).id();
    let promoted = tags(&with);
    assert!(differ(&renamed, &promoted), "{renamed:?} {promoted:?}");
    for (url, old) in with.iter().zip(&renamed) {
        known(&ann, url, old).expect(200);
    }
    cleo.delete(&format!("{EDGES}/{edge}")).expect(204);
    assert_eq!(tags(&with), renamed, "and back again");
});

item!([H6, 57], head_equals_get_without_a_body, |app| {
    let (ann, bob) = (app.user(), app.user());
    let url = make(&ann, "mentor", bob.id).header("location").unwrap().to_owned();
    let headers = |answer: &Answer| -> BTreeMap<String, Vec<u8>> {
        let all = answer.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
        all.filter(|(name, _)| !matches!(&**name, "date" | "x-request-id")).collect()
    };
    for path in [
        EDGES,
        &format!("{EDGES}?page[size]=1&include=user"),
        &format!("{EDGES}?foo=1"),
        &url,
        &format!("{url}/"),
        &format!("{url}?include=target"),
        &format!("{url}/user"),
        &format!("{url}/relationships/target"),
        &format!("{EDGES}/999999"),
        USERS,
        "/api/v2/users/me",
        &format!("{USERS}/x"),
        TYPES,
        &format!("{TYPES}/mentor"),
        "/api/v2/nothing",
        "/",
        "/docs",
        "/livez",
    ] {
        let (get, head) = (ann.get(path), ann.send("HEAD", path, &[], None));
        assert_eq!((head.status, &*head.text), (get.status, ""), "{path}");
        assert_eq!(headers(&head), headers(&get), "{path}");
        assert_eq!(head.header("content-length"), Some(&*get.text.len().to_string()), "{path}");
    }
    let strict = [("accept", "text/html")];
    assert_eq!(ann.send("HEAD", EDGES, &strict, None).status, 406);
    assert_eq!(app.anonymous().send("HEAD", EDGES, &[], None).status, 401);
});

item!([H7, 57], options_and_405_list_the_methods_of_a_resource, |app| {
    let (ann, bob) = (app.user(), app.user());
    let url = make(&ann, "mentor", bob.id).header("location").unwrap().to_owned();
    for (path, known) in [
        (EDGES, "GET HEAD OPTIONS POST"),
        (&*url, "DELETE GET HEAD OPTIONS PATCH"),
        (&format!("{url}/relationships/user"), "DELETE GET HEAD OPTIONS PATCH POST"),
        ("/api/v2/users/me", "GET HEAD OPTIONS PATCH"),
        ("/docs", "GET HEAD OPTIONS"),
    ] {
        let methods = |answer: &Answer| -> Vec<String> {
            let names = answer.header("allow").expect("Allow").split(',').map(|name| name.trim().to_owned());
            names.collect::<BTreeSet<_>>().into_iter().collect()
        };
        let options = app.anonymous().send("OPTIONS", path, &[], None).expect(204);
        assert_eq!(methods(&options).join(" "), known, "{path}");
        let refused = ann.send("PUT", path, &[], None).refused(405, "method-not-allowed");
        assert_eq!(methods(&refused).join(" "), known, "{path}");
        assert_eq!(options.header("content-type"), None);
    }
});

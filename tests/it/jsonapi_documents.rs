//! JSON:API 1.1, "Document Structure": items 20 to 51 of the checklist.

use std::collections::BTreeSet;

use crate::conformance::document::check_document;
use crate::conformance::{EDGES, JSON_API, PROFILE, TYPES, USERS, make, retyped};
use crate::item;
use crate::support::{Answer, Value, edge, json, without_authors};

/// All values of the members called `name`, at any depth.
fn all_of<'v>(value: &'v Value, name: &str, found: &mut Vec<&'v Value>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get(name));
            members.values().for_each(|member| all_of(member, name, found));
        }
        Value::Array(items) => items.iter().for_each(|item| all_of(item, name, found)),
        _ => {}
    }
}

fn members(answer: &Answer) -> BTreeSet<&str> {
    answer.body.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn the_checker_detects_documents_that_break_a_rule() {
    let resource = json!({"type": "users", "id": "1", "attributes": {"a": 1}, "links": {"self": "/x"},
        "relationships": {"r": {"data": {"type": "users", "id": "2"}, "links": {"self": "/x", "related": "/y"}}}});
    let sound = json!({"jsonapi": {"version": "1.1"}, "data": [resource], "included": [{"type": "users", "id": "2"}],
        "links": {"self": "/x?a%5Bb%5D=1", "next": null}, "meta": {"n": 1}});
    assert_eq!(check_document(&sound, false), Ok(()));
    let nothing = json!(null);
    for (place, value) in [
        ("/total", json!(1)),
        ("/data", nothing.clone()),
        ("/errors", json!([{"status": "400"}])),
        ("/included", json!({})),
        ("/included", json!([{"type": "users", "id": "3"}])),
        ("/included", json!([{"type": "users", "id": "1"}])),
        ("/meta", nothing.clone()),
        ("/meta", json!({"_x": 1})),
        ("/links", json!([])),
        ("/links/first", json!("/x?a[b]=1")),
        ("/links/next", json!("")),
        ("/links/next", json!({"type": "x"})),
        ("/links/other", json!("/x")),
        ("/jsonapi/version", json!(1.1)),
        ("/jsonapi/meta", nothing.clone()),
        ("/jsonapi/profile", json!([PROFILE])),
        ("/data/0/foo", json!(1)),
        ("/data/0/id", json!(1)),
        ("/data/0/type", nothing.clone()),
        ("/data/0/type", json!("a b")),
        ("/data/0/attributes", json!([])),
        ("/data/0/attributes/id", json!(1)),
        ("/data/0/attributes/r", json!(1)),
        ("/data/0/attributes/-a", json!(1)),
        ("/data/0/meta", nothing.clone()),
        ("/data/0/relationships", nothing.clone()),
        ("/data/0/relationships/r", json!({})),
        ("/data/0/relationships/r/links", json!({})),
        ("/data/0/relationships/r/data", json!({"type": "users", "id": 2})),
        ("/data/0/relationships/r/data", json!([{"type": "users"}])),
        ("/data/0/relationships/r/x", json!(1)),
    ] {
        let mut broken = sound.clone();
        let (parent, name) = place.rsplit_once('/').unwrap();
        broken.pointer_mut(parent).unwrap()[name] = value;
        assert!(check_document(&broken, false).is_err(), "{place} {broken}");
    }
    for broken in [
        json!([]),
        json!({}),
        json!({"jsonapi": {}}),
        json!({"included": [], "meta": {}}),
        json!({"errors": []}),
        json!({"errors": [{}]}),
        json!({"errors": [{"status": 400}]}),
        json!({"errors": [{"code": "x", "detail": null}]}),
        json!({"errors": [{"code": "x", "source": {}}]}),
        json!({"errors": [{"code": "x", "source": {"pointer": "", "header": "x"}}]}),
        json!({"errors": [{"code": "x", "links": {"type": ["x"]}}]}),
        json!({"errors": [{"code": "x", "meta": null}]}),
    ] {
        assert!(check_document(&broken, false).is_err(), "{broken}");
    }
}

item!([20, 22, 23, 24, 25, 34, 36, 45, 46, 48, 49], documents_of_every_kind_have_exactly_their_members, |app| {
    let (ann, bob, admin) = (app.user(), app.user(), app.admin());
    let one = make(&ann, "mentor", bob.id);
    let url = one.header("location").unwrap().to_owned();
    // The client checks the inside of each member.
    for (expected, answer) in [
        ("data jsonapi", one),
        ("data jsonapi", ann.get(&url)),
        ("data included jsonapi", ann.get(&format!("{url}?include=user"))),
        ("data jsonapi", ann.get(&format!("{url}?fields[user-relationships]=target"))),
        ("data jsonapi links", ann.get(&format!("{url}/relationships/user"))),
        ("data jsonapi", ann.get(&format!("{url}/target"))),
        ("data jsonapi links meta", ann.get(EDGES)),
        ("data included jsonapi links meta", ann.get(&format!("{EDGES}?include=target,user&sort=-id"))),
        ("data jsonapi links meta", ann.get(&format!("{EDGES}?limit=0"))),
        ("data jsonapi links meta", ann.get(&format!("{EDGES}?page[size]=1"))),
        ("data jsonapi links meta", ann.get(USERS)),
        ("data jsonapi links meta", ann.get(&format!("{USERS}?page[size]=1&sort=-created-at"))),
        ("data jsonapi", ann.get("/api/v2/users/me")),
        ("data jsonapi links meta", ann.get(TYPES)),
        ("data jsonapi", ann.get(&format!("{TYPES}/mentor"))),
        ("jsonapi links meta", ann.get("/")),
        ("jsonapi links meta", ann.get("/livez")),
        ("jsonapi links meta", ann.get("/readyz?verbose")),
        ("data jsonapi", ann.patch("/api/v2/users/me", &json!({"data": {"attributes": {"first-name": "Ann"}}}))),
        (
            "data jsonapi",
            admin.post(USERS, &json!({"data": {"type": "users", "attributes": {"email": "a@b.example"}}})),
        ),
        ("errors jsonapi", ann.get(&format!("{EDGES}?limit=x&include=x&sort=x&fields[users]=x&page[size]=x"))),
        ("errors jsonapi", ann.post(EDGES, &edge(None, "mentor", bob.id))),
        ("jsonapi meta", ann.send("DELETE", &url, &[("prefer", "return=representation")], None)),
    ] {
        assert_eq!(members(&answer).into_iter().collect::<Vec<_>>().join(" "), expected, "{}", answer.text);
    }
});

item!([21, 50, C8], undefined_members_of_a_request_are_ignored, |app| {
    let (ann, bob) = (app.user(), app.user());
    let mut document = edge(Some(ann.id), "mentor", bob.id);
    document["meta"] = json!({});
    for place in ["", "/data", "/data/relationships/user", "/data/relationships/target/data"] {
        let object = document.pointer_mut(place).unwrap();
        for (name, value) in [("foo", json!(1)), ("@id", json!({"id": 1})), ("Bar", json!(null)), ("lid", json!("x"))] {
            object[name] = value;
        }
    }
    document["data"]["attributes"]["@relationship"] = json!("colleague");
    document["data"]["relationships"]["@target"] = json!({"data": null});
    let made = ann.post(EDGES, &document).expect(201);
    assert_eq!(made.body["data"]["attributes"]["relationship"], "mentor");
    for name in ["foo", "Bar", "@", "lid"] {
        assert!(!made.text.contains(name), "{}", made.text);
    }
    document["data"]["id"] = json!(made.id().to_string());
    document["data"]["attributes"]["relationship"] = json!("colleague");
    let changed = ann.patch(&format!("{EDGES}/{}", made.id()), &document).expect(200);
    assert_eq!(changed.body["data"]["attributes"]["relationship"], "colleague");
    let me = json!({"data": {"attributes": {"@context": 1, "first-name": "Ann"}, "foo": {}}, "@x": []});
    assert_eq!(ann.patch("/api/v2/users/me", &me).expect(200).body["data"]["attributes"]["first-name"], "Ann");
});

item!([26, 29, 30, 39, 41], a_resource_is_an_object_and_a_collection_an_array, |app| {
    let (ann, bob, cleo) = (app.user(), app.user(), app.user());
    assert_eq!(ann.get(EDGES).expect(200).body["data"], json!([]));
    for (count, target) in [(1, &bob), (2, &cleo)] {
        let made = make(&ann, "mentor", target.id);
        assert_eq!(ann.get(EDGES).expect(200).body["data"].as_array().map(Vec::len), Some(count));
        let url = made.header("location").unwrap();
        let data = &made.body["data"];
        assert_eq!((&data["type"], &data["id"]), (&json!("user-relationships"), &json!(made.id().to_string())));
        for (end, user) in [("user", &ann), ("target", target)] {
            let identifier = json!({"type": "users", "id": user.id.to_string()});
            assert_eq!(data["relationships"][end]["data"], identifier);
            assert_eq!(ann.get(&format!("{url}/relationships/{end}")).expect(200).body["data"], identifier);
            let related = ann.get(&format!("{url}/{end}")).expect(200);
            assert_eq!((&related.body["data"]["type"], related.id()), (&json!("users"), user.id));
        }
    }
    let kind = ann.get(&format!("{TYPES}/mentor")).expect(200);
    assert_eq!(
        (&kind.body["data"]["type"], &kind.body["data"]["id"]),
        (&json!("relationship-types"), &json!("mentor"))
    );
});

item!([27, 47], self_is_a_link_object_where_a_profile_applies, |app| {
    let ann = app.user();
    for list in [EDGES, USERS] {
        for query in ["page[size]=3", "page%5Bsize%5D=3&sort=-id"] {
            let answer = ann.get(&format!("{list}?{query}")).expect(200);
            let this = &answer.body["links"]["self"];
            assert_eq!(this["type"].as_str(), answer.header("content-type"));
            assert_eq!(this["href"], json!(format!("{list}?{query}")));
            assert_eq!(ann.get(this["href"].as_str().unwrap()).expect(200).body, answer.body);
        }
        assert!(ann.get(list).expect(200).body["links"]["self"].is_string());
    }
});

item!([28, C1], the_self_link_of_a_list_repeats_the_requested_url, |app| {
    let ann = app.user();
    for query in [
        "limit=5&offset=0",
        "page[limit]=5",
        "page%5blimit%5d=5",
        "relationship=mentor,colleague&sort=-id&include=",
        "filter[user]=1&filter[user]=2&fields[users]=&fields%5Buser-relationships%5D=target%2Cuser",
    ] {
        let url = format!("{EDGES}?{query}");
        assert_eq!(ann.get(&url).expect(200).body["links"]["self"], json!(url));
    }
    for plain in [EDGES, USERS, TYPES] {
        assert_eq!(ann.get(plain).expect(200).body["links"]["self"], json!(plain));
        assert_eq!(ann.get(&format!("{plain}/")).expect(200).body["links"]["self"], json!(plain));
    }
    let spaced = ann.get(&format!("{USERS}?query=a+b%20c&filter[email]=a%40b")).expect(200);
    assert_eq!(spaced.body["links"]["self"], json!(format!("{USERS}?query=a+b%20c&filter[email]=a%40b")));
});

item!([46], links_encode_characters_that_a_uri_must_not_contain, |app| {
    let ann = app.user();
    for query in ["query=a|b{c}", "query=100%", "query=%41%4g", "query=%C3%A9%22%3C%7C"] {
        let head = format!("GET {USERS}?{query} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
        let answer = ann.raw(format!("{head}authorization: {}\r\n\r\n", ann.authorization().unwrap()).as_bytes());
        let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
        assert!(head.starts_with("HTTP/1.1 200"), "{query}: {head}");
        let document: Value = serde_json::from_str(body).expect("a document");
        assert_eq!(check_document(&document, false), Ok(()), "{query}");
        let this = document["links"]["self"].as_str().expect("a link");
        let read = |query: &str| form_urlencoded::parse(query.as_bytes()).into_owned().collect::<Vec<_>>();
        assert_eq!(read(this.split_once('?').unwrap().1), read(query), "{this} means the same");
    }
});

item!([31, 33, 35, 49], field_names_are_unique_and_never_foreign_keys, |app| {
    let (ann, bob) = (app.user(), app.user());
    let made = make(&ann, "mentor", bob.id);
    let expected =
        BTreeSet::from(["relationship", "created-at", "updated-at", "user", "target", "created-by", "updated-by"]);
    let data = made.body["data"].clone();
    let names = |part: &str| data[part].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let found: Vec<_> = [names("attributes"), names("relationships")].concat();
    assert_eq!(found.iter().map(String::as_str).collect::<BTreeSet<_>>(), expected);
    assert_eq!(found.len(), expected.len());
    let known = ["alt-id"];
    for list in [EDGES, USERS, TYPES] {
        let answer = ann.get(list).expect(200);
        let mut attributes = Vec::new();
        all_of(&answer.body, "attributes", &mut attributes);
        for name in attributes.iter().flat_map(|all| all.as_object().unwrap().keys()) {
            let is_key = name.ends_with("-id") || name.ends_with("_id");
            assert!(!is_key || known.contains(&&**name), "{name}: `alt-id` is an id in another system");
        }
    }
    // One id, one resource: the same user wherever it is shown.
    let everywhere = [
        ann.get(&format!("{USERS}/{}", bob.id)).body["data"].clone(),
        bob.get("/api/v2/users/me").body["data"].clone(),
        ann.get(&format!("{EDGES}/{}/target", made.id())).body["data"].clone(),
        ann.get(&format!("{EDGES}/{}?include=target", made.id())).body["included"][0].clone(),
        ann.get(&format!("{USERS}?filter[id]={}", bob.id)).body["data"][0].clone(),
    ];
    assert!(everywhere.iter().all(|user| *user == everywhere[0] && user.is_object()), "{everywhere:?}");
});

item!([38], related_links_do_not_depend_on_the_linkage, |app| {
    let (ann, bob) = (app.user(), app.user());
    let me = || ann.get("/api/v2/users/me").expect(200).body["data"]["relationships"].clone();
    let before = me();
    let count = |name: &str| ann.get(before[name]["links"]["related"].as_str().unwrap()).expect(200).total();
    assert_eq!((count("user-relationships"), count("targeted-by")), (0, 0));
    make(&ann, "mentor", bob.id);
    make(&bob, "mentor", ann.id);
    assert_eq!(me(), before);
    assert_eq!((count("user-relationships"), count("targeted-by")), (1, 1));
});

item!([40, C4], the_self_link_of_every_resource_shows_that_resource, |app| {
    let (ann, bob) = (app.user(), app.user());
    let id = make(&ann, "mentor", bob.id).id();
    ann.patch(&format!("{EDGES}/{id}"), &retyped(id, "colleague")).expect(200);
    for list in [EDGES, USERS, TYPES, &format!("{EDGES}?include=user,target")] {
        let answer = ann.get(list).expect(200);
        let included = answer.body["included"].as_array().cloned().unwrap_or_default();
        for resource in answer.body["data"].as_array().unwrap().iter().chain(&included) {
            let shown = ann.get(resource["links"]["self"].as_str().unwrap()).expect(200);
            assert_eq!(without_authors(&shown.body["data"]), *resource);
        }
    }
});

item!([42, 43, 44], twenty_relationships_to_one_user_include_it_once, |app| {
    let (ann, bob, admin) = (app.user(), app.user(), app.admin());
    for number in 0..18 {
        let user = crate::conformance::make_user(&admin, "Ann", number);
        admin.post(EDGES, &edge(Some(user), "mentor", bob.id)).expect(201);
    }
    make(&ann, "mentor", bob.id);
    make(&bob, "mentor", ann.id);
    let answer = ann.get(&format!("{EDGES}?include=target,user")).expect(200);
    assert_eq!((answer.total(), answer.ids().len()), (20, 20));
    let included = answer.body["included"].as_array().unwrap();
    assert_eq!(included.len(), 20, "18, ann and bob");
    let targets = ann.get(&format!("{EDGES}?include=target")).expect(200);
    let ids: BTreeSet<_> = targets.body["included"].as_array().unwrap().iter().map(|it| it["id"].to_string()).collect();
    let mut linked = Vec::new();
    all_of(&targets.body["data"], "target", &mut linked);
    assert_eq!(ids, linked.iter().map(|target| target["data"]["id"].to_string()).collect());
    assert_eq!(ids.len(), 2);
    let none = ann.get(&format!("{EDGES}?include=target&relationship=colleague")).expect(200);
    assert_eq!(none.body["included"], json!([]));
});

item!([20, 48, 113], responses_without_a_handler_are_documents_too, |app| {
    let (ann, anonymous) = (app.user(), app.anonymous());
    let deep = "[".repeat(200);
    for (status, answer) in [
        (404, anonymous.get("/x")),
        (405, anonymous.send("PUT", "/", &[], None)),
        (401, anonymous.get("/api/v2/x")),
        (404, ann.get("/api/v2/x")),
        (405, ann.send("BREW", USERS, &[], None)),
        (400, ann.send("POST", EDGES, &[JSON_API], Some(deep.as_bytes()))),
        (400, ann.send("POST", EDGES, &[JSON_API], Some(b"\xff"))),
    ] {
        let answer = answer.expect(status);
        assert_eq!(members(&answer), BTreeSet::from(["errors", "jsonapi"]));
    }
});

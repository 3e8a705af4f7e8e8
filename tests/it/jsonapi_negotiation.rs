//! JSON:API 1.1, "Content Negotiation": items 1 to 19 of the checklist, and our own rules.

use crate::conformance::{EDGES, JSON_API, PROFILE, TYPES, USERS, make};
use crate::item;
use crate::support::{Answer, Value, edge, json};

const JA: &str = "application/vnd.api+json";
const ATOMIC: &str = "https://jsonapi.org/ext/atomic";
const FOREIGN: &str = "application/vnd.api+json; ext=\"https://unknown.example/x\"";

fn is_plain(answer: &Answer) -> bool {
    answer.header("content-type") == Some(JA) && answer.body["jsonapi"] == json!({"version": "1.1"})
}

item!([1, 2, 15], every_response_is_json_api_and_varies_by_accept, |app| {
    let (ann, bob, anonymous) = (app.user(), app.user(), app.anonymous());
    let made = make(&ann, "mentor", bob.id);
    let one = made.header("location").unwrap().to_owned();
    let large = vec![b' '; 2 * 1024 * 1024];
    let with = |headers: &[(&str, &str)], body: &[u8]| ann.send("POST", EDGES, headers, Some(body));
    let answers = [
        (201, made),
        (200, ann.get(EDGES)),
        (200, ann.get(&one)),
        (200, ann.get(USERS)),
        (200, ann.get(TYPES)),
        (200, ann.get(&format!("{one}/relationships/target"))),
        (200, anonymous.get("/")),
        (400, ann.get(&format!("{EDGES}?x=1"))),
        (400, with(&[JSON_API], b"{")),
        (401, anonymous.get(EDGES)),
        (403, bob.delete(&one)),
        (404, ann.get("/nothing/here")),
        (404, ann.get(&format!("{EDGES}/999999"))),
        (405, ann.send("PUT", EDGES, &[], None)),
        (406, ann.get_with(EDGES, &[("accept", "text/html")])),
        (409, ann.post(EDGES, &edge(None, "mentor", bob.id))),
        (413, with(&[JSON_API], &large)),
        (414, ann.get(&format!("/{}", "x".repeat(9000)))),
        (415, with(&[], b"{}")),
        (422, ann.post(EDGES, &edge(None, "mentor", ann.id))),
    ];
    for (status, answer) in answers {
        assert!(is_plain(&answer.expect(status)), "{status}");
    }
    // Responses without a body vary too; the client checks it.
    ann.send("OPTIONS", EDGES, &[], None).expect(204);
    ann.send("HEAD", EDGES, &[], None).expect(200);
    ann.delete(&one).expect(204);
});

item!([3, 5], the_content_type_names_the_cursor_profile_only_where_it_applies, |app| {
    let ann = app.user();
    for list in [EDGES, USERS] {
        for query in ["page[size]=2", "page%5Bsize%5D=1"] {
            let answer = ann.get(&format!("{list}?{query}")).expect(200);
            assert_eq!(answer.header("content-type"), Some(&*format!("{JA};profile=\"{PROFILE}\"")));
            assert_eq!(answer.body["jsonapi"], json!({"version": "1.1", "profile": [PROFILE]}));
        }
        assert!(is_plain(&ann.get(&format!("{list}?page[limit]=2")).expect(200)));
    }
});

item!([4, 7, 11, 12], an_extension_is_refused_where_it_is_not_supported, |app| {
    let (ann, bob) = (app.user(), app.user());
    let document = edge(None, "mentor", bob.id).to_string();
    for sent in
        [FOREIGN, &format!("{JA};ext=\"{ATOMIC} https://unknown.example/x\""), &format!("{JA};ext=\"{ATOMIC}\"")]
    {
        let refused = ann.send("POST", EDGES, &[("content-type", sent)], Some(document.as_bytes()));
        assert_eq!(refused.refused(415, "unsupported-media-type").source("header"), Some("Content-Type"), "{sent}");
    }
    for sent in
        [FOREIGN, &format!("{FOREIGN}, {FOREIGN};q=0.5"), &format!("{JA};ext=\"{ATOMIC} https://unknown.example/x\"")]
    {
        let refused = ann.get_with(EDGES, &[("accept", sent)]).refused(406, "not-acceptable");
        assert_eq!(refused.source("header"), Some("Accept"), "{sent}");
    }
    for sent in [format!("{FOREIGN}, {JA}"), format!("{JA}, {FOREIGN}"), format!("{JA};ext=\"{ATOMIC}\", {JA}")] {
        assert!(is_plain(&ann.get_with(EDGES, &[("accept", &sent)]).expect(200)), "{sent}");
    }
    let named = ann.get_with(EDGES, &[("accept", &format!("{JA};ext=\"{ATOMIC}\""))]).expect(200);
    assert!(is_plain(&named), "accepting an extension does not apply it");
    assert_eq!(ann.get(EDGES).total(), 0);
});

item!([4, 51], the_content_type_names_the_atomic_extension_where_it_applies, |app| {
    let (ann, bob) = (app.user(), app.user());
    let media_type = format!("{JA};ext=\"{ATOMIC}\"");
    let add = json!({"op": "add", "data": edge(None, "mentor", bob.id)["data"]});
    let body = json!({"atomic:operations": [add]}).to_string();
    let headers = [("content-type", &*media_type), ("accept", &*media_type)];
    let done = ann.send("POST", "/api/v2/operations", &headers, Some(body.as_bytes())).expect(200);
    assert_eq!((done.header("content-type"), &done.body["jsonapi"]["ext"]), (Some(&*media_type), &json!([ATOMIC])));
    let own: Vec<_> = done.body.as_object().unwrap().keys().filter(|name| name.contains(':')).collect();
    assert_eq!(own, ["atomic:results"]);
    assert!(is_plain(&ann.get(EDGES).expect(200)));
});

item!([6, N6], a_body_with_an_unknown_media_type_parameter_is_a_415, |app| {
    let (ann, bob) = (app.user(), app.user());
    let document = edge(None, "mentor", bob.id).to_string();
    let post = |sent: &str| ann.send("POST", EDGES, &[("content-type", sent)], Some(document.as_bytes()));
    for sent in ["; charset=utf-8", ";q=0.5", "; profile=\"https://a.example/\"; version=1", ";Charset=\"utf-8\""] {
        let refused = post(&format!("{JA}{sent}")).refused(415, "unsupported-media-type");
        assert_eq!(refused.source("header"), Some("Content-Type"), "{sent}");
        let patched = ann.send("PATCH", "/api/v2/users/me", &[("content-type", &format!("{JA}{sent}"))], Some(b"{}"));
        patched.refused(415, "unsupported-media-type");
    }
    assert_eq!(ann.get(EDGES).total(), 0);
    post("Application/VND.API+JSON ; PROFILE=\"https://a.example/\"").expect(201);
});

item!([8, 16], unknown_profiles_and_the_jsonapi_member_of_a_body_change_nothing, |app| {
    let (ann, bob) = (app.user(), app.user());
    let strange = format!("{JA};profile=\"https://unknown.example/a https://unknown.example/b\"");
    assert!(is_plain(&ann.get_with(EDGES, &[("accept", &strange)]).expect(200)));
    let mut document = edge(None, "mentor", bob.id);
    document["jsonapi"] = json!({"version": "9.9", "ext": ["https://unknown.example/x"], "profile": [PROFILE]});
    let headers = [("content-type", &*strange), ("accept", &*strange)];
    let made = ann.send("POST", EDGES, &headers, Some(document.to_string().as_bytes())).expect(201);
    assert!(is_plain(&made));
});

item!([9, 10, 13, N5], accept_ranges_with_unknown_parameters_are_skipped, |app| {
    let ann = app.user();
    for good in [
        format!("{JA}; foo=1, {JA}"),
        format!("{JA};q=0.5"),
        format!("{JA};q=1.0, text/html;q=0.1"),
        format!("{JA}; profile=\"https://a.example/\"; q=0.9"),
        format!("{JA};foo=1;q=0.2, {JA};q=0.1"),
        format!("text/html, {JA}"),
    ] {
        ann.get_with(EDGES, &[("accept", &good)]).expect(200);
    }
    for bad in [
        format!("{JA}; foo=1"),
        format!("{JA}; foo=1, {JA}; charset=utf-8"),
        format!("{JA}; foo=1, {FOREIGN}"),
        format!("{JA}; foo=1; profile=\"https://a.example/\""),
        format!("text/html, {JA}; foo=1"),
        format!("{JA};q=0"),
    ] {
        let refused = ann.get_with(EDGES, &[("accept", &bad)]).refused(406, "not-acceptable");
        assert_eq!(refused.source("header"), Some("Accept"), "{bad}");
    }
    let several = [("accept", "text/html"), ("accept", JA)];
    ann.get_with(EDGES, &several).expect(200);
});

item!([14, N6], a_profile_in_accept_applies_with_or_without_a_final_slash, |app| {
    let ann = app.user();
    for list in [EDGES, USERS] {
        for uri in [PROFILE.to_owned(), format!("{PROFILE}/"), format!("https://a.example/ {PROFILE}")] {
            for accept in [format!("{JA};profile=\"{uri}\""), format!("text/html, {JA};Profile=\"{uri}\";q=0.5")] {
                let answer = ann.get_with(list, &[("accept", &accept)]).expect(200);
                assert_eq!(answer.body["jsonapi"]["profile"], json!([PROFILE]), "{accept}");
                assert!(answer.body["meta"]["page"]["total"].is_i64());
            }
        }
    }
    let accept = format!("{JA};profile=\"{PROFILE}\"");
    let one = ann.get_with("/api/v2/users/me", &[("accept", &accept)]).expect(200);
    assert!(is_plain(&one), "it has no pages");
    let by_offset = ann.get_with(&format!("{EDGES}?limit=5"), &[("accept", &accept)]).expect(200);
    assert!(is_plain(&by_offset), "an offset is not a cursor");
});

item!([N1, N2], accept_must_allow_json_api_or_json, |app| {
    let ann = app.user();
    assert!(is_plain(&ann.get(EDGES).expect(200)));
    for good in ["*/*", "application/*", "application/json", "text/html, */*;q=0.1", "APPLICATION/JSON;q=0.3"] {
        assert!(is_plain(&ann.get_with(EDGES, &[("accept", good)]).expect(200)), "{good}");
    }
    for bad in ["text/html", "text/*", "application/xml, text/html;q=0.9", "*/*;q=0", "application/json;q=0"] {
        ann.get_with(EDGES, &[("accept", bad)]).refused(406, "not-acceptable");
        ann.send("DELETE", &format!("{EDGES}/1"), &[("accept", bad)], None).refused(406, "not-acceptable");
    }
});

item!([N3], plain_json_bodies_are_accepted_and_other_types_are_415, |app| {
    let (ann, bob) = (app.user(), app.user());
    let document = edge(None, "mentor", bob.id).to_string();
    let send = |headers: &[(&str, &str)]| ann.send("POST", EDGES, headers, Some(document.as_bytes()));
    for bad in ["text/plain", "application/xml", "application/x-www-form-urlencoded", "*/*", "json", ""] {
        let refused = send(&[("content-type", bad)]).refused(415, "unsupported-media-type");
        assert!(refused.body["errors"][0]["detail"].as_str().unwrap().contains(JA), "the right one is named");
    }
    send(&[]).refused(415, "unsupported-media-type");
    send(&[JSON_API, JSON_API]).refused(415, "unsupported-media-type");
    let made = send(&[("content-type", "application/json; charset=utf-8")]).expect(201);
    assert!(is_plain(&made));
    let change: Value = json!({"data": {"type": "user-relationships", "id": made.id().to_string()}});
    let json = [("content-type", "application/json")];
    ann.send("PATCH", &format!("{EDGES}/{}", made.id()), &json, Some(change.to_string().as_bytes())).expect(200);
});

item!([N4, C8], content_type_is_ignored_without_a_document, |app| {
    let (ann, bob) = (app.user(), app.user());
    let one = make(&ann, "mentor", bob.id).header("location").unwrap().to_owned();
    for sent in ["application/json", "text/plain", "nonsense", FOREIGN, "application/vnd.api+json; charset=utf-8"] {
        for path in [EDGES, &one, USERS, "/api/v2/users/me", TYPES] {
            assert!(is_plain(&ann.get_with(path, &[("content-type", sent)]).expect(200)), "{sent} {path}");
        }
    }
    ann.send("DELETE", &one, &[("content-type", FOREIGN)], Some(b"{}")).expect(204);
});

item!([C1], strict_handling_refuses_bare_names_and_plain_json, |app| {
    let (ann, bob) = (app.user(), app.user());
    make(&ann, "mentor", bob.id);
    let strict = ("prefer", "handling=strict");
    for (list, name) in [
        (EDGES, "offset=0"),
        (EDGES, "limit=1"),
        (EDGES, "user=1"),
        (EDGES, "target=1"),
        (EDGES, "relationship=mentor"),
        (USERS, "query=x"),
        (USERS, "offset=0"),
        (TYPES, "limit=1"),
    ] {
        let url = format!("{list}?{name}");
        ann.get(&url).expect(200);
        let refused = ann.get_with(&url, &[strict]).refused(400, "unknown-parameter");
        assert_eq!(refused.source("parameter"), name.split('=').next());
        assert_eq!(refused.header("preference-applied"), Some("handling=strict"));
    }
    for strict in [strict, ("prefer", "respond-async, Handling=\"strict\"; x=1")] {
        let listed = ann.get_with(&format!("{EDGES}?page[limit]=1&filter[relationship]=mentor"), &[strict]).expect(200);
        assert_eq!((listed.total(), listed.header("preference-applied")), (1, Some("handling=strict")));
    }
    let document = edge(None, "colleague", bob.id).to_string();
    let json = ("content-type", "application/json");
    let refused = ann.send("POST", EDGES, &[json, strict], Some(document.as_bytes()));
    refused.refused(415, "unsupported-media-type");
    ann.send("POST", EDGES, &[JSON_API, strict], Some(document.as_bytes())).expect(201);
    let lenient = ann.get_with(&format!("{EDGES}?limit=1"), &[("prefer", "handling=lenient")]).expect(200);
    assert_eq!(lenient.header("preference-applied"), None);
});

item!([C1], responses_vary_by_prefer, |app| {
    let ann = app.user();
    let url = format!("{EDGES}?limit=1");
    for (headers, status) in [(&[][..], 200), (&[("prefer", "handling=strict")], 400), (&[("prefer", "x")], 200)] {
        let answer = ann.get_with(&url, headers).expect(status);
        let vary = answer.header("vary").unwrap().to_ascii_lowercase();
        assert!(vary.split(',').any(|name| name.trim() == "prefer"), "{vary}: a cache must keep them apart");
    }
});

item!([102, C8], prefer_return_representation_replaces_a_204, |app| {
    let (ann, bob, admin) = (app.user(), app.user(), app.admin());
    let wish = [("prefer", "return=representation")];
    let one = make(&ann, "mentor", bob.id).header("location").unwrap().to_owned();
    let kind = json!({"data": {"type": "relationship-types", "id": "friend"}});
    admin.post(TYPES, &kind).expect(201);
    for (client, path) in [(&ann, one), (&admin, format!("{TYPES}/friend")), (&admin, format!("{USERS}/{}", bob.id))] {
        let gone = client.send("DELETE", &path, &wish, None).expect(200);
        assert!(gone.body.get("data").is_none() && gone.body["meta"].is_object(), "{}", gone.text);
        assert_eq!(gone.header("preference-applied"), Some("return=representation"));
        client.send("DELETE", &path, &wish, None).refused(404, "not-found");
    }
});

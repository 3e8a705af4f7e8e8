//! Requests as client libraries, form encoders and editors really send them.

use crate::both;
use crate::support::groups::{GROUPS, GroupFixture, MEMBERS};
use crate::support::{Answer, Client, Value, edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const USERS: &str = "/api/v2/users";
const TYPES: &str = "/api/v2/relationship-types";

fn make(owner: &Client, relationship: &str, target: i64) -> i64 {
    owner.post(EDGES, &edge(None, relationship, target)).expect(201).id()
}

fn send(client: &Client, method: &str, url: &str, media_type: &str, body: &str) -> Answer {
    client.send(method, url, &[("content-type", media_type)], Some(body.as_bytes()))
}

both!(filters_may_be_sent_as_arrays, |app| {
    let (ann, bob, cleo) = (app.user(), app.user(), app.user());
    let made = [make(&ann, "mentor", bob.id), make(&ann, "colleague", bob.id), make(&ann, "mentor", cleo.id)];
    let (bob, cleo) = (bob.id, cleo.id);
    for query in [
        format!("filter[target][]={bob}&filter[target][]={cleo}"),
        format!("filter%5Btarget%5D%5B%5D={bob}&filter%5Btarget%5D%5B%5D={cleo}"),
        format!("filter[target][0]={bob}&filter[target][1]={cleo}"),
        format!("filter[target][7]={bob},{cleo}&filter[target]={bob}"),
        "filter[relationship][]=mentor&filter[relationship][1]=colleague".to_owned(),
    ] {
        let all = ann.get(&format!("{EDGES}?{query}&limit=2")).expect(200);
        assert_eq!((all.ids(), all.total()), (made[..2].to_vec(), 3), "{query}");
        let next = ann.get(all.body["links"]["next"].as_str().unwrap()).expect(200);
        assert_eq!((next.ids(), next.total()), (made[2..].to_vec(), 3), "{query}");
    }
    let one = ann.get(&format!("{EDGES}?filter[target][]={cleo}&filter[relationship][0]=mentor")).expect(200);
    assert_eq!(one.ids(), [made[2]]);
    let people = ann.get(&format!("{USERS}?filter[id][]={bob}&filter[id][]={cleo}&sort=id")).expect(200);
    assert_eq!(people.ids(), [bob, cleo]);
    for (query, name, code) in [
        ("filter[target][]=x", "filter[target][]", "invalid-parameter"),
        ("filter[target][x]=1", "filter[target][x]", "unknown-parameter"),
        ("target[]=1", "target[]", "unknown-parameter"),
        ("target=1&filter[target][]=1", "filter[target][]", "duplicate-parameter"),
        ("page[limit][]=1", "page[limit][]", "unknown-parameter"),
        ("include[]=user", "include[]", "unknown-parameter"),
    ] {
        let refused = ann.get(&format!("{EDGES}?{query}")).refused(400, code);
        assert_eq!(refused.source("parameter"), Some(name), "{query}");
    }
});

both!(
    page_numbers_with_page_sizes_are_offset_pages,
    |config| {
        config.max_offset = 6;
    },
    |app| {
        let fixture = GroupFixture::new(app);
        let ann = app.user();
        let made: Vec<_> = (0..5).map(|_| make(&ann, "mentor", app.user().id)).collect();
        let url = format!("{EDGES}?filter[user]={}&page[number]=2&page[size]=2", ann.id);
        let page = ann.get(&url).expect(200);
        assert_eq!((page.ids(), page.total()), (made[2..4].to_vec(), 5));
        assert_eq!(page.header("content-type"), Some("application/vnd.api+json"), "no profile is applied");
        assert!(page.body["meta"].get("page").is_none() && page.body["data"][0].get("meta").is_none(), "{}", page.text);
        let link = |number: i64| {
            json!(format!("{EDGES}?filter%5Buser%5D={}&page%5Bnumber%5D={number}&page%5Bsize%5D=2", ann.id))
        };
        let links = &page.body["links"];
        assert_eq!(
            [&links["first"], &links["prev"], &links["next"], &links["last"]],
            [&link(1), &link(1), &link(3), &link(3)]
        );
        assert_eq!(links["self"], json!(url));
        let last = ann.get(links["next"].as_str().unwrap()).expect(200);
        assert_eq!((last.ids(), &last.body["links"]["next"]), (made[4..].to_vec(), &json!(null)));
        let profile =
            "application/vnd.api+json;profile=\"https://jsonapi.org/profiles/ethanresnick/cursor-pagination\"";
        let offset = ann.send("GET", &url, &[("accept", profile)], None).expect(200);
        assert_eq!(offset.body["links"], *links);
        // The largest number is that of the page at `MAX_OFFSET`.
        let beyond = ann.get(&format!("{EDGES}?page[number]=4&page[size]=2")).expect(200);
        assert_eq!((beyond.ids(), &beyond.body["links"]["next"]), (vec![], &json!(null)));
        for list in [USERS, GROUPS, MEMBERS, TYPES, &format!("{GROUPS}/{}/members", fixture.groups[0])] {
            let (first, both) = (format!("{list}?page[number]=2&page[size]=1"), format!("{list}?limit=2"));
            let (second, both) = (fixture.ann.get(&first).expect(200), fixture.ann.get(&both).expect(200));
            assert_eq!(second.body["data"][0], both.body["data"][1], "{list}");
        }
    }
);

both!(
    invalid_page_numbers_are_400,
    |config| {
        config.max_offset = 6;
    },
    |app| {
        let ann = app.user();
        let refused = |list: &str, query: &str, parameter: &str| {
            let refused = ann.get(&format!("{list}?{query}")).refused(400, "invalid-parameter");
            let sources: Vec<_> = refused.body["errors"]
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it["source"]["parameter"].as_str())
                .collect();
            assert!(sources.contains(&Some(parameter)), "{query}: {}", refused.text);
            refused.body["errors"][0]["detail"].as_str().unwrap().to_owned()
        };
        for number in ["0", "-1", "x", "", "1.0", "+1", "%201", "5", "9223372036854775807", "99999999999999999999"] {
            let detail = refused(EDGES, &format!("page[number]={number}&page[size]=2"), "page[number]");
            assert!(detail.contains("from 1 to 4") && detail.contains("cursors"), "{detail}");
        }
        for list in [EDGES, USERS, GROUPS, MEMBERS, TYPES] {
            assert!(refused(list, "page[number]=1", "page[number]").contains("`page[size]`"));
            for size in ["0", "51", "x", "-1", ""] {
                refused(list, &format!("page[number]=1&page[size]={size}"), "page[size]");
            }
            for (other, name) in [
                ("page[offset]=0", "page[offset]"),
                ("offset=0", "offset"),
                ("page[limit]=1", "page[limit]"),
                ("limit=1", "limit"),
            ] {
                refused(list, &format!("page[number]=1&page[size]=1&{other}"), name);
            }
        }
        for name in ["page[after]", "page[before]"] {
            refused(EDGES, &format!("page[number]=1&page[size]=1&{name}=x"), name);
        }
        let no_cursors = ann.get(&format!("{TYPES}?page[size]=1")).refused(400, "unknown-parameter");
        assert!(
            no_cursors.body["errors"][0]["detail"].as_str().unwrap().contains("`page[number]`"),
            "{}",
            no_cursors.text
        );
        ann.get(&format!("{EDGES}?page[number]=1&page[number]=1&page[size]=1")).refused(400, "duplicate-parameter");
    }
);

both!(fields_may_name_the_id, |app| {
    let ann = app.user();
    let id = make(&ann, "mentor", app.user().id);
    let url = format!("{EDGES}/{id}");
    let only_id = ann.get(&format!("{url}?fields[user-relationships]=id")).expect(200);
    assert_eq!(only_id.body, ann.get(&format!("{url}?fields[user-relationships]=")).expect(200).body);
    let list = ann.get(&format!("{USERS}?fields[users]=id,email")).expect(200);
    let attributes = list.body["data"][0]["attributes"].as_object().unwrap();
    assert_eq!(attributes.keys().collect::<Vec<_>>(), ["email"]);
    for (url, kind) in [(TYPES, "relationship-types"), (GROUPS, "groups"), (MEMBERS, "group-members")] {
        ann.get(&format!("{url}?fields[{kind}]=id")).expect(200);
    }
    let refused = ann.get(&format!("{USERS}?fields[users]=id,size")).refused(400, "unknown-field");
    assert!(refused.body["errors"][0]["detail"].as_str().unwrap().contains("`size`"), "{}", refused.text);
});

both!(sort_takes_further_keys_that_cannot_change_the_order, |app| {
    let ann = app.admin();
    let mut made: Vec<_> = (0..3).map(|_| make(&ann, "mentor", app.user().id)).collect();
    for sort in ["id", "created-at,id", "id,-created-at", "created-at,created-at,id", "id,id,-id"] {
        assert_eq!(ann.get(&format!("{EDGES}?sort={sort}")).expect(200).ids(), made, "{sort}");
    }
    made.reverse();
    for sort in ["-created-at,-id", "-id,created-at", "-created-at,-id,id"] {
        for page in ["", "&page[size]=20"] {
            assert_eq!(ann.get(&format!("{EDGES}?sort={sort}{page}")).expect(200).ids(), made, "{sort}");
        }
    }
    for (list, sort) in [
        (EDGES, "-created-at,id"),
        (EDGES, "created-at,-id"),
        (EDGES, "id,name"),
        (EDGES, "id,"),
        (USERS, "name,created-at"),
        (USERS, "created-at,name,id"),
        (GROUPS, "id,group-type"),
    ] {
        let refused = ann.get(&format!("{list}?sort={sort}")).refused(400, "unsupported-sort");
        assert_eq!(refused.source("parameter"), Some("sort"), "{sort}");
    }
    ann.get(&format!("{USERS}?sort=name,id,created-at")).expect(200);
    ann.get(&format!("{GROUPS}?sort=-id,-id")).expect(200);
});

both!(filters_of_users_take_me, |app| {
    let fixture = GroupFixture::new(app);
    let (ann, bob): (&Client, _) = (&fixture.ann, app.user());
    let (to, from) = (make(ann, "mentor", bob.id), make(&bob, "mentor", ann.id));
    for (query, expected) in [
        ("filter[user]=me", vec![to]),
        ("user=me", vec![to]),
        ("filter[target]=me", vec![from]),
        ("target=me&limit=1", vec![from]),
        ("filter[user]=me&filter[target]=me", vec![]),
    ] {
        assert_eq!(ann.get(&format!("{EDGES}?{query}")).expect(200).ids(), expected, "{query}");
    }
    let both = ann.get(&format!("{EDGES}?filter[user]=me,{}&limit=1", bob.id)).expect(200);
    assert_eq!((both.ids(), both.total()), (vec![to], 2));
    assert_eq!(ann.get(both.body["links"]["next"].as_str().unwrap()).expect(200).ids(), [from]);
    for (me, id) in [
        (format!("{GROUPS}?filter[owner]=me"), format!("{GROUPS}?filter[owner]={}", ann.id)),
        (format!("{MEMBERS}?filter[user]=me"), format!("{MEMBERS}?filter[user]={}", ann.id)),
    ] {
        let (me, id) = (ann.get(&me).expect(200), ann.get(&id).expect(200));
        assert_eq!((me.ids(), me.total()), (id.ids(), id.total()));
    }
    for query in ["filter[user]=Me", "filter[user]=me,", "filter[user]=ME", "filter[target]=you"] {
        ann.get(&format!("{EDGES}?{query}")).refused(400, "invalid-parameter");
    }
});

both!(a_null_user_on_create_is_the_caller, |app| {
    let (ann, bob, admin) = (app.user(), app.user(), app.admin());
    let document = |relationship: &str| {
        let mut document = edge(None, relationship, bob.id);
        document["data"]["relationships"]["user"] = json!({"data": null, "links": {"related": "/x"}});
        document
    };
    for (client, relationship, headers) in
        [(&ann, "mentor", vec![]), (&ann, "colleague", vec![("idempotency-key", "k")]), (&admin, "mentor", vec![])]
    {
        let headers = [&[("content-type", "application/vnd.api+json")], &*headers].concat();
        let body = document(relationship).to_string();
        let made = client.send("POST", EDGES, &headers, Some(body.as_bytes())).expect(201);
        assert_eq!(made.body["data"]["relationships"]["user"]["data"]["id"], json!(client.id.to_string()));
    }
    let atomic = "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\"";
    let operations = json!({"atomic:operations": [{"op": "add", "data": document("subordinate")["data"]}]});
    let done = send(&ann, "POST", "/api/v2/operations", atomic, &operations.to_string()).expect(200);
    let made = &done.body["atomic:results"][0]["data"];
    assert_eq!(made["relationships"]["user"]["data"]["id"], json!(ann.id.to_string()));
    // Only the owner may be null, and only on create.
    let mut no_target = edge(None, "mentor", bob.id);
    no_target["data"]["relationships"]["target"]["data"] = json!(null);
    ann.post(EDGES, &no_target).refused(422, "invalid-relationship");
    let id = made["id"].as_str().unwrap();
    let mut change = document("mentor");
    change["data"]["id"] = json!(id);
    change["data"]["relationships"].as_object_mut().unwrap().remove("target");
    let refused = ann.patch(&format!("{EDGES}/{id}"), &change).refused(422, "invalid-relationship");
    assert_eq!(refused.source("pointer"), Some("/data/relationships/user/data"));
});

both!(a_body_may_begin_with_a_byte_order_mark, |app| {
    let (admin, bob) = (app.admin(), app.user());
    let json_api = "application/vnd.api+json";
    let marked = |document: &Value| format!("\u{feff}{document}");
    let made = send(&admin, "POST", EDGES, json_api, &marked(&edge(None, "mentor", bob.id))).expect(201);
    let url = format!("{EDGES}/{}", made.id());
    let change = json!({"data": {"type": "user-relationships", "id": made.id().to_string(), "attributes": {"relationship": "colleague"}}});
    send(&admin, "PATCH", &url, "application/json", &marked(&change)).expect(200);
    let person = json!({"data": {"type": "users", "attributes": {"email": "bom@example.com"}}});
    send(&admin, "POST", USERS, json_api, &marked(&person)).expect(201);
    let atomic = format!("{json_api};ext=\"https://jsonapi.org/ext/atomic\"");
    let remove = json!({"atomic:operations": [{"op": "remove", "ref": {"type": "user-relationships", "id": made.id().to_string()}}]});
    send(&admin, "POST", "/api/v2/operations", &atomic, &marked(&remove)).expect(200);
    let group = json!({
        "form_configuration_name": "reference_rest_api_relationship_create",
        "parent_resource_id": "special_group",
        "form": {"properties": {"group_name": "Captains"}},
    });
    send(&admin, "POST", "/api/user/relationships", "application/json", &marked(&group)).expect(201);
    for bad in ["\u{feff}", "\u{feff}\u{feff}{}"] {
        send(&admin, "POST", USERS, json_api, bad).refused(400, "malformed-json");
    }
});

both!(the_token_scheme_takes_further_options, |app| {
    let ann = app.user();
    let secret = ann.authorization().unwrap().split_once('=').unwrap().1.trim_matches('"').to_owned();
    for good in [
        format!("Token token=\"{secret}\", email=\"ann@example.com\""),
        format!("Token token={secret}, email=ann@example.com"),
        format!("token email=\"a, token=\\\"x\\\"\";TOKEN=\"{secret}\""),
        format!("Token token=\"{secret}\",nonce=\"1\""),
        format!("Bearer {secret}"),
    ] {
        let me = ann.with_authorization(&good).get("/api/v2/users/me").expect(200);
        assert_eq!(me.id(), ann.id, "{good}");
    }
    for bad in [
        format!("Token email=\"{secret}\""),
        format!("Token token=\"{secret}\", token=\"{secret}\""),
        format!("Token token=\"x\", token=\"{secret}\""),
        format!("Token email=\"x, token={secret}"),
    ] {
        ann.with_authorization(&bad).get("/api/v2/users/me").refused(401, "unauthenticated");
    }
});

//! Reading users: lists, search, filters and single reads.

use crate::both;
use crate::support::{App, Client, Value, edge, json};

const URL: &str = "/api/v2/users";
const EDGES: &str = "/api/v2/user-relationships";

/// An admin and the users that it creates.
struct Fixture {
    admin: Client,
}

impl Fixture {
    fn new(app: &App) -> Self {
        Self { admin: app.named("zzz@example.org", "admin") }
    }

    /// A user with that name and address.
    fn user(&self, first: &str, last: &str, email: &str) -> i64 {
        self.user_with(&json!({"first-name": first, "last-name": last, "email": email}))
    }

    fn user_with(&self, attributes: &Value) -> i64 {
        self.admin.post(URL, &json!({"data": {"type": "users", "attributes": attributes}})).expect(201).id()
    }

    /// Asserts that a query lists these users, in this order, with their total.
    #[track_caller]
    fn lists(&self, query: &str, expected: &[i64]) {
        lists(&self.admin, query, expected);
    }
}

#[track_caller]
fn lists(client: &Client, query: &str, expected: &[i64]) {
    let answer = client.get(&format!("{URL}?{query}")).expect(200);
    let total = i64::try_from(expected.len()).unwrap();
    assert_eq!((answer.ids(), answer.total()), (expected.to_vec(), total), "{query}");
}

both!(users_are_sorted_by_name_ignoring_case, |app| {
    let fixture = Fixture::new(app);
    let bea = fixture.user("bea", "Young", "1@example.com");
    let nameless = fixture.user_with(&json!({"email": "aaa@example.com"}));
    let ann = fixture.user("Ann", "Zuse", "3@example.com");
    let first = fixture.user("ANN", "berg", "4@example.com");
    let same = fixture.user("Ann", "Berg", "2@example.com");
    fixture.lists("", &[fixture.admin.id, nameless, first, same, ann, bea]);
});

both!(a_page_of_users_has_the_total_and_links_to_other_pages, |app| {
    let fixture = Fixture::new(app);
    let ids: Vec<_> = (0..5).map(|n| fixture.user("Ann", &format!("Berg{n}"), &format!("{n}@example.com"))).collect();
    let page = fixture.admin.get(&format!("{URL}/?query=berg&limit=2&page[offset]=2")).expect(200);
    assert_eq!((page.ids(), page.total()), (ids[2..4].to_vec(), 5));
    let base = format!("{URL}?filter%5Bquery%5D=berg");
    for (name, offset) in [("first", 0), ("prev", 0), ("next", 4), ("last", 4)] {
        let link = format!("{base}&page%5Boffset%5D={offset}&page%5Blimit%5D=2");
        assert_eq!(page.body["links"][name], json!(link));
        assert_eq!(fixture.admin.get(&link).expect(200).total(), 5);
    }
    let count = fixture.admin.get(&format!("{URL}?query=berg&limit=0")).expect(200);
    assert_eq!((count.ids(), count.total()), (Vec::new(), 5));
});

both!(a_search_matches_users_with_every_word_in_name_or_address, |app| {
    let fixture = Fixture::new(app);
    let ann = fixture.user("Ann-Marie", "von Berg", "Boss@Alpha.example");
    let bob = fixture.user("Bob", "Bergson", "bob@beta.example");
    let eva = fixture.user("Éva", "ÅSTRÖM", "eva@alpha.example");
    for (query, expected) in [
        ("berg", &[ann, bob][..]),
        ("BERG+marie", &[ann]),
        ("marie%20BERG", &[ann]),
        ("berg+alpha", &[ann]),
        ("berg%09%20+bob++", &[bob]),
        ("alpha", &[ann, eva]),
        ("boss@", &[ann]),
        ("berg+alpha+bob", &[]),
        ("%C3%A9va", &[eva]),
        ("%C3%A5str%C3%B6m+%C3%89VA", &[eva]),
        ("on+be", &[ann, bob]),
    ] {
        for name in ["query", "filter[query]", "filter%5Bquery%5D"] {
            fixture.lists(&format!("{name}={query}"), expected);
        }
    }
});

both!(pattern_characters_are_literal_in_a_search, |app| {
    let fixture = Fixture::new(app);
    let odd = fixture.user("50%_off!", "a\\b'c\"[d]*", "odd@example.com");
    fixture.user("50x", "yoff", "even@example.com");
    for query in ["%25", "_", "50%25_", "!", "%5C", "'", "%22", "[d]", "*", "a%5Cb'c", "%25_off!"] {
        fixture.lists(&format!("query={query}"), &[odd]);
    }
    for query in ["5%25f", "%25%25", "__", "50_", "!!", "'%20OR%201=1"] {
        fixture.lists(&format!("query={query}"), &[]);
    }
});

both!(users_are_filtered_by_id_address_and_level, |app| {
    let fixture = Fixture::new(app);
    let ann = fixture.user("Ann", "Berg", "Ann@Example.com");
    let bob = fixture.user("Bob", "Berg", "bob@example.com");
    let ext = fixture.user_with(&json!({"email": "ext@example.com", "access-level": "ext", "first-name": "X"}));
    let out = fixture.user_with(&json!({"email": "out@example.com", "access-level": "excluded", "first-name": "Y"}));
    for (query, expected) in [
        (format!("filter[id]={ann}"), &[ann][..]),
        (format!("filter[id]={bob},{ann},{bob},999999"), &[ann, bob]),
        (format!("filter[id]={bob}&filter[id]={ann}"), &[ann, bob]),
        ("filter[id]=999999".to_owned(), &[]),
        ("filter[email]=ANN@example.COM".to_owned(), &[ann]),
        ("filter[email]=ann@example.com,bob@example.com".to_owned(), &[ann, bob]),
        ("filter[email]=ann@example".to_owned(), &[]),
        ("filter[email]=%25@example.com".to_owned(), &[]),
        ("filter[access-level]=ext".to_owned(), &[ext]),
        ("filter[access-level]=ext,excluded".to_owned(), &[ext, out]),
        ("filter[access-level]=admin".to_owned(), &[fixture.admin.id]),
        (format!("filter[access-level]=user&filter[id]={ann},{ext}"), &[ann]),
        (format!("filter[id]={ann},{bob}&query=bob"), &[bob]),
    ] {
        fixture.lists(&query, expected);
    }
});

both!(only_admins_see_disabled_users_in_lists, |app| {
    let fixture = Fixture::new(app);
    let ann = app.named("ann@example.com", "user");
    let gone = fixture.user_with(&json!({"email": "gone@example.com", "is-enabled": false}));
    let everybody = [fixture.admin.id, ann.id, gone];
    fixture.lists("", &everybody[..2]);
    fixture.lists("filter[is-enabled]=true", &everybody[..2]);
    fixture.lists("filter[is-enabled]=false", &[gone]);
    fixture.lists("filter[is-enabled]=true,false", &everybody);
    fixture.lists(&format!("filter[id]={gone}&filter[is-enabled]=false"), &[gone]);
    for query in ["query=gone", "filter[email]=gone@example.com"] {
        fixture.lists(query, &[]);
        lists(&ann, query, &[]);
    }
    lists(&ann, "", &everybody[..2]);
    lists(&ann, "filter[is-enabled]=false", &[]);
    lists(&ann, "filter[is-enabled]=true,false", &everybody[..2]);
    fixture.admin.get(&format!("{URL}/{gone}")).expect(200);
});

both!(an_unknown_parameter_of_users_is_a_400_that_names_it, |app| {
    let ann = app.user();
    let too_many = format!("filter[id]={}", (1..=51).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
    for (query, code, parameter) in [
        ("user=1", "unknown-parameter", "user"),
        ("filter[user]=1", "unknown-parameter", "filter[user]"),
        ("id=1", "unknown-parameter", "id"),
        ("email=a@b.example", "unknown-parameter", "email"),
        ("query=a&query=b", "duplicate-parameter", "query"),
        ("query=a&filter[query]=b", "duplicate-parameter", "filter[query]"),
        ("filter[id]=x", "invalid-parameter", "filter[id]"),
        ("filter[id]=", "invalid-parameter", "filter[id]"),
        (&too_many, "invalid-parameter", "filter[id]"),
        ("filter[is-enabled]=yes", "invalid-parameter", "filter[is-enabled]"),
        ("filter[is-enabled]=", "invalid-parameter", "filter[is-enabled]"),
        ("filter[access-level]=Admin", "invalid-parameter", "filter[access-level]"),
        ("query=a%00", "invalid-parameter", "query"),
        ("filter[email]=a%00@b.example", "invalid-parameter", "filter[email]"),
        ("limit=51", "invalid-parameter", "limit"),
    ] {
        let answer = ann.get(&format!("{URL}?{query}")).refused(400, code);
        assert_eq!(answer.source("parameter"), Some(parameter), "{query}");
    }
});

both!(a_user_has_every_attribute_and_related_links, |app| {
    let fixture = Fixture::new(app);
    let id = fixture.user_with(&json!({"email": "ann@example.com", "first-name": "Ann", "phone": ["1", "2"]}));
    let shown = app.user().get(&format!("{URL}/{id}")).expect(200);
    let attributes = &shown.body["data"]["attributes"];
    let expected = json!({
        "type": "users",
        "id": id.to_string(),
        "attributes": {
            "name": "Ann", "first-name": "Ann", "last-name": null, "email": "ann@example.com", "description": null,
            "additional-info": null, "location": [], "unit": [], "phone": ["1", "2"], "mobile": [], "job-title": [],
            "website": [], "skype": [], "twitter": [], "alt-id": null, "is-enabled": true, "access-level": "user",
            "is-supervisor": false, "created-at": attributes["created-at"], "updated-at": attributes["updated-at"],
        },
        "relationships": {
            "user-relationships": {"links": {"related": format!("{EDGES}?filter%5Buser%5D={id}")}},
            "targeted-by": {"links": {"related": format!("{EDGES}?filter%5Btarget%5D={id}")}},
        },
        "links": {"self": format!("{URL}/{id}")},
    });
    assert_eq!(shown.body["data"], expected);
    for name in ["created-at", "updated-at"] {
        chrono::DateTime::parse_from_rfc2822(attributes[name].as_str().unwrap()).unwrap();
    }
    let listed = fixture.admin.get(&format!("{URL}?filter[id]={id}")).expect(200);
    assert_eq!(listed.body["data"][0], expected);
});

both!(me_returns_the_caller_with_its_real_id, |app| {
    for client in [app.user(), app.admin(), app.caller("ext")] {
        let me = client.get(&format!("{URL}/me")).expect(200);
        assert_eq!(me.id(), client.id);
        assert_eq!(me.body["data"]["links"]["self"], json!(format!("{URL}/{}", client.id)));
        assert_eq!(client.get(&format!("{URL}/me/")).expect(200).body["data"], me.body["data"]);
        assert_eq!(client.get(&format!("{URL}/{}", client.id)).expect(200).body["data"], me.body["data"]);
    }
});

both!(an_unknown_user_is_a_404, |app| {
    let admin = app.admin();
    for id in ["999999", "0", "01", "-1", "x", "ME", "9223372036854775808"] {
        admin.get(&format!("{URL}/{id}")).refused(404, "not-found");
        let document = json!({"data": {"attributes": {}}});
        admin.patch(&format!("{URL}/{id}"), &document).refused(404, "not-found");
        admin.delete(&format!("{URL}/{id}")).refused(404, "not-found");
    }
});

both!(is_supervisor_is_true_while_a_user_has_subordinates, |app| {
    let (ann, bob, cleo) = (app.user(), app.user(), app.user());
    let is_supervisor = |client: &Client| {
        let one = client.get(&format!("{URL}/me")).expect(200).body["data"]["attributes"]["is-supervisor"].clone();
        let listed = client.get(&format!("{URL}?filter[id]={}", client.id)).expect(200);
        assert_eq!(listed.body["data"][0]["attributes"]["is-supervisor"], one);
        one.as_bool().unwrap()
    };
    let states = || [&ann, &bob, &cleo].map(is_supervisor);
    let make = |owner: &Client, kind: &str, target: &Client| {
        owner.post(EDGES, &edge(None, kind, target.id)).expect(201).header("location").unwrap().to_owned()
    };
    make(&ann, "mentor", &bob);
    assert_eq!(states(), [false; 3]);
    let (first, second) = (make(&ann, "subordinate", &bob), make(&cleo, "subordinate", &bob));
    assert_eq!(states(), [false, true, false]);
    ann.delete(&first).expect(204);
    assert_eq!(states(), [false, true, false]);
    let id = second.rsplit('/').next().unwrap();
    let change = |kind: &str| {
        let attributes = json!({"relationship": kind});
        let document = json!({"data": {"type": "user-relationships", "id": id, "attributes": attributes}});
        cleo.patch(&second, &document).expect(200);
    };
    change("colleague");
    assert_eq!(states(), [false; 3]);
    change("subordinate");
    assert_eq!(states(), [false, true, false]);
    app.admin().delete(&format!("{URL}/{}", cleo.id)).expect(204);
    assert_eq!([&ann, &bob].map(is_supervisor), [false; 2]);
    app.assert_no_drift();
});

both!(a_search_has_at_most_fifty_different_words, |app| {
    let fixture = Fixture::new(app);
    let ann = fixture.user("Ann", "Berg", "ann@example.com");
    fixture.lists(&format!("query={}", vec!["ann"; 1_500].join("+")), &[ann]);
    let different = |count: i32| (0..count).map(|number| number.to_string()).collect::<Vec<_>>().join("+");
    fixture.lists(&format!("query={}", different(50)), &[]);
    for (name, count) in [("query", 51), ("filter[query]", 1_500)] {
        let answer = fixture.admin.get(&format!("{URL}?{name}={}", different(count))).refused(400, "invalid-parameter");
        assert_eq!(answer.source("parameter"), Some(name));
    }
});

both!(without_the_subordinate_type_no_user_is_a_supervisor, |app| {
    let (admin, ann, bob) = (app.admin(), app.user(), app.user());
    let kind = "/api/v2/relationship-types/subordinate";
    let is_supervisor =
        || bob.get(&format!("{URL}/me")).expect(200).body["data"]["attributes"]["is-supervisor"].as_bool().unwrap();
    let make =
        || ann.post(EDGES, &edge(None, "subordinate", bob.id)).expect(201).header("location").unwrap().to_owned();
    for _ in 0..2 {
        let made = make();
        assert!(is_supervisor());
        ann.delete(&made).expect(204);
        admin.delete(kind).expect(204);
        assert!(!is_supervisor());
        let document = json!({"data": {"type": "relationship-types", "id": "subordinate"}});
        admin.post("/api/v2/relationship-types", &document).expect(201);
        assert!(!is_supervisor());
    }
});

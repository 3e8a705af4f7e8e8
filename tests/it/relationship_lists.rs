//! Lists of relationships: filters, pages, exact counts and the links between pages.

use std::collections::BTreeSet;

use user_relationships::domain::relationships::{self, NewRelationship};
use user_relationships::domain::users;
use user_relationships::model::caller::Caller;
use user_relationships::model::id::UserId;
use user_relationships::model::user::{Field, Value as Held};

use crate::both;
use crate::support::{Answer, App, Client, Value, edge};

const URL: &str = "/api/v2/user-relationships";

/// Three users and the edges between them.
struct Fixture {
    ann: Client,
    bob: Client,
    cleo: Client,
    /// In the order of creation: ann to bob as mentor and as colleague, ann to cleo as mentor, bob to cleo as mentor
    /// and as subordinate.
    ids: [i64; 5],
}

impl Fixture {
    fn new(app: &App) -> Self {
        let (ann, bob, cleo) = (app.user(), app.user(), app.user());
        let make = |owner: &Client, relationship: &str, target: &Client| {
            owner.post(URL, &edge(None, relationship, target.id)).expect(201).id()
        };
        let ids = [
            make(&ann, "mentor", &bob),
            make(&ann, "colleague", &bob),
            make(&ann, "mentor", &cleo),
            make(&bob, "mentor", &cleo),
            make(&bob, "subordinate", &cleo),
        ];
        Self { ann, bob, cleo, ids }
    }

    /// Asserts that a query, in which `ann`, `bob` and `cleo` stand for their ids, lists these relationships.
    #[track_caller]
    fn lists(&self, query: &str, expected: &[usize]) {
        let query = self.filled(query);
        let answer = self.ann.get(&format!("{URL}?{query}")).expect(200);
        let expected: Vec<_> = expected.iter().map(|number| self.ids[*number]).collect();
        assert_eq!((answer.ids(), answer.total()), (expected.clone(), count(&expected)), "{query}");
    }

    /// Asserts that a query is a 400 with that code for that parameter.
    #[track_caller]
    fn refuses(&self, query: &str, code: &str, parameter: &str) {
        let query = self.filled(query);
        let answer = self.ann.get(&format!("{URL}?{query}")).refused(400, code);
        assert_eq!(answer.source("parameter"), Some(parameter), "{query}");
    }

    fn filled(&self, query: &str) -> String {
        let id = |client: &Client| client.id.to_string();
        query.replace("ann", &id(&self.ann)).replace("bob", &id(&self.bob)).replace("cleo", &id(&self.cleo))
    }
}

/// Creates `size` relationships of one owner, each to a new user, and returns their ids.
fn crowd(app: &App, owner: &Client, size: usize) -> Vec<i64> {
    let owner = UserId::new(owner.id);
    app.write(move |tx| {
        let mut made = Vec::new();
        for number in 0..size {
            let email = vec![(Field::Email, Held::Text(format!("crowd{number}@example.com")))];
            let target = users::create(tx, &Caller::OPERATOR, None, &email)?.id;
            let new = NewRelationship::of_type(Some(owner), target, "colleague");
            made.push(relationships::create(tx, &Caller::OPERATOR, &new)?.id.get());
        }
        Ok(made)
    })
}

fn count<T>(rows: &[T]) -> i64 {
    i64::try_from(rows.len()).expect("a number of rows")
}

fn link<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    let links = answer.body["links"].as_object().expect("links");
    assert!(links.contains_key(name), "`{name}` is in {}", answer.text);
    links[name].as_str()
}

both!(each_filter_narrows_list_and_count_under_both_names, |app| {
    let fixture = Fixture::new(app);
    fixture.lists("", &[0, 1, 2, 3, 4]);
    for (bare, name) in
        [("user", "filter[user]"), ("target", "filter[target]"), ("relationship", "filter[relationship]")]
    {
        let cases: &[(&str, &[usize])] = match bare {
            "user" => &[("ann", &[0, 1, 2]), ("ann,bob", &[0, 1, 2, 3, 4]), ("cleo", &[])],
            "target" => &[("bob", &[0, 1]), ("cleo", &[2, 3, 4]), ("cleo,bob", &[0, 1, 2, 3, 4])],
            _ => &[("mentor", &[0, 2, 3]), ("colleague,subordinate", &[1, 4])],
        };
        for (value, expected) in cases {
            for spelling in [bare, name, &name.replace('[', "%5B").replace(']', "%5D")] {
                fixture.lists(&format!("{spelling}={value}"), expected);
                fixture.lists(&format!("{spelling}={}", value.replace(',', "%2C")), expected);
            }
            let repeated = value.replace(',', &format!("&{name}="));
            fixture.lists(&format!("{name}={repeated}"), expected);
        }
    }
});

both!(combined_filters_match_rows_that_match_all, |app| {
    let fixture = Fixture::new(app);
    let cases: &[(&str, &[usize])] = &[
        ("user=ann&target=bob", &[0, 1]),
        ("user=ann&target=bob&relationship=mentor", &[0]),
        ("user=ann&relationship=mentor", &[0, 2]),
        ("target=cleo&relationship=mentor", &[2, 3]),
        ("filter[target]=cleo&filter[relationship]=mentor,subordinate", &[2, 3, 4]),
        ("user=ann,bob&target=cleo&relationship=mentor", &[2, 3]),
        ("user=ann,bob&filter[target]=bob,cleo&relationship=mentor,colleague", &[0, 1, 2, 3]),
        ("user=bob&target=ann", &[]),
        ("user=ann&target=ann", &[]),
    ];
    for (query, expected) in cases {
        fixture.lists(query, expected);
    }
});

both!(a_value_repeated_in_a_filter_counts_once, |app| {
    let fixture = Fixture::new(app);
    for query in [
        "user=ann,ann,ann",
        "filter[user]=ann&filter[user]=ann",
        "filter[user]=ann,ann&filter%5Buser%5D=ann",
        "user=ann%2Cann",
    ] {
        fixture.lists(query, &[0, 1, 2]);
    }
    fixture.lists("relationship=mentor,mentor&target=cleo,cleo", &[2, 3]);
    let fifty: Vec<_> = (1..=49).map(|number| (1_000_000 + number).to_string()).collect();
    fixture.lists(&format!("user=ann,{},ann", fifty.join(",")), &[0, 1, 2]);
});

both!(a_filter_by_an_unknown_id_or_type_matches_nothing, |app| {
    let fixture = Fixture::new(app);
    for query in [
        "user=999999",
        "target=9223372036854775807",
        "relationship=stranger",
        "user=ann&relationship=stranger",
        "user=999999&target=bob",
        "user=999999,999998&target=999999",
        "relationship=stranger,foe",
    ] {
        fixture.lists(query, &[]);
    }
    fixture.lists("user=ann,999999&relationship=mentor,stranger", &[0, 2]);
});

both!(an_invalid_value_is_a_400_that_names_the_parameter, |app| {
    let fixture = Fixture::new(app);
    for value in ["", "0", "-1", "+1", "01", "1.0", "x", "1,,2", "1,", "9223372036854775808", "1%00", "%FF", "1;2"] {
        for name in ["user", "filter[user]", "target", "filter[target]"] {
            fixture.refuses(&format!("{name}={value}"), "invalid-parameter", name);
        }
    }
    for value in ["", "Mentor", "1a", "-a", "a_b", "a%20b", "mentor,", "%C3%A4", &"a".repeat(65)] {
        fixture.refuses(&format!("relationship={value}"), "invalid-parameter", "relationship");
    }
    let too_many: Vec<_> = (1..=51).map(|number| number.to_string()).collect();
    fixture.refuses(&format!("user={}", too_many.join(",")), "invalid-parameter", "user");
    fixture.refuses(
        &format!("filter[target]={}", too_many.join("&filter[target]=")),
        "invalid-parameter",
        "filter[target]",
    );
    for value in ["", "-1", "+1", "1.5", "x", "51", "99999999999999999999", "%201"] {
        fixture.refuses(&format!("limit={value}"), "invalid-parameter", "limit");
        fixture.refuses(&format!("page[limit]={value}"), "invalid-parameter", "page[limit]");
    }
    for value in ["", "-1", "x", "100001", "9223372036854775808"] {
        fixture.refuses(&format!("offset={value}"), "invalid-parameter", "offset");
    }
});

both!(an_unknown_or_repeated_parameter_is_a_400_that_names_it, |app| {
    let fixture = Fixture::new(app);
    for name in
        ["utm", "Limit", "filter[User]", "filter[]", "filter", "page", "page[offset", "fooBar", "filter[user][x]", "_"]
    {
        fixture.refuses(&format!("{name}=1"), "unknown-parameter", name);
    }
    for (query, name) in [
        ("limit=1&limit=1", "limit"),
        ("page[limit]=1&page%5Blimit%5D=1", "page[limit]"),
        ("limit=1&page[limit]=1", "page[limit]"),
        ("page[offset]=1&offset=1", "offset"),
        ("user=ann&user=bob", "user"),
        ("user=ann&filter[user]=ann", "filter[user]"),
        ("filter[relationship]=mentor&relationship=mentor", "relationship"),
    ] {
        fixture.refuses(query, "duplicate-parameter", name);
    }
});

both!(all_errors_in_a_query_are_reported_together, |app| {
    let answer =
        app.user().get(&format!("{URL}?limit=51&offset=x&user=0&relationship=A")).refused(400, "invalid-parameter");
    let blamed = answer.body["errors"].as_array().unwrap().iter();
    let blamed: BTreeSet<_> = blamed.map(|error| error["source"]["parameter"].as_str().unwrap()).collect();
    assert_eq!(blamed, BTreeSet::from(["limit", "offset", "relationship", "user"]));
});

both!(a_page_has_20_rows_by_default_and_at_most_50, |app| {
    let ann = app.user();
    let ids = crowd(app, &ann, 53);
    let rows = |query: &str| {
        let answer = ann.get(&format!("{URL}?user={}{query}", ann.id)).expect(200);
        assert_eq!(answer.total(), 53, "{query}");
        answer.ids()
    };
    assert_eq!(rows(""), ids[..20]);
    assert_eq!(rows("&limit=50"), ids[..50]);
    assert_eq!(rows("&page[limit]=1"), ids[..1]);
    assert_eq!(rows("&offset=50"), ids[50..]);
    assert_eq!(rows("&page%5Boffset%5D=7&limit=3"), ids[7..10]);
    assert_eq!(rows("&offset=53"), Vec::<i64>::new());
    assert_eq!(rows("&offset=100000"), Vec::<i64>::new());
    assert_eq!(rows("&limit=0"), Vec::<i64>::new());
});

both!(a_limit_of_zero_returns_only_the_count, |app| {
    let fixture = Fixture::new(app);
    for name in ["limit", "page[limit]"] {
        let answer = fixture.ann.get(&fixture.filled(&format!("{URL}?user=ann&{name}=0&offset=2"))).expect(200);
        assert_eq!((answer.ids(), answer.total()), (Vec::new(), 3));
        for name in ["first", "last", "prev", "next"] {
            assert_eq!(link(&answer, name), None, "{name}");
        }
    }
});

both!(
    offsets_in_links_stay_below_the_deepest,
    |config| {
        config.max_offset = 4;
    },
    |app| {
        let ann = app.user();
        let ids = crowd(app, &ann, 9);
        ann.get(&format!("{URL}?offset=5")).refused(400, "invalid-parameter");
        let answer = ann.get(&format!("{URL}?offset=4&limit=2")).expect(200);
        assert_eq!((answer.ids(), answer.total()), (ids[4..6].to_vec(), 9));
        assert_eq!((link(&answer, "next"), link(&answer, "last")), (None, None));
        assert_eq!(link(&answer, "prev"), Some(&*format!("{URL}?page%5Boffset%5D=2&page%5Blimit%5D=2")));
        let last = ann.get(&format!("{URL}?offset=4&limit=5")).expect(200);
        assert_eq!((last.ids(), link(&last, "next")), (ids[4..].to_vec(), None));
        assert!(link(&ann.get(&format!("{URL}?limit=4")).expect(200), "next").is_some());
    }
);

both!(following_next_and_then_prev_visits_every_row, |app| {
    let ann = app.user();
    let ids = crowd(app, &ann, 11);
    let walk = |from: &str, step: &str| {
        let (mut pages, mut url) = (Vec::new(), Some(from.to_owned()));
        while let Some(here) = url {
            let answer = ann.get(&here).expect(200);
            assert_eq!((link(&answer, "self"), answer.total()), (Some(&*here), 11));
            url = link(&answer, step).map(str::to_owned);
            pages.push((here, answer.ids()));
            assert!(pages.len() <= 11, "the walk ends");
        }
        pages
    };
    let start = format!("{URL}?filter%5Buser%5D={}&page%5Boffset%5D=0&page%5Blimit%5D=3", ann.id);
    let forth = walk(&start, "next");
    assert_eq!(forth.iter().flat_map(|(_, rows)| rows.clone()).collect::<Vec<_>>(), ids);
    let mut back = walk(&forth.last().unwrap().0, "prev");
    back.reverse();
    assert_eq!(back, forth);

    let middle = ann.get(&forth[1].0).expect(200);
    assert_eq!(link(&middle, "first"), Some(&*forth[0].0));
    assert_eq!(link(&middle, "last"), Some(&*forth[3].0));
    let beyond = ann.get(&format!("{URL}?user={}&offset=500&limit=3", ann.id)).expect(200);
    assert_eq!((beyond.ids(), link(&beyond, "next")), (Vec::new(), None));
    assert_eq!(link(&beyond, "prev"), Some(&*forth[3].0));
});

both!(an_empty_list_has_a_first_page_and_no_neighbours, |app| {
    let answer = app.user().get(&format!("{URL}?relationship=mentor")).expect(200);
    assert_eq!((answer.ids(), answer.total()), (Vec::new(), 0));
    let first = format!("{URL}?filter%5Brelationship%5D=mentor&page%5Boffset%5D=0&page%5Blimit%5D=20");
    assert_eq!(link(&answer, "first"), Some(&*first));
    assert_eq!(link(&answer, "last"), Some(&*first));
    assert_eq!((link(&answer, "prev"), link(&answer, "next")), (None, None));
});

both!(self_repeats_the_url_and_other_links_use_json_api_names, |app| {
    let fixture = Fixture::new(app);
    let filter = fixture.filled("filter%5Buser%5D=ann%2Cbob&filter%5Brelationship%5D=mentor");
    let next = format!("{URL}?{filter}&page%5Boffset%5D=2&page%5Blimit%5D=2");
    for query in [
        "user=ann,bob&relationship=mentor&limit=2",
        "offset=0&user=ann%2Cbob&limit=2&relationship=mentor",
        "filter[user]=ann,bob&page[limit]=2&filter[relationship]=mentor",
        "filter%5Buser%5D=ann,bob&page%5Blimit%5D=2&filter%5Brelationship%5D=mentor",
    ] {
        let url = fixture.filled(&format!("{URL}?{query}"));
        let answer = fixture.ann.get(&url).expect(200);
        assert_eq!((link(&answer, "self"), link(&answer, "next")), (Some(&*url), Some(&*next)));
    }
    let answer =
        fixture.ann.get(&fixture.filled(&format!("{URL}?filter[user]=ann&filter[user]=bob&limit=2"))).expect(200);
    let next = fixture.ann.get(link(&answer, "next").unwrap()).expect(200);
    assert_eq!((next.ids(), next.total()), (fixture.ids[2..4].to_vec(), 5));
});

both!(a_trailing_slash_and_head_return_the_same_list, |app| {
    let fixture = Fixture::new(app);
    let plain = fixture.ann.get(&format!("{URL}?limit=3")).expect(200);
    let slashed = fixture.ann.get(&format!("{URL}/?limit=3")).expect(200);
    assert_eq!(slashed.body["data"], plain.body["data"]);
    assert_eq!(fixture.ann.get(link(&slashed, "self").unwrap()).expect(200).body["data"], plain.body["data"]);
    let head = fixture.ann.send("HEAD", &format!("{URL}?limit=3"), &[], None).expect(200);
    assert_eq!(head.text, "");
    for name in ["content-type", "vary", "content-length"] {
        assert_eq!(head.header(name), plain.header(name), "{name}");
    }
});

both!(the_count_follows_every_change, |app| {
    let fixture = Fixture::new(app);
    let total = |query: &str| fixture.ann.get(&fixture.filled(&format!("{URL}?{query}&limit=0"))).expect(200).total();
    let changed = serde_json::json!({"data": {"type": "user-relationships", "id": fixture.ids[0].to_string(),
        "attributes": {"relationship": "subordinate"}}});
    fixture.ann.patch(&format!("{URL}/{}", fixture.ids[0]), &changed).expect(200);
    fixture.ann.delete(&format!("{URL}/{}", fixture.ids[2])).expect(204);
    let counts: Vec<_> =
        ["", "user=ann", "target=cleo", "relationship=mentor", "user=ann&target=bob&relationship=subordinate"]
            .iter()
            .map(|query| total(query))
            .collect();
    assert_eq!(counts, [4, 2, 2, 1, 1]);
    let types: Vec<Value> = fixture.ann.get(URL).expect(200).body["data"].as_array().unwrap().clone();
    assert_eq!(types.len(), 4);
    app.assert_no_drift();
});

both!(a_filter_accepts_fifty_users_and_fifty_types, |app| {
    let (admin, ann, bob) = (app.admin(), app.user(), app.user());
    let names: Vec<_> = (0..50).map(|number| format!("kind-{number}")).collect();
    let mut ids = Vec::new();
    for name in &names {
        let document = serde_json::json!({"data": {"type": "relationship-types", "id": name}});
        admin.post("/api/v2/relationship-types", &document).expect(201);
        ids.push(ann.post(URL, &edge(None, name, bob.id)).expect(201).id());
    }
    let fifty =
        |first: i64| (0..49).map(|n| (n + 1_000).to_string()).chain([first.to_string()]).collect::<Vec<_>>().join(",");
    for query in [
        format!("user={}", fifty(ann.id)),
        format!("target={}", fifty(bob.id)),
        format!("user={}&target={}", fifty(ann.id), fifty(bob.id)),
    ] {
        for size in [3, 8, 9, 50] {
            let names = names[..size].join(",");
            let answer = ann.get(&format!("{URL}?{query}&relationship={names}&limit=50")).expect(200);
            assert_eq!((answer.ids(), answer.total()), (ids[..size].to_vec(), count(&ids[..size])));
        }
    }
});

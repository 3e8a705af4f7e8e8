//! Lists of relationships: filters, windows, exact counts and the links between pages.

use std::collections::BTreeSet;

use user_relationships::domain::relationships::{self, NewRelationship};
use user_relationships::domain::users;
use user_relationships::model::caller::Caller;
use user_relationships::model::id::UserId;
use user_relationships::model::user::{Field, Value as Held};

use crate::both;
use crate::support::{Answer, App, Client, Value, edge};

const URL: &str = "/api/v2/user-relationships";

/// Three users and what joins them.
struct Stage {
    ann: Client,
    bob: Client,
    cleo: Client,
    /// In the order of their creation: ann to bob as mentor and as colleague, ann to cleo as mentor, bob to cleo as
    /// mentor and as subordinate.
    ids: [i64; 5],
}

impl Stage {
    fn set(app: &App) -> Self {
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

    /// Says that a query, in which `ann`, `bob` and `cleo` stand for their ids, lists these of the relationships.
    #[track_caller]
    fn lists(&self, query: &str, expected: &[usize]) {
        let query = self.filled(query);
        let answer = self.ann.get(&format!("{URL}?{query}")).expect(200);
        let expected: Vec<_> = expected.iter().map(|number| self.ids[*number]).collect();
        assert_eq!((answer.ids(), answer.total()), (expected.clone(), count(&expected)), "{query}");
    }

    /// Says that a query is a 400 with that code, blamed on that parameter.
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

/// Makes `size` relationships of one owner, each to a user of its own, and gives their ids.
fn crowd(app: &App, owner: &Client, size: usize) -> Vec<i64> {
    let owner = UserId::new(owner.id);
    app.write(move |tx| {
        let mut made = Vec::new();
        for number in 0..size {
            let email = vec![(Field::Email, Held::Text(format!("crowd{number}@example.com")))];
            let target = users::create(tx, &Caller::OPERATOR, None, &email)?.id;
            let new = NewRelationship { user: Some(owner), target, relationship: "colleague".to_owned() };
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

both!(each_filter_narrows_the_list_and_its_count_under_both_of_its_names, |app| {
    let stage = Stage::set(app);
    stage.lists("", &[0, 1, 2, 3, 4]);
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
                stage.lists(&format!("{spelling}={value}"), expected);
                stage.lists(&format!("{spelling}={}", value.replace(',', "%2C")), expected);
            }
            let repeated = value.replace(',', &format!("&{name}="));
            stage.lists(&format!("{name}={repeated}"), expected);
        }
    }
});

both!(filters_combine_to_what_matches_all_of_them, |app| {
    let stage = Stage::set(app);
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
        stage.lists(query, expected);
    }
});

both!(a_duplicate_in_a_filter_counts_once, |app| {
    let stage = Stage::set(app);
    for query in [
        "user=ann,ann,ann",
        "filter[user]=ann&filter[user]=ann",
        "filter[user]=ann,ann&filter%5Buser%5D=ann",
        "user=ann%2Cann",
    ] {
        stage.lists(query, &[0, 1, 2]);
    }
    stage.lists("relationship=mentor,mentor&target=cleo,cleo", &[2, 3]);
    let fifty: Vec<_> = (1..=49).map(|number| (1_000_000 + number).to_string()).collect();
    stage.lists(&format!("user=ann,{},ann", fifty.join(",")), &[0, 1, 2]);
});

both!(a_legal_name_or_id_that_names_nothing_matches_nothing, |app| {
    let stage = Stage::set(app);
    for query in [
        "user=999999",
        "target=9223372036854775807",
        "relationship=stranger",
        "user=ann&relationship=stranger",
        "user=999999&target=bob",
        "user=999999,999998&target=999999",
        "relationship=stranger,foe",
    ] {
        stage.lists(query, &[]);
    }
    stage.lists("user=ann,999999&relationship=mentor,stranger", &[0, 2]);
});

both!(an_illegal_value_is_a_400_that_names_the_parameter, |app| {
    let stage = Stage::set(app);
    for value in ["", "0", "-1", "+1", "01", "1.0", "x", "1,,2", "1,", "9223372036854775808", "1%00", "%FF", "1;2"] {
        for name in ["user", "filter[user]", "target", "filter[target]"] {
            stage.refuses(&format!("{name}={value}"), "invalid-parameter", name);
        }
    }
    for value in ["", "Mentor", "1a", "-a", "a_b", "a%20b", "mentor,", "%C3%A4", &"a".repeat(65)] {
        stage.refuses(&format!("relationship={value}"), "invalid-parameter", "relationship");
    }
    let too_many: Vec<_> = (1..=51).map(|number| number.to_string()).collect();
    stage.refuses(&format!("user={}", too_many.join(",")), "invalid-parameter", "user");
    stage.refuses(
        &format!("filter[target]={}", too_many.join("&filter[target]=")),
        "invalid-parameter",
        "filter[target]",
    );
    for value in ["", "-1", "+1", "1.5", "x", "51", "99999999999999999999", "%201"] {
        stage.refuses(&format!("limit={value}"), "invalid-parameter", "limit");
        stage.refuses(&format!("page[limit]={value}"), "invalid-parameter", "page[limit]");
    }
    for value in ["", "-1", "x", "100001", "9223372036854775808"] {
        stage.refuses(&format!("offset={value}"), "invalid-parameter", "offset");
    }
});

both!(an_unknown_or_repeated_parameter_is_a_400_that_names_it, |app| {
    let stage = Stage::set(app);
    for name in
        ["utm", "Limit", "filter[User]", "filter[]", "filter", "page", "page[offset", "fooBar", "filter[user][x]", "_"]
    {
        stage.refuses(&format!("{name}=1"), "unknown-parameter", name);
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
        stage.refuses(query, "duplicate-parameter", name);
    }
});

both!(all_problems_of_a_query_are_told_at_once, |app| {
    let answer =
        app.user().get(&format!("{URL}?limit=51&offset=x&user=0&relationship=A")).refused(400, "invalid-parameter");
    let blamed = answer.body["errors"].as_array().unwrap().iter();
    let blamed: BTreeSet<_> = blamed.map(|error| error["source"]["parameter"].as_str().unwrap()).collect();
    assert_eq!(blamed, BTreeSet::from(["limit", "offset", "relationship", "user"]));
});

both!(a_page_has_20_rows_unless_0_to_50_are_asked_for, |app| {
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

both!(a_limit_of_zero_answers_the_count_alone, |app| {
    let stage = Stage::set(app);
    for name in ["limit", "page[limit]"] {
        let answer = stage.ann.get(&stage.filled(&format!("{URL}?user=ann&{name}=0&offset=2"))).expect(200);
        assert_eq!((answer.ids(), answer.total()), (Vec::new(), 3));
        for name in ["first", "last", "prev", "next"] {
            assert_eq!(link(&answer, name), None, "{name}");
        }
    }
});

both!(
    no_offset_leads_beyond_the_deepest,
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

both!(next_leads_through_every_row_to_the_end_and_prev_back_again, |app| {
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

both!(self_echoes_the_spelling_of_the_client_and_the_other_links_use_the_json_api_names, |app| {
    let stage = Stage::set(app);
    let filter = stage.filled("filter%5Buser%5D=ann%2Cbob&filter%5Brelationship%5D=mentor");
    let next = format!("{URL}?{filter}&page%5Boffset%5D=2&page%5Blimit%5D=2");
    for query in [
        "user=ann,bob&relationship=mentor&limit=2",
        "offset=0&user=ann%2Cbob&limit=2&relationship=mentor",
        "filter[user]=ann,bob&page[limit]=2&filter[relationship]=mentor",
        "filter%5Buser%5D=ann,bob&page%5Blimit%5D=2&filter%5Brelationship%5D=mentor",
    ] {
        let url = stage.filled(&format!("{URL}?{query}"));
        let answer = stage.ann.get(&url).expect(200);
        assert_eq!((link(&answer, "self"), link(&answer, "next")), (Some(&*url), Some(&*next)));
    }
    let answer = stage.ann.get(&stage.filled(&format!("{URL}?filter[user]=ann&filter[user]=bob&limit=2"))).expect(200);
    let next = stage.ann.get(link(&answer, "next").unwrap()).expect(200);
    assert_eq!((next.ids(), next.total()), (stage.ids[2..4].to_vec(), 5));
});

both!(a_trailing_slash_and_head_find_the_same_list, |app| {
    let stage = Stage::set(app);
    let plain = stage.ann.get(&format!("{URL}?limit=3")).expect(200);
    let slashed = stage.ann.get(&format!("{URL}/?limit=3")).expect(200);
    assert_eq!(slashed.body["data"], plain.body["data"]);
    assert_eq!(stage.ann.get(link(&slashed, "self").unwrap()).expect(200).body["data"], plain.body["data"]);
    let head = stage.ann.send("HEAD", &format!("{URL}?limit=3"), &[], None).expect(200);
    assert_eq!(head.text, "");
    for name in ["content-type", "vary", "content-length"] {
        assert_eq!(head.header(name), plain.header(name), "{name}");
    }
});

both!(the_count_follows_every_change, |app| {
    let stage = Stage::set(app);
    let total = |query: &str| stage.ann.get(&stage.filled(&format!("{URL}?{query}&limit=0"))).expect(200).total();
    let changed = serde_json::json!({"data": {"type": "user-relationships", "id": stage.ids[0].to_string(),
        "attributes": {"relationship": "subordinate"}}});
    stage.ann.patch(&format!("{URL}/{}", stage.ids[0]), &changed).expect(200);
    stage.ann.delete(&format!("{URL}/{}", stage.ids[2])).expect(204);
    let counts: Vec<_> =
        ["", "user=ann", "target=cleo", "relationship=mentor", "user=ann&target=bob&relationship=subordinate"]
            .iter()
            .map(|query| total(query))
            .collect();
    assert_eq!(counts, [4, 2, 2, 1, 1]);
    let types: Vec<Value> = stage.ann.get(URL).expect(200).body["data"].as_array().unwrap().clone();
    assert_eq!(types.len(), 4);
    app.assert_no_drift();
});

both!(fifty_users_and_fifty_types_are_filtered_by_at_once, |app| {
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

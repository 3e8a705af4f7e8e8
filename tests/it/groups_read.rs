//! Groups and memberships in `/api/v2`.

use crate::both;
use crate::support::groups::{GROUPS, GroupFixture, MEMBERS, new_group, new_member};
use crate::support::{Value, json};

const USERS: &str = "/api/v2/users";

both!(groups_and_memberships_have_exactly_these_members, |app| {
    let fixture = GroupFixture::new(app);
    let ([group, ..], [member, ..]) = (fixture.groups, fixture.members);
    let times = "created_at = 1401787736000000, updated_at = 1401787796000000";
    fixture.raw().run(&format!("UPDATE groups SET {times}; UPDATE group_members SET {times}"));
    let url = format!("{GROUPS}/{group}");
    let expected = json!({
        "type": "groups",
        "id": group.to_string(),
        "attributes": {
            "group-type": "special_group",
            "properties": {"group_name": "Captains", "level": 3, "tags": ["a", null]},
            "created-at": "Tue, 03 Jun 2014 09:28:56 +0000",
            "updated-at": "Tue, 03 Jun 2014 09:29:56 +0000",
        },
        "relationships": {
            "owner": {
                "data": {"type": "users", "id": fixture.ann.id.to_string()},
                "links": {"self": format!("{url}/relationships/owner"), "related": format!("{url}/owner")},
            },
            "members": {"links": {"related": format!("{url}/members")}},
        },
        "links": {"self": url},
    });
    let shown = fixture.bob.get(&url).expect(200);
    assert_eq!(shown.body, json!({"jsonapi": {"version": "1.1"}, "data": expected}));
    assert_eq!(fixture.bob.get(&format!("{GROUPS}?limit=1")).expect(200).body["data"], json!([expected]));
    assert_eq!(fixture.bob.get(&format!("{MEMBERS}/{member}/group")).expect(200).body["data"], expected);
    let owner = fixture.bob.get(&format!("{url}/owner")).expect(200);
    assert_eq!(owner.body, fixture.ann.get("/api/v2/users/me").expect(200).body);
    let linkage = fixture.bob.get(&format!("{url}/relationships/owner")).expect(200);
    assert_eq!((&linkage.body["data"], &linkage.body["links"]), {
        let owner = &expected["relationships"]["owner"];
        (&owner["data"], &owner["links"])
    });

    let url = format!("{MEMBERS}/{member}");
    let links = |end: &str| json!({"self": format!("{url}/relationships/{end}"), "related": format!("{url}/{end}")});
    let ends = json!({
        "group": {"data": {"type": "groups", "id": group.to_string()}, "links": links("group")},
        "user": {"data": {"type": "users", "id": fixture.bob.id.to_string()}, "links": links("user")},
    });
    let expected = json!({
        "type": "group-members",
        "id": member.to_string(),
        "attributes": {
            "member-type": "special_group_users",
            "properties": {"status": "active"},
            "created-at": "Tue, 03 Jun 2014 09:28:56 +0000",
            "updated-at": "Tue, 03 Jun 2014 09:29:56 +0000",
        },
        "relationships": ends,
        "links": {"self": url},
    });
    let shown = fixture.cleo.get(&url).expect(200);
    assert_eq!(shown.body, json!({"jsonapi": {"version": "1.1"}, "data": expected}));
    for list in [format!("{MEMBERS}?limit=1"), format!("{GROUPS}/{group}/members?limit=1")] {
        assert_eq!(fixture.cleo.get(&list).expect(200).body["data"], json!([expected]), "{list}");
    }
    for end in ["group", "user"] {
        let linkage = fixture.cleo.get(&format!("{url}/relationships/{end}")).expect(200);
        assert_eq!((&linkage.body["data"], &linkage.body["links"]), (&ends[end]["data"], &ends[end]["links"]));
    }
    assert_eq!(fixture.cleo.get(&format!("{url}/user")).expect(200).id(), fixture.bob.id);
});

both!(filters_narrow_the_lists_and_their_counts, |app| {
    let fixture = GroupFixture::new(app);
    let (ann, bob, cleo) = (fixture.ann.id, fixture.bob.id, fixture.cleo.id);
    let ([g0, g1, g2], [m0, m1, m2, m3]) = (fixture.groups, fixture.members);
    let cases: &[(String, Vec<i64>)] = &[
        (GROUPS.to_owned(), vec![g0, g1, g2]),
        (format!("{GROUPS}?sort=-id"), vec![g2, g1, g0]),
        (format!("{GROUPS}?sort=id"), vec![g0, g1, g2]),
        (format!("{GROUPS}?filter[id]={g2},{g0},{g2},999"), vec![g0, g2]),
        (format!("{GROUPS}?filter[group-type]=team"), vec![g1, g2]),
        (format!("{GROUPS}?filter[group-type]=team&filter[group-type]=special_group"), vec![g0, g1, g2]),
        (format!("{GROUPS}?filter[group-type]=Team,%25"), vec![]),
        (format!("{GROUPS}?filter[owner]={ann}"), vec![g0, g1]),
        (format!("{GROUPS}?filter[owner]={bob},{ann}&sort=-id"), vec![g2, g1, g0]),
        (format!("{GROUPS}?filter[owner]={ann}&filter[group-type]=team"), vec![g1]),
        (format!("{GROUPS}?filter[owner]={ann}&filter[group-type]=team&filter[id]={g0}"), vec![]),
        (format!("{GROUPS}?filter[owner]={cleo}"), vec![]),
        (MEMBERS.to_owned(), vec![m0, m1, m2, m3]),
        (format!("{MEMBERS}?filter[group]={g0}"), vec![m0, m1]),
        (format!("{MEMBERS}?filter[group]={g0},{g2}&sort=-id"), vec![m3, m1, m0]),
        (format!("{MEMBERS}?filter[user]={cleo}"), vec![m1, m2]),
        (format!("{MEMBERS}?filter[user]={cleo},{ann}&sort=-id"), vec![m3, m2, m1]),
        (format!("{MEMBERS}?filter[user]={cleo}&filter[group]={g0}"), vec![m1]),
        (format!("{MEMBERS}?filter[user]={cleo}&filter[group]={g2}"), vec![]),
        (format!("{MEMBERS}?filter[id]={m3},{m0}"), vec![m0, m3]),
        (format!("{MEMBERS}?filter[group]=999"), vec![]),
        (format!("{GROUPS}/{g0}/members"), vec![m0, m1]),
        (format!("{GROUPS}/{g0}/members?sort=-id"), vec![m1, m0]),
        (format!("{GROUPS}/{g0}/members?filter[user]={cleo}"), vec![m1]),
        (format!("{GROUPS}/{g0}/members?filter[id]={m2},{m1}"), vec![m1]),
    ];
    for (url, expected) in cases {
        let listed = fixture.ann.get(url).expect(200);
        assert_eq!((&listed.ids(), listed.total()), (expected, i64::try_from(expected.len()).unwrap()), "{url}");
        assert_eq!(listed.body["links"]["self"], json!(url));
    }
});

both!(pages_are_exact_by_offset_and_by_cursor, |app| {
    let fixture = GroupFixture::new(app);
    let [group, ..] = fixture.groups;
    for _ in 0..9 {
        new_group(app, fixture.bob.id, "{}");
        new_member(app, group, app.user().id, "{}");
    }
    for (list, total) in [(GROUPS.to_owned(), 12), (MEMBERS.to_owned(), 13), (format!("{GROUPS}/{group}/members"), 11)]
    {
        let all = fixture.ann.get(&format!("{list}?limit=50")).expect(200).ids();
        assert_eq!(all.len(), total);
        let counted = fixture.ann.get(&format!("{list}?limit=0")).expect(200);
        assert_eq!((counted.ids(), counted.total()), (vec![], i64::try_from(total).unwrap()));
        let encoded = |page: &str| format!("{list}?{}", page.replace('[', "%5B").replace(']', "%5D"));
        let page = fixture.ann.get(&format!("{list}?limit=4&offset=4")).expect(200);
        assert_eq!((page.ids(), page.total()), (all[4..8].to_vec(), i64::try_from(total).unwrap()));
        assert_eq!(page.body["links"]["first"], json!(encoded("page[offset]=0&page[limit]=4")));
        assert_eq!(page.body["links"]["prev"], json!(encoded("page[offset]=0&page[limit]=4")));
        assert_eq!(page.body["links"]["next"], json!(encoded("page[offset]=8&page[limit]=4")));
        let last = (total - 1) / 4 * 4;
        assert_eq!(page.body["links"]["last"], json!(encoded(&format!("page[offset]={last}&page[limit]=4"))));
        assert_eq!(fixture.ann.get(&format!("{list}?offset={total}")).expect(200).ids(), Vec::<i64>::new());

        for (sort, include) in [("id", "user"), ("-id", "")] {
            let include = if list == GROUPS { include.replace("user", "members") } else { include.to_owned() };
            let (mut seen, mut back) = (Vec::new(), None);
            let mut next = Some(format!("{list}?sort={sort}&page[size]=5&include={include}"));
            while let Some(url) = next {
                let page = fixture.ann.get(&url).expect(200);
                assert_eq!(page.body["meta"]["page"]["total"], json!(total));
                assert!(
                    page.body["data"].as_array().unwrap().iter().all(|row| row["meta"]["page"]["cursor"].is_string())
                );
                seen.extend(page.ids());
                next = page.body["links"]["next"].as_str().map(str::to_owned);
                back = page.body["links"]["prev"].as_str().map(str::to_owned);
            }
            let mut expected = all.clone();
            if sort == "-id" {
                expected.reverse();
            }
            assert_eq!(seen, expected, "{list} {sort}");
            let previous = fixture.ann.get(&back.expect("a page before the last")).expect(200);
            let at = total.div_ceil(5) * 5 - 10;
            assert_eq!(previous.ids(), expected[at..at + 5], "{list} {sort}");
        }
    }
    let cursor = |url: &str| {
        let page = fixture.ann.get(url).expect(200);
        page.body["data"][0]["meta"]["page"]["cursor"].as_str().expect("a cursor").to_owned()
    };
    let of_groups = cursor(&format!("{GROUPS}?page[size]=1"));
    fixture.ann.get(&format!("{MEMBERS}?page[after]={of_groups}")).refused(400, "invalid-cursor");
    fixture.ann.get(&format!("{GROUPS}?page[after]={of_groups}&sort=-id")).refused(400, "invalid-cursor");
    fixture.ann.get(&format!("{GROUPS}?page[after]={of_groups}&filter[owner]=1")).refused(400, "invalid-cursor");
    fixture.ann.get(&format!("{GROUPS}?page[after]={of_groups}&limit=1")).refused(400, "invalid-parameter");
});

both!(a_sparse_fieldset_selects_only_its_members, |app| {
    let fixture = GroupFixture::new(app);
    let [g0, ..] = fixture.groups;
    let query = "fields[groups]=properties,members&fields[group-members]=&fields[users]=name&include=members.user";
    let answer = fixture.bob.get(&format!("{GROUPS}/{g0}?{query}")).expect(200);
    let fields = |part: &Value| part.as_object().map(|all| all.keys().cloned().collect::<Vec<_>>());
    let data = &answer.body["data"];
    assert_eq!(fields(&data["attributes"]), Some(vec!["properties".to_owned()]));
    assert_eq!(fields(&data["relationships"]), Some(vec!["members".to_owned()]));
    for companion in answer.body["included"].as_array().unwrap() {
        let (attributes, relationships) = (fields(&companion["attributes"]), fields(&companion["relationships"]));
        let expected = (companion["type"] == "users").then(|| vec!["name".to_owned()]);
        assert_eq!((attributes, relationships), (expected, None));
    }
    let answer = fixture.bob.get(&format!("{MEMBERS}?fields[group-members]=member-type,group")).expect(200);
    let row = &answer.body["data"][0];
    assert_eq!(fields(&row["attributes"]), Some(vec!["member-type".to_owned()]));
    assert_eq!(fields(&row["relationships"]), Some(vec!["group".to_owned()]));
    for url in [GROUPS, MEMBERS, USERS, "/api/v2/user-relationships", "/api/v2/relationship-types"] {
        for field in ["fields[groups]", "fields[group-members]", "fields[users]", "fields[user-relationships]"] {
            fixture.bob.get(&format!("{url}?{field}=")).expect(200);
            let refused = fixture.bob.get(&format!("{url}?{field}=colour")).refused(400, "unknown-field");
            assert_eq!(refused.source("parameter"), Some(field));
        }
    }
});

both!(missing_groups_are_404_and_invalid_queries_400, |app| {
    let fixture = GroupFixture::new(app);
    let ([g0, ..], [m0, ..]) = (fixture.groups, fixture.members);
    for id in ["999", "0", "x", "01", "9223372036854775808"] {
        for base in [GROUPS, MEMBERS] {
            fixture.bob.get(&format!("{base}/{id}")).refused(404, "not-found");
            fixture.bob.patch(&format!("{base}/{id}"), &json!({})).refused(404, "not-found");
        }
        for rest in ["owner", "members", "relationships/owner"] {
            fixture.bob.get(&format!("{GROUPS}/{id}/{rest}")).refused(404, "not-found");
        }
        for rest in ["group", "user", "relationships/group", "relationships/user"] {
            fixture.bob.get(&format!("{MEMBERS}/{id}/{rest}")).refused(404, "not-found");
        }
    }
    for url in
        [format!("{GROUPS}/{g0}/other"), format!("{GROUPS}/{g0}/relationships/members"), format!("{MEMBERS}/{m0}/x")]
    {
        fixture.bob.get(&url).refused(404, "not-found");
    }
    let many = (1..=51).map(|id| id.to_string()).collect::<Vec<_>>().join(",");
    let id = "invalid-parameter";
    for (url, parameter, code) in [
        (format!("{GROUPS}?filter[id]=x"), "filter[id]", id),
        (format!("{GROUPS}?filter[owner]=0"), "filter[owner]", id),
        (format!("{GROUPS}?filter[owner]={many}"), "filter[owner]", id),
        (format!("{GROUPS}?filter[group-type]="), "filter[group-type]", id),
        (format!("{GROUPS}?filter[group-type]={many}"), "filter[group-type]", id),
        (format!("{MEMBERS}?filter[group]=a"), "filter[group]", id),
        (format!("{MEMBERS}?filter[user]=-1"), "filter[user]", id),
        (format!("{MEMBERS}?limit=51"), "limit", id),
        (format!("{MEMBERS}?page[size]=51"), "page[size]", id),
        (format!("{GROUPS}?filter[user]=1"), "filter[user]", "unknown-parameter"),
        (format!("{GROUPS}?owner=1"), "owner", "unknown-parameter"),
        (format!("{MEMBERS}?user=1"), "user", "unknown-parameter"),
        (format!("{GROUPS}/{g0}/members?filter[group]=1"), "filter[group]", "unknown-parameter"),
        (format!("{GROUPS}/{g0}?limit=1"), "limit", "unknown-parameter"),
        (format!("{GROUPS}?sort=created-at"), "sort", "unsupported-sort"),
        (format!("{MEMBERS}?sort=name"), "sort", "unsupported-sort"),
        (format!("{GROUPS}?include=users"), "include", "unsupported-include"),
        (format!("{GROUPS}?include=members.group"), "include", "unsupported-include"),
        (format!("{MEMBERS}?include=members"), "include", "unsupported-include"),
        (format!("{GROUPS}/{g0}/owner?include=owner"), "include", "unsupported-include"),
        (format!("{GROUPS}/{g0}/relationships/owner?fields[users]="), "fields[users]", "unknown-parameter"),
    ] {
        let refused = fixture.bob.get(&url).refused(400, code);
        assert_eq!(refused.source("parameter"), Some(parameter), "{url}");
    }
    let strict = [("prefer", "handling=strict")];
    fixture.bob.send("GET", &format!("{GROUPS}?limit=1"), &strict, None).refused(400, "unknown-parameter");
    fixture.bob.send("GET", &format!("{GROUPS}?page[limit]=1"), &strict, None).expect(200);
    fixture.bob.send("GET", GROUPS, &[("accept", "text/html")], None).refused(406, "not-acceptable");
});

both!(writes_to_groups_and_memberships_are_405, |app| {
    let fixture = GroupFixture::new(app);
    let ([g0, ..], [m0, ..]) = (fixture.groups, fixture.members);
    let with_patch = "GET, HEAD, PATCH, OPTIONS";
    let without = "GET, HEAD, OPTIONS";
    for (url, allowed) in [
        (GROUPS.to_owned(), without),
        (format!("{GROUPS}/{g0}"), with_patch),
        (format!("{GROUPS}/{g0}/owner"), with_patch),
        (format!("{GROUPS}/{g0}/relationships/owner"), with_patch),
        (format!("{GROUPS}/{g0}/members"), without),
        (MEMBERS.to_owned(), without),
        (format!("{MEMBERS}/{m0}"), with_patch),
        (format!("{MEMBERS}/{m0}/group"), with_patch),
        (format!("{MEMBERS}/{m0}/user"), with_patch),
        (format!("{MEMBERS}/{m0}/relationships/group"), with_patch),
        (format!("{MEMBERS}/{m0}/relationships/user"), with_patch),
    ] {
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let answer = fixture.ann.put_in(method, &url, &[], &json!({"data": null}));
            if method == "PATCH" && allowed == with_patch {
                let code =
                    if url.contains("/relationships/") { "immutable-relationship" } else { "unsupported-update" };
                answer.refused(403, code);
            } else {
                assert_eq!(answer.refused(405, "method-not-allowed").header("allow"), Some(allowed), "{method} {url}");
            }
        }
        fixture.ann.get(&format!("{url}/")).expect(200);
    }
});

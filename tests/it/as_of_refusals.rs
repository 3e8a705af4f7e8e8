//! What `filter[as-of]` does not show: to whom, which moments, which parameters, and how much.

use user_relationships::model::time::Timestamp;

use crate::both;
use crate::support::app::wait;
use crate::support::graph::{EDGES, create, crowd, register, set_rules, tree, users};
use crate::support::json;
use crate::support::past::{as_of, list, now, organize, role};
use crate::support::sql::Raw;

const USERS: &str = "/api/v2/users";

/// The statuses of lists at a moment, of `owner` and of a user `gone` who was deleted after it.
#[rustfmt::skip]
const MATRIX: &[(&str, [u16; 5])] = &[
    // path                                               ext  owner other target admin
    ("/api/v2/user-relationships?filter[user]={owner}&",  [403, 200, 200, 200, 200]),
    ("/api/v2/user-relationships?filter[target]={gone}&", [403, 200, 200, 200, 200]),
    ("/api/v2/users/{owner}/mentors?",                    [403, 200, 200, 200, 200]),
    ("/api/v2/users/{owner}/mentors?max-depth=all&",      [403, 200, 200, 200, 200]),
    ("/api/v2/users/{gone}/mentees?",                     [403, 404, 404, 404, 200]),
    ("/api/v2/users/{gone}/mentees?max-depth=all&",       [403, 404, 404, 404, 200]),
];

both!(every_caller_gets_the_status_in_the_matrix_of_the_past, |app| {
    let callers = [app.caller("ext"), app.user(), app.user(), app.user(), app.admin()];
    let [ext, owner, _, target, admin] = &callers;
    let gone = app.user().id;
    for (user, other) in [(owner.id, gone), (owner.id, target.id), (ext.id, owner.id)] {
        create(admin, user, "mentor", other).expect(201);
    }
    let at = now(app);
    admin.delete(&format!("{USERS}/{gone}")).expect(204);
    for (path, statuses) in MATRIX {
        let path = path.replace("{owner}", &owner.id.to_string()).replace("{gone}", &gone.to_string());
        let url = format!("{path}{}", as_of(at));
        for (client, status) in callers.iter().zip(statuses) {
            client.get(&url).expect(*status);
        }
        app.anonymous().get(&url).refused(401, "unauthenticated");
        app.caller("excluded").get(&url).refused(403, "account-disabled");
    }
});

both!(an_ext_caller_cannot_see_the_past, |app| {
    let (admin, ext) = (app.admin(), app.caller("ext"));
    organize(&admin);
    create(&admin, ext.id, "boss", admin.id).expect(201);
    for url in [
        list(ext.id, now(app)),
        role(ext.id, "boss-of", now(app)),
        format!("{}&max-depth=all", role(ext.id, "boss-of", now(app))),
        format!("{EDGES}?filter[user]={}&filter[as-of]=nonsense", ext.id),
    ] {
        let refused = ext.get(&url).refused(403, "not-admin");
        assert_eq!(refused.source("parameter"), Some("filter[as-of]"), "{}", refused.text);
    }
});

both!(a_bad_moment_is_refused_with_its_cure, |app| {
    let admin = app.admin();
    organize(&admin);
    let user = admin.id;
    for (moment, says) in [
        ("2026-03-01T00:00:00", "with its offset from UTC"),
        ("2026-03-01", "ISO 8601"),
        ("Wed,%2021%20May%202014%2010:11:24%20%2B0300", "ISO 8601"),
        ("2026-03-01T00:00:00+01:00", "`%2B`"),
        ("yesterday", "got `yesterday`"),
        ("1772323200", "ISO 8601"),
        ("2026-02-30T00:00:00Z", "ISO 8601"),
        ("2026-03-01T00:00:00Z,2026-03-02T00:00:00Z", "ISO 8601"),
        ("", "got ``"),
    ] {
        for list in [format!("{EDGES}?filter[user]={user}&"), format!("{USERS}/{user}/reports?")] {
            let refused = admin.get(&format!("{list}filter[as-of]={moment}")).refused(400, "invalid-parameter");
            assert_eq!(refused.source("parameter"), Some("filter[as-of]"), "{}", refused.text);
            assert!(refused.text.contains(says), "{moment}: {}", refused.text);
        }
    }
    let twice = format!("{}&{}", list(user, now(app)), as_of(now(app)));
    admin.get(&twice).refused(400, "duplicate-parameter");
    admin.get(&format!("{USERS}?{}", as_of(now(app)))).refused(400, "unknown-parameter");
    admin.get(&format!("{USERS}/{user}/relationships/reports?{}", as_of(now(app)))).refused(400, "unknown-parameter");
});

both!(a_moment_outside_the_log_is_refused_with_the_oldest_one, |app| {
    let admin = app.admin();
    organize(&admin);
    let oldest = Raw::connect(&app.config.database_url).number("SELECT horizon_at AS number FROM change_log");
    for url in [list(admin.id, 0), role(admin.id, "reports", 0), role(admin.id, "reports", 0) + "&max-depth=1"] {
        let at = |micros: i64| url.replace("1970-01-01T00:00:00.000000Z", &Timestamp::from_micros(micros).iso8601());
        admin.get(&at(oldest)).expect(200);
        admin.get(&at(now(app) + 58_000_000)).expect(200);
        for moment in [0, oldest - 1, now(app) + 62_000_000, Timestamp::MAX] {
            let refused = admin.get(&at(moment)).refused(400, "invalid-parameter");
            assert_eq!(refused.source("parameter"), Some("filter[as-of]"), "{}", refused.text);
            assert_eq!(refused.body["errors"][0]["meta"]["oldest"], Timestamp::from_micros(oldest).iso8601());
        }
    }
});

both!(the_past_is_refused_while_the_log_is_off, |app| {
    let admin = app.admin();
    organize(&admin);
    Raw::connect(&app.config.database_url).run("UPDATE change_log SET is_on = FALSE");
    for url in [list(admin.id, now(app)), role(admin.id, "reports", now(app))] {
        let refused = admin.get(&url).refused(400, "invalid-parameter");
        assert_eq!(refused.source("parameter"), Some("filter[as-of]"));
        assert!(refused.text.contains("not logged"), "{}", refused.text);
    }
});

both!(a_list_at_a_moment_names_what_it_does_not_support, |app| {
    let admin = app.admin();
    organize(&admin);
    let at = as_of(now(app));
    let alone = admin.get(&format!("{EDGES}?filter[relationship]=mentor&{at}")).refused(400, "invalid-parameter");
    assert!(alone.text.contains("`filter[participant]`"), "{}", alone.text);
    for filter in ["user-enabled", "target-enabled"] {
        let url = format!("{}&filter[{filter}]=true", list(admin.id, now(app)));
        let refused = admin.get(&url).refused(400, "invalid-parameter");
        assert_eq!(refused.source("parameter"), Some(&*format!("filter[{filter}]")));
    }
    for end in ["", "&max-depth=all"] {
        let url = format!("{}{end}&include=boss-of", role(admin.id, "reports", now(app)));
        assert_eq!(admin.get(&url).refused(400, "unsupported-include").source("parameter"), Some("include"));
    }
    let url = role(admin.id, "reports", now(app));
    admin.get(&format!("{url}&sort=id")).refused(400, "unsupported-sort");
    admin.get(&format!("{}&filter[id]=1", role(admin.id, "reports", now(app)))).refused(400, "invalid-parameter");
    admin.get(&format!("{}&limit=1", role(admin.id, "boss-of", now(app)))).refused(400, "invalid-parameter");
    let several = format!("{EDGES}?filter[user]=x&filter[as-of]=y&filter[user-enabled]=true&limit=z");
    assert_eq!(admin.get(&several).refused(400, "invalid-parameter").codes().len(), 4);
});

both!(several_users_with_a_role_that_is_now_for_one_are_a_list, |app| {
    let (admin, ann) = (app.admin(), app.user());
    register(&admin, "boss", &json!({"target-role": "bosses"}));
    let bosses = users(app, 2);
    let made: Vec<_> = bosses.iter().map(|boss| create(&admin, ann.id, "boss", *boss).expect(201).id()).collect();
    let at = now(app);
    admin.delete(&format!("{EDGES}/{}", made[0])).expect(204);
    set_rules(&admin, "boss", &json!({"max-per-user": 1})).expect(200);
    let refused = ann.get(&role(ann.id, "bosses", at)).refused(400, "invalid-parameter");
    assert!(refused.text.contains("add `max-depth=1`"), "{}", refused.text);
    assert_eq!(ann.get(&format!("{}&max-depth=1", role(ann.id, "bosses", at))).expect(200).ids(), bosses);
});

both!(a_path_that_was_longer_than_a_tree_allows_is_refused, |app| {
    let admin = app.admin();
    register(&admin, "boss", &json!({"user-role": "reports"}));
    let chain = users(app, 70);
    let made: Vec<_> = chain.windows(2).map(|pair| create(&admin, pair[1], "boss", pair[0]).expect(201).id()).collect();
    // A cycle as well.
    let closing = create(&admin, chain[0], "boss", chain[2]).expect(201).id();
    let at = now(app);
    for id in [closing, made[30]] {
        admin.delete(&format!("{EDGES}/{id}")).expect(204);
    }
    let url = format!("{}&max-depth=all", role(chain[3], "reports", at));
    assert_eq!(
        admin.get(&format!("{}&max-depth=all", role(chain[0], "reports", at))).expect(200).body["meta"]["has-cycle"],
        true
    );
    assert_eq!(admin.get(&url).expect(200).total(), 66);
    set_rules(&admin, "boss", &tree()).expect(200);
    admin.get(&url).refused(400, "traversal-too-large");
    let near = admin.get(&format!("{}&max-depth=5&page[size]=2", role(chain[3], "reports", at))).expect(200);
    assert_eq!((near.ids(), near.total()), (chain[4..6].to_vec(), 5));
    let above =
        admin.get(&format!("{}&max-depth=all&filter[id]={}", role(chain[3], "reports", at), chain[40])).expect(200);
    assert_eq!(above.ids(), [chain[40]]);
});

both!(ten_thousand_users_are_visited_at_a_moment_and_no_more, |app| {
    let admin = app.admin();
    register(&admin, "boss", &json!({"user-role": "reports"}));
    let boss = users(app, 1)[0];
    let first = crowd(app, 10_001);
    let mut raw = Raw::connect(&app.config.database_url);
    let kind = raw.number("SELECT CAST(id AS BIGINT) AS number FROM relationship_types WHERE name = 'boss'");
    let insert = |from: i64, to: i64| {
        format!(
            "WITH RECURSIVE numbers (i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM numbers WHERE i < {to}) \
             INSERT INTO user_relationships (user_id, target_id, type_id, created_at, updated_at, version) \
             SELECT i, {boss}, {kind}, 1, 1, 1 FROM numbers"
        )
    };
    raw.run(&insert(first, first + 9_999));
    let url = format!("{}&max-depth=all&limit=1", role(boss, "reports", now(app)));
    assert_eq!(admin.get(&url).expect(200).total(), 10_000);
    raw.run(&insert(first + 10_000, first + 10_000));
    let refused = admin.get(&url).refused(400, "traversal-too-large");
    assert_eq!(refused.source("parameter"), Some("max-depth"));
});

both!(a_hundred_thousand_changes_are_undone_and_no_more, |app| {
    let (admin, ann) = (app.admin(), app.user());
    wait(app.store.number_changes()).expect("numbers");
    let at = now(app);
    let mut raw = Raw::connect(&app.config.database_url);
    let last = raw.number("SELECT COALESCE(MAX(n), 0) AS number FROM changes");
    let mut fill = |from: i64, to: i64| {
        raw.run(&format!(
            "WITH RECURSIVE numbers (i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM numbers WHERE i < {to}) \
             INSERT INTO changes (n, place, at, action, subject_type, subject_id, user_id, target_id, relationship, \
             edge_created_at, previous_version, previous_updated_at) \
             SELECT {last} + i, 0, {at} + 1, 2, 0, 1000000 + i, {}, {}, 'mentor', {at}, 1, {at} FROM numbers; \
             UPDATE change_log SET last_number = {last} + {to}, last_at = {at} + 1",
            ann.id, admin.id
        ));
    };
    fill(1, 100_000);
    let found = admin.get(&format!("{}&limit=2", list(ann.id, at))).expect(200);
    assert_eq!((found.total(), found.ids()), (100_000, vec![1_000_001, 1_000_002]));
    fill(100_001, 100_001);
    let refused = admin.get(&list(ann.id, at)).refused(400, "invalid-parameter");
    assert!(refused.text.contains("later moment"), "{}", refused.text);
    assert_eq!(admin.get(&list(ann.id, at + 1)).expect(200).total(), 0);
});

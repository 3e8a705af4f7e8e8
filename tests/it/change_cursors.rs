//! Parameters and cursors that the feed refuses.

use user_relationships::store::Tx;

use crate::both;
use crate::item;
use crate::support::changes::{CHANGES, Log, after, cursor, link, now, numbers};
use crate::support::{App, Client};

item!([61, 69, 74], invalid_parameters_are_refused_by_name, |app| {
    let admin = app.admin();
    let position = now(&admin);
    let foreign = app.admin().get("/api/v2/users?page[size]=1").expect(200);
    let foreign = foreign.body["data"][0]["meta"]["page"]["cursor"].as_str().expect("a cursor").to_owned();
    let mut tampered = position.clone();
    tampered.replace_range(20..21, if &position[20..21] == "A" { "B" } else { "A" });
    for (query, code, parameter) in [
        ("page[size]=0", "invalid-parameter", "page[size]"),
        ("page[size]=501", "invalid-parameter", "page[size]"),
        ("page[size]=x", "invalid-parameter", "page[size]"),
        ("page[size]=1&page[size]=2", "duplicate-parameter", "page[size]"),
        ("page[offset]=1", "unknown-parameter", "page[offset]"),
        ("offset=1", "unknown-parameter", "offset"),
        ("limit=1", "unknown-parameter", "limit"),
        ("page[limit]=1", "unknown-parameter", "page[limit]"),
        ("page[number]=1", "unknown-parameter", "page[number]"),
        ("user=1", "unknown-parameter", "user"),
        ("sort=at", "unsupported-sort", "sort"),
        ("include=actor", "unsupported-include", "include"),
        ("fields[changes]=colour", "unknown-field", "fields[changes]"),
        ("fields[users]=name", "unknown-parameter", "fields[users]"),
        ("filter[from]=", "invalid-parameter", "filter[from]"),
        ("filter[from]=yesterday", "invalid-parameter", "filter[from]"),
        ("filter[from]=now&filter[from]=now", "duplicate-parameter", "filter[from]"),
        (&format!("filter[from]=now&page[after]={position}"), "invalid-parameter", "filter[from]"),
        (&format!("filter[from]=now&page[before]={position}"), "invalid-parameter", "filter[from]"),
        ("filter[from]=now&sort=-id", "invalid-parameter", "filter[from]"),
        ("filter[subject-type]=transfers", "invalid-parameter", "filter[subject-type]"),
        ("filter[subject-type]=", "invalid-parameter", "filter[subject-type]"),
        ("filter[action]=renamed", "invalid-parameter", "filter[action]"),
        ("filter[relationship]=No%20Name", "invalid-parameter", "filter[relationship]"),
        ("filter[user]=0", "invalid-parameter", "filter[user]"),
        ("filter[actor]=ann", "invalid-parameter", "filter[actor]"),
        ("filter[since]=2026-03-01T00:00:00", "invalid-parameter", "filter[since]"),
        ("filter[since]=2026-03-01", "invalid-parameter", "filter[since]"),
        ("filter[since]=2026-03-01T00:00:00+02:00", "invalid-parameter", "filter[since]"),
        ("filter[since]=Wed,%2021%20May%202014%2010:11:24%20%2B0300", "invalid-parameter", "filter[since]"),
        ("filter[until]=1h", "invalid-parameter", "filter[until]"),
        ("filter[until]=2026-02-30T00:00:00Z", "invalid-parameter", "filter[until]"),
        (
            "filter[until]=2026-03-01T00:00:00Z&filter[until]=2026-03-02T00:00:00Z",
            "duplicate-parameter",
            "filter[until]",
        ),
        ("page[after]=", "invalid-cursor", "page[after]"),
        ("page[after]=abc", "invalid-cursor", "page[after]"),
        ("page[after]=48213", "invalid-cursor", "page[after]"),
        (&format!("page[after]={foreign}"), "invalid-cursor", "page[after]"),
        (&format!("page[after]={tampered}"), "invalid-cursor", "page[after]"),
        (&format!("page[before]={tampered}"), "invalid-cursor", "page[before]"),
    ] {
        let answer = admin.get(&format!("{CHANGES}?{query}")).refused(400, code);
        assert_eq!(answer.source("parameter"), Some(parameter), "{query}: {}", answer.text);
    }
    let too_large = admin.get(&format!("{CHANGES}?page[size]=501")).refused(400, "invalid-parameter");
    assert_eq!(too_large.body["errors"][0]["meta"]["page"]["maxSize"], 500);
    // A cursor of changes is none of another list.
    admin.get(&format!("/api/v2/users?page[after]={position}")).refused(400, "invalid-cursor");
});

/// Asserts that a cursor has expired, and that the error leads back.
#[track_caller]
fn assert_expired(admin: &Client, cursor: &str, horizon: &str) {
    for query in ["", "&sort=-id", "&filter[user]=5"] {
        let answer = admin.get(&format!("{CHANGES}?page[after]={cursor}{query}")).refused(410, "cursor-expired");
        let error = &answer.body["errors"][0];
        assert_eq!(error["source"]["parameter"], "page[after]");
        assert_eq!(error["meta"]["oldest"], horizon, "{}", answer.text);
        let about = error["links"]["about"].as_str().expect("a way back");
        assert!(!about.contains("after") && about.contains("user") == query.contains("user"), "{about}");
        admin.get(about).expect(200);
    }
    admin.get(&format!("{CHANGES}?page[before]={cursor}")).refused(410, "cursor-expired");
}

fn horizon(app: &App) -> String {
    app.read(|tx: &mut Tx<'_>| tx.change_log()).horizon.at.iso8601()
}

both!(a_cursor_of_another_history_has_expired, |app| {
    let admin = app.admin();
    let mut log = Log::of(app);
    let first = log.append_many(4);
    let position = now(&admin);
    let at = horizon(app);
    // Another change has the number.
    log.raw().run(&format!("UPDATE changes SET at = at + 1 WHERE n = {}", first + 3));
    assert_expired(&admin, &position, &at);
    log.raw().run(&format!("UPDATE changes SET at = at - 1 WHERE n = {}", first + 3));
    after(&admin, &position, "");
    // The number is in the future: a restore.
    log.raw()
        .run(&format!("DELETE FROM changes WHERE n = {0}; UPDATE change_log SET last_number = {0} - 1", first + 3));
    if app.home().file().is_some() {
        log.raw().run(&format!("UPDATE sqlite_sequence SET seq = {} WHERE name = 'changes'", first + 2));
    }
    assert_expired(&admin, &position, &at);
});

both!(a_cursor_from_before_the_horizon_has_expired, |app| {
    let admin = app.admin();
    let start = now(&admin);
    let mut log = Log::of(app);
    let first = log.append_many(6);
    let page = after(&admin, &start, "page[size]=3");
    let at_horizon = cursor(&page);
    // Pruning removes changes up to the third, and keeps what the cursor at it names.
    let fingerprint = app.read(move |tx| {
        let log = tx.change_log()?;
        tx.change_position(&log, first + 2)
    });
    let fingerprint = fingerprint.expect("a change").fingerprint;
    log.raw().run(&format!(
        "DELETE FROM changes WHERE n <= {0}; UPDATE change_log SET horizon_number = {0}, horizon_at = 1700000000000000, \
         horizon_fingerprint = {fingerprint}",
        first + 2
    ));
    assert_expired(&admin, &start, "2023-11-14T22:13:20.000000Z");
    assert_eq!(after(&admin, &at_horizon, "").ids(), numbers(first + 3, 3));
    assert_eq!(admin.get(CHANGES).expect(200).ids(), numbers(first + 3, 3));
    assert!(link(&after(&admin, &at_horizon, "page[size]=1"), "prev").is_some());
    // Off and on again: the horizon has a new fingerprint.
    log.raw().run("UPDATE change_log SET horizon_fingerprint = horizon_fingerprint + 1");
    assert_expired(&admin, &at_horizon, "2023-11-14T22:13:20.000000Z");
});

both!(a_cursor_that_another_secret_has_signed_has_expired, |app| {
    let admin = app.admin();
    let position = now(&admin);
    Log::of(app).raw().run("UPDATE service_secrets SET value = 'another secret'");
    let other = app.beside();
    assert_expired(&other.client_like(&admin), &position, &horizon(app));
    let fresh = now(&other.client_like(&admin));
    after(&other.client_like(&admin), &fresh, "");
});

//! The most relationships that one transfer hands over.

use std::time::Duration;

use user_relationships::config::Config;

use crate::both;
use crate::support::graph::{
    EDGES, TRANSFERS, assert_clean, create, crowd, meta, register, store_many, stored, transfer, users,
};
use crate::support::process::run;
use crate::support::{App, json};

const KIND: &str = "plain";

/// Without optimization, 10,000 relationships take longer than a request may on a busy machine.
fn patient(config: &mut Config) {
    config.request_timeout = Duration::from_mins(2);
}

/// Counts what was stored without the service.
fn repair(app: &App) {
    run(&app.home().text(), &["check", "--repair"]);
}

both!(a_transfer_of_more_than_10000_relationships_is_refused, |config| { patient(config) }, |app| {
    let admin = app.admin();
    let [leaver, successor] = users(app, 2).try_into().expect("two");
    register(&admin, KIND, &json!({}));
    let first = crowd(app, 10_003);
    store_many(app, KIND, first, 10_003, ["i", &leaver.to_string()]);
    let body = transfer(KIND, leaver, successor, false);
    // Also if the stored counts, which are read first, are too small.
    let refused = admin.post(TRANSFERS, &body).refused(409, "transfer-too-large");
    assert_eq!(meta(&refused, "count"), &json!(10_001));
    repair(app);
    for refused in [
        admin.post(TRANSFERS, &body),
        admin.delete(&format!("/api/v2/users/{leaver}?transfer-to={successor}&transfer-types={KIND}")),
    ] {
        let refused = refused.refused(409, "transfer-too-large");
        assert_eq!(meta(&refused, "count"), &json!(10_003));
    }
    for owner in first..first + 3 {
        let one = admin.get(&format!("{EDGES}?user={owner}&target={leaver}")).expect(200).ids()[0];
        admin.delete(&format!("{EDGES}/{one}")).expect(204);
    }
    let made = admin.post(TRANSFERS, &body).expect(201);
    assert_eq!(made.body["data"]["attributes"]["moved"], 10_000);
    assert_eq!(stored(app, KIND).values().filter(|(_, target)| *target == successor).count(), 10_000);
    assert_clean(app);
});

both!(relationships_that_the_successor_gets_count_as_well, |config| { patient(config) }, |app| {
    let admin = app.admin();
    let [leaver, successor, owner] = users(app, 3).try_into().expect("three");
    register(&admin, KIND, &json!({}));
    let first = crowd(app, 10_003);
    store_many(app, KIND, first, 10_002, [&leaver.to_string(), "i"]);
    let refuse = |count: i64| {
        let body = transfer(KIND, leaver, successor, true);
        let refused = admin.post(TRANSFERS, &body).refused(409, "transfer-too-large");
        assert_eq!(meta(&refused, "count"), &json!(count), "{}", refused.text);
    };
    // By the rows, as the stored counts are too small; then by the counts, which are exact.
    refuse(10_001);
    repair(app);
    create(&admin, owner, KIND, leaver).expect(201);
    refuse(10_003);
    // Without taking the place, only the one relationship that targets the leaver is handed over.
    let made = admin.post(TRANSFERS, &transfer(KIND, leaver, successor, false)).expect(201);
    assert_eq!(made.body["data"]["attributes"]["moved"], 1);
});

both!(a_deletion_hands_over_at_most_10000_relationships_of_all_types, |config| { patient(config) }, |app| {
    let admin = app.admin();
    let [leaver, successor] = users(app, 2).try_into().expect("two");
    let (first, each) = (crowd(app, 5_001), 5_001);
    for kind in ["one", "other"] {
        register(&admin, kind, &json!({}));
        store_many(app, kind, first, each, ["i", &leaver.to_string()]);
    }
    repair(app);
    let path = format!("/api/v2/users/{leaver}?transfer-to={successor}&transfer-types=one,other");
    let refused = admin.delete(&path).refused(409, "transfer-too-large");
    assert_eq!(meta(&refused, "count"), &json!(10_002));
    assert_eq!(refused.source("parameter"), Some("transfer-to"));
    assert_eq!(stored(app, "one").len() + stored(app, "other").len(), 10_002);
});

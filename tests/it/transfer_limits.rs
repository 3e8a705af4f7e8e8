//! The most relationships that one transfer hands over.

use crate::both;
use crate::support::graph::{
    EDGES, TRANSFERS, assert_clean, create, crowd, meta, register, store_many, stored, transfer, users,
};
use crate::support::process::run;
use crate::support::{App, json};

const KIND: &str = "plain";

/// Counts what was stored without the service.
fn repair(app: &App) {
    run(&app.home().text(), &["check", "--repair"]);
}

both!(a_transfer_of_more_than_10000_relationships_is_refused, |app| {
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

both!(a_relationship_that_the_successor_gets_counts_as_well, |app| {
    let admin = app.admin();
    let [leaver, successor, target] = users(app, 3).try_into().expect("three");
    register(&admin, KIND, &json!({}));
    let first = crowd(app, 10_000);
    store_many(app, KIND, first, 10_000, ["i", &leaver.to_string()]);
    repair(app);
    create(&admin, leaver, KIND, target).expect(201);
    let refused = admin.post(TRANSFERS, &transfer(KIND, leaver, successor, true)).refused(409, "transfer-too-large");
    assert_eq!(meta(&refused, "count"), &json!(10_001));
});

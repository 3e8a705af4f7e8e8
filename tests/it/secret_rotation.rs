//! `secret rotate`: cursors of the earlier secret are refused, by instances that go on running.

use std::time::Duration;

use crate::both;
use crate::support::process::{run, until};
use crate::support::replica::{SOON, is_used, replica_pair};
use crate::support::{App, Client};

const CHANGES: &str = "/api/v2/changes?page[size]=1";
const USERS: &str = "/api/v2/users?sort=id&page[size]=1";

fn rotate(app: &App) {
    let rotated = run(&app.home().text(), &["secret", "rotate"]).expect(0);
    assert!(rotated.stdout.is_empty() && rotated.stderr.contains("new secret"), "{rotated:?}");
}

/// The URL of the second page of a list.
fn next(client: &Client, url: &str) -> String {
    client.get(url).expect(200).body["links"]["next"].as_str().expect("a second page").to_owned()
}

both!(cursors_of_the_earlier_secret_are_refused_within_two_seconds, |app| {
    let (root, _) = (app.admin(), app.user());
    let [users, changes] = [USERS, CHANGES].map(|url| next(&root, url));
    for url in [&users, &changes] {
        root.get(url).expect(200);
    }
    rotate(app);
    until("earlier cursors are refused", Duration::from_secs(4), || root.get(&users).status == 400);
    root.get(&users).refused(400, "invalid-cursor");
    let expired = root.get(&changes).refused(410, "cursor-expired");
    let error = &expired.body["errors"][0];
    assert!(error["meta"]["oldest"].is_string(), "{error}");
    root.get(error["links"]["about"].as_str().expect("where to start again")).expect(200);
    for url in [USERS, CHANGES] {
        root.get(&next(&root, url)).expect(200);
    }
});

both!(a_cursor_of_the_new_secret_works_at_once_on_every_instance, |app| {
    let other = app.beside();
    let (root, _) = (app.admin(), app.user());
    let elsewhere = other.client_like(&root);
    for url in [USERS, CHANGES] {
        elsewhere.get(&next(&elsewhere, url)).expect(200);
        std::thread::sleep(Duration::from_millis(2_100));
        // This instance need not read the secret again for a while; the other one must.
        root.get(&next(&root, url)).expect(200);
        rotate(app);
        root.get(&next(&elsewhere, url)).expect(200);
    }
});

#[test]
fn a_replica_is_used_again_after_the_secret_was_replaced() {
    let Some(mut pair) = replica_pair() else { return };
    let service = pair.serve(&[]);
    run(&pair.url(), &["secret", "rotate"]).expect(0);
    pair.settle();
    // The next connection to the replica compares its secret with that of the primary.
    pair.standby.stop();
    until("it is marked down", SOON, || !is_used(&service));
    pair.standby.start_again();
    until("it is used again", SOON, || is_used(&service));
}

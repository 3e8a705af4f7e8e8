//! The running service keeps the change log without any reader: it numbers, prunes and measures. Readers stay in step with
//! pruning, or are led back.

use std::thread;
use std::time::Duration;

use user_relationships::model::time::Timestamp;

use crate::both;
use crate::support::app::wait;
use crate::support::change_log::last_number;
use crate::support::changes::{CHANGES, cursor};
use crate::support::feed_copy::{copy_again, stored_copy};
use crate::support::graph::{EDGES, create, users};
use crate::support::process::{Outcome, PATIENCE, Service, finish, program, until};
use crate::support::scrape::scrape;
use crate::support::sql::Raw;
use crate::support::{App, Client};

const ROWS: &str = "SELECT COUNT(*) AS number FROM changes";
const WAITING: &str = "SELECT COUNT(*) AS number FROM unnumbered_changes";
const HORIZON: &str = "SELECT horizon_number AS number FROM change_log";

/// The settings of `CHANGES_RETENTION`.
fn keep(time: &str) -> [(&str, &str); 1] {
    [("CHANGES_RETENTION", time)]
}

/// Creates and deletes a relationship.
fn write(client: &Client, user: i64, target: i64) {
    let id = create(client, user, "mentor", target).expect(201).id();
    client.delete(&format!("{EDGES}/{id}")).expect(204);
}

both!(the_service_numbers_and_prunes_without_any_reader, |app| {
    let admin = app.admin();
    let [bob] = users(app, 1).try_into().expect("one");
    let mut raw = Raw::connect(&app.config.database_url);
    let service = Service::start(&app.home().text(), &keep("1s"));
    write(&admin.at(service.address), admin.id, bob);
    until("all changes are numbered", PATIENCE, || raw.number(WAITING) == 0);
    let last = last_number(app);
    assert!(last >= 4, "{last}");
    until("all changes are pruned", PATIENCE, || raw.number(ROWS) == 0);
    assert_eq!((raw.number(HORIZON), last_number(app)), (last, last));
    // Another setting keeps them.
    service.kill();
    let service = Service::start(&app.home().text(), &keep("forever"));
    write(&admin.at(service.address), admin.id, bob);
    until("all changes are numbered", PATIENCE, || raw.number(WAITING) == 0 && raw.number(ROWS) == 2);
    thread::sleep(Duration::from_millis(2_500));
    assert_eq!((raw.number(ROWS), raw.number(HORIZON)), (2, last));
});

both!(the_metrics_of_the_log_are_those_of_the_last_writes, |app| {
    let admin = app.admin();
    let [bob] = users(app, 1).try_into().expect("one");
    let mut raw = Raw::connect(&app.config.database_url);
    let service = Service::start(&app.home().text(), &[("REQUEST_TIMEOUT", "2s")]);
    let there = admin.at(service.address);
    let metric = |name: &str| scrape(&service.anonymous()).count(name, &[]);
    for _ in 0..3 {
        write(&there, admin.id, bob);
    }
    // Two users, and three relationships that were created and deleted.
    until("the rows are counted", PATIENCE, || metric("changes_rows") == 8);
    assert_eq!((metric("changes_unnumbered"), raw.number(ROWS)), (0, 8));
    let horizon = raw.number("SELECT horizon_at / 1000000 AS number FROM change_log");
    assert_eq!(metric("changes_oldest_timestamp_seconds"), horizon);
    if let Raw::Postgres(_) = raw {
        // Nothing can be numbered: the metric that the alert needs must say so.
        raw.run("BEGIN; SELECT 1 FROM change_log FOR UPDATE");
        write(&there, admin.id, bob);
        until("changes without a number are counted", PATIENCE, || metric("changes_unnumbered") == 2);
        assert_eq!(metric("changes_rows"), 8);
        raw.run("ROLLBACK");
        until("all changes are numbered", PATIENCE, || metric("changes_rows") == 10);
        assert_eq!(metric("changes_unnumbered"), 0);
    }
    // Off: the log is empty, and the oldest change is none.
    service.kill();
    let service = Service::start(&app.home().text(), &keep("0"));
    write(&admin.at(service.address), admin.id, bob);
    let metric = |name: &str| scrape(&service.anonymous()).count(name, &[]);
    until("everything is pruned", PATIENCE, || raw.number(ROWS) == 0 && metric("changes_rows") == 0);
    assert_eq!((metric("changes_oldest_timestamp_seconds"), metric("changes_unnumbered")), (0, 0));
});

/// Prunes the changes that are as old as the one with a number, or older, and nothing else.
fn prune_up_to(app: &App, number: i64) {
    let at = |n: i64| format!("UPDATE changes SET at = at + 1000000 WHERE n > {n}");
    let mut raw = Raw::connect(&app.config.database_url);
    // One second lies between the changes, so that the service prunes between them.
    raw.run(&at(number));
    let time = raw.number(&format!("SELECT at AS number FROM changes WHERE n = {number}"));
    wait(app.store.prune_changes(Timestamp::from_micros(time + 1))).expect("changes are pruned");
    assert_eq!(raw.number(HORIZON), number);
}

both!(a_quiet_reader_outlives_the_retention_and_an_absent_one_is_led_back, |app| {
    let admin = app.admin();
    let [quiet, bob, cleo] = users(app, 3).try_into().expect("three");
    create(&admin, bob, "colleague", cleo).expect(201);
    let path = format!("{CHANGES}?filter[user]={quiet}");
    let mut position = cursor(&admin.get(&path).expect(200));
    let mut absent = copy_again(&admin);
    for _ in 0..3 {
        let seen = last_number(app);
        write(&admin, bob, cleo);
        // Everything that the quiet reader had examined at its last visit is pruned, and nothing after that.
        prune_up_to(app, seen);
        let page = admin.get(&format!("{path}&page[after]={position}")).expect(200);
        assert!(page.ids().is_empty(), "{}", page.text);
        position = cursor(&page);
    }
    let made = create(&admin, quiet, "mentor", bob).expect(201).id();
    let page = admin.get(&format!("{path}&page[after]={position}")).expect(200);
    assert_eq!(page.ids().len(), 1, "{}", page.text);
    assert_eq!(page.body["data"][0]["attributes"]["subject-id"], made.to_string());
    // It has not seen the last writes, and what it would need is gone.
    let cursor = absent.cursor.clone().expect("a cursor");
    admin.get(&format!("{CHANGES}?page[after]={cursor}")).refused(410, "cursor-expired");
    let stored = stored_copy(&app.config.database_url);
    assert!(absent != stored);
    absent.follow(&admin);
    assert_eq!(absent, stored);
    write(&admin, quiet, cleo);
    admin.delete(&format!("{EDGES}/{made}")).expect(204);
    absent.follow(&admin);
    assert_eq!(absent, stored_copy(&app.config.database_url));
});

/// The output of `config` with a value of `CHANGES_RETENTION`.
fn config(value: &str) -> Outcome {
    finish(program().env("CHANGES_RETENTION", value).arg("config"))
}

#[test]
fn the_retention_is_a_duration_zero_or_forever() {
    for (written, shown) in
        [("365d", "365d"), ("1s", "1s"), ("48h", "2d"), ("36500d", "36500d"), ("0", "0"), ("forever", "forever")]
    {
        let printed = config(written).expect(0).stdout;
        let expected = format!("CHANGES_RETENTION={shown}");
        assert!(printed.lines().any(|line| line == expected), "{written}: {printed}");
    }
    let unset = finish(program().arg("config")).expect(0).stdout;
    assert!(unset.contains("\nCHANGES_RETENTION=365d\n"), "{unset}");
    for wrong in ["-1d", "1.5d", "0s", "500ms", "36501d", "365", "365 d", "never", "1y", "99999999999999999999d"] {
        let refused = config(wrong).expect(78).stderr;
        for part in ["`CHANGES_RETENTION`", &format!("`{wrong}`"), "or `0` to log no changes, or `forever`"] {
            assert!(refused.contains(part), "{part} is not in {refused}");
        }
    }
    // The same on the command line.
    let refused = finish(program().args(["config", "--changes-retention=ten"])).expect(78).stderr;
    assert!(refused.contains("`ten` is not a duration"), "{refused}");
}

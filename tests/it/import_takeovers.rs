//! Imports whose instance ends: they go on, whatever the state was.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::both;
use crate::support::process::{PATIENCE, Service, run as run_command, until};
use crate::support::scrape::scrape;
use crate::support::sql::Raw;
use crate::support::uploads::{
    CSV, IMPORTS, attributes, company, preview, request, rows, run, state, upload, wait_while,
};
use crate::support::{App, Client, json};

/// Users of a file that takes some seconds, and their relationships.
const USERS: i64 = 4_000;
const EDGES: i64 = USERS - USERS / 50;

fn numbers(app: &App) -> (i64, i64) {
    let mut raw = Raw::connect(&app.config.database_url);
    let users = raw.number("SELECT COUNT(*) AS number FROM users WHERE alt_id IS NOT NULL");
    (users, raw.number("SELECT COUNT(*) AS number FROM user_relationships"))
}

/// Waits until a run has written a part, and no more than a part.
fn until_in_part(client: &Client, id: i64) {
    until("a part is written", PATIENCE, || {
        let shown = attributes(client, id);
        assert_eq!(shown["state"], "running", "{shown}");
        shown["progress"].as_f64().is_some_and(|progress| progress > 0.1)
    });
}

fn assert_all_written(app: &App, client: &Client, id: i64) {
    let done = wait_while(client, id, &["running"]);
    assert_eq!((&done["state"], &done["problem"]), (&json!("done"), &json!(null)), "{done}");
    assert_eq!((done["counts"]["created"].as_i64(), &done["counts"]["rejected"]), (Some(USERS + EDGES), &json!(0)));
    assert_eq!(numbers(app), (USERS, EDGES));
    run_command(&app.home().text(), &["check"]).expect(0);
}

both!(a_run_goes_on_after_kill_9_and_counts_each_line_once, |app| {
    let (url, admin) = (app.home().text(), app.admin());
    let service = Service::start(&url, &[]);
    let id = preview(&admin.at(service.address), "", CSV, company(USERS));
    request(&admin.at(service.address), id, "running").expect(202);
    until_in_part(&admin.at(service.address), id);
    service.kill();
    let written = attributes(&admin, id);
    assert_eq!(written["state"], "running", "{written}");
    assert!(numbers(app).0 < USERS || numbers(app).1 < EDGES, "the part is everything");
    let next = Service::start(&url, &[]);
    assert_all_written(app, &admin.at(next.address), id);
    drop(next);
});

both!(a_synchronization_goes_on_after_kill_9, |app| {
    let (url, admin) = (app.home().text(), app.admin());
    let service = Service::start(&url, &[]);
    let id = preview(&admin.at(service.address), "?import-sync=true", CSV, company(USERS));
    request(&admin.at(service.address), id, "running").expect(202);
    until_in_part(&admin.at(service.address), id);
    service.kill();
    let next = Service::start(&url, &[]);
    assert_all_written(app, &admin.at(next.address), id);
    drop(next);
});

both!(sigterm_stops_a_run_between_two_transactions, |app| {
    let (url, admin) = (app.home().text(), app.admin());
    let mut service = Service::start(&url, &[]);
    let id = preview(&admin.at(service.address), "", CSV, company(USERS));
    request(&admin.at(service.address), id, "running").expect(202);
    until_in_part(&admin.at(service.address), id);
    service.signal("TERM");
    assert!(service.wait(PATIENCE).success());
    let mut raw = Raw::connect(&app.config.database_url);
    assert_eq!(raw.number("SELECT COUNT(*) AS number FROM imports WHERE state = 3 AND runner IS NULL"), 1);
    let next = Service::start(&url, &[]);
    assert_all_written(app, &admin.at(next.address), id);
    drop(next);
});

both!(an_upload_that_was_being_read_is_read_again, |app| {
    let (url, admin) = (app.home().text(), app.admin());
    let service = Service::start(&url, &[]);
    let id = upload(&admin.at(service.address), "", CSV, company(USERS)).expect(202).id();
    service.kill();
    let next = Service::start(&url, &[]);
    let client = admin.at(next.address);
    let shown = wait_while(&client, id, &["reading"]);
    assert_eq!((&shown["state"], shown["counts"]["created"].as_i64()), (&json!("preview"), Some(USERS + EDGES)));
    let page = client.get(&format!("{IMPORTS}/{id}/rows?limit=0")).expect(200);
    assert_eq!(page.body["meta"]["total-count"].as_i64(), Some(USERS + EDGES));
    drop(next);
});

both!(a_preview_survives_kill_9, |app| {
    let (url, admin) = (app.home().text(), app.admin());
    let service = Service::start(&url, &[]);
    let id = preview(&admin.at(service.address), "", CSV, company(100));
    service.kill();
    let next = Service::start(&url, &[]);
    let client = admin.at(next.address);
    assert_eq!(state(&client, id), "preview");
    assert_eq!((run(&client, id)["state"].clone(), rows(&client, id, "rejected").len()), (json!("done"), 0));
    drop(next);
});

both!(half_an_upload_leaves_nothing_after_kill_9, |app| {
    let (url, admin) = (app.home().text(), app.admin());
    let service = Service::start(&url, &[]);
    let half = company(20_000);
    let head = format!(
        "POST {IMPORTS} HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\nContent-Type: text/csv\r\nContent-Length: {}\r\n\r\n",
        admin.authorization().expect("a token"),
        half.len() * 2
    );
    let mut stream = TcpStream::connect(service.address).expect("the service listens");
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(half.as_bytes())).expect("the service reads");
    let mut raw = Raw::connect(&app.config.database_url);
    until("a piece is stored", PATIENCE, || raw.number("SELECT COUNT(*) AS number FROM import_chunks") > 0);
    service.kill();
    assert_eq!(raw.number("SELECT COUNT(*) AS number FROM imports WHERE state = 0"), 1);
    let next = Service::start(&url, &[("IMPORT_TIMEOUT", "1s")]);
    let client = admin.at(next.address);
    assert_eq!(client.get(IMPORTS).expect(200).body["data"], json!([]));
    until("the record is deleted", Duration::from_secs(40), || {
        raw.number("SELECT COUNT(*) AS number FROM imports") == 0
    });
    drop(next);
    drop(stream.read(&mut [0; 1]));
});

both!(an_import_that_breaks_off_again_and_again_fails, |app| {
    let (url, admin) = (app.home().text(), app.admin());
    let id = preview(&admin, "", CSV, company(10));
    let mut raw = Raw::connect(&app.config.database_url);
    raw.run(&format!("UPDATE imports SET state = 3, attempts = 5, runner = NULL WHERE id = {id}"));
    let service = Service::start(&url, &[]);
    let failed = wait_while(&admin.at(service.address), id, &["running"]);
    assert_eq!(failed["state"], "failed");
    assert!(failed["problem"].as_str().is_some_and(|text| text.contains("broke off")), "{failed}");
    assert_eq!(numbers(app), (0, 0));
    drop(service);
});

both!(an_instance_shows_that_it_lives_while_it_reads, |app| {
    let admin = app.admin();
    let service = Service::start(&app.home().text(), &[]);
    let id = upload(&admin.at(service.address), "", CSV, company(60_000)).expect(202).id();
    let mut raw = Raw::connect(&app.config.database_url);
    until("it shows that twice", PATIENCE, || {
        let beat = raw.number(&format!("SELECT beat AS number FROM imports WHERE id = {id} AND state = 1"));
        std::thread::sleep(Duration::from_millis(100));
        beat >= 2
    });
    request(&admin, id, "cancelled").expect(202);
    drop(service);
});

both!(the_metric_of_a_stalled_import_grows_until_it_goes_on, |app| {
    let admin = app.admin();
    let id = preview(&admin, "", CSV, company(10));
    let mut raw = Raw::connect(&app.config.database_url);
    // Of an instance that lives and does not get on.
    raw.run(&format!("UPDATE imports SET state = 3, runner = 'other' WHERE id = {id}"));
    let service = Service::start(&app.home().text(), &[]);
    let stalled = || scrape(&admin.at(service.address)).sum("imports_stalled_seconds", &[]);
    let mut beat = |more: &str| raw.run(&format!("UPDATE imports SET beat = beat + 1{more} WHERE id = {id}"));
    // For longer than the instance may be silent.
    until("it counts as stalled", PATIENCE, || {
        beat("");
        stalled() > 12.0
    });
    until("it goes on", PATIENCE, || {
        beat(", version = version + 1");
        stalled() < 3.0
    });
    let of_other = format!("SELECT COUNT(*) AS number FROM imports WHERE runner = 'other' AND id = {id}");
    assert_eq!(
        (state(&admin, id).as_str(), raw.number(&of_other)),
        ("running", 1),
        "it was taken from a living instance"
    );
    drop(service);
});

#[test]
fn another_instance_takes_a_run_over() {
    use crate::support::app::{App, Engine, Home};
    let Some(home) = Home::new(Engine::Postgres) else { return };
    let app = App::start(home, |_| {});
    let (url, admin) = (app.home().text(), app.admin());
    let (first, second) = (Service::start(&url, &[]), Service::start(&url, &[]));
    let id = preview(&admin.at(first.address), "", CSV, company(USERS));
    let other = preview(&admin.at(second.address), "", CSV, "email\nx@other.example\n");
    request(&admin.at(first.address), id, "running").expect(202);
    request(&admin.at(second.address), other, "running").refused(409, "import-running");
    until_in_part(&admin.at(second.address), id);
    first.kill();
    assert_all_written(&app, &admin.at(second.address), id);
    assert_eq!(run(&admin.at(second.address), other)["state"], "done");
}

//! `/api/v2/imports`: refused uploads, refused states, and rights that are lost.

use std::io::Write;
use std::net::TcpStream;

use crate::both;
use crate::support::process::{PATIENCE, until};
use crate::support::sql::Raw;
use crate::support::uploads::{
    CSV, IMPORTS, NDJSON, attributes, company, preview, request, rows, run, state, upload, wait_while,
};
use crate::support::{App, json};

const PEOPLE: &str = "email,unit\nada@firm.example,one\nbob@firm.example,two\n";

fn number(app: &App, sql: &str) -> i64 {
    Raw::connect(&app.config.database_url).number(sql)
}

both!(
    an_upload_of_the_limit_is_read_and_one_byte_more_is_413,
    |config| {
        config.max_import = 20_000;
    },
    |app| {
        let admin = app.admin();
        let file = |size: usize| format!("{:\n<size$}", "{\"type\":\"user\",\"email\":\"ada@firm.example\"}\n");
        let id = preview(&admin, "", NDJSON, file(20_000));
        assert_eq!(attributes(&admin, id)["counts"]["created"], 1);
        upload(&admin, "", NDJSON, file(20_001)).refused(413, "body-too-large");
        // Without a length the limit is found on the way.
        let head = format!(
            "POST {IMPORTS} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {}\r\nContent-Type: {NDJSON}\r\n\
             Transfer-Encoding: chunked\r\n\r\n",
            admin.authorization().expect("a token")
        );
        let body = file(20_001);
        let answer = admin.raw(format!("{head}{:x}\r\n{body}\r\n0\r\n\r\n", body.len()).as_bytes());
        assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("MAX_IMPORT"), "{answer}");
        until("nothing of it is left", PATIENCE, || number(app, "SELECT COUNT(*) AS number FROM imports") == 1);
    }
);

both!(an_upload_that_breaks_off_leaves_nothing, |app| {
    let admin = app.admin();
    let head = format!(
        "POST {IMPORTS} HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\nContent-Type: text/csv\r\nContent-Length: 9000000\r\n\r\n",
        admin.authorization().expect("a token")
    );
    let mut stream = TcpStream::connect(admin.address()).expect("the service listens");
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(company(10_000).as_bytes())).expect("it reads");
    until("a piece is stored", PATIENCE, || number(app, "SELECT COUNT(*) AS number FROM import_chunks") > 0);
    assert_eq!(admin.get(IMPORTS).expect(200).body["meta"]["total-count"], 0);
    drop(stream);
    until("it is deleted", PATIENCE, || number(app, "SELECT COUNT(*) AS number FROM imports") == 0);
});

both!(
    an_upload_has_a_deadline_of_its_own,
    |config| {
        config.import_timeout = std::time::Duration::from_millis(700);
    },
    |app| {
        let admin = app.admin();
        let head = format!(
            "POST {IMPORTS} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {}\r\nContent-Type: text/csv\r\n\
             Content-Length: 100\r\n\r\nemail",
            admin.authorization().expect("a token")
        );
        let answer = admin.raw(head.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 503") && answer.to_lowercase().contains("retry-after"), "{answer}");
        until("it is deleted", PATIENCE, || number(app, "SELECT COUNT(*) AS number FROM imports") == 0);
    }
);

both!(other_media_types_and_parameters_are_refused_by_name, |app| {
    let admin = app.admin();
    for kind in ["application/json", "application/vnd.api+json", "text/plain", "text/csv; charset=klingon"] {
        upload(&admin, "", kind, PEOPLE).refused(415, "unsupported-media-type");
    }
    let encoded = [("content-type", "text/csv"), ("content-encoding", "gzip")];
    admin.send("POST", IMPORTS, &encoded, Some(PEOPLE.as_bytes())).refused(415, "unsupported-media-type");
    for (query, code, name) in [
        ("sync=true", "unknown-parameter", "sync"),
        ("import-sync=maybe", "invalid-parameter", "import-sync"),
        ("import-sync=true&import-missing=delete", "invalid-parameter", "import-missing"),
        ("import-missing=disable", "invalid-parameter", "import-missing"),
        ("import-sync=true&import-max-changes=ten", "invalid-parameter", "import-max-changes"),
        ("import-map=email", "invalid-parameter", "import-map"),
        ("import-map=%7B%22%22%3A%22email%22%7D", "invalid-parameter", "import-map"),
        ("import-sync=true&import-sync=true", "duplicate-parameter", "import-sync"),
    ] {
        let refused = upload(&admin, &format!("?{query}"), CSV, PEOPLE).refused(400, code);
        assert_eq!(refused.source("parameter"), Some(name), "{query}: {}", refused.text);
    }
    assert_eq!(number(app, "SELECT COUNT(*) AS number FROM imports"), 0);
    // Who asks comes first.
    app.anonymous()
        .send("POST", &format!("{IMPORTS}?x=1"), &[("content-type", "a/b")], Some(b"x"))
        .refused(401, "unauthenticated");
    upload(&app.user(), "?x=1", "a/b", "x").refused(403, "not-admin");
});

both!(a_preview_that_others_made_outdated_is_not_run, |app| {
    let admin = app.admin();
    run(&admin, preview(&admin, "", CSV, PEOPLE));
    let id = preview(&admin, "", CSV, "email,unit\nada@firm.example,three\n");
    let user = |email: &str| admin.get(&format!("/api/v2/users?filter[email]={email}")).expect(200).ids()[0];
    let change = |email: &str, unit: &str| {
        let id = user(email);
        let document = json!({"data": {"type": "users", "id": id.to_string(), "attributes": {"unit": [unit]}}});
        admin.patch(&format!("/api/v2/users/{id}"), &document).expect(200);
    };
    // Of a user that the file does not have.
    change("bob@firm.example", "x");
    let path = format!("{IMPORTS}/{id}");
    change("ada@firm.example", "y");
    request(&admin, id, "running").refused(409, "import-outdated");
    assert_eq!(state(&admin, id), "preview");
    change("ada@firm.example", "one");
    assert_eq!(run(&admin, id)["state"], "done");
    request(&admin, id, "running").refused(409, "import-not-runnable");
    request(&admin, id, "cancelled").refused(409, "import-not-runnable");
    admin.delete(&path).expect(204);
    admin.get(&path).refused(404, "not-found");
    request(&admin, id, "running").refused(404, "not-found");
});

both!(a_preview_expires_after_a_day, |app| {
    let admin = app.admin();
    let id = preview(&admin, "", CSV, PEOPLE);
    let mut raw = Raw::connect(&app.config.database_url);
    raw.run(&format!("UPDATE imports SET read_at = read_at - 86400000000 WHERE id = {id}"));
    request(&admin, id, "running").refused(409, "import-outdated");
    let service = crate::support::process::Service::start(&app.home().text(), &[]);
    assert_eq!(wait_while(&admin, id, &["preview"])["state"], "expired");
    request(&admin, id, "running").refused(409, "import-outdated");
    until("its bytes are deleted", std::time::Duration::from_secs(70), || {
        raw.number("SELECT COUNT(*) AS number FROM import_chunks") == 0
    });
    drop(service);
});

both!(an_import_is_deleted_thirty_days_after_its_end, |app| {
    let admin = app.admin();
    let done = preview(&admin, "", CSV, PEOPLE);
    run(&admin, done);
    let [cancelled, younger] = [(); 2].map(|()| preview(&admin, "", CSV, PEOPLE));
    let waiting = preview(&admin, "", CSV, "email\ncho@firm.example\ndan@firm.example\n");
    for id in [cancelled, younger] {
        request(&admin, id, "cancelled").expect(202);
    }
    let mut raw = Raw::connect(&app.config.database_url);
    let day = 86_400_000_000_i64;
    for (id, age) in [(done, 30 * day), (cancelled, 30 * day), (younger, 30 * day - day / 24)] {
        raw.run(&format!("UPDATE imports SET finished_at = finished_at - {age} WHERE id = {id}"));
    }
    let service = crate::support::process::Service::start(&app.home().text(), &[]);
    let rows = |id: i64| number(app, &format!("SELECT COUNT(*) AS number FROM import_rows WHERE import_id = {id}"));
    until("the old ones are deleted", PATIENCE, || number(app, "SELECT COUNT(*) AS number FROM imports") == 2);
    until("so are their rows", PATIENCE, || rows(done) + rows(cancelled) == 0);
    for id in [done, cancelled] {
        admin.get(&format!("{IMPORTS}/{id}")).refused(404, "not-found");
    }
    assert_eq!((state(&admin, younger), state(&admin, waiting)), ("cancelled".to_owned(), "preview".to_owned()));
    assert!(rows(waiting) == 2 && number(app, "SELECT COUNT(*) AS number FROM import_chunks") > 0);
    // What it has written stays.
    assert_eq!(number(app, "SELECT COUNT(*) AS number FROM users WHERE email LIKE '%@firm.example'"), 2);
    drop(service);
});

both!(
    an_upload_that_takes_too_long_to_read_fails,
    |config| {
        config.import_timeout = std::time::Duration::from_secs(3);
    },
    |app| {
        let admin = app.admin();
        let id = upload(&admin, "", CSV, company(60_000)).expect(202).id();
        let failed = wait_while(&admin, id, &["reading"]);
        assert_eq!(failed["state"], "failed", "{failed}");
        assert!(failed["problem"].as_str().is_some_and(|text| text.contains("`IMPORT_TIMEOUT`")), "{failed}");
        request(&admin, id, "running").refused(409, "import-not-runnable");
    }
);

both!(one_import_runs_at_a_time, |app| {
    let admin = app.admin();
    let (first, second) = (preview(&admin, "", CSV, company(3_000)), preview(&admin, "", CSV, PEOPLE));
    request(&admin, first, "running").expect(202);
    request(&admin, second, "running").refused(409, "import-running");
    request(&admin, first, "running").refused(409, "import-running");
    admin.delete(&format!("{IMPORTS}/{first}")).refused(409, "import-running");
    let cancelled = request(&admin, first, "cancelled").expect(202);
    assert_eq!(cancelled.body["data"]["attributes"]["state"], "cancelled");
    let counts = attributes(&admin, first)["counts"].clone();
    // Nothing is written after it.
    assert_eq!(run(&admin, second)["state"], "done");
    assert_eq!(attributes(&admin, first)["counts"], counts);
    let written = number(app, "SELECT COUNT(*) AS number FROM users WHERE alt_id IS NOT NULL")
        + number(app, "SELECT COUNT(*) AS number FROM user_relationships");
    assert_eq!(counts["created"].as_i64(), Some(written));
    admin.delete(&format!("{IMPORTS}/{first}")).expect(204);
    app.assert_no_drift();
});

both!(a_run_outlives_its_token_but_not_the_right_of_its_admin, |app| {
    let (admin, other) = (app.admin(), app.admin());
    let id = preview(&admin, "", CSV, company(1_500));
    request(&other, id, "running").expect(202);
    Raw::connect(&app.config.database_url).run(&format!("DELETE FROM api_tokens WHERE user_id = {}", other.id));
    assert_eq!(wait_while(&admin, id, &["running"])["state"], "done");
    let last = app.admin();
    let more = company(4_000).replace("firm.example", "more.example").replace("Supervisor", "Notes");
    let id = preview(&admin, "?import-ignore-unknown=true", CSV, more);
    request(&last, id, "running").expect(202);
    let document =
        json!({"data": {"type": "users", "id": last.id.to_string(), "attributes": {"access-level": "user"}}});
    admin.patch(&format!("/api/v2/users/{}", last.id), &document).expect(200);
    let failed = wait_while(&admin, id, &["running"]);
    assert_eq!(failed["state"], "failed", "{failed}");
    assert!(failed["problem"].as_str().is_some_and(|text| text.contains("admin")), "{failed}");
    let written = number(app, "SELECT COUNT(*) AS number FROM users WHERE email LIKE '%@more.example'");
    assert_eq!(failed["counts"]["created"].as_i64(), Some(written));
    assert!(written < 4_000, "everything was written before the right was lost");
});

both!(states_that_clients_cannot_set_are_refused, |app| {
    let admin = app.admin();
    let id = preview(&admin, "", CSV, PEOPLE);
    for bad in ["done", "preview", "odd"] {
        let refused = request(&admin, id, bad).refused(422, "invalid-attribute");
        assert_eq!(refused.source("pointer"), Some("/data/attributes/state"));
    }
    let path = format!("{IMPORTS}/{id}");
    let send = |data: crate::support::Value| admin.patch(&path, &json!({ "data": data }));
    send(json!({"type": "imports", "id": id.to_string()})).refused(422, "missing-attribute");
    send(json!({"type": "users", "id": id.to_string(), "attributes": {"state": "running"}}))
        .refused(409, "type-mismatch");
    send(json!({"type": "imports", "id": "999", "attributes": {"state": "running"}})).refused(409, "id-mismatch");
    // A stale tag refuses a run.
    let tag = admin.get(&path).expect(200).header("etag").expect("a tag").to_owned();
    let whole = admin.get(&path).expect(200).body["data"].clone();
    request(&admin, id, "cancelled").expect(202);
    admin.send("DELETE", &path, &[("if-match", &tag)], None).refused(412, "precondition-failed");
    // Whole records come back.
    let mut record = whole;
    record["attributes"]["state"] = json!("cancelled");
    send(record).expect(202);
    assert_eq!(rows(&admin, id, "").len(), 2);
});

both!(a_hundred_imports_may_wait_and_no_more, |app| {
    let admin = app.admin();
    let id = preview(&admin, "", CSV, PEOPLE);
    let mut raw = Raw::connect(&app.config.database_url);
    let columns = "state, actor_id, options, size, created, changed, moved, deleted, disabled, missing, unchanged, rejected, \
                   progress, applied_pass, applied_line, attempts, version, beat, created_at";
    for _ in 1..99 {
        raw.run(&format!("INSERT INTO imports ({columns}) SELECT {columns} FROM imports WHERE id = {id}"));
    }
    let last = preview(&admin, "", CSV, PEOPLE);
    upload(&admin, "", CSV, PEOPLE).refused(409, "import-running");
    admin.delete(&format!("{IMPORTS}/{last}")).expect(204);
    upload(&admin, "", CSV, PEOPLE).expect(202);
});

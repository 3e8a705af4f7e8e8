//! `import` and `export` as a pair: round trips, large ones, beside a service, and interrupted.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::app::Engine;
use crate::support::import::{ImportFixture, company, counts, lines, relation, schema, user};
use crate::support::process::{Guard, PATIENCE, Service, finish, program, run, until};
use crate::support::skip::skip;
use crate::support::sql::Raw;
use crate::support::{Value, edge, json};

/// Texts that resemble syntax of the file formats.
fn awkward_lines() -> String {
    let texts = [
        "",
        "\"",
        "\"a\" b",
        "a,b;c\td",
        "line\nline\r\n",
        "{\"a\":1}",
        "[1]",
        "null",
        "true",
        " x ",
        "'",
        "ä€𝄞",
        "\u{feff}",
        "=1+1",
    ];
    let mut all: Vec<Value> = Vec::new();
    for (place, text) in texts.iter().enumerate() {
        all.push(json!({
            "type": "user", "id": place * 3 + 1, "email": format!("\"a,{place}\"@example.com"), "first-name": text,
            "description": text, "additional-info": null, "location": texts, "unit": [text], "skype": [],
            "alt-id": text, "created-at": "Thu, 01 Jan 1970 00:00:00 +0000", "updated-at": "Sun, 29 Feb 2004 23:59:59 +0000",
        }));
    }
    all.push(relation(1, "mentor", 4));
    all.push(relation(4, "colleague", "email:\"a,0\"@example.com"));
    lines(&all)
}

/// The same data in a new database of the same kind, through files of a format.
fn moved(fixture: &ImportFixture, engine: Engine, is_csv: bool) -> ImportFixture {
    let other = ImportFixture::new(engine).expect("it was available before");
    let [all, users, edges] =
        ["all.ndjson", "users.csv", "edges.csv"].map(|name| fixture.path(name).display().to_string());
    let ways: [&[&str]; 2] = if is_csv {
        [&["--format", "csv", "--users", &users, "--relationships", &edges], &[]]
    } else {
        [&["--output", &all], &[&all]]
    };
    fixture.run(&[&["export"], ways[0]].concat()).expect(0);
    let options = if is_csv { ways[0] } else { ways[1] };
    other.run(&[&["import"], options].concat()).expect(0);
    other.assert_no_drift();
    other
}

#[test]
fn export_and_import_round_trip_any_text() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(fixture) = ImportFixture::new(engine) else { continue };
        fixture.import(&awkward_lines(), &[]).expect(0);
        let before = fixture.export();
        assert_eq!(before.lines().count(), 16);
        let order = |line: &str| {
            let line: Value = serde_json::from_str(line).unwrap();
            (line["type"] == "user-relationship", line["id"].as_i64().unwrap())
        };
        assert!(before.lines().is_sorted_by_key(order), "users before relationships, each by id: {before}");
        for is_csv in [false, true] {
            assert_eq!(moved(&fixture, engine, is_csv).export(), before, "CSV: {is_csv}");
        }
        let again = fixture.import(&before, &[]).expect(0);
        assert_eq!(counts(&again), [[0, 0, 14, 0], [0, 0, 2, 0]]);
    }
}

/// The number of relationships of the round trip: `TRANSFER_EDGES`; a few by default.
#[expect(clippy::disallowed_methods, reason = "a setting of only this test")]
fn size() -> u64 {
    let text = std::env::var("TRANSFER_EDGES").unwrap_or_else(|_| "20000".to_owned());
    text.parse().expect("TRANSFER_EDGES is a number")
}

#[test]
fn a_large_company_round_trips_between_databases() {
    let edges = size();
    let text = company((edges / 10).max(200), edges);
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(fixture) = ImportFixture::new(engine) else { continue };
        let file = fixture.write("company.ndjson", &text);
        let timed = |what: &str, fixture: &ImportFixture, args: &[&str]| {
            let begun = Instant::now();
            let mut command = program();
            command.env("DATABASE_URL", fixture.home.text()).args(args).stdout(Stdio::null()).stderr(Stdio::piped());
            let child = command.spawn().expect("the program starts");
            let output = child.wait_with_output().expect("it ends");
            let report = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{what}: {report}");
            let rate = u128::from(edges) * 1000 / begun.elapsed().as_millis().max(1);
            println!("{engine:?} {what}: {:.1?}, {rate} relationships/s", begun.elapsed());
        };
        timed("import", &fixture, &["import", &file]);
        fixture.assert_no_drift();
        let (out, again) = (fixture.path("out.ndjson"), fixture.path("again.ndjson"));
        timed("export", &fixture, &["export", "--output", out.to_str().unwrap()]);
        let other = ImportFixture::new(engine).expect("it was available before");
        let _beside = other.open_session();
        timed("import beside others", &other, &["import", out.to_str().unwrap()]);
        other.assert_no_drift();
        timed("export again", &other, &["export", "--output", again.to_str().unwrap()]);
        timed("import again", &other, &["import", again.to_str().unwrap()]);
        assert!(fs::read(&out).unwrap() == fs::read(&again).unwrap(), "the files differ");
        assert_eq!(other.number("SELECT COUNT(*) AS number FROM user_relationships"), i64::try_from(edges).unwrap());
        assert_eq!(schema(&fixture), schema(&other));
    }
}

#[test]
fn a_bulk_load_leaves_the_schema_unchanged() {
    for fixture in ImportFixture::all() {
        let before = schema(&fixture);
        assert!(before.len() > 20, "{before:?}");
        fixture.import(&company(30, 300), &[]).expect(0);
        assert_eq!(schema(&fixture), before);
        // And so does one that is rolled back.
        let other =
            ImportFixture::new(if fixture.home.file().is_some() { Engine::Sqlite } else { Engine::Postgres }).unwrap();
        other.import(&company(30, 0), &[]).expect(0);
        let more = company(30, 300) + &lines(&[relation(1, "mentor", 99)]);
        other.import(&more, &["--strict", "--skip-lines", "30"]).expect(1);
        assert_eq!(schema(&other), before);
        assert_eq!(other.number("SELECT COUNT(*) AS number FROM user_relationships"), 0);
        assert_eq!(other.number("SELECT COUNT(*) AS number FROM users"), 30);
        other.assert_no_drift();
    }
}

#[test]
fn a_service_reads_and_writes_during_import_and_export() {
    for fixture in ImportFixture::all() {
        let url = fixture.home.text();
        fixture.import(&lines(&[user(1), user(2)]), &[]).expect(0);
        let token = fixture.run(&["token", "create", "--user", "u1@example.com"]).expect(0).line().to_owned();
        let service = Service::start(&url, &[]);
        let client = service.client(&token);
        let file = fixture.write("company.ndjson", company(300, 20_000));
        let mut import = program();
        import.env("DATABASE_URL", &url).args(["import", &file]);
        let importing = thread::spawn(move || finish(&mut import));
        let (mut turns, mut slowest) = (0, Duration::ZERO);
        while !importing.is_finished() || turns < 2 {
            let begun = Instant::now();
            let made = client.post("/api/v2/user-relationships", &edge(None, "mentor", 2)).expect(201);
            let id = made.body["data"]["id"].as_str().unwrap().to_owned();
            client.delete(&format!("/api/v2/user-relationships/{id}")).expect(204);
            slowest = slowest.max(begun.elapsed());
            turns += 1;
        }
        let outcome = importing.join().unwrap().expect(0);
        let [users, edges] = counts(&outcome);
        assert_eq!((users.iter().sum::<u64>(), edges.iter().sum::<u64>()), (300, 20_000));
        println!("{turns} rounds meanwhile, the slowest took {slowest:?}");
        fixture.assert_no_drift();
    }
}

#[test]
fn a_killed_import_can_be_run_again() {
    for fixture in ImportFixture::all() {
        let text = company(300, 40_000);
        let file = fixture.write("company.ndjson", &text);
        let url = fixture.home.text();
        let rows = || {
            let mut raw = Raw::connect(&fixture.home.url());
            raw.number("SELECT COUNT(*) AS number FROM user_relationships")
        };
        {
            let _beside = fixture.open_session();
            let mut child = Guard(program().env("DATABASE_URL", &url).args(["import", &file]).spawn().unwrap());
            until("some are there", PATIENCE, || rows() > 0);
            child.0.kill().unwrap();
            child.wait(PATIENCE);
        }
        let there = rows();
        assert!(there > 0 && there < 40_000, "{there}");
        fixture.assert_no_drift();
        let again = fixture.run(&["import", &file]).expect(0);
        let [users, edges] = counts(&again);
        assert_eq!(users, [0, 0, 300, 0]);
        assert_eq!(edges, [40_000 - u64::try_from(there).unwrap(), 0, u64::try_from(there).unwrap(), 0]);
        fixture.assert_no_drift();
    }
}

#[test]
fn an_export_is_one_snapshot_and_ends_with_its_reader() {
    for fixture in ImportFixture::all() {
        fixture.import(&company(300, 20_000), &[]).expect(0);
        let mut command = program();
        command.env("DATABASE_URL", fixture.home.text()).arg("export");
        let mut child = Guard(command.spawn().expect("the program starts"));
        let mut stdout = BufReader::new(child.0.stdout.take().expect("a pipe"));
        let mut first = String::new();
        stdout.read_line(&mut first).expect("a line");
        // The pipe is full, and most pages are not yet read.
        let mut raw = Raw::connect(&fixture.home.url());
        raw.run("DELETE FROM user_relationships WHERE id > 10000");
        let rest = stdout.lines().map_while(Result::ok).count();
        assert_eq!(rest, 3 + 300 + 20_000 - 1);
        assert_eq!(child.wait(PATIENCE).code(), Some(0));
        assert_eq!(fixture.export().lines().count(), 300 + 10_000);

        let mut child = Guard(command.spawn().expect("the program starts"));
        let mut stdout = BufReader::new(child.0.stdout.take().expect("a pipe"));
        stdout.read_line(&mut first).expect("a line");
        drop(stdout);
        assert_eq!(child.wait(PATIENCE).code(), Some(0), "the reader has gone");
    }
}

#[test]
fn an_export_file_gets_its_name_when_it_is_complete() {
    for fixture in ImportFixture::all() {
        fixture.import(&lines(&[user(1), user(2), relation(1, "mentor", 2)]), &[]).expect(0);
        let path = fixture.path("out.ndjson");
        fixture.run(&["export", "--output", path.to_str().unwrap()]).expect(0);
        assert_eq!(fs::read_to_string(&path).unwrap(), fixture.export_all());
        assert!(!fixture.path("out.ndjson.part").exists());
        let missing = fixture.path("no/such/folder.ndjson").display().to_string();
        assert!(fixture.run(&["export", "--output", &missing]).expect(1).stderr.contains("no/such"));
        if fs::exists("/dev/full").unwrap() {
            fixture.run(&["export", "--output", "/dev/full"]).expect(1);
        }
        // CSV from a stream, and a single table.
        let edges = fixture.path("edges.csv").display().to_string();
        let users =
            fixture.run(&["export", "--format", "csv", "--users", "-", "--relationships", &edges]).expect(0).stdout;
        assert_eq!(users.lines().count(), 3);
        assert!(users.starts_with("id,first-name,"), "{users}");
        let only = fixture.run(&["export", "--format", "csv", "--relationships", "-"]).expect(0).stdout;
        assert_eq!(only, fs::read_to_string(&edges).unwrap());
    }
}

#[test]
fn csv_exports_name_their_columns() {
    for fixture in ImportFixture::all() {
        let users = fixture.write("u.csv", "email,id,is-enabled,phone,first-name\r\nann@example.com,1,false,\"[\"\"1\"\"]\",Ann\nbob@example.com,2,,,\n");
        let edges = fixture.write(
            "e.csv",
            "user,target,relationship\nemail:ann@example.com,2,mentor\n2,1\n2,1,mentor,x\n1,3,mentor\n2,1,\"men",
        );
        let outcome =
            fixture.run(&["import", "--format", "csv", "--users", &users, "--relationships", &edges]).expect(1);
        assert_eq!(counts(&outcome), [[2, 0, 0, 0], [1, 0, 0, 4]]);
        for (number, report) in [
            (3, "the row has 2 cells"),
            (4, "the row has 4 cells"),
            (5, "`target`: there is no user 3"),
            (6, "inside quotation marks"),
        ] {
            assert!(
                outcome.stderr.contains(&format!("e.csv: line {number}: {report}"))
                    || outcome
                        .stderr
                        .lines()
                        .any(|line| line.contains(&format!("e.csv: line {number}: ")) && line.contains(report)),
                "{}",
                outcome.stderr
            );
        }
        let exported = fixture.export();
        let ann: Value = serde_json::from_str(exported.lines().next().unwrap()).unwrap();
        assert_eq!((&ann["is-enabled"], &ann["phone"]), (&json!(false), &json!(["1"])));
        // With `--empty clear`, an empty cell clears a value; a missing column keeps it.
        let fewer = fixture.write("f.csv", "email,first-name\nann@example.com,\n");
        let cleared = fixture.run(&["import", "--format", "csv", "--users", &fewer, "--empty", "clear"]).expect(0);
        assert_eq!(counts(&cleared)[0], [0, 1, 0, 0]);
        let ann: Value = serde_json::from_str(fixture.export().lines().next().unwrap()).unwrap();
        assert_eq!((&ann["first-name"], &ann["phone"]), (&Value::Null, &json!(["1"])));

        let before = fixture.export();
        for (text, report) in [
            ("id,first-name\n3,Cho\n", "`email` is missing"),
            ("", "the header line"),
            ("email,email\na@example.com,b@example.com\n", "`email` is a duplicate"),
            ("email,size\na@example.com,1\n", "`size`: unknown column"),
        ] {
            let file = fixture.write("bad.csv", text);
            let refused = fixture.run(&["import", "--format", "csv", "--users", &file]).expect(1);
            assert!(refused.stderr.contains(report), "{}", refused.stderr);
        }
        assert_eq!(fixture.export(), before);
    }
}

#[test]
fn conflicting_options_are_a_usage_error() {
    let fixture = ImportFixture::new(Engine::Sqlite).expect("SQLite is always there");
    let wrong: [&[&str]; 9] = [
        &["import"],
        &["import", "a", "--users", "b"],
        &["import", "a", "--format", "csv"],
        &["import", "--users", "a"],
        &["import", "--format", "csv", "--users", "a", "--relationships", "a"],
        &["import", "a", "--format", "xml"],
        &["export", "--users", "a"],
        &["export", "--format", "csv"],
        &["export", "--format", "csv", "--output", "a"],
    ];
    for args in wrong {
        let ended = fixture.run(args).expect(2);
        assert!(ended.stdout.is_empty() && !ended.stderr.is_empty(), "{args:?} {ended:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let missing = format!("sqlite://{}", folder.path().join("none.db").display());
    run(&missing, &["export"]).expect(69);
}

#[test]
fn without_a_terminal_an_import_prints_its_progress() {
    let fixture = ImportFixture::new(Engine::Sqlite).expect("SQLite is always there");
    let mut command = program();
    let mut child = Guard(
        command.env("DATABASE_URL", fixture.home.text()).args(["import", "-"]).stdin(Stdio::piped()).spawn().unwrap(),
    );
    let mut stdin = child.0.stdin.take().expect("a pipe");
    let (half, rest) = (company(3_000, 0), lines(&[user(4_000)]));
    std::io::Write::write_all(&mut stdin, half.as_bytes()).unwrap();
    thread::sleep(Duration::from_secs(6));
    std::io::Write::write_all(&mut stdin, rest.as_bytes()).unwrap();
    drop(stdin);
    let report: Vec<_> = BufReader::new(child.0.stderr.take().expect("a pipe")).lines().map_while(Result::ok).collect();
    assert_eq!(child.wait(PATIENCE).code(), Some(0), "{report:?}");
    assert!(report.iter().any(|line| line.starts_with("import: 3,001 lines, ")), "{report:?}");
    assert!(!report.iter().any(|line| line.contains('\x1b')), "no colours: {report:?}");
}

#[test]
fn in_a_terminal_an_import_shows_a_bar_without_colours() {
    let fixture = ImportFixture::new(Engine::Sqlite).expect("SQLite is always there");
    let file = fixture.write("company.ndjson", company(300, 5_000));
    let line = format!("{} import {file}", env!("CARGO_BIN_EXE_user-relationships"));
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).env("DATABASE_URL", fixture.home.text()).env("NO_COLOR", "1");
    let Ok(output) = command.env("TERM", "xterm").stdin(Stdio::null()).output() else {
        skip("no `script` to make a terminal with");
        return;
    };
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown}");
    assert!(
        shown.contains("% ") && shown.contains("lines, ") && shown.contains("relationships: 5,000 added"),
        "{shown}"
    );
    assert!(!shown.contains("\x1b[3"), "no colours: {shown:?}");
}

//! `import` and `export` as a pair: round trips, large ones, beside a service, and interrupted.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::app::Engine;
use crate::support::desk::{ImportFixture, company, counts, lines, relation, schema, user};
use crate::support::process::{Guard, PATIENCE, Service, finish, program, run, until};
use crate::support::sql::Raw;
use crate::support::{Value, edge, json};

/// Texts that a file could mistake for something else.
fn nasty() -> String {
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
            "alt-id": text, "created-at": "Thu, 01 Jan 1970 00:00:00 +0000", "updated-at": "Fri, 31 Dec 9999 23:59:59 +0000",
        }));
    }
    all.push(relation(1, "mentor", 4));
    all.push(relation(4, "colleague", "email:\"a,0\"@example.com"));
    lines(&all)
}

/// The same data in a new database of the same kind, through files of a format.
fn moved(desk: &ImportFixture, engine: Engine, is_csv: bool) -> ImportFixture {
    let other = ImportFixture::new(engine).expect("it was there before");
    let [all, users, edges] =
        ["all.ndjson", "users.csv", "edges.csv"].map(|name| desk.path(name).display().to_string());
    let ways: [&[&str]; 2] = if is_csv {
        [&["--format", "csv", "--users", &users, "--relationships", &edges], &[]]
    } else {
        [&["--output", &all], &[&all]]
    };
    desk.run(&[&["export"], ways[0]].concat()).expect(0);
    let options = if is_csv { ways[0] } else { ways[1] };
    other.run(&[&["import"], options].concat()).expect(0);
    other.assert_no_drift();
    other
}

#[test]
fn what_was_exported_is_the_same_after_an_import_whatever_the_texts() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(desk) = ImportFixture::new(engine) else { continue };
        desk.import(&nasty(), &[]).expect(0);
        let before = desk.export();
        assert_eq!(before.lines().count(), 16);
        let order = |line: &str| {
            let line: Value = serde_json::from_str(line).unwrap();
            (line["type"] == "user-relationship", line["id"].as_i64().unwrap())
        };
        assert!(before.lines().is_sorted_by_key(order), "users before relationships, each by id: {before}");
        for is_csv in [false, true] {
            assert_eq!(moved(&desk, engine, is_csv).export(), before, "CSV: {is_csv}");
        }
        let again = desk.import(&before, &[]).expect(0);
        assert_eq!(counts(&again), [[0, 0, 14, 0], [0, 0, 2, 0]]);
    }
}

/// How many relationships the round trip has: `TRANSFER_EDGES`, a few where it is not set.
#[expect(clippy::disallowed_methods, reason = "a setting of this test alone")]
fn size() -> u64 {
    let text = std::env::var("TRANSFER_EDGES").unwrap_or_else(|_| "20000".to_owned());
    text.parse().expect("TRANSFER_EDGES is a number")
}

#[test]
fn a_large_company_moves_from_database_to_database() {
    let edges = size();
    let text = company((edges / 10).max(200), edges);
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(desk) = ImportFixture::new(engine) else { continue };
        let file = desk.write("company.ndjson", &text);
        let timed = |what: &str, desk: &ImportFixture, args: &[&str]| {
            let begun = Instant::now();
            let mut command = program();
            command.env("DATABASE_URL", desk.home.text()).args(args).stdout(Stdio::null()).stderr(Stdio::piped());
            let child = command.spawn().expect("the program starts");
            let output = child.wait_with_output().expect("it ends");
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{what}: {told}");
            let rate = u128::from(edges) * 1000 / begun.elapsed().as_millis().max(1);
            println!("{engine:?} {what}: {:.1?}, {rate} relationships/s", begun.elapsed());
        };
        timed("import", &desk, &["import", &file]);
        desk.assert_no_drift();
        let (out, again) = (desk.path("out.ndjson"), desk.path("again.ndjson"));
        timed("export", &desk, &["export", "--output", out.to_str().unwrap()]);
        let other = ImportFixture::new(engine).expect("it was there before");
        let _beside = other.somebody_else();
        timed("import beside others", &other, &["import", out.to_str().unwrap()]);
        other.assert_no_drift();
        timed("export again", &other, &["export", "--output", again.to_str().unwrap()]);
        timed("import again", &other, &["import", again.to_str().unwrap()]);
        assert!(fs::read(&out).unwrap() == fs::read(&again).unwrap(), "the files differ");
        assert_eq!(other.number("SELECT COUNT(*) AS number FROM user_relationships"), i64::try_from(edges).unwrap());
        assert_eq!(schema(&desk), schema(&other));
    }
}

#[test]
fn a_first_load_leaves_the_schema_as_it_was() {
    for desk in ImportFixture::all() {
        let before = schema(&desk);
        assert!(before.len() > 20, "{before:?}");
        desk.import(&company(30, 300), &[]).expect(0);
        assert_eq!(schema(&desk), before);
        // And so does one that is undone.
        let other =
            ImportFixture::new(if desk.home.file().is_some() { Engine::Sqlite } else { Engine::Postgres }).unwrap();
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
fn a_service_goes_on_serving_and_writing_meanwhile() {
    for desk in ImportFixture::all() {
        let url = desk.home.text();
        desk.import(&lines(&[user(1), user(2)]), &[]).expect(0);
        let token = desk.run(&["token", "create", "--user", "u1@example.com"]).expect(0).line().to_owned();
        let service = Service::start(&url, &[]);
        let client = service.client(&token);
        let file = desk.write("company.ndjson", company(300, 20_000));
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
        println!("{turns} turns meanwhile, the slowest took {slowest:?}");
        desk.assert_no_drift();
    }
}

#[test]
fn an_import_that_was_killed_is_run_again() {
    for desk in ImportFixture::all() {
        let text = company(300, 40_000);
        let file = desk.write("company.ndjson", &text);
        let url = desk.home.text();
        let rows = || {
            let mut raw = Raw::connect(&desk.home.url());
            raw.number("SELECT COUNT(*) AS number FROM user_relationships")
        };
        {
            let _beside = desk.somebody_else();
            let mut child = Guard(program().env("DATABASE_URL", &url).args(["import", &file]).spawn().unwrap());
            until("some are there", PATIENCE, || rows() > 0);
            child.0.kill().unwrap();
            child.wait(PATIENCE);
        }
        let there = rows();
        assert!(there > 0 && there < 40_000, "{there}");
        desk.assert_no_drift();
        let again = desk.run(&["import", &file]).expect(0);
        let [users, edges] = counts(&again);
        assert_eq!(users, [0, 0, 300, 0]);
        assert_eq!(edges, [40_000 - u64::try_from(there).unwrap(), 0, u64::try_from(there).unwrap(), 0]);
        desk.assert_no_drift();
    }
}

#[test]
fn an_export_is_one_state_of_the_database_and_ends_with_its_reader() {
    for desk in ImportFixture::all() {
        desk.import(&company(300, 20_000), &[]).expect(0);
        let mut command = program();
        command.env("DATABASE_URL", desk.home.text()).arg("export");
        let mut child = Guard(command.spawn().expect("the program starts"));
        let mut stdout = BufReader::new(child.0.stdout.take().expect("a pipe"));
        let mut first = String::new();
        stdout.read_line(&mut first).expect("a line");
        // The pipe is full, and most pages are still to be read.
        let mut raw = Raw::connect(&desk.home.url());
        raw.run("DELETE FROM user_relationships WHERE id > 10000");
        let rest = stdout.lines().map_while(Result::ok).count();
        assert_eq!(rest, 300 + 20_000 - 1);
        assert_eq!(child.wait(PATIENCE).code(), Some(0));
        assert_eq!(desk.export().lines().count(), 300 + 10_000);

        let mut child = Guard(command.spawn().expect("the program starts"));
        let mut stdout = BufReader::new(child.0.stdout.take().expect("a pipe"));
        stdout.read_line(&mut first).expect("a line");
        drop(stdout);
        assert_eq!(child.wait(PATIENCE).code(), Some(0), "nobody wants the rest");
    }
}

#[test]
fn a_file_has_its_name_once_it_is_complete() {
    for desk in ImportFixture::all() {
        desk.import(&lines(&[user(1), user(2), relation(1, "mentor", 2)]), &[]).expect(0);
        let path = desk.path("out.ndjson");
        desk.run(&["export", "--output", path.to_str().unwrap()]).expect(0);
        assert_eq!(fs::read_to_string(&path).unwrap(), desk.export());
        assert!(!desk.path("out.ndjson.part").exists());
        let missing = desk.path("no/such/folder.ndjson").display().to_string();
        assert!(desk.run(&["export", "--output", &missing]).expect(1).stderr.contains("no/such"));
        if fs::exists("/dev/full").unwrap() {
            desk.run(&["export", "--output", "/dev/full"]).expect(1);
        }
        // CSV with a stream in it, and one table only.
        let edges = desk.path("edges.csv").display().to_string();
        let users =
            desk.run(&["export", "--format", "csv", "--users", "-", "--relationships", &edges]).expect(0).stdout;
        assert_eq!(users.lines().count(), 3);
        assert!(users.starts_with("id,first-name,"), "{users}");
        let only = desk.run(&["export", "--format", "csv", "--relationships", "-"]).expect(0).stdout;
        assert_eq!(only, fs::read_to_string(&edges).unwrap());
    }
}

#[test]
fn tables_name_their_columns() {
    for desk in ImportFixture::all() {
        let users = desk.write("u.csv", "email,id,is-enabled,phone,first-name\r\nann@example.com,1,false,\"[\"\"1\"\"]\",Ann\nbob@example.com,2,,,\n");
        let edges = desk.write(
            "e.csv",
            "user,target,relationship\nemail:ann@example.com,2,mentor\n2,1\n2,1,mentor,x\n1,3,mentor\n2,1,\"men",
        );
        let outcome = desk.run(&["import", "--format", "csv", "--users", &users, "--relationships", &edges]).expect(1);
        assert_eq!(counts(&outcome), [[2, 0, 0, 0], [1, 0, 0, 4]]);
        for (number, told) in [
            (3, "the row has 2 cells"),
            (4, "the row has 4 cells"),
            (5, "`target`: there is no user 3"),
            (6, "inside quotation marks"),
        ] {
            assert!(
                outcome.stderr.contains(&format!("e.csv: line {number}: {told}"))
                    || outcome
                        .stderr
                        .lines()
                        .any(|line| line.contains(&format!("e.csv: line {number}: ")) && line.contains(told)),
                "{}",
                outcome.stderr
            );
        }
        let exported = desk.export();
        let ann: Value = serde_json::from_str(exported.lines().next().unwrap()).unwrap();
        assert_eq!((&ann["is-enabled"], &ann["phone"]), (&json!(false), &json!(["1"])));
        // A column that is there clears, one that is not leaves as it is.
        let fewer = desk.write("f.csv", "email,first-name\nann@example.com,\n");
        assert_eq!(counts(&desk.run(&["import", "--format", "csv", "--users", &fewer]).expect(0))[0], [0, 1, 0, 0]);
        let ann: Value = serde_json::from_str(desk.export().lines().next().unwrap()).unwrap();
        assert_eq!((&ann["first-name"], &ann["phone"]), (&Value::Null, &json!(["1"])));

        let before = desk.export();
        for (text, told) in [
            ("id,first-name\n3,Cho\n", "`email` is missing"),
            ("", "the header line"),
            ("email,email\na@example.com,b@example.com\n", "`email` is a duplicate"),
            ("email,size\na@example.com,1\n", "`size`: unknown member"),
        ] {
            let file = desk.write("bad.csv", text);
            let refused = desk.run(&["import", "--format", "csv", "--users", &file]).expect(1);
            assert!(refused.stderr.contains(told), "{}", refused.stderr);
        }
        assert_eq!(desk.export(), before);
    }
}

#[test]
fn options_that_do_not_go_together_are_wrong_usage() {
    let desk = ImportFixture::new(Engine::Sqlite).expect("SQLite is always there");
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
        let ended = desk.run(args).expect(2);
        assert!(ended.stdout.is_empty() && !ended.stderr.is_empty(), "{args:?} {ended:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let missing = format!("sqlite://{}", folder.path().join("none.db").display());
    run(&missing, &["export"]).expect(69);
}

#[test]
fn an_import_says_how_far_it_is_where_there_is_no_terminal() {
    let desk = ImportFixture::new(Engine::Sqlite).expect("SQLite is always there");
    let mut command = program();
    let mut child = Guard(
        command.env("DATABASE_URL", desk.home.text()).args(["import", "-"]).stdin(Stdio::piped()).spawn().unwrap(),
    );
    let mut stdin = child.0.stdin.take().expect("a pipe");
    let (half, rest) = (company(3_000, 0), lines(&[user(4_000)]));
    std::io::Write::write_all(&mut stdin, half.as_bytes()).unwrap();
    thread::sleep(Duration::from_secs(6));
    std::io::Write::write_all(&mut stdin, rest.as_bytes()).unwrap();
    drop(stdin);
    let told: Vec<_> = BufReader::new(child.0.stderr.take().expect("a pipe")).lines().map_while(Result::ok).collect();
    assert_eq!(child.wait(PATIENCE).code(), Some(0), "{told:?}");
    assert!(told.iter().any(|line| line.starts_with("import: 3,001 lines, ")), "{told:?}");
    assert!(!told.iter().any(|line| line.contains('\x1b')), "no colours: {told:?}");
}

#[test]
fn a_terminal_shows_a_bar_without_colours() {
    let desk = ImportFixture::new(Engine::Sqlite).expect("SQLite is always there");
    let file = desk.write("company.ndjson", company(300, 5_000));
    let line = format!("{} import {file}", env!("CARGO_BIN_EXE_user-relationships"));
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).env("DATABASE_URL", desk.home.text()).env("NO_COLOR", "1");
    let Ok(output) = command.env("TERM", "xterm").stdin(Stdio::null()).output() else {
        eprintln!("SKIPPED: no `script` to make a terminal with");
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

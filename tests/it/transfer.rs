//! `import` and `export`: valid and invalid data.

use std::fs;
use std::io::{Read, Write};
use std::process::Stdio;

use crate::support::app::Engine;
use crate::support::import::{ImportFixture, counts, lines, relation, user};
use crate::support::process::{Guard, Outcome, PATIENCE, Service, program};
use crate::support::skip::skip;
use crate::support::{Value, edge, json};

#[test]
fn lines_are_imported_once_and_name_users_in_three_ways() {
    for fixture in ImportFixture::all() {
        let text = lines(&[
            json!({"type": "user", "id": 1000, "email": "Ann@example.com", "first-name": "Ann", "access-level": "admin",
                   "is-enabled": false, "alt-id": "77", "location": ["Oulu", ""], "name": "ignored",
                   "created-at": "Tue, 03 Jun 2014 12:28:56 +0300", "updated-at": "2015-01-01T00:00:00Z"}),
            json!({"type": "user", "email": "bob@example.com"}),
            relation(1000, "mentor", "email:BOB@example.com"),
            relation("email:bob@example.com", "mentor", "alt-id:77"),
            relation("1000", "colleague", 1001),
            json!({"type": "user-relationship", "user": 1001, "target": 1000, "relationship": "subordinate",
                   "created-at": "Wed, 21 May 2014 10:11:24 +0300"}),
        ]);
        let first = fixture.import(&text, &[]).expect(0);
        assert_eq!(counts(&first), [[2, 0, 0, 0], [4, 0, 0, 0]]);
        assert_eq!(first.stdout, "");
        let again = fixture.import(&text, &[]).expect(0);
        assert_eq!(counts(&again), [[0, 0, 2, 0], [0, 0, 4, 0]]);
        fixture.assert_no_drift();

        let exported = fixture.export();
        let all: Vec<Value> = exported.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(all.len(), 6);
        assert_eq!(all[0]["email"], "Ann@example.com");
        assert_eq!(all[0]["location"], json!(["Oulu", ""]));
        assert_eq!(all[0]["created-at"], "Tue, 03 Jun 2014 09:28:56 +0000");
        assert_eq!(all[0]["updated-at"], "Thu, 01 Jan 2015 00:00:00 +0000");
        assert_eq!((&all[1]["id"], &all[1]["is-enabled"]), (&json!(1001), &json!(true)));
        assert_eq!((&all[5]["relationship"], &all[5]["id"]), (&json!("subordinate"), &json!(4)));
        assert_eq!(all[5]["updated-at"], "Wed, 21 May 2014 07:11:24 +0000");
        assert!(!exported.contains("password"), "{exported}");
        let next = fixture.run(&["user", "add", "--email", "next@example.com"]).expect(0);
        assert_eq!(next.line(), "1002", "ids in a file move the next one");
    }
}

#[test]
fn an_import_updates_only_the_values_that_a_line_has() {
    for fixture in ImportFixture::all() {
        let first = json!({"type": "user", "email": "ann@example.com", "first-name": "Ann", "last-name": "Ray",
                           "phone": ["1"], "access-level": "admin"});
        fixture.import(&lines(&[first]), &[]).expect(0);
        let second = json!({"type": "user", "email": "ANN@example.com", "first-name": "Anna", "phone": null,
                            "is-enabled": false});
        let changed = fixture.import(&lines(&[second.clone(), second]), &[]).expect(0);
        assert_eq!(counts(&changed)[0], [0, 1, 1, 0]);
        let ann: Value = serde_json::from_str(&fixture.export()).unwrap();
        assert_eq!(ann["email"], "ANN@example.com");
        assert_eq!((&ann["first-name"], &ann["last-name"]), (&json!("Anna"), &json!("Ray")));
        assert_eq!((&ann["phone"], &ann["access-level"]), (&json!([]), &json!("admin")));
        assert_eq!(fixture.number("SELECT version AS number FROM users"), 2);
        fixture.assert_no_drift();
    }
}

#[test]
fn an_import_refuses_one_id_for_two_addresses() {
    for fixture in ImportFixture::all() {
        fixture.import(&lines(&[user(1), user(2)]), &[]).expect(0);
        let other = |id: i64, email: &str| json!({"type": "user", "id": id, "email": email});
        let text = lines(&[
            other(2, "u1@example.com"),
            other(1, "new@example.com"),
            other(7, "new@example.com"),
            other(8, "NEW@example.com"),
            other(7, "newer@example.com"),
            json!({"type": "user", "email": "last@example.com"}),
        ]);
        let outcome = fixture.import(&text, &[]).expect(1);
        assert_eq!(counts(&outcome)[0], [2, 0, 0, 4]);
        for number in [1, 2, 4, 5] {
            assert!(outcome.stderr.contains(&format!("line {number}: `id`")), "{}", outcome.stderr);
        }
        assert_eq!(fixture.number("SELECT id AS number FROM users WHERE email = 'last@example.com'"), 8);
        assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM users"), 4);
    }
}

#[test]
fn ids_continue_after_the_imported_ones() {
    for fixture in ImportFixture::all() {
        fixture.import(&lines(&[user(1)]), &[]).expect(0);
        assert_eq!(fixture.run(&["user", "add", "--email", "next@example.com"]).expect(0).line(), "2");
    }
    for fixture in ImportFixture::all() {
        fixture.run(&["user", "add", "--email", "first@example.com", "--id", "1"]).expect(0);
        assert_eq!(fixture.run(&["user", "add", "--email", "next@example.com"]).expect(0).line(), "2");
    }
}

#[test]
fn an_import_keeps_the_id_of_a_relationship_if_it_is_free() {
    for fixture in ImportFixture::all() {
        fixture.import(&lines(&[user(1), user(2), user(3)]), &[]).expect(0);
        let numbered = |id: i64, user: i64, target: i64| {
            let mut line = relation(user, "mentor", target);
            line["id"] = json!(id);
            line
        };
        let text = lines(&[numbered(50, 1, 2), relation(2, "mentor", 1), numbered(50, 1, 3), numbered(51, 3, 1)]);
        assert_eq!(counts(&fixture.import(&text, &[]).expect(0))[1], [4, 0, 0, 0]);
        // Another relationship with a taken id, the same with another id, and the same with its own.
        let text = lines(&[numbered(50, 2, 3), numbered(99, 1, 2), numbered(50, 1, 2)]);
        assert_eq!(counts(&fixture.import(&text, &[]).expect(0))[1], [1, 0, 2, 0]);
        let id = |user: i64, target: i64| {
            fixture.number(&format!(
                "SELECT id AS number FROM user_relationships WHERE user_id = {user} AND target_id = {target}"
            ))
        };
        assert_eq!((id(1, 2), id(3, 1)), (50, 51));
        let mut others = [id(2, 1), id(1, 3), id(2, 3)];
        others.sort_unstable();
        assert!(others[0] > 51 && others[0] < others[1] && others[1] < others[2], "{others:?}");
        // The ids that a service assigns follow all of them.
        let token = fixture.run(&["token", "create", "--user", "u3@example.com"]).expect(0).line().to_owned();
        let service = Service::start(&fixture.home.text(), &[]);
        service.client(&token).post("/api/v2/user-relationships", &edge(None, "mentor", 2)).expect(201);
        assert!(id(3, 2) > others[2]);
        fixture.assert_no_drift();
    }
}

#[test]
fn invalid_lines_are_reported_and_the_rest_is_imported() {
    let email = |more: Value| {
        let mut line = json!({"type": "user", "email": "x@example.com"});
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        line.to_string()
    };
    let bad: Vec<(String, &str)> = vec![
        ("nonsense".into(), "not valid JSON from column 2"),
        ("[1]".into(), "not a JSON object"),
        ("\"a\"".into(), "not a JSON object"),
        (r#"{"email":"x@example.com"}"#.into(), "`type` is missing"),
        (r#"{"type":"pet","email":"x@example.com"}"#.into(), "`type` must be"),
        (r#"{"type":7}"#.into(), "`type` must be"),
        (r#"{"type":"user"}"#.into(), "`email` is missing"),
        (r#"{"type":"user","email":null}"#.into(), "`email` is missing"),
        (r#"{"type":"user","email":"unknown"}"#.into(), "`email`: must be a valid"),
        (r#"{"type":"user","email":"x@example.com","email":"y@example.com"}"#.into(), "`email` is a duplicate"),
        (email(json!({"shoe-size": 44})), "`shoe-size`: unknown member"),
        (email(json!({"password": "x"})), "`password`: unknown member"),
        (email(json!({"id": 0})), "`id`: must be an integer"),
        (email(json!({"id": 9_223_372_036_854_775_807_i64})), "`id`: must be an integer"),
        (email(json!({"id": 1.5})), "`id`: must be an integer"),
        (r#"{"type":"user","email":"x@example.com","id":1e999}"#.into(), "not valid JSON"),
        (r#"{"type":"user","email":"x@example.com","id":99999999999999999999}"#.into(), "`id`: must be an integer"),
        (email(json!({"first-name": "a\0b"})), "`first-name`: must not contain U+0000"),
        (email(json!({"first-name": 7})), "`first-name`: must be a string or null"),
        (email(json!({"phone": "1"})), "`phone`: must be an array"),
        (email(json!({"phone": [1]})), "`phone`: must be an array"),
        (email(json!({"is-enabled": "maybe"})), "`is-enabled`: must be `true`, `yes`, `on` or `1`, or"),
        (email(json!({"is-enabled": 2})), "; got `2`"),
        (email(json!({"is-enabled": null})), "`is-enabled`: must be `true` or `false`"),
        (email(json!({"access-level": "root"})), "`access-level`: must be one of"),
        (email(json!({"created-at": "yesterday"})), "`created-at`: must be a time from 1970 to 9999 with its offset"),
        (email(json!({"created-at": "2014-06-03T12:28:56"})), "ISO 8601 (`2014-05-21T10:11:24+03:00`"),
        (email(json!({"created-at": "Tue, 03 Jun 1914 12:28:56 +0300"})), "`created-at`: must be a time"),
        (email(json!({"created-at": "Mon, 03 Jun 2014 12:28:56 +0300"})), "`created-at`: must be a time"),
        (relation(1, "mentor", 99).to_string(), "`target`: there is no user 99"),
        (relation("email:unknown@example.com", "mentor", 1).to_string(), "`user`: no user has this e-mail"),
        (relation(1, "mentor", "alt-id:none").to_string(), "`target`: no user has this alt-id"),
        (relation(1, "mentor", "alt-id:two").to_string(), "`target`: 2 users have this alt-id"),
        (relation(1, "mentor", 1).to_string(), "`target`: must be another user"),
        (relation(1, "mentor", "email:u1@example.com").to_string(), "`target`: must be another user"),
        (relation(1, "buddy", 2).to_string(), "`relationship`: there is no type `buddy`"),
        (relation(1, "Buddy!", 2).to_string(), "`relationship`: a type name must have"),
        (relation("bob", "mentor", 2).to_string(), "`user`: must be an id, `email:…` or `alt-id:…`"),
        (relation("email:a\0@example.com", "mentor", 2).to_string(), "`user`: must be an id, `email:…`"),
        (relation(-1, "mentor", 2).to_string(), "`user`: must be an id"),
        (json!({"type": "user-relationship", "user": 1}).to_string(), "`target` is missing; `relationship` is missing"),
        (
            format!("{{\"type\":\"user\",\"email\":\"x@example.com\",\"description\":\"{}\"}}", "a".repeat(1 << 20)),
            "the line is longer than",
        ),
        (r#"{"type":"user","email":"half@exam"#.into(), "the line ends inside"),
    ];
    for fixture in ImportFixture::all() {
        let alike = json!({"type": "user", "email": "two@example.com", "alt-id": "two"});
        let other = json!({"type": "user", "email": "three@example.com", "alt-id": "two"});
        fixture.import(&lines(&[user(1), user(2), alike, other]), &[]).expect(0);
        let before = fixture.export();
        let all: Vec<_> = bad.iter().map(|(line, _)| line.as_str()).collect();
        // The last line has no line end.
        let outcome = fixture.import(&all.join("\n"), &[]).expect(1);
        for (place, (line, reason)) in bad.iter().enumerate() {
            let start = format!("line {}: ", place + 1);
            let report = outcome.stderr.lines().find_map(|line| line.strip_prefix(&start));
            let report = report.unwrap_or_else(|| panic!("nothing of line {}", place + 1));
            assert!(report.contains(reason), "{}: {report}", line.get(..200).unwrap_or(line));
            assert!(!report.contains("example.com"), "no address is repeated: {report}");
        }
        assert_eq!(fixture.export(), before, "nothing is half applied");
        let total: u64 = counts(&outcome).into_iter().map(|[.., rejected]| rejected).sum();
        assert!(outcome.stderr.contains("other lines: 9 rejected"), "{}", outcome.stderr);
        assert_eq!(total + 9, bad.len() as u64);
        assert!(outcome.stderr.contains(&format!("{} lines were rejected", bad.len())), "{}", outcome.stderr);

        let mixed = format!("{}\n\n{}{}\n{}", bad[0].0, lines(&[user(30)]), bad[30].0, relation(30, "mentor", 1));
        let outcome = fixture.import(&mixed, &[]).expect(1);
        assert_eq!(counts(&outcome), [[1, 0, 0, 0], [1, 0, 0, 1]], "{}", outcome.stderr);
        assert!(outcome.stderr.contains("line 1: ") && outcome.stderr.contains("line 4: "), "{}", outcome.stderr);
        fixture.assert_no_drift();
    }
}

#[test]
fn files_that_are_not_text_lines_are_refused() {
    for fixture in ImportFixture::all() {
        let good = lines(&[user(1)]);
        let wide = |text: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> { text.encode_utf16().flat_map(bytes).collect() };
        for (bytes, report) in [
            ([b"\xFF\xFE".to_vec(), wide(&good, u16::to_le_bytes)].concat(), "UTF-16"),
            ([b"\xFE\xFF".to_vec(), wide(&good, u16::to_be_bytes)].concat(), "UTF-16"),
            (wide(&good, u16::to_le_bytes), "UTF-16"),
        ] {
            let file = fixture.write("wide.ndjson", bytes);
            let refused = fixture.run(&["import", &file]).expect(1);
            assert!(refused.stderr.contains(report) && refused.stderr.contains("wide.ndjson"), "{}", refused.stderr);
        }
        let folder = fixture.folder.path().display().to_string();
        assert!(fixture.run(&["import", &folder]).expect(1).stderr.contains("directory"));
        assert!(fixture.run(&["import", "/no/such/file"]).expect(1).stderr.contains("/no/such/file"));
        assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM users"), 0);

        let latin =
            [b"\xEF\xBB\xBF".as_slice(), good.as_bytes(), b"{\"type\":\"user\",\"email\":\"\xE4@example.com\"}\n"];
        let file = fixture.write("latin.ndjson", latin.concat());
        let outcome = fixture.run(&["import", &file]).expect(1);
        assert_eq!(counts(&outcome)[0], [1, 0, 0, 0]);
        assert!(outcome.stderr.contains("line 2: the line is not UTF-8 from byte 25 on"), "{}", outcome.stderr);
        for nothing in ["", "\n\n", "\u{feff}"] {
            assert_eq!(counts(&fixture.import(nothing, &[]).expect(0)), [[0; 4]; 2]);
        }
    }
}

#[test]
fn a_line_of_100_megabytes_is_skipped_in_little_memory() {
    let fixture = ImportFixture::new(Engine::Sqlite).expect("SQLite is always there");
    let mut child = Guard(
        program().env("DATABASE_URL", fixture.home.text()).args(["import", "-"]).stdin(Stdio::piped()).spawn().unwrap(),
    );
    let mut stdin = child.0.stdin.take().expect("a pipe");
    let megabyte = vec![b'a'; 1 << 20];
    stdin.write_all(b"{\"type\":\"user\",\"email\":\"").unwrap();
    for _ in 0..100 {
        stdin.write_all(&megabyte).unwrap();
    }
    stdin.write_all(format!("\"}}\n{}", lines(&[user(1)])).as_bytes()).unwrap();
    let status = fs::read_to_string(format!("/proc/{}/status", child.0.id())).unwrap_or_default();
    drop(stdin);
    let mut report = String::new();
    child.0.stderr.take().expect("a pipe").read_to_string(&mut report).unwrap();
    assert_eq!(child.wait(PATIENCE).code(), Some(1), "{report}");
    assert!(report.contains("line 1: the line is longer than") && report.contains("users: 1 added"), "{report}");
    match status.lines().find_map(|line| line.strip_prefix("VmHWM:")) {
        Some(peak) => {
            let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
            assert!(kilobytes < 60_000, "{kilobytes} kB at its peak");
        }
        None => skip("the system does not report the peak memory of a process"),
    }
}

#[test]
fn strict_stops_at_the_first_invalid_line() {
    for fixture in ImportFixture::all() {
        let unreadable = format!("{}nonsense\n{}", lines(&[user(1), user(2)]), lines(&[user(3)]));
        let ended = fixture.import(&unreadable, &["--strict"]).expect(1);
        assert!(ended.stderr.contains("line 3: ") && ended.stderr.contains("up to line 3"), "{}", ended.stderr);
        assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM users"), 2);
        // An invalid line rolls back its transaction.
        let impossible = lines(&[user(4), json!({"type": "user", "id": 1, "email": "y@example.com"}), user(5)]);
        let ended = fixture.import(&impossible, &["--strict"]).expect(1);
        assert!(ended.stderr.contains("line 2: ") && ended.stderr.contains("nothing is written"), "{}", ended.stderr);
        assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM users"), 2);
        let edges = lines(&[relation(1, "mentor", 2), relation(1, "mentor", 9), relation(2, "mentor", 1)]);
        fixture.import(&edges, &["--strict"]).expect(1);
        assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM user_relationships"), 0);
        fixture.import(&edges, &["--strict", "--skip-lines", "2"]).expect(0);
        assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM user_relationships"), 1);
        fixture.assert_no_drift();
    }
}

#[test]
fn register_types_registers_unknown_types() {
    for fixture in ImportFixture::all() {
        let text = lines(&[user(1), user(2), relation(1, "buddy", 2), relation(2, "buddy", 1)]);
        assert_eq!(counts(&fixture.import(&text, &[]).expect(1)), [[2, 0, 0, 0], [0, 0, 0, 2]]);
        let made = fixture.import(&text, &["--create-types"]).expect(0);
        assert_eq!(counts(&made), [[0, 0, 2, 0], [2, 0, 0, 0]]);
        assert!(made.stderr.contains("relationship types: 1 added"), "{}", made.stderr);
        fixture.assert_no_drift();
    }
}

#[test]
fn a_dry_run_reports_the_same_counts_and_writes_nothing() {
    for fixture in ImportFixture::all() {
        fixture.import(&lines(&[user(1), user(2), user(3), relation(1, "mentor", 2)]), &[]).expect(0);
        let moved = json!({"type": "user", "email": "u3@example.com", "alt-id": "moved"});
        let away = json!({"type": "user", "email": "u3@example.com", "alt-id": null});
        let text = lines(&[
            moved,
            json!({"type": "user", "email": "new@example.com", "alt-id": "n"}),
            user(10),
            json!({"type": "user", "id": 10, "email": "other@example.com"}),
            relation(1, "mentor", 2),
            relation(10, "mentor", "email:new@example.com"),
            relation("alt-id:n", "buddy", "alt-id:moved"),
            relation("alt-id:n", "buddy", 3),
            relation(11_000, "mentor", 1),
            away,
            user(1),
            relation("alt-id:moved", "mentor", 1),
            relation(10, "mentor", "alt-id:n"),
        ]) + "nonsense\n";
        let before = fixture.export();
        for options in [&[][..], &["--create-types"]] {
            let dry = fixture.import(&text, &[options, &["--dry-run"]].concat()).expect(1);
            assert_eq!(fixture.export(), before);
            let copy =
                ImportFixture::new(if fixture.home.file().is_some() { Engine::Sqlite } else { Engine::Postgres })
                    .unwrap();
            copy.import(&before, &[]).expect(0);
            let done = copy.import(&text, options).expect(1);
            assert_eq!(counts(&dry), counts(&done));
            let rejected = |outcome: &Outcome| -> Vec<String> {
                outcome.stderr.lines().filter(|line| line.starts_with("line ")).map(ToOwned::to_owned).collect()
            };
            assert_eq!(rejected(&dry), rejected(&done));
            assert_eq!(counts(&done)[0], [2, 2, 1, 1]);
        }
        let strict = fixture.import(&text, &["--dry-run", "--strict"]).expect(1);
        assert_eq!(strict.stderr.lines().filter(|line| line.starts_with("line ")).count(), 1, "{}", strict.stderr);
    }
}

//! `import` and `export`: data on its way in and out, good and bad.

use std::fs;
use std::io::{Read, Write};
use std::process::Stdio;

use crate::support::app::Engine;
use crate::support::desk::{ImportFixture, counts, lines, relation, user};
use crate::support::process::{Guard, Outcome, PATIENCE, Service, program, run};
use crate::support::{Value, edge, json};

#[test]
fn lines_are_added_once_and_their_ends_are_named_in_three_ways() {
    for desk in ImportFixture::all() {
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
        let first = desk.import(&text, &[]).expect(0);
        assert_eq!(counts(&first), [[2, 0, 0, 0], [4, 0, 0, 0]]);
        assert_eq!(first.stdout, "");
        let again = desk.import(&text, &[]).expect(0);
        assert_eq!(counts(&again), [[0, 0, 2, 0], [0, 0, 4, 0]]);
        desk.assert_no_drift();

        let exported = desk.export();
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
        let next = desk.run(&["user", "add", "--email", "next@example.com"]).expect(0);
        assert_eq!(next.line(), "1002", "ids that a file brings move the next one");
    }
}

#[test]
fn a_line_that_differs_changes_the_user_and_leaves_what_it_does_not_name() {
    for desk in ImportFixture::all() {
        let first = json!({"type": "user", "email": "ann@example.com", "first-name": "Ann", "last-name": "Ray",
                           "phone": ["1"], "access-level": "admin"});
        desk.import(&lines(&[first]), &[]).expect(0);
        let second = json!({"type": "user", "email": "ANN@example.com", "first-name": "Anna", "phone": null,
                            "is-enabled": false});
        let changed = desk.import(&lines(&[second.clone(), second]), &[]).expect(0);
        assert_eq!(counts(&changed)[0], [0, 1, 1, 0]);
        let ann: Value = serde_json::from_str(&desk.export()).unwrap();
        assert_eq!(ann["email"], "ANN@example.com");
        assert_eq!((&ann["first-name"], &ann["last-name"]), (&json!("Anna"), &json!("Ray")));
        assert_eq!((&ann["phone"], &ann["access-level"]), (&json!([]), &json!("admin")));
        assert_eq!(desk.number("SELECT version AS number FROM users"), 2);
        desk.assert_no_drift();
    }
}

#[test]
fn an_id_belongs_to_one_address() {
    for desk in ImportFixture::all() {
        desk.import(&lines(&[user(1), user(2)]), &[]).expect(0);
        let other = |id: i64, email: &str| json!({"type": "user", "id": id, "email": email});
        let text = lines(&[
            other(2, "u1@example.com"),
            other(1, "new@example.com"),
            other(7, "new@example.com"),
            other(8, "NEW@example.com"),
            other(7, "newer@example.com"),
            json!({"type": "user", "email": "last@example.com"}),
        ]);
        let outcome = desk.import(&text, &[]).expect(1);
        assert_eq!(counts(&outcome)[0], [2, 0, 0, 4]);
        for number in [1, 2, 4, 5] {
            assert!(outcome.stderr.contains(&format!("line {number}: `id`")), "{}", outcome.stderr);
        }
        assert_eq!(desk.number("SELECT id AS number FROM users WHERE email = 'last@example.com'"), 8);
        assert_eq!(desk.number("SELECT COUNT(*) AS number FROM users"), 4);
    }
}

#[test]
fn the_next_id_is_a_new_one_even_after_the_very_first() {
    for desk in ImportFixture::all() {
        desk.import(&lines(&[user(1)]), &[]).expect(0);
        assert_eq!(desk.run(&["user", "add", "--email", "next@example.com"]).expect(0).line(), "2");
    }
    for desk in ImportFixture::all() {
        desk.run(&["user", "add", "--email", "first@example.com", "--id", "1"]).expect(0);
        assert_eq!(desk.run(&["user", "add", "--email", "next@example.com"]).expect(0).line(), "2");
    }
}

#[test]
fn the_id_of_a_relationship_is_kept_where_it_is_free() {
    for desk in ImportFixture::all() {
        desk.import(&lines(&[user(1), user(2), user(3)]), &[]).expect(0);
        let numbered = |id: i64, user: i64, target: i64| {
            let mut line = relation(user, "mentor", target);
            line["id"] = json!(id);
            line
        };
        let text = lines(&[numbered(50, 1, 2), relation(2, "mentor", 1), numbered(50, 1, 3), numbered(51, 3, 1)]);
        assert_eq!(counts(&desk.import(&text, &[]).expect(0))[1], [4, 0, 0, 0]);
        // Another relationship under a taken id, the same under another id, and the same under its own.
        let text = lines(&[numbered(50, 2, 3), numbered(99, 1, 2), numbered(50, 1, 2)]);
        assert_eq!(counts(&desk.import(&text, &[]).expect(0))[1], [1, 0, 2, 0]);
        let id = |user: i64, target: i64| {
            desk.number(&format!(
                "SELECT id AS number FROM user_relationships WHERE user_id = {user} AND target_id = {target}"
            ))
        };
        assert_eq!((id(1, 2), id(3, 1)), (50, 51));
        let mut others = [id(2, 1), id(1, 3), id(2, 3)];
        others.sort_unstable();
        assert!(others[0] > 51 && others[0] < others[1] && others[1] < others[2], "{others:?}");
        // A service draws ids beyond all of them.
        let token = desk.run(&["token", "create", "--user", "u3@example.com"]).expect(0).line().to_owned();
        let service = Service::start(&desk.home.text(), &[]);
        service.client(&token).post("/api/v2/user-relationships", &edge(None, "mentor", 2)).expect(201);
        assert!(id(3, 2) > others[2]);
        desk.assert_no_drift();
    }
}

#[test]
fn every_bad_line_is_named_with_its_reason_and_the_others_go_on() {
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
        (r#"{"type":"group","email":"x@example.com"}"#.into(), "`type` must be"),
        (r#"{"type":7}"#.into(), "`type` must be"),
        (r#"{"type":"user"}"#.into(), "`email` is missing"),
        (r#"{"type":"user","email":null}"#.into(), "`email` is missing"),
        (r#"{"type":"user","email":"nobody"}"#.into(), "`email`: this is not a valid"),
        (r#"{"type":"user","email":"x@example.com","email":"y@example.com"}"#.into(), "`email` is a duplicate"),
        (email(json!({"shoe-size": 44})), "`shoe-size`: unknown member"),
        (email(json!({"password": "x"})), "`password`: unknown member"),
        (email(json!({"id": 0})), "`id`: must be an integer"),
        (email(json!({"id": 9_223_372_036_854_775_807_i64})), "`id`: must be an integer"),
        (email(json!({"id": 1.5})), "`id`: must be an integer"),
        (r#"{"type":"user","email":"x@example.com","id":1e999}"#.into(), "not valid JSON"),
        (r#"{"type":"user","email":"x@example.com","id":99999999999999999999}"#.into(), "`id`: must be an integer"),
        (email(json!({"first-name": "a\0b"})), "`first-name`: a text cannot contain U+0000"),
        (email(json!({"first-name": 7})), "`first-name`: a string or null"),
        (email(json!({"phone": "1"})), "`phone`: an array"),
        (email(json!({"phone": [1]})), "`phone`: an array"),
        (email(json!({"is-enabled": "yes"})), "`is-enabled`: true or false"),
        (email(json!({"access-level": "root"})), "`access-level`: one of"),
        (email(json!({"created-at": "yesterday"})), "`created-at`: must be a time"),
        (email(json!({"created-at": "Tue, 03 Jun 1914 12:28:56 +0300"})), "`created-at`: must be a time"),
        (email(json!({"created-at": "Mon, 03 Jun 2014 12:28:56 +0300"})), "`created-at`: must be a time"),
        (relation(1, "mentor", 99).to_string(), "`target`: there is no user 99"),
        (relation("email:nobody@example.com", "mentor", 1).to_string(), "`user`: no user has this e-mail"),
        (relation(1, "mentor", "alt-id:none").to_string(), "`target`: no user has this alt-id"),
        (relation(1, "mentor", "alt-id:two").to_string(), "`target`: 2 users have this alt-id"),
        (relation(1, "mentor", 1).to_string(), "`target`: it is the user itself"),
        (relation(1, "mentor", "email:u1@example.com").to_string(), "`target`: it is the user itself"),
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
    for desk in ImportFixture::all() {
        let alike = json!({"type": "user", "email": "two@example.com", "alt-id": "two"});
        let other = json!({"type": "user", "email": "three@example.com", "alt-id": "two"});
        desk.import(&lines(&[user(1), user(2), alike, other]), &[]).expect(0);
        let before = desk.export();
        let all: Vec<_> = bad.iter().map(|(line, _)| line.as_str()).collect();
        // The last one has no line end.
        let outcome = desk.import(&all.join("\n"), &[]).expect(1);
        for (place, (line, reason)) in bad.iter().enumerate() {
            let start = format!("line {}: ", place + 1);
            let told = outcome.stderr.lines().find_map(|line| line.strip_prefix(&start));
            let told = told.unwrap_or_else(|| panic!("nothing of line {}", place + 1));
            assert!(told.contains(reason), "{}: {told}", line.get(..200).unwrap_or(line));
            assert!(!told.contains("example.com"), "no address is repeated: {told}");
        }
        assert_eq!(desk.export(), before, "nothing is half applied");
        let total: u64 = counts(&outcome).into_iter().map(|[.., rejected]| rejected).sum();
        assert!(outcome.stderr.contains("other lines: 9 rejected"), "{}", outcome.stderr);
        assert_eq!(total + 9, bad.len() as u64);
        assert!(outcome.stderr.contains(&format!("{} lines were rejected", bad.len())), "{}", outcome.stderr);

        let mixed = format!("{}\n\n{}{}\n{}", bad[0].0, lines(&[user(30)]), bad[30].0, relation(30, "mentor", 1));
        let outcome = desk.import(&mixed, &[]).expect(1);
        assert_eq!(counts(&outcome), [[1, 0, 0, 0], [1, 0, 0, 1]], "{}", outcome.stderr);
        assert!(outcome.stderr.contains("line 1: ") && outcome.stderr.contains("line 4: "), "{}", outcome.stderr);
        desk.assert_no_drift();
    }
}

#[test]
fn files_that_are_no_text_of_lines_are_refused_as_a_whole() {
    for desk in ImportFixture::all() {
        let good = lines(&[user(1)]);
        let wide = |text: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> { text.encode_utf16().flat_map(bytes).collect() };
        for (bytes, told) in [
            ([b"\xFF\xFE".to_vec(), wide(&good, u16::to_le_bytes)].concat(), "UTF-16"),
            ([b"\xFE\xFF".to_vec(), wide(&good, u16::to_be_bytes)].concat(), "UTF-16"),
            (wide(&good, u16::to_le_bytes), "UTF-16"),
        ] {
            let file = desk.write("wide.ndjson", bytes);
            let refused = desk.run(&["import", &file]).expect(1);
            assert!(refused.stderr.contains(told) && refused.stderr.contains("wide.ndjson"), "{}", refused.stderr);
        }
        let folder = desk.folder.path().display().to_string();
        assert!(desk.run(&["import", &folder]).expect(1).stderr.contains("directory"));
        assert!(desk.run(&["import", "/no/such/file"]).expect(1).stderr.contains("/no/such/file"));
        assert_eq!(desk.number("SELECT COUNT(*) AS number FROM users"), 0);

        let latin =
            [b"\xEF\xBB\xBF".as_slice(), good.as_bytes(), b"{\"type\":\"user\",\"email\":\"\xE4@example.com\"}\n"];
        let file = desk.write("latin.ndjson", latin.concat());
        let outcome = desk.run(&["import", &file]).expect(1);
        assert_eq!(counts(&outcome)[0], [1, 0, 0, 0]);
        assert!(outcome.stderr.contains("line 2: the line is not UTF-8 from byte 25 on"), "{}", outcome.stderr);
        for nothing in ["", "\n\n", "\u{feff}"] {
            assert_eq!(counts(&desk.import(nothing, &[]).expect(0)), [[0; 4]; 2]);
        }
    }
}

#[test]
fn a_line_of_100_megabytes_is_passed_over_in_little_memory() {
    let desk = ImportFixture::new(Engine::Sqlite).expect("SQLite is always there");
    let mut child = Guard(
        program().env("DATABASE_URL", desk.home.text()).args(["import", "-"]).stdin(Stdio::piped()).spawn().unwrap(),
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
    let mut told = String::new();
    child.0.stderr.take().expect("a pipe").read_to_string(&mut told).unwrap();
    assert_eq!(child.wait(PATIENCE).code(), Some(1), "{told}");
    assert!(told.contains("line 1: the line is longer than") && told.contains("users: 1 added"), "{told}");
    // Where the system tells.
    if let Some(peak) = status.lines().find_map(|line| line.strip_prefix("VmHWM:")) {
        let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(kilobytes < 60_000, "{kilobytes} kB at its peak");
    }
}

#[test]
fn strictness_ends_at_the_first_bad_line_and_says_what_is_written() {
    for desk in ImportFixture::all() {
        let unreadable = format!("{}nonsense\n{}", lines(&[user(1), user(2)]), lines(&[user(3)]));
        let ended = desk.import(&unreadable, &["--strict"]).expect(1);
        assert!(ended.stderr.contains("line 3: ") && ended.stderr.contains("up to line 3"), "{}", ended.stderr);
        assert_eq!(desk.number("SELECT COUNT(*) AS number FROM users"), 2);
        // An impossible line undoes the transaction that it is part of.
        let impossible = lines(&[user(4), json!({"type": "user", "id": 1, "email": "y@example.com"}), user(5)]);
        let ended = desk.import(&impossible, &["--strict"]).expect(1);
        assert!(ended.stderr.contains("line 2: ") && ended.stderr.contains("nothing is written"), "{}", ended.stderr);
        assert_eq!(desk.number("SELECT COUNT(*) AS number FROM users"), 2);
        let edges = lines(&[relation(1, "mentor", 2), relation(1, "mentor", 9), relation(2, "mentor", 1)]);
        desk.import(&edges, &["--strict"]).expect(1);
        assert_eq!(desk.number("SELECT COUNT(*) AS number FROM user_relationships"), 0);
        desk.import(&edges, &["--strict", "--skip-lines", "2"]).expect(0);
        assert_eq!(desk.number("SELECT COUNT(*) AS number FROM user_relationships"), 1);
        desk.assert_no_drift();
    }
}

#[test]
fn an_unknown_type_is_registered_when_told_to() {
    for desk in ImportFixture::all() {
        let text = lines(&[user(1), user(2), relation(1, "buddy", 2), relation(2, "buddy", 1)]);
        assert_eq!(counts(&desk.import(&text, &[]).expect(1)), [[2, 0, 0, 0], [0, 0, 0, 2]]);
        let made = desk.import(&text, &["--create-types"]).expect(0);
        assert_eq!(counts(&made), [[0, 0, 2, 0], [2, 0, 0, 0]]);
        assert!(made.stderr.contains("relationship types: 1 added"), "{}", made.stderr);
        desk.assert_no_drift();
    }
}

#[test]
fn a_rehearsal_tells_the_same_counts_and_writes_nothing() {
    for desk in ImportFixture::all() {
        desk.import(&lines(&[user(1), user(2), user(3), relation(1, "mentor", 2)]), &[]).expect(0);
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
        let before = desk.export();
        for options in [&[][..], &["--create-types"]] {
            let rehearsed = desk.import(&text, &[options, &["--dry-run"]].concat()).expect(1);
            assert_eq!(desk.export(), before);
            let copy =
                ImportFixture::new(if desk.home.file().is_some() { Engine::Sqlite } else { Engine::Postgres }).unwrap();
            copy.import(&before, &[]).expect(0);
            let done = copy.import(&text, options).expect(1);
            assert_eq!(counts(&rehearsed), counts(&done));
            let rejected = |outcome: &Outcome| -> Vec<String> {
                outcome.stderr.lines().filter(|line| line.starts_with("line ")).map(ToOwned::to_owned).collect()
            };
            assert_eq!(rejected(&rehearsed), rejected(&done));
            assert_eq!(counts(&done)[0], [2, 2, 1, 1]);
        }
        let strict = desk.import(&text, &["--dry-run", "--strict"]).expect(1);
        assert_eq!(strict.stderr.lines().filter(|line| line.starts_with("line ")).count(), 1, "{}", strict.stderr);
    }
    // There need not even be a database.
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("none.db").display());
    fs::write(folder.path().join("a.ndjson"), lines(&[user(1), user(2), relation(1, "mentor", 2)])).unwrap();
    let file = folder.path().join("a.ndjson").display().to_string();
    assert_eq!(counts(&run(&url, &["import", "--dry-run", &file]).expect(0)), [[2, 0, 0, 0], [1, 0, 0, 0]]);
    assert!(!folder.path().join("none.db").exists());
}

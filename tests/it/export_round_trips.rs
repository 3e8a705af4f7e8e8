//! What is exported comes back unchanged: through every format, on both databases and across them.

use std::path::Path;

use crate::conformance::document::check_document;
use crate::support::app::Engine;
use crate::support::import::ImportFixture;
use crate::support::process::{Outcome, Service, new_user_token};
use crate::support::sql::Raw;
use crate::support::{Value, json};

const FORMATS: [&str; 5] = ["ndjson", "csv", "spreadsheet", "pipes", "jsonapi"];
const TABLES: [&str; 5] = ["types", "users", "groups", "members", "relationships"];

/// Texts that resemble syntax of the file formats.
const TEXTS: [&str; 30] = [
    "",
    "\"",
    "\"a\" b",
    "a,b;c\td|e",
    "line\nline\r\n",
    "\r",
    "\t",
    "{\"a\":1}",
    "[1]",
    "null",
    "true",
    " x ",
    "\u{A0}x",
    "'",
    "''",
    "ä€𝄞 👩‍👩‍👧",
    "\u{feff}x",
    "\u{1}\u{7f}\u{9f}",
    "=1+1",
    "=1 ",
    "+49 30 1",
    "+49301",
    "-5",
    "@a",
    "\t=1",
    "\r=1",
    "\n=1",
    "'=1",
    "''-x",
    "＝1",
];

/// Lines with types with every rule, users with every attribute, groups with members, and relationships.
fn lines() -> String {
    let time = ["Thu, 01 Jan 1970 00:00:01 +0000", "Sun, 29 Feb 2004 23:59:59 +0000"];
    let mut all = vec![
        json!({"id": "colleague", "description": null, "is-symmetric": true, "user-role": "peers", "target-role": "peers"}),
        json!({"id": "coach", "description": "", "user-role": "mentees", "target-role": "null", "max-per-user": 2}),
        json!({"id": "mentor", "description": "null", "user-role": null, "target-role": null, "managed-by": "admin"}),
        json!({"id": "subordinate", "description": " =1\n\"|", "user-role": "reports", "target-role": "boss",
            "is-acyclic": true, "max-per-user": 1}),
        json!({"id": "extra", "description": "'=1"}),
    ];
    for line in &mut all {
        line["type"] = "relationship-type".into();
        (line["created-at"], line["updated-at"]) = (time[0].into(), time[1].into());
    }
    for (place, text) in TEXTS.iter().enumerate() {
        let level = ["user", "admin", "ext", "excluded"][place % 4];
        let properties = json!({"a": text, *text: [null, 1.5, {"b": text}], "c": -9_007_199_254_740_993_i64});
        all.push(json!({
            "type": "user", "id": place * 3 + 1, "email": format!("\"a,{place}\"@example.com"), "first-name": text,
            "last-name": text, "description": text, "additional-info": if place % 2 == 0 { json!(text) } else { Value::Null },
            "location": TEXTS, "unit": [text], "phone": ["a|b", "|"], "mobile": [""], "job-title": ["[1]", "1"],
            "website": [], "skype": ["x"], "twitter": [text, text], "alt-id": text, "is-enabled": place % 3 != 0,
            "access-level": level, "created-at": time[0], "updated-at": time[1],
            "properties": if place % 5 == 0 { json!({}) } else { properties.clone() },
        }));
        all.push(json!({
            "type": "group", "id": place * 2 + 1, "group-type": if text.is_empty() { "team" } else { text },
            "owner": if place % 4 == 0 { Value::Null } else { (place * 3 + 1).into() },
            "properties": if place % 5 == 1 { json!({}) } else { properties.clone() },
            "created-at": time[0], "updated-at": time[1],
        }));
        all.push(json!({
            "type": "group-member", "id": place * 7 + 1, "member-type": "a b", "group": place * 2 + 1, "user": 1,
            "properties": properties, "created-at": time[0], "updated-at": time[1],
        }));
    }
    for (id, user, target, name) in [
        (3, 1, 4, "subordinate"),
        (5, 4, 7, "subordinate"),
        (9, 1, 7, "colleague"),
        (10, 1, 7, "coach"),
        (90, 7, 1, "extra"),
    ] {
        all.push(json!({"type": "user-relationship", "id": id, "user": user, "target": target, "relationship": name,
            "created-at": time[0], "updated-at": time[1]}));
    }
    all.iter().fold(String::new(), |text, line| text + &line.to_string() + "\n")
}

/// The options that name the files of a format.
fn options(format: &str, folder: &Path, is_import: bool) -> Vec<String> {
    let file = |name: &str| folder.join(name).display().to_string();
    let mut options = match format {
        "ndjson" if is_import => vec![file("all.ndjson")],
        "ndjson" => vec!["--output".to_owned(), file("all.ndjson")],
        "jsonapi" if is_import => vec![file("all.json")],
        "jsonapi" => vec!["--output".to_owned(), file("all.json")],
        _ => TABLES.iter().flat_map(|table| [format!("--{table}"), file(&format!("{table}.csv"))]).collect(),
    };
    let more: &[&str] = match format {
        "ndjson" => &[],
        "jsonapi" => &["--format", "jsonapi"],
        "spreadsheet" if !is_import => &["--format", "csv", "--spreadsheet"],
        "pipes" => &["--format", "csv", "--delimiter", "|"],
        _ => &["--format", "csv"],
    };
    options.extend(more.iter().map(ToString::to_string));
    options
}

#[track_caller]
fn run(fixture: &ImportFixture, command: &str, options: &[String]) -> Outcome {
    let options: Vec<_> = options.iter().map(String::as_str).collect();
    fixture.run(&[&[command], &options[..]].concat())
}

/// The same data in a new database of a kind, through files of a format.
fn moved(fixture: &ImportFixture, engine: Engine, format: &str) -> ImportFixture {
    let other = ImportFixture::new(engine).expect("it was available before");
    let folder = fixture.folder.path();
    run(fixture, "export", &options(format, folder, false)).expect(0);
    let dry = run(&other, "import", &[options(format, folder, true), vec!["--dry-run".to_owned()]].concat()).expect(0);
    let real = run(&other, "import", &options(format, folder, true)).expect(0);
    let counts = |text: &str| text.replace("would be: ", "").lines().filter(|it| it.contains(" added,")).count();
    assert_eq!((counts(&dry.stderr), counts(&real.stderr)), (5, 5), "{} {}", dry.stderr, real.stderr);
    for line in real.stderr.lines().filter(|line| line.contains(" added,")) {
        assert!(dry.stderr.replace("would be: ", "").contains(line), "{line}: {}", dry.stderr);
    }
    other.assert_no_drift();
    other
}

#[test]
fn every_format_brings_everything_back_on_and_across_databases() {
    let engines: Vec<_> =
        [Engine::Sqlite, Engine::Postgres].into_iter().filter(|engine| ImportFixture::new(*engine).is_some()).collect();
    let fixture = ImportFixture::new(Engine::Sqlite).expect("SQLite is always there");
    fixture.import(&lines(), &[]).expect(0);
    let before = fixture.export_all();
    assert_eq!(before.lines().count(), 5 + 3 * TEXTS.len() + 5);
    for format in FORMATS {
        for engine in &engines {
            // SQLite to PostgreSQL and back.
            let there = moved(&fixture, *engine, format);
            assert_eq!(there.export_all(), before, "{format} to {engine:?}");
            let back = moved(&there, Engine::Sqlite, format);
            assert_eq!(back.export_all(), before, "{format} from {engine:?}");
            // Importing the same again changes nothing.
            let again = run(&back, "import", &options(format, there.folder.path(), true)).expect(0);
            let is_unchanged = |line: &str| line.contains(" 0 added, 0 changed, ") && line.ends_with(" 0 rejected");
            let counts: Vec<_> = again.stderr.lines().filter(|line| line.contains(" added,")).collect();
            assert!(counts.len() == 5 && counts.iter().all(|line| is_unchanged(line)), "{format}: {}", again.stderr);
        }
    }
}

#[test]
fn an_exported_document_has_the_resources_of_the_api() {
    for fixture in ImportFixture::all() {
        fixture.import(&lines(), &[]).expect(0);
        let text = fixture.run(&["export", "--format", "jsonapi"]).expect(0).stdout;
        let document: Value = serde_json::from_str(&text).expect("JSON");
        check_document(&document, false).expect("a sound document");
        let resources = document["data"].as_array().expect("a list");
        assert_eq!(resources.len(), 5 + 3 * TEXTS.len() + 5);
        let url = fixture.home.text();
        let token = new_user_token(&url, "admin@example.com", "admin");
        let service = Service::start(&url, &[]);
        let admin = service.client(&token);
        for resource in resources {
            let url = resource["links"]["self"].as_str().expect("a link");
            let mut shown = admin.get(url).expect(200).body["data"].clone();
            let mut resource = resource.clone();
            let is_type = resource["type"] == "relationship-types";
            // Lists of the API, and this document, leave out who created a relationship.
            if !is_type {
                let ends = shown["relationships"].as_object_mut().expect("an object");
                ends.retain(|name, _| !matches!(name.as_str(), "created-by" | "updated-by"));
            }
            resource.as_object_mut().expect("an object").remove("meta");
            assert_eq!(resource, shown, "{url}");
        }
        let user = resources.iter().find(|it| it["type"] == "users" && it["id"] == "4").expect("a user");
        assert_eq!(user["meta"]["properties"]["a"], TEXTS[1]);
        assert_eq!(user["attributes"]["is-supervisor"], true);
        let absolute = fixture.run(&["export", "--format", "jsonapi", "--public-url", "https://x.example/p"]).expect(0);
        assert!(absolute.stdout.contains("\"https://x.example/p/api/v2/users/1\""));
    }
}

#[test]
fn a_document_with_wrong_resources_is_imported_as_far_as_possible() {
    for fixture in ImportFixture::all() {
        let text = "{\"data\":[\n{\"type\":\"users\",\"id\":\"1\",\"attributes\":{\"email\":\"a@example.com\",\"size\":1}},\n\
                    {\"type\":\"users\",\"id\":\"2\",\"attributes\":{\"email\":\"b@example.com\"}},\n\
                    {\"type\":\"pets\"},\n7,\n{\"type\":\"users\",\"id\":3,\"attributes\":[]},\n\
                    {\"type\":\"user-relationships\",\"id\":\"1\",\"attributes\":{\"relationship\":\"mentor\"},\
                    \"relationships\":{\"user\":{\"data\":{\"type\":\"users\",\"id\":\"2\"}},\"target\":{\"data\":null}}}]}";
        let file = fixture.write("all.json", text);
        let outcome = fixture.run(&["import", "--format", "jsonapi", &file]).expect(1);
        for reason in [
            "line 2: `size`: unknown member",
            "line 4: `type` must be one of `relationship-types`",
            "line 5: must be a resource object",
            "line 6: `attributes` must be an object",
            "line 7: `target` is missing",
        ] {
            assert!(outcome.stderr.contains(reason), "{reason} in {}", outcome.stderr);
        }
        assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM users"), 1);
        let cut = fixture.write("cut.json", &text[..text.len() - 9]);
        let outcome = fixture.run(&["import", "--format", "jsonapi", &cut]).expect(1);
        assert!(outcome.stderr.contains("line 7: the document ends before it is complete"), "{}", outcome.stderr);
    }
}

#[test]
fn files_for_spreadsheets_have_what_spreadsheets_expect() {
    for fixture in ImportFixture::all() {
        fixture.import(&lines(), &[]).expect(0);
        let export = |options: &[&str]| {
            fixture.run(&[&["export", "--format", "csv", "--users", "-"], options].concat()).expect(0)
        };
        let text = export(&["--spreadsheet"]).stdout;
        assert!(text.starts_with("\u{FEFF}id;first-name;last-name;"), "{text}");
        assert!(text.contains(";created-at;updated-at;properties\r\n") && text.ends_with("\r\n"), "{text}");
        for cell in [";'=1+1;", ";'+49 30 1;", ";+49301;", ";-5;", ";'@a;", ";''=1;", ";'''-x;", ";'\t=1;"] {
            assert!(text.contains(cell), "{cell:?} in {text}");
        }
        assert!(text.contains(";\"'\r=1\";"), "{text}");
        for cell in [";=", ";+4 ", ";@", ";＝"] {
            assert!(!text.contains(cell), "{cell:?} in {text}");
        }
        assert!(export(&["--spreadsheet", "--delimiter", "tab"]).stdout.starts_with("\u{FEFF}id\tfirst-name\t"));
        assert!(export(&[]).stdout.starts_with("id,first-name,"));
        assert!(export(&["--delimiter", "|"]).stdout.starts_with("id|first-name|"));
    }
}

#[test]
fn ids_of_deleted_groups_are_not_reused_by_an_import() {
    for fixture in ImportFixture::all() {
        let user = json!({"type": "user", "id": 1, "email": "a@example.com"});
        let group = |id: i64| json!({"type": "group", "id": id, "group-type": "team"});
        let member = |id: i64, group: i64| json!({"type": "group-member", "id": id, "member-type": "m", "group": group, "user": 1});
        let text = |lines: &[Value]| crate::support::import::lines(lines);
        fixture.import(&text(&[user, group(3), group(7), member(5, 3), member(9, 7)]), &[]).expect(0);
        Raw::connect(&fixture.home.url()).run("DELETE FROM group_members WHERE group_id = 7");
        Raw::connect(&fixture.home.url()).run("DELETE FROM groups WHERE id = 7");
        for options in [&["--dry-run"][..], &[]] {
            let outcome = fixture.import(&text(&[group(7), member(9, 3)]), options).expect(1);
            assert!(outcome.stderr.contains("line 1: `id`: the group 7 was deleted"), "{}", outcome.stderr);
            let again = fixture.import(&text(&[group(8), member(9, 8)]), options).expect(0);
            assert!(again.stderr.contains("members: "), "{}", again.stderr);
        }
        assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM group_members WHERE id = 9"), 0, "it gets a new id");
        assert_eq!(fixture.number("SELECT MAX(id) AS number FROM group_members"), 10);
        assert_eq!(fixture.number("SELECT MAX(id) AS number FROM groups"), 8);
    }
}

#[test]
fn lines_of_groups_and_types_are_checked_like_all_others() {
    for fixture in ImportFixture::all() {
        let text = [
            json!({"type": "user", "id": 1, "email": "a@example.com"}),
            json!({"type": "relationship-type", "id": "Bad Name"}),
            json!({"type": "relationship-type", "id": "coach", "max-per-user": 0, "is-acyclic": "maybe", "size": 1}),
            json!({"type": "relationship-type", "id": "coach", "user-role": "email"}),
            json!({"type": "relationship-type", "id": "coach", "is-symmetric": true, "is-acyclic": true}),
            json!({"type": "group", "id": 4, "group-type": "", "owner": 1}),
            json!({"type": "group", "id": 5, "group-type": "team", "owner": 99, "properties": [1]}),
            json!({"type": "group", "id": 6, "group-type": "team", "owner": 99}),
            json!({"type": "group", "id": 7, "group-type": "team", "owner": "email:a@example.com"}),
            json!({"type": "group", "id": 7, "group-type": "club"}),
            json!({"type": "group-member", "member-type": "m", "group": 70, "user": 1}),
            json!({"type": "group-member", "member-type": "m", "group": 7, "user": 99}),
            json!({"type": "group-member", "member-type": "m", "group": 7, "user": 1}),
            json!({"type": "group-member", "member-type": "n", "group": 7, "user": 1}),
            json!({"type": "group-member", "member-type": "m", "group": 7}),
            json!({"type": "pet"}),
        ];
        let deep = (0..9).fold(json!(1), |inner, _| json!({"a": inner}));
        let text = crate::support::import::lines(&text)
            + &json!({"type": "group", "id": 8, "group-type": "team", "properties": deep}).to_string();
        for options in [&["--dry-run"][..], &[]] {
            let outcome = fixture.import(&text, options).expect(1);
            for reason in [
                "line 2: `id`: a type name must have",
                "line 3: `is-acyclic`: must be `true`",
                "`size`: unknown member; `max-per-user`: must be an integer from 1 to 1000, or null",
                "line 4: `user-role`: must not be `email`",
                "line 5: `is-acyclic`: `is-symmetric` excludes `is-acyclic`",
                "line 6: `group-type`: must be a string of 1 to 255 characters",
                "line 7: `properties`: must be a JSON object",
                "line 8: `owner`: there is no user 99",
                "line 10: `group-type`: the group 7 has the type `team`, which cannot change",
                "line 11: `group`: there is no group 70",
                "line 12: `user`: there is no user 99",
                "line 14: `member-type`: the membership has the type `m`",
                "line 15: `user` is missing",
                "line 16: `type` must be one of `relationship-type`",
                "line 17: `properties`: is nested too deeply",
            ] {
                assert!(outcome.stderr.contains(reason), "{options:?} {reason} in {}", outcome.stderr);
            }
        }
        assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM groups"), 1);
        assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM group_members"), 1);
        assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM relationship_types"), 3);
    }
}

#[test]
fn types_that_stored_relationships_break_are_rejected() {
    for fixture in ImportFixture::all_direct() {
        let user = |id: i64| json!({"type": "user", "id": id, "email": format!("u{id}@example.com")});
        let edge = |user: i64, target: i64| json!({"type": "user-relationship", "user": user, "target": target, "relationship": "mentor"});
        let text = |lines: &[Value]| crate::support::import::lines(lines);
        fixture.import(&text(&[user(1), user(2), user(3), edge(1, 2), edge(1, 3), edge(2, 1)]), &[]).expect(0);
        let tree = json!({"type": "relationship-type", "id": "mentor", "is-acyclic": true, "max-per-user": 1});
        let new = json!({"type": "relationship-type", "id": "coach", "max-per-user": 1});
        let mut coached = [edge(1, 2), edge(1, 3)];
        for edge in &mut coached {
            edge["relationship"] = "coach".into();
        }
        for options in [&["--dry-run"][..], &[]] {
            let outcome =
                fixture.import(&text(&[&[tree.clone(), new.clone()], &coached[..]].concat()), options).expect(1);
            for reason in ["line 1: `is-acyclic`: ", "`max-per-user`: ", "line 4: `user`: user 1 owns 1 `coach`"] {
                assert!(outcome.stderr.contains(reason), "{options:?} {reason} in {}", outcome.stderr);
            }
        }
        // In a bulk load, rules must come first.
        let other = fixture.another();
        let late = [user(1), user(2), edge(1, 2), tree, edge(2, 1)];
        let outcome = other.import(&text(&late), &[]).expect(1);
        assert!(outcome.stderr.contains("line 4: the rules of a type must come before"), "{}", outcome.stderr);
        other.assert_no_drift();
    }
}

#[test]
fn a_synchronization_names_the_kinds_that_it_does_not_know() {
    for fixture in ImportFixture::all() {
        let text = [
            json!({"type": "relationship-type", "id": "coach"}),
            json!({"type": "user", "id": 1, "email": "a@example.com"}),
            json!({"type": "group", "id": 1, "group-type": "team"}),
            json!({"type": "group-member", "member-type": "m", "group": 1, "user": 1}),
        ];
        let outcome = fixture.import(&crate::support::import::lines(&text), &["--sync"]).expect(1);
        for line in ["line 3: ", "line 4: "] {
            let reason = format!("{line}groups and members are not synchronized; import them without `--sync`");
            assert!(outcome.stderr.contains(&reason), "{}", outcome.stderr);
        }
        assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM users"), 0);
        assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM groups"), 0);
    }
}

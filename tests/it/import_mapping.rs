//! What columns become: mappings, headings of HR systems, unknown columns, and `--explain`.

use std::fs;

use crate::support::Value;
use crate::support::import::{ImportFixture, counts};
use crate::support::process::Outcome;
use crate::support::sources::root;

const EDGES: &str = "SELECT COUNT(*) AS number FROM user_relationships";

#[track_caller]
fn import(fixture: &ImportFixture, text: &str, options: &[&str]) -> Outcome {
    let file = fixture.write("people.csv", text);
    fixture.run(&[&["import", "--format", "csv", "--users", &file], options].concat())
}

fn exported(fixture: &ImportFixture) -> Vec<Value> {
    fixture.export().lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn columns_become_what_the_mapping_says() {
    for fixture in ImportFixture::all() {
        let text =
            "Contact,Vorgesetzte Person,Notes,Shoe Size\nann@example.com,,x,38\nbob@example.com,ann@example.com,y,41\n";
        let maps = ["--map", "Contact=email", "--map", "Vorgesetzte Person=supervisors", "--map", "notes=-"];
        let outcome = import(&fixture, text, &[&maps[..], &["--ignore-unknown"]].concat()).expect(0);
        assert_eq!(counts(&outcome), [[2, 0, 0, 0], [1, 0, 0, 0]]);
        let edge = exported(&fixture).pop().unwrap();
        assert_eq!(
            (&edge["relationship"], &edge["user"], &edge["target"]),
            (&"subordinate".into(), &2.into(), &1.into())
        );

        let mapping = fixture
            .write("map.yml", "Contact: email\nNotes: '-'\nShoe Size:\nNot there: unit\nVorgesetzte Person: mentor\n");
        let outcome = import(&fixture, text, &["--mapping", &mapping, "--map", "Notes=description"]).expect(0);
        assert_eq!(counts(&outcome), [[0, 2, 0, 0], [1, 0, 0, 0]]);
        assert_eq!(exported(&fixture)[0]["description"], "x");
    }
}

#[test]
fn a_role_at_the_owner_end_turns_the_relationship_around() {
    for fixture in ImportFixture::all() {
        let text = "email,Report\nann@example.com,bob@example.com\nbob@example.com,\n";
        import(&fixture, text, &["--map", "Report=subordinates"]).expect(0);
        let edge = exported(&fixture).pop().unwrap();
        assert_eq!((&edge["user"], &edge["target"]), (&2.into(), &1.into()));
    }
}

#[test]
fn unknown_columns_are_listed_with_close_matches() {
    for fixture in ImportFixture::all() {
        let refused = import(&fixture, "Email,Frist Name,Shoe size,Supervisr\na@example.com,A,1,\n", &[]).expect(1);
        for part in [
            "line 1: invalid header line: `Frist Name`: unknown column, did you mean `first-name`?",
            "`Shoe size`: unknown column;",
            "`Supervisr`: unknown column, did you mean `Supervisor`?",
            "--map 'HEADER=MEMBER'",
            "--ignore-unknown",
        ] {
            assert!(refused.stderr.contains(part), "{part} in {}", refused.stderr);
        }
        assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM users"), 0);
        let missing = import(&fixture, "Address\na@example.com\n", &["--ignore-unknown"]).expect(1);
        assert!(missing.stderr.contains("`email` is missing; name its column with `--map 'HEADER=email'`"));
    }
}

#[test]
fn an_invalid_mapping_is_refused_before_any_write() {
    for fixture in ImportFixture::all() {
        let text = "Email,Boss\na@example.com,\n";
        let yaml = fixture.write("bad.yml", "Email: [a]\n");
        for (options, code, reason) in [
            (&["--map", "Boss"][..], 2, "must be `HEADER=MEMBER`"),
            (&["--map", "Boss=unit", "--map", "boss=unit"], 2, "mapped twice"),
            (&["--map", "Bos=subordinate"], 1, "no column has the heading `Bos`; the headings are `Email`, `Boss`"),
            (&["--map", "Boss=subordinat"], 1, "did you mean `subordinate`"),
            (&["--map", "Boss=supervisor:email"], 1, "`Boss=supervisor`: no member, relationship type or role"),
            (&["--map", "Boss=subordinate:mail"], 1, "`id`, `email`, `alt-id` or `name`; got `mail`"),
            (&["--map", "Boss=no name"], 1, "`Boss=no name`: unknown member"),
            (&["--map", "Boss=email"], 1, "`Email` and `Boss` become the same; ignore one"),
            (&["--mapping", "/no/such/file"], 1, "`--mapping /no/such/file`: No such file"),
            (&["--mapping", &yaml], 1, "must have lines such as `Work Email: email`"),
        ] {
            let refused = import(&fixture, text, &[options, &["--ignore-unknown"]].concat()).expect(code);
            assert!(refused.stderr.contains(reason), "{reason} in {}", refused.stderr);
        }
        assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM users"), 0);
        import(
            &fixture,
            "Email,Boss\na@example.com,\nb@example.com,a@example.com\n",
            &["--map", "Boss=boss", "--create-types"],
        )
        .expect(0);
        assert_eq!(fixture.number(EDGES), 1);
    }
}

#[test]
fn exports_of_five_hr_systems_are_known() {
    let folder = root().join("examples/hr");
    for system in ["bamboohr", "personio", "workday", "hibob", "entra-id"] {
        for fixture in ImportFixture::all() {
            let file = folder.join(format!("{system}.csv")).display().to_string();
            let outcome = fixture.run(&["import", "--format", "csv", "--users", &file]).expect(0);
            assert_eq!(counts(&outcome), [[5, 0, 0, 0], [4, 0, 0, 0]], "{system}: {}", outcome.stderr);
            let users = exported(&fixture);
            let chief = users.iter().find(|user| user["last-name"] == "Korhonen").expect("the chief");
            for member in ["alt-id", "first-name", "email"] {
                assert!(chief[member].is_string(), "{system}: {member} of {chief}");
            }
            assert!(!chief["unit"][0].is_null() && !chief["job-title"][0].is_null(), "{system}: {chief}");
            let target = fixture.number("SELECT COUNT(DISTINCT target_id) AS number FROM user_relationships");
            assert_eq!(target, 2, "{system}");
        }
    }
    assert_eq!(fs::read_dir(folder).unwrap().count(), 6, "five files and a mapping");
}

#[test]
fn explain_prints_what_each_column_becomes() {
    for fixture in ImportFixture::all() {
        let text = "Employee #;Work Email;Last Name;Supervisor;Hire Date;Department;Team;Shoe size;Boss\n\
                    1;a@example.com;Ray;;;;;;\n2;b@example.com;Roe;1;;;;;a@example.com\n";
        let file = fixture.write("people.csv", text);
        let options = ["--map", "Shoe size=-", "--map", "Boss=subordinates"];
        let explained = fixture.run(&[&["import", "--explain", &file], &options[..]].concat()).expect(0);
        let lines: Vec<_> = explained.stdout.lines().collect();
        assert_eq!(
            lines,
            [
                "users, UTF-8, delimiter `;`",
                "Employee #\talt-id",
                "Work Email\temail",
                "Last Name\tlast-name",
                "Supervisor\trelationships of the type `subordinate`; the cell is the target, by alt-id",
                "Hire Date\tignored: known from HR exports, without a counterpart",
                "Department\tunit",
                "Team\tignored: `Department` becomes the same",
                "Shoe size\tignored: the mapping says so",
                "Boss\trelationships of the type `subordinate`; the cell is the user, by email",
            ]
        );
        assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM users"), 0);
        let edges = fixture.write("edges.csv", "User,Target,Relationship\n");
        let explained = fixture.run(&["import", "--explain", &edges]).expect(0);
        assert!(
            explained.stdout.starts_with("relationships, UTF-8, delimiter `,`\nUser\tuser\n"),
            "{}",
            explained.stdout
        );
        fixture.run(&["import", "--explain", &file, "--users", &file]).expect(2);
    }
}

//! People files: users with columns that become relationships, in any order of rows.

use std::fs;
use std::process::Stdio;

use crate::support::import::{ImportFixture, counts, lines};
use crate::support::process::{Outcome, finish, program};
use crate::support::{Value, json};

const EDGES: &str = "SELECT COUNT(*) AS number FROM user_relationships";

/// The file of an HR administrator: semicolons, a byte order mark, CR LF, blank supervisors, duplicates, "Last, First".
const EMPLOYEES: &str = "\u{FEFF}Employee #;Last Name;First Name;Work Email;Job Title;Department;Supervisor;Hire Date\r\n\
    103;Smith;Ann;ann.smith@example.com;Engineer;R&D;\"Müller, Jürgen\";2024-01-01\r\n\
    101;Korhonen;Aino;aino@example.com;CEO;Management;;2010-05-01\r\n\
    102;Müller;Jürgen;juergen@example.com;Head of R&D;R&D;\"Korhonen, Aino\";2015-03-01\r\n\
    ;;;;;;;\r\n\
    103;Smith;Ann;ann.smith@example.com;Engineer;R&D;\"Müller, Jürgen\";2024-01-01\r\n\
    104; Lima ;Ana;ana@example.com;;Sales;Aino Korhonen;01.02.2023\r\n";

#[track_caller]
fn import(fixture: &ImportFixture, text: &str, options: &[&str]) -> Outcome {
    let file = fixture.write("people.csv", text);
    fixture.run(&[&["import", "--format", "csv", "--users", &file], options].concat())
}

/// The relationships as pairs of addresses.
fn edges(fixture: &ImportFixture) -> Vec<String> {
    let mut edges: Vec<_> =
        fixture.named_edges().iter().map(|[user, _, target]| format!("{user} > {target}")).collect();
    edges.sort();
    edges
}

const TREE: [&str; 3] = ["ana > aino", "ann.smith > juergen", "juergen > aino"];

#[test]
fn the_file_of_an_hr_administrator_is_loaded_with_one_command() {
    for fixture in ImportFixture::all() {
        let dry = import(&fixture, EMPLOYEES, &["--dry-run"]).expect(0);
        assert_eq!(counts(&dry), [[4, 0, 1, 0], [3, 0, 1, 0]]);
        let first = import(&fixture, EMPLOYEES, &[]).expect(0);
        assert_eq!(counts(&first), [[4, 0, 1, 0], [3, 0, 1, 0]]);
        assert_eq!(edges(&fixture), TREE);
        let ann: Value = serde_json::from_str(fixture.export().lines().next().unwrap()).unwrap();
        assert_eq!(
            (&ann["alt-id"], &ann["unit"][0], &ann["job-title"][0]),
            (&"103".into(), &"R&D".into(), &"Engineer".into())
        );
        let again = import(&fixture, EMPLOYEES, &[]).expect(0);
        assert_eq!(counts(&again), [[0, 0, 5, 0], [0, 0, 4, 0]]);
        assert_eq!(counts(&import(&fixture, EMPLOYEES, &["--dry-run"]).expect(0)), [[0, 0, 5, 0], [0, 0, 4, 0]]);
        fixture.assert_no_drift();
    }
}

#[test]
fn a_csv_file_without_its_format_is_refused_with_the_command_to_use() {
    for fixture in ImportFixture::all() {
        let file = fixture.write("People.CSV", EMPLOYEES);
        let refused = fixture.run(&["import", &file]).expect(2);
        let command = format!("`--format csv --users {file}`");
        assert!(refused.stderr.contains(&command), "{}", refused.stderr);
        fixture.run(&["import", "--format", "csv", "--users", &file]).expect(0);
    }
}

#[test]
fn people_files_are_read_from_pipes() {
    for fixture in ImportFixture::all() {
        let wide: Vec<u8> = EMPLOYEES.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let file = fixture.write("wide.csv", wide);
        let mut command = program();
        command.env("DATABASE_URL", fixture.home.text()).args(["import", "--format", "csv", "--users", "-"]);
        command.stdin(fs::File::open(file).expect("the file")).stdout(Stdio::piped()).stderr(Stdio::piped());
        assert_eq!(counts(&finish(&mut command).expect(0)), [[4, 0, 1, 0], [3, 0, 1, 0]]);
        assert_eq!(edges(&fixture), TREE);
    }
}

#[test]
fn references_by_id_email_alt_id_and_name_give_the_same_tree() {
    for fixture in ImportFixture::all() {
        for (supervisors, options) in [
            (["juergen@example.com", "AINO@example.com", "aino@example.com"], &[][..]),
            (["102", "101", "101"], &[]),
            (["102", "101", "101"], &["--map", "Supervisor=supervisors:alt-id"]),
            (["Jürgen Müller", "korhonen, AINO", "Aino Korhonen"], &["--map", "Supervisor=subordinate:name"]),
        ] {
            let [ann, juergen, ana] = supervisors;
            let text = format!(
                "alt-id;email;First Name;Last Name;Supervisor\n103;ann.smith@example.com;Ann;Smith;{ann}\n\
                 102;juergen@example.com;Jürgen;Müller;{juergen}\n104;ana@example.com;Ana;Lima;{ana}\n\
                 101;aino@example.com;Aino;Korhonen;\n"
            );
            let empty = fixture.another();
            assert_eq!(counts(&import(&empty, &text, options).expect(0)), [[4, 0, 0, 0], [3, 0, 0, 0]]);
            assert_eq!(edges(&empty), TREE, "{supervisors:?}");
        }
        let ids = "id,email,Boss\n7,a@example.com,8\n8,b@example.com,\n";
        import(&fixture, ids, &["--map", "Boss=mentor:id"]).expect(0);
        assert_eq!(edges(&fixture), ["a > b"]);
    }
}

#[test]
fn an_ambiguous_name_is_reported_with_all_candidates() {
    for fixture in ImportFixture::all() {
        import(&fixture, "email,first-name,last-name\nann2@example.com,ANN,Smith\n", &[]).expect(0);
        let text = "email,first-name,last-name,Supervisor\nbob@example.com,Bob,Ray,\"Smith, Ann\"\n\
                    ann1@example.com,Ann,Smith,\ncho@example.com,Cho,Lee,Nobody Known\n";
        for options in [&["--dry-run"][..], &[]] {
            let outcome = import(&fixture, text, options).expect(1);
            assert_eq!(counts(&outcome), [[3, 0, 0, 0], [0, 0, 0, 2]]);
            for part in [
                "line 2: `Supervisor`: 2 people have the name `Smith, Ann`: ",
                "ann1@example.com (",
                "ann2@example.com (user 1)",
                "use an e-mail address, alt-id or id in the whole column",
                "line 4: `Supervisor`: no user has the name `Nobody Known`",
            ] {
                assert!(outcome.stderr.contains(part), "{part} in {}", outcome.stderr);
            }
        }
        assert_eq!(fixture.number(EDGES), 0);
    }
}

#[test]
fn no_relationship_of_a_rejected_row_is_written() {
    for fixture in ImportFixture::all() {
        import(&fixture, "email,id\na@example.com,1\nb@example.com,2\n", &[]).expect(0);
        let text = "email,id,is-enabled,Supervisor\na@example.com,1,maybe,b@example.com\nb@example.com,3,,a@example.com\n\
                    c@example.com,,,a@example.com\nbad,,,a@example.com\nd@example.com,,,\nd@example.com,,no,a@example.com\n\
                    e@example.com,,,x@example.com\nf@example.com,,,f@example.com\n";
        for options in [&["--dry-run"][..], &[]] {
            let outcome = import(&fixture, text, options).expect(1);
            for part in [
                "line 2: `is-enabled`: ",
                "line 3: `id`: the user with this e-mail address is 2, not 3",
                "line 5: `email`: must be a valid",
                "line 7: `email`: line 6 has the same person with other values; keep one of the two lines; got `d@example.com`",
                "line 8: `Supervisor`: no user has this e-mail address; got `x@example.com`",
                "line 9: `Supervisor`: must be another user than `user`",
            ] {
                assert!(outcome.stderr.contains(part), "{part} in {}", outcome.stderr);
            }
            assert_eq!(
                outcome.stderr.matches("line ").count() - outcome.stderr.matches("line 6 has").count(),
                6,
                "{}",
                outcome.stderr
            );
            assert_eq!(counts(&outcome), [[4, 0, 0, 4], [1, 0, 0, 2]]);
        }
        assert_eq!(edges(&fixture), ["c > a"]);
    }
}

#[test]
fn two_people_who_supervise_each_other_are_rejected_by_the_rules() {
    for fixture in ImportFixture::all() {
        fixture.run(&["type", "set", "subordinate", "--acyclic", "true"]).expect(0);
        let text = "email,Supervisor\na@example.com,b@example.com\nb@example.com,a@example.com\n";
        let outcome = import(&fixture, text, &[]).expect(1);
        assert_eq!(counts(&outcome), [[2, 0, 0, 0], [1, 0, 0, 1]]);
        assert!(
            outcome.stderr.contains("line 3: `Supervisor`: user 1 already leads back to user 2"),
            "{}",
            outcome.stderr
        );
    }
}

#[test]
fn a_strict_import_of_people_stops_at_the_first_rejected_row() {
    for fixture in ImportFixture::all() {
        let text = "email,Supervisor\na@example.com,b@example.com\nb@example.com,x@example.com\n";
        let outcome = import(&fixture, text, &["--strict"]).expect(1);
        assert!(outcome.stderr.contains("line 3: `Supervisor`: no user has"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("stopped at the first rejected line"), "{}", outcome.stderr);
        assert_eq!(fixture.number(EDGES), 0);
    }
}

#[test]
fn people_and_a_table_of_relationships_are_imported_together() {
    for fixture in ImportFixture::all() {
        let edges_file =
            fixture.write("e.csv", "user;target;relationship\nemail:b@example.com;email:a@example.com;mentor\n");
        let text = "email,Supervisor\na@example.com,b@example.com\nb@example.com,nobody\n";
        // Not all cells are addresses, so all are names.
        let outcome = import(&fixture, text, &["--relationships", &edges_file]).expect(1);
        assert_eq!(counts(&outcome), [[2, 0, 0, 0], [1, 0, 0, 2]]);
        assert!(
            outcome.stderr.contains("people.csv: line 3: `Supervisor`: no user has the name `nobody`"),
            "{}",
            outcome.stderr
        );
        assert_eq!(fixture.number(EDGES), 1);
    }
}

#[test]
fn a_name_that_very_many_share_lists_a_few_and_the_number() {
    for fixture in ImportFixture::all() {
        let line = |id: i64, name: &str| json!({"type": "user", "id": id, "email": format!("u{id}@example.com"), "first-name": name, "last-name": "Ray"});
        let users: Vec<_> = (1..=120).map(|id| line(id, "Ann")).chain([line(121, "Bob"), line(122, "Cho")]).collect();
        fixture.import(&lines(&users), &[]).expect(0);
        let text = "Work Email;Supervisor\nu121@example.com;Ann Ray\nu122@example.com;Bob Ray\n";
        for options in [&["--dry-run"][..], &[]] {
            let outcome = import(&fixture, text, options).expect(1);
            for part in [
                "line 2: `Supervisor`: 120 people have the name `Ann Ray`: u1@example.com (user 1), u2@example.com (user 2)",
                "u10@example.com (user 10) and 110 more; use an e-mail address",
            ] {
                assert!(outcome.stderr.contains(part), "{part} in {}", outcome.stderr);
            }
            assert_eq!(counts(&outcome)[1], [1, 0, 0, 1]);
        }
        // The lines of a dry run count as if they were written: 119 of them get another name.
        let renamed = (2..=120).fold(String::new(), |text, id| text + &format!("u{id}@example.com;Dan;Ray;\n"));
        let text = format!("Work Email;First Name;Last Name;Supervisor\n{renamed}u121@example.com;Bob;Ray;Ann Ray\n");
        for options in [&["--dry-run"][..], &[]] {
            assert_eq!(counts(&import(&fixture, &text, options).expect(0))[1], [1, 0, 0, 0]);
        }
    }
}

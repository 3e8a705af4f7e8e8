//! `import --sync`: the files are the truth for the users and the types that they have.

use std::fs;
use std::process::Stdio;

use crate::support::import::{ImportFixture, counts};
use crate::support::process::{Outcome, finish, program};

const TREE: [&str; 6] = ["type", "set", "subordinate", "--acyclic", "true", "--max-per-user"];
const CHANGES: &str = "SELECT COUNT(*) AS number FROM changes";
const EMPLOYEES: &str = "Employee #;Last Name;First Name;Work Email;Supervisor\n101;Korhonen;Aino;aino@example.com;\n\
    102;Müller;Jürgen;juergen@example.com;\"Korhonen, Aino\"\n103;Smith;Ann;ann@example.com;Jürgen Müller\n\
    104;Lima;Ana;ana@example.com;Jürgen Müller\n105;Ray;Bob;bob@example.com;Aino Korhonen\n";

#[track_caller]
fn sync(fixture: &ImportFixture, text: &str, options: &[&str]) -> Outcome {
    let file = fixture.write("people.csv", text);
    fixture
        .run(&[&["import", "--format", "csv", "--users", &file, "--sync", "--max-changes", "100%"], options].concat())
}

/// The relationships, as the first parts of addresses with the type.
fn edges(fixture: &ImportFixture) -> Vec<String> {
    let mut edges: Vec<_> = fixture.named_edges().iter().map(|edge| edge.join(" ")).collect();
    edges.sort();
    edges
}

fn subordinates(pairs: &[(&str, &str)]) -> Vec<String> {
    pairs.iter().map(|(user, target)| format!("{user} subordinate {target}")).collect()
}

#[test]
fn sync_moves_adds_and_deletes_what_the_file_says() {
    for fixture in ImportFixture::all() {
        for rules in [&[][..], &[&TREE[..], &["1"]].concat()] {
            let fixture = fixture.another();
            if !rules.is_empty() {
                fixture.run(rules).expect(0);
            }
            assert_eq!(counts(&sync(&fixture, EMPLOYEES, &[]).expect(0)), [[5, 0, 0, 0], [4, 0, 0, 0]]);
            let tree = subordinates(&[("ana", "juergen"), ("ann", "juergen"), ("bob", "aino"), ("juergen", "aino")]);
            assert_eq!(edges(&fixture), tree);
            // Bob leads now, Jürgen is below him, Ann has no supervisor, and Cho is new.
            let changed = "Employee #;Last Name;First Name;Work Email;Supervisor;Job Title\n\
                101;Korhonen;Aino;aino@example.com;Bob Ray;CEO\n102;Müller;Jürgen;juergen@example.com;Bob Ray;\n\
                103;Smith;Ann;ann@example.com;;\n104;Lima;Ana;ana@example.com;Cho Lee;\n105;Ray;Bob;bob@example.com;;\n\
                106;Lee;Cho;cho@example.com;Ann Smith;\n";
            let outcome = sync(&fixture, changed, &[]).expect(0);
            assert_eq!(counts(&outcome), [[1, 1, 4, 0], [2, 2, 0, 0]]);
            let summary = "2 users moved, 2 relationships deleted, 0 missing users disabled, 0 listed";
            assert!(outcome.stderr.contains(summary), "{}", outcome.stderr);
            let tree = subordinates(&[("aino", "bob"), ("ana", "cho"), ("cho", "ann"), ("juergen", "bob")]);
            assert_eq!(edges(&fixture), tree);
            fixture.assert_no_drift();
        }
    }
}

#[test]
fn a_second_sync_changes_nothing() {
    for fixture in ImportFixture::all() {
        fixture.run(&[&TREE[..], &["1"]].concat()).expect(0);
        sync(&fixture, EMPLOYEES, &[]).expect(0);
        let (before, changes) = (fixture.export(), fixture.number(CHANGES));
        for options in [&[][..], &["--missing", "disable"], &["--missing", "keep"]] {
            let again = sync(&fixture, EMPLOYEES, options).expect(0);
            assert_eq!(counts(&again), [[0, 0, 5, 0], [0, 0, 4, 0]]);
            assert!(again.stderr.contains("0 users moved, 0 relationships deleted"), "{}", again.stderr);
        }
        assert!(fixture.export() == before && fixture.number(CHANGES) == changes);
    }
}

#[test]
fn sync_leaves_other_types_and_other_users_alone() {
    for fixture in ImportFixture::all() {
        sync(&fixture, EMPLOYEES, &[]).expect(0);
        let more = fixture.write(
            "more.csv",
            "user,target,relationship\nemail:ann@example.com,email:bob@example.com,mentor\n\
             email:bob@example.com,email:ann@example.com,colleague\n",
        );
        fixture.run(&["import", "--format", "csv", "--relationships", &more]).expect(0);
        // Only Ann is in the file: without a supervisor.
        let outcome = sync(&fixture, "Work Email,Supervisor\nann@example.com,\n", &[]).expect(0);
        assert_eq!(counts(&outcome), [[0, 0, 1, 0], [0, 0, 0, 0]]);
        let mut expected = subordinates(&[("ana", "juergen"), ("bob", "aino"), ("juergen", "aino")]);
        expected.extend(["ann mentor bob".to_owned(), "bob colleague ann".to_owned()]);
        expected.sort();
        assert_eq!(edges(&fixture), expected);
        // A file without a column for relationships deletes none.
        sync(&fixture, "Work Email,First Name\nbob@example.com,Rob\n", &[]).expect(0);
        assert_eq!(edges(&fixture), expected);
        fixture.assert_no_drift();
    }
}

#[test]
fn without_sync_nothing_is_deleted() {
    for fixture in ImportFixture::all() {
        sync(&fixture, EMPLOYEES, &[]).expect(0);
        let before = edges(&fixture);
        let file = fixture.write("people.csv", "Work Email,Supervisor\nann@example.com,\n");
        fixture.run(&["import", "--format", "csv", "--users", &file]).expect(0);
        assert_eq!(edges(&fixture), before);
    }
}

#[test]
fn the_cell_of_a_role_column_is_at_the_end_that_the_role_names() {
    for fixture in ImportFixture::all() {
        sync(&fixture, EMPLOYEES, &[]).expect(0);
        let targets = "Work Email,Manager\nann@example.com,bob@example.com\nana@example.com,\n";
        sync(&fixture, targets, &["--map", "Manager=supervisors"]).expect(0);
        assert_eq!(edges(&fixture), subordinates(&[("ann", "bob"), ("bob", "aino"), ("juergen", "aino")]));
        // The cell owns the relationship, so what else it owns goes.
        let owners = "Work Email,Report\nana@example.com,ann@example.com\nbob@example.com,\n";
        sync(&fixture, owners, &["--map", "Report=subordinates"]).expect(0);
        assert_eq!(edges(&fixture), subordinates(&[("ann", "ana"), ("juergen", "aino")]));
        fixture.assert_no_drift();
    }
}

#[test]
fn a_relationships_file_is_the_truth_for_its_users_and_types() {
    for fixture in ImportFixture::all() {
        sync(&fixture, EMPLOYEES, &[]).expect(0);
        let sync_edges = |text: &str, options: &[&str]| {
            let file = fixture.write("edges.csv", text);
            let command = ["import", "--format", "csv", "--relationships", &file, "--sync", "--max-changes", "9"];
            fixture.run(&[&command[..], options].concat())
        };
        let moved = "user,target,relationship\nalt-id:103,alt-id:105,subordinate\nalt-id:105,alt-id:101,mentor\n";
        sync_edges(moved, &[]).expect(0);
        let mut expected = subordinates(&[("ana", "juergen"), ("ann", "bob"), ("bob", "aino"), ("juergen", "aino")]);
        expected.insert(2, "bob mentor aino".to_owned());
        assert_eq!(edges(&fixture), expected);
        assert!(sync_edges(moved, &["--missing", "disable"]).expect(2).stderr.contains("--users"));
        // With the users, those without a row lose their relationships.
        let (users, edges_file) = (fixture.write("people.csv", EMPLOYEES), fixture.path("edges.csv"));
        let edges_file = edges_file.display().to_string();
        let both = ["import", "--format", "csv", "--users", &users, "--relationships", &edges_file, "--sync"];
        let both = [&both[..], &["--map", "Supervisor=-", "--max-changes", "9"]].concat();
        fixture.run(&both).expect(0);
        assert_eq!(edges(&fixture), ["ann subordinate bob", "bob mentor aino"]);
        fixture.assert_no_drift();
    }
}

#[test]
fn both_directions_of_a_symmetric_relationship_are_one() {
    for fixture in ImportFixture::all() {
        fixture.run(&["type", "set", "colleague", "--symmetric", "true"]).expect(0);
        let file = |[ann, bob, cho]: [&str; 3]| {
            format!("email,Peer\nann@example.com,{ann}\nbob@example.com,{bob}\ncho@example.com,{cho}\n")
        };
        let options = ["--map", "Peer=colleague:email"];
        sync(&fixture, &file(["bob@example.com", "ann@example.com", ""]), &options).expect(0);
        assert_eq!(edges(&fixture), ["ann colleague bob"]);
        let changes = fixture.number(CHANGES);
        sync(&fixture, &file(["", "ann@example.com", ""]), &options).expect(0);
        assert_eq!((edges(&fixture), fixture.number(CHANGES)), (vec!["ann colleague bob".to_owned()], changes));
        sync(&fixture, &file(["", "", "bob@example.com"]), &options).expect(0);
        assert_eq!(edges(&fixture), ["cho colleague bob"]);
        fixture.assert_no_drift();
    }
}

#[test]
fn sync_reads_lines_and_pipes_and_registers_types() {
    for fixture in ImportFixture::all() {
        sync(&fixture, EMPLOYEES, &[]).expect(0);
        let lines = "{\"type\":\"user\",\"email\":\"ann@example.com\",\"first-name\":\"Anna\"}\n\
            {\"type\":\"user\",\"email\":\"new@example.com\"}\n\
            {\"type\":\"user-relationship\",\"user\":\"email:ann@example.com\",\"target\":\"email:new@example.com\",\
            \"relationship\":\"subordinate\"}\n{\"type\":\"user-relationship\",\"user\":\"email:new@example.com\",\
            \"target\":\"email:bob@example.com\",\"relationship\":\"buddy\"}\n";
        let outcome = fixture.import(lines, &["--sync", "--create-types"]).expect(0);
        assert_eq!(counts(&outcome), [[1, 1, 0, 0], [1, 1, 0, 0]]);
        let expected = ["ana subordinate juergen", "ann subordinate new", "bob subordinate aino"];
        assert_eq!(edges(&fixture), [&expected[..], &["juergen subordinate aino", "new buddy bob"]].concat());
        let mut command = program();
        command.env("DATABASE_URL", fixture.home.text()).args(["import", "-", "--sync"]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        assert!(finish(&mut command).expect(1).stderr.contains("write the data to a file first"));

        let mut command = program();
        let options = ["import", "--format", "csv", "--users", "-", "--sync", "--max-changes", "9"];
        command.env("DATABASE_URL", fixture.home.text()).args(options).stdout(Stdio::piped()).stderr(Stdio::piped());
        let file = fixture.write("people.csv", EMPLOYEES);
        finish(command.stdin(fs::File::open(file).expect("the file"))).expect(0);
        assert!(edges(&fixture).contains(&"ann subordinate juergen".to_owned()));
        fixture.assert_no_drift();
    }
}

#[test]
fn a_rejected_row_stops_a_sync_before_the_first_write() {
    for fixture in ImportFixture::all() {
        sync(&fixture, EMPLOYEES, &[]).expect(0);
        let before = fixture.export();
        let names = "alt-id,email,First Name,Last Name,Supervisor\n";
        for (rows, complaint) in [
            ("103,ann@example.com,Anna,Smith,Nobody\n", "line 2: `Supervisor`: no user has the name `Nobody`"),
            ("103,ann@,Ann,Smith,\n104,ana@example.com,Anna,,\n", "line 2: `email`: must be a valid"),
            (
                "103,ann@example.com,Anna,Smith,Ann Ray\n7,a@example.com,Ann,Ray,\n8,b@example.com,Ann,Ray,\n",
                "2 people",
            ),
            ("103,ann@example.com,Anna,,\n103,ann@example.com,Ann,,\n", "line 3: `email`: line 2 has the same person"),
            ("103,ann@example.com,Anna,Smith,Anna Smith\n", "must be another user than `user`"),
        ] {
            for options in [&[][..], &["--missing", "disable"]] {
                let outcome = sync(&fixture, &format!("{names}{rows}"), options).expect(1);
                assert!(outcome.stderr.contains(complaint), "{complaint} in {}", outcome.stderr);
                assert!(outcome.stderr.contains("nothing is written, because "), "{}", outcome.stderr);
                assert!(fixture.export() == before, "{rows}");
            }
        }
    }
}

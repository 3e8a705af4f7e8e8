//! The preview of an import: a table for people, and a report as CSV.

use std::fs;

use crate::support::import::{ImportFixture, counts};
use crate::support::process::Outcome;

const PEOPLE: &str = "Employee #;Last Name;First Name;Work Email;Job Title;Supervisor\n\
    101;Korhonen;Aino;aino@example.com;CEO;\n102;Ray;Bob;bob@example.com;Lead;Korhonen, Aino\n\
    103;Smith;Ann;ann@example.com;;Bob Ray\n104;Lima;Ana;ana@example.com;;Bob Ray\n";
const CHANGED: &str = "Employee #;Last Name;First Name;Work Email;Job Title;Supervisor\n\
    101;Korhonen;Aino;aino@example.com;=CEO();\n102;Ray;Bob;bob@example.com;Lead|Owner;\n\
    103;Smith;Ann;ann@example.com;;Aino Korhonen\n105;Lee;Cho;cho@example.com;;Bob Ray\n";

#[track_caller]
fn import(fixture: &ImportFixture, text: &str, options: &[&str]) -> Outcome {
    let file = fixture.write("people.csv", text);
    fixture.run(&[&["import", "--format", "csv", "--users", &file], options].concat())
}

/// The lines of a table, with single spaces.
fn table(outcome: &Outcome) -> Vec<String> {
    outcome.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// The lines of a report, without the file.
fn report(path: &str, file: &str) -> Vec<String> {
    let text = fs::read_to_string(path).expect("the report");
    let text = text.strip_prefix('\u{FEFF}').expect("a byte order mark");
    let lines = text.strip_suffix("\r\n").expect("line ends").split("\r\n");
    lines.map(|line| line.strip_suffix(file).unwrap_or(line).to_owned()).collect()
}

#[test]
fn a_dry_run_of_a_sync_is_a_table_of_everything_that_changes() {
    for fixture in ImportFixture::all() {
        import(&fixture, PEOPLE, &[]).expect(0);
        let before = fixture.export();
        let options = ["--sync", "--missing", "disable", "--max-changes", "9", "--dry-run"];
        let dry = import(&fixture, CHANGED, &options).expect(0);
        let expected = [
            "LINE WHAT WHO",
            "2 changed Aino Korhonen (aino@example.com) Job Title: CEO → =CEO()",
            "3 changed Bob Ray (bob@example.com) Job Title: Lead → Lead | Owner",
            "5 created Cho Lee (cho@example.com)",
            "5 created Cho Lee (cho@example.com) Supervisor: (none) → Bob Ray (bob@example.com)",
            "3 deleted Bob Ray (bob@example.com) Supervisor: Aino Korhonen (aino@example.com) → (none)",
            "4 moved Ann Smith (ann@example.com) Supervisor: Bob Ray (bob@example.com) → Aino Korhonen (aino@example.com)",
            "disabled Ana Lima (ana@example.com) is-enabled: true → false",
        ];
        assert_eq!(table(&dry), expected);
        assert_eq!(counts(&dry), [[1, 2, 1, 0], [1, 1, 0, 0]]);
        assert!(fixture.export() == before);
        let rejected = import(
            &fixture,
            "email,First Name,Supervisor\nbad,,\nann@example.com,,x@example.com\n",
            &["--sync", "--dry-run"],
        );
        let rejected = rejected.expect(1);
        let lines = table(&rejected);
        assert!(lines[1].starts_with("2 rejected `email`: must be a valid e-mail address"), "{lines:?}");
        assert!(lines[1].ends_with("; got `bad`") && rejected.stderr.contains("line 2: `email`: "), "{lines:?}");
        assert_eq!(lines[2], "3 rejected `Supervisor`: no user has this e-mail address; got `x@example.com`");
        assert_eq!((lines.len(), fixture.export() == before), (6, true));
        let note = "unless one of the rejected lines is about this user";
        assert!(lines[3..].iter().all(|line| line.starts_with("missing ") && line.ends_with(note)), "{lines:?}");
    }
}

#[test]
fn a_dry_run_without_sync_is_a_table_as_well() {
    for fixture in ImportFixture::all() {
        import(&fixture, PEOPLE, &[]).expect(0);
        let before = fixture.export();
        let dry = import(&fixture, CHANGED, &["--dry-run"]).expect(0);
        let expected = [
            "LINE WHAT WHO",
            "2 changed Aino Korhonen (aino@example.com) Job Title: CEO → =CEO()",
            "3 changed Bob Ray (bob@example.com) Job Title: Lead → Lead | Owner",
            "5 created Cho Lee (cho@example.com)",
            "4 created Ann Smith (ann@example.com) Supervisor: (none) → Aino Korhonen (aino@example.com)",
            "5 created Cho Lee (cho@example.com) Supervisor: (none) → Bob Ray (bob@example.com)",
        ];
        assert_eq!(table(&dry), expected);
        assert!(fixture.export() == before);
        assert_eq!(import(&fixture, PEOPLE, &["--dry-run"]).expect(0).stdout, "");
    }
}

#[test]
fn a_report_has_the_rows_of_a_dry_run_and_of_the_run() {
    for fixture in ImportFixture::all() {
        import(&fixture, PEOPLE, &[]).expect(0);
        let (file, path) = (fixture.path("people.csv").display().to_string(), fixture.path("report.csv"));
        let path = path.display().to_string();
        let options = ["--sync", "--missing", "disable", "--max-changes", "9", "--report", &path];
        let mut expected = vec![
            "line,outcome,subject,column,before,after,problem,file",
            "2,changed,Aino Korhonen (aino@example.com),Job Title,CEO,'=CEO(),,",
            "3,changed,Bob Ray (bob@example.com),Job Title,Lead,Lead | Owner,,",
            "5,created,Cho Lee (cho@example.com),,,,,",
            "5,created,Cho Lee (cho@example.com),Supervisor,,Bob Ray (bob@example.com),,",
            "3,deleted,Bob Ray (bob@example.com),Supervisor,Aino Korhonen (aino@example.com),,,",
            "4,moved,Ann Smith (ann@example.com),Supervisor,Bob Ray (bob@example.com),Aino Korhonen (aino@example.com),,",
            ",disabled,Ana Lima (ana@example.com),is-enabled,true,false,,",
        ];
        expected.sort_unstable();
        for dry in [&["--dry-run"][..], &[]] {
            let outcome = import(&fixture, CHANGED, &[&options[..], dry].concat()).expect(0);
            assert_eq!(outcome.stdout.is_empty(), dry.is_empty());
            let mut lines = report(&path, &file);
            lines.sort_unstable();
            assert_eq!(lines, expected, "{dry:?}");
        }
        // Rejected rows, in an import without `--sync`, and in a first load.
        let text =
            "email,first-name,Supervisor\nbad;x,,\nnew@example.com,,no@example.com\nold@example.com,,new@example.com\n";
        let empty = fixture.another();
        for (fixture, options) in [(&fixture, &["--dry-run"][..]), (&fixture, &[]), (&empty, &[])] {
            import(fixture, text, &[&["--report", &path], options].concat()).expect(1);
            let lines = report(&path, &fixture.path("people.csv").display().to_string());
            assert!(lines.contains(&"3,created,new@example.com,,,,,".to_owned()), "{lines:?}");
            assert!(lines.contains(&"4,created,old@example.com,Supervisor,,new@example.com,,".to_owned()), "{lines:?}");
            let rejected = "3,rejected,,Supervisor,,no@example.com,`Supervisor`: no user has this e-mail address";
            assert!(
                lines
                    .iter()
                    .any(|line| line.starts_with(rejected) || line.starts_with(&rejected.replace(",`", ",\"`"))),
                "{lines:?}"
            );
            assert!(
                lines.iter().any(|line| line.starts_with("2,rejected,,email,,\"bad;x\",\"`email`: must be")),
                "{lines:?}"
            );
            fixture.run(&["check"]).expect(0);
        }
    }
}

#[test]
fn a_report_never_replaces_an_input() {
    for fixture in ImportFixture::all() {
        let file = fixture.write("people.csv", PEOPLE);
        let other = fixture.path("./people.csv").display().to_string();
        let mapping = fixture.write("mapping.yml", "Notes: \"-\"\n");
        for report in [&file, &other, &mapping] {
            let options = ["--mapping", &mapping, "--ignore-unknown", "--report", report];
            let outcome = import(&fixture, PEOPLE, &options).expect(2);
            assert!(outcome.stderr.contains("is an input; name another file"), "{}", outcome.stderr);
        }
        assert!(import(&fixture, PEOPLE, &["--report", "-"]).expect(2).stderr.contains("needs the name of a file"));
        let outcome = import(&fixture, PEOPLE, &["--report", "/nowhere/report.csv"]).expect(1);
        assert!(outcome.stderr.contains("/nowhere/report.csv` cannot be written"), "{}", outcome.stderr);
        assert_eq!(fs::read_to_string(&file).expect("the file"), PEOPLE);
        assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM users"), 0, "nothing is written before");
    }
}

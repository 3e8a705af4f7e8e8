//! `import --sync`: whom a line is about, what a file may have by mistake, and all faults of a row.

use crate::support::import::{ImportFixture, counts};
use crate::support::process::Outcome;

const STAFF: &str = "Employee #,Work Email,First Name,Supervisor\nE1,ann@example.com,Ann,\nE2,bob@example.com,Bob,E1\n\
    E3,cho@example.com,Cho,E1\n";
const CHANGES: &str = "SELECT COUNT(*) AS number FROM changes";
const USERS: &str = "SELECT COUNT(*) AS number FROM users";

#[track_caller]
fn sync(fixture: &ImportFixture, text: &str, options: &[&str]) -> Outcome {
    let file = fixture.write("people.csv", text);
    let import = ["import", "--format", "csv", "--users", &file, "--sync", "--max-changes", "100%"];
    fixture.run(&[&import[..], options].concat())
}

/// Runs a file that is refused before the first write, with these messages.
#[track_caller]
fn assert_refused(fixture: &ImportFixture, text: &str, messages: &[&str]) {
    let before = (fixture.export_all(), fixture.number(CHANGES));
    let outcome = sync(fixture, text, &["--missing", "disable"]).expect(1);
    for message in messages {
        assert!(outcome.stderr.contains(message), "{message} is not in: {}", outcome.stderr);
    }
    assert!((fixture.export_all(), fixture.number(CHANGES)) == before);
}

fn with_rules(rules: &[&str]) -> Vec<ImportFixture> {
    let fixtures = ImportFixture::all();
    for fixture in &fixtures {
        fixture.run(&[&["type", "set", "subordinate"][..], rules].concat()).expect(0);
    }
    fixtures
}

#[test]
fn the_alt_id_decides_who_a_row_is() {
    for fixture in ImportFixture::all() {
        sync(&fixture, STAFF, &[]).expect(0);
        let id = |email: &str| fixture.number(&format!("SELECT id AS number FROM users WHERE email = '{email}'"));
        let ann = id("ann@example.com");
        // Ann has a new name and address, and Dan is new.
        let changed = "Employee #,Work Email,First Name,Supervisor\nE4,dan@example.com,Dan,ann.lee@example.com\n\
            E2,bob@example.com,Bob,ann.lee@example.com\nE3,cho@example.com,Cho,\nE1,ann.lee@example.com,Anna,\n";
        let preview = sync(&fixture, changed, &["--missing", "disable", "--dry-run"]).expect(0);
        assert!(preview.stdout.contains("Work Email: ann@example.com → ann.lee@example.com"), "{}", preview.stdout);
        let outcome = sync(&fixture, changed, &["--missing", "disable"]).expect(0);
        assert_eq!(counts(&outcome), [[1, 1, 2, 0], [1, 0, 1, 0]]);
        assert!(outcome.stderr.contains("0 missing users disabled"), "{}", outcome.stderr);
        assert_eq!((id("ann.lee@example.com"), fixture.number(USERS)), (ann, 4));
        let changes = fixture.number(CHANGES);
        let again = sync(&fixture, changed, &["--missing", "disable"]).expect(0);
        assert_eq!((counts(&again), fixture.number(CHANGES)), ([[0, 0, 4, 0], [0, 0, 2, 0]], changes));
        fixture.assert_no_drift();
    }
}

#[test]
fn an_address_that_a_file_replaces_names_no_user() {
    for fixture in ImportFixture::all() {
        sync(&fixture, STAFF, &[]).expect(0);
        let text = "Employee #,Work Email,Supervisor\nE1,ann.lee@example.com,\nE2,bob@example.com,ann@example.com\n";
        assert_refused(
            &fixture,
            text,
            &["line 3: `Supervisor`: no user has this e-mail address; got `ann@example.com`"],
        );
    }
}

#[test]
fn an_alt_id_and_an_address_of_two_users_are_an_error() {
    for fixture in ImportFixture::all() {
        sync(&fixture, STAFF, &[]).expect(0);
        let text = "Employee #,Work Email\nE1,bob@example.com\nE3,cho@example.com\n";
        let conflict = "line 2: `Employee #`: `E1` is that of Ann (ann@example.com) (user 1), and the e-mail address \
            `bob@example.com` is that of Bob (bob@example.com) (user 2); correct the line";
        assert_refused(&fixture, text, &[conflict, "nothing is written, because 1 line was rejected"]);
    }
}

#[test]
fn two_rows_of_one_user_are_an_error_in_any_order() {
    for fixture in ImportFixture::all() {
        sync(&fixture, STAFF, &[]).expect(0);
        let head = "Employee #,Work Email,First Name\n";
        let renamed = "E1,ann.lee@example.com,Ann\n";
        // A new employee, and a row without a number, have the address that Ann gives up.
        for other in ["E9,ann@example.com,Zoe\n", ",ann@example.com,\n", ",ann@example.com,Zoe\n"] {
            for rows in [[renamed, other], [other, renamed]] {
                let message = "line 3: `Work Email`: line 2 has the same person with other values";
                let text = format!("{head}{}", rows.concat());
                assert_refused(&fixture, &text, &[message]);
                assert_refused(&fixture, &text.replace('\n', "\r"), &[message]);
            }
        }
        let twice = format!("{head}E8,yan@example.com,Yan\nE8,zoe@example.com,Zoe\n");
        let message =
            "line 3: `Employee #`: line 2 has it for another e-mail address; keep one of the two lines; got `E8`";
        assert_refused(&fixture, &twice, &[message.trim_end_matches("; got `E8`")]);
    }
}

#[test]
fn an_alt_id_of_several_users_needs_an_address() {
    for fixture in ImportFixture::all() {
        sync(&fixture, STAFF, &[]).expect(0);
        fixture.import("{\"type\":\"user\",\"email\":\"ann.old@example.com\",\"alt-id\":\"E1\"}\n", &[]).expect(0);
        let text = "Employee #,Work Email\nE1,ann.lee@example.com\n";
        let message = "line 2: `Employee #`: `E1` is that of Ann (ann@example.com) (user 1), ann.old@example.com (user 4), \
            and none of them has the e-mail address `ann.lee@example.com`";
        assert_refused(&fixture, text, &[message]);
        let known = "Employee #,Work Email,First Name\nE1,ann.old@example.com,Old\n";
        assert_eq!(counts(&sync(&fixture, known, &[]).expect(0))[0], [0, 1, 0, 0]);
    }
}

#[test]
fn without_sync_the_address_decides_who_a_row_is() {
    for fixture in ImportFixture::all() {
        sync(&fixture, STAFF, &[]).expect(0);
        let file = fixture.write("people.csv", "Employee #,Work Email\nE1,ann.lee@example.com\n");
        let outcome = fixture.run(&["import", "--format", "csv", "--users", &file]).expect(0);
        assert_eq!((counts(&outcome)[0], fixture.number(USERS)), ([1, 0, 0, 0], 4));
    }
}

/// Ann and Bob are each other's supervisors, and three people form a ring; Fay is below them.
const RINGS: &str = "Work Email,Supervisor\nann@example.com,bob@example.com\nbob@example.com,ann@example.com\n\
    cho@example.com,dan@example.com\ndan@example.com,eve@example.com\neve@example.com,cho@example.com\n\
    fay@example.com,ann@example.com\n";

#[test]
fn rings_that_no_rule_forbids_are_warnings_before_the_first_write() {
    for fixture in with_rules(&["--acyclic", "false"]) {
        let ring = "lead back to their start: cho@example.com → dan@example.com → eve@example.com → cho@example.com";
        // The second run changes nothing.
        for options in [&["--dry-run"][..], &[], &[]] {
            let report = fixture.path("report.csv").display().to_string();
            let outcome = sync(&fixture, RINGS, &[options, &["--report", &report]].concat()).expect(0);
            let warnings: Vec<_> = outcome.stderr.lines().filter(|line| line.contains(": warning: ")).collect();
            let places: Vec<_> =
                warnings.iter().filter_map(|line| line.split_once(':')).map(|(place, _)| place).collect();
            assert_eq!(places, ["line 2", "line 3", "line 4", "line 5", "line 6"], "{}", outcome.stderr);
            assert!(
                warnings[2].contains(ring) && warnings[2].contains("no rule of the type forbids it"),
                "{warnings:?}"
            );
            let report = std::fs::read_to_string(report).expect("the report");
            assert_eq!(report.matches(",warning,").count(), 5, "{report}");
            assert!(report.contains("2,warning,ann@example.com,Supervisor,,bob@example.com,"), "{report}");
            assert_eq!(outcome.stdout.contains("warning"), options == ["--dry-run"]);
        }
        assert_eq!(fixture.named_edges().len(), 6);
    }
}

#[test]
fn rings_of_an_acyclic_type_are_errors() {
    for fixture in with_rules(&["--acyclic", "true"]) {
        let ring = "line 2: ann@example.com: `subordinate` relationships may form no cycle, and these lead back to their \
            start: ann@example.com → bob@example.com → ann@example.com";
        assert_refused(&fixture, RINGS, &[ring, "line 6: eve@example.com", "5 lines were rejected"]);
    }
}

#[test]
fn a_symmetric_type_has_no_rings() {
    for fixture in ImportFixture::all() {
        fixture.run(&["type", "set", "friend", "--create", "--symmetric", "true"]).expect(0);
        let outcome = sync(&fixture, RINGS, &["--map", "Supervisor=friend"]).expect(0);
        assert!(!outcome.stderr.contains("warning"), "{}", outcome.stderr);
    }
}

#[test]
fn all_faults_of_a_row_are_named() {
    let text = "id,Work Email,is-enabled,unit,access-level,Supervisor\n,ann@example.com,true,a,user,\n\
        0,bob@,maybe,\"[\"\"\",none,zoe@example.com\n,cho@example.com,maybe,,user,ann@example.com\n";
    let faults =
        ["`id`: ", "`Work Email`: ", "`is-enabled`: ", "`unit`: ", "`access-level`: ", "`Supervisor`: no user has"];
    for fixture in ImportFixture::all() {
        let file = fixture.write("people.csv", text);
        for options in [&["--sync"][..], &["--dry-run"], &[]] {
            let import = ["import", "--format", "csv", "--users", &file];
            let outcome = fixture.run(&[&import[..], options].concat()).expect(1);
            for fault in faults {
                let is_named = outcome.stderr.lines().any(|line| line.starts_with("line 3: ") && line.contains(fault));
                assert!(is_named, "{fault}: {}", outcome.stderr);
            }
            assert!(
                outcome.stderr.contains("got `zoe@example.com`") && outcome.stderr.contains("2 lines were rejected")
            );
            assert_eq!(
                outcome.stderr.lines().filter(|line| line.starts_with("line 4: ")).count(),
                1,
                "{}",
                outcome.stderr
            );
        }
    }
}

#[test]
fn all_faults_of_a_line_are_named() {
    for fixture in ImportFixture::all() {
        let lines = "{\"type\":\"user-relationship\",\"user\":77,\"target\":\"email:zoe@example.com\",\"relationship\":\"unknown\",\
            \"created-at\":\"2999-01-01T00:00:00Z\"}\n\
            {\"type\":\"group-member\",\"member-type\":\"m\",\"group\":5,\"user\":77,\"created-at\":\"2999-01-01T00:00:00Z\"}\n";
        let outcome = fixture.import(lines, &[]).expect(1);
        for fault in
            ["1: `created-at`", "1: `user`: there is no user 77", "1: `target`: no user", "1: `relationship`: there is"]
        {
            assert!(outcome.stderr.contains(&format!("line {fault}")), "{fault}: {}", outcome.stderr);
        }
        for fault in ["2: `created-at`", "2: `user`: there is no user 77", "2: `group`: there is no group 5"] {
            assert!(outcome.stderr.contains(&format!("line {fault}")), "{fault}: {}", outcome.stderr);
        }
        assert!(outcome.stderr.contains("2 lines were rejected"), "{}", outcome.stderr);
    }
}

#[test]
fn a_preview_with_a_rejected_row_lists_who_may_be_missing() {
    for fixture in ImportFixture::all() {
        sync(&fixture, STAFF, &[]).expect(0);
        let text = "Employee #,Work Email\nE1,ann@example.com\nE2,bob@\n";
        let preview = sync(&fixture, text, &["--missing", "disable", "--dry-run"]).expect(1);
        for email in ["bob@example.com", "cho@example.com"] {
            let row = preview.stdout.lines().find(|row| row.contains("missing") && row.contains(email));
            let note = "unless one of the rejected lines is about this user";
            assert!(row.is_some_and(|row| row.contains(note)), "{}", preview.stdout);
        }
        assert!(!preview.stdout.contains("disabled"), "{}", preview.stdout);
    }
}

#[test]
fn sync_accepts_types_and_applies_their_rules() {
    let kind = |rules: &str| format!("{{\"type\":\"relationship-type\",\"id\":\"boss\",\"is-acyclic\":true{rules}}}\n");
    let user = |name: &str| format!("{{\"type\":\"user\",\"email\":\"{name}@example.com\"}}\n");
    let edge = |user: &str, target: &str| {
        let ends = format!("\"user\":\"email:{user}@example.com\",\"target\":\"email:{target}@example.com\"");
        format!("{{\"type\":\"user-relationship\",{ends},\"relationship\":\"boss\"}}\n")
    };
    for fixture in ImportFixture::all() {
        let sync = |lines: &str, options: &[&str]| {
            let file = fixture.write("lines.ndjson", lines);
            fixture.run(&[&["import", &file, "--sync", "--max-changes", "100%"][..], options].concat())
        };
        let users = ["ann", "bob", "cho"].map(user).concat();
        let lines = [kind(""), users.clone(), edge("bob", "ann"), edge("cho", "ann"), edge("cho", "bob")].concat();
        let preview = sync(&lines, &["--dry-run"]).expect(0);
        assert!(preview.stderr.contains("relationship types: would be: 1 added"), "{}", preview.stderr);
        let outcome = sync(&lines, &[]).expect(0);
        assert!(outcome.stderr.contains("relationship types: 1 added, 0 changed, 0 unchanged"), "{}", outcome.stderr);
        assert_eq!(counts(&outcome), [[3, 0, 0, 0], [3, 0, 0, 0]]);
        let again = sync(&lines, &[]).expect(0);
        assert!(again.stderr.contains("relationship types: 0 added, 0 changed, 1 unchanged"), "{}", again.stderr);
        // The new rules decide on the relationships of the same file.
        let ring = [kind(""), users.clone(), edge("ann", "cho"), edge("cho", "ann")].concat();
        assert!(sync(&ring, &[]).expect(1).stderr.contains("may form no cycle"));
        let relaxed = ring.replace("\"is-acyclic\":true", "\"is-acyclic\":false");
        let outcome = sync(&relaxed, &[]).expect(0);
        assert!(outcome.stderr.contains("relationship types: 0 added, 1 changed, 0 unchanged"), "{}", outcome.stderr);
        assert_eq!(fixture.named_edges().len(), 2);
        let group = "{\"type\":\"group\",\"id\":1,\"group-type\":\"team\"}\n";
        let outcome = sync(group, &[]).expect(1);
        assert!(outcome.stderr.contains("line 1: groups and members are not synchronized"), "{}", outcome.stderr);
        fixture.assert_no_drift();
    }
}

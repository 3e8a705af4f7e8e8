//! The limits that operators meet: of commands, of files and of logs.

use std::fs;

use user_relationships::auth::keyset::{KeyFormat, KeySource};

use super::{Asserts, Checks, Setup, Test};
use crate::support::process::{Outcome, run};
use crate::support::{App, forms};

/// The beginning of a form file.
const FORM: &str = "name: f\nresource: User\nconfiguration:\n";

#[rustfmt::skip]
pub const CHECKS: Checks = &[
    ("bytes of a value in a log line", Test("logs", "the_log_line_of_any_request_is_short")),
    ("bytes of a log line of text", Test("src", "a_line_over_the_limit_is_cut_and_not_dropped")),
    ("bytes of log lines that wait to be read", Test("logs", "a_slow_log_reader_does_not_delay_requests")),
    ("bytes of a line of an import", Asserts(Setup::DEFAULT, |app, most| {
        let line = |email: &str, size: usize| {
            let start = format!(r#"{{"type":"user","email":"{email}""#);
            format!("{start}{}}}\n", " ".repeat(size - start.len() - 1))
        };
        let outcome = import(app, &[], &(line("within@example.com", most) + &line("beyond@example.com", most + 1)));
        assert_second_line_is_rejected(&outcome, "the line is longer than");
    })),
    ("seconds that a time in an import may be in the future",
     Test("transfer_values", "times_in_the_future_are_rejected_with_line_and_member")),
    ("bytes of a resource of an imported document",
     Test("src", "a_text_that_is_no_document_is_an_error_with_its_line")),
    ("characters of the type of an imported group or member", Asserts(Setup::DEFAULT, |app, most| {
        let line = |id: usize, chars: usize| {
            format!("{{\"type\":\"group\",\"id\":{id},\"group-type\":\"{}\"}}\n", "ä".repeat(chars))
        };
        let outcome = import(app, &[], &(line(1, most) + &line(2, most + 1)));
        assert!(outcome.stderr.contains("line 2: `group-type`: must be a string of 1 to"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("groups: 1 added, 0 changed, 0 unchanged, 1 rejected"), "{}", outcome.stderr);
    })),
    ("members of a line of an import", Asserts(Setup::DEFAULT, |app, most| {
        let line = |email: &str, members: usize| {
            // Unknown members would be rejected for their names, and repeated ones for that.
            let more = vec![r#""phone":["1"]"#; members - 2].join(",");
            format!("{{\"type\":\"user\",\"email\":\"{email}\",{more}}}\n")
        };
        let outcome = import(app, &[], &(line("within@example.com", most) + &line("beyond@example.com", most + 1)));
        assert!(outcome.stderr.contains("line 1: `phone` is a duplicate"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("line 2: the object has more than"), "{}", outcome.stderr);
    })),
    (
        "relationships of types with rules that a first load keeps in memory",
        Test("src", "a_load_that_remembers_too_much_continues_in_batches"),
    ),
    (
        "deletions and disablings of `import --sync`, in percent of the users concerned",
        Test("import_sync_missing", "too_many_changes_stop_a_sync_before_anything_is_written"),
    ),
    ("age of a change in the change log", Test("change_retention", "old_changes_are_pruned_in_order_and_move_the_horizon")),
    ("columns of a row of an import", Asserts(Setup::DEFAULT, |app, most| {
        let row = |email: &str, columns: usize| format!("{email}{}\n", ",".repeat(columns - 1));
        let rows = "email\n".to_owned() + &row("within@example.com", 1) + &row("beyond@example.com", most + 1);
        let outcome = import(app, &["--format", "csv", "--users"], &rows).expect(1);
        assert!(outcome.stderr.contains("line 3: the row is longer than"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("users: 1 added"), "{}", outcome.stderr);
    })),
    ("bytes of a file with a mapping of columns", Asserts(Setup::DEFAULT, |app, most| {
        let folder = tempfile::tempdir().expect("a folder");
        let mapping = folder.path().join("map.yml");
        let import_with = |size: usize| {
            let start = "E-Mail: email\n#";
            fs::write(&mapping, start.to_owned() + &"x".repeat(size - start.len())).expect("a file");
            import(app, &["--mapping", mapping.to_str().expect("a path"), "--format", "csv", "--users"], "email\n")
        };
        import_with(most).expect(0);
        assert!(import_with(most + 1).expect(1).stderr.contains("at most 65536 bytes"));
    })),
    (
        "bytes of a people file from a pipe that is kept to be read again",
        Test("src", "a_pipe_that_is_too_long_is_not_kept"),
    ),
    ("bytes of a file with keys for JWTs", Asserts(Setup::DEFAULT, |_, most| {
        let folder = tempfile::tempdir().expect("a folder");
        let read = |size: usize| {
            let path = folder.path().join("secret");
            fs::write(&path, "x".repeat(size)).expect("a file");
            KeySource::File(KeyFormat::Secret, path).read().map(drop)
        };
        assert_eq!(read(most), Ok(()));
        assert!(read(most + 1).expect_err("too large").contains("a key file has at most"));
    })),
    ("characters of the name of a token", Asserts(Setup::DEFAULT, |app, most| {
        let url = app.home().text();
        run(&url, &["user", "add", "--email", "ann@example.com"]).expect(0);
        let create = |size: usize| run(&url, &["token", "create", "--user", "ann@example.com", "--name", &"é".repeat(size)]);
        create(most).expect(0);
        let refused = create(most + 1).expect(2);
        assert!(refused.stderr.contains("at most 255 characters"), "{}", refused.stderr);
    })),
    ("form files", Asserts(Setup::DEFAULT, |_, most| {
        let load = |number: usize| {
            let names: Vec<_> = (0..number).map(|n| format!("{n}.yml")).collect();
            let texts: Vec<_> = (0..number).map(|n| FORM.replace("name: f", &format!("name: f{n}")) + "  email: {}").collect();
            let files: Vec<_> = names.iter().zip(&texts).map(|(name, text)| (name.as_str(), text.as_str())).collect();
            forms::load(&files).map(drop)
        };
        assert_eq!(load(most), Ok(()));
        assert!(load(most + 1).expect_err("too many")[0].contains("the folder has more than"));
    })),
    ("bytes of a form file", Asserts(Setup::DEFAULT, |_, most| {
        let load = |size: usize| {
            let form = format!("{FORM}  email: {{}}\n#");
            load(&format!("{form}{}", "x".repeat(size - form.len())))
        };
        assert_eq!(load(most), Ok(()));
        assert!(load(most + 1).expect_err("too large")[0].contains("the file is larger than"));
    })),
    ("levels of a form file", Asserts(Setup::DEFAULT, |_, most| {
        // A form does not have that many, so a shallower file is refused for another reason.
        let nested = |levels: usize| load(&format!("a: {}{}", "[".repeat(levels - 1), "]".repeat(levels - 1)));
        assert!(!is_too_large(&nested(most)), "{:?}", nested(most));
        assert!(is_too_large(&nested(most + 1)), "{:?}", nested(most + 1));
    })),
    ("values of a form file", Asserts(Setup::DEFAULT, |_, most| {
        let list = |values: usize| load(&format!("a: [{}]", "1,".repeat(values)));
        // Keys, lists and the document count, too.
        assert!(!is_too_large(&list(most - 100)));
        assert!(is_too_large(&list(most + 1)));
    })),
    ("documents of a form file", Asserts(Setup::DEFAULT, |_, most| {
        let documents = |number: usize| {
            let texts: Vec<_> = (0..number).map(|n| FORM.replace("name: f", &format!("name: f{n}")) + "  email: {}\n").collect();
            load(&texts.join("---\n"))
        };
        assert_eq!(documents(most), Ok(()));
        assert!(is_too_large(&documents(most + 1)), "{:?}", documents(most + 1));
    })),
    ("characters of a regular expression in a form", Asserts(Setup::DEFAULT, |_, most| {
        let load = |size: usize| {
            let field = format!("email: {{ validation: {{ format: {{ with: '{}' }} }} }}", "a".repeat(size));
            load(&format!("{FORM}  {field}"))
        };
        assert_eq!(load(most), Ok(()));
        assert!(load(most + 1).is_err());
    })),
];

/// The result of an import of one file.
fn import(app: &App, options: &[&str], text: &str) -> Outcome {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("lines");
    fs::write(&file, text).expect("a file");
    run(&app.home().text(), &[&["import"], options, &[&file.display().to_string()]].concat())
}

fn assert_second_line_is_rejected(outcome: &Outcome, reason: &str) {
    assert!(outcome.stderr.contains(&format!("line 2: {reason}")), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("users: 1 added"), "{}", outcome.stderr);
}

/// The problems of one form file.
fn load(text: &str) -> Result<(), Vec<String>> {
    forms::load(&[("a.yml", text)]).map(drop)
}

fn is_too_large(loaded: &Result<(), Vec<String>>) -> bool {
    loaded.as_ref().is_err_and(|problems| problems[0].contains("the file is too large or too deeply nested"))
}

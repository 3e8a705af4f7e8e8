//! `import --sync`: missing users, limits, refusals and interruptions.

use std::collections::{HashMap, HashSet};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::both;
use crate::support::import::ImportFixture;
use crate::support::json;
use crate::support::process::{Outcome, finish, program, run};
use crate::support::sql::Raw;

const PEOPLE: &str = "alt-id,email,access-level,Supervisor\n1,ann@example.com,admin,\n2,bob@example.com,user,ann@example.com\n\
    3,cho@example.com,user,bob@example.com\n4,dan@example.com,user,bob@example.com\n,eve@example.com,user,ann@example.com\n";
const ENABLED: &str = "SELECT email AS line FROM users WHERE is_enabled ORDER BY email";
const EDGES: &str = "SELECT COUNT(*) AS number FROM user_relationships";

fn make_tree(fixture: &ImportFixture) {
    fixture.run(&["type", "set", "subordinate", "--acyclic", "true", "--max-per-user", "1"]).expect(0);
}

#[track_caller]
fn sync(fixture: &ImportFixture, text: &str, options: &[&str]) -> Outcome {
    let file = fixture.write("people.csv", text);
    fixture.run(&[&["import", "--format", "csv", "--users", &file, "--sync"], options].concat())
}

fn enabled(fixture: &ImportFixture) -> String {
    let names = Raw::connect(&fixture.home.url()).lines(ENABLED);
    names.iter().map(|email| email.split('@').next().unwrap_or_default()).collect::<Vec<_>>().join(" ")
}

/// Only Ann is left.
const LEFT: &str = "alt-id,email\n1,ann@example.com\n";

#[test]
fn missing_users_are_listed_disabled_or_ignored() {
    for fixture in ImportFixture::all() {
        sync(&fixture, PEOPLE, &[]).expect(0);
        for (options, listed) in [(&[][..], 3), (&["--missing", "report"], 3), (&["--missing", "keep"], 0)] {
            let report = fixture.path("report.csv").display().to_string();
            let outcome = sync(&fixture, LEFT, &[options, &["--report", &report]].concat()).expect(0);
            assert!(outcome.stderr.contains(&format!("0 missing users disabled, {listed} listed")), "{outcome:?}");
            let lines = outcome.stderr.lines().filter(|line| line.starts_with("not in the files: ")).count();
            assert_eq!((lines, outcome.stderr.contains(": cho@example.com is missing")), (listed, listed == 3));
            let report = std::fs::read_to_string(report).expect("the report");
            assert_eq!(report.matches(",missing,").count(), listed);
            assert_eq!(report.contains(",missing,cho@example.com,"), listed == 3, "{report}");
            assert!(!report.contains("eve@"), "Eve has no alt-id: {report}");
            assert_eq!(enabled(&fixture), "ann bob cho dan eve");
        }
        let disable = ["--missing", "disable", "--max-changes", "3"];
        let outcome = sync(&fixture, LEFT, &disable).expect(0);
        assert!(outcome.stderr.contains("3 missing users disabled, 0 listed"), "{outcome:?}");
        assert_eq!(enabled(&fixture), "ann eve");
        assert_eq!(fixture.number(EDGES), 4, "the file has no column for relationships");
        let before = fixture.export();
        let again = sync(&fixture, LEFT, &disable).expect(0);
        assert!(again.stderr.contains("0 missing users disabled, 0 listed"), "{again:?}");
        assert!(fixture.export() == before);
        fixture.assert_no_drift();
    }
}

#[test]
fn the_last_admin_stays_enabled() {
    for fixture in ImportFixture::all() {
        sync(&fixture, PEOPLE, &[]).expect(0);
        let disable = ["--missing", "disable", "--max-changes", "100%"];
        let outcome = sync(&fixture, "alt-id,email\n2,bob@example.com\n", &disable).expect(0);
        assert!(outcome.stderr.contains("2 missing users disabled, 1 listed"), "{outcome:?}");
        assert_eq!(enabled(&fixture), "ann bob eve");
        // With another admin, even one without an alt-id, it is disabled.
        fixture.run(&["user", "set", "eve@example.com", "--access-level", "admin"]).expect(0);
        sync(&fixture, "alt-id,email\n2,bob@example.com\n", &disable).expect(0);
        assert_eq!(enabled(&fixture), "bob eve");
        fixture.assert_no_drift();
    }
}

both!(a_user_whom_a_sync_disables_is_refused_like_any_disabled_user, |app| {
    let (url, admin) = (app.home().text(), app.admin());
    let users = [app.user(), app.user()];
    for (user, alt_id) in users.iter().zip(["d1", "d2"]) {
        let data = json!({"type": "users", "id": user.id.to_string(), "attributes": {"alt-id": alt_id}});
        admin.patch(&format!("/api/v2/users/{}", user.id), &json!({"data": data})).expect(200);
    }
    run(&url, &["user", "set", &users[0].id.to_string(), "--disable"]).expect(0);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("people.csv");
    std::fs::write(&file, "email,alt-id\nnobody@example.com,x\n").expect("a file");
    let file = file.display().to_string();
    let options = ["--sync", "--missing", "disable", "--max-changes", "9"];
    run(&url, &[&["import", "--format", "csv", "--users", &file][..], &options].concat()).expect(0);
    let statuses = users.map(|user| user.get("/api/v2/users/me").status);
    assert_eq!(statuses[0], statuses[1]);
    assert!(statuses[0] == 401 || statuses[0] == 403, "{statuses:?}");
});

#[test]
fn a_supervisor_who_leaves_in_the_same_file_is_no_obstacle() {
    for fixture in ImportFixture::all() {
        make_tree(&fixture);
        sync(&fixture, PEOPLE, &[]).expect(0);
        let disable = ["--missing", "disable", "--max-changes", "100%", "--dry-run"];
        // Bob leaves. Cho moves to Ann; Dan's row still names Bob.
        let left = "alt-id,email,Supervisor\n1,ann@example.com,\n3,cho@example.com,ann@example.com\n\
                    4,dan@example.com,bob@example.com\n,eve@example.com,ann@example.com\n";
        for options in [&disable[..], &disable[..4]] {
            let report = fixture.path("report.csv").display().to_string();
            sync(&fixture, left, &[options, &["--report", &report]].concat()).expect(0);
            let report = std::fs::read_to_string(report).expect("the report");
            assert!(report.contains("3,moved,cho@example.com,Supervisor,bob@example.com,ann@example.com,"), "{report}");
            assert!(report.contains(",disabled,bob@example.com,is-enabled,true,false,"), "{report}");
            assert!(report.contains("line 4 names this user, who has no line"), "{report}");
        }
        assert_eq!((enabled(&fixture), fixture.number(EDGES)), ("ann cho dan eve".to_owned(), 4));
        fixture.assert_no_drift();
    }
}

#[test]
fn too_many_changes_stop_a_sync_before_anything_is_written() {
    for fixture in ImportFixture::all() {
        sync(&fixture, PEOPLE, &[]).expect(0);
        let before = fixture.export();
        // Two relationships go, one is replaced, and Dan is missing.
        let text = "alt-id,email,first-name,Supervisor\n1,ann@example.com,Anna,\n2,bob@example.com,,\n\
                    3,cho@example.com,,ann@example.com\n,eve@example.com,,\n";
        for (missing, limit, removals, is_allowed) in [
            ("keep", None, "2 relationships would be deleted and 0 users disabled, with 4 users concerned", false),
            (
                "disable",
                Some("2"),
                "2 relationships would be deleted and 1 user disabled, with 5 users concerned",
                false,
            ),
            ("disable", Some("59%"), "which is more than `--max-changes 59%`", false),
            ("disable", Some("60%"), "", true),
            ("disable", Some("3"), "", true),
            ("report", Some("2"), "", true),
        ] {
            let limit: Vec<_> = limit.iter().flat_map(|limit| ["--max-changes", *limit]).collect();
            let options = [&["--missing", missing][..], &limit].concat();
            if is_allowed {
                sync(&fixture, text, &[&options[..], &["--dry-run"]].concat()).expect(0);
            } else {
                let outcome = sync(&fixture, text, &options).expect(1);
                assert!(outcome.stderr.contains("nothing is written: "), "{outcome:?}");
                assert!(outcome.stderr.contains(removals), "{removals} in {}", outcome.stderr);
                let dry = sync(&fixture, text, &[&options[..], &["--dry-run"]].concat()).expect(1);
                assert!(dry.stderr.contains("nothing would be written: ") && dry.stdout.contains("deleted"), "{dry:?}");
            }
            assert!(fixture.export() == before, "{options:?}");
        }
        sync(&fixture, text, &["--missing", "disable", "--max-changes", "60%"]).expect(0);
        assert_eq!((enabled(&fixture), fixture.number(EDGES)), ("ann bob cho eve".to_owned(), 2));
        // A column that disables users counts as well.
        let text = "email,is-enabled\nbob@example.com,no\ncho@example.com,no\n";
        assert!(sync(&fixture, text, &[]).expect(1).stderr.contains("and 2 users disabled"));
        assert!(fixture.run(&["import", "-", "--sync", "--max-changes", "101%"]).expect(2).stderr.contains("101%"));
    }
}

#[test]
fn people_who_supervise_each_other_stop_a_sync_and_are_listed() {
    for fixture in ImportFixture::all() {
        make_tree(&fixture);
        sync(&fixture, PEOPLE, &[]).expect(0);
        let before = fixture.export();
        let text = "alt-id,email,first-name,Supervisor\n3,cho@example.com,Cho,dan@example.com\n\
                    4,dan@example.com,,cho@example.com\n9,new@example.com,,ann@example.com\n";
        let outcome = sync(&fixture, text, &[]).expect(1);
        for line in ["line 2: Cho (cho@example.com): ", "line 3: dan@example.com: "] {
            assert!(outcome.stderr.contains(line), "{line} in {}", outcome.stderr);
        }
        assert!(outcome.stderr.contains("dan@example.com → Cho (cho@example.com) → dan@example.com"), "{outcome:?}");
        assert!(outcome.stderr.contains("nothing is written, because 2 lines were rejected"), "{outcome:?}");
        let two = fixture.write(
            "edges.csv",
            "user,target,relationship\nalt-id:3,alt-id:1,subordinate\nalt-id:3,alt-id:4,subordinate\n",
        );
        let outcome = fixture.run(&["import", "--format", "csv", "--relationships", &two, "--sync"]).expect(1);
        assert!(outcome.stderr.contains("the files name 2 `subordinate` relationships of this user"), "{outcome:?}");
        assert!(fixture.export() == before);
    }
}

#[test]
fn a_row_that_others_made_impossible_is_rejected_and_the_next_run_finishes() {
    for fixture in ImportFixture::all().into_iter().filter(|fixture| fixture.home.file().is_some()) {
        make_tree(&fixture);
        sync(&fixture, &format!("{PEOPLE},zoe@example.com,user,\n"), &[]).expect(0);
        // Another writer, between the users and the relationships of the run.
        Raw::connect(&fixture.home.url()).run(
            "CREATE TRIGGER meanwhile AFTER INSERT ON users BEGIN INSERT INTO user_relationships \
             (user_id, target_id, type_id, created_at, updated_at) SELECT a.id, e.id, t.id, 0, 0 FROM users AS a, \
             users AS e, relationship_types AS t WHERE a.email LIKE 'ann@%' AND e.email LIKE 'zoe@%' AND \
             t.name = 'subordinate'; END",
        );
        let text = "alt-id,email,Supervisor\n1,ann@example.com,new@example.com\n4,dan@example.com,ann@example.com\n\
                    9,new@example.com,\n";
        let outcome = sync(&fixture, text, &[]).expect(1);
        assert!(outcome.stderr.contains("line 2: "), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("meanwhile; run the import again"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("1 user moved"), "{}", outcome.stderr);
        Raw::connect(&fixture.home.url()).run("DROP TRIGGER meanwhile");
        fixture.run(&["check", "--repair"]);
        sync(&fixture, text, &["--max-changes", "9"]).expect(0);
        assert_eq!(fixture.number(EDGES), 5);
        fixture.assert_no_drift();
    }
}

#[test]
fn a_sync_that_is_killed_at_any_time_is_finished_by_the_next() {
    const PEOPLE: usize = 900;
    for fixture in ImportFixture::all() {
        make_tree(&fixture);
        let file = |boss: &dyn Fn(usize) -> usize| {
            let email = |id: usize| format!("u{id}@example.com");
            let row = |id: usize| {
                let boss = boss(id);
                format!("{id},{},{}\n", email(id), if boss == id { String::new() } else { email(boss) })
            };
            format!("alt-id,email,Supervisor\n{}", (1..=PEOPLE).map(row).collect::<String>())
        };
        sync(&fixture, &file(&|id| (id / 9).max(1)), &[]).expect(0);
        let reversed = fixture.write("people.csv", file(&|id| PEOPLE - ((PEOPLE - id) / 9).min(PEOPLE - 1)));
        let options = ["import", "--format", "csv", "--users", &reversed, "--sync"];
        for delay in [60, 120, 180, 240, 300, 400, 500] {
            let mut command = program();
            command.env("DATABASE_URL", fixture.home.text()).args(options);
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
            thread::sleep(Duration::from_millis(delay));
            drop(child.kill());
            child.wait().expect("it ends");
            fixture.assert_no_drift();
        }
        let mut command = program();
        finish(
            command.env("DATABASE_URL", fixture.home.text()).args(options).stdout(Stdio::null()).stderr(Stdio::piped()),
        )
        .expect(0);
        let mut raw = Raw::connect(&fixture.home.url());
        let mut pairs = |question: &str| -> Vec<(usize, usize)> {
            let numbers = |line: String| line.split_once(' ').map(|(one, other)| (one.parse(), other.parse()));
            let pairs = raw.lines(question).into_iter().filter_map(numbers);
            pairs.map(|(one, other)| (one.expect("a number"), other.expect("a number"))).collect()
        };
        let alt_ids: HashMap<_, _> = pairs("SELECT id || ' ' || alt_id AS line FROM users").into_iter().collect();
        let bosses = pairs("SELECT user_id || ' ' || target_id AS line FROM user_relationships");
        for (user, boss) in &bosses {
            assert_eq!(alt_ids[boss], PEOPLE - (PEOPLE - alt_ids[user]) / 9, "{user} {boss}");
        }
        let users: HashSet<_> = bosses.iter().map(|(user, _)| user).collect();
        assert_eq!((bosses.len(), users.len()), (899, 899));
        fixture.assert_no_drift();
    }
}

//! `user-relationships changes`.

use std::io::{BufRead, BufReader};
use std::sync::mpsc::channel;
use std::thread;

use crate::both;
use crate::support::changes::{CHANGES, Log, Row};
use crate::support::process::{Guard, Outcome, PATIENCE, program, run};
use crate::support::{App, Value};

fn changes(app: &App, args: &[&str]) -> Outcome {
    run(&app.home().text(), &[&["changes"], args].concat())
}

/// The numbers of the printed changes.
fn ids(outcome: &Outcome) -> Vec<i64> {
    let id = |line: &str| {
        let change: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        change["id"].as_str().expect("an id").parse().expect("a number")
    };
    outcome.stdout.lines().map(id).collect()
}

both!(the_command_prints_what_the_feed_shows, |app| {
    let admin = app.admin();
    let first = Log::of(app).append_many(1_203);
    let printed = changes(app, &[]).expect(0);
    let all: Vec<_> = (1..first + 1_203).collect();
    assert_eq!(ids(&printed), all);
    let line: Value = serde_json::from_str(printed.stdout.lines().last().expect("a line")).expect("JSON");
    let shown = admin.get(&format!("{CHANGES}?sort=-id&page[size]=1")).expect(200);
    assert_eq!(line, shown.body["data"][0]);
    assert_eq!(printed.stderr, "");
});

both!(changes_are_selected_by_time_and_user, |app| {
    let (ann, bob) = (app.named("ann@example.com", "user"), app.user());
    let mut log = Log::of(app);
    let now = app.clock.now().micros() + 60_000_000;
    let first = log.append_at(
        &[
            Row::edge(0, 9_001, (bob.id, ann.id), "mentor", Some(bob.id)),
            Row::user(1, bob.id, "unit", bob.id),
            Row::user(1, ann.id, "unit", bob.id),
        ],
        now,
    );
    let own = [first, first + 2];
    let of =
        |args: &[&str]| ids(&changes(app, args).expect(0)).into_iter().filter(|id| *id >= first).collect::<Vec<_>>();
    assert_eq!(of(&["--user", "ann@example.com"]), own);
    assert_eq!(of(&["--user", &ann.id.to_string(), "--since", "1h"]), own);
    let at = user_relationships::model::time::Timestamp::from_micros(now);
    assert_eq!(ids(&changes(app, &["--since", &at.iso8601()]).expect(0)), [first, first + 1, first + 2]);
    let later = user_relationships::model::time::Timestamp::from_micros(now + 1);
    assert_eq!(changes(app, &["--since", &later.iso8601()]).expect(0).stdout, "");
});

both!(people_read_time_who_and_what, |app| {
    let (ann, bob) = (app.named("ann@example.com", "user"), app.named("bob@example.com", "user"));
    let mut log = Log::of(app);
    let at = 4_000_000_000_000_000;
    let retyped = Row {
        action: 1,
        subject_type: 0,
        columns: "subject_id, user_id, target_id, relationship, previous_relationship, edge_created_at, actor_id, reason",
        values: format!("9, {}, {}, 'mentor', 'colleague', 1, 987654, 1", ann.id, bob.id),
    };
    log.append_at(
        &[
            Row::edge(0, 9, (ann.id, bob.id), "mentor", Some(ann.id)),
            retyped,
            Row::edge(2, 9, (ann.id, bob.id), "mentor", None),
            Row::user(1, bob.id, "email unit", ann.id),
            Row { action: 0, subject_type: 2, columns: "relationship, changed", values: "'friend', 'name'".to_owned() },
            Row { action: 2, subject_type: 3, columns: "subject_id", values: "17".to_owned() },
            Row { action: 3, subject_type: 0, columns: "reason", values: "3".to_owned() },
        ],
        at,
    );
    let printed = changes(app, &["--since", "2096-01-01T00:00:00Z", "--format", "text"]).expect(0);
    let time = "2096-10-02T07:06:40.000000Z";
    let expected = [
        "ann@example.com\tcreated ann@example.com mentor bob@example.com",
        "user 987654\tupdated ann@example.com mentor bob@example.com, before: colleague (transfer)",
        "command line\tdeleted ann@example.com mentor bob@example.com",
        "ann@example.com\tupdated user bob@example.com: email, unit",
        "command line\tcreated relationship type friend: name",
        "command line\tdeleted group 17",
        "command line\tloaded many user-relationships (import)",
    ];
    let lines: Vec<_> = expected.iter().map(|line| format!("{time}\t{line}")).collect();
    assert_eq!(printed.stdout.lines().collect::<Vec<_>>(), lines);
});

both!(the_command_follows_changes_as_they_happen, |app| {
    let mut log = Log::of(app);
    let first = log.append_many(2);
    let mut command = program();
    command.env("DATABASE_URL", app.home().text()).args(["changes", "--follow"]);
    let mut child = Guard(command.spawn().expect("the program starts"));
    let (sender, receiver) = channel();
    let lines = BufReader::new(child.0.stdout.take().expect("a pipe")).lines();
    thread::spawn(move || lines.map_while(Result::ok).all(|line| sender.send(line).is_ok()));
    let until = |number: i64| loop {
        let line = receiver.recv_timeout(PATIENCE).expect("a line");
        let change: Value = serde_json::from_str(&line).expect("JSON");
        if change["id"].as_str() == Some(&number.to_string()) {
            return;
        }
    };
    until(first + 1);
    for _ in 0..2 {
        let next = log.append(&[Row::user(1, 5, "unit", 1)]);
        until(next);
    }
});

both!(the_command_says_what_is_wrong, |app| {
    for (args, word) in [
        (&["--since", "yesterday"][..], "2026-03-01T00:00:00Z"),
        (&["--since", "2026-03-01T00:00:00"], "offset"),
        (&["--since", "-1h"], ""),
        (&["--format", "xml"], "ndjson"),
    ] {
        let outcome = changes(app, args).expect(2);
        assert!(outcome.stderr.contains(word), "{}", outcome.stderr);
    }
    assert!(changes(app, &["--user", "nobody@example.com"]).expect(1).stderr.contains("there is no such user"));
    Log::of(app).raw().run("UPDATE change_log SET is_on = FALSE");
    assert!(changes(app, &[]).expect(1).stderr.contains("CHANGES_RETENTION"));
});

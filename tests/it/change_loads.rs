//! The first load of an import stores relationships without single changes: what readers of the feed and of the past see.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, Stdio};
use std::thread;
use std::time::Duration;

use user_relationships::clock::Clock;
use user_relationships::model::time::Timestamp;
use user_relationships::model::time_parser::parse_time;

use crate::support::changes::{CHANGES, cursor, link};
use crate::support::feed_copy::{copy_again, stored_copy};
use crate::support::graph::{EDGES, create};
use crate::support::import::{ImportFixture, lines, relation, user};
use crate::support::past::list;
use crate::support::process::{Guard, PATIENCE, Service, program, until};
use crate::support::sql::Raw;
use crate::support::{Answer, Client, Value, json};

/// What an import logs when it loads without single changes.
const BEGUN: &str = "the database has no relationships yet";

/// The lines of the users 1 to 4, of whom the first is an admin.
fn people() -> String {
    let mut people: Vec<_> = (1..=4).map(user).collect();
    people[0]["access-level"] = json!("admin");
    lines(&people)
}

/// The line of a relationship with its time of creation.
fn created(user: i64, target: i64, at: &str) -> Value {
    let mut line = relation(user, "mentor", target);
    line["created-at"] = json!(at);
    line
}

/// Imports users, and returns a token of the admin.
fn begin(fixture: &ImportFixture) -> String {
    fixture.import(&people(), &[]).expect(0);
    fixture.run(&["token", "create", "--user", "u1@example.com"]).expect(0).line().to_owned()
}

/// Imports relationships as a first load.
#[track_caller]
fn load(fixture: &ImportFixture, edges: &[Value]) {
    let loaded = fixture.import(&lines(edges), &[]).expect(0);
    assert!(loaded.stderr.contains(BEGUN), "{}", loaded.stderr);
}

/// Kills a service, and waits until PostgreSQL has closed its sessions: a first load must be alone.
fn kill(service: Service, fixture: &ImportFixture) {
    service.kill();
    if fixture.home.file().is_none() {
        let mut raw = Raw::connect(&fixture.home.url());
        let sessions = "SELECT COUNT(*) AS number FROM pg_stat_activity WHERE datname = current_database() \
                        AND application_name = 'user-relationships'";
        until("the sessions end", PATIENCE, || raw.number(sessions) == 0);
    }
}

fn now() -> i64 {
    Clock::System.now().micros()
}

fn micros(text: &str) -> i64 {
    parse_time(text).expect("a time").micros()
}

/// Asserts that the past is not shown at a moment, and returns the oldest one that is.
#[track_caller]
fn refused(admin: &Client, at: i64) -> i64 {
    let refused = admin.get(&list(1, at)).refused(400, "invalid-parameter");
    micros(refused.body["errors"][0]["meta"]["oldest"].as_str().expect("a time"))
}

#[test]
fn the_past_before_a_load_is_refused_if_edges_were_deleted() {
    for fixture in ImportFixture::all_direct() {
        let token = begin(&fixture);
        let service = Service::start(&fixture.home.text(), &[]);
        let admin = service.client(&token);
        let before = now();
        let deleted = create(&admin, 1, "mentor", 3).expect(201).id();
        let existed = now();
        assert_eq!(admin.get(&list(1, existed)).expect(200).ids(), [deleted]);
        admin.delete(&format!("{EDGES}/{deleted}")).expect(204);
        kill(service, &fixture);
        load(&fixture, &[created(1, 2, "2020-01-01T00:00:00Z"), created(1, 4, "2021-01-01T00:00:00Z")]);
        let service = Service::start(&fixture.home.text(), &[]);
        let admin = service.client(&token);
        for at in [micros("2020-06-01T00:00:00Z"), before, existed] {
            // The list would lack the deleted relationship.
            assert!(refused(&admin, at) > existed, "{}", Timestamp::from_micros(at).iso8601());
        }
        let oldest = refused(&admin, existed);
        for at in [oldest, now()] {
            assert_eq!(admin.get(&list(1, at)).expect(200).total(), 2);
        }
        // A further first load.
        for id in admin.get(EDGES).expect(200).ids() {
            admin.delete(&format!("{EDGES}/{id}")).expect(204);
        }
        kill(service, &fixture);
        load(&fixture, &[created(1, 2, "2020-01-01T00:00:00Z")]);
        let service = Service::start(&fixture.home.text(), &[]);
        assert!(refused(&service.client(&token), oldest) > oldest);
        assert_eq!(service.client(&token).get(&list(1, now())).expect(200).total(), 1);
    }
}

#[test]
fn a_load_that_failed_hides_no_past_of_the_next_one() {
    for fixture in ImportFixture::all_direct() {
        let token = begin(&fixture);
        let edges = [created(1, 2, "2020-01-01T00:00:00Z"), created(1, 4, "2021-01-01T00:00:00Z")];
        let failed =
            fixture.import(&lines(&[&edges[..], &[created(1, 99, "2021-01-01T00:00:00Z")]].concat()), &["--strict"]);
        assert!(failed.code == 1 && failed.stderr.contains(BEGUN), "{failed:?}");
        assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM user_relationships"), 0);
        load(&fixture, &edges);
        let service = Service::start(&fixture.home.text(), &[]);
        let admin = service.client(&token);
        let total = |at| admin.get(&list(1, at)).expect(200).total();
        assert_eq!((total(micros("2020-06-01T00:00:00Z")), total(micros("2021-06-01T00:00:00Z"))), (1, 2));
        assert_eq!(refused(&admin, micros("2019-06-01T00:00:00Z")), micros("2020-01-01T00:00:00Z"));
    }
}

#[test]
fn a_load_with_many_new_types_counts_from_the_creation_of_its_edges() {
    // More changes of the same transaction than the search for the load examines.
    let typed = (0..1_010).map(|number| relation(2, &format!("kind{number}"), 3));
    let edges: Vec<_> = [created(1, 2, "2020-01-01T00:00:00Z"), created(1, 4, "2021-01-01T00:00:00Z")]
        .into_iter()
        .chain(typed)
        .collect();
    for fixture in ImportFixture::all_direct() {
        let token = begin(&fixture);
        let loaded = fixture.import(&lines(&edges), &["--create-types"]).expect(0);
        assert!(loaded.stderr.contains(BEGUN), "{}", loaded.stderr);
        let service = Service::start(&fixture.home.text(), &[]);
        let admin = service.client(&token);
        let total = |at| admin.get(&list(1, at)).expect(200).total();
        assert_eq!((total(micros("2020-06-01T00:00:00Z")), total(now())), (1, 2));
    }
}

/// An import that reads from a pipe.
struct PipedImport {
    child: Guard,
    stdin: ChildStdin,
}

impl PipedImport {
    /// Starts it with lines that begin a first load.
    fn begin(fixture: &ImportFixture, text: &str) -> Self {
        let mut command = program();
        command.env("DATABASE_URL", fixture.home.text()).args(["import", "-"]).stdin(Stdio::piped());
        let mut child = Guard(command.spawn().expect("the program starts"));
        let mut stdin = child.0.stdin.take().expect("a pipe");
        stdin.write_all(text.as_bytes()).expect("it reads");
        let mut output = BufReader::new(child.0.stderr.take().expect("a pipe"));
        let mut line = String::new();
        while !line.contains(BEGUN) {
            assert!(output.read_line(&mut line).expect("text") > 0, "no load: {line}");
        }
        // It goes on printing.
        thread::spawn(move || output.lines().for_each(drop));
        Self { child, stdin }
    }

    fn finish(mut self) {
        drop(self.stdin);
        assert_eq!(self.child.wait(PATIENCE).code(), Some(0));
    }
}

/// The actions and types of the changes on a page.
fn actions(page: &Answer) -> Vec<String> {
    let rows = page.body["data"].as_array().expect("a list").iter();
    rows.map(|row| {
        let attributes = &row["attributes"];
        let text = |name: &str| attributes[name].as_str().unwrap_or("null").to_owned();
        format!("{} {} {} {}", text("action"), text("subject-type"), text("subject-id"), text("reason"))
    })
    .collect()
}

#[test]
fn readers_before_during_and_after_a_load_end_with_the_same_copy() {
    let edges: Vec<_> = (0..4_000_i64)
        .map(|number| {
            let (user, target) = (number / 300 + 5, number % 300 + 20);
            created(user, target, "2020-01-01T00:00:00Z")
        })
        .collect();
    let text = [lines(&(5..400).map(user).collect::<Vec<_>>()), lines(&edges)].concat();
    for fixture in ImportFixture::all_direct() {
        let token = begin(&fixture);
        let url = fixture.home.text();
        let service = Service::start(&url, &[]);
        let admin = service.client(&token);
        // One reader has not seen the last change, the other one has seen everything.
        let first = admin.get(&format!("{CHANGES}?page[size]=1")).expect(200);
        let (late, at_end) = (cursor(&first), cursor(&admin.get(CHANGES).expect(200)));
        kill(service, &fixture);

        let import = PipedImport::begin(&fixture, &text);
        let service = Service::start(&url, &[]);
        let admin = service.client(&token);
        let ask = |cursor: &str| {
            let (admin, path) = (admin.clone(), format!("{CHANGES}?page[after]={cursor}"));
            thread::spawn(move || admin.send("GET", &path, &[("prefer", "wait=9")], None))
        };
        let (waiting, meanwhile) = (ask(&at_end), ask(&late));
        // PostgreSQL locks the users for the load, so that a caller waits.
        let is_readable = fixture.home.file().is_some();
        if is_readable {
            until("the feed is read", PATIENCE, || meanwhile.is_finished());
        } else {
            thread::sleep(Duration::from_millis(300));
            assert!(!meanwhile.is_finished(), "the users are locked");
        }
        assert!(!waiting.is_finished(), "nothing of the load is visible before its commit");
        import.finish();
        let during = waiting.join().expect("an answer").expect(200);
        let expected = ["loaded users null import", "loaded user-relationships null import"];
        assert_eq!(actions(&during), expected);
        let numbers = during.ids();
        assert_eq!(numbers[1], numbers[0] + 1);
        let transaction = |row: usize| &during.body["data"][row]["attributes"]["transaction"];
        assert_eq!((transaction(0), transaction(1)), (&json!(numbers[0].to_string()), transaction(0)));
        if is_readable {
            assert_eq!(actions(&meanwhile.join().expect("an answer").expect(200)).len(), 3, "the other users");
        } else {
            meanwhile.join().expect("an answer");
        }

        // The reader that had seen everything reads the lists again, as `loaded` says.
        let mut again = copy_again(&admin);
        assert_eq!(again, stored_copy(&fixture.home.url()));
        let edge = admin.get(&format!("{EDGES}?limit=1")).expect(200).ids()[0];
        admin.delete(&format!("{EDGES}/{edge}")).expect(204);
        create(&admin, 1, "mentor", 399).expect(201);
        again.follow(&admin);
        assert_eq!(again, stored_copy(&fixture.home.url()));
        // The other one is led back.
        let expired = admin.get(&format!("{CHANGES}?page[after]={late}")).refused(410, "cursor-expired");
        let about = expired.body["errors"][0]["links"]["about"].as_str().expect("a way back");
        let from_oldest = admin.get(about).expect(200);
        assert_eq!(actions(&from_oldest)[..2], expected);
        assert_eq!(from_oldest.ids()[..2], numbers);
        assert_eq!(copy_again(&admin), stored_copy(&fixture.home.url()));
        // A cursor at the end before the load is still valid, and every later change follows it.
        let page = admin.get(&format!("{CHANGES}?page[after]={at_end}")).expect(200);
        assert_eq!((page.ids().len(), link(&page, "next")), (4, None));
    }
}

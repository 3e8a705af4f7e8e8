//! Accounts from the command line: `user show|delete`, `user set --password-stdin`, `session`, and `--json` of every list.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::forms::form;
use crate::support::app::{Engine, Home};
use crate::support::citus::skips_on_spread_rows;
use crate::support::process::{Guard, Outcome, PATIENCE, Service, new_user_token, program, run, until};
use crate::support::signing::{pem, public_key};
use crate::support::skip::skip;
use crate::support::sql::Raw;
use crate::support::{Client, Value, edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const ME: &str = "/api/v2/users/me";

fn homes() -> impl Iterator<Item = Home> {
    [Engine::Sqlite, Engine::Postgres].into_iter().filter_map(Home::new)
}

/// Runs a command with that text on stdin.
fn run_with_input(url: &str, args: &[&str], input: &[u8]) -> Outcome {
    let mut command = program();
    let mut child =
        Guard(command.env("DATABASE_URL", url).args(args).stdin(Stdio::piped()).spawn().expect("it starts"));
    let mut pipe = child.0.stdin.take().expect("a pipe");
    // The program may end without reading everything.
    drop(pipe.write_all(input));
    drop(pipe);
    let code = child.wait(PATIENCE).code().unwrap_or(-1);
    let text = |pipe: &mut dyn std::io::Read| std::io::read_to_string(pipe).expect("text");
    let stdout = text(child.0.stdout.as_mut().expect("a pipe"));
    let stderr = text(child.0.stderr.as_mut().expect("a pipe"));
    Outcome { code, stdout, stderr }
}

fn sign_in(anonymous: &Client, email: &str, password: &str) -> Option<String> {
    let values = json!({"email": email, "password": password});
    let opened = anonymous.form("POST", "/api/sessions", &form("create_session", &values));
    opened.body["model"]["token"].as_str().map(ToOwned::to_owned)
}

/// The JSON objects of a list.
fn objects(outcome: &Outcome) -> Vec<Value> {
    let lines = outcome.stdout.lines();
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
}

#[track_caller]
fn assert_members(object: &Value, expected: &[&str]) {
    let found: BTreeSet<_> = object.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(found, expected.iter().copied().collect(), "{object}");
}

#[test]
fn a_password_from_stdin_signs_in_and_ends_earlier_sessions() {
    for home in homes() {
        let url = home.text();
        let token = new_user_token(&url, "ann@example.com", "user");
        let set = |input: &str| {
            let args = ["user", "set", "ann@example.com", "--password-stdin", "--first-name", "Ann"];
            run_with_input(&url, &args, input.as_bytes())
        };
        let first = set("correct horse\n").expect(0);
        assert!(first.stdout.is_empty() && first.stderr.is_empty(), "{first:?}");
        let service = Service::start(&url, &[]);
        let anonymous = service.anonymous();
        let session = sign_in(&anonymous, "ann@example.com", "correct horse").expect("a session");
        service.client(&session).get(ME).expect(200);
        for wrong in ["", "short\n", "two lines\nof text", &"p".repeat(1_025), "nul\u{0}password"] {
            let refused = set(wrong).expect(1);
            assert!(refused.stderr.contains("`--password-stdin`: "), "{refused:?}");
            let line = wrong.lines().next().unwrap_or_default();
            assert!(line.is_empty() || !refused.stderr.contains(line), "{refused:?}");
        }
        assert!(
            run_with_input(&url, &["user", "set", "1", "--password-stdin"], b"\xff\xff\xff\xff\xff\xff\xff\xff").code
                == 1
        );
        service.client(&session).get(ME).expect(200);
        set("battery staple\r\n").expect(0);
        until("the session has ended", Duration::from_secs(5), || service.client(&session).get(ME).status == 401);
        assert_eq!(sign_in(&anonymous, "ann@example.com", "correct horse"), None);
        assert!(sign_in(&anonymous, "ann@example.com", "battery staple").is_some());
        assert_eq!(service.client(&token).get(ME).expect(200).body["data"]["attributes"]["first-name"], "Ann");
    }
}

#[test]
fn sessions_are_listed_and_revoked() {
    for home in homes() {
        let url = home.text();
        for email in ["ann@example.com", "bob@example.com"] {
            new_user_token(&url, email, "user");
            run_with_input(&url, &["user", "set", email, "--password-stdin"], b"correct horse").expect(0);
        }
        let service = Service::start(&url, &[]);
        let anonymous = service.anonymous();
        let open = |email: &str| sign_in(&anonymous, email, "correct horse").expect("a session");
        let [one, two, three] = ["ann@example.com", "ann@example.com", "bob@example.com"].map(open);
        assert_eq!(run(&url, &["session", "list"]).expect(0).stdout.lines().count(), 3);
        let listed = run(&url, &["session", "list", "--user", "ann@example.com", "--json"]).expect(0);
        let sessions = objects(&listed);
        assert_eq!(sessions.len(), 2, "{listed:?}");
        assert_members(&sessions[0], &["id", "user", "email", "created-at", "expires-at", "last-used-at"]);
        assert!(![&one, &two].iter().any(|secret| listed.stdout.contains(*secret)));
        let line = run(&url, &["session", "list", "--user", "2"]).expect(0);
        assert_eq!(line.line().split('\t').nth(1), Some("bob@example.com"));
        run(&url, &["session", "revoke", &sessions[0]["id"].to_string()]).expect(0);
        until("the session has ended", Duration::from_secs(5), || service.client(&one).get(ME).status == 401);
        service.client(&two).get(ME).expect(200);
        let ended = run(&url, &["session", "revoke", "--user", "ann@example.com"]).expect(0);
        assert!(ended.stderr.contains("1 session ended"), "{ended:?}");
        until("all sessions have ended", Duration::from_secs(5), || service.client(&two).get(ME).status == 401);
        service.client(&three).get(ME).expect(200);
        // The API token of Ann is no session.
        run(&url, &["session", "revoke", "1"]).expect(1);
        run(&url, &["session", "revoke", "--user", "7"]).expect(1);
        run(&url, &["session", "revoke"]).expect(2);
        Raw::connect(&home.url()).run("UPDATE api_tokens SET expires_at = 1 WHERE is_session");
        assert_eq!(run(&url, &["session", "list"]).expect(0).stdout, "", "sessions that have expired");
    }
}

/// Ann, who owns an edge to Bob and is the target of one of Cy; and a service.
fn company(home: &Home) -> Service {
    let url = home.text();
    let [ann, _, cy] =
        ["ann@example.com", "bob@example.com", "cy@example.com"].map(|email| new_user_token(&url, email, "user"));
    run_with_input(&url, &["user", "set", "1", "--password-stdin", "--first-name", "Ann"], b"correct horse").expect(0);
    let service = Service::start(&url, &[]);
    service.client(&ann).post(EDGES, &edge(None, "mentor", 2)).expect(201);
    service.client(&cy).post(EDGES, &edge(None, "subordinate", 1)).expect(201);
    service
}

#[test]
fn user_show_prints_attributes_and_what_belongs_to_the_user() {
    for home in homes() {
        let (url, service) = (home.text(), company(&home));
        sign_in(&service.anonymous(), "ann@example.com", "correct horse").expect("a session");
        let shown = run(&url, &["user", "show", "ann@example.com", "--json"]).expect(0);
        let user: Value = serde_json::from_str(shown.line()).expect("an object");
        for (name, value) in [
            ("id", json!(1)),
            ("email", json!("ann@example.com")),
            ("name", json!("Ann")),
            ("phone", json!([])),
            ("is-supervisor", json!(true)),
            ("has-password", json!(true)),
            ("owned-relationships", json!(1)),
            ("targeting-relationships", json!(1)),
            ("memberships", json!(0)),
            ("owned-groups", json!(0)),
            ("tokens", json!(1)),
            ("sessions", json!(1)),
        ] {
            assert_eq!(user[name], value, "{name}");
        }
        assert!(!shown.stdout.contains("argon2"), "{shown:?}");
        let text = run(&url, &["user", "show", "1"]).expect(0).stdout;
        assert!(text.contains("email\tann@example.com\n") && text.contains("last-name\t-\n"), "{text}");
        assert_eq!(text.lines().count(), user.as_object().expect("an object").len());
        assert!(run(&url, &["user", "show", "77"]).expect(1).stderr.contains("no such user"));
        run(&url, &["user", "show", "nobody@example.com"]).expect(1);
    }
}

#[test]
fn user_delete_shows_what_goes_and_deletes_as_the_api_does() {
    for home in homes() {
        let (url, service) = (home.text(), company(&home));
        let session = sign_in(&service.anonymous(), "ann@example.com", "correct horse").expect("a session");
        let preview = run(&url, &["user", "delete", "ann@example.com", "--dry-run"]).expect(0);
        for line in
            ["user 1 (ann@example.com, Ann)", "that it owns: 1", "that target it: 1", "API tokens: 1, sessions: 1"]
        {
            assert!(preview.stderr.contains(line), "{line}: {preview:?}");
        }
        service.client(&session).get(ME).expect(200);
        let deleted = run(&url, &["user", "delete", "ann@example.com", "--yes"]).expect(0);
        assert!(deleted.stderr.contains("that it owns: 1") && deleted.stdout.is_empty(), "{deleted:?}");
        until("the session has ended", Duration::from_secs(5), || service.client(&session).get(ME).status == 401);
        run(&url, &["user", "show", "1"]).expect(1);
        run(&url, &["user", "delete", "1", "--yes"]).expect(1);
        let mut raw = Raw::connect(&home.url());
        for table in ["user_relationships", "api_tokens WHERE user_id = 1", "users WHERE id = 1"] {
            assert_eq!(raw.number(&format!("SELECT COUNT(*) AS number FROM {table}")), 0, "{table}");
        }
        run(&url, &["check"]).expect(0);
        let last = objects(&run(&url, &["changes", "--json"]).expect(0)).pop().expect("a change");
        assert_eq!(last["attributes"]["action"], "deleted");
        run(&url, &["user", "add", "--email", "new@example.com", "--id", "1"]).expect(1);
    }
}

#[test]
fn user_delete_hands_relationships_over_first() {
    for home in homes() {
        let (url, service) = (home.text(), company(&home));
        let admin = service.client(&new_user_token(&url, "root@example.com", "admin"));
        let delete = |more: &[&str]| run(&url, &[&["user", "delete", "1", "--yes"], more].concat());
        assert!(delete(&["--transfer-to", "77"]).expect(1).stderr.contains("no such user"));
        delete(&["--transfer-types", "subordinate"]).expect(2);
        let unknown = delete(&["--transfer-to", "2", "--transfer-types", "friend"]).expect(1);
        assert!(unknown.stderr.contains("friend"), "{unknown:?}");
        assert_eq!(admin.get(&format!("{EDGES}?limit=0")).expect(200).total(), 2);
        let moved = delete(&["--transfer-to", "bob@example.com", "--transfer-types", "subordinate"]).expect(0);
        assert!(moved.stderr.contains("handed over to 2 (bob@example.com)"), "{moved:?}");
        let edges = admin.get(EDGES).expect(200);
        assert_eq!(edges.total(), 1);
        assert_eq!(edges.body["data"][0]["relationships"]["target"]["data"]["id"], "2");
        run(&url, &["check"]).expect(0);
    }
}

/// Runs a command at a terminal, where a person answers; returns its exit code and what the terminal shows.
fn at_terminal(url: &str, args: &[&str], answer: &str) -> Option<(i32, String)> {
    if Command::new("script").arg("--version").output().is_err() {
        skip("no `script`, which makes a terminal");
        return None;
    }
    let line = format!("'{}' {}", env!("CARGO_BIN_EXE_user-relationships"), args.join(" "));
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]).env("DATABASE_URL", url);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    writeln!(pipe, "{answer}").expect("it reads");
    let mut child = Guard(child);
    let shown = std::io::read_to_string(child.0.stdout.as_mut().expect("a pipe")).expect("text");
    drop(pipe);
    Some((child.wait(PATIENCE).code().unwrap_or(-1), shown))
}

#[test]
fn commands_that_delete_ask_at_a_terminal() {
    for home in homes() {
        let url = home.text();
        new_user_token(&url, "ann@example.com", "user");
        for (answer, code, rest) in [("", 1, 1), ("n", 1, 1), ("yes", 0, 0)] {
            let Some((ended, shown)) = at_terminal(&url, &["user", "delete", "1"], answer) else { return };
            assert_eq!(ended, code, "{shown}");
            assert!(shown.contains("Delete user 1? [y/N]"), "{shown}");
            assert_eq!(run(&url, &["user", "list"]).expect(0).stdout.lines().count(), rest, "{answer}: {shown}");
        }
        if url.starts_with("postgres") && skips_on_spread_rows("such a database is not reverted") {
            continue;
        }
        let status = run(&url, &["migrate", "status"]).expect(0).stdout;
        let (ended, shown) = at_terminal(&url, &["migrate", "revert"], "n").expect("a terminal");
        assert!(ended == 1 && shown.contains("nothing was changed"), "{shown}");
        assert_eq!(run(&url, &["migrate", "status"]).expect(0).stdout, status);
        let (ended, shown) = at_terminal(&url, &["migrate", "revert"], "y").expect("a terminal");
        assert!(ended == 0 && shown.contains("reverted "), "{shown}");
        let (ended, shown) =
            at_terminal(&url, &["user", "set", "1", "--password-stdin"], "a password").expect("a terminal");
        assert!(ended == 2 && shown.contains("through a pipe"), "{shown}");
    }
}

#[test]
fn every_list_has_json() {
    for home in homes() {
        let (url, key) = (home.text(), tempfile::NamedTempFile::new().expect("a file"));
        let _service = company(&home);
        std::fs::write(key.path(), pem("PUBLIC KEY", &public_key(0))).expect("a file");
        let path = key.path().to_str().expect("text");
        run(&url, &["client", "add", "--public-key", path, "--name", "intranet"]).expect(0);
        let list = |args: &[&str]| objects(&run(&url, &[args, &["--json"]].concat()).expect(0));
        let users = list(&["user", "list"]);
        assert_eq!((users.len(), &users[0]["first-name"], &users[2]["id"]), (3, &json!("Ann"), &json!(3)));
        assert_members(
            &users[0],
            &[
                "id",
                "name",
                "first-name",
                "last-name",
                "email",
                "description",
                "additional-info",
                "location",
                "unit",
                "phone",
                "mobile",
                "job-title",
                "website",
                "skype",
                "twitter",
                "alt-id",
                "is-enabled",
                "access-level",
                "is-supervisor",
                "created-at",
                "updated-at",
            ],
        );
        let tokens = list(&["token", "list"]);
        assert_members(
            &tokens[0],
            &["id", "user", "email", "name", "is-session", "created-at", "expires-at", "last-used-at"],
        );
        let clients = list(&["client", "list"]);
        assert_members(&clients[0], &["api-id", "name", "is-enabled", "digests", "keys"]);
        assert_members(&clients[0]["keys"][0], &["id", "fingerprint", "created-at"]);
        let migrations = list(&["migrate", "status"]);
        assert_members(&migrations[0], &["migration", "state"]);
        let settings = list(&["config"]);
        assert!(settings.iter().any(|it| it["setting"] == "LISTEN" && it["value"] == "127.0.0.1:8080"));
        assert_eq!(list(&["type", "list"]).len(), 3);
        assert_eq!(list(&["type", "check", "mentor"]).len(), 0);
        assert_eq!(list(&["session", "list"]).len(), 0);
        assert!(list(&["changes"]).len() > 3);
        assert_eq!(list(&["check"]).len(), 0);
        Raw::connect(&home.url()).run("UPDATE counts_by_user SET n = n + 5");
        let problems = objects(&run(&url, &["check", "--json"]).expect(1));
        assert_members(&problems[0], &["kind", "state", "problem"]);
        assert_eq!((&problems[0]["kind"], &problems[0]["state"]), (&json!("derived-data"), &json!("found")));
        assert_eq!(list(&["check", "--repair"])[0]["state"], "repaired");
    }
}

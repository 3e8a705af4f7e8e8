//! With `LOG_FORMAT=json`, `serve` prints only JSON lines, however it exits.

use std::net::TcpListener;

use crate::support::Value;
use crate::support::process::{Outcome, finish, program, sqlite_url};

/// The messages of a process that printed only JSON lines, on stderr.
#[track_caller]
fn messages(ended: &Outcome) -> Vec<String> {
    assert_eq!(ended.stdout, "");
    let message = |line: &str| {
        let fields: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert!(fields["level"].is_string() && fields["timestamp"].is_string(), "{line}");
        fields["message"].as_str().expect("a message").to_owned()
    };
    ended.stderr.lines().map(message).collect()
}

/// Runs the program with a command line and variables to its end.
#[track_caller]
fn ended(args: &[&str], variables: &[(&str, &str)], code: i32) -> Outcome {
    finish(program().args(args).envs(variables.iter().copied())).expect(code)
}

#[test]
fn a_wrong_command_line_is_one_json_log_line() {
    let json = [("LOG_FORMAT", "json")];
    // The format is not set, and stderr is not a terminal.
    let silent: [(&str, &str); 0] = [];
    for (args, variables, culprit) in [
        (&["serve", "--bogus"][..], &json[..], "'--bogus'"),
        (&["serve", "--bogus"], &silent, "'--bogus'"),
        (&["--bogus=a.password"], &json, "'--bogus'"),
        (&["--log-format", "json", "serve", "--bogus"], &[("LOG_FORMAT", "text")], "'--bogus'"),
        (&["serve", "--log-format=json", "--bogus"], &[("LOG_FORMAT", "text")], "'--bogus'"),
        (&["serve", "--listen"], &json, "'--listen <ADDRESS>'"),
        (&["serve", "--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"], &json, "'--listen <ADDRESS>'"),
        (&["sevre"], &json, "'sevre'"),
        (&["serve", "postgres://ann:a.password@db/people"], &json, "'…'"),
    ] {
        let ended = ended(args, variables, 2);
        let messages = messages(&ended);
        assert!(messages.len() == 1 && messages[0].contains(culprit), "{args:?} {messages:?}");
        assert!(!messages[0].starts_with("error") && !messages[0].contains("a.password"), "{messages:?}");
    }
}

#[test]
fn without_json_logs_clap_reports_a_wrong_command_line() {
    for (args, variables) in [
        (&["serve", "--bogus"][..], &[("LOG_FORMAT", "text")][..]),
        (&["serve", "--log-format", "text", "--bogus"], &[("LOG_FORMAT", "json")]),
        (&["user", "add", "--bogus"], &[("LOG_FORMAT", "json")]),
        (&["export", "--bogus"], &[("LOG_FORMAT", "json")]),
    ] {
        let ended = ended(args, variables, 2);
        assert_eq!(ended.stdout, "");
        assert!(ended.stderr.starts_with("error: unexpected argument '--bogus' found\n"), "{ended:?}");
        assert!(ended.stderr.contains("\nUsage: user-relationships"), "{ended:?}");
    }
    let help = ended(&["serve", "--help"], &[("LOG_FORMAT", "json")], 0);
    assert!(help.stdout.contains("Usage: user-relationships serve") && help.stderr.is_empty(), "{help:?}");
}

#[test]
fn wrong_settings_and_a_missing_database_are_json_log_lines() {
    let wrong = [("LOG_FORMAT", "json"), ("LISTEN", "x"), ("WORKERS", "0"), ("DATABASE_URL", "ftp://a:b@c")];
    let logged = messages(&ended(&["serve"], &wrong, 78));
    for setting in ["`LISTEN`", "`WORKERS`", "`DATABASE_URL`"] {
        assert!(logged.iter().any(|message| message.starts_with(setting)), "{logged:?}");
    }
    let secret = [("LOG_FORMAT", "json")];
    assert_eq!(messages(&ended(&["serve", "--jwt-secret", "x"], &secret, 78)).len(), 1);
    let folder = tempfile::tempdir().expect("a folder");
    let missing = sqlite_url(&folder.path().join("no/such/folder/a.db"));
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its number");
    for url in [missing, format!("postgres://ann:s3cret@{closed}/nothing?connect_timeout=2")] {
        let logged = messages(&ended(&["serve"], &[("LOG_FORMAT", "json"), ("DATABASE_URL", &url)], 69));
        assert!(logged.len() == 1 && !logged[0].contains("s3cret"), "{logged:?}");
    }
}

//! The program in a shell.

use std::process::{Command, Stdio};

use user_relationships::cli;

use crate::support::process::{finish, program};

/// Every command that is documented for operators.
const COMMANDS: [&str; 17] = [
    "serve",
    "demo",
    "migrate",
    "user",
    "session",
    "type",
    "changes",
    "secret",
    "token",
    "client",
    "import",
    "export",
    "check",
    "openapi",
    "healthcheck",
    "config",
    "completions",
];

fn walk(path: &str, command: &clap::Command, look: &mut impl FnMut(&str, &clap::Command)) {
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
        let path = format!("{path} {}", inner.get_name());
        look(&path, inner);
        walk(&path, inner, look);
    }
}

#[test]
fn every_command_has_a_description_and_an_example() {
    let mut missing = Vec::new();
    walk("user-relationships", &cli::command(), &mut |path, command| {
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let has_example = after.contains("Example") && after.lines().any(|line| line.contains(path));
        if command.get_about().is_none() || !has_example {
            missing.push(path.to_owned());
        }
    });
    assert!(missing.is_empty(), "{missing:?}");
    let known: Vec<_> = cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect();
    assert!(COMMANDS.iter().all(|name| known.iter().any(|found| found == name)), "{known:?}");
}

#[test]
fn every_example_is_a_valid_command_line() {
    let mut tried = 0;
    let mut look = |path: &str, command: &clap::Command| {
        let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        for line in after.lines() {
            let Some(begin) = line.find("user-relationships ").filter(|_| line.starts_with("  ")) else { continue };
            let line = line[begin..].split(" > ").next().and_then(|line| line.split(" | ").next()).unwrap_or_default();
            let parsed = cli::command().try_get_matches_from(line.split_whitespace());
            assert!(parsed.is_ok(), "{path}: {line}: {}", parsed.unwrap_err());
            tried += 1;
        }
    };
    look("user-relationships", &cli::command());
    walk("user-relationships", &cli::command(), &mut look);
    assert!(tried > 30, "{tried}");
}

#[test]
fn help_shows_the_settings_that_a_command_uses() {
    let help = |args: &[&str]| finish(program().args(args).arg("--help")).expect(0).stdout;
    assert!(!help(&[]).contains("--database-url"), "the settings are under `serve`");
    for args in [&["serve"][..], &["config"]] {
        assert!(help(args).contains("--rate-limit") && help(args).contains("--database-url"), "{args:?}");
    }
    let demo = help(&["demo"]);
    assert!(demo.contains("--rate-limit") && !demo.contains("--database-url"), "{demo}");
    let create = help(&["token", "create"]);
    assert!(create.contains("--database-url") && !create.contains("--rate-limit"), "{create}");
    let (own, settings) = (create.find("--expires-in"), create.find("--database-url"));
    assert!(own < settings, "its own options come first: {create}");
    assert!(help(&["healthcheck"]).contains("--admin-listen"));
    assert!(!help(&["completions"]).contains("--database-url"));
    // Hidden, and still accepted everywhere.
    finish(program().args(["openapi", "--rate-limit", "5/5"])).expect(0);
}

#[test]
fn completion_scripts_have_every_command_and_setting() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = finish(program().env("LISTEN", "nonsense").args(["completions", shell])).expect(0);
        for word in COMMANDS.iter().chain(&["rate-limit", "database-url"]) {
            assert!(ended.stdout.contains(word), "{shell}: {word}");
        }
        assert_eq!(ended.stderr, "");
        let checked = Command::new(shell).args(["-n", "/dev/stdin"]).stdin(Stdio::piped()).spawn();
        if let (Ok(mut child), true) = (checked, shell == "bash") {
            std::io::Write::write_all(&mut child.stdin.take().unwrap(), ended.stdout.as_bytes()).unwrap();
            assert!(child.wait().unwrap().success(), "{shell} rejects it");
        }
    }
    finish(program().args(["completions", "tcsh"])).expect(2);
    finish(program().arg("completions")).expect(2);
}

#[test]
fn colour_is_only_for_terminals_and_can_be_disabled() {
    let help = |settings: &[(&str, &str)]| {
        let ended = finish(program().envs(settings.iter().copied()).arg("--help")).expect(0);
        ended.stdout.contains('\u{1b}')
    };
    assert!(!help(&[]), "stdout is no terminal");
    assert!(help(&[("CLICOLOR_FORCE", "1")]), "the test recognizes colour");
    assert!(!help(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    let logs = |settings: &[(&str, &str)]| {
        let mut command = program();
        command.env("DATABASE_URL", "postgres://unknown@127.0.0.1:1/x?connect_timeout=1").env("LOG_FORMAT", "text");
        finish(command.envs(settings.iter().copied()).args(["serve", "--no-migrate", "--listen", "203.0.113.1:1"]))
            .stderr
    };
    assert!(!logs(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]).contains('\u{1b}'));
}

//! `docs/IMPORT.md`: every command of it runs.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::import::ImportFixture;
use crate::support::process::{Outcome, Service, finish, new_user_token};
use crate::support::sources::{read, root};

/// The blocks of that language.
fn blocks(language: &str) -> Vec<String> {
    let guide = read("docs/IMPORT.md");
    let opening = format!("```{language}\n");
    let blocks = guide.split(opening.as_str()).skip(1).filter_map(|rest| rest.split("```").next());
    blocks.map(ToOwned::to_owned).collect()
}

/// Runs a block with the shell; `service` is the URL and a token of one.
fn shell(fixture: &ImportFixture, block: &str, service: Option<(&str, &str)>) -> Outcome {
    let examples = fixture.path("examples");
    if !examples.exists() {
        symlink(root().join("examples"), examples).expect("a link");
    }
    let program = Path::new(env!("CARGO_BIN_EXE_user-relationships")).parent().expect("a folder");
    let mut shell = Command::new("/bin/sh");
    shell.env_clear().env("PATH", format!("{}:/usr/bin:/bin", program.display()));
    shell.env("DATABASE_URL", fixture.home.text()).current_dir(&fixture.folder);
    if let Some((url, token)) = service {
        shell.env("URL", url).env("TOKEN", token);
    }
    finish(shell.args(["-e", "-c", block]).stdout(Stdio::piped()).stderr(Stdio::piped())).expect(0)
}

/// Runs the blocks with requests against a service.
fn send_requests(fixture: &ImportFixture, blocks: &[String]) {
    let url = fixture.home.text();
    let token = new_user_token(&url, "admin@example.com", "admin");
    let service = Service::start(&url, &[]);
    let base = service.anonymous().base();
    let [upload, run] = blocks else { panic!("{blocks:?}") };
    let answer = shell(fixture, upload, Some((&base, &token))).stdout;
    assert!(answer.contains("\"state\":\"reading\""), "{answer}");
    let answer = shell(fixture, run, Some((&base, &token))).stdout;
    assert!(answer.contains("\"state\":\"done\"") && answer.contains("\"rejected\":0"), "{answer}");
}

#[test]
fn the_commands_of_the_import_guide_work() {
    let (commands, printed) = (blocks("sh"), blocks("text"));
    assert!(commands.len() == 9 && printed.len() == 1, "{commands:?} {printed:?}");
    let (requests, commands): (Vec<_>, Vec<_>) = commands.into_iter().partition(|block| block.contains("curl"));
    for fixture in ImportFixture::all() {
        let mut outputs = commands.iter().map(|block| shell(&fixture, block, None));
        assert_eq!(outputs.next().expect("the first").stdout, printed[0]);
        assert!(outputs.all(|output| output.stderr.contains("users: ")));
        send_requests(&fixture, &requests);
        fixture.run(&["user", "delete", "admin@example.com", "--yes"]);
        // All five files have the same people.
        assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM users"), 5);
        assert_eq!(fixture.number("SELECT COUNT(*) AS number FROM user_relationships"), 4);
    }
}

#[test]
fn the_import_guide_explains_every_option_for_tables() {
    let help = crate::support::process::run("sqlite://unused.db", &["import", "--help"]).expect(0).stdout;
    let guide = read("docs/IMPORT.md");
    for option in [
        "--delimiter",
        "--encoding",
        "--empty",
        "--map",
        "--mapping",
        "--explain",
        "--ignore-unknown",
        "--sync",
        "--missing",
        "--max-changes",
        "--dry-run",
        "--report",
    ] {
        assert!(help.contains(&format!("{option} <")) || help.contains(option), "{option} in {help}");
        assert!(
            guide.contains(&format!("`{option}")) || guide.contains(&format!("{option} ")),
            "{option} in the guide"
        );
    }
}

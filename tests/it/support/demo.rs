//! The demo as a process: what it prints, and how it ends.

use std::io::{BufRead, BufReader};
use std::process::Command;
use std::sync::mpsc::channel;
use std::thread;

use tempfile::TempDir;

use super::process::{Guard, PATIENCE, program};

/// A running demo.
pub struct Demo {
    /// The URL that it prints.
    pub url: String,
    /// The admin's token.
    pub admin: String,
    /// The user's token.
    pub user: String,
    /// The lines that begin with `curl`.
    pub curls: Vec<String>,
    /// The folder for its database.
    pub folder: TempDir,
    child: Guard,
}

impl Demo {
    /// Starts a demo on a free port, and reads what it prints.
    #[track_caller]
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = program();
        command.env("TMPDIR", folder.path()).env("LISTEN", "127.0.0.1:0").arg("demo");
        let mut child = Guard(command.spawn().expect("the program starts"));
        let (sender, receiver) = channel();
        let stdout = child.0.stdout.take().expect("a pipe");
        thread::spawn(move || {
            BufReader::new(stdout).lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)));
        });
        let (mut lines, mut curls) = (Vec::new(), Vec::new());
        while curls.len() < 3 {
            let line =
                receiver.recv_timeout(PATIENCE).expect("three lines that begin with `curl`, within bounded time");
            curls.extend(line.starts_with("curl ").then(|| line.clone()));
            lines.push(line);
        }
        let after = |label: &str| {
            let found: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix(label)).collect();
            assert_eq!(found.len(), 1, "{label} in {lines:#?}");
            found[0].to_owned()
        };
        let (url, admin, user) = (after("URL: "), after("Admin token: "), after("User token: "));
        Self { url, admin, user, curls, folder, child }
    }

    /// Ends it as Ctrl-C does, and returns its exit code.
    pub fn stop(mut self) -> (Option<i32>, TempDir) {
        let id = self.child.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("`kill` runs").success());
        (self.child.wait(PATIENCE).code(), self.folder)
    }
}

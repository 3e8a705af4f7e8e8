//! SQLite files that cannot be opened: every command says why.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::support::process::{Outcome, finish, program, sqlite_url};
use crate::support::skip::skip;

/// Commands that create a database, and some that do not.
const COMMANDS: [&[&str]; 6] = [
    &["serve", "--listen", "127.0.0.1:0"],
    &["migrate", "run"],
    &["migrate", "status"],
    &["migrate", "revert", "--yes"],
    &["user", "list"],
    &["check"],
];

/// Runs a command as a user whom permissions concern: root passes all of them.
fn run_as_somebody(url: &str, args: &[&str]) -> Outcome {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", env!("CARGO_BIN_EXE_user-relationships")]);
    let mut own = program();
    let command = if is_root() { &mut command } else { &mut own };
    command.env_clear().env("PATH", "/usr/bin:/bin").env("DATABASE_URL", url).args(args);
    finish(command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()))
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|found| found.stdout.starts_with(b"0\n"))
}

#[track_caller]
fn assert_explained(ended: &Outcome, words: &[&str]) {
    assert!(ended.code == 69 && ended.stdout.is_empty(), "{ended:?}");
    for word in words {
        assert!(ended.stderr.contains(word), "{word}: {ended:?}");
    }
}

fn run(path: &Path, args: &[&str]) -> Outcome {
    finish(program().env("DATABASE_URL", sqlite_url(path)).args(args))
}

#[test]
fn a_missing_folder_is_named() {
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().join("missing").join("a.db");
    for args in COMMANDS {
        let folder = format!("the folder `{}` does not exist", home.path().join("missing").display());
        assert_explained(&run(&path, args), &["a.db", &folder, "DATABASE_URL"]);
    }
    assert_eq!(fs::read_dir(home.path()).expect("the folder").count(), 0);
}

#[test]
fn a_file_in_place_of_a_folder_and_the_reverse_are_named() {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("file");
    fs::write(&file, "").expect("a file");
    for args in COMMANDS {
        assert_explained(&run(&file.join("a.db"), args), &["is a file and not a folder"]);
        assert_explained(&run(home.path(), args), &["is a folder; `DATABASE_URL` must name a file in it"]);
    }
}

#[test]
fn a_forbidden_folder_is_named() {
    let home = tempfile::tempdir().expect("a folder");
    fs::set_permissions(home.path(), Permissions::from_mode(0o755)).expect("the mode");
    let closed = home.path().join("closed");
    fs::create_dir(&closed).expect("a folder");
    let url = sqlite_url(&closed.join("a.db"));
    for (mode, commands) in [(0o500, &COMMANDS[..2]), (0o000, &COMMANDS[..])] {
        fs::set_permissions(&closed, Permissions::from_mode(mode)).expect("the mode");
        for args in commands {
            let ended = run_as_somebody(&url, args);
            if ended.code == 126 || ended.code == 127 {
                skip("permissions, since another user cannot run the program");
                return;
            }
            assert_explained(&ended, &[&format!("this user may not use the folder `{}`", closed.display())]);
        }
    }
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).expect("the mode");
}

#[test]
fn a_read_only_file_system_is_named() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().display();
    // In a mount namespace of its own, which ends with the command.
    let mount = format!("mount --bind {folder} {folder} && mount -o remount,bind,ro {folder}");
    let inside = |line: &str| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--user", "--map-root-user", "--mount", "/bin/sh", "-c", line]);
        unshare
    };
    if !inside(&mount).output().is_ok_and(|output| output.status.success()) {
        skip("a read-only file system, since `unshare` cannot mount one here");
        return;
    }
    let url = sqlite_url(&home.path().join("a.db"));
    let program = env!("CARGO_BIN_EXE_user-relationships");
    let line = format!("{mount} && exec env DATABASE_URL={url} {program} migrate run");
    let mut command = inside(&line);
    let ended = finish(command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()));
    assert_explained(&ended, &[&format!("the file system of the folder `{folder}` is read-only")]);
}

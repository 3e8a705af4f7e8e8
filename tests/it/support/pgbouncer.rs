//! `PgBouncer` in front of a private server.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, thread};

use super::cluster::PrivateServer;
use super::process::{kill_tree, until};
use super::skip::skip;

/// Runs the program in `$0` with the configuration `$1` until standard input ends. The kernel closes it even if SIGKILL
/// ends the test process.
const SUPERVISOR: &str = r#"
    exec >>log 2>&1
    "$0" "$1" </dev/null &
    read -r _
    kill -INT $!
    wait
"#;

const SOCKET: &str = ".s.PGSQL.6432";

/// A running pooler. Dropping it stops it and removes its folder.
pub struct PgBouncer {
    program: PathBuf,
    /// The user and group to become: it refuses to run as root, as PostgreSQL does.
    user: Option<(u32, u32)>,
    supervisor: Child,
    folder: tempfile::TempDir,
}

/// The program and its version, such as `(1, 18)`; `None`, with a message, if there is none. `PGBOUNCER` names another one
/// than that of the system.
pub fn program() -> Option<(PathBuf, (u32, u32))> {
    let found = setting("PGBOUNCER").map(PathBuf::from).into_iter().chain(["/usr/sbin/pgbouncer".into()]);
    let version = |path: &PathBuf| {
        let output = Command::new(path).arg("-V").output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        let mut numbers = text.lines().next()?.split_whitespace().nth(1)?.split('.');
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    };
    let found = found.into_iter().find_map(|path| version(&path).map(|version| (path, version)));
    if found.is_none() {
        let missing = "no PgBouncer found: install the package `pgbouncer`, or set PGBOUNCER to the program";
        assert!(setting("REQUIRE_POSTGRES").as_deref() != Some("1"), "REQUIRE_POSTGRES is 1, but {missing}");
        skip(missing);
    }
    found
}

#[expect(clippy::disallowed_methods, reason = "settings of the tests, which `Config` does not have")]
fn setting(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

impl PgBouncer {
    /// Starts it in front of a server, with this `pool_mode` and these further lines of its configuration.
    pub fn start(program: &Path, server: &PrivateServer, mode: &str, settings: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("ur-pgb-").tempdir_in("/tmp").expect("a folder");
        let at = folder.path().display();
        let text = format!(
            "[databases]\n* = host={} port=5432\n[pgbouncer]\nlisten_addr =\nlisten_port = 6432\nunix_socket_dir = {at}\n\
             auth_type = trust\nauth_file = {at}/users\npool_mode = {mode}\nmax_client_conn = 500\ndefault_pool_size = 20\n\
             {settings}\n",
            server.folder().display()
        );
        fs::write(folder.path().join("conf"), text).expect("its configuration");
        fs::write(folder.path().join("users"), "\"postgres\" \"\"\n").expect("its users");
        let owner = fs::metadata(server.folder()).expect("the server's folder");
        let user =
            (owner.uid() != fs::metadata(&folder).expect("the folder").uid()).then(|| (owner.uid(), owner.gid()));
        if let Some((uid, gid)) = user {
            chown(&folder, Some(uid), Some(gid)).expect("giving the folder to its user");
        }
        let supervisor = supervise(program, &folder, user);
        Self { program: program.to_owned(), user, supervisor, folder }
    }

    /// The URL of a database behind it.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@/{database}?host={}&port=6432", self.folder.path().display())
    }

    /// Kills it with SIGKILL, and starts it again at the same URL.
    pub fn kill(&mut self) {
        kill_tree(self.supervisor.id());
        drop(self.supervisor.wait());
        // What a killed process leaves behind, which keeps another one from starting.
        drop(fs::remove_file(self.folder.path().join(SOCKET)));
        self.supervisor = supervise(&self.program, &self.folder, self.user);
    }
}

/// Starts the program, and waits until it listens.
fn supervise(program: &Path, folder: &tempfile::TempDir, user: Option<(u32, u32)>) -> Child {
    let mut shell = Command::new("sh");
    shell.current_dir(folder).args(["-c", SUPERVISOR]).arg(program).arg(folder.path().join("conf"));
    if let Some((uid, gid)) = user {
        shell.uid(uid).gid(gid);
    }
    let supervisor = shell.stdin(Stdio::piped()).process_group(0).spawn().expect("starting PgBouncer");
    let socket = folder.path().join(SOCKET);
    until("PgBouncer listens", Duration::from_secs(10), || UnixStream::connect(&socket).is_ok());
    supervisor
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        for _ in 0..100 {
            if self.supervisor.try_wait().is_ok_and(|ended| ended.is_some()) {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        let _ = self.supervisor.kill();
        let _ = self.supervisor.wait();
    }
}

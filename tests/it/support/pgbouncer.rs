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
use super::process::until;
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

/// A running pooler. Dropping it stops it and removes its folder.
pub struct PgBouncer {
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
        let mut shell = Command::new("sh");
        shell.current_dir(&folder).args(["-c", SUPERVISOR]).arg(program).arg(folder.path().join("conf"));
        // It refuses to run as root, as PostgreSQL does, so it becomes the user of the server.
        let owner = fs::metadata(server.folder()).expect("the server's folder");
        if owner.uid() != fs::metadata(&folder).expect("the folder").uid() {
            chown(&folder, Some(owner.uid()), Some(owner.gid())).expect("giving the folder to its user");
            shell.uid(owner.uid()).gid(owner.gid());
        }
        let supervisor = shell.stdin(Stdio::piped()).process_group(0).spawn().expect("starting PgBouncer");
        let pooler = Self { supervisor, folder };
        let socket = pooler.folder.path().join(".s.PGSQL.6432");
        until("PgBouncer listens", Duration::from_secs(10), || UnixStream::connect(&socket).is_ok());
        pooler
    }

    /// The URL of a database behind it.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@/{database}?host={}&port=6432", self.folder.path().display())
    }
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

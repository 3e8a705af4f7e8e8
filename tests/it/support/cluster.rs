//! A private, temporary PostgreSQL server for the tests of this process.
//!
//! It needs no setup: the tests look for the programs in the usual places, and the server lives in a folder of its own,
//! in memory if there is room, and listens only on a Unix socket in it. It is tuned for speed and survives neither a power
//! failure nor the end of the process that started it.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use diesel::dsl::sql;
use diesel::sql_types::Text;
use diesel::{Connection, PgConnection, RunQueryDsl};
use rustix::fs::statvfs;

use super::citus::{CitusCluster, citus};
use super::process::until;
use super::skip::skip;

/// The folders that a server may live in: the file system in memory first, because each test creates and removes some
/// hundred files of a database. Not `env::temp_dir()`: the path of a socket has at most 100 bytes, and macOS alone uses 50.
const PARENTS: [&str; 2] = ["/dev/shm", "/tmp"];
/// The space that the servers of a run need, in bytes. Containers often have only 64 MB in memory.
const NEEDED: u64 = 2 << 30;
const PREFIX: &str = "ur-pg-";
const MISSING: &str = "no PostgreSQL programs found: install the server, or set PG_BIN to the \
                       folder of `initdb`, or TEST_DATABASE_URL to a server to use instead";

/// Runs the server in the folder `$0` with the programs in `$1` until standard input ends. The kernel closes it even if
/// SIGKILL ends the test process. Then it stops the server immediately and removes the folder, unless it must keep it.
/// It repeats the signal because a server that has not yet installed its handlers misses it.
const SUPERVISOR: &str = r#"
    # Not the tests' output: a reader that waits for its end would wait for the server, too.
    exec >>log 2>&1
    {
        [ -d data ] || "$1/initdb" -D data -U postgres -A trust -E UTF8 --locale=C --no-sync || exit
        exec "$1/postgres" -D data -k "$0" -p 5432 -c listen_addresses= \
            -c max_connections=300 -c shared_buffers=64MB -c max_wal_size=256MB -c autovacuum=off \
            -c fsync=off -c synchronous_commit=off -c full_page_writes=off
    } </dev/null &
    read -r keep
    while kill -QUIT $!; do sleep 0.05; done
    [ -n "$keep" ] || rm -rf "$0"
"#;

/// Returns the server that all tests of this process share, and starts it on the first call.
///
/// `TEST_DATABASE_URL` names a server to use instead, and `TEST_CITUS_URL` the coordinator of a Citus cluster; its user
/// must be allowed to create databases. Without that and without PostgreSQL programs it returns the reason, so that a test
/// can skip itself, or panics if `REQUIRE_POSTGRES` is `1`.
pub fn cluster() -> Result<&'static Cluster, String> {
    // If the first start panics, this panics immediately in all later tests instead of trying again.
    static CLUSTER: LazyLock<Option<Cluster>> = LazyLock::new(|| match (citus(), setting("TEST_DATABASE_URL")) {
        (Some(citus), _) => Some(Cluster::Citus(citus)),
        (None, Some(url)) => Some(Cluster::Given(url)),
        (None, None) => PrivateServer::start().map(Cluster::Started),
    });
    CLUSTER.as_ref().ok_or_else(|| MISSING.to_owned())
}

/// Returns the same server, or the one of this process where `TEST_DATABASE_URL` leads through a pooler, or that of
/// `TEST_CITUS_URL` has the sessions of other nodes.
pub fn direct_cluster() -> Result<&'static Cluster, String> {
    static CLUSTER: LazyLock<Option<Cluster>> = LazyLock::new(|| PrivateServer::start().map(Cluster::Started));
    match cluster()? {
        Cluster::Citus(_) => CLUSTER.as_ref().ok_or_else(|| MISSING.to_owned()),
        Cluster::Given(url) if is_pooled(url) => CLUSTER.as_ref().ok_or_else(|| MISSING.to_owned()),
        cluster => Ok(cluster),
    }
}

/// The URL of a database with another parameter.
pub fn with_parameter(url: &str, parameter: &str) -> String {
    let sign = if url.contains('?') { '&' } else { '?' };
    format!("{url}{sign}{parameter}")
}

/// Whether a server rejects or ignores the `options` of a session, as poolers do.
fn is_pooled(url: &str) -> bool {
    let marked = with_parameter(url, "options=-c%20ur_tests.is_direct%3Don");
    let is_set = |mut conn| {
        let setting = sql::<Text>("SELECT current_setting('ur_tests.is_direct', true)").get_result::<String>(&mut conn);
        setting.is_ok_and(|setting| setting == "on")
    };
    !PgConnection::establish(&marked).is_ok_and(is_set)
}

/// A PostgreSQL server on which tests create databases of their own.
#[derive(Debug)]
pub enum Cluster {
    /// The server that `TEST_DATABASE_URL` names.
    Given(String),
    /// The server of this process.
    Started(PrivateServer),
    /// The cluster that `TEST_CITUS_URL` names.
    Citus(&'static CitusCluster),
}

impl Cluster {
    /// Returns the URL of the database `postgres`, which every server has.
    pub fn admin_url(&self) -> String {
        self.url("postgres")
    }

    /// Returns the URL of a database on this server, whether or not the database exists.
    pub fn url(&self, database: &str) -> String {
        match self {
            Self::Given(url) => with_database(url, database),
            Self::Started(server) => server.url(database),
            Self::Citus(citus) => citus.url(database),
        }
    }

    /// Creates a database as a copy of `template`, or else of `template1`.
    ///
    /// Several threads may copy one template at a time, but no session may use it. The strategy, available since
    /// PostgreSQL 15, avoids the checkpoints of the other one.
    pub fn create_database(&self, name: &str, template: Option<&str>) {
        if let Self::Citus(citus) = self {
            return citus.create_database(&self.bin("psql"), name, template);
        }
        let template = template.unwrap_or("template1");
        self.run(&format!("CREATE DATABASE \"{name}\" TEMPLATE \"{template}\" STRATEGY wal_log"));
    }

    /// Makes a database that is to be copied unusable for sessions, and ends those that it has: a pooler keeps some.
    pub fn close_template(&self, name: &str) {
        if let Self::Citus(citus) = self {
            return citus.close_template(&self.bin("psql"), name);
        }
        self.run(&format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS false"));
        until("no session uses the template", Duration::from_secs(10), || {
            let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname =";
            self.psql(&format!("{end} '{name}'")).stdout.trim_ascii() == b"0"
        });
    }

    /// Creates an empty database with that encoding. On Citus only those in UTF-8 have a distributed schema.
    pub fn create_encoded_database(&self, name: &str, encoding: &str) {
        if matches!(self, Self::Citus(_)) && encoding == "UTF8" {
            return self.create_database(name, None);
        }
        self.run(&format!(
            "CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C' STRATEGY wal_log"
        ));
    }

    /// Drops a database if it exists, and closes its sessions.
    ///
    /// A test that fails drops its database as well. Then this ignores errors, because a panic would end the process
    /// and hide why the test failed.
    pub fn drop_database(&self, name: &str) {
        if let Self::Citus(citus) = self {
            return citus.drop_database(&self.bin("psql"), name);
        }
        let output = self.psql(&format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)"));
        assert!(output.status.success() || thread::panicking(), "dropping {name}: {output:?}");
    }

    /// Returns the path of a program such as `psql`, or its bare name if only `PATH` may know it.
    pub fn bin(&self, program: &str) -> PathBuf {
        match self {
            Self::Given(_) | Self::Citus(_) => programs().map_or_else(|| program.into(), |at| at.join(program)),
            Self::Started(server) => server.programs.join(program),
        }
    }

    fn run(&self, sql: &str) {
        let output = self.psql(sql);
        assert!(output.status.success(), "{sql}: {output:?}");
    }

    fn psql(&self, sql: &str) -> Output {
        let mut psql = Command::new(self.bin("psql"));
        psql.args(["-XAtq", "-w", "-d", &self.admin_url(), "-c", sql]);
        psql.output().expect("running psql")
    }
}

/// A server of its own for one test, which may stop it and start it again.
///
/// Dropping it stops the server and removes its folder.
#[derive(Debug)]
pub struct PrivateServer {
    programs: &'static Path,
    /// The user and group to become if we are root, because PostgreSQL refuses to run as root.
    user: Option<(u32, u32)>,
    /// The shell that runs the server; `None` while that is stopped.
    supervisor: Option<Child>,
    folder: tempfile::TempDir,
}

impl PrivateServer {
    /// Creates and starts a server, and returns it when it accepts connections.
    ///
    /// Returns `None`, and says so, if there are no PostgreSQL programs, or panics if `REQUIRE_POSTGRES` is `1`.
    pub fn start() -> Option<Self> {
        let required = setting("REQUIRE_POSTGRES").as_deref() == Some("1");
        let programs = match programs() {
            None if required => panic!("REQUIRE_POSTGRES is 1, but {MISSING}"),
            None => {
                skip(&format!("PostgreSQL: {MISSING}"));
                return None;
            }
            Some(programs) => programs,
        };
        remove_abandoned_folders();
        let mut server = Self::stopped(programs);
        server.start_again();
        Some(server)
    }

    /// An empty folder for a server.
    fn stopped(programs: &'static Path) -> Self {
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent());
        let folder = folder.expect("creating a folder for a server");
        let metadata = fs::metadata(&folder).expect("reading the folder's owner");
        let user = (metadata.uid() == 0).then(unprivileged_user);
        if let Some((uid, gid)) = user {
            chown(&folder, Some(uid), Some(gid)).expect("giving the folder to the server's user");
        }
        Self { programs, user, supervisor: None, folder }
    }

    /// Copies a running server, and starts the copy as a hot standby that streams from it.
    pub fn standby(&self) -> Self {
        let mut server = Self::stopped(self.programs);
        let mut copy = Command::new(self.programs.join("pg_basebackup"));
        copy.args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "-D"])
            .arg(server.folder.path().join("data"));
        copy.args(["-d", &self.url("postgres")]).stdin(Stdio::null());
        if let Some((uid, gid)) = server.user {
            copy.uid(uid).gid(gid);
        }
        let copied = copy.current_dir(&server.folder).output().expect("running pg_basebackup");
        assert!(copied.status.success(), "{copied:?}");
        server.start_again();
        server
    }

    /// Returns the folder of its socket.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the URL of a database on this server, whether or not the database exists.
    pub fn url(&self, database: &str) -> String {
        // With the port, because the environment may set PGPORT.
        let folder = self.folder.path().display();
        format!("postgres://postgres@/{database}?host={folder}&port=5432")
    }

    /// Returns the path of the socket that the server listens on.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join(".s.PGSQL.5432")
    }

    /// Returns whether it runs.
    pub fn is_running(&self) -> bool {
        self.supervisor.is_some()
    }

    /// Cuts all connections and stops the server, which leaves the recovery to its next start.
    pub fn stop(&mut self) {
        if let Some(mut supervisor) = self.supervisor.take() {
            // This also runs when a failed test unwinds, so it must not panic.
            let _ = supervisor.stdin.as_ref().map(|mut it| it.write(b"keep\n"));
            let _ = supervisor.wait();
        }
    }

    /// Starts the stopped server with its data, and returns when it accepts connections.
    pub fn start_again(&mut self) {
        assert!(self.supervisor.is_none(), "the server has not been stopped");
        let mut shell = Command::new("sh");
        shell.current_dir(&self.folder).args(["-c", SUPERVISOR]);
        shell.args([self.folder.path(), self.programs]);
        shell.stdin(Stdio::piped());
        // In our own process group, Ctrl-C would end the shell before its cleanup.
        shell.process_group(0);
        if let Some((uid, gid)) = self.user {
            shell.uid(uid).gid(gid);
        }
        self.supervisor = Some(shell.spawn().expect("starting the supervisor"));
        // A first start creates all files of a server, which takes time on a busy machine.
        let deadline = Instant::now() + Duration::from_mins(1);
        let mut pg_isready = Command::new(self.programs.join("pg_isready"));
        pg_isready.args(["-q", "-d", &self.url("postgres")]);
        while !pg_isready.status().expect("running pg_isready").success() {
            if Instant::now() > deadline {
                let log = fs::read(self.folder.path().join("log")).unwrap_or_default();
                let tail = String::from_utf8_lossy(&log[log.len().saturating_sub(2000)..]);
                panic!("PostgreSQL does not start:\n{tail}");
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for PrivateServer {
    fn drop(&mut self) {
        self.stop();
    }
}

#[expect(clippy::disallowed_methods, reason = "settings of the tests, which `Config` does not have")]
pub fn setting(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Finds the folder of the PostgreSQL programs once.
fn programs() -> Option<&'static Path> {
    static FOLDER: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        let mut folders: Vec<PathBuf> = setting("PG_BIN").map(Into::into).into_iter().collect();
        if let Ok(answer) = Command::new("pg_config").arg("--bindir").output() {
            folders.push(String::from_utf8_lossy(&answer.stdout).trim().into());
        }
        let parents = ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"];
        let installed = parents.iter().flat_map(fs::read_dir).flatten().flatten();
        let versions = installed.filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version: u32 = name.trim_start_matches("postgresql@").parse().ok()?;
            Some((version, entry.path().join("bin")))
        });
        let oldest_first: BTreeSet<_> = versions.collect();
        folders.extend(oldest_first.into_iter().rev().map(|(_, folder)| folder));
        let complete = |at: &PathBuf| at.join("initdb").is_file() && at.join("postgres").is_file();
        folders.into_iter().find(complete)
    });
    FOLDER.as_deref()
}

/// Returns the folder in memory if it has room.
fn parent() -> &'static str {
    let [memory, disk] = PARENTS;
    let has_room = statvfs(memory).is_ok_and(|space| space.f_bavail * space.f_frsize >= NEEDED);
    if has_room { memory } else { disk }
}

/// Returns the user and group numbers of `postgres`, or else of `nobody`.
fn unprivileged_user() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").expect("reading /etc/passwd");
    let numbers = |name: &str| {
        let mut users = users.lines().map(|line| line.split(':'));
        let mut user = users.find_map(|mut user| (user.next() == Some(name)).then_some(user))?;
        Some((user.nth(1)?.parse().ok()?, user.next()?.parse().ok()?))
    };
    let user = numbers("postgres").or_else(|| numbers("nobody"));
    user.expect("a user to run PostgreSQL as")
}

/// Removes the folders of servers whose supervisor was killed as well.
fn remove_abandoned_folders() {
    for entry in PARENTS.iter().flat_map(fs::read_dir).flatten().flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let modified = entry.metadata().and_then(|data| data.modified()).ok();
        let age = modified.and_then(|time| time.elapsed().ok());
        if ours && age > Some(Duration::from_hours(1)) {
            // Another program may have the process number in `postmaster.pid` by now, but not the socket. Other errors,
            // such as a lack of permission, prove nothing.
            let answer = UnixStream::connect(entry.path().join(".s.PGSQL.5432"));
            let error = answer.map_err(|error| error.kind());
            if let Err(ErrorKind::NotFound | ErrorKind::ConnectionRefused) = error {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

/// Replaces the database in a URL.
pub fn with_database(url: &str, database: &str) -> String {
    let (address, options) = url.split_at(url.find('?').unwrap_or(url.len()));
    let scheme_and_host: Vec<&str> = address.split('/').take(3).collect();
    format!("{}/{database}{options}", scheme_and_host.join("/"))
}

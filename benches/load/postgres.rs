//! A private PostgreSQL server with default durability, in a folder, on a Unix socket; and `pgbench`.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::sql_types::{Integer, Text};
use diesel::{Connection, PgConnection, RunQueryDsl};
use tempfile::TempDir;

/// A list of a user and its count, as two ordinary statements.
const LIST_AND_COUNT: &str = r"\set id random(3, :users)
SELECT id, version, user_id, target_id, type_id, created_at, updated_at FROM user_relationships WHERE user_id = :id ORDER BY id LIMIT 20 OFFSET 0;
SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM counts_by_user WHERE user_id = :id;
";
/// The statement of the service for both.
const LIST: &str = r"\set id random(3, :users)
SELECT c.total, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM (SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) AS total FROM counts_by_user WHERE user_id = :id) AS c UNION ALL SELECT CAST(0 AS BIGINT), id, version, user_id, target_id, type_id, created_at, updated_at FROM (SELECT id, version, user_id, target_id, type_id, created_at, updated_at FROM user_relationships WHERE 1 = 1 AND user_id = :id ORDER BY id LIMIT 20 OFFSET 0) AS p;
";
/// Inserts one relationship, without counts. The creates through the service have another type.
const INSERT: &str = r"\set u random(3, :users)
\set t random(3, :users)
INSERT INTO user_relationships (user_id, target_id, type_id, created_at, updated_at) SELECT :u, :t, 2, 0, 0 WHERE :u <> :t ON CONFLICT DO NOTHING;
";

/// The number of a relationship type.
#[derive(diesel::QueryableByName)]
struct TypeId {
    #[diesel(sql_type = Integer)]
    id: i32,
}

/// The server. Dropping it stops its process.
pub struct Cluster {
    programs: PathBuf,
    server: Child,
    folder: TempDir,
}

impl Cluster {
    /// Starts a server; `None` if the programs of PostgreSQL, including `pgbench`, are not installed.
    pub fn start() -> Option<Self> {
        let programs = programs()?;
        // The path of a socket has at most 100 bytes.
        let folder = tempfile::Builder::new().prefix("ur-load-").tempdir_in("/tmp").expect("a folder");
        let owner = unprivileged(folder.path());
        let run = |program: &str| {
            let mut command = Command::new(programs.join(program));
            if let Some((user, group)) = owner {
                command.uid(user).gid(group);
            }
            command.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        let made = run("initdb")
            .args(["-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"])
            .status();
        assert!(made.expect("`initdb` runs").success(), "`initdb` fails");
        let socket = folder.path().to_str().expect("a path of text");
        let settings = ["-c", "listen_addresses=", "-c", "max_connections=200", "-c", "shared_buffers=256MB"];
        let server = run("postgres").args(["-D", "data", "-k", socket]).args(settings).spawn().expect("it starts");
        let cluster = Self { programs, server, folder };
        let patience = Instant::now() + Duration::from_mins(1);
        while PgConnection::establish(&cluster.url()).is_err() {
            assert!(Instant::now() < patience, "PostgreSQL does not answer");
            thread::sleep(Duration::from_millis(50));
        }
        Some(cluster)
    }

    /// The URL of the server.
    pub fn url(&self) -> String {
        format!("postgres://postgres@/postgres?host={}", self.folder.path().display())
    }

    /// Creates another database and returns its URL.
    pub fn another(&self, name: &str) -> String {
        let mut conn = PgConnection::establish(&self.url()).expect("the server");
        conn.batch_execute(&format!("CREATE DATABASE {name}")).expect("another database");
        self.url().replacen("/postgres?", &format!("/{name}?"), 1)
    }

    /// Copies a database without connections, and returns the URL of the copy.
    pub fn copy(&self, original: &str, name: &str) -> String {
        let mut conn = PgConnection::establish(&self.url()).expect("the server");
        conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).expect("no such database");
        conn.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {original}")).expect("a copy");
        self.url().replacen("/postgres?", &format!("/{name}?"), 1)
    }

    /// Lists with counts per second, with this number of clients, in two statements.
    pub fn lists_and_counts(&self, users: u64, clients: usize, seconds: f64) -> f64 {
        self.pgbench(LIST_AND_COUNT, users, clients, seconds)
    }

    /// The same with the statement of the service.
    pub fn lists(&self, users: u64, clients: usize, seconds: f64) -> f64 {
        self.pgbench(LIST, users, clients, seconds)
    }

    /// Inserts per second, with this number of clients.
    pub fn inserts(&self, users: u64, clients: usize, seconds: f64) -> f64 {
        self.pgbench(INSERT, users, clients, seconds)
    }

    /// Collects statistics, without which the planner expects few rows of a table that was just filled.
    pub fn analyze(&self) {
        let mut conn = PgConnection::establish(&self.url()).expect("the server");
        conn.batch_execute("VACUUM ANALYZE").expect("statistics");
    }

    /// The number of a relationship type.
    pub fn type_id(&self, name: &str) -> i32 {
        let mut conn = PgConnection::establish(&self.url()).expect("the server");
        let query =
            diesel::sql_query("SELECT id::integer FROM relationship_types WHERE name = $1").bind::<Text, _>(name);
        query.get_result::<TypeId>(&mut conn).expect("the type exists").id
    }

    /// Transactions per second of a script, with this number of clients.
    pub fn pgbench(&self, script: &str, users: u64, clients: usize, seconds: f64) -> f64 {
        let file = self.folder.path().join("script.sql");
        fs::write(&file, script).expect("a file");
        let output = Command::new(self.programs.join("pgbench"))
            .args(["-n", "-M", "prepared", "-j", "2", "-U", "postgres", "-h"])
            .arg(self.folder.path())
            .args(["-c", &clients.to_string(), "-T", &(seconds.ceil() as u64).to_string()])
            .args(["-D", &format!("users={users}"), "-f"])
            .arg(&file)
            .arg("postgres")
            .output()
            .expect("`pgbench` runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        rate.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // No clean shutdown is needed, because the folder is deleted.
        drop(Command::new("kill").args(["-QUIT", &self.server.id().to_string()]).status());
        drop(self.server.wait());
    }
}

/// The folder of the newest installation.
fn programs() -> Option<PathBuf> {
    let configured = Command::new("pg_config").arg("--bindir").output().ok();
    let configured = configured.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut installed: Vec<_> = installed.map(|entry| entry.path().join("bin")).collect();
    installed.sort();
    let complete = |folder: &PathBuf| ["initdb", "postgres", "pgbench"].iter().all(|it| folder.join(it).is_file());
    installed.into_iter().rev().chain(configured).find(complete)
}

/// PostgreSQL does not run as root: the folder gets the user `postgres`, or `nobody`, as its owner.
fn unprivileged(folder: &Path) -> Option<(u32, u32)> {
    if fs::metadata(folder).expect("the folder").uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").expect("the users");
    let numbers = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    let (user, group) = numbers("postgres").or_else(|| numbers("nobody")).expect("a user to run PostgreSQL as");
    chown(folder, Some(user), Some(group)).expect("the folder's new owner");
    Some((user, group))
}

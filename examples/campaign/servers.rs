//! The servers of PostgreSQL: a primary, a replica of it, and `PgBouncer`, each of which may be killed.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use diesel::{Connection, PgConnection};
use user_relationships::store::url::DatabaseUrl;

use crate::support::cluster::PrivateServer;
use crate::support::network_proxy::NetworkProxy;
use crate::support::pgbouncer::{PgBouncer, program};
use crate::support::process::{kill_tree, until};
use crate::support::sql::Raw;

/// The first version that can rename prepared statements, as a pool for transactions must.
const RENAMES: (u32, u32) = (1, 21);
/// Set in the mount namespace of a campaign, in which it may mount disks of its own.
pub const NAMESPACE: &str = "CAMPAIGN_NAMESPACE";

/// The servers, and what is between them and the services.
pub struct Servers {
    primary: Mutex<LimitedServer>,
    replica: Mutex<LimitedServer>,
    pooler: Mutex<Option<PgBouncer>>,
    /// Between the first instance and the primary.
    pub proxy: Mutex<NetworkProxy>,
}

impl Servers {
    /// Starts them; `None` without the programs of PostgreSQL.
    pub fn start() -> Option<Self> {
        let primary = LimitedServer::new(PrivateServer::start()?);
        let mut raw = connect(&primary.server.url("postgres"));
        // A replica that was away finds what it has missed.
        raw.run("ALTER SYSTEM SET wal_keep_size = '256MB'");
        raw.run("ALTER SYSTEM SET wal_retrieve_retry_interval = '100ms'");
        raw.run("SELECT pg_reload_conf()");
        let replica = LimitedServer::new(primary.server.standby());
        Some(Self {
            pooler: Mutex::new(start_pooler(&primary.server)),
            proxy: Mutex::new(NetworkProxy::to(&primary.server.socket())),
            primary: Mutex::new(primary),
            replica: Mutex::new(replica),
        })
    }

    /// The URL of the primary.
    pub fn url(&self) -> String {
        self.primary.lock().expect("the primary").server.url("postgres")
    }

    /// What an instance connects to: the URLs of the primary and of a replica. The first instance has the proxy and the
    /// replica, the others the pooler.
    pub fn urls_for(&self, instance: usize) -> (String, Option<String>) {
        if instance == 0 {
            let replica = self.replica.lock().expect("the replica").server.url("postgres");
            return (self.proxy.lock().expect("the proxy").url("postgres"), Some(replica));
        }
        let pooled = self.pooler.lock().expect("the pooler").as_ref().map(|pooler| pooler.url("postgres"));
        (pooled.unwrap_or_else(|| self.url()), None)
    }

    /// Kills the primary and all its processes with SIGKILL, and starts it again.
    pub fn kill_primary(&self) {
        kill(&mut self.primary.lock().expect("the primary").server);
    }

    /// Kills the replica and all its processes with SIGKILL, and starts it again.
    pub fn kill_replica(&self) {
        kill(&mut self.replica.lock().expect("the replica").server);
    }

    /// Kills the pooler with SIGKILL, and starts it again; returns whether there is one.
    pub fn kill_pooler(&self) -> bool {
        self.pooler.lock().expect("the pooler").as_mut().map(PgBouncer::kill).is_some()
    }

    /// Makes the replica synchronous, kills the primary with SIGKILL, promotes the replica, and makes a new one. The
    /// instances must be started again.
    pub fn promote_replica(&self) {
        let mut primary = self.primary.lock().expect("the primary");
        let mut replica = self.replica.lock().expect("the replica");
        let mut raw = connect(&primary.server.url("postgres"));
        raw.run("ALTER SYSTEM SET synchronous_standby_names = '*'");
        raw.run("SELECT pg_reload_conf()");
        let is_synchronous = "SELECT count(*) AS number FROM pg_stat_replication WHERE sync_state = 'sync'";
        until("the replica is synchronous", Duration::from_secs(30), || raw.number(is_synchronous) == 1);
        // Commits that began before are not replicated.
        thread::sleep(Duration::from_secs(3));
        drop(raw);
        kill_processes(&primary.server);
        let mut raw = connect(&replica.server.url("postgres"));
        raw.run("SELECT pg_promote()");
        let new = LimitedServer::new(replica.server.standby());
        *primary = std::mem::replace(&mut *replica, new);
        *self.proxy.lock().expect("the proxy") = NetworkProxy::to(&primary.server.socket());
        *self.pooler.lock().expect("the pooler") = start_pooler(&primary.server);
    }

    /// Fills the disk of the primary for a time; returns whether it has a disk of its own.
    pub fn fill_disk(&self, time: Duration) -> bool {
        let mut primary = self.primary.lock().expect("the primary");
        let Some(disk) = primary.disk.clone() else { return false };
        let ballast = disk.join("ballast");
        let end = Instant::now() + time;
        // Until the disk is full, and again, because other processes free some of it.
        while Instant::now() < end {
            let mut fill = Command::new("dd");
            fill.args(["if=/dev/zero", "bs=64k", "oflag=append", "conv=notrunc", "status=none"]);
            drop(fill.arg(format!("of={}", ballast.display())).stderr(Stdio::null()).status());
            thread::sleep(Duration::from_millis(50));
        }
        drop(fs::remove_file(&ballast));
        // It ends if it cannot write its log even while it recovers. Then its supervisor, here this program, starts it again.
        thread::sleep(Duration::from_millis(200));
        if !postmaster(&primary.server).is_some_and(|id| PathBuf::from(format!("/proc/{id}")).exists()) {
            primary.server.stop();
            primary.server.start_again();
        }
        true
    }
}

/// A server whose data is on a disk of its own, if the campaign may mount one.
struct LimitedServer {
    server: PrivateServer,
    disk: Option<PathBuf>,
}

impl LimitedServer {
    /// Moves the data of a running server to a disk in memory.
    fn new(mut server: PrivateServer) -> Self {
        if std::env::var_os(NAMESPACE).is_none() {
            return Self { server, disk: None };
        }
        server.stop();
        let (data, moved) = (server.folder().join("data"), server.folder().join("moved"));
        fs::rename(&data, &moved).expect("a new name");
        fs::create_dir(&data).expect("a folder");
        let script = "mount -t tmpfs -o size=1500m none data && cp -a moved/. data/ && chown --reference=moved data \
                      && chmod 700 data && rm -r moved";
        let done = Command::new("sh").args(["-c", script]).current_dir(server.folder()).status();
        assert!(done.expect("a shell").success(), "a disk for {}", data.display());
        server.start_again();
        Self { server, disk: Some(data) }
    }
}

impl Drop for LimitedServer {
    fn drop(&mut self) {
        self.server.stop();
        if let Some(disk) = &self.disk {
            drop(Command::new("umount").arg("-l").arg(disk).status());
        }
    }
}

fn start_pooler(server: &PrivateServer) -> Option<PgBouncer> {
    let (path, version) = program()?;
    let (mode, settings) =
        if version < RENAMES { ("session", "") } else { ("transaction", "max_prepared_statements = 200") };
    Some(PgBouncer::start(&path, server, mode, &format!("{settings}\nserver_login_retry = 1")))
}

fn kill(server: &mut PrivateServer) {
    kill_processes(server);
    server.stop();
    thread::sleep(Duration::from_millis(200));
    server.start_again();
}

/// Processes that outlive the first one would keep its shared memory, so all end at the same moment.
fn kill_processes(server: &PrivateServer) {
    kill_tree(postmaster(server).expect("a running server"));
}

/// The first process of a server, according to its file.
fn postmaster(server: &PrivateServer) -> Option<u32> {
    let text = fs::read_to_string(server.folder().join("data/postmaster.pid")).ok()?;
    text.lines().next()?.parse().ok()
}

/// Connects, after a server has recovered.
pub fn connect(url: &str) -> Raw {
    let url = DatabaseUrl::parse(url).expect("a URL");
    if let DatabaseUrl::Postgres(text) = &url {
        until("PostgreSQL has recovered", Duration::from_mins(1), || PgConnection::establish(text.as_str()).is_ok());
    }
    Raw::connect(&url)
}

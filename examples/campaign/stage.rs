//! The service, its database and the network between them, all of which may fail.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};
use std::{fs, thread};

use diesel::{Connection, PgConnection};
use user_relationships::store::url::DatabaseUrl;

use super::{Plan, Weakness};
use crate::support::cluster::PrivateServer;
use crate::support::network_proxy::NetworkProxy;
use crate::support::process::{Service, new_user_token, program_after_shell, until};
use crate::support::sql::Raw;
use crate::support::{Client, Engine, json};

pub const USERS: &str = "/api/v2/users";
pub const EDGES: &str = "/api/v2/user-relationships";
/// Users may have one relationship of this type, and no path of it leads back.
pub const TREE: &str = "boss";

const SETTINGS: &[(&str, &str)] = &[
    ("DATABASE_POOL_SIZE", "8"),
    ("DATABASE_TIMEOUT", "2s"),
    ("REQUEST_TIMEOUT", "5s"),
    ("AUTH_REFRESH", "1m"),
    ("RUST_LOG", "error,user_relationships::cli=info"),
];

/// Where the data is.
pub enum Database {
    File(tempfile::TempDir),
    Server { server: Box<Mutex<PrivateServer>>, proxy: Mutex<NetworkProxy> },
}

pub struct Stage {
    pub engine: Engine,
    pub database: Database,
    pub services: Mutex<Vec<Option<Service>>>,
    addresses: RwLock<Vec<SocketAddr>>,
    token: String,
    /// How often each fault happened.
    pub faults: Mutex<BTreeMap<&'static str, usize>>,
    /// The longest time without an acknowledged write during each fault.
    pub outages: Mutex<Vec<(Duration, String)>>,
    last_success: Mutex<(Instant, Duration)>,
    /// The durations of acknowledged writes.
    pub latencies: Mutex<Vec<Duration>>,
}

impl Stage {
    /// One instance on SQLite, two on PostgreSQL behind a proxy.
    pub fn start(engine: Engine, plan: &Plan) -> Option<Self> {
        let database = match engine {
            Engine::Sqlite => Database::File(tempfile::tempdir().expect("a folder")),
            Engine::Postgres => {
                let server = PrivateServer::start()?;
                let proxy = Mutex::new(NetworkProxy::to(&server.socket()));
                Database::Server { server: Box::new(Mutex::new(server)), proxy }
            }
        };
        let mut stage = Self {
            engine,
            database,
            services: Mutex::default(),
            addresses: RwLock::default(),
            token: String::new(),
            faults: Mutex::default(),
            outages: Mutex::default(),
            last_success: Mutex::new((Instant::now(), Duration::ZERO)),
            latencies: Mutex::default(),
        };
        stage.token = new_user_token(&stage.url(), "root@example.com", "admin");
        if engine == Engine::Postgres {
            let mut raw = stage.raw();
            match plan.weakness {
                // The server of the tests is tuned for speed; acknowledged writes need the default.
                Weakness::None => raw.run("ALTER DATABASE postgres SET synchronous_commit = on"),
                Weakness::AsynchronousCommit => {
                    raw.run("ALTER DATABASE postgres SET synchronous_commit = off");
                    raw.run("ALTER SYSTEM SET wal_writer_delay = '10s'");
                    raw.run("SELECT pg_reload_conf()");
                }
            }
        }
        let instances = if engine == Engine::Sqlite { 1 } else { 2 };
        let services: Vec<_> = (0..instances).map(|_| stage.new_service()).collect();
        *stage.addresses.write().expect("addresses") = services.iter().map(|service| service.address).collect();
        *stage.services.lock().expect("services") = services.into_iter().map(Some).collect();
        let tree = json!({"data": {"type": "relationship-types", "id": TREE,
            "attributes": {"is-acyclic": true, "max-per-user": 1, "user-role": "reports", "target-role": "bosses"}}});
        stage.client(0).post("/api/v2/relationship-types", &tree).expect(201);
        Some(stage)
    }

    /// The URL of the database, without the proxy.
    pub fn url(&self) -> String {
        match &self.database {
            Database::File(folder) => format!("sqlite://{}", folder.path().join("campaign.db").display()),
            Database::Server { server, .. } => server.lock().expect("the server").url("postgres"),
        }
    }

    /// A connection to the database, without the proxy.
    pub fn raw(&self) -> Raw {
        connect(&self.url())
    }

    fn new_service(&self) -> Service {
        match &self.database {
            // A full disk is a limit of its files, which the process survives.
            Database::File(_) => {
                let shell = program_after_shell("trap '' XFSZ; exec \"$0\" \"$@\"");
                Service::start_as(shell, &self.url(), SETTINGS)
            }
            Database::Server { proxy, .. } => {
                let url = proxy.lock().expect("the proxy").url("postgres");
                Service::start(&url, SETTINGS)
            }
        }
    }

    pub fn instances(&self) -> usize {
        self.addresses.read().expect("addresses").len()
    }

    /// The present address of an instance.
    pub fn address(&self, number: usize) -> SocketAddr {
        let addresses = self.addresses.read().expect("addresses");
        addresses[number % addresses.len()]
    }

    /// A new admin client of an instance.
    pub fn client(&self, number: usize) -> Client {
        Client::new(self.address(number), 0, Some(format!("Token token={}", self.token)))
    }

    /// Kills an instance with SIGKILL.
    pub fn kill_service(&self, number: usize) {
        if let Some(service) = self.services.lock().expect("services")[number].take() {
            service.kill();
        }
    }

    /// Starts an instance that was killed.
    pub fn start_service(&self, number: usize) {
        let service = self.new_service();
        self.addresses.write().expect("addresses")[number] = service.address;
        self.services.lock().expect("services")[number] = Some(service);
    }

    /// The process id of an instance.
    pub fn service_id(&self, number: usize) -> Option<u32> {
        self.services.lock().expect("services")[number].as_ref().map(Service::id)
    }

    /// Kills the server of the database and all its processes with SIGKILL, and starts it again.
    pub fn kill_database(&self) {
        let Database::Server { server, .. } = &self.database else { return };
        let mut server = server.lock().expect("the server");
        let text = fs::read_to_string(server.folder().join("data/postmaster.pid")).expect("a running server");
        let id: u32 = text.lines().next().and_then(|line| line.parse().ok()).expect("its process id");
        let processes: Vec<_> = [id].into_iter().chain(children(id)).map(|id| id.to_string()).collect();
        // At the same moment: processes that outlive the first one keep its shared memory.
        drop(Command::new("kill").arg("-KILL").args(&processes).stderr(std::process::Stdio::null()).status());
        server.stop();
        thread::sleep(Duration::from_millis(200));
        server.start_again();
    }

    /// Makes a synchronous standby, kills the primary with SIGKILL, and promotes the standby.
    pub fn promote_standby(&self) {
        let Database::Server { server, proxy } = &self.database else { return };
        let mut primary = server.lock().expect("the server");
        let standby = primary.standby();
        let mut raw = connect(&primary.url("postgres"));
        raw.run("ALTER SYSTEM SET synchronous_standby_names = '*'");
        raw.run("SELECT pg_reload_conf()");
        let is_synchronous = "SELECT count(*) AS number FROM pg_stat_replication WHERE sync_state = 'sync'";
        until("the standby is synchronous", Duration::from_secs(30), || raw.number(is_synchronous) == 1);
        // Commits that began before are not replicated.
        thread::sleep(Duration::from_secs(3));
        drop(raw);
        let old = std::mem::replace(&mut *primary, standby);
        // Dropping it cuts its connections without a last checkpoint, as a kill does.
        drop(old);
        connect(&primary.url("postgres")).run("SELECT pg_promote()");
        *proxy.lock().expect("the proxy") = NetworkProxy::to(&primary.socket());
        drop(primary);
        for number in 0..self.instances() {
            self.kill_service(number);
            self.start_service(number);
        }
    }

    /// Counts a fault.
    pub fn count(&self, fault: &'static str) {
        *self.faults.lock().expect("faults").entry(fault).or_default() += 1;
    }

    /// Remembers that a write was acknowledged.
    pub fn note_success(&self) {
        let mut last = self.last_success.lock().expect("a time");
        *last = (Instant::now(), last.1.max(last.0.elapsed()));
    }

    /// Whether a write was acknowledged after a moment.
    pub fn has_succeeded_since(&self, moment: Instant) -> bool {
        self.last_success.lock().expect("a time").0 > moment
    }

    /// The longest time without an acknowledged write since the last call.
    pub fn take_outage(&self) -> Duration {
        let mut last = self.last_success.lock().expect("a time");
        let since = last.0.elapsed();
        std::mem::take(&mut last.1).max(since)
    }
}

/// Connects, after a server of PostgreSQL has recovered.
fn connect(url: &str) -> Raw {
    let url = DatabaseUrl::parse(url).expect("a URL");
    if let DatabaseUrl::Postgres(text) = &url {
        until("PostgreSQL has recovered", Duration::from_mins(1), || PgConnection::establish(text.as_str()).is_ok());
    }
    Raw::connect(&url)
}

/// The processes that a process started.
fn children(parent: u32) -> Vec<u32> {
    let ids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_child = |id: &u32| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // The name, in parentheses, may contain spaces.
        let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().nth(1).map(str::to_owned));
        fields.flatten().is_some_and(|field| field == parent.to_string())
    };
    ids.filter(is_child).collect()
}

//! The service, its database and the network between them, all of which may fail.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use super::servers::{Servers, connect};
use super::wall_clock::{self, WallClock};
use super::{Plan, Weakness};
use crate::support::process::{Service, new_user_token, program, program_after_shell};
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
    Servers(Box<Servers>),
}

pub struct Stage {
    pub engine: Engine,
    pub database: Database,
    pub clock: Option<WallClock>,
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
    /// One instance on SQLite, two on PostgreSQL.
    pub fn start(engine: Engine, plan: &Plan) -> Option<Self> {
        let database = match engine {
            Engine::Sqlite => Database::File(tempfile::tempdir().expect("a folder")),
            Engine::Postgres => Database::Servers(Box::new(Servers::start()?)),
        };
        let mut stage = Self {
            engine,
            database,
            clock: WallClock::new(),
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
        let services: Vec<_> = (0..instances).map(|number| stage.new_service(number)).collect();
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
            Database::Servers(servers) => servers.url(),
        }
    }

    /// A connection to the database, without the proxy.
    pub fn raw(&self) -> Raw {
        connect(&self.url())
    }

    /// Starts an instance, again and again while its database is away, as a supervisor does.
    fn new_service(&self, number: usize) -> Service {
        let begun = Instant::now();
        loop {
            match self.try_new_service(number) {
                Ok(service) => return service,
                Err(log) if begun.elapsed() > Duration::from_mins(1) => panic!("the service does not listen: {log:?}"),
                Err(_) => thread::sleep(Duration::from_millis(200)),
            }
        }
    }

    fn try_new_service(&self, number: usize) -> Result<Service, Vec<String>> {
        let (mut command, url, replica) = match &self.database {
            // A full disk is a limit of its files, which the process survives.
            Database::File(_) => (program_after_shell("trap '' XFSZ; exec \"$0\" \"$@\""), self.url(), None),
            Database::Servers(servers) => {
                let (url, replica) = servers.urls_for(number);
                (program(), url, replica)
            }
        };
        if let Some(clock) = &self.clock {
            clock.add_to(&mut command);
        }
        let replica = replica.as_ref().map(|url| ("DATABASE_READ_URL", url.as_str()));
        let settings: Vec<_> = SETTINGS.iter().copied().chain(replica).collect();
        Service::try_start_as(command, &url, &settings)
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

    /// An address that shows every write at once: that of an instance without a replica.
    pub fn primary_address(&self) -> SocketAddr {
        self.address(self.instances() - 1)
    }

    /// Kills an instance with SIGKILL.
    pub fn kill_service(&self, number: usize) {
        if let Some(service) = self.services.lock().expect("services")[number].take() {
            let id = service.id();
            service.kill();
            wall_clock::clean_up(id);
        }
    }

    /// Starts an instance that was killed.
    pub fn start_service(&self, number: usize) {
        let service = self.new_service(number);
        self.addresses.write().expect("addresses")[number] = service.address;
        self.services.lock().expect("services")[number] = Some(service);
    }

    /// The process id of an instance.
    pub fn service_id(&self, number: usize) -> Option<u32> {
        self.services.lock().expect("services")[number].as_ref().map(Service::id)
    }

    /// Kills the primary, promotes the replica, and starts all instances again.
    pub fn promote_replica(&self, servers: &Servers) {
        servers.promote_replica();
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

//! The instances of the service and their database, which may be killed.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};
use std::thread;
use std::time::Duration;

use user_relationships::store::url::DatabaseUrl;

use crate::support::app::{Engine, Home};
use crate::support::cluster::PrivateServer;
use crate::support::feed_copy::TREE;
use crate::support::graph::register;
use crate::support::load::user;
use crate::support::process::{PATIENCE, Service, new_user_token, until};
use crate::support::random::Random;
use crate::support::sql::Raw;
use crate::support::{Client, json};

const PEOPLE: usize = 24;
const SETTINGS: &[(&str, &str)] = &[("DATABASE_POOL_SIZE", "12"), ("DATABASE_TIMEOUT", "2s"), ("AUTH_REFRESH", "1m")];

/// Lets each transaction pause before its commit, and some roll back, after it has drawn the id of its set.
const PAUSES_OF_POSTGRES: &str = "
    CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_sleep(random() * 0.02);
        IF random() < 0.03 THEN RAISE EXCEPTION 'a conflict of the test' USING ERRCODE = '40001'; END IF;
        IF random() < 0.03 THEN RAISE EXCEPTION 'a rollback of the test'; END IF;
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER pause AFTER INSERT ON unnumbered_changes DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (NEW.place = 0) EXECUTE FUNCTION pause()";
/// Rolls some jobs back after they have got their numbers.
const ROLLBACKS_OF_SQLITE: &str = "
    CREATE TRIGGER pause AFTER INSERT ON changes WHEN NEW.place = 0 AND abs(random()) % 30 = 0
    BEGIN SELECT RAISE(ABORT, 'a rollback of the test'); END";

/// The database.
enum Database {
    File(#[expect(dead_code, reason = "it removes the file when it is dropped")] Home),
    Server(Mutex<PrivateServer>),
}

/// The service on a database.
pub struct Stage {
    database: Database,
    text: String,
    token: String,
    services: Mutex<Vec<Option<Service>>>,
    addresses: RwLock<Vec<SocketAddr>>,
    killed_services: AtomicUsize,
    killed_databases: AtomicUsize,
    /// Users for the writes.
    pub people: Vec<i64>,
    /// Relationships that a writer has seen.
    pub edges: Mutex<Vec<i64>>,
}

impl Stage {
    /// Two instances on PostgreSQL, one on SQLite.
    pub fn on(engine: Engine) -> Option<Self> {
        let (database, text) = match engine {
            Engine::Sqlite => {
                let home = Home::new(engine)?;
                let text = home.text();
                (Database::File(home), text)
            }
            Engine::Postgres => {
                let server = PrivateServer::start()?;
                let text = server.url("postgres");
                (Database::Server(Mutex::new(server)), text)
            }
        };
        let token = new_user_token(&text, "root@example.com", "admin");
        let instances = if engine == Engine::Sqlite { 1 } else { 2 };
        let mut raw = Raw::connect(&DatabaseUrl::parse(&text).expect("a URL"));
        if engine == Engine::Postgres {
            // The test server is tuned for speed; acknowledged writes need the default.
            raw.run("ALTER DATABASE postgres SET synchronous_commit = on");
        }
        let services: Vec<_> = (0..instances).map(|_| Service::start(&text, SETTINGS)).collect();
        let admin = services[0].client(&token);
        let rules = json!({"is-acyclic": true, "max-per-user": 1, "user-role": "reports", "target-role": "bosses"});
        register(&admin, TREE, &rules);
        let create = |number| admin.post("/api/v2/users", &user(&format!("u{number}@example.com"))).expect(201).id();
        let people = (0..PEOPLE).map(create).collect();
        raw.run(if engine == Engine::Postgres { PAUSES_OF_POSTGRES } else { ROLLBACKS_OF_SQLITE });
        Some(Self {
            addresses: RwLock::new(services.iter().map(|service| service.address).collect()),
            services: Mutex::new(services.into_iter().map(Some).collect()),
            killed_services: AtomicUsize::new(0),
            killed_databases: AtomicUsize::new(0),
            edges: Mutex::default(),
            database,
            text,
            token,
            people,
        })
    }

    /// The URL of the database, for processes.
    pub fn text(&self) -> String {
        self.text.clone()
    }

    /// The URL of the database.
    pub fn url(&self) -> DatabaseUrl {
        DatabaseUrl::parse(&self.text).expect("a URL")
    }

    /// A connection of its own.
    pub fn raw(&self) -> Raw {
        Raw::connect(&self.url())
    }

    /// A new admin client of one of the instances.
    pub fn client(&self, number: usize) -> Client {
        let address = self.address(number);
        Client::new(address, 0, Some(format!("Token token={}", self.token)))
    }

    /// The present address of one of the instances.
    pub fn address(&self, number: usize) -> SocketAddr {
        let addresses = self.addresses.read().expect("addresses");
        addresses[number % addresses.len()]
    }

    pub fn killed_services(&self) -> usize {
        self.killed_services.load(Ordering::Relaxed)
    }

    pub fn killed_databases(&self) -> usize {
        self.killed_databases.load(Ordering::Relaxed)
    }

    /// Kills an instance with SIGKILL, and starts another one.
    pub fn kill_service(&self, random: &mut Random) {
        let mut services = self.services.lock().expect("services");
        let number = random.below(services.len());
        services[number].take().expect("a service").kill();
        let service = Service::start(&self.text, SETTINGS);
        self.addresses.write().expect("addresses")[number] = service.address;
        services[number] = Some(service);
        self.killed_services.fetch_add(1, Ordering::Relaxed);
    }

    /// Stops PostgreSQL immediately, which leaves the recovery to its next start, and starts it again.
    pub fn restart_database(&self) {
        if let Database::Server(server) = &self.database {
            let mut server = server.lock().expect("the server");
            server.stop();
            server.start_again();
            self.killed_databases.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Kills a process of PostgreSQL with SIGKILL: the server ends all others and recovers.
    pub fn crash_database(&self) {
        if let Database::Server(_) = &self.database {
            let mut raw = self.raw();
            let id = raw.number("SELECT CAST(pg_backend_pid() AS BIGINT) AS number").to_string();
            assert!(Command::new("kill").args(["-KILL", &id]).status().expect("`kill` runs").success());
            until("the server has noticed it", PATIENCE, || !raw.attempt("SELECT 1"));
            self.killed_databases.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// On SQLite, where transactions run one at a time, lets them wait for another process again and again.
    pub fn hold_writers_while(&self, is_wanted: &AtomicBool) {
        let Database::File(_) = &self.database else { return };
        let (mut raw, mut random) = (self.raw(), Random::new(7));
        while is_wanted.load(Ordering::Relaxed) {
            if raw.attempt("BEGIN IMMEDIATE") {
                thread::sleep(Duration::from_millis(random.below(30) as u64));
                raw.run("ROLLBACK");
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

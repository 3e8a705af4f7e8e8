//! A running service: the same `App` that `main` builds, on a database of its own.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use actix_web::web;
use tempfile::TempDir;
use tokio::sync::oneshot;
use user_relationships::app::build_state;
use user_relationships::auth::token;
use user_relationships::clock::Clock;
use user_relationships::config::{Config, RawSettings};
use user_relationships::domain::users;
use user_relationships::http::forms::config::catalogue::Catalogue;
use user_relationships::model::caller::Caller;
use user_relationships::model::change::ChangeOrigin;
use user_relationships::model::error::Result;
use user_relationships::model::id::UserId;
use user_relationships::model::time::Timestamp;
use user_relationships::model::token::NewToken;
use user_relationships::model::user::{Field, Value};
use user_relationships::server;
use user_relationships::store::url::DatabaseUrl;
use user_relationships::store::{Cost, Store, Tx, migrations};

use super::citus::{skips_on_spread_rows, spread_rows};
use super::client::Client;
use super::cluster::{self, Cluster};
use super::forms;
use super::skip::skip;

/// The database that a service uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file in a temporary folder.
    Sqlite,
    /// A database in the tests' own cluster.
    Postgres,
}

/// The database of a test, which is dropped with this value.
pub enum Home {
    /// The folder of an SQLite file.
    Folder(TempDir),
    /// The name of a PostgreSQL database, and its server.
    Database(String, &'static Cluster),
}

impl Home {
    /// An empty, migrated database; `None` without PostgreSQL.
    pub fn new(engine: Engine) -> Option<Self> {
        Self::on(engine, cluster::cluster)
    }

    /// The same, for tests that revert migrations; `None` also where rows are spread over nodes, which are not reverted.
    pub fn revertible(engine: Engine) -> Option<Self> {
        if engine == Engine::Postgres && skips_on_spread_rows("migrations are not reverted") {
            return None;
        }
        Self::new(engine)
    }

    /// The same, never behind a pooler: for what the service does only on a direct connection.
    pub fn direct(engine: Engine) -> Option<Self> {
        Self::on(engine, cluster::direct_cluster)
    }

    fn on(engine: Engine, cluster: fn() -> std::result::Result<&'static Cluster, String>) -> Option<Self> {
        if engine == Engine::Sqlite {
            let home = Self::Folder(tempfile::tempdir().expect("a temporary folder"));
            migrations::run(&home.url(), true).expect("the migrations run on SQLite");
            return Some(home);
        }
        match cluster() {
            Ok(cluster) => Some(Self::create(cluster)),
            Err(reason) => {
                skip(&format!("PostgreSQL: {reason}"));
                None
            }
        }
    }

    fn create(cluster: &'static Cluster) -> Self {
        static TEMPLATES: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let process = std::process::id();
        let template = format!("ur_{process}_template");
        // If the first creation panics, this panics in all later tests.
        let mut templates = TEMPLATES.lock().expect("the templates");
        if templates.insert(cluster.admin_url()) {
            cluster.create_database(&template, None);
            let url = DatabaseUrl::parse(&cluster.url(&template)).expect("the cluster's URL");
            migrations::run(&url, false).expect("the migrations run on PostgreSQL");
            if matches!(cluster, Cluster::Citus(_)) {
                spread_rows(&url);
            }
            cluster.close_template(&template);
        }
        drop(templates);
        let name = format!("ur_{process}_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        cluster.create_database(&name, Some(&template));
        Self::Database(name, cluster)
    }

    /// Another one of the same kind.
    pub fn another(&self) -> Self {
        match self {
            Self::Folder(_) => Self::new(Engine::Sqlite).expect("SQLite is always there"),
            Self::Database(_, cluster) => Self::create(cluster),
        }
    }

    /// The `DATABASE_URL`.
    pub fn url(&self) -> DatabaseUrl {
        DatabaseUrl::parse(&self.text()).expect("the URL of a test's database")
    }

    /// The `DATABASE_URL` for a process.
    pub fn text(&self) -> String {
        match self {
            Self::Folder(folder) => format!("sqlite://{}", folder.path().join("test.db").display()),
            Self::Database(name, cluster) => cluster.url(name),
        }
    }

    /// The SQLite file, if it is one.
    pub fn file(&self) -> Option<PathBuf> {
        match self {
            Self::Folder(folder) => Some(folder.path().join("test.db")),
            Self::Database(..) => None,
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Self::Database(name, cluster) = self {
            cluster.drop_database(name);
        }
    }
}

/// A running service with direct access to its data.
pub struct App {
    /// Its settings.
    pub config: Config,
    /// Its store; the service has another on the same database.
    pub store: Store,
    /// Its clock.
    pub clock: Clock,
    address: SocketAddr,
    close: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
    names: AtomicU32,
    home: Arc<Home>,
    forms: Option<Arc<TempDir>>,
}

/// Runs a test on one database; without PostgreSQL it prints a message and does nothing.
pub fn run(engine: Engine, settings: fn(&mut Config), test: fn(&App)) {
    if let Some(home) = Home::new(engine) {
        test(&App::start(home, settings));
    }
}

/// The settings of a service without flags and variables, with a database and a free port.
pub fn config(url: DatabaseUrl) -> Config {
    let mut config =
        Config::check(&RawSettings::defaults().expect("the defaults parse")).expect("the defaults are legal");
    config.database_url = url;
    config.database_pool_size = 4;
    config.workers = 1;
    // All clients of a test have one address; other tests check the limit of failures.
    config.auth_failure_limit = 1_000_000;
    // The clients of a finished test keep idle connections; the service must not wait for them.
    config.shutdown_timeout = std::time::Duration::ZERO;
    config.listen = ([127, 0, 0, 1], 0).into();
    config
}

impl App {
    /// Starts a service.
    pub fn start(home: Home, settings: fn(&mut Config)) -> Self {
        let mut config = config(home.url());
        settings(&mut config);
        Self::start_on(Arc::new(home), config, None)
    }

    /// Starts a service with its own form configurations: names of files and their texts.
    pub fn start_with_forms(home: Home, files: &[(&str, &str)]) -> Self {
        let folder = forms::folder(files);
        let config = Config { forms_dir: Some(folder.path().to_owned()), ..config(home.url()) };
        Self::start_on(Arc::new(home), config, Some(Arc::new(folder)))
    }

    /// Another instance of the service on the same database, with the same settings.
    pub fn beside(&self) -> Self {
        Self::start_on(Arc::clone(&self.home), self.config.clone(), self.forms.clone())
    }

    fn start_on(home: Arc<Home>, config: Config, folder: Option<Arc<TempDir>>) -> Self {
        let clock = Clock::System;
        let open = || Store::open(&config.store_settings(), clock.clone()).expect("the database opens");
        let (served, store) = (open(), open());
        let forms = Catalogue::load_or_built_in(config.forms_dir.as_deref()).expect("forms that are accepted");
        let forms = Arc::new(forms);
        let (close, closed) = oneshot::channel::<()>();
        let (sender, receiver) = std::sync::mpsc::channel();
        let (theirs, time) = (config.clone(), clock.clone());
        let server = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let state = web::Data::new(build_state(&theirs, served, time, forms));
                let until = async { drop(closed.await) };
                let (server, address) = server::start(&theirs, state, until).expect("a free port");
                sender.send(address).expect("the test waits");
                server.await.expect("the server ends well");
            });
        });
        let address = receiver.recv().expect("the server starts");
        let names = AtomicU32::new(0);
        Self { config, store, clock, address, close: Some(close), server: Some(server), names, home, forms: folder }
    }

    /// The URL of its database.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// A new user of that level, with a token, as a client.
    pub fn caller(&self, level: &str) -> Client {
        let number = self.names.fetch_add(1, Ordering::Relaxed);
        self.named(&format!("{level}{number}@example.com"), level)
    }

    /// A new ordinary user.
    pub fn user(&self) -> Client {
        self.caller("user")
    }

    /// A new admin.
    pub fn admin(&self) -> Client {
        self.caller("admin")
    }

    /// A client without credentials.
    pub fn anonymous(&self) -> Client {
        Client::new(self.address, 0, None)
    }

    /// A new user with that address and level.
    pub fn named(&self, email: &str, level: &str) -> Client {
        let changes =
            vec![(Field::Email, Value::Text(email.to_owned())), (Field::AccessLevel, Value::Text(level.to_owned()))];
        let id = self.write(move |tx| users::create(tx, &Caller::OPERATOR, None, &changes)).id;
        self.client_of(id)
    }

    /// The same user as a client of this instance.
    pub fn client_like(&self, client: &Client) -> Client {
        client.at(self.address)
    }

    /// A client with a new token of an existing user.
    pub fn client_of(&self, user: UserId) -> Client {
        let secret = self.token(user, None);
        Client::new(self.address, user.get(), Some(format!("Token token={secret}")))
    }

    /// A new token of a user.
    pub fn token(&self, user: UserId, expires_at: Option<Timestamp>) -> String {
        let (secret, digest) = token::generate().expect("random numbers");
        let new = NewToken { digest, user, name: None, expires_at, is_session: false };
        self.write(move |tx| tx.insert_token(&new));
        secret
    }

    /// Runs a read directly on the store.
    pub fn read<T: Send + 'static>(&self, job: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static) -> T {
        wait(self.store.read("test.read", Cost::Unbounded, job)).expect("the read succeeds")
    }

    /// Runs a write directly on the store.
    pub fn write<T: Send + 'static>(&self, job: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static) -> T {
        wait(self.store.write("test.write", ChangeOrigin::WITHOUT_CALLER, job)).expect("the write succeeds")
    }

    /// Compares every stored count with the rows, and the relationships with the rules of their types.
    #[expect(clippy::redundant_closure_for_method_calls, reason = "the bare method fits one lifetime only")]
    pub fn assert_no_drift(&self) {
        let report = self.read(|tx| tx.check());
        assert_eq!((report.repairable, report.violations), Default::default());
    }
}

/// Waits for a future of the store.
pub fn wait<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(work)
}

impl Drop for App {
    fn drop(&mut self) {
        drop(self.close.take());
        if let Some(server) = self.server.take() {
            drop(server.join());
        }
    }
}

//! What all handlers share: the store, authentication, settings and counters.

use actix_web::http::Method;
use chrono_tz::Tz;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

use crate::auth::Auth;
use crate::auth::password::Passwords;
use crate::clock::Clock;
use crate::config::Config;
use crate::http::change_readers::ChangeReaders;
use crate::http::cursor_key::CursorKey;
use crate::http::forms::config::catalogue::Catalogue;
use crate::http::keyed_locks::KeyedLocks;
use crate::http::middleware::metrics::HttpMetrics;
use crate::http::middleware::rate_limit::RateLimit;
use crate::http::operation_limiter::OperationLimiter;
use crate::http::paths;
use crate::http::urls::BaseUrl;
use crate::imports::service::ImportService;
use crate::model::database_problem::DatabaseProblem;
use crate::model::id::UserId;
use crate::model::network::Network;
use crate::store::{Store, migrations};

/// Requests with operations use at most one in this many connections.
const OPERATIONS_SHARE: u32 = 4;
/// How long the operations of one request may run on SQLite, where all other writers wait for them. 1,000 creates take
/// 40 ms on an idle machine.
const OPERATIONS_TIME: Duration = Duration::from_millis(500);
/// They may run for this fraction of `REQUEST_TIMEOUT` if that is longer.
const OPERATIONS_TIME_SHARE: u32 = 20;

/// What handlers and middleware share.
pub struct AppState {
    /// The database.
    pub store: Store,
    /// Authenticates callers.
    pub auth: Auth,
    /// Hashes and verifies passwords.
    pub passwords: Passwords,
    /// The lifetime of session tokens, in seconds.
    pub session_ttl: i64,
    /// The forms and types of the forms dialect.
    pub forms: Arc<Catalogue>,
    /// The start of all URLs, which clients sign as well.
    pub base: BaseUrl,
    /// The time zone of timestamps in responses.
    pub time_zone: Tz,
    /// The largest offset into a list.
    pub max_offset: i64,
    /// The largest request body, in bytes.
    pub max_body: usize,
    /// The imports of this instance.
    pub imports: ImportService,
    /// The largest upload of an import, in bytes.
    pub max_import: usize,
    /// How long an upload, or the check of a preview, may take.
    pub import_timeout: Duration,
    /// How long a request may take.
    pub request_timeout: Duration,
    /// The idempotency keys of requests in flight, by caller.
    pub idempotency_keys: KeyedLocks<(UserId, String)>,
    /// Limits requests with operations.
    pub operation_limiter: OperationLimiter,
    /// How long the operations of one request may run.
    pub operations_timeout: Duration,
    /// Metrics of requests.
    pub metrics: HttpMetrics,
    /// Whether `/explorer` is enabled.
    pub has_explorer: bool,
    /// The rate limit of each caller, if configured.
    pub rate_limit: Option<RateLimit>,
    /// Proxies whose `Forwarded` and `X-Forwarded-For` are trusted.
    pub trusted_proxies: Vec<Network>,
    /// Whether probes and metrics have their own address.
    pub has_admin_address: bool,
    /// One probe queries the database at a time, so that a hanging disk blocks one thread only.
    pub probe: Arc<Semaphore>,
    /// Readers that wait for changes.
    pub change_readers: Arc<ChangeReaders>,
    is_draining: AtomicBool,
    /// Why the database could not serve requests when it was last checked.
    database_problem: Mutex<Option<DatabaseProblem>>,
    /// The key that signs cursors.
    pub cursor_key: CursorKey,
    /// The start of generated request ids: random for each process, followed by a counter.
    request_prefix: String,
    requests: AtomicU64,
}

impl AppState {
    /// Creates the state. `patterns` are those of all routes, for the metrics.
    #[must_use]
    pub fn new(
        config: &Config,
        store: Store,
        clock: Clock,
        forms: Arc<Catalogue>,
        patterns: impl Iterator<Item = &'static str>,
    ) -> Self {
        let mut random = [0; 8];
        // Without randomness, two instances may generate the same request ids, which only makes logs harder to read.
        let _ = aws_lc_rs::rand::fill(&mut random);
        // SQLite has one writer; a second job would only wait for it.
        let is_postgres = store.engine_name() == "postgres";
        let operations = if is_postgres { (config.database_pool_size / OPERATIONS_SHARE).max(1) } else { 1 };
        let waiting = store.metrics().gauge("changes_readers_waiting", "Readers that wait for changes.");
        Self {
            auth: Auth::new(store.clone(), clock, &config.auth_settings()),
            passwords: Passwords::new(config.workers),
            session_ttl: i64::try_from(config.session_ttl.as_secs()).unwrap_or(i64::MAX),
            metrics: HttpMetrics::new(store.metrics(), store.engine_name(), &migrations::expected_version(), patterns),
            imports: ImportService::new(&store, config.import_timeout),
            store,
            forms,
            base: BaseUrl::new(config.public_url.as_deref()),
            time_zone: config.time_zone,
            max_offset: config.max_offset,
            max_body: config.max_body,
            max_import: config.max_import,
            import_timeout: config.import_timeout,
            request_timeout: config.request_timeout,
            idempotency_keys: KeyedLocks::default(),
            operation_limiter: OperationLimiter::new(usize::try_from(operations).unwrap_or(1)),
            operations_timeout: OPERATIONS_TIME.max(config.request_timeout / OPERATIONS_TIME_SHARE),
            has_explorer: config.explorer,
            rate_limit: config.rate_limit.map(RateLimit::new),
            trusted_proxies: config.trusted_proxies.clone(),
            has_admin_address: config.admin_listen.is_some(),
            probe: Arc::new(Semaphore::new(1)),
            change_readers: Arc::new(ChangeReaders::new(config.waiting_readers, waiting)),
            is_draining: AtomicBool::new(false),
            database_problem: Mutex::default(),
            cursor_key: CursorKey::default(),
            request_prefix: format!("{:016x}", u64::from_be_bytes(random)),
            requests: AtomicU64::new(0),
        }
    }

    /// How long a request of this method and path may take.
    #[must_use]
    pub fn timeout_of(&self, method: &Method, path: &str) -> Duration {
        if paths::takes_import_time(method, path) { self.import_timeout } else { self.request_timeout }
    }

    /// Generates an id for a request without one.
    #[must_use]
    pub fn new_request_id(&self) -> String {
        format!("{}-{:08x}", self.request_prefix, self.requests.fetch_add(1, Ordering::Relaxed))
    }

    /// Logs the result of a readiness check if it differs from the last one: probes come every few seconds.
    pub fn log_readiness(&self, problem: Option<&DatabaseProblem>) {
        let mut last = self.database_problem.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref() == problem {
            return;
        }
        *last = problem.cloned();
        match problem {
            Some(problem) => log::warn!(cause = problem.cause().unwrap_or("-"); "not ready: {problem}"),
            None => log::info!("ready again"),
        }
    }

    /// Marks the process as shutting down: `/readyz` returns 503, and requests that wait for changes are answered. Those that
    /// come later find it marked, and wait a short time only.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
        self.change_readers.close();
    }

    /// Whether the process is shutting down.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }
}

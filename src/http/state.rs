//! What all handlers share.

use aws_lc_rs::hmac;
use chrono_tz::Tz;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{OnceCell, Semaphore};

use crate::auth::Auth;
use crate::auth::password::Passwords;
use crate::clock::Clock;
use crate::config::Config;
use crate::http::forms::config::catalogue::Catalogue;
use crate::http::middleware::credentials;
use crate::http::middleware::metrics::HttpMetrics;
use crate::http::middleware::rate_limit::RateLimit;
use crate::http::v2::idempotency::Keys;
use crate::http::v2::turns::Turns;
use crate::model::error::{Error, Result};
use crate::model::network::Network;
use crate::store::{Cost, Store, Tx, migrations};

/// Requests of operations use at most one connection in this many.
const OPERATIONS_SHARE: u32 = 4;
/// On SQLite, how long the operations of one request may run: all other writers wait for them. 1,000 creates take 40 ms
/// on an idle machine.
const OPERATIONS_TIME: Duration = Duration::from_millis(500);
/// The fraction of a long `REQUEST_TIMEOUT` that they may run instead.
const OPERATIONS_TIME_SHARE: u32 = 20;

/// What handlers share.
pub struct State {
    /// The data.
    pub store: Store,
    /// Who is asking.
    pub auth: Auth,
    /// Hashes and verifies passwords.
    pub passwords: Passwords,
    /// How long the token of a session works, in seconds.
    pub session_ttl: i64,
    /// The forms and types of the forms dialect.
    pub forms: Arc<Catalogue>,
    /// Scheme and host as clients see them, where it is known.
    pub public_url: Option<String>,
    /// The zone in which times are shown.
    pub time_zone: Tz,
    /// The deepest offset.
    pub max_offset: i64,
    /// The largest request body, in bytes.
    pub max_body: usize,
    /// The longest that a request may take.
    pub request_timeout: Duration,
    /// The keys of requests with an `Idempotency-Key` that are running.
    pub keys: Keys,
    /// Turns of requests with many operations.
    pub turns: Turns,
    /// How long the operations of one request may keep other writers waiting.
    pub longest_operations: Duration,
    /// What is counted and measured of requests.
    pub measures: HttpMetrics,
    /// Whether `/explorer` is there.
    pub has_explorer: bool,
    /// How often each caller may ask, if that is limited.
    pub rate_limit: Option<RateLimit>,
    /// Whose word about clients is believed.
    pub trusted_proxies: Vec<Network>,
    /// Whether probes and metrics have an address of their own.
    pub has_admin_address: bool,
    /// One probe asks the database at a time; a disk that hangs keeps one thread and no more.
    pub probe: Arc<Semaphore>,
    is_draining: AtomicBool,
    /// What cursors are proved with; asked of the database once.
    cursor_key: OnceCell<hmac::Key>,
    /// Ids of requests: random for the process, counted within it.
    request_prefix: String,
    requests: AtomicU64,
}

impl State {
    /// What a configuration, a store and the forms make.
    #[must_use]
    pub fn new(config: &Config, store: Store, clock: Clock, forms: Arc<Catalogue>) -> Self {
        let mut random = [0; 8];
        // Without randomness ids of two instances may be alike, which confuses readers of logs and nobody else.
        let _ = aws_lc_rs::rand::fill(&mut random);
        // SQLite has one writer; a second job would only wait in its queue.
        let is_postgres = store.engine_name() == "postgres";
        let turns = if is_postgres { (config.database_pool_size / OPERATIONS_SHARE).max(1) } else { 1 };
        Self {
            auth: Auth::new(store.clone(), clock, &credentials::settings(config)),
            passwords: Passwords::new(config.workers),
            session_ttl: i64::try_from(config.session_ttl.as_secs()).unwrap_or(i64::MAX),
            measures: HttpMetrics::new(store.metrics(), store.engine_name(), &migrations::expected_version()),
            store,
            forms,
            public_url: config.public_url.clone(),
            time_zone: config.time_zone,
            max_offset: config.max_offset,
            max_body: config.max_body,
            request_timeout: config.request_timeout,
            keys: Keys::default(),
            turns: Turns::new(usize::try_from(turns).unwrap_or(1)),
            longest_operations: OPERATIONS_TIME.max(config.request_timeout / OPERATIONS_TIME_SHARE),
            has_explorer: config.explorer,
            rate_limit: config.rate_limit.map(RateLimit::new),
            trusted_proxies: config.trusted_proxies.clone(),
            has_admin_address: config.admin_listen.is_some(),
            probe: Arc::new(Semaphore::new(1)),
            is_draining: AtomicBool::new(false),
            cursor_key: OnceCell::new(),
            request_prefix: format!("{:016x}", u64::from_be_bytes(random)),
            requests: AtomicU64::new(0),
        }
    }

    /// An id for a request that brings none.
    #[must_use]
    pub fn new_request_id(&self) -> String {
        format!("{}-{:08x}", self.request_prefix, self.requests.fetch_add(1, Ordering::Relaxed))
    }

    /// The key of all cursors on this database, the same for every instance.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn cursor_key(&self) -> Result<&hmac::Key> {
        let ask = || async {
            let secret = self
                .store
                .read("secrets.cursor", Cost::Bounded, |tx: &mut Tx<'_>| tx.secret(migrations::CURSOR_SECRET))
                .await?;
            let secret =
                secret.ok_or_else(|| Error::Unavailable("the database has no key for cursors yet".to_owned()))?;
            Ok(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()))
        };
        self.cursor_key.get_or_try_init(ask).await
    }

    /// Says that the process is about to end, so that `/readyz` sends requests elsewhere.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    /// Whether the process is about to end.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }
}

//! Builds the service: the same for `main` and for every test.

use actix_cors::Cors;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Condition, NormalizePath, from_fn};
use actix_web::{App, Error as ActixError, web};
use aws_lc_rs::hmac;
use chrono_tz::Tz;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::OnceCell;

use crate::auth::Auth;
use crate::clock::Clock;
use crate::config::{Config, CorsOrigins};
use crate::http::{identity, middleware, routes};
use crate::model::error::{Error, Result};
use crate::store::{Cost, Store, Tx};

/// What handlers share.
pub struct State {
    /// The data.
    pub store: Store,
    /// Who is asking.
    pub auth: Auth,
    /// The zone in which times are shown.
    pub time_zone: Tz,
    /// The deepest offset.
    pub max_offset: i64,
    /// The largest request body, in bytes.
    pub max_body: usize,
    /// The longest that a request may take.
    pub request_timeout: Duration,
    cors_origins: CorsOrigins,
    is_draining: AtomicBool,
    /// What cursors are proved with; asked of the database once.
    cursor_key: OnceCell<hmac::Key>,
    /// Ids of requests: random for the process, counted within it.
    request_prefix: String,
    requests: AtomicU64,
}

impl State {
    /// What a configuration and a store make.
    #[must_use]
    pub fn new(config: &Config, store: Store, clock: Clock) -> Self {
        let mut random = [0; 8];
        // Without randomness ids of two instances may be alike, which confuses readers of logs and nobody else.
        let _ = aws_lc_rs::rand::fill(&mut random);
        Self {
            auth: Auth::new(store.clone(), clock, config.auth_refresh),
            store,
            time_zone: config.time_zone,
            max_offset: config.max_offset,
            max_body: config.max_body,
            request_timeout: config.request_timeout,
            cors_origins: config.cors_origins.clone(),
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
            let secret =
                self.store.read("secrets.cursor", Cost::Bounded, |tx: &mut Tx<'_>| tx.secret("cursor")).await?;
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

/// The service. From the outside in: id, log and error documents; CORS; the door; routes.
pub fn build(
    state: web::Data<State>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = ActixError,
        InitError = (),
    >,
> {
    let has_origins = state.cors_origins != CorsOrigins::None;
    let cors = cors(&state.cors_origins);
    App::new()
        .app_data(state)
        .configure(routes::configure)
        .wrap(NormalizePath::trim())
        .wrap(from_fn(identity::identify))
        .wrap(Condition::new(has_origins, cors))
        .wrap(from_fn(middleware::surround))
}

/// What browsers of other origins may do: everything that the API has, with the headers that it reads and sends.
fn cors(origins: &CorsOrigins) -> Cors {
    let cors = Cors::default()
        .allowed_methods(["GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "OPTIONS"])
        .allow_any_header()
        .expose_headers(["Location", "ETag", "X-Request-Id", "Retry-After"])
        .block_on_origin_mismatch(false)
        .max_age(3600);
    match origins {
        CorsOrigins::None => cors,
        CorsOrigins::Any => cors.allow_any_origin().send_wildcard(),
        CorsOrigins::List(origins) => origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin)),
    }
}

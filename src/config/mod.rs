//! The settings: given by flag or environment variable, checked all at once, then plain typed values.

mod collector;
mod jwt;
mod raw;
pub mod read;
mod replica;
mod values;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use collector::Problem;
pub use raw::{Raw, Row};
pub use values::{CorsOrigins, LogFormat};

use crate::auth::jwt::Settings as Jwt;
use crate::model::network::Network;
use crate::model::rate::Rate;
use crate::store;
use crate::store::url::{DatabaseUrl, PostgresUrl};
use collector::ProblemCollector;

/// The settings in effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `DATABASE_URL`: where the data is.
    pub database_url: DatabaseUrl,
    /// `DATABASE_READ_URL`: a replica of it that answers reads, if there is one.
    pub database_read_url: Option<PostgresUrl>,
    /// `DATABASE_POOL_SIZE`: connections to PostgreSQL.
    pub database_pool_size: u32,
    /// `DATABASE_TIMEOUT`: the longest wait for a connection.
    pub database_timeout: Duration,
    /// `LISTEN`: the address of the API.
    pub listen: SocketAddr,
    /// `ADMIN_LISTEN`: the address of probes and metrics, if not that of the API.
    pub admin_listen: Option<SocketAddr>,
    /// `PUBLIC_URL`: scheme and host as clients see them.
    pub public_url: Option<String>,
    /// `TIME_ZONE`: in which timestamps are shown.
    pub time_zone: chrono_tz::Tz,
    /// `WORKERS`: threads that serve requests.
    pub workers: usize,
    /// `MAX_OFFSET`: the deepest offset into a list.
    pub max_offset: i64,
    /// `MAX_BODY`: the largest request body, in bytes.
    pub max_body: usize,
    /// `REQUEST_TIMEOUT`: the longest time for a whole request.
    pub request_timeout: Duration,
    /// `CORS_ORIGINS`: whose scripts may call the API.
    pub cors_origins: CorsOrigins,
    /// `JWT_SECRET` and all others that begin so: what verifies JWTs, where they are taken.
    pub jwt: Option<Jwt>,
    /// `RATE_LIMIT`: how often each caller may ask.
    pub rate_limit: Option<Rate>,
    /// `TRUSTED_PROXIES`: whose word about clients is believed.
    pub trusted_proxies: Vec<Network>,
    /// `AUTH_REFRESH`: how long a verified credential is believed; zero asks the database every time.
    pub auth_refresh: Duration,
    /// `AUTH_FAILURE_LIMIT`: failures in a minute, of one source at one credential, before 429.
    pub auth_failure_limit: u32,
    /// `SESSION_TTL`: how long the token of a session works.
    pub session_ttl: Duration,
    /// `FORMS_DIR`: where form configurations are, if not in the program.
    pub forms_dir: Option<PathBuf>,
    /// `REQUIRE_SIGNED_TIMESTAMP`: whether signed requests must not be repeatable.
    pub require_signed_timestamp: bool,
    /// `EXPLORER`: whether `/explorer` is there.
    pub explorer: bool,
    /// `DRAIN_DELAY`: how long requests go on being served after the first signal.
    pub drain_delay: Duration,
    /// `SHUTDOWN_TIMEOUT`: how long requests in flight may then take.
    pub shutdown_timeout: Duration,
    /// `LOG_FORMAT`: what a log line looks like.
    pub log_format: LogFormat,
    /// `RUST_LOG`: what is logged, in `env_logger`'s grammar.
    pub log_filter: String,
    /// `NO_MIGRATE`, turned round: whether `serve` brings PostgreSQL's schema up to date.
    pub migrate: bool,
}

impl Config {
    /// Checks all settings.
    ///
    /// # Errors
    /// Every setting that is not accepted.
    pub fn check(raw: &Raw) -> Result<Self, Vec<Problem>> {
        let mut desk = ProblemCollector::new();
        let (short, hour) = (Duration::from_millis(10), Duration::from_hours(1));
        let waits = || read::duration_within(short..=hour);
        let delays = || read::duration_within(Duration::ZERO..=hour);

        let database_url = desk.take("DATABASE_URL", &raw.database_url, DatabaseUrl::parse);
        let database_read_url = replica::take(&mut desk, raw, database_url.as_ref());
        let database_pool_size = desk.take("DATABASE_POOL_SIZE", &raw.database_pool_size, read::number(1..=1_000));
        let database_timeout = desk.take("DATABASE_TIMEOUT", &raw.database_timeout, waits());
        let listen = desk.take("LISTEN", &raw.listen, read::address);
        let admin_listen = desk.take("ADMIN_LISTEN", &raw.admin_listen, read::optional_address);
        let public_url = desk.take("PUBLIC_URL", &raw.public_url, read::public_url);
        let time_zone = desk.take("TIME_ZONE", &raw.time_zone, read::time_zone);
        let workers = desk.take("WORKERS", &raw.workers, read::workers);
        let max_offset = desk.take("MAX_OFFSET", &raw.max_offset, read::number(0..=1_000_000_000_000));
        let max_body = desk.take("MAX_BODY", &raw.max_body, read::body_size);
        let request_timeout = desk.take("REQUEST_TIMEOUT", &raw.request_timeout, waits());
        let cors_origins = desk.take("CORS_ORIGINS", &raw.cors_origins, read::origins);
        let jwt = jwt::take(&mut desk, raw);
        let rate_limit = desk.take("RATE_LIMIT", &raw.rate_limit, read::rate);
        let trusted_proxies = desk.take("TRUSTED_PROXIES", &raw.trusted_proxies, read::networks);
        let auth_refresh = desk.take("AUTH_REFRESH", &raw.auth_refresh, delays());
        let auth_failure_limit = desk.take("AUTH_FAILURE_LIMIT", &raw.auth_failure_limit, read::number(1..=1_000_000));
        let lives = read::duration_within(Duration::from_secs(1)..=Duration::from_hours(365 * 24));
        let session_ttl = desk.take("SESSION_TTL", &raw.session_ttl, lives);
        let forms_dir = desk.take("FORMS_DIR", &raw.forms_dir, |text| {
            Ok(Some(text).filter(|text| !text.is_empty()).map(PathBuf::from))
        });
        let require_signed_timestamp =
            desk.take("REQUIRE_SIGNED_TIMESTAMP", &raw.require_signed_timestamp, read::switch);
        let explorer = desk.take("EXPLORER", &raw.explorer, read::switch);
        let drain_delay = desk.take("DRAIN_DELAY", &raw.drain_delay, delays());
        let shutdown_timeout = desk.take("SHUTDOWN_TIMEOUT", &raw.shutdown_timeout, delays());
        let log_format = desk.take("LOG_FORMAT", &raw.log_format, read::log_format);
        let log_filter = desk.take("RUST_LOG", &raw.rust_log, read::log_filter);
        let no_migrate = desk.take("NO_MIGRATE", &raw.no_migrate, read::switch);

        let config = || {
            Some(Self {
                database_url: database_url?,
                database_read_url,
                database_pool_size: database_pool_size?,
                database_timeout: database_timeout?,
                listen: listen?,
                admin_listen: admin_listen?,
                public_url: public_url?,
                time_zone: time_zone?,
                workers: workers?,
                max_offset: max_offset?,
                max_body: max_body?,
                request_timeout: request_timeout?,
                cors_origins: cors_origins?,
                jwt,
                rate_limit: rate_limit?,
                trusted_proxies: trusted_proxies?,
                auth_refresh: auth_refresh?,
                auth_failure_limit: auth_failure_limit?,
                session_ttl: session_ttl?,
                forms_dir: forms_dir?,
                require_signed_timestamp: require_signed_timestamp?,
                explorer: explorer?,
                drain_delay: drain_delay?,
                shutdown_timeout: shutdown_timeout?,
                log_format: log_format?,
                log_filter: log_filter?,
                migrate: !no_migrate?,
            })
        };
        config().filter(|_| desk.problems.is_empty()).ok_or(desk.problems)
    }

    /// `LOG_FORMAT` alone, for telling what is wrong with the other settings; `None` if it is wrong itself.
    #[must_use]
    pub fn log_format_of(raw: &Raw) -> Option<LogFormat> {
        ProblemCollector::new().take("LOG_FORMAT", &raw.log_format, read::log_format)
    }

    /// Every setting with its default, made from the definition of the flags.
    #[must_use]
    pub fn rows() -> Vec<Row> {
        Raw::rows()
    }

    /// The settings in effect, each as variable and value in the order of [`Config::rows`], secrets hidden.
    #[must_use]
    pub fn entries(&self) -> Vec<(&'static str, String)> {
        let [secret, secret_file, public_key_file, jwks_file, issuer, audience] = jwt::entries(self.jwt.as_ref());
        vec![
            ("DATABASE_URL", self.database_url.to_string()),
            ("DATABASE_READ_URL", replica::show(self.database_read_url.as_ref())),
            ("DATABASE_POOL_SIZE", self.database_pool_size.to_string()),
            ("DATABASE_TIMEOUT", read::show_duration(self.database_timeout)),
            ("LISTEN", self.listen.to_string()),
            ("ADMIN_LISTEN", self.admin_listen.map(|address| address.to_string()).unwrap_or_default()),
            ("PUBLIC_URL", self.public_url.clone().unwrap_or_else(|| "none".to_owned())),
            ("TIME_ZONE", self.time_zone.to_string()),
            ("WORKERS", self.workers.to_string()),
            ("MAX_OFFSET", self.max_offset.to_string()),
            ("MAX_BODY", read::show_size(self.max_body)),
            ("REQUEST_TIMEOUT", read::show_duration(self.request_timeout)),
            ("CORS_ORIGINS", self.cors_origins.to_string()),
            secret,
            secret_file,
            public_key_file,
            jwks_file,
            issuer,
            audience,
            ("RATE_LIMIT", self.rate_limit.map_or_else(|| "off".to_owned(), |rate| rate.to_string())),
            ("TRUSTED_PROXIES", read::show_networks(&self.trusted_proxies)),
            ("AUTH_REFRESH", read::show_duration(self.auth_refresh)),
            ("AUTH_FAILURE_LIMIT", self.auth_failure_limit.to_string()),
            ("SESSION_TTL", read::show_duration(self.session_ttl)),
            ("FORMS_DIR", self.forms_dir.as_ref().map(|folder| folder.display().to_string()).unwrap_or_default()),
            ("REQUIRE_SIGNED_TIMESTAMP", self.require_signed_timestamp.to_string()),
            ("EXPLORER", self.explorer.to_string()),
            ("DRAIN_DELAY", read::show_duration(self.drain_delay)),
            ("SHUTDOWN_TIMEOUT", read::show_duration(self.shutdown_timeout)),
            ("LOG_FORMAT", self.log_format.to_string()),
            ("RUST_LOG", self.log_filter.clone()),
            ("NO_MIGRATE", (!self.migrate).to_string()),
        ]
    }

    /// What the store is made from.
    #[must_use]
    pub fn store_settings(&self) -> store::Settings {
        store::Settings {
            url: self.database_url.clone(),
            replica: self.database_read_url.clone(),
            pool_size: self.database_pool_size,
            timeout: self.database_timeout,
            longest_statement: self.request_timeout,
            longest_job: Some(self.request_timeout),
            workers: self.workers,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_accepted_and_every_setting_is_shown() {
        let config = Config::check(&Raw::defaults().unwrap()).unwrap();
        let shown: Vec<_> = config.entries().into_iter().map(|(variable, _)| variable.to_owned()).collect();
        let known: Vec<_> = Config::rows().into_iter().map(|row| row.variable).collect();
        assert_eq!(shown, known);
        for row in Config::rows() {
            let flag = format!("--{}", row.variable.to_lowercase().replace('_', "-"));
            assert_eq!(row.flag, if row.variable == "JWT_SECRET" { "" } else { &flag });
        }
    }
}

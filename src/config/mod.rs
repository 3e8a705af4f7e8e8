//! The settings: flags or environment variables, all checked together, then typed values.

mod changes_retention;
mod collector;
mod database;
mod jwt;
mod log_filter;
mod origins;
mod public_url;
mod raw;
pub mod read;
mod values;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use changes_retention::ChangesRetention;
pub use collector::SettingProblem;
pub use raw::{RawSettings, Row};
pub use values::{CorsOrigins, LogFormat};

use crate::auth::AuthSettings;
use crate::auth::claims::ClaimRequirements;
use crate::auth::jwt::JwtSettings;
use crate::model::limits::MAX_WAITING_READERS;
use crate::model::network::Network;
use crate::model::rate::Rate;
use crate::store;
use crate::store::url::{DatabaseUrl, PostgresUrl};
use collector::ProblemCollector;

/// The settings in effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `DATABASE_URL`: the database.
    pub database_url: DatabaseUrl,
    /// `DATABASE_READ_URL`: a replica that serves reads.
    pub database_read_url: Option<PostgresUrl>,
    /// `DATABASE_URL_FILE`: the file that contained `database_url`.
    pub database_url_file: Option<PathBuf>,
    /// `DATABASE_READ_URL_FILE`: the file that contained `database_read_url`.
    pub database_read_url_file: Option<PathBuf>,
    /// `DATABASE_POOL_SIZE`: connections to PostgreSQL.
    pub database_pool_size: u32,
    /// `DATABASE_TIMEOUT`: the longest wait for a connection.
    pub database_timeout: Duration,
    /// `LISTEN`: the address of the API.
    pub listen: SocketAddr,
    /// `ADMIN_LISTEN`: the address of probes and metrics, if not that of the API.
    pub admin_listen: Option<SocketAddr>,
    /// `PUBLIC_URL`: scheme, host and path that clients call.
    pub public_url: Option<String>,
    /// `TIME_ZONE`: the time zone of timestamps in responses.
    pub time_zone: chrono_tz::Tz,
    /// `WORKERS`: threads that serve requests.
    pub workers: usize,
    /// `MAX_OFFSET`: the deepest offset into a list.
    pub max_offset: i64,
    /// `MAX_BODY`: the largest request body, in bytes.
    pub max_body: usize,
    /// `MAX_IMPORT`: the largest upload of an import, in bytes.
    pub max_import: usize,
    /// `IMPORT_TIMEOUT`: the longest duration of an upload, and of the reading of its file.
    pub import_timeout: Duration,
    /// `REQUEST_TIMEOUT`: the longest duration of a request.
    pub request_timeout: Duration,
    /// `CORS_ORIGINS`: origins whose scripts may call the API.
    pub cors_origins: CorsOrigins,
    /// `JWT_*`: how JWTs are verified; `None` rejects them.
    pub jwt: Option<JwtSettings>,
    /// `JWT_ISSUER`, `JWT_AUDIENCE`, `JWT_USER`, which are shown even if no key verifies JWTs.
    pub jwt_requirements: ClaimRequirements,
    /// `RATE_LIMIT`: requests per second and burst of each caller.
    pub rate_limit: Option<Rate>,
    /// `TRUSTED_PROXIES`: proxies whose `Forwarded` and `X-Forwarded-For` are trusted.
    pub trusted_proxies: Vec<Network>,
    /// `AUTH_REFRESH`: how long a verified credential is cached; zero disables the cache.
    pub auth_refresh: Duration,
    /// `AUTH_GRACE`: how long it is trusted for reads while the primary does not answer; zero refuses such reads.
    pub auth_grace: Duration,
    /// `AUTH_FAILURE_LIMIT`: failures per minute, per source and credential, before 429.
    pub auth_failure_limit: u32,
    /// `SESSION_TTL`: the lifetime of session tokens.
    pub session_ttl: Duration,
    /// `CHANGES_RETENTION`: how long changes are kept.
    pub changes_retention: ChangesRetention,
    /// `FORMS_DIR`: the folder with form configurations; `None` uses the built-in ones.
    pub forms_dir: Option<PathBuf>,
    /// `REQUIRE_SIGNED_TIMESTAMP`: whether signed requests need a timestamp and a nonce.
    pub require_signed_timestamp: bool,
    /// The most readers that wait for changes: not a setting, but tests lower it.
    pub waiting_readers: usize,
    /// `EXPLORER`: whether `/explorer` is served.
    pub explorer: bool,
    /// `DRAIN_DELAY`: how long requests are still accepted after the first signal.
    pub drain_delay: Duration,
    /// `SHUTDOWN_TIMEOUT`: how long requests in flight may then take to finish.
    pub shutdown_timeout: Duration,
    /// `LOG_FORMAT`: the format of log lines.
    pub log_format: LogFormat,
    /// `RUST_LOG`: the log filter, in `env_logger`'s grammar.
    pub log_filter: String,
    /// The opposite of `NO_MIGRATE`: whether `serve` migrates PostgreSQL's schema.
    pub migrate: bool,
}

impl Config {
    /// Checks all settings.
    ///
    /// # Errors
    /// All invalid settings.
    pub fn check(raw: &RawSettings) -> Result<Self, Vec<SettingProblem>> {
        let mut collector = ProblemCollector::new();
        let (short, hour) = (Duration::from_millis(10), Duration::from_hours(1));
        let waits = || read::duration_within(short..=hour);
        let delays = || read::duration_within(Duration::ZERO..=hour);

        let databases = database::take(&mut collector, raw);
        let database_pool_size = collector.take("DATABASE_POOL_SIZE", &raw.database_pool_size, read::number(1..=1_000));
        let database_timeout = collector.take("DATABASE_TIMEOUT", &raw.database_timeout, waits());
        let listen = collector.take("LISTEN", &raw.listen, read::address);
        let admin_listen = collector.take("ADMIN_LISTEN", &raw.admin_listen, read::optional_address);
        let public_url = collector.take("PUBLIC_URL", &raw.public_url, public_url::public_url);
        let time_zone = collector.take("TIME_ZONE", &raw.time_zone, read::time_zone);
        let workers = collector.take("WORKERS", &raw.workers, read::workers);
        let max_offset = collector.take("MAX_OFFSET", &raw.max_offset, read::number(0..=1_000_000_000_000));
        let max_body = collector.take("MAX_BODY", &raw.max_body, read::body_size);
        let max_import = collector.take("MAX_IMPORT", &raw.max_import, read::body_size);
        let import_timeout = collector.take("IMPORT_TIMEOUT", &raw.import_timeout, waits());
        let request_timeout = collector.take("REQUEST_TIMEOUT", &raw.request_timeout, waits());
        let cors_origins = collector.take("CORS_ORIGINS", &raw.cors_origins, origins::parse_origins);
        let (jwt, jwt_requirements) = jwt::take(&mut collector, raw);
        let rate_limit = collector.take("RATE_LIMIT", &raw.rate_limit, read::rate);
        let trusted_proxies = collector.take("TRUSTED_PROXIES", &raw.trusted_proxies, read::networks);
        let auth_refresh = collector.take("AUTH_REFRESH", &raw.auth_refresh, delays());
        let auth_grace = collector.take("AUTH_GRACE", &raw.auth_grace, delays());
        let auth_failure_limit =
            collector.take("AUTH_FAILURE_LIMIT", &raw.auth_failure_limit, read::number(1..=1_000_000));
        let lives = read::duration_within(Duration::from_secs(1)..=Duration::from_hours(365 * 24));
        let session_ttl = collector.take("SESSION_TTL", &raw.session_ttl, lives);
        let changes_retention = collector.take("CHANGES_RETENTION", &raw.changes_retention, changes_retention::parse);
        let forms_dir = collector.take("FORMS_DIR", &raw.forms_dir, |text| {
            Ok(Some(text).filter(|text| !text.is_empty()).map(PathBuf::from))
        });
        let require_signed_timestamp =
            collector.take("REQUIRE_SIGNED_TIMESTAMP", &raw.require_signed_timestamp, read::boolean);
        let explorer = collector.take("EXPLORER", &raw.explorer, read::boolean);
        let drain_delay = collector.take("DRAIN_DELAY", &raw.drain_delay, delays());
        let shutdown_timeout = collector.take("SHUTDOWN_TIMEOUT", &raw.shutdown_timeout, delays());
        let log_format = collector.take("LOG_FORMAT", &raw.log_format, read::log_format);
        let log_filter = collector.take("RUST_LOG", &raw.rust_log, log_filter::parse_log_filter);
        let no_migrate = collector.take("NO_MIGRATE", &raw.no_migrate, read::boolean);

        let config = || {
            Some(Self {
                database_url: databases.primary?,
                database_read_url: databases.replica,
                database_url_file: databases.primary_file,
                database_read_url_file: databases.replica_file,
                database_pool_size: database_pool_size?,
                database_timeout: database_timeout?,
                listen: listen?,
                admin_listen: admin_listen?,
                public_url: public_url?,
                time_zone: time_zone?,
                workers: workers?,
                max_offset: max_offset?,
                max_body: max_body?,
                max_import: max_import?,
                import_timeout: import_timeout?,
                request_timeout: request_timeout?,
                cors_origins: cors_origins?,
                jwt,
                jwt_requirements,
                rate_limit: rate_limit?,
                trusted_proxies: trusted_proxies?,
                auth_refresh: auth_refresh?,
                auth_grace: auth_grace?,
                auth_failure_limit: auth_failure_limit?,
                session_ttl: session_ttl?,
                changes_retention: changes_retention?,
                forms_dir: forms_dir?,
                require_signed_timestamp: require_signed_timestamp?,
                waiting_readers: MAX_WAITING_READERS,
                explorer: explorer?,
                drain_delay: drain_delay?,
                shutdown_timeout: shutdown_timeout?,
                log_format: log_format?,
                log_filter: log_filter?,
                migrate: !no_migrate?,
            })
        };
        config().filter(|_| collector.problems.is_empty()).ok_or(collector.problems)
    }

    /// `LOG_FORMAT` alone, for reporting problems of other settings; `None` if it is invalid.
    #[must_use]
    pub fn log_format_of(raw: &RawSettings) -> Option<LogFormat> {
        ProblemCollector::new().take("LOG_FORMAT", &raw.log_format, read::log_format)
    }

    /// Every setting with its default, from the definition of the flags.
    #[must_use]
    pub fn rows() -> Vec<Row> {
        RawSettings::rows()
    }

    /// The settings in effect, each as variable and value in the order of [`Config::rows`], secrets hidden.
    #[must_use]
    pub fn entries(&self) -> Vec<(&'static str, String)> {
        let [secret, secret_file, public_key_file, jwks_file, issuer, audience, user] =
            jwt::entries(self.jwt.as_ref(), &self.jwt_requirements);
        vec![
            ("DATABASE_URL", self.database_url.to_string()),
            ("DATABASE_READ_URL", database::show_replica(self.database_read_url.as_ref())),
            ("DATABASE_URL_FILE", database::show_file(self.database_url_file.as_ref())),
            ("DATABASE_READ_URL_FILE", database::show_file(self.database_read_url_file.as_ref())),
            ("DATABASE_POOL_SIZE", self.database_pool_size.to_string()),
            ("DATABASE_TIMEOUT", read::show_duration(self.database_timeout)),
            ("LISTEN", self.listen.to_string()),
            ("ADMIN_LISTEN", self.admin_listen.map(|address| address.to_string()).unwrap_or_default()),
            ("PUBLIC_URL", self.public_url.clone().unwrap_or_else(|| "none".to_owned())),
            ("TIME_ZONE", self.time_zone.to_string()),
            ("WORKERS", self.workers.to_string()),
            ("MAX_OFFSET", self.max_offset.to_string()),
            ("MAX_BODY", read::show_size(self.max_body)),
            ("MAX_IMPORT", read::show_size(self.max_import)),
            ("IMPORT_TIMEOUT", read::show_duration(self.import_timeout)),
            ("REQUEST_TIMEOUT", read::show_duration(self.request_timeout)),
            ("CORS_ORIGINS", self.cors_origins.to_string()),
            secret,
            secret_file,
            public_key_file,
            jwks_file,
            issuer,
            audience,
            user,
            ("RATE_LIMIT", self.rate_limit.map_or_else(|| "off".to_owned(), |rate| rate.to_string())),
            ("TRUSTED_PROXIES", read::show_networks(&self.trusted_proxies)),
            ("AUTH_REFRESH", read::show_duration(self.auth_refresh)),
            ("AUTH_GRACE", read::show_duration(self.auth_grace)),
            ("AUTH_FAILURE_LIMIT", self.auth_failure_limit.to_string()),
            ("SESSION_TTL", read::show_duration(self.session_ttl)),
            ("CHANGES_RETENTION", self.changes_retention.to_string()),
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

    /// The settings of authentication.
    #[must_use]
    pub fn auth_settings(&self) -> AuthSettings {
        AuthSettings {
            refresh: self.auth_refresh,
            grace: self.auth_grace,
            failure_limit: self.auth_failure_limit,
            require_timestamp: self.require_signed_timestamp,
            jwt: self.jwt.clone(),
        }
    }

    /// The settings of the store.
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
            mapped_bytes: store::MAPPED_BYTES,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_valid_and_every_setting_is_shown() {
        let config = Config::check(&RawSettings::defaults().unwrap()).unwrap();
        let shown: Vec<_> = config.entries().into_iter().map(|(variable, _)| variable.to_owned()).collect();
        let known: Vec<_> = Config::rows().into_iter().map(|row| row.variable).collect();
        assert_eq!(shown, known);
        for row in Config::rows() {
            let flag = format!("--{}", row.variable.to_lowercase().replace('_', "-"));
            assert_eq!(row.flag, if row.variable == "JWT_SECRET" { "" } else { &flag });
        }
    }
}

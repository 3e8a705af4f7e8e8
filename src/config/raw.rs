//! The settings as text. One definition produces the flag, the environment variable, the help and the documentation.

use clap::{Args, CommandFactory, FromArgMatches, Parser};

/// Every setting as text, so that all problems can be reported together.
///
/// The flag of `DATABASE_URL` is `--database-url`, and so on. An empty text means the default.
#[derive(Debug, Clone, Args)]
pub struct RawSettings {
    /// Database: `sqlite://path`, or `postgres://…` or `postgresql://…` with any parameter that libpq supports
    #[arg(long, env, value_name = "URL", default_value = "sqlite://user-relationships.db")]
    pub database_url: String,

    /// Read replica of a PostgreSQL `DATABASE_URL` for GET and HEAD, one or several hosts; `none` disables it
    #[arg(long, env, value_name = "URL", default_value = "none")]
    pub database_read_url: String,

    /// File with the `DATABASE_URL`, read at start; set only one of the two
    #[arg(long, env, value_name = "FILE", default_value = "none")]
    pub database_url_file: String,

    /// File with the `DATABASE_READ_URL`, read at start; set only one of the two
    #[arg(long, env, value_name = "FILE", default_value = "none")]
    pub database_read_url_file: String,

    /// Connections to PostgreSQL, 1 to 1000
    #[arg(long, env, value_name = "NUMBER", default_value = "16")]
    pub database_pool_size: String,

    /// Longest wait for a connection; then 503
    #[arg(long, env, value_name = "DURATION", default_value = "2s")]
    pub database_timeout: String,

    /// Address of the API, `ip:port` or `localhost:port`
    #[arg(long, env, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: String,

    /// Separate address for `/livez`, `/readyz` and `/metrics`; without it they are served at `LISTEN`
    #[arg(long, env, value_name = "ADDRESS", default_value = "", hide_default_value = true)]
    pub admin_listen: String,

    /// Base URL that clients call and sign, `scheme://host[:port][/path]`; `none` makes links relative and uses the
    /// `Host` header
    #[arg(long, env, value_name = "URL", default_value = "none")]
    pub public_url: String,

    /// IANA name of the time zone of timestamps in responses
    #[arg(long, env, value_name = "NAME", default_value = "UTC")]
    pub time_zone: String,

    /// HTTP worker threads, 1 to 1024; `cores` starts one per core
    #[arg(long, env, value_name = "NUMBER", default_value = "cores")]
    pub workers: String,

    /// Largest page offset; beyond it 400
    #[arg(long, env, value_name = "NUMBER", default_value = "100000")]
    pub max_offset: String,

    /// Largest request body, 1KiB to 1GiB
    #[arg(long, env, value_name = "SIZE", default_value = "1MiB")]
    pub max_body: String,

    /// Largest upload of an import, 1KiB to 1GiB
    #[arg(long, env, value_name = "SIZE", default_value = "64MiB")]
    pub max_import: String,

    /// Longest duration of the upload of an import, and of the reading of its file; then 503, or the import fails
    #[arg(long, env, value_name = "DURATION", default_value = "5m")]
    pub import_timeout: String,

    /// Longest duration of a request; then 503
    #[arg(long, env, value_name = "DURATION", default_value = "10s")]
    pub request_timeout: String,

    /// Origins that may call the API from a browser, comma-separated `scheme://host[:port]`; `*` allows any, `none` none
    #[arg(long, env, value_name = "ORIGINS", default_value = "none")]
    pub cors_origins: String,

    /// Secret that verifies JWTs (HS256), at least 32 bytes, without surrounding spaces; not available as a flag
    #[arg(long, env, value_name = "TEXT", default_value = "none", hide = true)]
    pub jwt_secret: String,

    /// File with the secret that verifies JWTs (HS256), at least 32 bytes; key files are reloaded when they change
    #[arg(long, env, value_name = "FILE", default_value = "none")]
    pub jwt_secret_file: String,

    /// PEM file with the public key that verifies JWTs: RSA (RS256), EC P-256 (ES256) or Ed25519 (`EdDSA`)
    #[arg(long, env, value_name = "FILE", default_value = "none")]
    pub jwt_public_key_file: String,

    /// JWK Set file; the `kid` of a token selects a key, and keys that cannot verify tokens are skipped with a warning
    #[arg(long, env, value_name = "FILE", default_value = "none")]
    pub jwt_jwks_file: String,

    /// Required `iss` of JWTs; `none` accepts any
    #[arg(long, env, value_name = "TEXT", default_value = "none")]
    pub jwt_issuer: String,

    /// Required `aud` of JWTs, or a member of it, comma-separated if several are accepted; `none` accepts any
    #[arg(long, env, value_name = "TEXTS", default_value = "none")]
    pub jwt_audience: String,

    /// Claim of JWTs that names the user: `sub=id`, `sub=alt-id`, `email`, or `CLAIM=email` such as `upn=email`
    #[arg(long, env, value_name = "CLAIM", default_value = "sub=id")]
    pub jwt_user: String,

    /// Rate limit per caller as requests per second and burst, for example `50/100`; then 429; `off` disables it
    #[arg(long, env, value_name = "LIMIT", default_value = "off")]
    pub rate_limit: String,

    /// Proxies whose `Forwarded` and `X-Forwarded-For` headers are trusted, comma-separated networks; `none` trusts none
    #[arg(long, env, value_name = "NETWORKS", default_value = "none")]
    pub trusted_proxies: String,

    /// How long a verified credential is cached before the database is checked again
    #[arg(long, env, value_name = "DURATION", default_value = "2s")]
    pub auth_refresh: String,

    /// How long a verified credential is trusted for reads while the primary does not answer; `0s` refuses such reads
    #[arg(long, env, value_name = "DURATION", default_value = "60s")]
    pub auth_grace: String,

    /// Failed authentication attempts per minute, per credential and source address, before 429; 1 to 1000000
    #[arg(long, env, value_name = "NUMBER", default_value = "20")]
    pub auth_failure_limit: String,

    /// Lifetime of session tokens, 1s to 365d
    #[arg(long, env, value_name = "DURATION", default_value = "12h")]
    pub session_ttl: String,

    /// How long changes are kept, 1s to 36500d; `0` turns the change log off, `forever` keeps all
    #[arg(long, env, value_name = "DURATION", default_value = "365d")]
    pub changes_retention: String,

    /// Folder with form configurations and types for `/api`; without it the built-in ones are used
    #[arg(long, env, value_name = "FOLDER", default_value = "", hide_default_value = true, visible_alias = "forms")]
    pub forms_dir: String,

    /// Reject signed requests without `Api-Timestamp` and `Api-Nonce`, because they can be replayed
    #[arg(long, env, value_name = "BOOLEAN", default_value = "false",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub require_signed_timestamp: String,

    /// Serve `/explorer`, an organization chart in the browser; `demo` enables it by default
    #[arg(long, env, value_name = "BOOLEAN", default_value = "false",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub explorer: String,

    /// How long requests are still accepted after SIGTERM, while `/readyz` returns 503
    #[arg(long, env, value_name = "DURATION", default_value = "0s")]
    pub drain_delay: String,

    /// How long requests in flight may then take to finish
    #[arg(long, env, value_name = "DURATION", default_value = "20s")]
    pub shutdown_timeout: String,

    /// Log format, `text` or `json`; `auto` is text on a terminal and JSON elsewhere
    #[arg(long, env, value_name = "FORMAT", default_value = "auto")]
    pub log_format: String,

    /// Log filter: a level, or a comma-separated list of `module=level`
    #[arg(long, env, value_name = "FILTER", default_value = "info")]
    pub rust_log: String,

    /// Do not migrate PostgreSQL's schema when `serve` starts
    #[arg(long, env, value_name = "BOOLEAN", default_value = "false",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub no_migrate: String,
}

/// One setting, as `docs/SETTINGS.md` and `--help` show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The environment variable, `DATABASE_URL`.
    pub variable: String,
    /// The flag, `--database-url`; empty for secrets, because flags are visible in the process list.
    pub flag: String,
    /// The default value.
    pub default: String,
    /// The description, one sentence.
    pub help: String,
}

#[derive(Debug, Parser)]
struct Alone {
    #[command(flatten)]
    raw: RawSettings,
}

impl RawSettings {
    /// Every setting, in the order of the documentation.
    #[must_use]
    pub fn rows() -> Vec<Row> {
        let command = Alone::command();
        let row = |arg: &clap::Arg| {
            let text = |text: Option<&std::ffi::OsStr>| text.unwrap_or_default().to_string_lossy().into_owned();
            Some(Row {
                variable: text(Some(arg.get_env()?)),
                flag: if arg.is_hide_set() { String::new() } else { format!("--{}", arg.get_long()?) },
                default: text(arg.get_default_values().first().map(AsRef::as_ref)),
                help: arg.get_help().map(ToString::to_string).unwrap_or_default(),
            })
        };
        command.get_arguments().filter_map(row).collect()
    }

    /// The default settings; the environment is ignored.
    ///
    /// # Errors
    /// Clap's own, if the definition contradicts itself.
    pub fn defaults() -> Result<Self, clap::Error> {
        let command = Alone::command().mut_args(|arg| arg.env(None::<&str>));
        let matches = command.try_get_matches_from(["defaults"])?;
        // An empty text means the default as well, and then a file may contain the URL instead.
        Ok(Self { database_url: String::new(), ..Self::from_arg_matches(&matches)? })
    }
}

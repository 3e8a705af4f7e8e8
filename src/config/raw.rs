//! The settings as they are given, each a flag and an environment variable made from one definition.

use clap::{Args, CommandFactory, FromArgMatches, Parser};

/// Every setting as text, so that all that is wrong with them can be told at once.
///
/// The flag of `DATABASE_URL` is `--database-url`, and so on. An empty text stands for the default.
#[derive(Debug, Clone, Args)]
pub struct Raw {
    /// The database: `sqlite://path`, `postgres://…` or `postgresql://…` with anything libpq understands
    #[arg(long, env, value_name = "URL", default_value = "sqlite://user-relationships.db")]
    pub database_url: String,

    /// Replica of a PostgreSQL `DATABASE_URL`, or several that libpq chooses from: answers GET and HEAD; `none` is none
    #[arg(long, env, value_name = "URL", default_value = "none")]
    pub database_read_url: String,

    /// Connections to PostgreSQL, 1 to 1000
    #[arg(long, env, value_name = "NUMBER", default_value = "16")]
    pub database_pool_size: String,

    /// Longest wait for a connection, then 503
    #[arg(long, env, value_name = "DURATION", default_value = "2s")]
    pub database_timeout: String,

    /// Address of the API, `ip:port` or `localhost:port`
    #[arg(long, env, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: String,

    /// Address of `/livez`, `/readyz` and `/metrics`, which then are there only; without one they are at `LISTEN`
    #[arg(long, env, value_name = "ADDRESS", default_value = "", hide_default_value = true)]
    pub admin_listen: String,

    /// How clients call the service, `scheme://host[:port]`, as it stands in what they sign; `none` goes by `Host`
    #[arg(long, env, value_name = "URL", default_value = "none")]
    pub public_url: String,

    /// IANA name of the zone in which timestamps are shown
    #[arg(long, env, value_name = "NAME", default_value = "UTC")]
    pub time_zone: String,

    /// HTTP worker threads, 1 to 1024; `cores` is one for each core
    #[arg(long, env, value_name = "NUMBER", default_value = "cores")]
    pub workers: String,

    /// Deepest offset into a list; beyond it 400
    #[arg(long, env, value_name = "NUMBER", default_value = "100000")]
    pub max_offset: String,

    /// Largest request body, 1KiB to 1GiB
    #[arg(long, env, value_name = "SIZE", default_value = "1MiB")]
    pub max_body: String,

    /// Longest time for a whole request, then 503
    #[arg(long, env, value_name = "DURATION", default_value = "10s")]
    pub request_timeout: String,

    /// Origins whose scripts may call the API, comma list of `scheme://host[:port]`; `*` is any, `none` is none
    #[arg(long, env, value_name = "ORIGINS", default_value = "none")]
    pub cors_origins: String,

    /// Secret that verifies JWTs (HS256), at least 32 bytes, without space around it; not as a flag
    #[arg(long, env, value_name = "TEXT", default_value = "none", hide = true)]
    pub jwt_secret: String,

    /// File with the secret that verifies JWTs (HS256), at least 32 bytes; all key files are read again when they change
    #[arg(long, env, value_name = "FILE", default_value = "none")]
    pub jwt_secret_file: String,

    /// File with the public key that verifies JWTs, in PEM: RSA (RS256), EC P-256 (ES256) or Ed25519 (`EdDSA`)
    #[arg(long, env, value_name = "FILE", default_value = "none")]
    pub jwt_public_key_file: String,

    /// File with such keys as a JWK set; the `kid` of a token chooses one
    #[arg(long, env, value_name = "FILE", default_value = "none")]
    pub jwt_jwks_file: String,

    /// What `iss` of a JWT must be; `none` takes any
    #[arg(long, env, value_name = "TEXT", default_value = "none")]
    pub jwt_issuer: String,

    /// What `aud` of a JWT must be or hold; `none` takes any
    #[arg(long, env, value_name = "TEXT", default_value = "none")]
    pub jwt_audience: String,

    /// Requests a second and requests at once of each caller, like `50/100`, then 429; `off` is no limit
    #[arg(long, env, value_name = "LIMIT", default_value = "off")]
    pub rate_limit: String,

    /// Proxies whose `Forwarded` and `X-Forwarded-For` are believed, comma list of networks; `none` is none
    #[arg(long, env, value_name = "NETWORKS", default_value = "none")]
    pub trusted_proxies: String,

    /// Longest time for which a verified credential is believed without asking the database
    #[arg(long, env, value_name = "DURATION", default_value = "2s")]
    pub auth_refresh: String,

    /// Failed attempts at one credential, a minute and source, that are told apart from 429, 1 to 1000000
    #[arg(long, env, value_name = "NUMBER", default_value = "20")]
    pub auth_failure_limit: String,

    /// How long the token of a session works, 1s to 365d
    #[arg(long, env, value_name = "DURATION", default_value = "12h")]
    pub session_ttl: String,

    /// Folder of form configurations and types for `/api`; without one the built-in ones
    #[arg(long, env, value_name = "FOLDER", default_value = "", hide_default_value = true, visible_alias = "forms")]
    pub forms_dir: String,

    /// Refuse signed requests that carry no `Api-Timestamp` and `Api-Nonce`, and so could be replayed
    #[arg(long, env, value_name = "BOOLEAN", default_value = "false",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub require_signed_timestamp: String,

    /// Serve `/explorer`, a page that draws who is related to whom; `demo` does so unless told not to
    #[arg(long, env, value_name = "BOOLEAN", default_value = "false",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub explorer: String,

    /// How long requests go on being served after SIGTERM, while `/readyz` answers 503
    #[arg(long, env, value_name = "DURATION", default_value = "0s")]
    pub drain_delay: String,

    /// How long requests in flight may take to finish after that
    #[arg(long, env, value_name = "DURATION", default_value = "20s")]
    pub shutdown_timeout: String,

    /// Form of the log, `text` or `json`; `auto` is text on a terminal, else json
    #[arg(long, env, value_name = "FORMAT", default_value = "auto")]
    pub log_format: String,

    /// What is logged: a level, or a comma list of `module=level`
    #[arg(long, env, value_name = "FILTER", default_value = "info")]
    pub rust_log: String,

    /// Leave PostgreSQL's schema as it is when serving
    #[arg(long, env, value_name = "BOOLEAN", default_value = "false",
          num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub no_migrate: String,
}

/// One setting, as the README's table and the help show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The environment variable, `DATABASE_URL`.
    pub variable: String,
    /// The flag, `--database-url`; empty for secrets, which would show in the list of processes.
    pub flag: String,
    /// What holds when neither is given.
    pub default: String,
    /// What it means, one sentence.
    pub help: String,
}

#[derive(Debug, Parser)]
struct Alone {
    #[command(flatten)]
    raw: Raw,
}

impl Raw {
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

    /// The settings when nothing is given, whatever the environment says.
    ///
    /// # Errors
    /// Clap's own, if the definition contradicts itself.
    pub fn defaults() -> Result<Self, clap::Error> {
        let command = Alone::command().mut_args(|arg| arg.env(None::<&str>));
        let matches = command.try_get_matches_from(["defaults"])?;
        Self::from_arg_matches(&matches)
    }
}

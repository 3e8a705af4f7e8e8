//! The command line: one file a command.

mod check;
mod client;
mod completions;
mod config;
mod database;
mod demo;
mod export;
pub mod failure;
mod forms;
mod healthcheck;
mod import;
mod migrate;
mod openapi;
pub mod output;
mod progress;
mod serve;
mod token;
pub mod usage;
mod user;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::{Config, LogFormat, Problem, Raw};
use crate::telemetry;
use failure::Failure;

/// Keeps and serves typed relationships between users over JSON:API
#[derive(Debug, Parser)]
#[command(
    name = "user-relationships",
    version,
    after_help = "Without a command it serves.

Examples:
  user-relationships demo
  DATABASE_URL=postgres://app@db/relationships user-relationships serve --listen 0.0.0.0:8080"
)]
struct Cli {
    #[command(flatten)]
    settings: Raw,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API (what happens without a command)
    #[command(after_help = "Creates and migrates an SQLite file by itself; migrates PostgreSQL unless `--no-migrate`.

Examples:
  user-relationships serve
  user-relationships serve --database-url sqlite:///var/lib/relationships.db --listen 0.0.0.0:8080")]
    Serve,
    /// Serve a small company from a temporary database, with credentials to try it
    #[command(after_help = "Example:
  user-relationships demo")]
    Demo,
    /// Bring the schema up to date, look at it, or take it back by one step
    Migrate(migrate::Args),
    /// Add, list and change users
    User(user::Args),
    /// Make, list and revoke API tokens
    Token(token::Args),
    /// Register, list and disable clients that sign their requests
    Client(client::Args),
    /// Read users and relationships out of files
    Import(import::Args),
    /// Write users and relationships to files, in the form that `import` reads
    Export(export::Args),
    /// Compare every stored count with the rows and find dangling relationships
    Check(check::Args),
    /// Ask the local service whether it lives
    Healthcheck(healthcheck::Args),
    /// Print the settings in effect, secrets hidden, or the built-in forms
    Config(config::Args),
    /// Print the description of the API for programs (OpenAPI 3.1), as `/openapi.json` has it
    #[command(after_help = "Example:
  user-relationships openapi > openapi.json")]
    Openapi,
    /// Print what a shell needs to complete commands and flags
    Completions(completions::Args),
}

/// The definition of the command line.
#[must_use]
pub fn command() -> clap::Command {
    // What is no text is told of together with what else is wrong.
    let text = OsStringValueParser::new().map(|text| text.to_string_lossy().into_owned());
    // Only the settings are arguments of the program itself; each command has its own.
    Cli::command().mut_args(|arg| {
        let arg = arg.global(true).help_heading("Settings").value_parser(text.clone());
        arg.hide_env_values(true).hide_short_help(true)
    })
}

/// Runs the command that `matches` of [`command`] ask for.
///
/// # Errors
/// [`Failure`] when it is not done.
pub fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let Cli { settings: mut raw, command } = Cli::from_arg_matches(matches).map_err(Failure::failed)?;
    let command = command.unwrap_or(Command::Serve);
    if let Command::Completions(args) = &command {
        // Whatever the settings are.
        return completions::run(args, self::command());
    }
    if matches!(command, Command::Demo) && !is_given(matches, "rust_log", &raw.rust_log) {
        // The terminal is for the URL and the tokens.
        "warn".clone_into(&mut raw.rust_log);
    }
    if is_given(matches, "jwt_secret", &raw.jwt_secret) && !is_from_environment(matches, "jwt_secret") {
        let detail = "secrets are not taken from the command line, which others can read; set the variable, or \
                      `JWT_SECRET_FILE`";
        let problem = Problem { setting: "JWT_SECRET".to_owned(), detail: detail.to_owned() };
        return Err(told(&command, &raw, Failure::misconfigured(&[problem])));
    }
    if matches!(command, Command::Demo) && !is_given(matches, "explorer", &raw.explorer) {
        "true".clone_into(&mut raw.explorer);
    }
    let config = match Config::check(&raw) {
        Ok(config) => config,
        Err(problems) => return Err(told(&command, &raw, Failure::misconfigured(&problems))),
    };
    let _last_words = telemetry::start(&config, matches!(command, Command::Serve | Command::Demo));
    let result = match &command {
        Command::Serve => serve::run(&config),
        Command::Demo => demo::run(config.clone(), is_given(matches, "listen", &raw.listen)),
        Command::Migrate(args) => migrate::run(&config, args),
        Command::User(args) => user::run(&config, args),
        Command::Token(args) => token::run(&config, args),
        Command::Client(args) => client::run(&config, args),
        Command::Import(args) => import::run(&config, args),
        Command::Export(args) => export::run(&config, args),
        Command::Check(args) => check::run(&config, args),
        Command::Healthcheck(args) => healthcheck::run(&config, args),
        Command::Config(args) => config::run(&config, args),
        Command::Openapi => openapi::run(),
        Command::Completions(args) => completions::run(args, self::command()),
    };
    result.map_err(|failure| told(&command, &raw, failure))
}

/// Whether somebody chose the value; an empty one stands for the default.
fn is_given(matches: &ArgMatches, id: &str, text: &str) -> bool {
    matches.value_source(id).is_some_and(|source| source != ValueSource::DefaultValue) && !text.trim().is_empty()
}

fn is_from_environment(matches: &ArgMatches, id: &str) -> bool {
    matches.value_source(id) == Some(ValueSource::EnvVariable)
}

/// With JSON logs a service prints nothing else, its last words included.
fn told(command: &Command, raw: &Raw, failure: Failure) -> Failure {
    let is_json = Config::log_format_of(raw) == Some(LogFormat::Json);
    if !matches!(command, Command::Serve) || !is_json {
        return failure;
    }
    telemetry::start_for_errors();
    failure.logged()
}

//! The command line, one file per command.

mod change_text;
mod changes;
mod check;
mod client;
pub mod command_error;
mod completions;
mod config;
mod confirmation;
mod copy;
mod database;
mod demo;
mod export;
mod forms;
mod healthcheck;
mod import;
mod list_format;
mod migrate;
mod new_password;
mod openapi;
pub mod output;
mod progress;
mod relationship_type;
mod secret;
mod serve;
mod session;
mod token;
mod type_check;
mod type_list;
mod type_set;
pub mod usage;
mod user;
mod user_delete;
mod user_details;
mod user_reference;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::{Config, LogFormat, RawSettings, SettingProblem};
use crate::telemetry;
use command_error::CommandError;

/// Stores typed relationships between users and serves them over JSON:API
#[derive(Debug, Parser)]
#[command(
    name = "user-relationships",
    version,
    after_help = "Settings: `user-relationships serve --help`.

Examples:
  user-relationships demo
  DATABASE_URL=postgres://app@db/relationships user-relationships serve --listen 0.0.0.0:8080"
)]
struct Cli {
    #[command(flatten)]
    settings: RawSettings,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API
    #[command(after_help = "Creates and migrates an SQLite file; migrates PostgreSQL unless `--no-migrate` is given.

Examples:
  user-relationships serve
  user-relationships serve --database-url sqlite:///var/lib/relationships.db --listen 0.0.0.0:8080")]
    Serve,
    /// Serve a sample company from a temporary database, and print credentials for it
    #[command(after_help = "Example:
  user-relationships demo")]
    Demo,
    /// Migrate the schema, show its status, or revert the newest migration
    Migrate(migrate::MigrateArgs),
    /// Add, list, show, change and delete users
    User(user::UserArgs),
    /// List and end the sessions that passwords have opened
    Session(session::SessionArgs),
    /// List and change relationship types and their rules
    Type(relationship_type::TypeArgs),
    /// Create, list and revoke API tokens
    Token(token::TokenArgs),
    /// Register, list and disable clients that sign their requests
    Client(client::ClientArgs),
    /// Replace the secret of cursors
    Secret(secret::SecretArgs),
    /// Import users and relationships from files
    Import(import::ImportArgs),
    /// Export users and relationships to files that `import` reads
    Export(export::ExportArgs),
    /// Copy all data of a database into an empty one, between SQLite and PostgreSQL
    Copy(copy::CopyArgs),
    /// Print what changed and who changed it, and follow further changes
    Changes(changes::ChangesArgs),
    /// Compare stored counts with the rows and find dangling relationships
    Check(check::CheckArgs),
    /// Check the health of the local service
    Healthcheck(healthcheck::HealthcheckArgs),
    /// Print the effective settings, with secrets hidden, or the built-in forms
    Config(config::ConfigArgs),
    /// Print the OpenAPI 3.1 document, the same as `/openapi.json`
    #[command(after_help = "Example:
  user-relationships openapi > openapi.json")]
    Openapi,
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
}

/// The definition of the command line. Every command accepts every setting, so that one environment fits all commands.
#[must_use]
pub fn command() -> clap::Command {
    // Values that are not UTF-8 are reported together with all other problems.
    let text = OsStringValueParser::new().map(|text| text.to_string_lossy().into_owned());
    // The settings are global; each command has its own arguments.
    let command = Cli::command().mut_args(|arg| {
        let arg = arg.global(true).help_heading("Settings").value_parser(text.clone());
        arg.hide_env_values(true).hide_short_help(true)
    });
    let settings: Vec<_> = command.get_arguments().cloned().collect();
    command.mut_subcommands(|inner| hide_settings(inner, &settings, &COMMON)).mut_args(|arg| arg.hide(true))
}

/// Parses the command line of this process. Without a command the error is the help, with clap's exit code 2.
///
/// # Errors
/// Those of clap, which print themselves.
pub fn parse() -> Result<ArgMatches, clap::Error> {
    command().try_get_matches().map_err(|error| if is_without_command(&error) { help() } else { error })
}

/// Whether a command line without arguments, or with settings only, caused the error. clap counts variables as
/// arguments, and so reports a missing command instead of printing the help.
fn is_without_command(error: &clap::Error) -> bool {
    let name = Cli::command().get_name().to_owned();
    error.kind() == ErrorKind::MissingSubcommand
        && error.get(ContextKind::InvalidSubcommand) == Some(&ContextValue::String(name))
}

fn help() -> clap::Error {
    let mut command = command().mut_args(|arg| arg.env(None::<&str>));
    match command.try_get_matches_from_mut([""; 1]) {
        Err(help) => help,
        Ok(_) => command.error(ErrorKind::MissingSubcommand, "a command is missing"),
    }
}

/// Hides the settings that a command does not use from its help and that of its subcommands.
///
/// clap copies a global argument only into commands without an argument of that id.
fn hide_settings(command: clap::Command, settings: &[Arg], shown: &[&str]) -> clap::Command {
    let shown: &[&str] = match command.get_name() {
        "serve" | "config" => return command.args(settings),
        "demo" => {
            let is_hidden = |arg: &Arg| arg.is_hide_set() || DATABASE_FLAGS.contains(&arg.get_id().as_str());
            return command.args(settings.iter().map(|arg| arg.clone().hide(is_hidden(arg))));
        }
        "healthcheck" => &["listen", "admin_listen"],
        "openapi" | "completions" => &[],
        _ => shown,
    };
    let is_hidden = |arg: &Arg| arg.is_hide_set() || !shown.contains(&arg.get_id().as_str());
    let command = command.args(settings.iter().map(|arg| arg.clone().hide(is_hidden(arg))));
    command.mut_subcommands(|inner| hide_settings(inner, settings, shown))
}

/// The settings that commands with a database use.
const COMMON: [&str; 5] = ["database_url", "database_url_file", "database_timeout", "log_format", "rust_log"];

/// The settings that name a database.
const DATABASE_FLAGS: [&str; 4] = ["database_url", "database_url_file", "database_read_url", "database_read_url_file"];

/// Runs the command in `matches`, which come from [`command`].
///
/// # Errors
/// [`CommandError`] when the command fails.
pub fn run(matches: &ArgMatches) -> Result<(), CommandError> {
    let Cli { settings: mut raw, command } = Cli::from_arg_matches(matches).map_err(CommandError::failed)?;
    if let Command::Completions(args) = &command {
        // Completions do not depend on the settings.
        return completions::run(args, self::command());
    }
    if matches!(command, Command::Demo) && !is_given(matches, "rust_log", &raw.rust_log) {
        // Keep the terminal free for the URL and the tokens.
        "warn".clone_into(&mut raw.rust_log);
    }
    if matches!(command, Command::Demo)
        && let Some(flag) = DATABASE_FLAGS.into_iter().find(|id| is_flag(matches, id))
    {
        return Err(CommandError::usage(demo::refuse_database(flag)));
    }
    if !is_given(matches, "database_url", &raw.database_url) {
        // The default does not contradict `DATABASE_URL_FILE`.
        raw.database_url.clear();
    }
    if is_given(matches, "jwt_secret", &raw.jwt_secret) && !is_from_environment(matches, "jwt_secret") {
        let detail = "a secret cannot be a flag, because other users can read the command line; set the variable, or \
                      `JWT_SECRET_FILE`";
        let problem = SettingProblem { setting: "JWT_SECRET".to_owned(), detail: detail.to_owned() };
        return Err(log_failure(&command, &raw, CommandError::misconfigured(&[problem])));
    }
    if matches!(command, Command::Demo) && !is_given(matches, "explorer", &raw.explorer) {
        "true".clone_into(&mut raw.explorer);
    }
    let config = match Config::check(&raw) {
        Ok(config) => config,
        Err(problems) => return Err(log_failure(&command, &raw, CommandError::misconfigured(&problems))),
    };
    let flush = telemetry::start(&config, matches!(command, Command::Serve | Command::Demo));
    let result = match &command {
        Command::Serve => serve::run(&config),
        Command::Demo => demo::run(config.clone(), is_given(matches, "listen", &raw.listen)),
        Command::Migrate(args) => migrate::run(&config, args),
        Command::User(args) => user::run(&config, args),
        Command::Session(args) => session::run(&config, args),
        Command::Type(args) => relationship_type::run(&config, args),
        Command::Token(args) => token::run(&config, args),
        Command::Client(args) => client::run(&config, args),
        Command::Secret(args) => secret::run(&config, args),
        Command::Import(args) => import::run(&config, args),
        Command::Export(args) => export::run(&config, args),
        Command::Copy(args) => copy::run(args),
        Command::Changes(args) => changes::run(&config, args),
        Command::Check(args) => check::run(&config, args),
        Command::Healthcheck(args) => healthcheck::run(&config, args),
        Command::Config(args) => config::run(&config, args),
        Command::Openapi => openapi::run(),
        Command::Completions(args) => completions::run(args, self::command()),
    };
    // The reason of a failure is the last line.
    drop(flush);
    result.map_err(|failure| log_failure(&command, &raw, failure))
}

/// Whether the value was set; an empty one means the default.
fn is_given(matches: &ArgMatches, id: &str, text: &str) -> bool {
    matches.value_source(id).is_some_and(|source| source != ValueSource::DefaultValue) && !text.trim().is_empty()
}

fn is_flag(matches: &ArgMatches, id: &str) -> bool {
    matches.value_source(id) == Some(ValueSource::CommandLine)
}

fn is_from_environment(matches: &ArgMatches, id: &str) -> bool {
    matches.value_source(id) == Some(ValueSource::EnvVariable)
}

/// Logs the failure of a service with JSON logs, which prints nothing else.
fn log_failure(command: &Command, raw: &RawSettings, failure: CommandError) -> CommandError {
    let is_json = Config::log_format_of(raw) == Some(LogFormat::Json);
    if !matches!(command, Command::Serve) || !is_json {
        return failure;
    }
    failure.log()
}

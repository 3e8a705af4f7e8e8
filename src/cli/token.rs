//! `token`: creates, lists and revokes API tokens.

use clap::Subcommand;
use serde_json::{Value as Json, json};
use std::time::Duration;

use super::command_error::CommandError;
use super::database;
use super::list_format::ListFormat;
use super::output;
use crate::auth;
use crate::config::{Config, read};
use crate::model::change::ChangeOrigin;
use crate::model::error::Error;
use crate::model::id::TokenId;
use crate::model::time::Timestamp;
use crate::model::token::{NewToken, Token};
use crate::store::Cost;

/// Tokens per page.
const PAGE: i64 = 500;
/// The longest name, in characters.
const LONGEST_NAME: usize = 255;
/// A hundred years; a token that should work longer has no expiry.
const LONGEST_LIFE: Duration = Duration::from_hours(100 * 365 * 24);

/// The arguments of `token`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  user-relationships token create --user ann@example.com
  user-relationships token list")]
pub struct TokenArgs {
    #[command(subcommand)]
    action: TokenAction,
}

#[derive(Debug, Subcommand)]
enum TokenAction {
    /// Create a token and print it, alone, on stdout; it cannot be shown again
    #[command(after_help = "Examples:
  user-relationships token create --user ann@example.com
  user-relationships token create --user ann@example.com --name laptop --expires-in 30d")]
    Create(NewTokenArgs),
    /// List all tokens, tab-separated: id, e-mail, name, expiry and last use
    #[command(after_help = "Examples:
  user-relationships token list | grep ann@example.com
  user-relationships token list --json")]
    List {
        #[command(flatten)]
        format: ListFormat,
    },
    /// Revoke a token; effective on all instances within `AUTH_REFRESH`
    #[command(after_help = "Example:
  user-relationships token revoke 12")]
    Revoke {
        /// The id of the token, the first column of `token list`
        #[arg(value_name = "ID", value_parser = id)]
        id: TokenId,
    },
}

#[derive(Debug, clap::Args)]
struct NewTokenArgs {
    /// E-mail address of the user
    #[arg(long, value_name = "EMAIL")]
    user: String,
    /// Name of the token, for example its purpose
    #[arg(long, value_parser = name)]
    name: Option<String>,
    /// Lifetime, for example `12h` or `30d`; without it the token does not expire
    #[arg(long, value_name = "DURATION", value_parser = life)]
    expires_in: Option<Duration>,
}

/// Parses the id of a token.
pub(super) fn id(text: &str) -> Result<TokenId, &'static str> {
    text.parse().map_err(|_| "must be an id from the list")
}

/// A time in JSON; null for none.
pub(super) fn optional_time(time: Option<Timestamp>) -> Json {
    time.map(output::rfc3339).into()
}

/// Parses the name of a credential.
pub(super) fn name(text: &str) -> Result<String, String> {
    if text.chars().count() > LONGEST_NAME || text.contains(char::is_control) {
        return Err(format!("must have at most {LONGEST_NAME} characters and no control characters"));
    }
    Ok(text.to_owned())
}

fn life(text: &str) -> Result<Duration, String> {
    let life = read::duration(text)?;
    if life < Duration::from_secs(1) || life > LONGEST_LIFE {
        return Err("must be `1s` to `36500d`; omit it for a token that does not expire".to_owned());
    }
    Ok(life)
}

/// Runs one of the actions.
///
/// # Errors
/// [`CommandError`] when the database is unreachable, or the user or token does not exist.
pub fn run(config: &Config, args: &TokenArgs) -> Result<(), CommandError> {
    match &args.action {
        TokenAction::Create(new) => create(config, new),
        TokenAction::List { format } => list(config, *format),
        TokenAction::Revoke { id } => revoke(config, *id),
    }
}

fn create(config: &Config, new: &NewTokenArgs) -> Result<(), CommandError> {
    let store = database::open(config)?;
    let (secret, digest) = auth::token::generate()?;
    let NewTokenArgs { user: email, name, expires_in } = new;
    let (email, name) = (email.clone(), name.clone());
    let seconds = expires_in.map(|life| i64::try_from(life.as_secs()).unwrap_or(i64::MAX));
    database::wait(store.write("tokens.create", ChangeOrigin::WITHOUT_CALLER, move |tx| {
        let user = tx.user_id_of_email(&email)?.ok_or_else(|| Error::not_found("user"))?;
        let expires_at = seconds.map(|seconds| tx.now().plus_seconds(seconds));
        tx.insert_token(&NewToken { digest, user, name: name.clone(), expires_at, is_session: false })
    }))?;
    output::print([secret])
}

fn list(config: &Config, format: ListFormat) -> Result<(), CommandError> {
    let store = database::open(config)?;
    database::wait(async {
        let mut after = TokenId::new(0);
        loop {
            let page = store.read("tokens.list", Cost::Bounded, move |tx| tx.tokens(after, PAGE)).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id;
            format.print(&page, line, json_object)?;
        }
    })
}

fn line(token: &Token) -> String {
    output::row([
        Some(token.id.to_string()),
        Some(token.email.clone()),
        token.name.clone(),
        token.expires_at.map(output::rfc3339),
        token.last_used_at.map(output::rfc3339),
    ])
}

fn json_object(token: &Token) -> Json {
    json!({
        "id": token.id.get(),
        "user": token.user.get(),
        "email": token.email,
        "name": token.name,
        "is-session": token.is_session,
        "created-at": output::rfc3339(token.created_at),
        "expires-at": optional_time(token.expires_at),
        "last-used-at": optional_time(token.last_used_at),
    })
}

fn revoke(config: &Config, id: TokenId) -> Result<(), CommandError> {
    let store = database::open(config)?;
    if database::wait(store.write("tokens.revoke", ChangeOrigin::WITHOUT_CALLER, move |tx| tx.delete_token(id)))? {
        return Ok(());
    }
    Err(CommandError::failed(format!("token {id} does not exist; `token list` shows all")))
}

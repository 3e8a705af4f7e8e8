//! `session`: lists and ends the sessions that passwords have opened.

use clap::{ArgGroup, Subcommand};
use serde_json::json;

use super::command_error::CommandError;
use super::database;
use super::list_format::ListFormat;
use super::output;
use super::token::{self, optional_time};
use super::user_reference;
use crate::config::Config;
use crate::domain::accounts;
use crate::model::change::ChangeOrigin;
use crate::model::id::{TokenId, UserId};
use crate::model::token::Token;
use crate::store::{Cost, Store, Tx};

/// Sessions per page.
const PAGE: i64 = 500;

/// The arguments of `session`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  user-relationships session list
  user-relationships session revoke --user ann@example.com")]
pub struct SessionArgs {
    #[command(subcommand)]
    action: SessionAction,
}

#[derive(Debug, Subcommand)]
enum SessionAction {
    /// List all sessions that have not ended, tab-separated: id, e-mail, begin, end and last use
    #[command(after_help = "Examples:
  user-relationships session list --user ann@example.com
  user-relationships session list --json")]
    List {
        /// Only sessions of this user
        #[arg(long, value_name = "EMAIL_OR_ID")]
        user: Option<String>,
        #[command(flatten)]
        format: ListFormat,
    },
    /// End a session, or all sessions of a user; effective on all instances within `AUTH_REFRESH`
    #[command(group = ArgGroup::new("what").args(["id", "user"]).required(true), after_help = "Examples:
  user-relationships session revoke 12
  user-relationships session revoke --user ann@example.com")]
    Revoke {
        /// The id of the session, the first column of `session list`
        #[arg(value_name = "ID", value_parser = token::id)]
        id: Option<TokenId>,
        /// End all sessions of this user
        #[arg(long, value_name = "EMAIL_OR_ID")]
        user: Option<String>,
    },
}

/// Runs one of the actions.
///
/// # Errors
/// [`CommandError`] when the database is unreachable, or the user or session does not exist.
pub fn run(config: &Config, args: &SessionArgs) -> Result<(), CommandError> {
    match &args.action {
        SessionAction::List { user, format } => list(config, user.as_deref(), *format),
        SessionAction::Revoke { id: Some(id), .. } => revoke(config, *id),
        SessionAction::Revoke { id: None, user } => revoke_all(config, user.clone().unwrap_or_default()),
    }
}

fn list(config: &Config, user: Option<&str>, format: ListFormat) -> Result<(), CommandError> {
    let store = database::open(config)?;
    database::wait(async {
        let user = match user {
            Some(user) => Some(find_user(&store, user.to_owned()).await?),
            None => None,
        };
        let mut after = TokenId::new(0);
        loop {
            let page = read_page(&store, user, after).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id;
            format.print(&page, line, json_object)?;
        }
    })
}

async fn find_user(store: &Store, user: String) -> Result<UserId, CommandError> {
    let job = move |tx: &mut Tx<'_>| Ok(user_reference::get(tx, &user)?.id);
    Ok(store.read("sessions.user", Cost::Bounded, job).await?)
}

async fn read_page(store: &Store, user: Option<UserId>, after: TokenId) -> Result<Vec<Token>, CommandError> {
    let job = move |tx: &mut Tx<'_>| tx.sessions(user, after, PAGE);
    Ok(store.read("sessions.list", Cost::Bounded, job).await?)
}

fn line(session: &Token) -> String {
    output::row([
        Some(session.id.to_string()),
        Some(session.email.clone()),
        Some(output::rfc3339(session.created_at)),
        session.expires_at.map(output::rfc3339),
        session.last_used_at.map(output::rfc3339),
    ])
}

fn json_object(session: &Token) -> serde_json::Value {
    json!({
        "id": session.id.get(),
        "user": session.user.get(),
        "email": session.email,
        "created-at": output::rfc3339(session.created_at),
        "expires-at": optional_time(session.expires_at),
        "last-used-at": optional_time(session.last_used_at),
    })
}

fn revoke(config: &Config, id: TokenId) -> Result<(), CommandError> {
    let store = database::open(config)?;
    let job = move |tx: &mut Tx<'_>| tx.delete_session(id);
    if database::wait(store.write("sessions.revoke", ChangeOrigin::WITHOUT_CALLER, job))? {
        return Ok(());
    }
    Err(CommandError::failed(format!("session {id} does not exist; `session list` shows all")))
}

fn revoke_all(config: &Config, user: String) -> Result<(), CommandError> {
    let store = database::open(config)?;
    let job = move |tx: &mut Tx<'_>| {
        let user = user_reference::get(tx, &user)?;
        accounts::close_sessions(tx, user.id)
    };
    let ended = database::wait(store.write("sessions.revoke", ChangeOrigin::WITHOUT_CALLER, job))?;
    output::tell(&match ended {
        0 => "the user has no session".to_owned(),
        1 => "1 session ended".to_owned(),
        many => format!("{many} sessions ended"),
    });
    Ok(())
}

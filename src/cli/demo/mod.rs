//! `demo`: serves a sample company from a temporary database until a signal stops it.

mod company;
pub mod scratch;

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};

use super::command_error::CommandError;
use super::{database, forms, healthcheck, output, serve};
use crate::auth;
use crate::clock::Clock;
use crate::config::Config;
use crate::model::change::ChangeOrigin;
use crate::model::id::UserId;
use crate::model::token::NewToken;
use crate::store::url::DatabaseUrl;
use crate::store::{Store, migrations};
use scratch::Scratch;

/// The media type of a body.
const MEDIA_TYPE: &str = "application/vnd.api+json";

/// Creates the company, serves it and prints how to try it. The database is deleted when the service stops.
///
/// Without an explicit `LISTEN` it uses any free port if the default one is in use.
///
/// # Errors
/// [`CommandError`] when forms are invalid, the temporary database cannot be created or the address cannot be bound.
pub fn run(mut config: Config, is_listen_given: bool) -> Result<(), CommandError> {
    let forms = forms::load(&config)?;
    let scratch = Scratch::new().map_err(|error| CommandError::failed(format!("no temporary directory: {error}")))?;
    config.database_url = DatabaseUrl::Sqlite(scratch.path().join("demo.db"));
    config.database_read_url = None;
    if !is_listen_given && is_busy(config.listen) {
        config.listen.set_port(0);
    }
    migrations::run(&config.database_url, true)?;
    let store = Store::open(&config.store_settings(), Clock::System)?;
    let tokens = create_company_and_tokens(&store)?;
    let mut printed = Ok(());
    let (has_explorer, database) = (config.explorer, config.database_url.to_string());
    serve::listen(&config, store, forms, |address| {
        printed = print(&tokens, healthcheck::reachable(address), &database, has_explorer);
    })?;
    printed
}

/// Why a demo does not accept a setting that names a database.
#[must_use]
pub fn refuse_database(setting: &str) -> String {
    let flag = setting.replace('_', "-");
    format!(
        "`demo` serves a temporary database of its own and never touches another one: remove `--{flag}`, or use `serve` \
         for a database of yours"
    )
}

fn is_busy(address: SocketAddr) -> bool {
    TcpListener::bind(address).is_err_and(|error| error.kind() == ErrorKind::AddrInUse)
}

/// The secrets of two tokens.
struct Tokens {
    admin: String,
    user: String,
}

/// Creates the company and a token for two of its users.
fn create_company_and_tokens(store: &Store) -> Result<Tokens, CommandError> {
    let (admin, admin_digest) = auth::token::generate()?;
    let (user, user_digest) = auth::token::generate()?;
    let token = |digest, user: UserId| NewToken {
        digest,
        user,
        name: Some("demo".to_owned()),
        expires_at: None,
        is_session: false,
    };
    let tokens =
        [token(admin_digest, company::id_of(company::ADMIN)), token(user_digest, company::id_of(company::USER))];
    database::wait(store.write("demo.create", ChangeOrigin::WITHOUT_CALLER, move |tx| {
        company::create_company(tx)?;
        for token in &tokens {
            tx.insert_token(token)?;
        }
        Ok(())
    }))?;
    Ok(Tokens { admin, user })
}

/// Prints the URL, the tokens, the database for other commands, and three `curl` commands.
fn print(tokens: &Tokens, address: SocketAddr, database: &str, has_explorer: bool) -> Result<(), CommandError> {
    let (chief, lead, me) = (company::id_of(company::CHIEF), company::id_of(company::LEAD), &tokens.user);
    let url = format!("http://{address}");
    let curl = format!("curl -sg -H 'Authorization: Bearer {me}'");
    let body = format!(
        "{{\"data\":{{\"type\":\"user-relationships\",\"attributes\":{{\"relationship\":\"mentor\"}},\
         \"relationships\":{{\"target\":{{\"data\":{{\"type\":\"users\",\"id\":\"{chief}\"}}}}}}}}}}"
    );
    let whose = |row| format!("{} (user {})", company::name_of(row), company::id_of(row));
    let explorer = has_explorer.then(|| format!("Explorer: {url}/explorer"));
    let lines = [
        format!("Serving a sample company of 60 users at {url}. Ctrl-C stops it and deletes its data."),
        String::new(),
        format!("URL: {url}"),
        format!("Admin token: {}", tokens.admin),
        format!("User token: {}", tokens.user),
        format!("Database: {database}"),
    ];
    let rest = [
        String::new(),
        format!("The admin token belongs to {}, the user token to {}.", whose(company::ADMIN), whose(company::USER)),
        String::new(),
        "Try:".to_owned(),
        String::new(),
        format!("1. Who reports to {}?", whose(company::LEAD)),
        format!("{curl} '{url}/api/v2/user-relationships?filter[target]={lead}&filter[relationship]=subordinate'"),
        String::new(),
        "2. Which users are called `kim`?".to_owned(),
        format!("{curl} '{url}/api/v2/users?query=kim'"),
        String::new(),
        format!("3. Make {} your mentor:", whose(company::CHIEF)),
        format!("{curl} -H 'Content-Type: {MEDIA_TYPE}' -d '{body}' '{url}/api/v2/user-relationships'"),
    ];
    output::print(lines.into_iter().chain(explorer).chain(rest))
}

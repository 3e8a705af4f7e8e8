//! `client`: clients that sign their requests.

use clap::Subcommand;
use serde_json::{Value as Json, json};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::command_error::CommandError;
use super::database;
use super::list_format::ListFormat;
use super::output;
use super::token::name;
use crate::auth::keys;
use crate::config::Config;
use crate::model::change::ChangeOrigin;
use crate::model::client::{Client, ClientKey, NewClient};
use crate::model::error::Error;
use crate::model::id::{ClientId, ClientKeyId};
use crate::store::Cost;

/// Clients per page.
const PAGE: i64 = 100;

/// The arguments of `client`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  user-relationships client add --public-key public.pem --name intranet
  user-relationships client list")]
pub struct ClientArgs {
    #[command(subcommand)]
    action: ClientAction,
}

#[derive(Debug, Subcommand)]
enum ClientAction {
    /// Register a public key, for a new or an existing client, and print the `Api-Id`, alone, on stdout
    #[command(after_help = "The key is RSA of 2,048 to 8,192 bits, in PEM. The private key stays with the client:
  openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out private.pem
  openssl pkey -in private.pem -pubout -out public.pem

Examples:
  user-relationships client add --public-key public.pem --name intranet
  user-relationships client add --public-key next.pem --to 3f0c9a…")]
    Add(NewClientArgs),
    /// List all keys of all clients, tab-separated: `Api-Id`, name, state, digests; number, fingerprint and creation
    /// time of the key
    #[command(after_help = "The fingerprint is the SHA-256 of the key in DER:
  openssl pkey -pubin -in public.pem -outform DER | openssl sha256

Examples:
  user-relationships client list | grep intranet
  user-relationships client list --json")]
    List {
        #[command(flatten)]
        format: ListFormat,
    },
    /// Disable a client, or remove one of its keys; effective on all instances within `AUTH_REFRESH`
    #[command(after_help = "A disabled client cannot be enabled again: register a new one.

Examples:
  user-relationships client disable 3f0c9a…
  user-relationships client disable 3f0c9a… --key 2")]
    Disable {
        /// The `Api-Id`, the first column of `client list`
        #[arg(value_name = "API_ID")]
        api_id: String,
        /// Remove only this key; its number is in `client list`
        #[arg(long, value_name = "ID", value_parser = key_id)]
        key: Option<ClientKeyId>,
    },
}

#[derive(Debug, clap::Args)]
struct NewClientArgs {
    /// File with the public key
    #[arg(long, value_name = "FILE")]
    public_key: PathBuf,
    /// Name of the client
    #[arg(long, value_parser = name, conflicts_with = "to")]
    name: Option<String>,
    /// Accept SHA-1, the default of PHP's `openssl_sign`; change the client to SHA-256 instead if you can
    #[arg(long, conflicts_with = "to")]
    allow_sha1: bool,
    /// Add the key to this existing client
    #[arg(long, value_name = "API_ID")]
    to: Option<String>,
}

fn key_id(text: &str) -> Result<ClientKeyId, &'static str> {
    text.parse().map_err(|_| "must be the number of a key in `client list`")
}

/// Runs one of the actions.
///
/// # Errors
/// [`CommandError`] when the database is unreachable, the key is invalid, or the client does not exist.
pub fn run(config: &Config, args: &ClientArgs) -> Result<(), CommandError> {
    match &args.action {
        ClientAction::Add(new) => add(config, new),
        ClientAction::List { format } => list(config, *format),
        ClientAction::Disable { api_id, key } => disable(config, api_id, *key),
    }
}

fn add(config: &Config, new: &NewClientArgs) -> Result<(), CommandError> {
    let key = public_key(&new.public_key)?;
    let store = database::open(config)?;
    if let Some(api_id) = &new.to {
        let wanted = api_id.clone();
        let added = database::wait(store.write("clients.add_key", ChangeOrigin::WITHOUT_CALLER, move |tx| {
            match tx.client(&wanted)? {
                None => Ok(Err("the client does not exist; `client list` shows all")),
                Some(client) if !client.is_enabled => Ok(Err("the client is disabled; register a new one")),
                Some(client) if client.keys.iter().any(|known| known.public_key == key) => {
                    Ok(Err("the client already has this key"))
                }
                Some(client) => tx.insert_client_key(client.id, &key).map(Ok),
            }
        }))?;
        added.map_err(CommandError::failed)?;
        return output::print([api_id]);
    }
    let api_id = generate()?;
    let client = NewClient { api_id: api_id.clone(), name: new.name.clone(), allows_sha1: new.allow_sha1 };
    database::wait(store.write("clients.add", ChangeOrigin::WITHOUT_CALLER, move |tx| {
        let id = tx.insert_client(&client)?;
        tx.insert_client_key(id, &key)
    }))?;
    output::print([api_id])
}

/// Reads a key and rejects one that is too weak.
fn public_key(path: &Path) -> Result<Vec<u8>, CommandError> {
    let wrong = |what: &str| CommandError::failed(format!("`--public-key`: {}: {what}", path.display()));
    let pem = std::fs::read(path).map_err(|error| wrong(&error.to_string()))?;
    keys::parse_rsa_pem(&pem).map_err(|reason| wrong(&reason))
}

/// Generates 128 random bits: an `Api-Id` is not a secret, but must not be guessable.
fn generate() -> Result<String, CommandError> {
    let mut bits = [0; 16];
    aws_lc_rs::rand::fill(&mut bits).map_err(|_| Error::Unavailable("the system has no random numbers".to_owned()))?;
    Ok(hex(&bits))
}

/// Writes bytes as lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn list(config: &Config, format: ListFormat) -> Result<(), CommandError> {
    let store = database::open(config)?;
    database::wait(async {
        let mut after = ClientId::new(0);
        loop {
            let page = store.read("clients.list", Cost::Unbounded, move |tx| tx.clients(after, PAGE)).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id;
            if format.is_json() {
                output::print(page.iter().map(|client| json_object(client).to_string()))?;
            } else {
                output::print(page.iter().flat_map(lines))?;
            }
        }
    })
}

fn digests(client: &Client) -> Vec<&'static str> {
    let mut digests = vec!["sha256", "sha512"];
    digests.extend(client.data.allows_sha1.then_some("sha1"));
    digests
}

fn fingerprint(key: &ClientKey) -> String {
    hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &key.public_key).as_ref())
}

/// A client with its keys.
fn json_object(client: &Client) -> Json {
    let key = |key: &ClientKey| json!({ "id": key.id.get(), "fingerprint": fingerprint(key), "created-at": output::rfc3339(key.created_at) });
    json!({
        "api-id": client.data.api_id,
        "name": client.data.name,
        "is-enabled": client.is_enabled,
        "digests": digests(client),
        "keys": client.keys.iter().map(key).collect::<Vec<_>>(),
    })
}

/// One line per key, or one line for a client without keys.
fn lines(client: &Client) -> Vec<String> {
    let line = |key: Option<&ClientKey>| {
        output::row([
            Some(client.data.api_id.clone()),
            client.data.name.clone(),
            Some(if client.is_enabled { "enabled" } else { "disabled" }.to_owned()),
            Some(digests(client).join(",")),
            key.map(|key| key.id.to_string()),
            key.map(fingerprint),
            key.map(|key| output::rfc3339(key.created_at)),
        ])
    };
    if client.keys.is_empty() {
        return vec![line(None)];
    }
    client.keys.iter().map(|key| line(Some(key))).collect()
}

fn disable(config: &Config, api_id: &str, key: Option<ClientKeyId>) -> Result<(), CommandError> {
    let store = database::open(config)?;
    let wanted = api_id.to_owned();
    let done = database::wait(store.write("clients.disable", ChangeOrigin::WITHOUT_CALLER, move |tx| {
        let Some(key) = key else { return tx.disable_client(&wanted) };
        match tx.client(&wanted)? {
            Some(client) => tx.delete_client_key(client.id, key),
            None => Ok(false),
        }
    }))?;
    if done {
        return Ok(());
    }
    Err(CommandError::failed(match key {
        Some(key) => format!("client `{api_id}` with key {key} does not exist; `client list` shows all"),
        None => format!("client `{api_id}` does not exist; `client list` shows all"),
    }))
}

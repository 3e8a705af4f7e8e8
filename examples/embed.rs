//! Starts the service through the library, uses it over HTTP and stops it: `cargo run --example embed`.
//!
//! This is how a test of another program, or a program that ships its own copy, embeds the service. The database is a
//! temporary SQLite file, and the port is any free one.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::web;
use serde_json::{Value as Json, json};
use tokio::sync::oneshot;
use user_relationships::app;
use user_relationships::auth::token;
use user_relationships::clock::Clock;
use user_relationships::config::{Config, RawSettings};
use user_relationships::domain::users;
use user_relationships::http::forms::config::catalogue::Catalogue;
use user_relationships::model::caller::Caller;
use user_relationships::model::change::ChangeOrigin;
use user_relationships::model::token::NewToken;
use user_relationships::model::user::{Field, Value};
use user_relationships::server;
use user_relationships::store::url::DatabaseUrl;
use user_relationships::store::{Store, migrations};

const MEDIA_TYPE: &str = "application/vnd.api+json";

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let config = configure(&format!("sqlite://{}", directory.path().join("embedded.db").display()))?;
    migrations::run(&config.database_url, true).map_err(|error| error.to_string())?;
    actix_web::rt::System::new().block_on(serve_and_use(config))
}

/// The default settings, with one HTTP worker, this database and a free port.
fn configure(database_url: &str) -> Result<Config> {
    let defaults = Config::check(&RawSettings::defaults()?).map_err(|problems| format!("{problems:?}"))?;
    Ok(Config {
        database_url: DatabaseUrl::parse(database_url)?,
        listen: ([127, 0, 0, 1], 0).into(),
        workers: 1,
        ..defaults
    })
}

/// Starts the service, runs the client on another thread, and stops the service when the client is done.
async fn serve_and_use(config: Config) -> Result<()> {
    let store = Store::open(&config.store_settings(), Clock::System).map_err(|error| error.to_string())?;
    let admin_token = create_admin(&store).await?;
    let state = web::Data::new(app::build_state(&config, store, Clock::System, Arc::new(Catalogue::built_in())));

    let (stop, stopped) = oneshot::channel::<()>();
    let (server, address) = server::start(&config, state, async { drop(stopped.await) })
        .map_err(|failed| format!("the service did not start: {failed:?}"))?;
    let client = std::thread::spawn(move || {
        let outcome = use_service(address, &admin_token).map_err(|error| error.to_string());
        // The server closes its listener and finishes the requests in flight.
        drop(stop);
        outcome
    });
    server.await?;
    client.join().map_err(|_| "the client panicked")??;
    println!("stopped");
    Ok(())
}

/// The first admin and its token are created in the database, because every request needs a credential.
async fn create_admin(store: &Store) -> Result<String> {
    let (secret, digest) = token::generate().map_err(|error| format!("{error:?}"))?;
    let attributes = [
        (Field::Email, Value::Text("admin@example.com".to_owned())),
        (Field::AccessLevel, Value::Text("admin".to_owned())),
    ];
    let job = move |tx: &mut user_relationships::store::Tx<'_>| {
        let user = users::create(tx, &Caller::OPERATOR, None, &attributes)?.id;
        tx.insert_token(&NewToken { digest, user, name: None, expires_at: None, is_session: false })
    };
    store
        .write("example.create_admin", ChangeOrigin::WITHOUT_CALLER, job)
        .await
        .map_err(|error| format!("{error:?}"))?;
    Ok(secret)
}

/// Creates two users and a relationship between them, and lists it.
fn use_service(address: SocketAddr, token: &str) -> Result<()> {
    let api = format!("http://{address}/api/v2");
    let authorization = format!("Bearer {token}");
    let post = |path: &str, document: Json| -> Result<Json> {
        let request = ureq::post(format!("{api}/{path}"))
            .header("Authorization", &authorization)
            .header("Content-Type", MEDIA_TYPE);
        Ok(serde_json::from_str(&request.send(document.to_string())?.body_mut().read_to_string()?)?)
    };
    let create_user = |email: &str| -> Result<String> {
        let created = post("users", json!({"data": {"type": "users", "attributes": {"email": email}}}))?;
        Ok(created.pointer("/data/id").and_then(Json::as_str).ok_or("a user has an id")?.to_owned())
    };

    let (ann, bob) = (create_user("ann@example.com")?, create_user("bob@example.com")?);
    println!("created the users {ann} and {bob} at http://{address}");
    let end = |id: &str| json!({"data": {"type": "users", "id": id}});
    post(
        "user-relationships",
        json!({"data": {
            "type": "user-relationships",
            "attributes": {"relationship": "mentor"},
            "relationships": {"user": end(&ann), "target": end(&bob)},
        }}),
    )?;

    let url = format!("{api}/user-relationships?filter[user]={ann}&include=target");
    let mut response = ureq::get(url).header("Authorization", &authorization).call()?;
    let list: Json = serde_json::from_str(&response.body_mut().read_to_string()?)?;
    println!("{}", serde_json::to_string_pretty(&list)?);
    Ok(())
}

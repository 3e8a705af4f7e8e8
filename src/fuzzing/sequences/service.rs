//! A service on a new database, with users, and requests to it.

use actix_web::http::Method;
use actix_web::{rt, test, web};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

use crate::app;
use crate::auth::token;
use crate::clock::Clock;
use crate::config::{Config, CorsOrigins, RawSettings};
use crate::domain::users;
use crate::http::forms::config::catalogue::Catalogue;
use crate::model::caller::Caller;
use crate::model::change::ChangeOrigin;
use crate::model::error::Result as JobResult;
use crate::model::field::Value as FieldValue;
use crate::model::token::NewToken;
use crate::model::user::Field;
use crate::store::url::DatabaseUrl;
use crate::store::{Cost, Store, Tx, migrations};

pub(super) const USERS: usize = 5;
const ATOMIC_MEDIA_TYPE: &str = "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\"";

/// Answers a request: method, path and query, body.
type Answerer = Box<dyn Fn(Method, &str, Option<&Value>) -> (u16, Value)>;

/// A service and its users.
pub(super) struct FuzzedService {
    answer: Answerer,
    store: Store,
    users: Vec<i64>,
}

impl FuzzedService {
    pub fn start() -> Self {
        let started = Self::try_start();
        assert!(started.is_ok(), "{:?}", started.err());
        started.unwrap_or_else(|_| std::process::abort())
    }

    fn try_start() -> Result<Self, Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let url = DatabaseUrl::parse(&format!("sqlite://{}", folder.path().join("fuzz.db").display()))?;
        let defaults = Config::check(&RawSettings::defaults()?).map_err(|problems| format!("{problems:?}"))?;
        let long = Duration::from_hours(1);
        // No answer depends on how busy the machine is.
        let defaults = Config { request_timeout: long, database_timeout: long, ..defaults };
        let config = Config { database_url: url.clone(), database_pool_size: 2, workers: 1, ..defaults };
        migrations::run(&url, true)?;
        let (clock, forms) = (Clock::System, Arc::new(Catalogue::built_in()));
        let store = Store::open(&config.store_settings(), clock.clone())?;
        wait(store.set_change_log(true));
        let (users, secret) = add_users(&store);
        let state = web::Data::new(app::build_state(&config, store.clone(), clock, forms));
        let system = rt::System::new();
        let service = system.block_on(test::init_service(app::build(state, CorsOrigins::None)));
        let authorization = format!("Token token={secret}");
        let answer: Answerer = Box::new(move |method, path, body| {
            let mut request = test::TestRequest::default().method(method).uri(path);
            request = request.insert_header(("authorization", authorization.as_str()));
            if let Some(body) = body {
                let is_atomic = path.ends_with("operations");
                let media_type = if is_atomic { ATOMIC_MEDIA_TYPE } else { "application/vnd.api+json" };
                request = request.insert_header(("content-type", media_type)).set_payload(body.to_string());
            }
            // The folder of the database exists as long as the service.
            let _ = &folder;
            system.block_on(async {
                let response = test::call_service(&service, request.to_request()).await;
                let status = response.status().as_u16();
                let bytes = actix_web::body::to_bytes(response.into_body()).await.unwrap_or_default();
                (status, serde_json::from_slice(&bytes).unwrap_or_default())
            })
        });
        let started = Self { answer, store, users };
        let boss = json!({"data": {"type": "relationship-types", "id": "boss",
                                   "attributes": {"max-per-user": 1, "is-acyclic": true}}});
        let (status, answer) = started.post("/api/v2/relationship-types", &boss);
        assert_eq!(status, 201, "{answer}");
        Ok(started)
    }

    pub fn get(&self, path: &str) -> (u16, Value) {
        (self.answer)(Method::GET, path, None)
    }

    pub fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        (self.answer)(Method::POST, path, Some(body))
    }

    pub fn patch(&self, path: &str, body: &Value) -> (u16, Value) {
        (self.answer)(Method::PATCH, path, Some(body))
    }

    pub fn delete(&self, path: &str) -> (u16, Value) {
        (self.answer)(Method::DELETE, path, None)
    }

    /// The id of a user by its place.
    pub fn user_id(&self, place: usize) -> String {
        self.users.get(place).map(ToString::to_string).unwrap_or_default()
    }

    /// Asserts that the stored counts and rules hold, as `user-relationships check` does.
    pub fn check(&self) {
        let report = wait(self.store.read("fuzz.check", Cost::Unbounded, |tx: &mut Tx<'_>| tx.check()));
        assert!(report.repairable.is_empty(), "{:?}", report.repairable);
        assert!(report.violations.is_empty(), "{:?}", report.violations);
    }
}

/// Waits for a future of the store.
fn wait<T>(work: impl Future<Output = JobResult<T>>) -> T {
    let done = tokio::runtime::Builder::new_current_thread().enable_all().build().map(|runtime| runtime.block_on(work));
    match done {
        Ok(Ok(done)) => done,
        // The harness itself failed.
        Ok(Err(_)) | Err(_) => std::process::abort(),
    }
}

/// Creates the users, of whom the first is an admin with a token.
fn add_users(store: &Store) -> (Vec<i64>, String) {
    let add = |number: usize| {
        let level = if number == 0 { "admin" } else { "user" };
        let text = |text: &str| FieldValue::Text(text.to_owned());
        let changes = [(Field::Email, text(&format!("u{number}@example.com"))), (Field::AccessLevel, text(level))];
        let job = move |tx: &mut Tx<'_>| users::create(tx, &Caller::OPERATOR, None, &changes);
        wait(store.write("fuzz.user", ChangeOrigin::WITHOUT_CALLER, job)).id
    };
    let all: Vec<_> = (0..USERS).map(add).collect();
    let Ok((secret, digest)) = token::generate() else { std::process::abort() };
    let Some(user) = all.first().copied() else { std::process::abort() };
    let new = NewToken { digest, user, name: None, expires_at: None, is_session: false };
    wait(store.write("fuzz.token", ChangeOrigin::WITHOUT_CALLER, move |tx: &mut Tx<'_>| tx.insert_token(&new)));
    (all.into_iter().map(|id| id.get()).collect(), secret)
}

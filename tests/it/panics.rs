//! A panic is logged with its location only, because its message may contain data of the request.
//!
//! # Design
//! The panic hook belongs to the whole process, so each test runs itself again in a process of its own.

use std::env;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use actix_web::{HttpRequest, HttpResponse, HttpServer, web};
use user_relationships::config::{CorsOrigins, LogFormat};
use user_relationships::http::forms::config::catalogue::Catalogue;
use user_relationships::http::jsonapi::errors::Failure;
use user_relationships::http::v2::request::{Call, run_handler};
use user_relationships::model::change::ChangeOrigin;
use user_relationships::model::error::Result;
use user_relationships::store::{Cost, Store, Tx};
use user_relationships::{app, telemetry};

use crate::support::app::{App, Engine, Home, config, wait};
use crate::support::process::{Outcome, finish};
use crate::support::{Client, Value};

/// Marks the process in which the test panics, and holds the text that the requests contain.
const PANIC_WITH: &str = "PANIC_WITH";
const TOKEN: &str = "urt_0f5ecre7";
const ANN: &str = "ann.of.the.panics@example.com";
const LITERAL: &str = "nothing but this text";
const WITHHELD: &str = "the message is withheld";

/// The text to panic with; `None` in the process that checks the output.
#[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the service")]
fn secret() -> Option<String> {
    env::var(PANIC_WITH).ok()
}

/// Runs one test in a process of its own.
fn run_in_own_process(test: &str) -> Outcome {
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.args(["--exact", test, "--nocapture"]).env(PANIC_WITH, format!("token={TOKEN}&email={ANN}"));
    finish(command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped())).expect(0)
}

/// The messages of the panics in a log, which must contain only JSON and no text of the requests.
fn panics(log: &str) -> Vec<String> {
    let mut messages = Vec::new();
    for line in log.lines() {
        let fields: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let message = fields["message"].as_str().expect("a message");
        if let Some(place) = fields["location"].as_str() {
            let message = message.strip_prefix(&format!("panic at {place}: ")).expect("the location comes first");
            assert!(place.contains("panics.rs:"), "{line}");
            messages.push(message.to_owned());
        }
    }
    for part in [TOKEN, ANN, "0f5ecre7", "of.the.panics"] {
        assert!(!log.contains(part), "text of a request is in the log:\n{log}");
    }
    messages
}

/// A service with additional routes, whose handlers panic in different ways.
fn with_routes_that_panic(app: &App) -> Client {
    let forms = Arc::new(Catalogue::load_or_built_in(None).expect("built-in forms"));
    let store = Store::open(&app.config.store_settings(), app.clock.clone()).expect("the database opens");
    let state = web::Data::new(app::build_state(&app.config, store, app.clock.clone(), forms));
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let build = move || {
                app::build(state.clone(), CorsOrigins::None)
                    .route("/api/handler", web::get().to(|call: Call| run_handler(call, in_the_handler)))
                    .route("/api/job", web::get().to(|call: Call| run_handler(call, in_a_job)))
                    .route("/outside", web::get().to(outside))
            };
            let server = HttpServer::new(build).workers(1).bind("127.0.0.1:0").expect("a port");
            sender.send(server.addrs()[0]).expect("the test waits");
            server.run().await.expect("the server ends well");
        });
    });
    app.user().at(receiver.recv().expect("the server starts"))
}

async fn in_the_handler(call: Call) -> std::result::Result<HttpResponse, Failure> {
    // As slicing does: the standard library puts the text into the message.
    let beyond = call.raw_query().len() + 1;
    Ok(HttpResponse::Ok().body(call.raw_query()[beyond..].to_owned()))
}

async fn in_a_job(call: Call) -> std::result::Result<HttpResponse, Failure> {
    let query = call.raw_query().to_owned();
    let unlucky =
        move |_: &mut Tx<'_>| -> Result<i64> { Ok(query.parse().unwrap_or_else(|_| panic!("{query} is no number"))) };
    let number =
        call.state.store.write("test.panic", ChangeOrigin::WITHOUT_CALLER, unlucky).await.map_err(Failure::of)?;
    Ok(HttpResponse::Ok().body(number.to_string()))
}

async fn outside(request: HttpRequest) -> HttpResponse {
    let _guard = tokio::time::sleep(std::time::Duration::ZERO).await;
    panic!("{}", request.query_string())
}

/// Panics wherever a request or a job can, and prints the responses.
fn panic_everywhere(secret: &str) {
    let app = App::start(Home::new(Engine::Sqlite).expect("a folder"), |config| {
        config.log_format = LogFormat::Json;
        // The test's client runs in the same process and logs as well.
        "trace,ureq=off,ureq_proto=off".clone_into(&mut config.log_filter);
    });
    telemetry::watch_panics();
    let _last_words = telemetry::start(&app.config, true);
    let ann = with_routes_that_panic(&app);
    for _ in 0..2 {
        let handler = ann.get(&format!("/api/handler?{secret}")).refused(500, "internal");
        let job = ann.get(&format!("/api/job?{secret}")).refused(500, "internal");
        let outside = ann.attempt("GET", &format!("/outside?{secret}"), &[], None).expect_err("no answer");
        println!("{handler:?} {job:?} {outside:?}");
        // A worker and the writer's thread survive a panic.
        ann.get("/api/v2/users/me").expect(200);
    }
    let text = secret.to_owned();
    let read = wait(app.store.read("test.panic", Cost::Unbounded, move |_| -> Result<i64> { panic!("{text}") }));
    println!("{read:?}");
    let text = secret.to_owned();
    assert!(thread::spawn(move || panic!("{text}")).join().is_err());
    // The same text in two parts.
    assert!(thread::spawn(|| panic!("{LITERAL}")).join().is_err());
    assert!(thread::spawn(|| panic!("nothing but this text")).join().is_err());
}

#[test]
fn the_log_of_a_panic_holds_nothing_from_the_request() {
    if let Some(secret) = secret() {
        return panic_everywhere(&secret);
    }
    let Outcome { stdout, stderr, .. } =
        run_in_own_process("panics::the_log_of_a_panic_holds_nothing_from_the_request");
    let messages = panics(&stderr);
    let (literal, made): (Vec<_>, Vec<_>) = messages.iter().partition(|message| **message == LITERAL);
    assert!(made.iter().all(|message| message.starts_with(WITHHELD)), "{messages:?}");
    assert_eq!((literal.len(), made.len()), (1, 9), "{stderr}");
    assert!(stdout.contains("internal"), "{stdout}");
    assert!(![TOKEN, ANN].iter().any(|part| stdout.contains(part)), "text of a request is in a response: {stdout}");
    let causes = stderr.matches("a job panicked").count();
    assert_eq!((causes, stderr.matches("the handler panicked").count()), (2, 2), "{stderr}");
}

#[test]
fn a_panic_before_logging_starts_is_reported_the_same_way() {
    if let Some(secret) = secret() {
        telemetry::watch_panics();
        assert!(thread::spawn(move || panic!("{secret}")).join().is_err());
        return;
    }
    let ended = run_in_own_process("panics::a_panic_before_logging_starts_is_reported_the_same_way");
    let messages = panics(&ended.stderr);
    assert!(messages.len() == 1 && messages[0].starts_with(WITHHELD), "{ended:?}");
}

#[test]
fn a_panic_is_reported_even_where_the_filter_hides_errors() {
    if let Some(secret) = secret() {
        let mut config = config(Home::new(Engine::Sqlite).expect("a folder").url());
        "off".clone_into(&mut config.log_filter);
        config.log_format = LogFormat::Json;
        telemetry::watch_panics();
        let _flush = telemetry::start(&config, true);
        assert!(thread::spawn(move || panic!("{secret}")).join().is_err());
        return;
    }
    let ended = run_in_own_process("panics::a_panic_is_reported_even_where_the_filter_hides_errors");
    let messages = panics(&ended.stderr);
    assert!(messages.len() == 1 && messages[0].starts_with(WITHHELD), "{ended:?}");
}

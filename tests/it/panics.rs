//! A panic is told by its place. Its message may be made of what a request brought, and then nobody gets to see it.
//!
//! The hook that tells of panics is one for a whole process, so a test runs itself anew in a process of its own.

use std::env;
use std::process::Command;
use std::sync::Arc;
use std::thread;

use actix_web::{HttpRequest, HttpResponse, HttpServer, web};
use user_relationships::config::{CorsOrigins, LogFormat};
use user_relationships::http::forms::config::catalogue::Catalogue;
use user_relationships::http::jsonapi::errors::Failure;
use user_relationships::http::state::State;
use user_relationships::http::v2::request::{Call, bounded};
use user_relationships::model::error::Result;
use user_relationships::store::{Cost, Store, Tx};
use user_relationships::{app, telemetry};

use crate::support::app::{App, Engine, Home, wait};
use crate::support::process::{Outcome, finish};
use crate::support::{Client, Value};

/// Says to a process that it is the one to panic in, and what the requests bring.
const BROUGHT: &str = "PANIC_WITH";
const TOKEN: &str = "urt_0f5ecre7";
const ANN: &str = "ann.of.the.panics@example.com";
const LITERAL: &str = "nothing but this text";
const WITHHELD: &str = "the message is withheld";

/// What this process is to panic with; `None` in the one that looks at it.
#[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the service")]
fn brought() -> Option<String> {
    env::var(BROUGHT).ok()
}

/// Runs one test in a process of its own.
fn in_a_process_of_its_own(test: &str) -> Outcome {
    let mut command = Command::new(env::current_exe().expect("this program"));
    command.args(["--exact", test, "--nocapture"]).env(BROUGHT, format!("token={TOKEN}&email={ANN}"));
    finish(command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped())).expect(0)
}

/// The messages of the panics in a log, which must hold nothing but JSON and nothing that was brought.
fn panics(log: &str) -> Vec<String> {
    let mut messages = Vec::new();
    for line in log.lines() {
        let fields: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let message = fields["message"].as_str().expect("a message");
        if let Some(place) = fields["location"].as_str() {
            let message = message.strip_prefix(&format!("panic at {place}: ")).expect("the place comes first");
            assert!(place.contains("panics.rs:"), "{line}");
            messages.push(message.to_owned());
        }
    }
    for secret in [TOKEN, ANN, "0f5ecre7", "of.the.panics"] {
        assert!(!log.contains(secret), "what was brought is in the log:\n{log}");
    }
    messages
}

/// A service that has a few routes more than others: their handlers panic, in one way or the other.
fn with_routes_that_panic(app: &App) -> Client {
    let forms = Arc::new(Catalogue::load_or_built_in(None).expect("built-in forms"));
    let store = Store::open(&app.config.store_settings(), app.clock.clone()).expect("the database opens");
    let state = web::Data::new(State::new(&app.config, store, app.clock.clone(), forms));
    let (tell, told) = std::sync::mpsc::channel();
    thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let build = move || {
                app::build(state.clone(), CorsOrigins::None)
                    .route("/api/handler", web::get().to(|call: Call| bounded(call, in_the_handler)))
                    .route("/api/job", web::get().to(|call: Call| bounded(call, in_a_job)))
                    .route("/outside", web::get().to(outside))
            };
            let server = HttpServer::new(build).workers(1).bind("127.0.0.1:0").expect("a port");
            tell.send(server.addrs()[0]).expect("somebody waits");
            server.run().await.expect("the server ends well");
        });
    });
    app.user().at(told.recv().expect("the server starts"))
}

async fn in_the_handler(call: Call) -> std::result::Result<HttpResponse, Failure> {
    // As slicing does it: the standard library puts the text into the message.
    let beyond = call.raw_query().len() + 1;
    Ok(HttpResponse::Ok().body(call.raw_query()[beyond..].to_owned()))
}

async fn in_a_job(call: Call) -> std::result::Result<HttpResponse, Failure> {
    let query = call.raw_query().to_owned();
    let unlucky =
        move |_: &mut Tx<'_>| -> Result<i64> { Ok(query.parse().unwrap_or_else(|_| panic!("{query} is no number"))) };
    let number = call.state.store.write("test.panic", unlucky).await.map_err(Failure::of)?;
    Ok(HttpResponse::Ok().body(number.to_string()))
}

async fn outside(request: HttpRequest) -> HttpResponse {
    let _guard = tokio::time::sleep(std::time::Duration::ZERO).await;
    panic!("{}", request.query_string())
}

/// Panics in all places at which a request or a job may, and prints what is answered.
fn panic_everywhere(brought: &str) {
    let app = App::start(Home::new(Engine::Sqlite).expect("a folder"), |config| {
        config.log_format = LogFormat::Json;
        // The client of the tests stands in the same process and has a log, too.
        "trace,ureq=off,ureq_proto=off".clone_into(&mut config.log_filter);
    });
    telemetry::watch_panics();
    let _last_words = telemetry::start(&app.config, true);
    let ann = with_routes_that_panic(&app);
    for _ in 0..2 {
        let handler = ann.get(&format!("/api/handler?{brought}")).refused(500, "internal");
        let job = ann.get(&format!("/api/job?{brought}")).refused(500, "internal");
        let outside = ann.attempt("GET", &format!("/outside?{brought}"), &[], None).expect_err("no answer");
        println!("{handler:?} {job:?} {outside:?}");
        // A worker, and the thread that writes, outlive what they worked on.
        ann.get("/api/v2/users/me").expect(200);
    }
    let text = brought.to_owned();
    let read = wait(app.store.read("test.panic", Cost::Unbounded, move |_| -> Result<i64> { panic!("{text}") }));
    println!("{read:?}");
    let text = brought.to_owned();
    assert!(thread::spawn(move || panic!("{text}")).join().is_err());
    // The same text, put together.
    assert!(thread::spawn(|| panic!("{LITERAL}")).join().is_err());
    assert!(thread::spawn(|| panic!("nothing but this text")).join().is_err());
}

#[test]
fn what_a_request_brought_is_not_told_by_the_panic_that_it_caused() {
    if let Some(brought) = brought() {
        return panic_everywhere(&brought);
    }
    let Outcome { stdout, stderr, .. } =
        in_a_process_of_its_own("panics::what_a_request_brought_is_not_told_by_the_panic_that_it_caused");
    let messages = panics(&stderr);
    let (literal, made): (Vec<_>, Vec<_>) = messages.iter().partition(|message| **message == LITERAL);
    assert!(made.iter().all(|message| message.starts_with(WITHHELD)), "{messages:?}");
    assert_eq!((literal.len(), made.len()), (1, 9), "{stderr}");
    assert!(stdout.contains("internal"), "{stdout}");
    assert!(![TOKEN, ANN].iter().any(|secret| stdout.contains(secret)), "what was brought is answered: {stdout}");
    let causes = stderr.matches("a job panicked").count();
    assert_eq!((causes, stderr.matches("its handler panicked").count()), (2, 2), "{stderr}");
}

#[test]
fn a_panic_before_there_is_a_log_is_told_no_other_way() {
    if let Some(brought) = brought() {
        telemetry::watch_panics();
        assert!(thread::spawn(move || panic!("{brought}")).join().is_err());
        return;
    }
    let ended = in_a_process_of_its_own("panics::a_panic_before_there_is_a_log_is_told_no_other_way");
    let messages = panics(&ended.stderr);
    assert!(messages.len() == 1 && messages[0].starts_with(WITHHELD), "{ended:?}");
}

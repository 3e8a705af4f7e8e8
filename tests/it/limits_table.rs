//! The table of limits in `docs/OPERATIONS.md`: a test exceeds each row, and the client gets the documented response.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use user_relationships::config::{Config, RawSettings};

use crate::forms;
use crate::support::app::{Engine, Home};
use crate::support::{Answer, App, Client, edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const USERS: &str = "/api/v2/users";
const ME: &str = "/api/v2/users/me";
const TYPES: &str = "/api/v2/relationship-types";
const JSON_API: (&str, &str) = ("content-type", "application/vnd.api+json");
const ATOMIC: (&str, &str) = ("content-type", "application/vnd.api+json;ext=\"https://jsonapi.org/ext/atomic\"");

/// A row of the table.
struct Row<'t> {
    limit: &'t str,
    default: &'t str,
    setting: &'t str,
    answer: &'t str,
}

/// How a row is checked.
enum Check {
    /// Two requests for the limit in the table: the largest allowed one and one that exceeds it.
    Boundary(fn(&App, usize) -> (Answer, Answer)),
    /// The same with a smaller limit that a setting gives.
    Smaller(usize, fn(&mut Config), fn(&App, usize) -> (Answer, Answer)),
    /// A test elsewhere that needs more than two requests: its file below `tests/it`, or `src` for a unit test, and its
    /// name.
    Test(&'static str, &'static str),
}

use Check::{Boundary, Smaller, Test};

#[rustfmt::skip]
const CHECKS: &[(&str, Check)] = &[
    ("bytes of a request target", Boundary(|app, most| {
        let path = |size: usize| format!("{USERS}?query={}", "x".repeat(size - USERS.len() - 7));
        (app.user().get(&path(most)), app.user().get(&path(most + 1)))
    })),
    ("bytes of a request head", Boundary(|app, most| {
        let ask = |size: usize| app.user().send("GET", ME, &[("x-long", &"x".repeat(size))], None);
        (ask(most - 1_024), ask(most))
    })),
    ("fields of a request head", Test("protocol", "malformed_http_gets_a_bare_status_and_a_closed_connection")),
    ("bytes of an unfinished request head", Test("protocol", "malformed_http_gets_a_bare_status_and_a_closed_connection")),
    ("time to send a request head", Test("slow_clients", "idle_and_slow_connections_delay_no_client_and_are_closed")),
    ("time in which a client reads nothing", Test("slow_clients", "a_client_that_stops_reading_is_disconnected")),
    ("bytes of a request body", Smaller(2_048, |config| config.max_body = 2_048, |app, most| {
        let (ann, bob) = (app.user(), app.user());
        let body = |size: usize| format!("{:size$}", edge(None, "mentor", bob.id).to_string());
        let post = |size| ann.send("POST", EDGES, &[JSON_API], Some(body(size).as_bytes()));
        (post(most), post(most + 1))
    })),
    ("time for a request", Test("slow_clients", "a_request_whose_body_never_arrives_is_a_503")),
    ("requests of a caller", Test("rate_limit", "a_caller_over_its_limit_gets_retry_after_and_others_are_served")),
    ("failed credentials a minute", Smaller(3, |config| config.auth_failure_limit = 3, |app, most| {
        let wrong = app.anonymous().with_authorization(&format!("Token token=urt_{}", "0".repeat(64)));
        let mut answers: Vec<_> = (0..=most).map(|_| wrong.get(ME)).collect();
        let beyond = answers.pop().expect("one more than the limit");
        (answers.pop().expect("the limit"), beyond)
    })),
    ("levels of JSON", Boundary(|app, most| {
        let ann = app.user();
        let nested = |levels: usize| format!("{{\"data\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
        let post = |levels| ann.send("POST", EDGES, &[JSON_API], Some(nested(levels).as_bytes()));
        (post(most), post(most + 1))
    })),
    ("rows of a page", Boundary(|app, most| lists(app, |size| format!("{USERS}?page[limit]={size}"), most))),
    ("offset into a list", Boundary(|app, most| lists(app, |offset| format!("{USERS}?page[offset]={offset}"), most))),
    ("ids in a filter", Boundary(|app, most| lists(app, |number| format!("{EDGES}?filter[user]={}", numbers(number)), most))),
    ("type names in a filter", Boundary(|app, most| {
        let names = |number: usize| (0..number).map(|n| format!("t{n}")).collect::<Vec<_>>().join(",");
        lists(app, |number| format!("{EDGES}?filter[relationship]={}", names(number)), most)
    })),
    ("e-mail addresses in a filter", Boundary(|app, most| {
        let addresses = |number: usize| (0..number).map(|n| format!("u{n}@example.org")).collect::<Vec<_>>().join(",");
        lists(app, |number| format!("{USERS}?filter[email]={}", addresses(number)), most)
    })),
    ("words of a search", Boundary(|app, most| {
        let words = |number: usize| (0..number).map(|n| format!("w{n}")).collect::<Vec<_>>().join("+");
        lists(app, |number| format!("{USERS}?filter[query]={}", words(number)), most)
    })),
    ("rows of a list sorted by `created-at`", Test("jsonapi_fetching", "sorting_more_than_10_000_rows_by_creation_is_a_400")),
    ("members in an answer with `include=members`", Test("groups_related", "a_document_includes_at_most_1000_memberships")),
    ("operations in a request", Boundary(|app, most| {
        let admin = app.admin();
        let operation = json!({"op": "remove", "ref": {"type": "users", "id": "999999"}});
        let send = |number: usize| {
            let document = json!({"atomic:operations": vec![operation.clone(); number]}).to_string();
            admin.send("POST", "/api/v2/operations", &[ATOMIC], Some(document.as_bytes()))
        };
        (send(most), send(most + 1))
    })),
    ("characters of an `Idempotency-Key`", Boundary(|app, most| {
        let ann = app.user();
        let post = |size: usize| {
            let body = edge(None, "mentor", app.user().id).to_string();
            ann.send("POST", EDGES, &[JSON_API, ("idempotency-key", &"k".repeat(size))], Some(body.as_bytes()))
        };
        (post(most), post(most + 1))
    })),
    ("age of a stored idempotent answer", Test("idempotency", "a_stored_response_expires_after_24_hours")),
    ("characters of `first-name`, `last-name`", Boundary(|app, most| texts(app, "first-name", most))),
    ("characters of `description` of a user", Boundary(|app, most| texts(app, "description", most))),
    ("characters of `additional-info`", Boundary(|app, most| texts(app, "additional-info", most))),
    ("characters of `alt-id`", Boundary(|app, most| {
        let admin = app.admin();
        (patch(&admin, "alt-id", &json!("x".repeat(most))), patch(&admin, "alt-id", &json!("x".repeat(most + 1))))
    })),
    ("bytes of an e-mail address", Boundary(|app, most| {
        let admin = app.admin();
        let address = |size: usize| {
            // Parts have their own limits: 64 bytes before the `@`, 63 for a label.
            let start = format!("{}@{}.", "x".repeat(60), vec!["y".repeat(50); 3].join("."));
            json!(format!("{start}{}.org", "z".repeat(size - start.len() - 4)))
        };
        (patch(&admin, "email", &address(most)), patch(&admin, "email", &address(most + 1)))
    })),
    ("strings in a list of a profile", Boundary(|app, most| {
        let ann = app.user();
        (patch(&ann, "phone", &json!(vec!["1"; most])), patch(&ann, "phone", &json!(vec!["1"; most + 1])))
    })),
    ("characters of a string in a list of a profile", Boundary(|app, most| {
        let ann = app.user();
        (patch(&ann, "phone", &json!(["1".repeat(most)])), patch(&ann, "phone", &json!(["1".repeat(most + 1)])))
    })),
    ("characters of the name of a relationship type", Boundary(|app, most| {
        let admin = app.admin();
        let register = |size: usize| {
            admin.post(TYPES, &json!({"data": {"type": "relationship-types", "id": "t".repeat(size), "attributes": {}}}))
        };
        (register(most), register(most + 1))
    })),
    ("characters of `description` of a relationship type", Boundary(|app, most| {
        let admin = app.admin();
        let register = |size: usize| {
            let attributes = json!({"description": "x".repeat(size)});
            admin.post(TYPES, &json!({"data": {"type": "relationship-types", "id": "described", "attributes": attributes}}))
        };
        (register(most), register(most + 1))
    })),
    ("characters of a text in a form", Boundary(|app, most| {
        let admin = app.admin();
        let update = |size: usize| {
            let values = json!({"last_name": "x", "properties": {"note": "x".repeat(size)}});
            admin.form("PUT", &format!("/api/users/{}", admin.id), &forms::form("update_user", &values))
        };
        (update(most), update(most + 1))
    })),
    ("bytes of a password", Boundary(|app, most| {
        let admin = app.admin();
        let create = |size: usize| {
            let values = json!({"first_name": "A", "email": format!("p{size}@example.org"), "password": "p".repeat(size)});
            admin.form("POST", "/api/users", &forms::form("create_user", &values))
        };
        (create(most), create(most + 1))
    })),
    ("characters of the name of a property", Boundary(|app, most| {
        let admin = app.admin();
        let update = |size: usize| {
            let values = json!({"properties": {"n".repeat(size): "x"}});
            admin.form("PUT", &format!("/api/users/{}", admin.id), &forms::form("update_user", &values))
        };
        (update(most), update(most + 1))
    })),
    ("levels of the properties of a group", Boundary(|app, most| {
        let admin = app.admin();
        let update = |levels: usize| {
            // The object of all properties is the first level.
            let value = (1..levels).fold(json!(1), |value, _| json!([value]));
            let values = json!({"properties": {"deep": value}});
            admin.form("PUT", &format!("/api/users/{}", admin.id), &forms::form("update_user", &values))
        };
        (update(most), update(most + 1))
    })),
    ("connections in all", Test("connections", "new_connections_are_served_beside_too_many_idle_ones")),
    ("connections of one source", Test("src", "one_source_has_at_most_half_and_a_trusted_proxy_any_number")),
    ("bytes of a link in an answer", Test("links", "a_link_that_would_get_a_414_is_null")),
    ("bytes of an answer", Test("response_sizes", "a_page_of_large_users_by_offset_is_a_413_with_advice")),
    ("bytes that `include` reads", Test("response_sizes", "included_members_are_refused_beyond_the_largest_answer")),
    ("errors in a document", Boundary(|app, most| {
        let names = |number: usize| (0..number).map(|n| format!("a{n}")).collect::<Vec<_>>().join("&");
        lists(app, |number| format!("{USERS}?{}", names(number)), most)
    })),
    ("bytes of an error document", Test("error_documents", "error_documents_truncate_names_from_the_query")),
    ("characters of a value that an error repeats", Test("error_documents", "error_documents_truncate_long_ids")),
    ("characters of `detail`", Test("error_documents", "the_error_for_an_unknown_type_lists_twenty_known_names")),
    ("bytes of `source.pointer`", Test("error_documents", "a_pointer_that_would_be_too_long_names_the_parent")),
    ("names that a `detail` lists", Test("error_documents", "the_error_for_an_unknown_type_lists_twenty_known_names")),
    ("messages in an answer of the forms dialect", Test("error_documents", "form_messages_beyond_twenty_are_only_counted")),
    ("bytes of `model` in an answer of the forms dialect", Test("error_documents", "form_messages_beyond_twenty_are_only_counted")),
    ("bytes of a profile", Test("row_sizes", "a_profile_above_64_kib_is_refused_at_the_largest_value")),
    ("bytes of the properties of a group or a membership", Test("row_sizes", "properties_that_are_too_large_already_can_only_shrink")),
    ("time of a database statement", Test("job_limits", "a_search_ends_at_the_deadline_of_its_request")),
    ("time of a statement whose client has gone", Test("job_limits", "an_abandoned_search_stops_and_frees_its_permit")),
    ("wait for a lock on PostgreSQL", Test("postgres_limits", "a_locked_table_blocks_only_requests_that_need_it")),
    ("wait for a connection to PostgreSQL", Test("postgres_limits", "a_batched_list_that_waits_too_long_fails_alone")),
    ("searches at the same time", Test("job_limits", "a_read_that_waits_too_long_for_a_permit_fails_alone")),
    ("bytes of the write-ahead log of SQLite", Test("src", "overlapping_reads_are_delayed_until_the_log_is_emptied")),
    ("relationship types", Test("type_numbers", "registering_returns_409_when_all_numbers_are_in_use")),
    ("failed passwords of one source a minute", Test("unauthenticated", "failed_passwords_of_a_source_are_limited_over_all_addresses")),
    ("logins of one source that wait for their turn", Test("unauthenticated", "a_valid_password_does_not_wait_for_guesses_of_other_sources")),
    ("operations with a key for a signature that is refused", Test("unauthenticated", "a_bad_signature_is_refused_before_the_body_is_read")),
    ("bytes of a JWT", Test("jwts", "tokens_forged_from_a_public_key_get_the_same_refusal")),
    ("age of `Api-Timestamp`", Test("signatures", "a_stamp_is_valid_for_five_minutes_and_nonces_are_deleted")),
    ("age of the token of a session", Smaller(1, |config| config.session_ttl = Duration::from_secs(1), |app, seconds| {
        let values = json!({"first_name": "A", "email": "ann@example.org", "password": "long enough"});
        app.admin().form("POST", "/api/users", &forms::form("create_user", &values)).expect(201);
        let values = json!({"email": "ann@example.org", "password": "long enough"});
        let opened = app.anonymous().form("POST", "/api/sessions", &forms::form("create_session", &values)).expect(201);
        let token = opened.body["model"]["token"].as_str().expect("a token");
        let ann = app.anonymous().with_authorization(&format!("Token token={token}"));
        let within = ann.get(ME);
        sleep(Duration::from_secs(seconds as u64));
        (within, ann.get(ME))
    })),
    ("bytes of a value in a log line", Test("logs", "the_log_line_of_any_request_is_short")),
    ("bytes of a log line of text", Test("src", "a_line_over_the_limit_is_cut_and_not_dropped")),
    ("bytes of log lines that wait to be read", Test("logs", "a_slow_log_reader_does_not_delay_requests")),
    ("bytes of a line of an import", Test("transfer", "invalid_lines_are_reported_and_the_rest_is_imported")),
    ("characters of a regular expression in a form", Test("forms_refusals", "bombs_are_refused_quickly")),
    ("bytes of an answer to operations", Test("operation_limits", "operations_with_a_response_above_the_limit_are_a_413")),
    ("bytes of the profiles that operations read and write", Test("operation_limits", "operations_that_rewrite_large_profiles_too_often_are_a_413")),
    ("time of the operations of a request on SQLite", Test("operation_limits", "operations_that_keep_other_writers_waiting_are_a_503")),
    ("requests with operations at the same time", Test("src", "a_caller_with_many_requests_delays_another_by_at_most_one")),
    ("wait for a running request with the same `Idempotency-Key`", Test("idempotency", "a_repeat_of_an_unfinished_request_is_a_409")),
    ("bytes of a stored receipt of a request with `Idempotency-Key`", Test("src", "the_largest_receipt_can_be_stored")),
];

/// A list at the limit and beyond it.
fn lists(app: &App, path: impl Fn(usize) -> String, most: usize) -> (Answer, Answer) {
    let ann = app.user();
    let get = |number| ann.get(&path(number).replace('[', "%5B").replace(']', "%5D"));
    (get(most), get(most + 1))
}

fn numbers(number: usize) -> String {
    (1..=number).map(|n| n.to_string()).collect::<Vec<_>>().join(",")
}

fn patch(client: &Client, attribute: &str, value: &super::support::Value) -> Answer {
    let attributes = json!({ attribute: value });
    client.patch(ME, &json!({"data": {"type": "users", "id": client.id.to_string(), "attributes": attributes}}))
}

fn texts(app: &App, attribute: &str, most: usize) -> (Answer, Answer) {
    let ann = app.user();
    // Characters, not bytes.
    (patch(&ann, attribute, &json!("é".repeat(most))), patch(&ann, attribute, &json!("é".repeat(most + 1))))
}

/// The rows between the markers, without the header.
fn rows(text: &str) -> Vec<Row<'_>> {
    let (_, rest) = text.split_once("<!-- limits -->").expect("the opening marker");
    let (inside, _) = rest.split_once("<!-- /limits -->").expect("the closing marker");
    let lines = inside.lines().filter(|line| line.starts_with('|')).skip(2);
    let row = |line| {
        let cells: Vec<_> = str::trim_matches(line, '|').split('|').map(str::trim).collect();
        let [limit, default, setting, answer] = cells[..] else { panic!("not four cells: {line}") };
        Row { limit, default, setting, answer }
    };
    lines.map(row).collect()
}

fn document() -> String {
    read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/OPERATIONS.md")))
}

/// The figure of a cell such as `8 KiB`, `100,000` or `10 s`.
fn figure(cell: &str) -> usize {
    let digits: String = cell.chars().take_while(|letter| letter.is_ascii_digit() || *letter == ',').collect();
    let number: usize = digits.replace(',', "").parse().unwrap_or_else(|_| panic!("no figure in `{cell}`"));
    let unit = match cell.split(' ').nth(1) {
        Some("KiB") => 1_024,
        Some("MiB") => 1_024 * 1_024,
        _ => 1,
    };
    number * unit
}

/// The words in backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

impl Row<'_> {
    /// Whether a response is the one that the row promises.
    fn describes(&self, answer: &Answer) -> bool {
        let status = figure(self.answer);
        let has = |word: &&str| answer.text.contains(*word) || answer.headers.contains_key(word.to_ascii_lowercase());
        usize::from(answer.status) == status && quoted(self.answer).iter().all(has)
    }

    /// What is wrong with the responses at the limit and beyond it.
    fn problems(&self, (within, beyond): &(Answer, Answer)) -> Vec<String> {
        let shown =
            |answer: &Answer| format!("{} {}", answer.status, answer.text.chars().take(400).collect::<String>());
        let cases = [
            (self.describes(within), "refused at the limit", within),
            (!self.describes(beyond), "not refused beyond it", beyond),
        ];
        let wrong = cases.into_iter().filter(|(is_wrong, ..)| *is_wrong);
        wrong.map(|(_, what, answer)| format!("{}: {what}: {}", self.limit, shown(answer))).collect()
    }
}

fn walk(engine: Engine) {
    let text = document();
    let mut wrong = Vec::new();
    let Some(home) = Home::new(engine) else { return };
    let app = App::start(home, |_| {});
    for row in rows(&text) {
        let Some((_, check)) = CHECKS.iter().find(|(limit, _)| *limit == row.limit) else { continue };
        match check {
            Boundary(ask) => wrong.extend(row.problems(&ask(&app, figure(row.default)))),
            Smaller(limit, settings, ask) => {
                let app = App::start(Home::new(engine).expect("as before"), *settings);
                wrong.extend(row.problems(&ask(&app, *limit)));
            }
            Test(..) => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_limit_answers_as_documented_on_sqlite() {
    walk(Engine::Sqlite);
}

#[test]
fn every_limit_answers_as_documented_on_postgres() {
    walk(Engine::Postgres);
}

#[test]
fn every_documented_limit_has_a_check_and_every_check_a_row() {
    let text = document();
    let rows: Vec<_> = rows(&text).iter().map(|row| row.limit).collect();
    let checks: Vec<_> = CHECKS.iter().map(|(limit, _)| *limit).collect();
    let (in_table, checked): (BTreeSet<_>, BTreeSet<_>) = (rows.iter().collect(), checks.iter().collect());
    let unchecked: Vec<_> = in_table.difference(&checked).collect();
    assert!(unchecked.is_empty(), "rows without a check: {unchecked:?}");
    let missing: Vec<_> = checked.difference(&in_table).collect();
    assert!(missing.is_empty(), "checks without a row: {missing:?}");
    assert_eq!((rows.len(), checks.len()), (in_table.len(), checked.len()), "each limit has one row and one check");
}

#[test]
fn every_check_names_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let unit_tests = all_text(&root.join("src"));
    for (limit, check) in CHECKS {
        let Test(file, name) = check else { continue };
        let text = match *file {
            "src" => unit_tests.clone(),
            file => read(&root.join(format!("tests/it/{file}.rs"))),
        };
        let ways = [format!("fn {name}("), format!(" {name},"), format!("({name},")];
        assert!(ways.iter().any(|way| text.contains(way)), "{limit}: no test `{name}` in {file}");
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files below a folder, one after the other.
fn all_text(folder: &Path) -> String {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.map(|path| if path.is_dir() { all_text(&path) } else { read(&path) }).collect()
}

#[test]
fn documented_limits_equal_the_defaults_of_the_settings() {
    let settings = RawSettings::rows();
    for row in rows(&document()) {
        // Limits that follow from a setting name it without backticks.
        for variable in quoted(row.setting) {
            let setting = settings.iter().find(|setting| setting.variable == variable);
            let setting = setting.unwrap_or_else(|| panic!("{}: there is no setting `{variable}`", row.limit));
            let plain = |text: &str| text.replace([' ', ','], "");
            assert_eq!(plain(row.default), setting.default, "{}", row.limit);
        }
    }
}

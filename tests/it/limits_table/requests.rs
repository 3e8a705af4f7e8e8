//! The limits of requests: their sizes, numbers and times, their queries and their credentials.

use std::thread::sleep;
use std::time::Duration;

use user_relationships::auth::claims::ClaimRequirements;
use user_relationships::auth::jwt::JwtSettings;
use user_relationships::auth::keyset::{KeySource, Secret};
use user_relationships::model::rate::Rate;

use super::{
    ATOMIC, Alone, Asserts, Boundary, Calls, Checks, EDGES, JSON_API, ME, OPERATIONS, Setup, Test, USERS, send_raw,
};
use crate::forms;
use crate::jsonapi_fetching::fill;
use crate::support::groups::new_group;
use crate::support::jwt::{Key, SECRET, claims, token};
use crate::support::signing::{Signer, now};
use crate::support::sql::Raw;
use crate::support::{Answer, App, Client, edge, json};

#[rustfmt::skip]
pub const CHECKS: Checks = &[
    ("bytes of a request target", Boundary(|app, most| {
        let path = |size: usize| format!("{USERS}?query={}", "x".repeat(size - USERS.len() - 7));
        (app.user().get(&path(most)), app.user().get(&path(most + 1)))
    })),
    ("bytes of a request head", Boundary(|app, most| {
        let ask = |size: usize| app.user().send("GET", ME, &[("x-long", &"x".repeat(size))], None);
        (ask(most - 1_024), ask(most))
    })),
    ("bytes of a request body", Alone(Setup { limit: Some(2_048), settings: |config| config.max_body = 2_048, ..Setup::DEFAULT }, |app, most| {
        let (ann, bob) = (app.user(), app.user());
        let body = |size: usize| format!("{:size$}", edge(None, "mentor", bob.id).to_string());
        let post = |size| ann.send("POST", EDGES, &[JSON_API], Some(body(size).as_bytes()));
        (post(most), post(most + 1))
    })),
    ("users in a linkage that a request adds to a role or removes from it", Boundary(|app, most| {
        let ann = app.user();
        // None of them exists, so nothing is removed.
        let send = |number: usize| {
            let data: Vec<_> = (0..number).map(|id| json!({"type": "users", "id": (900_000 + id).to_string()})).collect();
            let document = json!({"data": data}).to_string();
            ann.send("DELETE", &format!("{ME}/relationships/mentors"), &[JSON_API], Some(document.as_bytes()))
        };
        (send(most), send(most + 1))
    })),
    ("relationships in `max-depth`, other than `all`", Boundary(|app, most| {
        let ann = app.user();
        let get = |depth| ann.get(&format!("{ME}/mentees?max-depth={depth}"));
        (get(most), get(most + 1))
    })),
    ("users that a traversal visits, except below a user of a tree with `max-depth=all` or `1`",
        Test("traversal", "a_traversal_visits_ten_thousand_users_and_no_more")),
    ("users that a traversal with `filter[as-of]` visits",
        Test("as_of_refusals", "ten_thousand_users_are_visited_at_a_moment_and_no_more")),
    ("changes that a list with `filter[as-of]` undoes",
        Test("as_of_refusals", "a_hundred_thousand_changes_are_undone_and_no_more")),
    ("seconds that `filter[as-of]` may be in the future",
        Test("as_of_refusals", "a_moment_outside_the_log_is_refused_with_the_oldest_one")),
    ("relationships that a traversal follows", Test("src", "a_million_relationships_are_followed_and_no_more")),
    ("roles in a record of a user that is sent back", Boundary(|app, most| {
        let (ann, admin) = (app.user(), app.admin());
        let patch = |number| {
            let roles = limit_roles(&admin, number);
            let links: serde_json::Map<_, _> = roles.split(',').map(|name| (name.to_owned(), json!({"data": []}))).collect();
            ann.patch(ME, &json!({"data": {"type": "users", "relationships": links}}))
        };
        (patch(most), patch(most + 1))
    })),
    ("users with a role, for `If-Match` on POST or DELETE of the linkage", Boundary(|app, most| {
        let (ann, url) = (app.user(), format!("{ME}/relationships/mentors"));
        let all: Vec<_> = (0..=most).map(|_| json!({"type": "users", "id": app.user().id.to_string()})).collect();
        let post = |number: usize| {
            ann.post(&url, &json!({"data": all[..number]})).expect(200);
            let tag = ann.get(&format!("{url}?limit=50")).expect(200).header("etag").expect("a tag").to_owned();
            ann.send("POST", &url, &[JSON_API, ("if-match", &tag)], Some(b"{\"data\": []}"))
        };
        (post(most), post(most + 1))
    })),
    ("roles in `include` of users", Boundary(|app, most| {
        let (ann, admin) = (app.user(), app.admin());
        let get = |number| ann.get(&format!("{ME}?include={}", limit_roles(&admin, number)));
        (get(most), get(most + 1))
    })),
    ("roles in `fields[users]`", Boundary(|app, most| {
        let (ann, admin) = (app.user(), app.admin());
        let get = |number| ann.get(&format!("{ME}?fields[users]={}", limit_roles(&admin, number)));
        (get(most), get(most + 1))
    })),
    ("users of a role that are included with a user", Test("role_inclusion", "roles_are_included_with_lists_of_users")),
    ("operations in a request", Boundary(|app, most| {
        let admin = app.admin();
        let operation = json!({"op": "remove", "ref": {"type": "users", "id": "999999"}});
        let send = |number: usize| {
            let document = json!({"atomic:operations": vec![operation.clone(); number]}).to_string();
            admin.send("POST", OPERATIONS, &[ATOMIC], Some(document.as_bytes()))
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

    ("fields of a request head", Boundary(|app, most| {
        // `host`, `connection` and `authorization` count, too.
        let ask = |number: usize| send_raw(&app.user(), head(&app.user(), "GET", ME, &more_fields(number - 3)).as_bytes());
        (ask(most), ask(most + 1))
    })),
    ("bytes of an unfinished request head", Asserts(Setup::DEFAULT, |app, most| {
        let ann = app.user();
        let start = format!("GET {ME} HTTP/1.1\r\nhost: x\r\nx-long: ");
        let refused = send_raw(&ann, format!("{start}{}", "x".repeat(most + 1 - start.len())).as_bytes());
        assert_eq!((refused.status, refused.text.as_str()), (431, ""));
    })),
    ("time to send a request head", Test("slow_clients", "idle_and_slow_connections_delay_no_client_and_are_closed")),
    ("time in which a client reads nothing", Test("slow_clients", "a_client_that_stops_reading_is_disconnected")),
    ("time for a request", Alone(Setup { limit: Some(1), settings: |config| config.request_timeout = Duration::from_secs(1), ..Setup::DEFAULT }, |app, _| {
        let ann = app.user();
        let unfinished = head(&ann, "POST", EDGES, "content-type: application/json\r\ncontent-length: 9\r\n");
        (ann.get(ME), send_raw(&ann, format!("{unfinished}{{").as_bytes()))
    })),
    ("requests of a caller", Alone(Setup { limit: Some(5), settings: |config| config.rate_limit = Some(Rate { per_second: 1, burst: 5 }), ..Setup::DEFAULT }, |app, most| {
        let ann = app.user();
        // A slow machine earns further requests meanwhile.
        let mut answers: Vec<_> = (0..most).map(|_| ann.get(ME)).collect();
        let within = answers.pop().expect("the limit");
        (within, (0..50).map(|_| ann.get(ME)).find(|answer| answer.status != 200).expect("one beyond the limit"))
    })),
    ("failed credentials a minute", Alone(Setup { limit: Some(3), settings: |config| config.auth_failure_limit = 3, ..Setup::DEFAULT }, |app, most| {
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
    ("changes of a page", Boundary(|app, most| {
        let admin = app.admin();
        let get = |size: usize| admin.get(&format!("/api/v2/changes?page[size]={size}"));
        (get(most), get(most + 1))
    })),
    ("changes that a page examines", Test("change_filters", "a_rare_filter_examines_a_bounded_part_of_the_log")),
    ("readers of a process that wait for changes", Test("change_waits", "readers_beyond_the_limit_get_503_and_others_are_served")),
    ("wait for changes that begins during a shutdown",
     Test("change_connections", "a_wait_that_begins_during_a_shutdown_is_short")),
    ("wait for changes", Test("change_waits", "a_wait_is_granted_as_far_as_it_is_a_number")),
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
    ("alt-ids, units or job titles in a filter", Boundary(|app, most| {
        let texts = |number: usize| (0..number).map(|n| format!("u{n}")).collect::<Vec<_>>().join(",");
        lists(app, |number| format!("{USERS}?filter[unit]={}", texts(number)), most)
    })),
    ("words of a search", Boundary(|app, most| {
        let words = |number: usize| (0..number).map(|n| format!("w{n}")).collect::<Vec<_>>().join("+");
        lists(app, |number| format!("{USERS}?filter[query]={}", words(number)), most)
    })),
    ("rows of a list sorted by `updated-at`, or of relationships by `created-at`", Alone(Setup::DEFAULT, |app, most| {
        fill(app, 60, most + 1);
        let (ann, path) = (app.user(), format!("{EDGES}?sort=created-at&limit=1"));
        let beyond = ann.get(&path);
        let one = ann.get(&format!("{EDGES}?limit=1")).expect(200).ids()[0];
        app.admin().delete(&format!("{EDGES}/{one}")).expect(204);
        (ann.get(&path), beyond)
    })),
    ("members in an answer with `include=members`", Alone(Setup::DEFAULT, |app, most| {
        let ann = app.user();
        let group = new_group(app, ann.id, "{}");
        let last = add_members(app, group, most + 1);
        let ask = || ann.get(&format!("/api/v2/groups/{group}?include=members"));
        let beyond = ask();
        app.admin().delete(&format!("{USERS}/{last}")).expect(204);
        (ask(), beyond)
    })),
    ("bytes of a JWT", Alone(Setup { settings: |config| config.jwt = Some(JwtSettings { source: KeySource::Secret(Secret::new(SECRET)), requirements: ClaimRequirements::default() }), ..Setup::DEFAULT }, |app, most| {
        let ann = app.user();
        // Base64 does not have every length.
        let padded = |size: usize| token(Key::Secret, None, &claims(&json!({"sub": ann.id, "x": "x".repeat(size)})));
        let sizes = most / 4 * 3 - 300..;
        let tokens: Vec<_> = sizes.map(padded).take_while(|token| token.len() <= most + 4).collect();
        let ask = |is_beyond: bool| {
            let token = tokens.iter().rfind(|token| (token.len() > most) == is_beyond).expect("one of that length");
            app.anonymous().with_authorization(&format!("Bearer {token}")).get(ME)
        };
        (ask(false), ask(true))
    })),
    ("age of `Api-Timestamp`", Boundary(|app, most| {
        let ask = |age: usize| get_stamped(app, now() - age as u64, &format!("nonce-{age}"));
        (ask(most - 5), ask(most + 1))
    })),
    ("bytes of `Api-Nonce`", Boundary(|app, most| {
        let ask = |size: usize| get_stamped(app, now(), &"n".repeat(size));
        (ask(most), ask(most + 1))
    })),
    ("age of a credential that is trusted while the primary does not answer", Test("primary_outages", "a_credential_is_trusted_for_the_grace_period_and_not_after_a_revocation")),
    ("wait until a replica has replayed the write of a `Consistency-Token`", Test("read_your_writes", "a_read_waits_briefly_for_a_late_replica_and_then_uses_the_primary")),
    ("age of the token of a session", Alone(Setup { limit: Some(1), settings: |config| config.session_ttl = Duration::from_secs(1), ..Setup::DEFAULT }, |app, seconds| {
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
    ("failed passwords of one source a minute", Alone(Setup { limit: Some(10), settings: |config| config.auth_failure_limit = 2, ..Setup::DEFAULT }, |app, most| {
        let guess = |number: usize| {
            let values = json!({"email": format!("guess{number}@example.com"), "password": "wrong enough"});
            app.anonymous().form("POST", "/api/sessions", &forms::form("create_session", &values))
        };
        let mut answers: Vec<_> = (0..=most).map(guess).collect();
        let beyond = answers.pop().expect("one more than the limit");
        (answers.pop().expect("the limit").expect(401), beyond)
    })),
    ("logins of one source that wait for their turn", Calls(crate::unauthenticated::a_valid_password_does_not_wait_for_guesses_of_other_sources::on)),
    ("operations with a key for a signature that is refused", Boundary(|app, _| {
        let ann = app.named("signing@example.com", "user");
        let good = Signer::new(app, "signing@example.com");
        let other_key = Signer { key: 1, ..good.clone() };
        let fields = other_key.fields("POST", &ann.base(), EDGES, Some(b"{}"));
        let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let fields = format!("content-type: application/json\r\ncontent-length: 1000\r\n{}", fields.concat());
        // The body is never sent.
        (ann.with_signer(good).get(ME), send_raw(&app.anonymous(), head(&app.anonymous(), "POST", EDGES, &fields).as_bytes()))
    })),
    ("age of a stored idempotent answer", Asserts(Setup::DEFAULT, |app, hours| {
        let (ann, bob) = (app.user(), app.user());
        let body = edge(None, "mentor", bob.id).to_string();
        let post = || ann.send("POST", EDGES, &[JSON_API, ("idempotency-key", "k")], Some(body.as_bytes()));
        let age = |hours: usize| {
            let micros = hours * 3_600_000_000;
            let aged = format!("UPDATE idempotency_keys SET created_at = created_at - {micros}");
            Raw::connect(&app.home().url()).run(&aged);
        };
        post().expect(201);
        age(hours - 1);
        assert_eq!(post().expect(201).header("idempotent-replayed"), Some("true"));
        age(2);
        post().refused(409, "already-exists");
    })),
    ("wait for a running request with the same `Idempotency-Key`", Alone(Setup { limit: Some(1), settings: |config| config.request_timeout = Duration::from_secs(2), ..Setup::DEFAULT }, |app, _| {
        let (ann, bob) = (app.user(), app.user());
        let body = edge(None, "mentor", bob.id).to_string();
        let post = |key: &str| ann.send("POST", EDGES, &[JSON_API, ("idempotency-key", key)], Some(body.as_bytes()));
        let within = post("free");
        let mut other = Raw::connect(&app.home().url());
        other.claim_key(ann.id, "slow");
        let answers = std::thread::scope(|scope| {
            let first = scope.spawn(|| post("slow"));
            sleep(Duration::from_millis(200));
            let second = post("slow");
            first.join().expect("an answer");
            second
        });
        other.run("ROLLBACK");
        (within, answers)
    })),
    ("logins that wait in all", Test("src", "the_total_of_waiting_requests_is_limited")),
    ("wait of a login for its turn", Test("src", "a_request_that_waits_too_long_is_refused")),
    ("callers whose requests are counted", Test("src", "memory_is_bounded_and_a_flood_does_not_evict_limited_callers")),
    ("connections in all", Test("connections", "new_connections_are_served_beside_too_many_idle_ones")),
    ("connections of one source", Test("src", "one_source_has_at_most_half_and_a_trusted_proxy_any_number")),
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

/// The head of a request with these lines, after whose response the connection is closed.
fn head(client: &Client, method: &str, path: &str, fields: &str) -> String {
    let authorization = client.authorization().map(|value| format!("authorization: {value}\r\n")).unwrap_or_default();
    // Signatures cover the host.
    let host = client.address();
    format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{authorization}{fields}\r\n")
}

fn more_fields(number: usize) -> String {
    (0..number).map(|n| format!("x-{n}: y\r\n")).collect::<Vec<_>>().concat()
}

/// Adds new users to a group, and returns the last one.
fn add_members(app: &App, group: i64, number: usize) -> i64 {
    use user_relationships::model::id::GroupId;
    use user_relationships::model::user::UserData;
    app.write(move |tx| {
        let mut last = None;
        for n in 0..number {
            let user = tx.insert_user(None, &UserData::new(format!("member{n}@example.com")))?.expect("it is new");
            tx.insert_group_member("special_group_users", GroupId::new(group), user, &serde_json::Map::new())?;
            last = Some(user.get());
        }
        Ok(last.expect("at least one"))
    })
}

/// A signed request of a new user with that stamp and nonce.
fn get_stamped(app: &App, seconds: u64, nonce: &str) -> Answer {
    let ann = app.user();
    let email = ann.get(ME).expect(200).body["data"]["attributes"]["email"].as_str().expect("an address").to_owned();
    let signer = Signer { is_stamped: true, ..Signer::new(app, &email) };
    let fields = signer.fields_at((seconds, nonce), "GET", &ann.base(), ME, None);
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    app.anonymous().send("GET", ME, &fields, None)
}

/// The names of that many roles, which are registered if they are missing.
fn limit_roles(admin: &Client, number: usize) -> String {
    let names: Vec<_> = (0..number).map(|number| format!("limit-{}", "x".repeat(number + 1))).collect();
    for name in &names {
        let role = json!({"data": {"type": "relationship-types", "id": format!("of-{name}"), "attributes": {"user-role": name}}});
        admin.post("/api/v2/relationship-types", &role);
    }
    names.join(",")
}

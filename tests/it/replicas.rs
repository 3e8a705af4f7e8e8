//! `DATABASE_READ_URL` with a standby of the tests' own primary: responses come from it, decisions do not.

use std::fs;

use crate::forms::{group, member};
use crate::support::app::{Engine, Home};
use crate::support::cluster::PrivateServer;
use crate::support::process::{Service, finish, program, until};
use crate::support::replica::{
    FALLBACKS, SOON, admin, fallbacks, is_used, lag, lines_about_the_replica, raw, replica_pair,
};
use crate::support::scrape::scrape;
use crate::support::{edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const USERS: &str = "/api/v2/users";

#[test]
fn responses_come_from_the_replica_and_decisions_do_not() {
    let Some(pair) = replica_pair() else { return };
    // Several hosts, of which libpq selects the standby.
    let (one, other) = (pair.primary.folder().display(), pair.standby.folder().display());
    let several =
        format!("postgres://postgres@/postgres?host={one},{other}&port=5432,5432&target_session_attrs=standby");
    let service = Service::start(&pair.url(), &[("DATABASE_READ_URL", &several), ("AUTH_REFRESH", "0s")]);
    until("the replica is used", SOON, || is_used(&service));
    let ann = admin(&pair.url(), &service);
    let bob = admin(&pair.url(), &service);
    let me = format!("{USERS}/{}", ann.id);
    pair.settle();
    let old = ann.get(&me).expect(200);
    let list = format!("{EDGES}?user={}", ann.id);
    assert_eq!(ann.get(&list).expect(200).total(), 0);

    pair.pause();
    let id = ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201).id();
    let late = admin(&pair.url(), &service);
    for list in
        [&list, &format!("{list}&include=target"), &format!("{list}&relationship=mentor"), &format!("{list}&sort=-id")]
    {
        let shown = ann.get(list).expect(200);
        assert_eq!((shown.total(), shown.ids()), (0, vec![]), "{list}");
        assert_eq!(late.get(list).expect(200).total(), 0, "a token that the replica does not have yet");
    }
    assert_eq!(
        ann.get(&format!("{EDGES}/{id}")).expect(200).id(),
        id,
        "an id that the replica does not have yet is found"
    );
    ann.post(EDGES, &edge(None, "mentor", bob.id)).refused(409, "already-exists");

    let named =
        |name: &str| json!({"data": {"type": "users", "id": ann.id.to_string(), "attributes": {"first-name": name}}});
    let new = ann.patch(&me, &named("Ann")).expect(200);
    assert_ne!(old.header("etag"), new.header("etag"));
    let shown = ann.get(&me).expect(200);
    assert_eq!((shown.header("etag"), &shown.body["data"]), (old.header("etag"), &old.body["data"]));
    let change = |tag: Option<&str>| {
        let headers = [("content-type", "application/vnd.api+json"), ("if-match", tag.expect("a tag"))];
        ann.send("PATCH", &me, &headers, Some(named("Anne").to_string().as_bytes()))
    };
    change(old.header("etag")).refused(412, "precondition-failed");
    change(new.header("etag")).expect(200);

    until("the lag shows", SOON, || lag(&service) > 0.5);
    let first = lag(&service);
    until("the lag grows", SOON, || lag(&service) > first + 0.5);
    assert_eq!(fallbacks(&service, "refused"), 1, "{:?}", service.log());
    pair.resume();
    until("the relationship is listed", SOON, || ann.get(&list).expect(200).ids() == [id]);
    until("the name is shown", SOON, || ann.get(&me).expect(200).body["data"]["attributes"]["first-name"] == "Anne");
    until("there is no lag", SOON, || lag(&service) == 0.0);
    assert_eq!(lines_about_the_replica(&service).len(), 1, "{:?}", service.log());
    assert_eq!(fallbacks(&service, "unavailable") + fallbacks(&service, "failed"), 0);
}

#[test]
fn every_get_reads_from_the_replica() {
    let Some(pair) = replica_pair() else { return };
    let service = pair.serve(&[]);
    let ann = admin(&pair.url(), &service);
    let bob = admin(&pair.url(), &service);
    let type_of = |name: &str| json!({"data": {"type": "relationship-types", "id": name, "attributes": {}}});
    ann.post(EDGES, &edge(None, "mentor", bob.id)).expect(201);
    let first = group(&ann, "First");
    member(&ann, first, bob.id);
    pair.settle();
    let lists = [EDGES, USERS, "/api/v2/relationship-types", "/api/v2/groups", "/api/v2/group-members"];
    let totals = || lists.map(|list| ann.get(&format!("{list}?limit=1")).expect(200).total());
    let before = totals();
    pair.pause();
    ann.post("/api/v2/relationship-types", &type_of("newcomer")).expect(201);
    ann.post(EDGES, &edge(None, "newcomer", bob.id)).expect(201);
    ann.post(USERS, &json!({"data": {"type": "users", "attributes": {"email": "new@example.com"}}})).expect(201);
    let second = group(&ann, "Second");
    member(&ann, second, bob.id);
    assert_eq!(totals(), before);
    let found = scrape(&service.anonymous());
    assert_eq!(found.count(FALLBACKS, &[]), 0);
    assert!(found.count("store_replica_connections", &[]) > 0);
    for (name, kind, labels) in [
        ("store_replica_lag_seconds", "gauge", &[][..]),
        ("store_replica_connections", "gauge", &["state"]),
        (FALLBACKS, "counter", &["reason"]),
    ] {
        assert_eq!(found.kinds.get(name).map(String::as_str), Some(kind), "{name}");
        assert_eq!(found.labels(name), labels.iter().copied().collect(), "{name}");
    }
    let reasons: Vec<_> = found.samples.iter().filter(|(name, ..)| name == FALLBACKS).collect();
    assert_eq!(reasons.len(), 5, "every series exists from the start: {reasons:?}");
    pair.resume();
    until("all lists agree", SOON, || totals() == before.map(|total| total + 1));
    assert_eq!(ann.get(&format!("{EDGES}?relationship=newcomer&user={}", ann.id)).expect(200).total(), 1);
}

#[test]
fn a_list_is_one_statement_on_the_replica_and_none_on_the_primary() {
    let Some(pair) = replica_pair() else { return };
    let mut primary = raw(&pair.url());
    primary.run("ALTER ROLE postgres SET log_statement = 'all'");
    pair.settle();
    let service = pair.serve(&[("AUTH_REFRESH", "1h")]);
    let ann = admin(&pair.url(), &service);
    let list = format!("{EDGES}?user={}", ann.id);
    pair.settle();
    ann.get(&list).expect(200);
    let statements = |server: &PrivateServer| {
        let log = fs::read_to_string(server.folder().join("log")).expect("the server's log");
        let asked: Vec<_> = log
            .lines()
            .filter(|line| line.contains("LOG:  statement") || line.contains("LOG:  execute"))
            .map(str::to_owned)
            .collect();
        asked
    };
    let of_lists = || statements(&pair.standby).into_iter().filter(|line| line.contains("LATERAL")).count();
    let (before, on_replica) = (statements(&pair.primary).len(), of_lists());
    for _ in 0..10 {
        ann.get(&list).expect(200);
    }
    assert_eq!(of_lists() - on_replica, 10);
    let on_primary = statements(&pair.primary).split_off(before);
    primary.run("ALTER ROLE postgres RESET log_statement");
    assert_eq!(on_primary, Vec::<String>::new());
}

#[test]
fn a_replica_requires_a_postgresql_primary() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let config = |url: &str, replica: &str| {
        finish(program().env("DATABASE_URL", url).env("DATABASE_READ_URL", replica).arg("config"))
    };
    for (url, replica) in [
        (&*home.text(), "postgres://ann:s3cret@replica/db"),
        ("postgres://ann@primary/db", "sqlite://copy.db"),
        ("postgres://ann@primary/db", "replica.example.com"),
    ] {
        let refused = config(url, replica).expect(78).stderr;
        assert!(refused.contains("`DATABASE_READ_URL`") && refused.contains("remove this setting"), "{refused}");
        assert!(!refused.contains("s3cret"), "{refused}");
    }
    let shown = config("postgres://ann@primary/db", "postgres://ann:s3cret@a,b/db?load_balance_hosts=random").expect(0);
    let line = "DATABASE_READ_URL=postgres://ann:***@a,b/db?load_balance_hosts=random";
    assert!(shown.stdout.lines().any(|found| found == line), "{}", shown.stdout);
    assert!(config(&home.text(), "").expect(0).stdout.contains("DATABASE_READ_URL=none"));
    assert!(config(&home.text(), "none").expect(0).stdout.contains("DATABASE_READ_URL=none"));
}

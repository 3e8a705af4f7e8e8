//! The primary is away: reads go on with the replica, for every credential, and writes are refused.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::forms::form;
use crate::support::cluster::PrivateServer;
use crate::support::jwt::{self, SECRET};
use crate::support::load::{Worker, under_load, user};
use crate::support::process::{Service, run, until};
use crate::support::replica::{SOON, is_used, raw};
use crate::support::signing::{self, Signer};
use crate::support::{Client, edge, json};

const EDGES: &str = "/api/v2/user-relationships";
const USERS: &str = "/api/v2/users";
/// Longer than `AUTH_REFRESH`, within which nothing is looked up.
const OUTAGE: Duration = Duration::from_secs(6);

/// A primary with the schema, and a standby.
fn pair() -> Option<(PrivateServer, PrivateServer)> {
    let primary = PrivateServer::start()?;
    let url = primary.url("postgres");
    raw(&url).run("ALTER ROLE postgres SET synchronous_commit = on");
    run(&url, &["migrate", "run"]).expect(0);
    let standby = primary.standby();
    Some((primary, standby))
}

fn serve(primary: &str, replica: &str, settings: &[(&str, &str)]) -> Service {
    let service = Service::start(primary, &[&[("DATABASE_READ_URL", replica)], settings].concat());
    until("the replica is used", SOON, || is_used(&service));
    service
}

/// Waits until the standby has replayed everything that the primary has.
fn settle(primary: &str, standby: &str) {
    let at = raw(primary).lines("SELECT pg_current_wal_insert_lsn()::text AS line").remove(0);
    let mut standby = raw(standby);
    until("the standby has caught up", SOON, || {
        standby.number(&format!("SELECT (pg_last_wal_replay_lsn() >= '{at}')::int::bigint AS number")) == 1
    });
}

/// A client with the token of a new admin, and its e-mail address.
fn admin(url: &str, service: &Service, name: &str) -> (Client, String) {
    let email = format!("{name}@example.com");
    let id = run(url, &["user", "add", "--email", &email, "--access-level", "admin"]).expect(0);
    let token = run(url, &["token", "create", "--user", &email]).expect(0).line().to_owned();
    let id = id.line().parse().expect("an id");
    (Client::new(service.address, id, Some(format!("Token token={token}"))), email)
}

#[test]
fn reads_go_on_while_the_primary_is_down_with_every_credential() {
    let Some((mut primary, standby)) = pair() else { return };
    let (url, replica) = (primary.url("postgres"), standby.url("postgres"));
    let service = serve(&url, &replica, &[("JWT_SECRET", SECRET)]);
    let strict = serve(&url, &replica, &[("AUTH_GRACE", "0s")]);
    let (root, email) = admin(&url, &service, "root");
    let bob = root.post(USERS, &user("bob@example.com")).expect(201).id();
    let values = json!({"first_name": "S", "email": "session@example.com", "password": "long enough"});
    root.form("POST", "/api/users", &form("create_user", &values)).expect(201);
    let credentials = json!({"email": "session@example.com", "password": "long enough"});
    let opened = service.anonymous().form("POST", "/api/sessions", &form("create_session", &credentials)).expect(201);
    let session =
        root.with_authorization(&format!("Token token={}", opened.body["model"]["token"].as_str().expect("one")));
    let by_jwt =
        jwt::signed(r#"{"alg":"HS256"}"#, &jwt::claims(&json!({"sub": root.id.to_string()})).to_string(), |text| {
            jwt::hmac_of(SECRET.as_bytes(), text)
        });
    let by_jwt = root.with_authorization(&format!("Bearer {by_jwt}"));
    let key = tempfile::NamedTempFile::new().expect("a file");
    fs::write(key.path(), signing::pem("PUBLIC KEY", &signing::public_key(0))).expect("a key");
    let added = run(&url, &["client", "add", "--public-key", key.path().to_str().expect("a path")]).expect(0);
    let signer = Signer { api_id: added.line().to_owned(), user: email, key: 0, base: None, is_stamped: false };
    let signed = root.with_signer(signer.clone());
    let stamper = Signer { is_stamped: true, ..signer };
    let stamped = root.with_signer(stamper.clone());
    let (stranger, _) = admin(&url, &service, "stranger");
    let list = format!("{EDGES}?user={}", root.id);
    root.post(EDGES, &edge(None, "mentor", bob)).expect(201);
    let known =
        [("token", &root), ("session", &session), ("JWT", &by_jwt), ("signature", &signed), ("stamp", &stamped)];
    for (_, client) in known {
        client.get(&list).expect(200);
    }
    root.at(strict.address).get(&list).expect(200);
    settle(&url, &replica);
    until("both use the replica", SOON, || is_used(&service) && is_used(&strict));

    primary.stop();
    let began = Instant::now();
    let mut slowest = Duration::ZERO;
    while began.elapsed() < OUTAGE {
        for (name, client) in known {
            let asked = Instant::now();
            let shown = client.get(&list);
            assert_eq!(shown.status, 200, "{name} after {:?}: {shown:?}", began.elapsed());
            assert_eq!(shown.total(), 1, "{name}");
            slowest = slowest.max(asked.elapsed());
        }
    }
    println!("the slowest read took {slowest:?}");
    assert!(slowest < Duration::from_secs(4), "{slowest:?}");
    assert_eq!(stranger.get(&list).expect(200).total(), 1, "the replica knows a credential that was never used here");
    // A nonce is accepted once, although it cannot be stored.
    let fields = stamper.fields_at((signing::now(), "once"), "GET", &root.base(), &list, None);
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let anonymous = service.anonymous();
    anonymous.send("GET", &list, &fields, None).expect(200);
    anonymous.send("GET", &list, &fields, None).refused(403, "signature-rejected");
    let unknown = root.with_authorization(&format!("Token token=urt_{}", "a".repeat(64)));
    let refused = unknown.get(&list).refused(503, "unavailable");
    assert!(refused.header("retry-after").is_some(), "the replica may be late, so this is not a 401");
    let refused = root.post(EDGES, &edge(None, "colleague", bob)).refused(503, "unavailable");
    assert!(refused.header("retry-after").is_some());
    root.at(strict.address).get(&list).refused(503, "unavailable");

    primary.start_again();
    until("writes are served again", SOON, || root.post(EDGES, &edge(None, "colleague", bob)).status == 201);
    until("the primary decides again", SOON, || unknown.get(&list).status == 401);
}

#[test]
fn a_credential_is_trusted_for_the_grace_period_and_not_after_a_revocation() {
    let Some((mut primary, standby)) = pair() else { return };
    let (url, replica) = (primary.url("postgres"), standby.url("postgres"));
    let service = serve(&url, &replica, &[("AUTH_GRACE", "5s"), ("AUTH_REFRESH", "0s")]);
    settle(&url, &replica);
    // The replica gets none of the tokens.
    raw(&replica).run("SELECT pg_wal_replay_pause()");
    let (root, _) = admin(&url, &service, "root");
    let (gone, email) = admin(&url, &service, "gone");
    for client in [&root, &gone] {
        client.get(EDGES).expect(200);
    }
    let tokens = run(&url, &["token", "list"]).expect(0).stdout;
    let line = tokens.lines().find(|line| line.contains(&email)).expect("its token");
    let id = line.split_whitespace().next().expect("an id");
    run(&url, &["token", "revoke", id]).expect(0);
    gone.get(EDGES).refused(401, "unauthenticated");
    root.get(EDGES).expect(200);
    primary.stop();
    let began = Instant::now();
    gone.get(EDGES).refused(503, "unavailable");
    root.get(EDGES).expect(200);
    until("the grace period ends", Duration::from_secs(15), || root.get(EDGES).status == 503);
    let time = began.elapsed();
    assert!(time > Duration::from_secs(3), "{time:?}");
}

/// The URL of both servers.
fn both(one: &PrivateServer, other: &PrivateServer, target: &str) -> String {
    let (one, other) = (one.folder().display(), other.folder().display());
    format!("postgres://postgres@/postgres?host={one},{other}&port=5432,5432&target_session_attrs={target}")
}

/// The primary is killed, the synchronous standby promoted, and the old primary comes back fenced.
#[test]
fn a_failover_loses_no_write_and_fails_no_read() {
    let Some((mut primary, standby)) = pair() else { return };
    let (writes, reads) = (both(&primary, &standby, "read-write"), both(&standby, &primary, "prefer-standby"));
    let service = serve(&writes, &reads, &[("DATABASE_POOL_SIZE", "8")]);
    let (root, _) = admin(&primary.url("postgres"), &service, "root");
    let mut synchronous = raw(&primary.url("postgres"));
    synchronous.run("ALTER SYSTEM SET synchronous_standby_names = '*'");
    synchronous.run("SELECT pg_reload_conf()");
    until("the standby is synchronous", SOON, || {
        synchronous.number("SELECT count(*) AS number FROM pg_stat_replication WHERE sync_state = 'sync'") == 1
    });
    drop(synchronous);
    let ids: Vec<_> =
        (0..16).map(|number| root.post(USERS, &user(&format!("user{number}@example.com"))).expect(201).id()).collect();
    let mut workers: Vec<_> = (0..4).map(|at| Worker::new(root.clone(), ids[at], &ids[4..])).collect();
    let (stop, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let probe = ids[15];
    thread::scope(|scope| {
        for owner in &ids[..3] {
            let (root, stop, answered) = (&root, &stop, &answered);
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    for path in
                        [format!("{EDGES}?user={owner}"), format!("{USERS}/{owner}"), format!("{USERS}?limit=5")]
                    {
                        let shown = root.get(&path);
                        assert_eq!(shown.status, 200, "a read failed: {path} {shown:?}");
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let _stopper = Stopper(&stop);
        let back = under_load(&mut workers, |_| {
            thread::sleep(Duration::from_secs(2));
            primary.stop();
            thread::sleep(Duration::from_secs(3));
            let mut promoted = raw(&standby.url("postgres"));
            promoted.run("SELECT pg_promote()");
            let began = Instant::now();
            until("writes are back", SOON, || {
                let name = json!({"data": {"type": "users", "id": probe.to_string(),
                                           "attributes": {"first-name": format!("{:?}", began.elapsed())}}});
                root.patch(&format!("{USERS}/{probe}"), &name).status == 200
            });
            let back = began.elapsed();
            // Fenced: it accepts no writes, so connections for writes pass it by.
            let settings = primary.folder().join("data/postgresql.auto.conf");
            let mut text = fs::read_to_string(&settings).expect("its settings");
            text.push_str("synchronous_standby_names = ''\ndefault_transaction_read_only = on\n");
            fs::write(&settings, text).expect("writing its settings");
            primary.start_again();
            thread::sleep(Duration::from_secs(3));
            back
        });
        println!("writes were back {back:?} after the promotion; {answered:?} reads, none failed");
        assert!(back < Duration::from_secs(1), "{back:?}");
    });
    assert!(answered.into_inner() > 100);
    for worker in &workers {
        assert!(worker.acknowledged > 0);
        worker.assert_kept();
    }
    println!("{} changes acknowledged", workers.iter().map(|worker| worker.acknowledged).sum::<usize>());
    run(&standby.url("postgres"), &["check"]).expect(0);
}

struct Stopper<'a>(&'a AtomicBool);

impl Drop for Stopper<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

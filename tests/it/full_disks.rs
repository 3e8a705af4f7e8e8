//! A disk that is full: `/readyz` is 503 after a write has failed, and 200 when writes succeed again.

use std::process::Command;
use std::time::Duration;

use crate::support::app::{Engine, Home};
use crate::support::citus::skips_on_citus;
use crate::support::process::{PATIENCE, Service, new_user_token, program_after_shell, run, until};
use crate::support::skip::skip;
use crate::support::sql::Raw;
use crate::support::{Answer, Client, json};

const USERS: &str = "/api/v2/users";

/// Creates a user with a long profile.
fn create(admin: &Client, number: usize) -> Answer {
    let attributes = json!({
        "email": format!("user{number}@example.com"),
        "description": "d".repeat(10_000),
        "phone": vec!["p".repeat(1_000); 40],
    });
    admin.post(USERS, &json!({"data": {"type": "users", "attributes": attributes}}))
}

/// Creates users until the write-ahead log is full, and again each time that it was copied into the database, until that is
/// full, too. Returns their number.
fn fill(admin: &Client) -> usize {
    let mut created = 0;
    loop {
        let more = (created..1_000).take_while(|number| create(admin, *number).status == 201).count();
        if more == 0 {
            return created;
        }
        created += more;
        // Without writes, the log is copied after a second.
        std::thread::sleep(Duration::from_millis(2_500));
    }
}

/// Asserts that the service is not ready because it cannot write, and still answers reads.
fn assert_unwritable(service: &Service, admin: &Client) {
    for _ in 0..3 {
        let refused = service.anonymous().get("/readyz").refused(503, "unavailable");
        assert!(refused.text.contains("cannot write") && refused.text.contains("disk is full"), "{}", refused.text);
        std::thread::sleep(Duration::from_millis(600));
    }
    let verbose = service.anonymous().get("/readyz?verbose").expect(503);
    assert_eq!(verbose.body["errors"][0]["meta"]["checks"]["database"], false);
    service.anonymous().get("/livez").expect(200);
    admin.get(&format!("{USERS}/me")).expect(200);
    assert!(admin.get(&format!("{USERS}?limit=50")).expect(200).total() >= 1);
    let logged = service.log().into_iter().filter(|line| line.contains("not ready: the database cannot write")).count();
    assert_eq!(logged, 1, "{:?}", service.log());
}

/// Asserts that readiness comes back without a request that writes, and that writes succeed then.
fn assert_recovers(service: &Service, admin: &Client) {
    until("the service is ready", PATIENCE, || service.anonymous().get("/readyz").status == 200);
    create(admin, 1_000_000).expect(201);
    service.anonymous().get("/readyz").expect(200);
}

#[test]
fn readyz_follows_a_full_disk_under_sqlite() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let url = home.text();
    let token = new_user_token(&url, "root@example.com", "admin");
    // The largest file, in blocks of 512 bytes, or of 1024 with some shells; only the soft limit, which can be lifted.
    let shell = program_after_shell("trap '' XFSZ; ulimit -S -f 3000; exec \"$0\" \"$@\"");
    let service = Service::start_as(shell, &url, &[]);
    let admin = service.client(&token);
    service.anonymous().get("/readyz").expect(200);
    let created = fill(&admin);
    assert!((10..1_000).contains(&created), "{created}");
    assert_unwritable(&service, &admin);
    create(&admin, created).refused(503, "unavailable");
    let lifted = Command::new("prlimit").args([&format!("--pid={}", service.id()), "--fsize=unlimited:"]).status();
    if !lifted.is_ok_and(|status| status.success()) {
        skip("the end of a full disk, since `prlimit` does not work here");
        return;
    }
    assert_recovers(&service, &admin);
    run(&url, &["check"]).expect(0);
}

#[test]
fn readyz_follows_a_full_disk_under_postgresql() {
    if skips_on_citus("the test makes writes fail with triggers, which Citus refuses") {
        return;
    }
    let Some(home) = Home::new(Engine::Postgres) else { return };
    let url = home.text();
    let token = new_user_token(&url, "root@example.com", "admin");
    let service = Service::start(&url, &[]);
    let admin = service.client(&token);
    create(&admin, 1).expect(201);
    let mut raw = Raw::connect(&home.url());
    raw.run(
        "CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           RAISE EXCEPTION 'could not extend file \"base/1/2\": No space left on device' USING ERRCODE = '53100';
         END $$;
         CREATE TRIGGER full_users BEFORE INSERT ON users FOR EACH STATEMENT EXECUTE FUNCTION fill();
         CREATE TRIGGER full_edges BEFORE INSERT ON user_relationships FOR EACH STATEMENT EXECUTE FUNCTION fill();
         CREATE TRIGGER full_probe BEFORE INSERT ON service_secrets FOR EACH STATEMENT EXECUTE FUNCTION fill()",
    );
    service.anonymous().get("/readyz").expect(200);
    // Batched creates notice it as well.
    admin.post("/api/v2/user-relationships", &crate::support::edge(None, "mentor", 2)).refused(503, "unavailable");
    assert_unwritable(&service, &admin);
    create(&admin, 2).refused(503, "unavailable");
    raw.run("DROP FUNCTION fill CASCADE");
    assert_recovers(&service, &admin);
    assert_eq!(raw.number("SELECT COUNT(*) AS number FROM service_secrets"), 1, "nothing stays of the probes");
    run(&url, &["check"]).expect(0);
}

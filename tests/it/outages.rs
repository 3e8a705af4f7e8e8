//! The database or the disk fails and recovers: requests are refused in bounded time, `/livez` keeps responding,
//! acknowledged writes survive, and no restart is needed.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use user_relationships::store::url::DatabaseUrl;

use crate::support::app::{Engine, Home};
use crate::support::cluster::PrivateServer;
use crate::support::load::{Worker, under_load, user};
use crate::support::process::{
    Outcome, Service, finish, in_time, new_user_token, program, program_after_shell, run, sqlite_url, until,
};
use crate::support::skip::skip;
use crate::support::sql::Raw;
use crate::support::{Answer, Client, edge, json};

const EDGES: &str = "/api/v2/user-relationships";

/// An admin of the service on that database.
fn admin(service: &Service, url: &str) -> Client {
    service.client(&new_user_token(url, "admin@example.com", "admin"))
}

fn users<const N: usize>(admin: &Client) -> [i64; N] {
    std::array::from_fn(|number| {
        admin.post("/api/v2/users", &user(&format!("user{number}@example.com"))).expect(201).id()
    })
}

/// The shared test server is tuned for speed; durability needs the defaults of PostgreSQL.
fn make_durable(url: &str) {
    let url = DatabaseUrl::parse(url).expect("the server's URL");
    Raw::connect(&url).run("ALTER DATABASE postgres SET synchronous_commit = on");
}

/// An upper bound for waits, on a busy machine.
const BOUND: Duration = Duration::from_secs(10);

/// `/livez` does not wait for the database.
#[track_caller]
fn assert_lives(service: &Service) {
    in_time("`/livez`", Duration::from_secs(1), || service.anonymous().get("/livez").expect(200));
}

#[track_caller]
fn assert_unavailable(answer: Answer) {
    let answer = answer.refused(503, "unavailable");
    assert!(answer.header("retry-after").is_some_and(|after| after.parse::<u32>().is_ok()), "{answer:?}");
}

#[test]
fn requests_are_503_while_postgres_is_down_and_then_served() {
    let Some(mut server) = PrivateServer::start() else { return };
    let url = server.url("postgres");
    make_durable(&url);
    let service = Service::start(&url, &[("DATABASE_TIMEOUT", "1s"), ("DATABASE_POOL_SIZE", "4")]);
    let admin = admin(&service, &url);
    let ids: [i64; 12] = users(&admin);
    let id = admin.post(EDGES, &edge(Some(ids[0]), "mentor", ids[1])).expect(201).id();
    let mut workers: Vec<_> = (0..3).map(|at| Worker::new(admin.clone(), ids[at], &ids[3..])).collect();

    under_load(&mut workers, |_| {
        thread::sleep(Duration::from_millis(300));
        server.stop();
        let away = Instant::now();
        while away.elapsed() < Duration::from_millis(2_500) {
            let patch = json!({"data": {"type": "user-relationships", "id": id.to_string(),
                                        "attributes": {"relationship": "colleague"}}});
            let requests: [&dyn Fn() -> Answer; 5] = [
                &|| admin.get(EDGES),
                &|| admin.get("/api/v2/users/me"),
                &|| admin.post(EDGES, &edge(Some(ids[1]), "mentor", ids[2])),
                &|| admin.patch(&format!("{EDGES}/{id}"), &patch),
                &|| admin.delete(&format!("{EDGES}/{id}")),
            ];
            for ask in requests {
                let asked = Instant::now();
                assert_unavailable(ask());
                assert!(asked.elapsed() < BOUND, "{:?}", asked.elapsed());
                assert_lives(&service);
            }
            let anonymous = service.anonymous();
            assert_unavailable(in_time("`/readyz`", Duration::from_millis(1_500), || anonymous.get("/readyz")));
        }
    });
    server.start_again();
    until("requests are served again", Duration::from_secs(15), || admin.get(EDGES).status == 200);
    until("`/readyz` is 200 again", Duration::from_secs(5), || service.anonymous().get("/readyz").status == 200);
    assert!(workers.iter().all(|worker| worker.acknowledged > 0));
    workers.iter().for_each(Worker::assert_kept);
    assert_eq!(admin.get(&format!("{EDGES}/{id}")).expect(200).body["data"]["attributes"]["relationship"], "mentor");
    admin.post(EDGES, &edge(Some(ids[1]), "mentor", ids[2])).expect(201);
    run(&url, &["check"]).expect(0);
    assert!(!service.log().iter().any(|line| line.contains("panic")), "{:?}", service.log());
}

#[test]
fn restarting_postgres_between_requests_fails_no_request() {
    let Some(mut server) = PrivateServer::start() else { return };
    let url = server.url("postgres");
    make_durable(&url);
    let service = Service::start(&url, &[("DATABASE_POOL_SIZE", "4")]);
    let admin = admin(&service, &url);
    let ids: [i64; 4] = users(&admin);
    for (round, target) in ids.into_iter().enumerate().skip(1) {
        // All pooled connections have been used.
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| admin.get(EDGES).expect(200));
            }
        });
        server.stop();
        server.start_again();
        if round % 2 == 0 {
            admin.get(EDGES).expect(200);
        }
        let made = admin.post(EDGES, &edge(Some(ids[0]), "mentor", target));
        assert_eq!(made.status, 201, "{:?}", service.log());
    }
    run(&url, &["check"]).expect(0);
}

/// Sends a signal to some processes.
fn signal(name: &str, processes: &[String]) {
    assert!(Command::new("kill").arg(format!("-{name}")).args(processes).status().expect("`kill` runs").success());
}

/// Backends that neither answer nor exit, as behind a network that drops all packets.
#[test]
fn requests_are_refused_in_bounded_time_while_postgres_hangs() {
    let Some(server) = PrivateServer::start() else { return };
    let url = server.url("postgres");
    let settings = [("DATABASE_POOL_SIZE", "3"), ("DATABASE_TIMEOUT", "500ms"), ("REQUEST_TIMEOUT", "1s")];
    let service = Service::start(&url, &settings);
    let admin = admin(&service, &url);
    let ids: [i64; 2] = users(&admin);
    let mut raw = Raw::connect(&DatabaseUrl::parse(&url).expect("the server's URL"));
    let backends = raw.lines(
        "SELECT pid::text AS line FROM pg_stat_activity
         WHERE application_name = 'user-relationships' AND backend_type = 'client backend'",
    );
    assert_eq!(backends.len(), 3, "the whole pool");
    signal("STOP", &backends);
    let requests: [&(dyn Fn() -> Answer + Sync); 3] =
        [&|| admin.get(EDGES), &|| admin.get(&format!("/api/v2/users/{}", ids[0])), &|| {
            admin.post(EDGES, &edge(Some(ids[0]), "mentor", ids[1]))
        }];
    let refusals = thread::scope(|scope| {
        let refused = |at: usize| {
            let asked = Instant::now();
            let answer = requests[at % requests.len()]();
            (answer, asked.elapsed())
        };
        let all: Vec<_> = (0..24).map(|at| scope.spawn(move || refused(at))).collect();
        for _ in 0..10 {
            assert_lives(&service);
        }
        assert_unavailable(service.anonymous().get("/readyz"));
        all.into_iter().map(thread::ScopedJoinHandle::join).collect::<Vec<_>>()
    });
    signal("CONT", &backends);
    for refusal in refusals {
        let (answer, time) = refusal.expect("an answer");
        assert_unavailable(answer);
        assert!(time < BOUND, "{time:?}");
    }
    until("requests are served again", Duration::from_secs(10), || admin.get(EDGES).status == 200);
    let made = admin.post(EDGES, &edge(Some(ids[0]), "mentor", ids[1])).status;
    assert!(made == 201 || made == 409, "{made}: a request refused by timeout may have been performed, but completely");
    assert_eq!(admin.get(EDGES).expect(200).total(), 1);
    run(&url, &["check"]).expect(0);
}

#[test]
fn while_the_sqlite_file_is_locked_only_writes_are_refused() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let url = home.text();
    let service = Service::start(&url, &[("REQUEST_TIMEOUT", "2s")]);
    let admin = admin(&service, &url);
    // Directly on the database, because the service has a short timeout.
    let ids = ["ann@example.com", "bob@example.com", "cho@example.com"]
        .map(|email| run(&url, &["user", "add", "--email", email]).expect(0).line().parse::<i64>().expect("an id"));
    let create = |target: i64| admin.post(EDGES, &edge(Some(ids[0]), "mentor", target));
    let mut other = Raw::connect(&home.url());
    other.run("BEGIN IMMEDIATE");
    for target in &ids[1..] {
        assert_unavailable(create(*target));
        // The file stays locked all the time: a request that waits for it ends with a 503.
        in_time("a list", Duration::from_secs(1), || admin.get(EDGES).expect(200));
        assert_lives(&service);
        until("`/readyz` is 200", BOUND, || service.anonymous().get("/readyz").status == 200);
    }
    until("both were abandoned in time", BOUND, || {
        let log = service.log();
        log.iter().filter(|line| line.contains("\"POST\"") && line.contains("took longer than 2s")).count() == 2
    });
    other.run("ROLLBACK");
    for target in &ids[1..] {
        // A request refused by timeout may have been performed, but completely.
        until("a create succeeds", BOUND, || match create(*target).status {
            201 | 409 => true,
            status => status != 503 && panic!("{status}"),
        });
    }
    assert_eq!(admin.get(EDGES).expect(200).total(), 2);
    run(&url, &["check"]).expect(0);
}

/// Sets the largest size of a file for a process; `false` where that program is missing.
fn limit_files(service: &Service, bytes: &str) -> bool {
    let id = service.id().to_string();
    let done = Command::new("prlimit").args(["--pid", &id, &format!("--fsize={bytes}:")]).status();
    done.is_ok_and(|status| status.success())
}

/// A limit on the size of files simulates a full disk: the process gets an error for each byte beyond it.
#[test]
fn a_full_disk_refuses_writes_and_loses_nothing() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let (url, file) = (home.text(), home.file().expect("a file"));
    let service = Service::start_as(program_after_shell("trap '' XFSZ; exec \"$0\" \"$@\""), &url, &[]);
    if !limit_files(&service, "unlimited") {
        skip("no `prlimit` to simulate a full disk with");
        return;
    }
    let admin = admin(&service, &url);
    let ids: [i64; 40] = users(&admin);
    let first = admin.post(EDGES, &edge(Some(ids[0]), "mentor", ids[1])).expect(201).id();
    let count = || admin.get(&format!("{EDGES}?limit=0")).expect(200).total();

    let wal = fs::metadata(file.with_extension("db-wal")).expect("the write-ahead log").size();
    assert!(limit_files(&service, &(wal + 300_000).to_string()));
    let pairs = || ids.iter().flat_map(|one| ids.iter().map(move |other| (*one, *other))).filter(|(a, b)| a != b);
    let mut made = 1;
    let mut refused = 0;
    for (user, target) in pairs().skip(1) {
        let answer = admin.post(EDGES, &edge(Some(user), "mentor", target));
        if answer.status == 201 {
            assert_eq!(refused, 0, "the disk is still full");
            made += 1;
            continue;
        }
        assert_unavailable(answer);
        assert_eq!(count(), made, "a refused write left data behind");
        refused += 1;
        if refused > 20 {
            break;
        }
    }
    assert!(made > 1 && refused > 20, "{made} {refused}");
    assert!(limit_files(&service, "0"), "now every write to the disk fails");
    for _ in 0..10 {
        assert_unavailable(admin.delete(&format!("{EDGES}/{first}")));
        admin.get(&format!("{EDGES}/{first}")).expect(200);
        service.anonymous().get("/livez").expect(200);
        service.anonymous().get("/readyz").refused(503, "unavailable");
    }
    assert!(limit_files(&service, "unlimited"));
    until("a write succeeds", Duration::from_secs(5), || admin.delete(&format!("{EDGES}/{first}")).status == 204);
    assert_eq!(count(), made - 1);
    run(&url, &["check"]).expect(0);
    service.kill();
    run(&url, &["check"]).expect(0);
    assert_eq!(Raw::connect(&home.url()).lines("SELECT integrity_check AS line FROM pragma_integrity_check"), ["ok"]);
}

#[test]
fn serve_explains_a_read_only_database_in_one_sentence() {
    let home = Home::new(Engine::Sqlite).expect("a folder");
    let file = home.file().expect("a file");
    let folder = file.parent().expect("its folder");
    let before = fs::read(&file).expect("the file");
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
    let mut command = program();
    if fs::metadata(&file).expect("the file").uid() == 0 {
        // Permissions do not bind root.
        let uid = 65_534;
        chown(folder, Some(uid), Some(uid)).and_then(|()| chown(&file, Some(uid), Some(uid))).expect("chown");
        command.uid(uid).gid(uid);
    }
    mode(&file, 0o444);
    mode(folder, 0o555);
    let settings = [("DATABASE_URL", sqlite_url(&file)), ("LISTEN", "127.0.0.1:0".to_owned())];
    let Outcome { code, stderr, .. } = finish(command.envs(settings).env("LOG_FORMAT", "text").arg("serve"));
    mode(folder, 0o755);
    assert!(code == 1 || code == 69, "{code} {stderr}");
    assert!(stderr.contains("database"), "{stderr}");
    assert_eq!(fs::read(&file).expect("the file"), before);
}

//! The servers: the service, one with a constant response, and one with a transaction per create. Each is a separate
//! process that ends when its owner is dropped.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use actix_web::web::{self, Bytes};
use actix_web::{App, HttpResponse, HttpServer};
use diesel::connection::SimpleConnection;
use diesel::sql_types::BigInt;
use diesel::{Connection, RunQueryDsl, SqliteConnection};

static ZEROS: [u8; 256 * 1024] = [b'0'; 256 * 1024];

/// Linux counts the times of processes in this unit on all usual platforms (proc(5), `USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// The measured program: that of this build, or `LOAD_PROGRAM`, to compare releases.
pub fn program() -> PathBuf {
    std::env::var_os("LOAD_PROGRAM").unwrap_or(env!("CARGO_BIN_EXE_user-relationships").into()).into()
}

/// A server in a separate process.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// Starts the service with default settings except these; its log goes to a file.
    pub fn service(program: &Path, url: &str, folder: &Path, settings: &[(&str, &str)]) -> Self {
        let log = File::options().append(true).create(true).open(folder.join("log")).expect("a file");
        let mut command = Command::new(program);
        Self::start(command.arg("serve").env("DATABASE_URL", url).envs(settings.iter().copied()).stderr(log), None)
    }

    /// Starts the service in the same way with a soft limit of open files.
    pub fn service_with_files(url: &str, folder: &Path, files: u32) -> Self {
        let log = File::options().append(true).create(true).open(folder.join("log")).expect("a file");
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &format!("ulimit -Sn {files}; exec \"$0\" serve")]).arg(program());
        Self::start(shell.env("DATABASE_URL", url).stderr(log), None)
    }

    /// Starts the server that answers `/n` with n bytes.
    pub fn constant() -> Self {
        Self::start(&mut itself(), Some("--constant"))
    }

    /// Starts the server that stores each relationship in one transaction, in an SQLite file.
    pub fn one_by_one(file: &Path) -> Self {
        Self::start(itself().arg("--file").arg(file), Some("--one-by-one"))
    }

    /// Starts a server on a free port and waits until it listens.
    fn start(command: &mut Command, flag: Option<&str>) -> Self {
        let free = free_port();
        command.env("LISTEN", free.to_string()).args(flag.map(|flag| format!("{flag}={free}")));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut server = Self { child: command.spawn().expect("the server starts"), address: free };
        wait_for(&mut server.child, free);
        server
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The processor time of all its threads in user mode and in the kernel, in seconds.
    pub fn processor_seconds(&self) -> [f64; 2] {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id())).expect("a child process");
        // The name, in parentheses, may contain spaces; `utime` and `stime` are the fields 14 and 15 (proc(5)).
        let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let fields: Vec<_> = rest.split_whitespace().collect();
        [11, 12].map(|place| fields[place].parse::<f64>().expect("a number") / TICKS_PER_SECOND)
    }

    /// Anonymous memory and pages mapped from files, in MiB.
    pub fn memory(&self) -> (u64, u64) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap_or_default();
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0)
        };
        (kib("RssAnon") / 1024, kib("RssFile") / 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A free port.
pub fn free_port() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a free port")
}

/// Waits until a program listens at an address.
pub fn wait_for(program: &mut Child, address: SocketAddr) {
    let patience = Instant::now() + Duration::from_mins(1);
    while TcpStream::connect(address).is_err() {
        let ended = program.try_wait().expect("a child of ours");
        assert!(ended.is_none() && Instant::now() < patience, "{program:?} does not listen: {ended:?}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn itself() -> Command {
    Command::new(std::env::current_exe().expect("the path of the executable"))
}

/// Answers `/n` with n bytes.
pub fn serve_constant(address: SocketAddr) -> std::io::Result<()> {
    let answer = |size: web::Path<usize>, _body: Bytes| async move {
        let body = Bytes::from_static(&ZEROS[..size.into_inner().min(ZEROS.len())]);
        HttpResponse::Ok().content_type("application/vnd.api+json").body(body)
    };
    let server = HttpServer::new(move || App::new().route("/{size}", web::to(answer))).bind(address)?;
    actix_web::rt::System::new().block_on(server.run())
}

/// Stores and counts a relationship for each `/user/target`, durably, in its own transaction. It does not validate or
/// render anything, which is an advantage.
pub fn serve_one_by_one(address: SocketAddr, file: &Path) -> std::io::Result<()> {
    const STATEMENTS: [&str; 3] = [
        "INSERT INTO counts_by_user (user_id, type_id, n) VALUES (?, 3, 1) \
         ON CONFLICT (user_id, type_id) DO UPDATE SET n = n + 1",
        "INSERT INTO counts_by_target (target_id, type_id, slot, n) VALUES (?, 3, 0, 1) \
         ON CONFLICT (target_id, type_id, slot) DO UPDATE SET n = n + 1",
        "INSERT INTO counts_by_type (type_id, slot, n) VALUES (?, 0, 1) \
         ON CONFLICT (type_id, slot) DO UPDATE SET n = n + 1",
    ];
    const INSERT: &str = "INSERT INTO user_relationships (user_id, target_id, type_id, created_at, updated_at) \
                          VALUES (?, ?, 3, 0, 0) ON CONFLICT DO NOTHING";
    let mut conn = SqliteConnection::establish(file.to_str().expect("a path of text")).expect("the file");
    conn.batch_execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON")
        .expect("settings");
    let conn = Arc::new(Mutex::new(conn));
    let store = move |ends: web::Path<(i64, i64)>, _body: Bytes| {
        let conn = Arc::clone(&conn);
        #[allow(clippy::disallowed_methods, reason = "the usual way in actix-web")]
        async move {
            let (user, target) = ends.into_inner();
            let stored = web::block(move || {
                conn.lock().expect("no panics").immediate_transaction(|conn| {
                    let insert = diesel::sql_query(INSERT).bind::<BigInt, _>(user).bind::<BigInt, _>(target);
                    insert.execute(conn)?;
                    for (statement, key) in STATEMENTS.into_iter().zip([user, target, 3]) {
                        diesel::sql_query(statement).bind::<BigInt, _>(key).execute(conn)?;
                    }
                    diesel::QueryResult::Ok(())
                })
            });
            stored.await.expect("a thread").expect("a write");
            HttpResponse::Created().body(&ZEROS[..600])
        }
    };
    let server = HttpServer::new(move || App::new().route("/{user}/{target}", web::to(store.clone()))).bind(address)?;
    actix_web::rt::System::new().block_on(server.run())
}

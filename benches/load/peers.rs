//! Alternatives to the service: the same list from the same tables. Those that cannot be built, because Python or a package
//! registry is not available, are skipped.
//!
//! Each looks up the token, reads a page and the count, and returns links. None negotiates, validates, limits rates, logs,
//! or has entity tags and metrics.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::Duration;

use super::client::run;
use super::data::Filled;
use super::postgres::Cluster;
use super::report::Target;
use super::servers::{free_port, wait_for};
use super::{Bench, Stage};

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers");
const ENVIRONMENT: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/peers");
const AXUM: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/axum");
const NODE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/node");
/// What a server such as `PostgREST` sends to PostgreSQL, which also makes the JSON; without a server in front of it. To
/// `pgbench`, a colon before a letter is a variable.
const JSON: &str = r"\set id random(3, :users)
SELECT json_build_object('data', (SELECT COALESCE(json_agg(json_build_object('type', 'user-relationships', 'id', r.id::text, 'attributes', json_build_object('relationship', r.name, 'created-at', to_char(to_timestamp(r.created_at / 1e6) AT TIME ZONE 'UTC', 'Dy, DD Mon YYYY HH24' || ':' || 'MI' || ':' || 'SS +0000'), 'updated-at', to_char(to_timestamp(r.updated_at / 1e6) AT TIME ZONE 'UTC', 'Dy, DD Mon YYYY HH24' || ':' || 'MI' || ':' || 'SS +0000')), 'relationships', json_build_object('user', json_build_object('data', json_build_object('type', 'users', 'id', r.user_id::text), 'links', json_build_object('self', '/api/v2/user-relationships/' || r.id || '/relationships/user', 'related', '/api/v2/user-relationships/' || r.id || '/user')), 'target', json_build_object('data', json_build_object('type', 'users', 'id', r.target_id::text), 'links', json_build_object('self', '/api/v2/user-relationships/' || r.id || '/relationships/target', 'related', '/api/v2/user-relationships/' || r.id || '/target'))), 'links', json_build_object('self', '/api/v2/user-relationships/' || r.id))), '[]'::json) FROM (SELECT r.*, t.name FROM user_relationships r JOIN relationship_types t ON t.id = r.type_id WHERE r.user_id = :id ORDER BY r.id LIMIT 20) r), 'links', json_build_object('self', '/api/v2/user-relationships?filter[user]=' || :id), 'meta', json_build_object('total-count', (SELECT COALESCE(SUM(n), 0) FROM counts_by_user WHERE user_id = :id))) FROM api_tokens k JOIN users u ON u.id = k.user_id WHERE k.digest = sha256('TOKEN'::bytea) AND u.is_enabled;
";

/// A framework and its server command.
pub struct Peer {
    pub name: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
}

/// The peers in Python, with as many processes as the service has workers on two cores.
pub const PEERS: [Peer; 2] = [
    Peer {
        name: "FastAPI with asyncpg",
        program: "uvicorn",
        arguments: &["with_fastapi:app", "--workers=2", "--no-access-log", "--log-level=warning"],
    },
    Peer {
        name: "Django REST framework JSON:API",
        program: "gunicorn",
        // The default worker closes the connection after each response.
        arguments: &["with_django:application", "--workers=2", "--threads=16", "--log-level=warning"],
    },
];

/// The peer in Rust.
const WITH_AXUM: Peer = Peer { name: "axum with sqlx", program: "peer-with-axum", arguments: &[] };

/// The peer in JavaScript.
const WITH_NODE: Peer = Peer { name: "Fastify with ts-japi", program: "node", arguments: &["node/server.js"] };

/// Installs the packages of the peers; `false` if that fails.
pub fn install() -> bool {
    let wanted = Path::new(SOURCES).join("requirements.txt");
    let installed = Path::new(ENVIRONMENT).join("requirements.txt");
    if fs::read(&wanted).ok() == fs::read(&installed).ok() {
        return true;
    }
    let runs = |command: &mut Command| command.status().is_ok_and(|status| status.success());
    let made = runs(Command::new("python3").args(["-m", "venv", ENVIRONMENT]));
    let pip = || Command::new(Path::new(ENVIRONMENT).join("bin/pip"));
    let is_there = made && runs(pip().args(["install", "--quiet", "--requirement"]).arg(&wanted));
    is_there && fs::copy(wanted, installed).is_ok()
}

/// Installs the packages of the peer in JavaScript; `false` if that fails.
fn install_node() -> bool {
    let copies = |name: &str| fs::copy(Path::new(SOURCES).join("node").join(name), Path::new(NODE).join(name)).is_ok();
    let mut npm = Command::new("npm");
    npm.args(["ci", "--silent", "--ignore-scripts", "--prefix", NODE]);
    fs::create_dir_all(NODE).is_ok()
        && ["package.json", "package-lock.json"].into_iter().all(copies)
        && npm.status().is_ok_and(|status| status.success())
}

/// Builds the peer in Rust; `false` if that fails.
fn build_axum() -> bool {
    let manifest = Path::new(SOURCES).join("axum/Cargo.toml");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.args(["build", "--release", "--quiet", "--locked", "--target-dir", AXUM, "--manifest-path"]).arg(manifest);
    cargo.status().is_ok_and(|status| status.success())
}

impl Bench {
    /// Compares the service with its peers on the same tables.
    pub fn peers(&mut self, data: &Filled, cluster: &Cluster) {
        let (folder, connections) = (self.folder.path().to_owned(), self.args.connections);
        let stage = Stage::new(data, &folder);
        let list = |n| stage.list(n);
        let script = JSON.replace("TOKEN", &data.token);
        let pairs = self.alternate(
            |seconds| cluster.pgbench(&script, data.users, connections, seconds),
            |seconds| stage.lists(connections, seconds, &list).rate(),
        );
        let what = "PostgreSQL: list of a user / `pgbench`, JSON made by PostgreSQL, without a server";
        self.report.add(what, &pairs.ratios, "", Target::Least(1.0), pairs.rates());
        let mut peers = Vec::new();
        if install() {
            peers.extend(PEERS);
        } else {
            println!("peers in Python are not measured: Python or its packages are not available");
        }
        if build_axum() {
            peers.push(WITH_AXUM);
        } else {
            println!("the peer in Rust is not measured: its crates are not available");
        }
        if install_node() {
            peers.push(WITH_NODE);
        } else {
            println!("the peer in JavaScript is not measured: Node or its packages are not available");
        }
        for peer in peers {
            let running = peer.start(&data.url, &folder);
            let pairs = self.alternate(
                |seconds| run(running.address, connections, seconds, &AtomicU64::new(0), &list).rate(),
                |seconds| stage.lists(connections, seconds, &list).rate(),
            );
            let what = format!("PostgreSQL: list of a user / {}", peer.name);
            self.report.add(&what, &pairs.ratios, "", Target::Least(1.0), pairs.rates());
        }
    }
}

/// A running peer. Dropping it ends its processes.
pub struct Running {
    child: Child,
    pub address: SocketAddr,
}

impl Peer {
    /// Starts it on a database and waits until it listens.
    pub fn start(&self, database: &str, folder: &Path) -> Running {
        let free = free_port();
        let log = File::options().append(true).create(true).open(folder.join("peers.log")).expect("a file");
        let program = match self.program {
            "uvicorn" | "gunicorn" => Path::new(ENVIRONMENT).join("bin").join(self.program),
            "node" => self.program.into(),
            _ => Path::new(AXUM).join("release").join(self.program),
        };
        let mut command = Command::new(program);
        match self.program {
            "uvicorn" => command.args(["--host=127.0.0.1", &format!("--port={}", free.port())]),
            "gunicorn" => command.arg(format!("--bind={free}")),
            _ => command.env("PEER_ADDRESS", free.to_string()).env("NODE_PATH", Path::new(NODE).join("node_modules")),
        };
        command.args(self.arguments).current_dir(SOURCES).env("PEER_DATABASE", database);
        command.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut running = Running { child: command.spawn().expect("the peer starts"), address: free };
        wait_for(&mut running.child, free);
        // Its processes connect to the database after they listen.
        thread::sleep(Duration::from_secs(2));
        running
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // On SIGTERM it ends its child processes as well.
        drop(Command::new("kill").arg(self.child.id().to_string()).status());
        drop(self.child.wait());
    }
}

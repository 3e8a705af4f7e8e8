//! Alternatives to the service: the same list from the same tables, written with Python frameworks in a virtual
//! environment. They are skipped if Python or the package registry is not available.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::Duration;

use super::client::run;
use super::data::Filled;
use super::report::Target;
use super::servers::{free_port, wait_for};
use super::{Bench, Stage};

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers");
const ENVIRONMENT: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/peers");

/// A framework and its server command.
pub struct Peer {
    pub name: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
}

/// All peers, with as many processes as the service has workers on two cores.
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

impl Bench {
    /// Compares the service with its peers on the same tables.
    pub fn peers(&mut self, data: &Filled) {
        if !install() {
            return println!("peers are not measured: Python or its packages are not available");
        }
        let (folder, connections) = (self.folder.path().to_owned(), self.args.connections);
        let stage = Stage::new(data, &folder);
        let list = |n| stage.list(n);
        for peer in PEERS {
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
        let mut command = Command::new(Path::new(ENVIRONMENT).join("bin").join(self.program));
        match self.program {
            "uvicorn" => command.args(["--host=127.0.0.1", &format!("--port={}", free.port())]),
            _ => command.arg(format!("--bind={free}")),
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

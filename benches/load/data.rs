//! The data: users and relationships, Zipf-like at both ends, a fifth of them to one popular target.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};

use super::servers::program;

/// Users at scale 1.
pub const USERS: f64 = 100_000.0;
/// Relationships at scale 1, those of the popular target included.
pub const RELATIONSHIPS: f64 = 1_000_000.0;
/// The target of a fifth of all relationships. User 1 is the admin that sends the requests.
pub const POPULAR: u64 = 2;
/// The types of the relationships; `mentor` is for those that a benchmark creates.
pub const TYPES: [&str; 2] = ["subordinate", "colleague"];

/// A filled database.
#[derive(Clone)]
pub struct Filled {
    pub url: String,
    /// The program that filled it and serves it.
    pub program: PathBuf,
    pub users: u64,
    /// The token of an admin.
    pub token: String,
    pub relationships: usize,
    /// The duration of the command `import`.
    pub imported: Duration,
}

impl Filled {
    /// A user that is neither the admin nor the popular one.
    pub fn random_user(&self, n: u64) -> u64 {
        3 + scatter(n) % (self.users - 2)
    }
}

/// Creates the schema and the data.
pub fn fill(url: &str, scale: f64, folder: &Path) -> Filled {
    fill_with(program(), url, scale, folder)
}

/// Creates the schema and the data with a program, which may be an earlier release.
pub fn fill_with(program: PathBuf, url: &str, scale: f64, folder: &Path) -> Filled {
    let users = (scale * USERS) as u64;
    load(program, url, users, &edges(users, (scale * RELATIONSHIPS) as usize), folder)
}

/// Creates the schema and users without relationships with a program, which may be an earlier release.
pub fn fill_with_users(program: PathBuf, url: &str, users: u64, folder: &Path) -> Filled {
    load(program, url, users, &[], folder)
}

fn load(program: PathBuf, url: &str, users: u64, edges: &[(u64, u64, usize)], folder: &Path) -> Filled {
    let run = |args: &[&str]| run_with(&program, url, args);
    run(&["migrate", "run"]);
    run(&["user", "add", "--email", "admin@example.com", "--access-level", "admin"]);
    let token = run(&["token", "create", "--user", "admin@example.com"]).trim().to_owned();
    let imported = import(&run, users, edges, folder);
    if url.starts_with("postgres") {
        let mut conn = PgConnection::establish(url).expect("the server");
        conn.batch_execute("VACUUM ANALYZE").expect("statistics");
        conn.batch_execute("CHECKPOINT").expect("a checkpoint");
    }
    Filled { url: url.to_owned(), users, token, relationships: edges.len(), imported, program }
}

/// Owner, target and the index of the type in [`TYPES`], in a pseudorandom order.
pub fn edges(users: u64, total: usize) -> Vec<(u64, u64, usize)> {
    // All users are subordinates of the popular one, and most are its colleagues.
    let popular = (0..2).flat_map(|kind| (3..=users).map(move |user| (user, POPULAR, kind)));
    let mut all: Vec<_> = popular.take(total / 5).collect();
    let mut seen: HashSet<_> = all.iter().copied().collect();
    // The probability of a rank falls with its number (Zipf); ranks are scattered over the ids.
    let rank = |n| ((users - 2) as f64).powf(scatter(n) as f64 / u64::MAX as f64) as u64 - 1;
    let mut n = 0;
    while all.len() < total {
        let (owner, target) = (3 + rank(3 * n) * 7_919 % (users - 2), 3 + rank(3 * n + 1) * 104_729 % (users - 2));
        let edge = (owner, target, (scatter(3 * n + 2) % 2) as usize);
        n += 1;
        if owner != target && seen.insert(edge) {
            all.push(edge);
        }
        // A small set of users has too few edges of this shape; the rest are spread evenly.
        if n > 20 * total as u64 {
            break;
        }
    }
    all.sort_by_key(|(user, target, kind)| scatter(user ^ target << 24 ^ (*kind as u64) << 48));
    all
}

/// Runs a command of the measured program and returns its output.
pub fn run(url: &str, args: &[&str]) -> String {
    run_with(&program(), url, args)
}

/// Runs a command of a program and returns its output.
fn run_with(program: &Path, url: &str, args: &[&str]) -> String {
    let output = Command::new(program).env("DATABASE_URL", url).args(args).output().expect("the program runs");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("the output is text")
}

/// Writes the data to a file and imports it.
fn import(run: &dyn Fn(&[&str]) -> String, users: u64, edges: &[(u64, u64, usize)], folder: &Path) -> Duration {
    let path = folder.join("data.ndjson");
    let mut file = BufWriter::new(File::create(&path).expect("a file"));
    for id in 2..=users {
        let (first, last) = (format!("First{id}"), format!("Last{}", scatter(id) % 5_000));
        let names = format!(r#""first-name":"{first}","last-name":"{last}""#);
        writeln!(file, r#"{{"type":"user","id":{id},"email":"u{id}@example.com",{names}}}"#).expect("room");
    }
    for (user, target, kind) in edges {
        let ends = format!(r#""user":{user},"target":{target}"#);
        let kind = TYPES[*kind];
        writeln!(file, r#"{{"type":"user-relationship",{ends},"relationship":"{kind}"}}"#).expect("room");
    }
    // Otherwise the disk is still writing the file while the import is timed.
    file.into_inner().expect("room").sync_all().expect("the disk accepts the file");
    let started = Instant::now();
    run(&["import", path.to_str().expect("the path is text")]);
    let time = started.elapsed();
    std::fs::remove_file(path).expect("our file");
    time
}

/// Reproducible pseudorandom numbers (the finalizer of `SplitMix64`).
pub fn scatter(n: u64) -> u64 {
    let n = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ n >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ n >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ n >> 31
}

//! The real program as a process of its own: started, signalled and killed by its id, and never left running.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use std::{fs, thread};

use serde_json::Value;

use super::client::Client;

/// The longest wait for anything that a process does.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The path of the program. An example, for which Cargo builds no program, must be one itself.
fn path() -> PathBuf {
    option_env!("CARGO_BIN_EXE_user-relationships")
        .map_or_else(|| std::env::current_exe().expect("the path of this program"), PathBuf::from)
}

/// The program with an empty environment.
pub fn program() -> Command {
    with_own_settings(Command::new(path()))
}

/// The program, started by a line of shell that ends in `exec "$0" "$@"`.
pub fn program_after_shell(line: &str) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", line]).arg(path());
    with_own_settings(shell)
}

fn with_own_settings(mut command: Command) -> Command {
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a command of the program to its end.
#[track_caller]
pub fn run(url: &str, args: &[&str]) -> Outcome {
    finish(program().env("DATABASE_URL", url).args(args))
}

/// Reverts migrations until the one whose name ends in `name` is reverted.
#[track_caller]
pub fn revert_to_before(url: &str, name: &str) {
    while !run(url, &["migrate", "revert", "--yes"]).expect(0).line().ends_with(name) {}
}

/// Adds a user with that address and level, and returns a token. Migrates the database first.
#[track_caller]
pub fn new_user_token(url: &str, email: &str, level: &str) -> String {
    run(url, &["migrate", "run"]).expect(0);
    run(url, &["user", "add", "--email", email, "--access-level", level]).expect(0);
    run(url, &["token", "create", "--user", email]).expect(0).line().to_owned()
}

/// Runs any command to its end, which must come within [`PATIENCE`].
#[track_caller]
pub fn finish(command: &mut Command) -> Outcome {
    let mut child = Guard(command.spawn().expect("the program starts"));
    let (stdout, stderr) = (reader(child.0.stdout.take()), reader(child.0.stderr.take()));
    let status = child.wait(PATIENCE);
    let text = |bytes: thread::JoinHandle<Vec<u8>>| bytes.join().expect("all of its output");
    Outcome::of(Output { status, stdout: text(stdout), stderr: text(stderr) })
}

fn reader(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            drop(pipe.read_to_end(&mut bytes));
        }
        bytes
    })
}

/// The exit code and the output of a command.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code; -1 for a signal.
    pub code: i32,
    /// Standard output: data.
    pub stdout: String,
    /// Standard error: messages for people.
    pub stderr: String,
}

impl Outcome {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("output of text");
        let code = output.status.code().unwrap_or(-1);
        Self { code, stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Asserts that the command exited with this code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{} {}", self.stdout, self.stderr);
        self
    }

    /// The only line that it printed.
    #[track_caller]
    pub fn line(&self) -> &str {
        let mut lines = self.stdout.lines();
        let line = lines.next().unwrap_or_else(|| panic!("nothing printed; {}", self.stderr));
        assert_eq!(lines.next(), None, "{}", self.stdout);
        line
    }
}

/// A child that does not outlive its owner.
#[derive(Debug)]
pub struct Guard(pub Child);

impl Guard {
    /// Waits for the end of the child.
    #[track_caller]
    pub fn wait(&mut self, longest: Duration) -> ExitStatus {
        let deadline = Instant::now() + longest;
        loop {
            if let Some(status) = self.0.try_wait().expect("a child of ours") {
                return status;
            }
            assert!(Instant::now() < deadline, "process {} has not ended within {longest:?}", self.0.id());
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A service in a process of its own.
#[derive(Debug)]
pub struct Service {
    /// Where it listens.
    pub address: SocketAddr,
    child: Guard,
    log: Arc<Mutex<Vec<String>>>,
}

impl Service {
    /// Starts a service on that database with these settings, and waits until it listens.
    #[track_caller]
    pub fn start(url: &str, settings: &[(&str, &str)]) -> Self {
        Self::start_as(program(), url, settings)
    }

    /// Starts a service with the given command, to which `serve` is appended.
    #[track_caller]
    pub fn start_as(command: Command, url: &str, settings: &[(&str, &str)]) -> Self {
        Self::try_start_as(command, url, settings).unwrap_or_else(|log| panic!("the service does not listen: {log:?}"))
    }

    /// The same.
    ///
    /// # Errors
    /// What a service logged that ended, or that does not listen in time.
    pub fn try_start_as(mut command: Command, url: &str, settings: &[(&str, &str)]) -> Result<Self, Vec<String>> {
        command.arg("serve");
        command.env("DATABASE_URL", url).env("LISTEN", "127.0.0.1:0").env("WORKERS", "2").stdout(Stdio::null());
        command.env("LOG_FORMAT", "json").env("RUST_LOG", "warn,user_relationships=info");
        command.envs(settings.iter().copied());
        let mut child = Guard(command.spawn().expect("the program starts"));
        let log = Arc::default();
        let receiver = follow(child.0.stderr.take().expect("a pipe"), Arc::clone(&log));
        match receiver.recv_timeout(PATIENCE) {
            Ok(address) => Ok(Self { address, child, log }),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                let lines = log.lock().expect("the log");
                Err(lines.clone())
            }
        }
    }

    /// A client with that token.
    pub fn client(&self, token: &str) -> Client {
        Client::new(self.address, 0, Some(format!("Token token={token}")))
    }

    /// A client without credentials.
    pub fn anonymous(&self) -> Client {
        Client::new(self.address, 0, None)
    }

    /// A client at the address of probes and metrics.
    pub fn admin(&self) -> Client {
        let lines = self.log();
        let mut fields = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let address = fields.find_map(|fields| fields["admin_address"].as_str()?.parse().ok());
        Client::new(address.unwrap_or_else(|| panic!("no address in {lines:?}")), 0, None)
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// Sends a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let id = self.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().expect("`kill` runs").success());
    }

    /// Kills the process with SIGKILL.
    pub fn kill(mut self) {
        self.child.0.kill().expect("the process is ours");
        self.child.wait(PATIENCE);
    }

    /// Waits for the end of the process.
    #[track_caller]
    pub fn wait(&mut self, longest: Duration) -> ExitStatus {
        self.child.wait(longest)
    }

    /// Everything that it logged.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().expect("the log").clone()
    }
}

/// Collects all lines of a JSON log, and sends the first address in one.
fn follow(pipe: impl Read + Send + 'static, log: Arc<Mutex<Vec<String>>>) -> Receiver<SocketAddr> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let fields: Value = serde_json::from_str(&line).unwrap_or_default();
            if let Some(address) = fields["address"].as_str().and_then(|text| text.parse().ok()) {
                let _ = sender.send(address);
            }
            log.lock().expect("the log").push(line);
        }
    });
    receiver
}

/// The URL of an SQLite file.
pub fn sqlite_url(file: &Path) -> String {
    format!("sqlite://{}", file.display())
}

/// Kills a process and the processes that it started with SIGKILL, all at once.
pub fn kill_tree(process: u32) {
    let processes: Vec<_> = [process].into_iter().chain(children(process)).map(|id| id.to_string()).collect();
    drop(Command::new("kill").arg("-KILL").args(&processes).stderr(Stdio::null()).status());
}

/// The processes that a process started.
fn children(parent: u32) -> Vec<u32> {
    let ids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_child = |id: &u32| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // The name, in parentheses, may contain spaces.
        let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().nth(1).map(str::to_owned));
        fields.flatten().is_some_and(|field| field == parent.to_string())
    };
    ids.filter(is_child).collect()
}

/// Waits until a condition is true.
#[track_caller]
pub fn until(what: &str, longest: Duration, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + longest;
    while !is_so() {
        assert!(Instant::now() < deadline, "not within {longest:?}: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Sends a request that must not wait for other work, up to three times, until a response arrives in time: a busy
/// machine may delay one, but a real wait delays all three.
#[track_caller]
pub fn in_time<T>(what: &str, longest: Duration, mut ask: impl FnMut() -> T) -> T {
    let mut times = Vec::new();
    for _ in 0..3 {
        let asked = Instant::now();
        let answer = ask();
        times.push(asked.elapsed());
        if times.last() < Some(&longest) {
            return answer;
        }
    }
    panic!("{what} takes longer than {longest:?} each time: {times:?}")
}

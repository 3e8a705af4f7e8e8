//! One campaign on one database.

mod faults;
mod feed;
mod judge;
mod servers;
mod soak;
mod stage;
mod verdict;
mod wall_clock;
mod writer;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::Engine;
use crate::support::process::{run as run_command, until};

use faults::Faults;
pub use servers::NAMESPACE;
use stage::Stage;
pub use verdict::Verdict;
use writer::{Writer, add_people, import_repeatedly};

/// The commands of the service that a campaign runs.
pub const COMMANDS: [&str; 5] = ["serve", "check", "migrate", "user", "token"];

const WRITERS: usize = 8;

/// What a campaign does.
pub struct Plan {
    /// How long faults happen.
    pub time: Duration,
    /// The seed of the faults and of the writes.
    pub seed: u64,
    /// The longest pause between two faults.
    pub pause: Duration,
    /// No faults and a tenth of the writes.
    pub is_soak: bool,
    /// What is broken on purpose.
    pub weakness: Weakness,
}

/// A broken protection, which the campaign must report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weakness {
    None,
    /// PostgreSQL acknowledges commits that a crash loses.
    AsynchronousCommit,
}

/// Ends all threads, also when one of them panics.
struct Stopper<'a>(&'a [&'a AtomicBool]);

impl Drop for Stopper<'_> {
    fn drop(&mut self) {
        for flag in self.0 {
            flag.store(true, Ordering::SeqCst);
        }
    }
}

/// Runs a campaign; `None`, with a message, without the programs of the database.
pub fn run(engine: Engine, plan: &Plan) -> Option<Verdict> {
    let stage = Stage::start(engine, plan)?;
    eprintln!("{engine:?}: seed {}, {:.1} minutes", plan.seed, plan.time.as_secs_f64() / 60.0);
    let (no_writes, no_changes) = (AtomicBool::new(false), AtomicBool::new(false));
    let mut verdict = Verdict::new(engine, plan.seed);
    // They create their users before the first fault.
    let writers: Vec<_> = (0..WRITERS).map(|number| Writer::new(&stage, number, plan)).collect();
    let importers = add_people(&stage, "importer", 120);
    let (writers, imports, feeds) = thread::scope(|scope| {
        let (stage, no_writes, no_changes) = (&stage, &no_writes, &no_changes);
        let flags = [no_writes, no_changes];
        let _stopper = Stopper(&flags);
        let writers: Vec<_> =
            writers.into_iter().map(|writer| scope.spawn(move || writer.run(stage, no_writes))).collect();
        let imports = scope.spawn(move || import_repeatedly(stage, no_writes, plan, &importers));
        let feeds = [0, 5].map(|wait| scope.spawn(move || feed::follow(stage, no_changes, wait)));
        if plan.is_soak {
            soak::watch(stage, plan.time);
        } else {
            Faults::new(stage, plan).cause(plan.time);
        }
        // The last writes meet a service that stays.
        thread::sleep(Duration::from_secs(1));
        no_writes.store(true, Ordering::SeqCst);
        let writers: Vec<_> = writers.into_iter().map(|writer| writer.join().map_err(drop)).collect();
        let imports = imports.join().map_err(drop);
        // Requests that got no answer end within `REQUEST_TIMEOUT`, and an import continues without its client.
        thread::sleep(Duration::from_secs(6));
        let mut raw = stage.raw();
        let running = "SELECT count(*) AS number FROM imports WHERE state = 3";
        until("no import is running", Duration::from_mins(1), || raw.number(running) == 0);
        no_changes.store(true, Ordering::SeqCst);
        (writers, imports, feeds.map(|feed| feed.join().map_err(drop)))
    });
    verdict.add_faults(&stage);
    for writer in writers {
        match writer {
            Ok(writer) => verdict.writers.push(writer),
            Err(()) => verdict.report("wrong", "a writer panicked; its message is above"),
        }
    }
    match imports {
        Ok(imports) => verdict.imports = imports,
        Err(()) => verdict.report("wrong", "the importer panicked; its message is above"),
    }
    judge::judge(&mut verdict, &stage, feeds);
    let checked = run_command(&stage.url(), &["check"]);
    if checked.code != 0 {
        verdict.report("drifted", &format!("`check`: {} {}", checked.stdout, checked.stderr));
    }
    Some(verdict)
}

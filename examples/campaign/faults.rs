//! Causes faults at random.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::servers::Servers;
use super::stage::{Database, Stage};
use super::{Plan, Weakness};
use crate::support::Engine;
use crate::support::network_proxy::NetworkFault;
use crate::support::random::Random;

/// Simulates what PostgreSQL reports when it cannot extend a file.
const FILL: &str = "
    CREATE OR REPLACE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100';
    END $$;
    CREATE TRIGGER full_edges BEFORE INSERT OR UPDATE OR DELETE ON user_relationships
        FOR EACH STATEMENT EXECUTE FUNCTION fill()";
const EMPTY: &str = "DROP FUNCTION IF EXISTS fill CASCADE";

/// A fault and how often it happens, relative to others.
type Weighted = (usize, &'static str);

const ON_SQLITE: &[Weighted] = &[
    (80, "kill of the service"),
    (8, "lock of an administrator"),
    (6, "full disk"),
    (6, "pause of the service"),
    (4, "jump of the clock"),
];
const ON_POSTGRES: &[Weighted] = &[
    (44, "kill of a service"),
    (20, "kill of the database"),
    (8, "kill of a process of the database"),
    (8, "kill of the pooler"),
    (8, "kill of the replica"),
    (5, "reset network"),
    (4, "slow network"),
    (3, "half-open network"),
    (3, "trickling network"),
    (5, "lock of an administrator"),
    (3, "full disk"),
    (3, "refused writes"),
    (3, "pause of the service"),
    (3, "jump of the clock"),
    (2, "kill of the primary and promotion of the replica"),
];
const KILL_DATABASE: &[Weighted] = &[(1, "kill of the database")];

/// Causes faults.
pub struct Faults<'a> {
    stage: &'a Stage,
    random: Random,
    pause: Duration,
    kinds: &'static [Weighted],
}

impl<'a> Faults<'a> {
    pub fn new(stage: &'a Stage, plan: &Plan) -> Self {
        let kinds = match (stage.engine, plan.weakness) {
            (Engine::Sqlite, _) => ON_SQLITE,
            (Engine::Postgres, Weakness::None) => ON_POSTGRES,
            (Engine::Postgres, Weakness::AsynchronousCommit) => KILL_DATABASE,
        };
        Self { stage, random: Random::new(plan.seed), pause: plan.pause, kinds }
    }

    /// Causes faults for a time.
    pub fn cause(mut self, time: Duration) {
        let begun = Instant::now();
        loop {
            let pause = self.millis(100, usize::try_from(self.pause.as_millis()).unwrap_or(1_000));
            thread::sleep(pause);
            if begun.elapsed() >= time {
                return;
            }
            let fault = self.choose();
            self.stage.take_outage();
            if !self.cause_one(fault) {
                continue;
            }
            self.stage.count(fault);
            // A write succeeds before the next fault, so that each has its own effect.
            let waited = Instant::now();
            while !self.stage.has_succeeded_since(waited) && waited.elapsed() < Duration::from_secs(30) {
                thread::sleep(Duration::from_millis(5));
            }
            let outage = self.stage.take_outage();
            self.stage.outages.lock().expect("outages").push((outage, fault.to_owned()));
        }
    }

    fn millis(&mut self, least: usize, most: usize) -> Duration {
        Duration::from_millis((least + self.random.below(most.max(least) - least + 1)) as u64)
    }

    fn choose(&mut self) -> &'static str {
        let sum = self.kinds.iter().map(|(weight, _)| weight).sum();
        let mut place = self.random.below(sum);
        for (weight, fault) in self.kinds {
            match place.checked_sub(*weight) {
                Some(rest) => place = rest,
                None => return fault,
            }
        }
        self.kinds[0].1
    }

    /// Returns whether the fault could be caused.
    fn cause_one(&mut self, fault: &'static str) -> bool {
        let number = self.random.below(self.stage.instances());
        match (fault, &self.stage.database) {
            ("kill of the service" | "kill of a service", _) => {
                self.stage.kill_service(number);
                self.stage.start_service(number);
            }
            ("lock of an administrator", _) => self.lock(),
            ("pause of the service", _) => self.pause_service(number),
            ("jump of the clock", _) => return self.move_clock(),
            ("full disk", Database::File(_)) => self.limit_files(number),
            (_, Database::File(_)) => return false,
            ("full disk", Database::Servers(servers)) => return servers.fill_disk(self.millis(200, 3_000)),
            ("kill of the database", Database::Servers(servers)) => servers.kill_primary(),
            ("kill of a process of the database", Database::Servers(_)) => self.kill_backend(),
            ("kill of the pooler", Database::Servers(servers)) => return servers.kill_pooler(),
            ("kill of the replica", Database::Servers(servers)) => servers.kill_replica(),
            ("kill of the primary and promotion of the replica", Database::Servers(servers)) => {
                self.stage.promote_replica(servers);
            }
            ("refused writes", Database::Servers(_)) => self.refuse_writes(),
            (_, Database::Servers(servers)) => self.disturb_network(servers, fault),
        }
        true
    }

    /// Kills one process of PostgreSQL: the server ends all others and recovers.
    fn kill_backend(&self) {
        let mut raw = self.stage.raw();
        let id = raw.number("SELECT CAST(pg_backend_pid() AS BIGINT) AS number").to_string();
        drop(Command::new("kill").args(["-KILL", &id]).status());
        while raw.attempt("SELECT 1") {
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn disturb_network(&mut self, servers: &Servers, fault: &str) {
        let time = self.millis(200, 1_500);
        let delay = self.millis(5, 100);
        let proxy = servers.proxy.lock().expect("the proxy");
        match fault {
            "reset network" => proxy.reset(),
            "half-open network" => drop(proxy.silence()),
            "slow network" => proxy.set_fault(NetworkFault::Slow(delay)),
            _ => proxy.set_fault(NetworkFault::Trickle),
        }
        thread::sleep(time);
        proxy.set_fault(NetworkFault::None);
    }

    /// Locks what all writes need, as an administrator who forgets to commit.
    fn lock(&mut self) {
        let time = self.millis(200, 2_000);
        let mut raw = self.stage.raw();
        let is_locked = raw.attempt(match self.stage.engine {
            Engine::Sqlite => "BEGIN IMMEDIATE",
            Engine::Postgres => "BEGIN; LOCK TABLE user_relationships IN ACCESS EXCLUSIVE MODE",
        });
        if is_locked {
            thread::sleep(time);
            raw.run("ROLLBACK");
        }
    }

    /// Limits the size of the files of an instance.
    fn limit_files(&mut self, number: usize) {
        let time = self.millis(200, 1_500);
        let Some(id) = self.stage.service_id(number) else { return };
        let limit = |size: &str| {
            drop(Command::new("prlimit").args([&format!("--pid={id}"), &format!("--fsize={size}:")]).status());
        };
        limit("65536");
        thread::sleep(time);
        limit("unlimited");
    }

    /// Lets PostgreSQL report that it cannot extend a file.
    fn refuse_writes(&mut self) {
        let time = self.millis(200, 1_500);
        let mut raw = self.stage.raw();
        raw.run(FILL);
        thread::sleep(time);
        raw.run(EMPTY);
    }

    /// Moves the clock of all services by up to an hour for a time, and back.
    fn move_clock(&mut self) -> bool {
        let (time, seconds) = (self.millis(1_000, 3_000), self.random.below(7_200));
        let seconds = i64::try_from(seconds).unwrap_or_default() - 3_600;
        let Some(clock) = &self.stage.clock else { return false };
        clock.jump(seconds, time);
        true
    }

    /// Stops and continues a process, as a machine that is suspended: for the process, the clock jumps.
    fn pause_service(&mut self, number: usize) {
        let time = self.millis(200, 3_000);
        let Some(id) = self.stage.service_id(number) else { return };
        let signal = |name: &str| drop(Command::new("kill").args([name, &id.to_string()]).status());
        signal("-STOP");
        thread::sleep(time);
        signal("-CONT");
    }
}

//! Where everything is kept: one SQLite file or a PostgreSQL database, behind [`Store::read`] and [`Store::write`].
//!
//! # Design
//! A job is one synchronous closure over a [`Tx`]. The store alone decides on which thread and connection it runs,
//! when a transaction begins, how writes are gathered into a commit, and what happens when others are in the way:
//! closures may run more than once, so they must not do anything but ask their `Tx`.

mod check;
mod fault;
mod gatherer;
mod group_rows;
mod limit;
mod metrics;
pub mod migrations;
mod opening;
mod postgres;
mod replica;
mod rows;
mod schema;
mod server;
mod sqlite;
mod tx;
mod type_counts;
mod types;
pub mod url;
mod writer;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use check::Report;
pub use opening::{OpenError, Settings};
pub use tx::Tx;

use crate::clock::Clock;
use crate::metrics::MetricsRegistry;
use crate::model::error::{Error, Result};
use limit::JobLimit;
use metrics::{JobTimer, StoreMetrics};
use postgres::Mode;
use postgres::sessions::Sessions;
use replica::Replica;
use server::Primary;
use tx::Shared;
use url::DatabaseUrl;

/// Whether nobody seems to use a database, who would be kept waiting by long writes. A missing one is not used.
#[must_use]
pub fn has_exclusive_access(url: &DatabaseUrl) -> bool {
    match url {
        DatabaseUrl::Sqlite(path) => sqlite::bulk::is_alone(path),
        // Writers of other rows do not wait there; what makes them wait is asked for by `Tx::may_load`.
        DatabaseUrl::Postgres(_) => true,
    }
}

/// The files of a database that users of this machine other than their owner can read or write.
#[must_use]
pub fn exposed_files(url: &DatabaseUrl) -> Vec<PathBuf> {
    match url {
        DatabaseUrl::Sqlite(path) => sqlite::files::exposed(path),
        DatabaseUrl::Postgres(_) => Vec::new(),
    }
}

/// Gives back the room that many writes have taken beside the data itself.
pub fn checkpoint_wal(url: &DatabaseUrl) {
    if let DatabaseUrl::Sqlite(path) = url {
        sqlite::bulk::empty_log(path);
    }
}

/// How much work a read is, which decides where it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// A page of work at most, from one index: cheaper than a hop to another thread.
    Bounded,
    /// No more work than that, but never on the thread of the caller: the answer is not to be held up by a disk.
    Probe,
    /// No more work than the first, by several statements that see one snapshot.
    BoundedSnapshot,
    /// Anything that grows with the data. All statements see one snapshot.
    Unbounded,
    /// Work that looks at all rows of a table, such as a search for a part of a name or a page far from the start. All
    /// statements see one snapshot. Few of these run at once, so that all others find room.
    Search,
}

impl Cost {
    /// Whether it may take longer than a page of work.
    #[must_use]
    pub const fn is_long(self) -> bool {
        matches!(self, Self::Unbounded | Self::Search)
    }

    /// Whether all statements see one snapshot.
    const fn needs_snapshot(self) -> bool {
        matches!(self, Self::BoundedSnapshot | Self::Unbounded | Self::Search)
    }
}

/// The door to the data; cheap to clone.
#[derive(Clone)]
pub struct Store {
    engine: Arc<Engine>,
    shared: Shared,
    longest_job: Option<Duration>,
}

enum Engine {
    Sqlite(sqlite::Engine),
    Postgres { server: Arc<Primary>, replica: Option<Arc<Replica>> },
}

impl Store {
    /// Opens a database that has its schema (see [`migrations`]).
    ///
    /// # Errors
    /// [`OpenError`] when an SQLite file is missing or cannot be opened. PostgreSQL may be away: jobs say so.
    pub fn open(settings: &Settings, clock: Clock) -> std::result::Result<Self, OpenError> {
        let shared = Shared { clock, types: Arc::default(), measures: StoreMetrics::new() };
        let engine = match &settings.url {
            DatabaseUrl::Sqlite(path) => Engine::Sqlite(sqlite::Engine::open(path, settings, shared.clone())?),
            DatabaseUrl::Postgres(url) => {
                let url = url.with_limits(settings.timeout, settings.longest_statement);
                let server = Arc::new(Primary::open(Sessions::of_primary(url, settings), settings, &shared)?);
                let replica = settings.replica.as_ref();
                let replica = replica.map(|url| Replica::open(url, settings, &server, &shared)).transpose()?;
                Engine::Postgres { server, replica }
            }
        };
        Ok(Self { engine: Arc::new(engine), shared, longest_job: settings.longest_job })
    }

    /// Runs a job that only reads, and reads what is so at this moment. `name` is what logs and metrics call it.
    ///
    /// # Errors
    /// Whatever the job answers, or [`Error::Unavailable`].
    pub async fn read<T: Send + 'static>(
        &self,
        name: &'static str,
        cost: Cost,
        job: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.read_primary(self.shared.measures.time(name), cost, job).await.map_err(|error| named(name, error))
    }

    async fn read_primary<T: Send + 'static>(
        &self,
        timed: JobTimer,
        cost: Cost,
        job: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let followed = self.shared.measures.follow();
        let job = move |tx: &mut Tx<'_>| followed.attempt(tx, |tx| catch_panic(|| job(tx)));
        let deadline = timed.deadline(self.longest_job);
        match &*self.engine {
            Engine::Sqlite(engine) => {
                if matches!(cost, Cost::Bounded | Cost::BoundedSnapshot)
                    && let Some(mut reader) = engine.free_reader()
                {
                    return reader.run(&self.shared, &JobLimit::until(deadline), cost.needs_snapshot(), &job);
                }
                let permit = engine.permit(cost).await?;
                let (limit, _guard) = JobLimit::cancellable(deadline, None);
                self.run_blocking(move |store| {
                    // Kept until the job has ended, even if its caller is gone.
                    let _permit = permit;
                    limit.check()?;
                    match &*store.engine {
                        Engine::Sqlite(engine) => {
                            engine.reader()?.run(&store.shared, &limit, cost.needs_snapshot(), &job)
                        }
                        Engine::Postgres { .. } => Err(Error::Internal("the engine changed".to_owned())),
                    }
                })
                .await
            }
            Engine::Postgres { server, .. } => {
                self.on_postgres(server, timed.job(), Mode::of(cost), deadline, job).await
            }
        }
    }

    /// Runs a job that may write, wholly or not at all; once it is answered it is durable.
    ///
    /// # Errors
    /// Whatever the job answers, or [`Error::Unavailable`]; then nothing was written, unless the connection died
    /// during the commit itself.
    pub async fn write<T: Send + 'static>(
        &self,
        name: &'static str,
        job: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (timed, followed) = (self.shared.measures.time(name), self.shared.measures.follow());
        let deadline = timed.deadline(self.longest_job);
        let job = move |tx: &mut Tx<'_>| followed.attempt(tx, |tx| catch_panic(|| job(tx)));
        let result = match &*self.engine {
            Engine::Sqlite(engine) => {
                let (limit, _guard) = JobLimit::cancellable(deadline, None);
                engine.writer.write(limit, job).await
            }
            Engine::Postgres { server, .. } => self.on_postgres(server, name, Mode::Write, deadline, job).await,
        };
        result.map_err(|error| named(name, error))
    }

    /// What is counted and measured, here and by whoever adds to it; the connections are those of this moment.
    #[must_use]
    pub fn metrics(&self) -> &MetricsRegistry {
        self.shared.measures.connected(match &*self.engine {
            Engine::Sqlite(engine) => engine.connections(),
            Engine::Postgres { server, replica } => {
                if let Some(replica) = replica {
                    replica.note_connections();
                }
                server.connected().engine.connections()
            }
        });
        &self.shared.measures.all
    }

    /// The name of the engine, for people.
    #[must_use]
    pub fn engine_name(&self) -> &'static str {
        match *self.engine {
            Engine::Sqlite(_) => "sqlite",
            Engine::Postgres { .. } => "postgres",
        }
    }

    async fn on_postgres<T: Send + 'static>(
        &self,
        server: &Primary,
        name: &'static str,
        mode: Mode,
        deadline: Option<Instant>,
        job: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let connected = server.connected();
        let permit = connected.engine.permit(name, mode).await?;
        let (limit, _guard) = JobLimit::cancellable(deadline, Some(server.canceller()));
        self.run_blocking(move |store| {
            // Kept until the connection is back, even if the request has been given up.
            let _permit = permit;
            connected.engine.run(mode, &store.shared, &limit, &job)
        })
        .await
    }

    /// Runs a job on a thread that may wait.
    #[expect(clippy::disallowed_methods, reason = "the one place that leaves a worker's thread")]
    async fn run_blocking<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let store = self.clone();
        tokio::task::spawn_blocking(move || job(&store))
            .await
            .unwrap_or_else(|_| Err(Error::Internal("a job ended without an answer".to_owned())))
    }
}

/// A job that panics is a fault of this program, and nobody else's problem.
fn catch_panic<T>(job: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(job)).unwrap_or_else(|_| Err(Error::Internal("a job panicked".to_owned())))
}

/// Puts the name of the job before the cause.
fn named(name: &'static str, error: Error) -> Error {
    match error {
        Error::Refused(problems) => Error::Refused(problems),
        Error::Unavailable(cause) => Error::Unavailable(format!("{name}: {cause}")),
        Error::Internal(cause) => Error::Internal(format!("{name}: {cause}")),
    }
}

//! The data of the service, in one SQLite file or in a PostgreSQL database.
//!
//! # Design
//! A job is a synchronous closure over a [`Tx`]. The store alone decides on which thread and connection it runs, when a
//! transaction begins, which jobs share a commit or a statement, and when a job runs again after a conflict. So a job
//! may run more than once, and must do nothing but call its `Tx`.
//!
//! [`Store`] has one method for each kind of request: [`read`](Store::read), [`read_replica`](Store::read_replica),
//! [`write`](Store::write), and for the most frequent requests methods whose requests PostgreSQL answers in batches:
//! [`list_relationships`](Store::list_relationships), [`find_relationship`](Store::find_relationship),
//! [`find_user`](Store::find_user), [`traverse`](Store::traverse), [`create_relationship`](Store::create_relationship),
//! [`change_relationship`](Store::change_relationship) and [`delete_relationship`](Store::delete_relationship).

mod change_log;
mod change_rows;
mod changes;
mod check;
mod columns;
mod common_trigrams;
pub mod copy;
mod cost;
mod fault;
mod files;
mod group_rows;
mod held_type;
mod import_rows;
mod import_schema;
mod inspection;
mod job;
mod key_rows;
mod limit;
mod metrics;
pub mod migrations;
mod opening;
mod pending_changes;
mod positions;
mod postgres;
mod relationship_rows;
pub mod revert;
mod rows;
mod rule_checks;
mod run;
mod schema;
pub mod spread_rows;
mod sql_script;
mod sqlite;
mod stepwise_migrations;
mod together;
mod tx;
mod type_counts;
mod type_rows;
mod types;
pub mod url;
mod write_health;
mod write_probe;

use std::sync::Arc;
use std::time::Duration;

pub use check::Report;
pub use cost::Cost;
pub use files::{checkpoint_wal, exposed_files, has_exclusive_access};
pub use held_type::{ExistingEnds, FoundRelationship, HeldRole, HeldType, RoleStart};
pub use inspection::{inspect, mixed_statements};
pub use opening::{MAPPED_BYTES, OpenError, Settings};
pub use postgres::batch::changes::GatheredChange;
pub use postgres::batch::creates::GatheredCreate;
pub use postgres::batch::deletes::{GatheredDelete, GatheredWriter};
pub use postgres::batch::ruled_creates::CreateTogether;
pub use postgres::batch::traversals::{GatheredTraversal, ShortTraversals};
pub use tx::Tx;

use crate::clock::Clock;
use crate::metrics::MetricsRegistry;
use crate::model::change::ChangeOrigin;
use crate::model::database_problem::DatabaseProblem;
use crate::model::error::Result;
use crate::model::log_position::LogPosition;
use crate::model::relationship_query::{RelationshipPage, RelationshipQuery};
use job::with_job_name;
use postgres::replica::Replica;
use postgres::server::PostgresServer;
use sqlite::engine::SqliteEngine;
use tx::StoreContext;
use url::DatabaseUrl;
use write_health::WriteHealth;

/// The data of the service; cheap to clone.
#[derive(Clone)]
pub struct Store {
    engine: Engine,
    shared: StoreContext,
    longest_job: Option<Duration>,
    writes: Arc<WriteHealth>,
}

#[derive(Clone)]
enum Engine {
    Sqlite(Arc<SqliteEngine>),
    Postgres { primary: Arc<PostgresServer>, replica: Option<Arc<Replica>> },
}

impl Store {
    /// Opens a database that has its schema (see [`migrations`]).
    ///
    /// # Errors
    /// [`OpenError`] when an SQLite file is missing or cannot be opened. PostgreSQL may be down: then jobs fail.
    pub fn open(settings: &Settings, clock: Clock) -> std::result::Result<Self, OpenError> {
        let shared = StoreContext::new(clock);
        let engine = match &settings.url {
            DatabaseUrl::Sqlite(path) => Engine::Sqlite(Arc::new(SqliteEngine::open(path, settings, shared.clone())?)),
            DatabaseUrl::Postgres(url) => {
                let primary = Arc::new(PostgresServer::open_primary(url, settings, &shared)?);
                let replica = settings.replica.as_ref();
                let replica = replica.map(|url| Replica::open(url, settings, &primary, &shared)).transpose()?;
                Engine::Postgres { primary, replica }
            }
        };
        Ok(Self { engine, shared, longest_job: settings.longest_job, writes: Arc::default() })
    }

    /// The same store, whose jobs may run longer.
    #[must_use]
    pub fn with_longest_job(&self, longest_job: Duration) -> Self {
        Self { longest_job: Some(longest_job), ..self.clone() }
    }

    /// Runs a job that only reads the current state. `name` identifies it in logs and metrics.
    ///
    /// # Errors
    /// Those of the job, or [`Error::Unavailable`](crate::model::error::Error::Unavailable).
    pub async fn read<T: Send + 'static>(
        &self,
        name: &'static str,
        cost: Cost,
        job: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.run_read(&self.start(name), cost, job).await.map_err(|error| with_job_name(name, error))
    }

    /// Runs a job that only reads what a caller is shown: on the replica if there is one, and on the primary if the
    /// replica fails or would refuse. The result may be as old as the replica's lag, but shows what was written before the
    /// position `after`. Authorization and writes use [`read`](Self::read).
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub async fn read_replica<T: Send + 'static>(
        &self,
        name: &'static str,
        cost: Cost,
        after: Option<LogPosition>,
        job: impl Fn(&mut Tx<'_>) -> Result<T> + Send + Sync + 'static,
    ) -> Result<T> {
        let timer = self.start(name);
        self.run_replica_read(&timer, (cost, after), job).await.map_err(|error| with_job_name(name, error))
    }

    /// Runs a job that may write. All its writes or none are stored, and are durable when it returns. Its changes are logged
    /// as made by `origin`.
    ///
    /// # Errors
    /// Those of the job, or [`Error::Unavailable`](crate::model::error::Error::Unavailable); then nothing was written,
    /// unless the connection failed during the commit itself.
    pub async fn write<T: Send + 'static>(
        &self,
        name: &'static str,
        origin: ChangeOrigin,
        job: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.run_write(&self.start(name), origin, job).await.map_err(|error| with_job_name(name, error))
    }

    /// Reads a list of relationships that a caller is shown, as [`read_replica`](Self::read_replica) does. On
    /// PostgreSQL most lists share a statement with concurrent ones, which starts after the last of them was requested;
    /// all others, and lists that the statement leaves out, run `job`.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub async fn list_relationships<T: From<RelationshipPage> + Send + 'static>(
        &self,
        name: &'static str,
        query: RelationshipQuery,
        after: Option<LogPosition>,
        job: impl Fn(&mut Tx<'_>, &RelationshipQuery) -> Result<T> + Send + Sync + 'static,
    ) -> Result<T> {
        let timer = self.start(name);
        match self.list_in_batch(&query, after).await {
            Ok(Some(page)) => return Ok(page.into()),
            Ok(None) => {}
            Err(error) => return Err(with_job_name(name, error)),
        }
        let cost = Cost::of_relationships(&query);
        let read = self.run_replica_read(&timer, (cost, after), move |tx| job(tx, &query)).await;
        read.map_err(|error| with_job_name(name, error))
    }

    /// Whether reads use the replica at this moment; `None` without a replica.
    #[must_use]
    pub fn is_replica_used(&self) -> Option<bool> {
        match &self.engine {
            Engine::Postgres { replica: Some(replica), .. } => Some(replica.is_used()),
            Engine::Postgres { .. } | Engine::Sqlite { .. } => None,
        }
    }

    /// Why the last attempt to connect to PostgreSQL failed, if it failed a moment ago.
    #[must_use]
    pub fn connection_problem(&self) -> Option<DatabaseProblem> {
        match &self.engine {
            Engine::Postgres { primary, .. } => primary.connection_problem(),
            Engine::Sqlite(_) => None,
        }
    }

    /// The metrics registry, with the gauges of connections set to their current values.
    #[must_use]
    pub fn metrics(&self) -> &MetricsRegistry {
        self.shared.metrics.set_connections(match &self.engine {
            Engine::Sqlite(engine) => engine.connections(),
            Engine::Postgres { primary, replica } => {
                if let Some(replica) = replica {
                    replica.measure_connections();
                }
                primary.connections()
            }
        });
        &self.shared.metrics.all
    }

    /// The name of the database engine, for people.
    #[must_use]
    pub fn engine_name(&self) -> &'static str {
        match self.engine {
            Engine::Sqlite(_) => "sqlite",
            Engine::Postgres { .. } => "postgres",
        }
    }
}

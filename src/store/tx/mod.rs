//! The queries that a job may run: the only way from the domain to a database.

mod below;
mod change_collector;
mod change_log;
mod changes;
mod clients;
mod counts;
mod credentials;
mod group_pages;
mod group_transfer;
mod groups;
mod handovers;
mod idempotency;
mod imports;
mod passwords;
mod relationship_types;
mod relationships;
mod retired;
mod roles;
mod rules;
mod spread;
mod stored_edges;
mod transfer;
mod traversal;
mod users;

use diesel::QueryResult;
use std::sync::Arc;

use crate::clock::Clock;
use crate::model::database_problem::DatabaseProblem;
use crate::model::error::{Error, Result};
use crate::model::time::Timestamp;
use crate::store::change_log::ChangeLog;
use crate::store::common_trigrams::TrigramCache;
use crate::store::fault::{self, Fault};
use crate::store::limit::JobLimit;
use crate::store::metrics::StoreMetrics;
use crate::store::migrations;
use crate::store::pending_changes::PendingChanges;
use crate::store::postgres::spread::hints::SpreadHints;
use crate::store::type_counts::{EdgeCounts, TypeCounts};
use crate::store::types::{TypeCache, Types};
use crate::store::{postgres, sqlite};

/// A connection to one of the two databases.
pub(in crate::store) enum AnyConnection<'c> {
    Sqlite(&'c mut sqlite::conn::Conn),
    Postgres(&'c mut postgres::conn::Conn),
}

/// What all jobs on a server share.
#[derive(Clone)]
pub(in crate::store) struct StoreContext {
    pub clock: Clock,
    pub types: Arc<TypeCache>,
    pub metrics: Arc<StoreMetrics>,
    pub changes: Arc<ChangeLog>,
    pub trigrams: Arc<TrigramCache>,
    pub hints: Arc<SpreadHints>,
}

impl StoreContext {
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            types: Arc::default(),
            metrics: StoreMetrics::new(),
            changes: Arc::default(),
            trigrams: Arc::default(),
            hints: Arc::default(),
        }
    }
}

/// The interface of a job to the database: one method per question, each of one query or a few.
///
/// Every method fails with [`Error::Unavailable`] when the database does not respond, and with [`Error::Internal`] when
/// its response is impossible.
pub struct Tx<'c> {
    conn: AnyConnection<'c>,
    shared: &'c StoreContext,
    limit: &'c JobLimit,
    types: Arc<Types>,
    is_writing: bool,
    changes: PendingChanges,
    type_counts: TypeCounts,
    edge_counts: EdgeCounts,
    /// The types whose other writers wait until this job ends.
    locked_types: Vec<i16>,
    fault: Option<Fault>,
    /// The SQLSTATE of a conflict.
    conflict: Option<&'static str>,
}

/// Runs one query on the database of the job, unless the job has reached its limit.
macro_rules! ask {
    ($tx:ident, $module:ident :: $query:ident ( $($argument:expr),* )) => {
        match $tx.check_limit() {
            Ok(()) => {
                let answer = match &mut $tx.conn {
                    $crate::store::tx::AnyConnection::Sqlite(conn) => {
                        $crate::store::sqlite::queries::$module::$query(conn, $($argument),*)
                    }
                    $crate::store::tx::AnyConnection::Postgres(conn) => {
                        $crate::store::postgres::queries::$module::$query(conn, $($argument),*)
                    }
                };
                answer.map_err(|error| $tx.record_fault(&error))
            }
            Err(error) => Err(error),
        }
    };
}
use ask;

impl<'c> Tx<'c> {
    pub(in crate::store) fn reading(conn: AnyConnection<'c>, shared: &'c StoreContext, limit: &'c JobLimit) -> Self {
        Self {
            conn,
            shared,
            limit,
            types: shared.types.get(),
            is_writing: false,
            changes: PendingChanges::default(),
            type_counts: TypeCounts::default(),
            edge_counts: EdgeCounts::default(),
            locked_types: Vec::new(),
            fault: None,
            conflict: None,
        }
    }

    /// `is_logged`: whether changes are logged, as far as it is known, until the job ends.
    pub(in crate::store) fn writing(
        conn: AnyConnection<'c>,
        shared: &'c StoreContext,
        limit: &'c JobLimit,
        is_logged: Option<bool>,
    ) -> Self {
        let changes = PendingChanges { is_logged, ..PendingChanges::default() };
        Self { is_writing: true, changes, ..Self::reading(conn, shared, limit) }
    }

    /// Writes changes to a database that Citus spreads over nodes.
    pub(in crate::store) fn on_citus(mut self, is_citus: bool) -> Self {
        self.changes.is_citus = is_citus;
        self
    }

    /// Fails if the job must end: at its deadline, or because its caller is gone.
    pub(in crate::store) fn check_limit(&mut self) -> Result<()> {
        self.limit.check().inspect_err(|_| self.fault = Some(Fault::Limit))
    }

    /// The fault of the last statement that failed.
    pub(in crate::store) fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// The SQLSTATE of the last conflict, if running the job again can help.
    pub(in crate::store) fn conflict_code(&self) -> Option<&'static str> {
        self.conflict
    }

    /// Records the fault of a failed statement, and returns the error of the job.
    fn record_fault(&mut self, error: &diesel::result::Error) -> Error {
        let (mut fault, mut job_error) = fault::classify(error);
        // A stopped statement fails with various errors; the limit is the reason. A lost connection stays lost, so that
        // it is not used again.
        if fault != Fault::Lost
            && let Err(limit) = self.limit.check()
        {
            (fault, job_error) = (Fault::Limit, limit);
        }
        self.fault = Some(fault);
        self.conflict = (fault == Fault::Conflict).then(|| fault::code(error));
        job_error
    }

    /// Records that a concurrent job has changed the same row, so that the store runs this job again.
    fn record_conflict(&mut self) -> Error {
        self.fault = Some(Fault::Conflict);
        self.conflict = Some(fault::SERIALIZATION);
        Error::Unavailable("concurrent jobs kept changing the same row".to_owned())
    }

    /// The error of a job that cannot go on because of a concurrent one: the store runs it again.
    pub fn run_again(&mut self) -> Error {
        self.record_conflict()
    }

    /// Runs a query that exists on PostgreSQL only.
    pub(in crate::store) fn ask_postgres<T>(
        &mut self,
        query: impl FnOnce(&mut postgres::conn::Conn) -> QueryResult<T>,
    ) -> Result<T> {
        let answer = match &mut self.conn {
            AnyConnection::Postgres(conn) => query(conn),
            AnyConnection::Sqlite(_) => return Err(Error::Internal("SQLite has no such query".to_owned())),
        };
        answer.map_err(|error| self.record_fault(&error))
    }

    /// Whether another job can change a row between two statements of this one: in write jobs on PostgreSQL. On SQLite
    /// write jobs run one at a time.
    fn needs_locks(&self) -> bool {
        self.is_writing && matches!(self.conn, AnyConnection::Postgres(_))
    }

    /// Whether all other writers wait until this job ends, even those of other rows.
    #[must_use]
    pub fn blocks_other_writers(&self) -> bool {
        self.is_writing && matches!(self.conn, AnyConnection::Sqlite(_))
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    fn micros(&self) -> i64 {
        self.now().micros()
    }

    /// The version of the newest applied migration.
    pub fn schema_version(&mut self) -> Result<Option<String>> {
        ask!(self, meta::schema_version())
    }

    /// Why this release cannot serve requests from the database; `None` if it can.
    pub fn find_problem(&mut self) -> Result<Option<DatabaseProblem>> {
        if let Some(problem) = ask!(self, meta::find_problem())? {
            return Ok(Some(problem));
        }
        let version = self.schema_version()?;
        Ok((!migrations::is_new_enough(version.as_deref())).then_some(DatabaseProblem::OldSchema))
    }

    /// A random text that all instances with this database share.
    pub fn secret(&mut self, name: &str) -> Result<Option<String>> {
        ask!(self, meta::secret(name))
    }

    /// Replaces such a text.
    pub fn set_secret(&mut self, name: &str, value: &str) -> Result<()> {
        ask!(self, meta::set_secret(name, value)).map(drop)
    }

    /// Deletes such a text.
    pub fn delete_secret(&mut self, name: &str) -> Result<()> {
        ask!(self, meta::delete_secret(name)).map(drop)
    }
}

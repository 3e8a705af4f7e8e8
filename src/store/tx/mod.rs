//! The questions that this service may ask a database.

mod clients;
mod counts;
mod credentials;
mod gathered;
mod group_pages;
mod groups;
mod idempotency;
mod passwords;
mod relationship_types;
mod relationships;
mod retired;
mod transfer;
mod users;

use std::sync::Arc;

use crate::clock::Clock;
use crate::model::error::{Error, Result};
use crate::model::time::Timestamp;
use crate::store::fault::{self, Fault};
use crate::store::limit::JobLimit;
use crate::store::metrics::StoreMetrics;
use crate::store::type_counts::TypeCounts;
use crate::store::types::{TypeCache, Types};
use crate::store::{postgres, sqlite};

/// A connection to one of the two databases.
pub(in crate::store) enum AnyConnection<'c> {
    Sqlite(&'c mut sqlite::Conn),
    Postgres(&'c mut postgres::Conn),
}

/// What all jobs of a store share.
#[derive(Clone)]
pub(in crate::store) struct Shared {
    pub clock: Clock,
    pub types: Arc<TypeCache>,
    pub measures: Arc<StoreMetrics>,
}

/// A job's view of the database: a catalogue of questions, each answered by one query (or a few).
///
/// Every method fails with [`Error::Unavailable`] when the database does not answer, or with
/// [`Error::Internal`] when it answers something that cannot be.
pub struct Tx<'c> {
    link: AnyConnection<'c>,
    shared: &'c Shared,
    limit: &'c JobLimit,
    types: Arc<Types>,
    is_writing: bool,
    type_counts: TypeCounts,
    fault: Option<Fault>,
    /// The SQLSTATE of a conflict.
    conflict: Option<&'static str>,
}

/// Puts one question to whichever database it is, unless the job has reached its limit.
macro_rules! ask {
    ($tx:ident, $room:ident :: $query:ident ( $($argument:expr),* )) => {
        match $tx.check_limit() {
            Ok(()) => {
                let answer = match &mut $tx.link {
                    $crate::store::tx::AnyConnection::Sqlite(conn) => {
                        $crate::store::sqlite::queries::$room::$query(conn, $($argument),*)
                    }
                    $crate::store::tx::AnyConnection::Postgres(conn) => {
                        $crate::store::postgres::queries::$room::$query(conn, $($argument),*)
                    }
                };
                answer.map_err(|error| $tx.note(&error))
            }
            Err(error) => Err(error),
        }
    };
}
use ask;

impl<'c> Tx<'c> {
    pub(in crate::store) fn reading(link: AnyConnection<'c>, shared: &'c Shared, limit: &'c JobLimit) -> Self {
        Self {
            link,
            shared,
            limit,
            types: shared.types.get(),
            is_writing: false,
            type_counts: TypeCounts::default(),
            fault: None,
            conflict: None,
        }
    }

    pub(in crate::store) fn writing(link: AnyConnection<'c>, shared: &'c Shared, limit: &'c JobLimit) -> Self {
        Self { is_writing: true, ..Self::reading(link, shared, limit) }
    }

    /// Fails when the job must end: its time is over, or its caller is gone.
    pub(in crate::store) fn check_limit(&mut self) -> Result<()> {
        self.limit.check().inspect_err(|_| self.fault = Some(Fault::Limit))
    }

    /// What went wrong with the last statement that failed.
    pub(in crate::store) fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// The SQLSTATE of what the last statement ran into, if it helps to run the job again.
    pub(in crate::store) fn conflict_code(&self) -> Option<&'static str> {
        self.conflict
    }

    fn note(&mut self, error: &diesel::result::Error) -> Error {
        let (mut fault, mut told) = fault::classify(error);
        // Whatever a stopped statement says, this is why. A lost connection stays one: it must not be used again.
        if fault != Fault::Lost
            && let Err(limit) = self.limit.check()
        {
            (fault, told) = (Fault::Limit, limit);
        }
        self.fault = Some(fault);
        self.conflict = (fault == Fault::Conflict).then(|| fault::code(error));
        told
    }

    /// Notes that somebody else was faster, so that the store runs the job again.
    fn conflict(&mut self) -> Error {
        self.fault = Some(Fault::Conflict);
        self.conflict = Some(fault::SERIALIZATION);
        Error::Unavailable("others kept changing the same row".to_owned())
    }

    /// Whether another job can change a row between two statements of this one: in a write job on PostgreSQL. On SQLite
    /// one write job runs at a time.
    fn needs_locks(&self) -> bool {
        self.is_writing && matches!(self.link, AnyConnection::Postgres(_))
    }

    /// Whether every other writer waits until this job ends, whatever it writes.
    #[must_use]
    pub fn blocks_other_writers(&self) -> bool {
        self.is_writing && matches!(self.link, AnyConnection::Sqlite(_))
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    fn micros(&self) -> i64 {
        self.now().micros()
    }

    /// The version of the newest migration that was run.
    pub fn schema_version(&mut self) -> Result<Option<String>> {
        ask!(self, meta::schema_version())
    }

    /// A random text that all instances on this database share.
    pub fn secret(&mut self, name: &str) -> Result<Option<String>> {
        ask!(self, meta::secret(name))
    }
}

//! What diesel's errors mean for a job.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::model::error::Error;

/// What the store does about a failed statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Another transaction was in the way: roll back and run the job again.
    Conflict,
    /// The connection is gone: take another.
    Lost,
    /// The connection died during the commit: nobody knows what became of it.
    Unknown,
    /// The job has reached its limit: it is rolled back and not run again.
    Limit,
    /// Neither helps.
    Final,
}

/// What libpq says when it could not write to a closed connection; it then goes on calling the connection good.
const CLOSED: [&str; 4] = [
    "server closed the connection",
    "could not send data to server",
    "SSL SYSCALL error",
    "SSL connection has been closed",
];

/// SQLSTATE: somebody else changed the row meanwhile.
pub(super) const SERIALIZATION: &str = "40001";
/// SQLSTATE: somebody else has put the same thing there.
pub(super) const UNIQUE: &str = "23505";
/// SQLSTATE: somebody else has removed what is referred to.
pub(super) const FOREIGN_KEY: &str = "23503";
/// SQLSTATE: two wait for each other.
pub(super) const DEADLOCK: &str = "40P01";
/// SQLSTATE: the connection is gone.
pub(super) const LOST: &str = "08006";

/// The SQLSTATE of a conflict; diesel tells kinds only, and SQLite's have the same names here.
pub(super) fn code(error: &DieselError) -> &'static str {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => UNIQUE,
        DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => FOREIGN_KEY,
        DieselError::DatabaseError(_, info) if info.message().contains("deadlock") => DEADLOCK,
        _ => SERIALIZATION,
    }
}

/// Sorts an error: what to do, and what the caller is told if that does not help.
pub(super) fn classify(error: &DieselError) -> (Fault, Error) {
    let fault = match error {
        DieselError::DatabaseError(kind, info) => match kind {
            // A constraint that a job runs into was not in its way when it looked: somebody else was faster.
            DatabaseErrorKind::UniqueViolation
            | DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::SerializationFailure => Fault::Conflict,
            // The second is what is said of a connection that turned out to be closed when something was to be sent.
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => Fault::Lost,
            // diesel has no kind for 40P01 and gives no SQLSTATE.
            _ if info.message().contains("deadlock") => Fault::Conflict,
            _ if CLOSED.iter().any(|text| info.message().contains(text)) => Fault::Lost,
            _ => Fault::Final,
        },
        // A connection that broke in a transaction, as diesel tells it afterwards.
        DieselError::BrokenTransactionManager => Fault::Lost,
        DieselError::RollbackErrorOnCommit { commit_error, .. } => return classify(commit_error),
        _ => Fault::Final,
    };
    let told = match error {
        DieselError::DatabaseError(..) | DieselError::BrokenTransactionManager => Error::Unavailable(error.to_string()),
        other => Error::Internal(format!("{other:?}")),
    };
    (fault, told)
}

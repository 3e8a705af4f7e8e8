//! Classifies the errors of diesel.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::model::error::Error;

/// The class of a failed statement, which decides whether the job runs again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A conflict with another transaction: roll back and run the job again.
    Conflict,
    /// The connection is dead: run the job on another one.
    Lost,
    /// The connection died during the commit, which may have succeeded.
    Unknown,
    /// The job has reached its limit: roll back and do not run it again.
    Limit,
    /// The replica has not replayed what the job must see: nothing has run.
    Behind,
    /// Any other error: running the job again does not help.
    Final,
}

/// Messages of libpq when it cannot write to a closed connection, whose status it still reports as good.
const CLOSED: [&str; 4] = [
    "server closed the connection",
    "could not send data to server",
    "SSL SYSCALL error",
    "SSL connection has been closed",
];

/// SQLSTATE `serialization_failure`.
pub(super) const SERIALIZATION: &str = "40001";
/// SQLSTATE `unique_violation`.
pub(super) const UNIQUE: &str = "23505";
/// SQLSTATE `foreign_key_violation`.
pub(super) const FOREIGN_KEY: &str = "23503";
/// SQLSTATE `deadlock_detected`.
pub(super) const DEADLOCK: &str = "40P01";
/// SQLSTATE `connection_failure`.
pub(super) const LOST: &str = "08006";

/// The SQLSTATE of a conflict, derived from diesel's kind of error; SQLite's errors use the same codes.
pub(super) fn code(error: &DieselError) -> &'static str {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => UNIQUE,
        DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => FOREIGN_KEY,
        DieselError::DatabaseError(_, info) if info.message().contains("deadlock") => DEADLOCK,
        _ => SERIALIZATION,
    }
}

/// Classifies an error, and returns the error of the job if running it again does not help.
pub(super) fn classify(error: &DieselError) -> (Fault, Error) {
    let fault = match error {
        DieselError::DatabaseError(kind, info) => match kind {
            // The job checked this constraint before writing, so a violation means that a concurrent writer won the
            // race.
            DatabaseErrorKind::UniqueViolation
            | DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::SerializationFailure => Fault::Conflict,
            // The second kind means that the connection was found closed when a command was sent.
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => Fault::Lost,
            // diesel has no kind for 40P01 and does not expose the SQLSTATE.
            _ if info.message().contains("deadlock") => Fault::Conflict,
            _ if CLOSED.iter().any(|text| info.message().contains(text)) => Fault::Lost,
            _ => Fault::Final,
        },
        // diesel's error for a connection that broke in a transaction earlier.
        DieselError::BrokenTransactionManager => Fault::Lost,
        DieselError::RollbackErrorOnCommit { commit_error, .. } => return classify(commit_error),
        _ => Fault::Final,
    };
    let job_error = match error {
        DieselError::DatabaseError(..) | DieselError::BrokenTransactionManager => Error::Unavailable(error.to_string()),
        other => Error::Internal(format!("{other:?}")),
    };
    (fault, job_error)
}

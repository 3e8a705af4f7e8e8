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
    /// Neither helps.
    Final,
}

/// What libpq says when it could not write to a closed connection; it then goes on calling the connection good.
const LOST: [&str; 4] = [
    "server closed the connection",
    "could not send data to server",
    "SSL SYSCALL error",
    "SSL connection has been closed",
];

/// The SQLSTATE of a row that somebody else changed meanwhile.
pub(super) const SERIALIZATION: &str = "40001";

/// The SQLSTATE of a conflict; diesel tells kinds only, and SQLite's have the same names here.
pub(super) fn code(error: &DieselError) -> &'static str {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => "23505",
        DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => "23503",
        DieselError::DatabaseError(_, info) if info.message().contains("deadlock") => "40P01",
        _ => SERIALIZATION,
    }
}

/// Sorts an error: what to do, and what the caller is told if that does not help.
pub(super) fn sort(error: &DieselError) -> (Fault, Error) {
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
            _ if LOST.iter().any(|text| info.message().contains(text)) => Fault::Lost,
            _ => Fault::Final,
        },
        _ => Fault::Final,
    };
    let told = match error {
        DieselError::DatabaseError(..) => Error::Unavailable(error.to_string()),
        other => Error::Internal(format!("{other:?}")),
    };
    (fault, told)
}

//! Why the last attempt to connect failed.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::ConnectionError;

use crate::model::database_problem::DatabaseProblem;

/// The pool tries again within a second, and an attempt ends after the connect timeout: an older failure says nothing
/// about the present.
const LIFETIME: Duration = Duration::from_secs(10);

/// The failure of the last attempt to connect, if it failed.
#[derive(Debug, Default)]
pub(super) struct LastFailure(Mutex<Option<(Instant, DatabaseProblem)>>);

impl LastFailure {
    /// Records the result of an attempt.
    pub fn record(&self, error: Option<&ConnectionError>) {
        let failure = error.map(|error| (Instant::now(), classify(&error.to_string())));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    /// The failure, unless it is old.
    pub fn recent(&self) -> Option<DatabaseProblem> {
        let failure = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        failure.filter(|(at, _)| at.elapsed() < LIFETIME).map(|(_, problem)| problem)
    }
}

/// Classifies a message of libpq, of PostgreSQL or of PgBouncer. diesel does not expose the SQLSTATE of a failed
/// connection. A server whose messages are not English is still known by its `FATAL`.
fn classify(message: &str) -> DatabaseProblem {
    let has = |texts: &[&str]| texts.iter().any(|text| message.contains(text));
    if has(&["prepared statements"]) {
        return DatabaseProblem::MixedStatements;
    }
    if has(&["permission denied for database", "does not have CONNECT privilege"]) {
        return DatabaseProblem::MissingPrivileges(vec!["CONNECT on the database".to_owned()]);
    }
    if has(&["authentication failed", "no password supplied", "not permitted to log in", "no such user", "auth failed"])
        || (message.contains("role \"") && message.contains("does not exist"))
    {
        return DatabaseProblem::RejectedRole;
    }
    if has(&["no such database"]) || (message.contains("database \"") && message.contains("does not exist")) {
        return DatabaseProblem::NoDatabase;
    }
    if has(&["too many c", "connection slots are reserved", "no more connections allowed"]) {
        return DatabaseProblem::TooManyConnections;
    }
    if has(&["database system is", "not yet accepting connections"]) {
        return DatabaseProblem::Starting;
    }
    if has(&["UTF8"]) {
        return DatabaseProblem::unconvertible();
    }
    if has(&["FATAL", "ERROR"]) { DatabaseProblem::Refused } else { DatabaseProblem::Unreachable }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::postgres::canary::EXPLANATION;

    #[test]
    fn a_failed_connection_is_classified_by_its_message() {
        let no_connect = DatabaseProblem::MissingPrivileges(vec!["CONNECT on the database".to_owned()]);
        for (message, problem) in [
            (
                "connection to server at \"db\", port 5432 failed: FATAL:  database \"a\" does not exist",
                DatabaseProblem::NoDatabase,
            ),
            ("FATAL:  password authentication failed for user \"ann\"", DatabaseProblem::RejectedRole),
            ("FATAL:  role \"ann\" does not exist", DatabaseProblem::RejectedRole),
            ("fe_sendauth: no password supplied", DatabaseProblem::RejectedRole),
            ("FATAL:  sorry, too many clients already", DatabaseProblem::TooManyConnections),
            ("FATAL:  too many connections for role \"ann\"", DatabaseProblem::TooManyConnections),
            ("FATAL:  too many connections for database \"a\"", DatabaseProblem::TooManyConnections),
            (
                "FATAL:  remaining connection slots are reserved for roles with the SUPERUSER attribute",
                DatabaseProblem::TooManyConnections,
            ),
            ("FATAL:  the database system is starting up", DatabaseProblem::Starting),
            (
                "FATAL:  permission denied for database \"a\"; DETAIL:  User does not have CONNECT privilege.",
                no_connect,
            ),
            ("FATAL:  no pg_hba.conf entry for host \"10.0.0.1\"", DatabaseProblem::Refused),
            ("FATAL:  Datenbank »a« existiert nicht", DatabaseProblem::Refused),
            ("connection to server at \"::1\", port 1 failed: Connection refused", DatabaseProblem::Unreachable),
            (
                "could not translate host name \"db\" to address: Name or service not known",
                DatabaseProblem::Unreachable,
            ),
            ("timeout expired", DatabaseProblem::Unreachable),
            (EXPLANATION, DatabaseProblem::MixedStatements),
            ("conversion between UTF8 and MULE_INTERNAL is not supported", DatabaseProblem::unconvertible()),
        ] {
            assert_eq!(classify(message), problem, "{message}");
        }
    }

    #[test]
    fn a_success_clears_the_last_failure() {
        let last = LastFailure::default();
        assert_eq!(last.recent(), None);
        last.record(Some(&ConnectionError::BadConnection("timeout expired".to_owned())));
        assert_eq!(last.recent(), Some(DatabaseProblem::Unreachable));
        last.record(None);
        assert_eq!(last.recent(), None);
    }
}

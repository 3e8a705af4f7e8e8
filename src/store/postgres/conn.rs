//! A connection to PostgreSQL.

use diesel::{Connection, ConnectionError, PgConnection};

use crate::model::database_problem::DatabaseProblem;
use crate::store::opening::OpenError;
use crate::store::url::redaction::hide_quotations;

pub(in crate::store) type Conn = PgConnection;
pub(in crate::store) type Db = diesel::pg::Pg;

/// Connects.
///
/// # Errors
/// [`OpenError::Unreadable`] if libpq rejects the URL, without what may be a part of a password;
/// [`OpenError::Unusable`] if PostgreSQL cannot convert the text of the database to UTF-8; [`OpenError::Unreachable`].
pub(in crate::store) fn connect(url: &str) -> Result<Conn, OpenError> {
    Conn::establish(url).map_err(|error| {
        let message = error.to_string();
        // diesel sets the encoding of the client. PostgreSQL cannot convert a few encodings, such as MULE_INTERNAL.
        if matches!(error, ConnectionError::CouldntSetupConfiguration(_)) && message.contains("UTF8") {
            return OpenError::Unusable(DatabaseProblem::unconvertible());
        }
        // These are errors of parsing, before libpq contacts a server.
        let is_of_url = message.starts_with("invalid ") || message.starts_with("could not match ");
        if is_of_url { OpenError::Unreadable(hide_quotations(&message)) } else { OpenError::Unreachable(message) }
    })
}

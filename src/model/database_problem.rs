//! Why a database cannot serve requests.

use std::fmt;

/// Why a database cannot serve requests, in words that anyone may read: `/readyz` needs no credentials, so they name no
/// host, role or database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseProblem {
    /// There is no response in time.
    NoAnswer,
    /// A statement failed with this error, which only the log shows.
    Failing(String),
    /// Writes fail with this error because the disk is full, failing or read-only; reads are answered.
    Unwritable(String),
    /// No connection over the network.
    Unreachable,
    /// The server refuses connections for another reason; the log has its message.
    Refused,
    /// The server rejects the role or its password.
    RejectedRole,
    /// The server has no such database.
    NoDatabase,
    /// The server, or the role, has no free connection.
    TooManyConnections,
    /// The server starts, stops or recovers.
    Starting,
    /// A pooler returns the rows of other queries.
    MixedStatements,
    /// The role lacks these privileges (SQLSTATE 42501).
    MissingPrivileges(Vec<String>),
    /// The encoding of the database, which is not UTF8.
    Encoding(String),
    /// The database has no tables of this service.
    NoSchema,
    /// The tables are in a schema that the session does not search.
    HiddenSchema,
    /// The schema is older than this release requires.
    OldSchema,
}

/// The most tables whose missing privileges are listed.
const MAX_LISTED: usize = 3;

impl DatabaseProblem {
    /// The encoding of a database whose text PostgreSQL cannot convert to UTF-8.
    #[must_use]
    pub fn unconvertible() -> Self {
        Self::Encoding("one without a conversion to UTF8".to_owned())
    }

    /// The error of the database, for the log.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Failing(cause) | Self::Unwritable(cause) => Some(cause),
            _ => None,
        }
    }

    /// Whether only the schema is missing or unusable, and the database itself works.
    #[must_use]
    pub const fn is_of_schema(&self) -> bool {
        matches!(self, Self::NoSchema | Self::HiddenSchema | Self::OldSchema)
    }
}

impl fmt::Display for DatabaseProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoAnswer => "the database does not answer within 500 ms",
            Self::Failing(_) => "the database answers with an error; the log has the cause",
            Self::Unwritable(_) => {
                "the database cannot write, because its disk is full, failing or read-only; reads are answered, and the log \
                 has the cause"
            }
            Self::Unreachable => "the database cannot be reached; the log has the cause",
            Self::Refused => "the database refuses connections; the log has its message",
            Self::RejectedRole => "the database rejects the role or the password of the service",
            Self::NoDatabase => "the database does not exist",
            Self::TooManyConnections => "the database has too many connections",
            Self::Starting => "the database is starting up or shutting down",
            Self::MixedStatements => {
                "the pooler in front of the database mixes up prepared statements; docs/OPERATIONS.md, \"Poolers\", says which \
                 ones work"
            }
            Self::MissingPrivileges(missing) => return write_missing(f, missing),
            Self::Encoding(name) => {
                return write!(
                    f,
                    "the encoding of the database is {name}, and must be UTF8; create one with `createdb -E UTF8 -T template0`"
                );
            }
            Self::NoSchema => "the database has no schema yet; run `migrate run`",
            Self::HiddenSchema => "the tables are in a schema that is not in the `search_path` of the role",
            Self::OldSchema => "the schema is older than this release requires; run `migrate run`",
        })
    }
}

fn write_missing(f: &mut fmt::Formatter<'_>, missing: &[String]) -> fmt::Result {
    let listed: Vec<_> = missing.iter().take(MAX_LISTED).map(String::as_str).collect();
    write!(f, "permission denied (SQLSTATE 42501): the role lacks {}", listed.join("; "))?;
    if missing.len() > MAX_LISTED {
        write!(f, "; and on {} more tables", missing.len() - MAX_LISTED)?;
    }
    f.write_str("; docs/OPERATIONS.md, \"Roles\", has the GRANT statements")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_privileges_are_listed_up_to_a_limit() {
        let of =
            |count: usize| DatabaseProblem::MissingPrivileges(vec!["SELECT on users".to_owned(); count]).to_string();
        assert!(of(1).contains("the role lacks SELECT on users; docs/"), "{}", of(1));
        assert!(of(9).contains("SELECT on users; and on 6 more tables; docs/"), "{}", of(9));
        assert!(of(500).len() < 300, "{}", of(500));
    }
}

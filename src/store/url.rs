//! Where a database is.

use std::fmt;
use std::path::PathBuf;

use std::time::Duration;

/// The place of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL database.
    Postgres(PostgresUrl),
}

/// A URL that libpq understands; it may hold a password, so that it never prints itself whole.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl(String);

impl DatabaseUrl {
    /// Reads a `DATABASE_URL`.
    ///
    /// # Errors
    /// A sentence that says what is accepted, for anything but `sqlite://path`, `postgres://…` and `postgresql://…`.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("sqlite://") {
            return match path {
                "" => Err("`sqlite://` lacks the path of a file".to_owned()),
                _ if path.starts_with(':') || path.starts_with("file:") || path.contains(['?', '\0']) => Err(format!(
                    "`{path}` is not a plain path; memory databases and SQLite's own URIs are not supported"
                )),
                _ => Ok(Self::Sqlite(PathBuf::from(path))),
            };
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return if text.contains('\0') {
                Err("a URL cannot contain U+0000".to_owned())
            } else {
                Ok(Self::Postgres(PostgresUrl(text.to_owned())))
            };
        }
        let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
        let culprit = if scheme.is_empty() { "a value without a scheme".to_owned() } else { format!("`{scheme}://`") };
        Err(format!("{culprit} is not supported; write `sqlite://path`, `postgres://…` or `postgresql://…`"))
    }
}

impl PostgresUrl {
    /// The URL as libpq takes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL with bounds on every wait for the network, where it does not set them itself: for a connection, and for
    /// an acknowledgement of what was sent.
    #[must_use]
    pub fn with_limits(&self, patience: Duration, unanswered: Duration) -> String {
        let seconds = patience.as_secs().max(2);
        let mut url = self.0.clone();
        let mut add = |name: &str, value: &str| {
            if !self.names(name) {
                url.push(if url.contains('?') { '&' } else { '?' });
                url.push_str(name);
                url.push('=');
                url.push_str(value);
            }
        };
        add("connect_timeout", &seconds.to_string());
        add("tcp_user_timeout", &unanswered.as_millis().to_string());
        add("keepalives_idle", "5");
        add("keepalives_interval", "2");
        add("keepalives_count", "3");
        add("application_name", "user-relationships");
        url
    }

    fn names(&self, parameter: &str) -> bool {
        let query = self.0.split_once('?').map_or("", |(_, query)| query);
        query.split('&').any(|pair| pair.split_once('=').is_some_and(|(name, _)| name == parameter))
    }
}

/// A URL without its password.
fn redacted(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", ""));
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    // The last `@`: whoever forgets to write a sign of the password as `%…` should not see it printed for that.
    let place = match place.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((name, _)) => format!("{name}:***@{host}"),
            None => place.to_owned(),
        },
        None => place.to_owned(),
    };
    let shown: Vec<_> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| match pair.split_once('=') {
            Some((name @ ("password" | "sslpassword"), _)) => format!("{name}=***"),
            _ => pair.to_owned(),
        })
        .collect();
    let mark = if shown.is_empty() { "" } else { "?" };
    format!("{scheme}://{place}{mark}{}", shown.join("&"))
}

/// What libpq says of a URL, without what it quotes from one that it cannot read: that may be the password.
pub(super) fn without_secrets(url: &str, told: &str) -> String {
    let shown = redacted(url);
    let line = |line: &str| {
        if line.starts_with("connection to server") {
            return line.to_owned();
        }
        let parts = line.split('"').enumerate();
        let parts = parts.map(|(at, part)| if at % 2 == 1 && !shown.contains(part) { "…" } else { part });
        parts.collect::<Vec<_>>().join("\"")
    };
    told.lines().map(line).collect::<Vec<_>>().join("\n")
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redacted(&self.0))
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redacted(&self.0))
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite://{}", path.display()),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_schemes_are_taken() {
        assert_eq!(DatabaseUrl::parse("sqlite://a.db"), Ok(DatabaseUrl::Sqlite("a.db".into())));
        assert_eq!(DatabaseUrl::parse("sqlite:///var/a.db"), Ok(DatabaseUrl::Sqlite("/var/a.db".into())));
        for good in ["postgres://u@/db?host=/run/pg", "postgresql://a,b:5433/db?sslmode=require"] {
            assert!(DatabaseUrl::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a.db",
            "sqlite:a.db",
            "sqlite://",
            "sqllite://a.db",
            "postgre://h/d",
            "mysql://h/d",
            "sqlite://:memory:",
            "SQLITE://a",
        ] {
            assert!(DatabaseUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_printed_url_has_no_password() {
        for (url, shown) in [
            ("postgres://ann:s3:c@ret@h/db", "postgres://ann:***@h/db"),
            (
                "postgres://ann@/db?host=/run&password=x&sslmode=require",
                "postgres://ann@/db?host=/run&password=***&sslmode=require",
            ),
            ("postgres://h", "postgres://h"),
            ("postgres://ann:s3/cr@et@h:1/db", "postgres://ann:***@h:1/db"),
        ] {
            assert_eq!(DatabaseUrl::parse(url).map(|url| url.to_string()), Ok(shown.to_owned()));
        }
    }

    #[test]
    fn what_libpq_quotes_of_a_url_has_no_password() {
        let url = "postgres://ann:s3cret%zz@[::1]x/db?foo";
        for (told, shown) in [
            ("invalid percent-encoded token: \"s3cret%zz\"", "invalid percent-encoded token: \"…\""),
            (
                "in URI (expected \":\"): \"postgres://ann:s3cret%zz@[::1]x/db?foo&a=b\"",
                "in URI (expected \":\"): \"…\"",
            ),
            ("missing \"=\" in parameter: \"foo\"", "missing \"…\" in parameter: \"foo\""),
            (
                "connection to server on socket \"/run/.s\" failed: x\n\tIs",
                "connection to server on socket \"/run/.s\" failed: x\n\tIs",
            ),
        ] {
            assert_eq!(without_secrets(url, told), shown);
        }
    }
}

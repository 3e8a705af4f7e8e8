//! The URL of a database.

mod hosts;
mod parts;
pub(super) mod redaction;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use parts::{UrlParts, decode, pairs};

/// The URL of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL database.
    Postgres(PostgresUrl),
}

/// A URL that libpq understands. It may contain a password, so it is always printed redacted.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl(String);

impl DatabaseUrl {
    /// Parses a `DATABASE_URL`.
    ///
    /// # Errors
    /// What is accepted, for anything but `sqlite://path`, `postgres://…` and `postgresql://…`.
    ///
    /// ```
    /// use user_relationships::store::url::DatabaseUrl;
    ///
    /// // Two slashes belong to the scheme; a third one begins an absolute path.
    /// assert_eq!(DatabaseUrl::parse("sqlite:///srv/a.db"), Ok(DatabaseUrl::Sqlite("/srv/a.db".into())));
    /// let server = DatabaseUrl::parse("postgres://app:secret@db.example.com/relationships").unwrap();
    /// assert!(!server.to_string().contains("secret"), "a password is never printed");
    /// assert!(DatabaseUrl::parse("sqlite://:memory:").is_err(), "memory databases are not supported");
    /// ```
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("sqlite://") {
            return match path {
                "" => Err("`sqlite://` needs the path of a file".to_owned()),
                _ if path.starts_with(':') || path.starts_with("file:") || path.contains(['?', '\0']) => Err(format!(
                    "`{}` is not a plain path; memory databases and SQLite's own URIs are not supported",
                    path.split('?').next().unwrap_or_default()
                )),
                _ => Ok(Self::Sqlite(PathBuf::from(path))),
            };
        }
        if let Some(url) = PostgresUrl::parse(text) {
            return url.map(Self::Postgres);
        }
        // Not everything before `://` is a scheme: `password=a://b host=db` is libpq's other form.
        let is_scheme = |scheme: &&str| !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphabetic());
        let scheme = text.split_once("://").map(|(scheme, _)| scheme).filter(is_scheme);
        let culprit = scheme.map_or_else(|| "a value without a scheme".to_owned(), |scheme| format!("`{scheme}://`"));
        Err(format!("{culprit} is not supported; write `sqlite://path`, `postgres://…` or `postgresql://…`"))
    }
}

impl PostgresUrl {
    /// Parses a URL of PostgreSQL; `None` for a URL of anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Result<Self, String>> {
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            return None;
        }
        let url = Self(text.to_owned());
        Some(match url.parts().fault() {
            Some(fault) => Err(fault.to_owned()),
            None => Ok(url),
        })
    }

    /// The URL as libpq reads it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL with a limit for every wait on the network, where it sets none itself: `patience` for connecting,
    /// `unanswered` for the acknowledgement of sent data.
    #[must_use]
    pub fn with_limits(&self, patience: Duration, unanswered: Duration) -> String {
        let seconds = patience.as_secs().max(2);
        let mut url = self.0.clone();
        let query = self.parts().query;
        let mut mark = match query {
            None => "?",
            Some(query) if query.is_empty() || query.ends_with('&') => "",
            Some(_) => "&",
        };
        let is_named = |name: &str| query.is_some_and(|query| pairs(query).any(|(known, _)| decode(known) == name));
        let mut add = |name: &str, value: &str| {
            if !is_named(name) {
                url.push_str(mark);
                mark = "&";
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

    /// The URL with limits as [`with_limits`](Self::with_limits), once with each of its hosts in front.
    #[must_use]
    pub fn with_limits_and_each_host_first(&self, patience: Duration, unanswered: Duration) -> Vec<String> {
        hosts::rotate(&self.with_limits(patience, unanswered))
    }

    fn parts(&self) -> UrlParts<'_> {
        UrlParts::of(&self.0)
    }

    /// The URL without anything that may be secret.
    fn redacted(&self) -> String {
        redaction::redact(&self.parts())
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
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
    fn an_invalid_url_is_refused_without_quoting_it() {
        for good in [
            "postgres://",
            "postgres:///db",
            "postgres://ann:@/db?host=/run/pg&",
            "postgres://ann:a%2Fb%40c@h:5432/db%2F?password=%3D",
            "postgres://[::1]:5432,h,/a/b?",
        ] {
            assert!(DatabaseUrl::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "postgres://ann:SECRET/x@h/db",
            "postgres://ann:SECRET@x@h/db",
            "postgres://ann:SECRET@@h/db",
            "postgres://ann:%SECRET@h/db",
            "postgres://ann:SECRET%@h/db",
            "postgres://ann:SECRET%00@h/db",
            "postgres://ann:SECRET%+1@h/db",
            "postgres://ann:SECRET\0@h/db",
            "postgres://ann:SECRET@[::1/db",
            "postgres://ann:SECRET@[]/db",
            "postgres://ann:SECRET@[::1]x/db",
            "postgres://ann:SECRET@h:99999/db",
            "postgres://ann:SECRET@h:0/db",
            "postgres://h/db?SECRET",
            "postgres://h/db?password=SECRET=",
            "postgres://h/db?a=b&&c=d",
        ] {
            let message = DatabaseUrl::parse(bad).expect_err(bad);
            assert!(!message.contains("SECRET"), "{message}");
        }
    }

    #[test]
    fn limits_are_added_as_parameters_of_libpq() {
        for (url, with) in [
            ("postgres://u:a?b@h/db", "postgres://u:a?b@h/db?connect_timeout=2&"),
            ("postgres://h/db?", "postgres://h/db?connect_timeout=2&"),
            ("postgres://h/db?sslmode=require&", "postgres://h/db?sslmode=require&connect_timeout=2&"),
            ("postgres://h/db?connect_timeout=9", "postgres://h/db?connect_timeout=9&tcp_user_timeout=3000&"),
        ] {
            let second = Duration::from_secs(1);
            let limited = PostgresUrl(url.to_owned()).with_limits(second, 3 * second);
            assert!(limited.starts_with(with), "{limited}");
        }
    }
}

//! Redacts PostgreSQL URLs for output: in `config`, in logs and in errors.

use super::parts::{UrlParts, decode, pairs};

/// Replaces a part that is not shown.
const HIDDEN: &str = "***";

/// The parameters of libpq whose values are shown (PostgreSQL, "Parameter Key Words"): they contain no secrets.
const SHOWN: [&str; 36] = [
    "application_name",
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "dbname",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "passfile",
    "port",
    "replication",
    "require_auth",
    "requirepeer",
    "service",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcert",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslkey",
    "sslmode",
    "sslnegotiation",
    "sslrootcert",
    "target_session_attrs",
    "tcp_user_timeout",
];

/// The parameters whose names are shown but not their values. The value of `user` is shown if it is a plain name.
const HIDDEN_VALUES: [&str; 4] = ["options", "password", "sslpassword", "user"];

/// The URL without passwords and without any value that is not known to be harmless.
pub(super) fn redact(parts: &UrlParts<'_>) -> String {
    let UrlParts { scheme, credentials, hosts, name, query } = *parts;
    // An `@` after the place where libpq looks for it is more likely the end of a password that contains `/` or `?`
    // than a part of a database name or parameter. Then everything before it may be that password.
    let is_broken = [name, query].into_iter().flatten().any(|part| part.contains('@'));
    let place = if is_broken {
        let user = credentials.unwrap_or(hosts).split_once(':').map(|(user, _)| format!("{}:", name_or_hidden(user)));
        let rest = name.filter(|_| query.is_none_or(|query| !query.contains('@')));
        let rest = rest.and_then(|name| name.rsplit_once('@')).map(|(_, rest)| format!("@{rest}"));
        format!("{}{HIDDEN}{}", user.unwrap_or_default(), rest.unwrap_or_default())
    } else {
        let user = credentials.map(|all| match all.split_once(':') {
            Some((user, _)) => format!("{}:{HIDDEN}@", name_or_hidden(user)),
            None => format!("{}@", name_or_hidden(all)),
        });
        let name = name.map(|name| format!("/{}", name_or_hidden(name)));
        format!("{}{hosts}{}", user.unwrap_or_default(), name.unwrap_or_default())
    };
    let query: Vec<_> = query.into_iter().flat_map(pairs).map(parameter).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{scheme}://{place}{mark}{}", query.join("&"))
}

fn parameter((name, value): (&str, &str)) -> String {
    let name = decode(name);
    if !is_known(&name) {
        return format!("{HIDDEN}={HIDDEN}");
    }
    let value = match &*name {
        "user" | "dbname" => name_or_hidden(value),
        shown if SHOWN.contains(&shown) && !decode(value).contains('@') => value,
        _ => HIDDEN,
    };
    format!("{name}={value}")
}

fn is_known(name: &str) -> bool {
    SHOWN.contains(&name) || HIDDEN_VALUES.contains(&name)
}

/// The name of a user or database, unless it may contain more: `ann%3Asecret` is one user name for libpq.
fn name_or_hidden(name: &str) -> &str {
    if decode(name).contains([':', '@', '=']) { HIDDEN } else { name }
}

/// A message of libpq about an invalid URL, without its quotations, which may contain a part of a password.
#[must_use]
pub fn hide_quotations(message: &str) -> String {
    let mut shown = String::with_capacity(message.len());
    for (place, part) in message.split('"').enumerate() {
        let is_quoted = place % 2 == 1;
        if place > 0 {
            shown.push('"');
        }
        shown.push_str(if is_quoted && !is_known(part) { HIDDEN } else { part });
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::url::DatabaseUrl;
    use proptest::prelude::*;

    const SECRET: &str = "S3CRET";

    fn shown(url: &str) -> String {
        match DatabaseUrl::parse(url) {
            Ok(url) => format!("{url} {url:?}"),
            Err(detail) => detail,
        }
    }

    #[test]
    fn a_printed_url_has_no_password() {
        for (url, shown) in [
            ("postgres://ann:s3:c?ret#@h/db", "postgres://ann:***@h/db"),
            ("postgres://ann:12/34@h/db", "postgres://ann:***@h/db"),
            ("postgres://a:5433,[::1]:5434/db?sslmode=require", "postgres://a:5433,[::1]:5434/db?sslmode=require"),
            (
                "postgres://ann@/db?host=/run&password=x&sslmode=require",
                "postgres://ann@/db?host=/run&password=***&sslmode=require",
            ),
            ("postgres://h", "postgres://h"),
        ] {
            assert_eq!(DatabaseUrl::parse(url).map(|url| url.to_string()), Ok(shown.to_owned()));
        }
    }

    #[test]
    fn a_secret_in_an_unusual_place_is_hidden() {
        for (url, expected) in [
            ("postgres://h/db?%70assword=S3CRET", "postgres://h/db?password=***"),
            ("postgres://h/db?ssl%70assword=S3CRET&sslmode=require", "postgres://h/db?sslpassword=***&sslmode=require"),
            ("postgres://h/db?S3CRET=x&unknown=S3CRET", "postgres://h/db?***=***&***=***"),
            ("postgres://h/db?options=-c%20a.b%3DS3CRET", "postgres://h/db?options=***"),
            ("postgres://ann%3AS3CRET@h/db", "postgres://***@h/db"),
            ("postgres://h/db?user=ann%3AS3CRET", "postgres://h/db?user=***"),
            ("postgres://h/db?user=ann&dbname=x", "postgres://h/db?user=ann&dbname=x"),
            ("postgres://h/db?dbname=password%3DS3CRET", "postgres://h/db?dbname=***"),
            ("postgres:///ann:S3CRET@h/db", "postgres://***@h/db"),
            ("postgres://ann:12/S3CRET@h/db", "postgres://ann:***@h/db"),
            ("postgres://ann:12/S3CRET?a=b@h/db", "postgres://ann:***?***=***"),
        ] {
            assert_eq!(DatabaseUrl::parse(url).map(|url| url.to_string()), Ok(expected.to_owned()), "{url}");
        }
        for bad in ["postgres://ann:%53S3CRET", "host=h password=S3CRET", "host=h password=S3CRET://x", "S3CRET://h"] {
            assert!(!shown(bad).contains("S3CRET") || bad.starts_with("S3CRET"), "{bad}: {}", shown(bad));
        }
    }

    #[test]
    fn a_message_about_a_url_shows_only_names_of_parameters() {
        let message = r#"invalid integer value "S3CRET" for connection option "connect_timeout""#;
        assert_eq!(hide_quotations(message), r#"invalid integer value "***" for connection option "connect_timeout""#);
        assert_eq!(
            hide_quotations(r#"invalid URI query parameter: "S3CRET""#),
            r#"invalid URI query parameter: "***""#
        );
    }

    fn encoded(text: &str, mask: u32) -> String {
        let encode = |(place, byte): (usize, u8)| match (mask >> (place % 32)) & 1 {
            0 => char::from(byte).to_string(),
            _ => format!("%{byte:02x}"),
        };
        text.bytes().enumerate().map(encode).collect()
    }

    proptest! {
        #[test]
        fn no_secret_is_shown(mask: u32, head in "[a-z0-9:/?&=%@#!]{0,4}", tail in "[a-z0-9:/?&=%@#!]{0,4}") {
            let name = encoded("password", mask);
            for url in [
                format!("postgres://ann:{head}{SECRET}{tail}@h/db?sslmode=require"),
                format!("postgres://h/db?sslmode=require&{name}={SECRET}"),
                format!("postgresql://h/db?{name}={head}{SECRET}{tail}&host=x"),
                format!("postgres://ann@h/db?ssl{name}={SECRET}"),
                format!("host=h {name}={head}{SECRET}{tail}"),
            ] {
                let shown = shown(&url);
                prop_assert!(!shown.contains(SECRET), "{url}: {shown}");
            }
        }
    }
}

//! The parts of a PostgreSQL URL.

use std::borrow::Cow;

/// The parts of a URL as libpq splits it: a user name and a password may contain `?`, but not `/` or `@`.
pub(super) struct UrlParts<'a> {
    pub scheme: &'a str,
    pub credentials: Option<&'a str>,
    pub hosts: &'a str,
    pub name: Option<&'a str>,
    pub query: Option<&'a str>,
}

impl<'a> UrlParts<'a> {
    /// Splits a URL.
    pub fn of(url: &'a str) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap_or(("postgres", ""));
        let end = rest.find(['@', '/']).and_then(|end| rest.split_at_checked(end));
        let taken = end.and_then(|(credentials, rest)| Some((Some(credentials), rest.strip_prefix('@')?)));
        let (credentials, rest) = taken.unwrap_or((None, rest));
        let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
        let (hosts, name) = place.split_once('/').map_or((place, None), |(hosts, name)| (hosts, Some(name)));
        Self { scheme, credentials, hosts, name, query }
    }

    /// Why libpq would reject the URL. Its message would quote the URL, perhaps with a part of the password, so this
    /// check comes first and quotes nothing.
    pub fn fault(&self) -> Option<&'static str> {
        let all = [self.credentials.unwrap_or_default(), self.hosts, self.name.unwrap_or_default()];
        if !all.into_iter().chain(self.query).all(is_encoded) {
            return Some("a `%` must be followed by two hexadecimal digits, not both 0; write a literal `%` as `%25`");
        }
        if self.hosts.contains('@') {
            return Some("there is more than one `@`; in a user name or password write `%40`");
        }
        if !self.hosts.split(',').all(is_host) {
            return Some(
                "after a host and `:` there must be a port, and an IPv6 address needs brackets; in a user name or \
                 password write `/` as `%2F` and `@` as `%40`",
            );
        }
        if !self.query.unwrap_or_default().split_terminator('&').all(|pair| pair.matches('=').count() == 1) {
            return Some("after `?` there must be `name=value` pairs, separated by `&`; write `=` in a value as `%3D`");
        }
        None
    }
}

fn is_encoded(text: &str) -> bool {
    let mut rest = text.split('%');
    let starts_with_code = |part: &str| {
        part.get(..2)
            .is_some_and(|code| u8::from_str_radix(code, 16).is_ok_and(|byte| byte != 0) && !code.starts_with('+'))
    };
    !text.contains('\0') && rest.next().is_some() && rest.all(starts_with_code)
}

fn is_host(text: &str) -> bool {
    let port = match text.strip_prefix('[') {
        Some(address) => match address.split_once(']') {
            Some(("", _)) | None => return false,
            Some((_, "")) => return true,
            Some((_, rest)) => rest.strip_prefix(':'),
        },
        None => text.split_once(':').map(|(_, port)| port).or(Some("")),
    };
    port.is_some_and(|port| port.is_empty() || decode(port).parse().is_ok_and(|port: u16| port > 0))
}

/// Decodes `%xx`; bytes that are not UTF-8 become U+FFFD.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    let mut parts = text.split('%');
    let first = parts.next().unwrap_or_default();
    if first.len() == text.len() {
        return Cow::Borrowed(text);
    }
    let mut bytes = first.as_bytes().to_vec();
    for part in parts {
        let code = part.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok());
        let rest = if code.is_some() { part.get(2..).unwrap_or_default() } else { part };
        bytes.push(code.unwrap_or(b'%'));
        bytes.extend_from_slice(rest.as_bytes());
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// The parameters of a query.
pub(super) fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter_map(|pair| pair.split_once('='))
}

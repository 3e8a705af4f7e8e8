//! `CORS_ORIGINS`: origins in the form in which browsers send them.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use idna::AsciiDenyList;

use super::values::CorsOrigins;
use crate::model::text::excerpt;

/// The default port of a scheme, which an origin does not contain (RFC 6454 section 6.2).
const DEFAULT_PORTS: [(&str, u16); 2] = [("http", 80), ("https", 443)];

/// Parses `none`, `*`, or a comma-separated list of origins.
pub(super) fn parse_origins(text: &str) -> Result<CorsOrigins, String> {
    match text {
        "none" => Ok(CorsOrigins::None),
        "*" => Ok(CorsOrigins::Any),
        list => list.split(',').map(|one| parse_origin(one.trim())).collect::<Result<_, _>>().map(CorsOrigins::List),
    }
}

fn parse_origin(text: &str) -> Result<String, String> {
    normalize(text).ok_or_else(|| {
        format!(
            "`{}` is not an origin; write `scheme://host[:port]` without a path, a comma-separated list of them, `*` or `none`",
            excerpt(text)
        )
    })
}

/// The origin as browsers serialize it: scheme and host in lower case, an internationalized host in ASCII, no default
/// port and no trailing slash. `None` if it is not an origin.
fn normalize(text: &str) -> Option<String> {
    let (scheme, authority) = text.split_once("://")?;
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let scheme = scheme.to_ascii_lowercase();
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    let (host, port) = split_port(authority)?;
    let host = normalize_host(host).filter(|_| is_scheme)?;
    let port = port.filter(|port| !DEFAULT_PORTS.contains(&(scheme.as_str(), *port)));
    Some(match port {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    })
}

/// Host and port; the colons of an IPv6 address are inside brackets.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let after_brackets = authority.rfind(']').map_or(0, |at| at + 1);
    let Some(colon) = authority.get(after_brackets..)?.find(':') else { return Some((authority, None)) };
    let (host, port) = authority.split_at_checked(after_brackets + colon)?;
    let port = port.strip_prefix(':')?;
    let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
    Some((host, Some(port.parse().ok().filter(|_| is_number)?)))
}

fn normalize_host(host: &str) -> Option<Cow<'_, str>> {
    if let Some(address) = host.strip_prefix('[') {
        let address: Ipv6Addr = address.strip_suffix(']')?.parse().ok()?;
        return Some(format!("[{address}]").into());
    }
    if host.contains('*') {
        return None;
    }
    let ascii = idna::domain_to_ascii_cow(host.as_bytes(), AsciiDenyList::URL).ok()?;
    (!ascii.is_empty()).then_some(ascii)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_origin_is_written_as_browsers_send_it() {
        for (written, sent) in [
            ("https://a.example", "https://a.example"),
            ("https://a.example:443", "https://a.example"),
            ("http://a.example:80", "http://a.example"),
            ("https://a.example:80", "https://a.example:80"),
            ("http://a.example:443", "http://a.example:443"),
            ("HTTPS://A.Example:0443/", "https://a.example"),
            ("http://localhost:3000/", "http://localhost:3000"),
            ("http://[::1]:80", "http://[::1]"),
            ("http://[0:0::1]:3000", "http://[::1]:3000"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("https://XN--Bcher-kva.example", "https://xn--bcher-kva.example"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("chrome-extension://abcdef", "chrome-extension://abcdef"),
        ] {
            assert_eq!(normalize(written).as_deref(), Some(sent), "{written}");
        }
        for bad in [
            "",
            "a.example",
            "https://",
            "https:///",
            "https://a//",
            "https://a/b",
            "https://a?b",
            "https://a#b",
            "https://u@a",
            "https://a:",
            "https://a:x",
            "https://a:+1",
            "https://a:99999",
            "https://*.a",
            "null",
            "https://a b",
            "https://[::1",
            "https://::1",
            "https://[a]",
            "https://[::1]x",
            "1://a",
            "a b://c",
            "*",
        ] {
            assert_eq!(normalize(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_normalized_origin_is_stable(host in "[a-zA-Z0-9ü.-]{1,12}", scheme in "(http|HTTPS|app)", port: Option<u16>) {
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            if let Some(origin) = normalize(&format!("{scheme}://{host}{port}/")) {
                prop_assert!(origin.is_ascii() && !origin.ends_with('/') && origin == origin.to_lowercase());
                prop_assert_eq!(normalize(&origin), Some(origin));
            }
        }

        #[test]
        fn any_text_is_parsed_without_a_panic(text: String, authority in "\\PC{0,12}") {
            let _ = (parse_origins(&text), normalize(&format!("https://{authority}")));
        }
    }
}

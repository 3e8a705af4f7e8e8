//! The address of a client behind proxies: `Forwarded` (RFC 7239) and `X-Forwarded-For`, as far as trusted proxies wrote
//! them.
//!
//! # Design
//! Each proxy appends the address that it saw. The search starts at the peer of the connection and goes from right to
//! left as long as the addresses are trusted proxies. It stops at the first address that is not one, or at the first
//! malformed entry: anything further left may have been sent by the client. If the two headers yield different
//! addresses, the client sent one of them through a proxy that only knows the other, and neither is used.

use actix_web::http::header::{HeaderMap, HeaderName};
use std::net::{IpAddr, SocketAddr};

use crate::model::network::Network;

const FORWARDED: HeaderName = HeaderName::from_static("forwarded");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client of a request that arrived from `peer`.
#[must_use]
pub fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(peer) {
        return peer;
    }
    let from_standard =
        headers.contains_key(FORWARDED).then(|| walk(peer, lines(headers, &FORWARDED), parse_forwarded, is_trusted));
    let from_custom = headers
        .contains_key(X_FORWARDED_FOR)
        .then(|| walk(peer, lines(headers, &X_FORWARDED_FOR), parse_x_forwarded_for, is_trusted));
    match (from_standard, from_custom) {
        (Some(one), Some(other)) if one != other => peer,
        (Some(found), _) | (None, Some(found)) => found,
        (None, None) => peer,
    }
}

/// The lines of a header field from the last to the first; one that is not ASCII is empty.
fn lines<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let lines: Vec<_> = headers.get_all(name).map(|line| line.to_str().unwrap_or_default()).collect();
    lines.into_iter().rev()
}

/// Goes from hop to hop. `parse` returns the addresses of a line from left to right, `None` for a malformed one.
fn walk<'h>(
    peer: IpAddr,
    lines: impl Iterator<Item = &'h str>,
    parse: impl Fn(&'h str) -> Vec<Option<IpAddr>>,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> IpAddr {
    let mut nearest = peer;
    for hop in lines.flat_map(|line| parse(line).into_iter().rev()) {
        let Some(address) = hop else { return nearest };
        nearest = address.to_canonical();
        if !is_trusted(nearest) {
            return nearest;
        }
    }
    nearest
}

/// The hops of a line of `X-Forwarded-For`.
fn parse_x_forwarded_for(line: &str) -> Vec<Option<IpAddr>> {
    line.split(',').map(|hop| parse_node(hop.trim())).collect()
}

/// The hops of a line of `Forwarded`: the `for` parameter of each element. A malformed line has one malformed hop.
fn parse_forwarded(line: &str) -> Vec<Option<IpAddr>> {
    let mut hops = Vec::new();
    let mut rest = line;
    loop {
        let Some((hop, after)) = parse_element(rest) else { return vec![None] };
        hops.push(hop);
        match after {
            Some(after) => rest = after,
            None => return hops,
        }
    }
}

/// Parses an element up to the next comma: its hop, and the text after the comma, if there is one.
fn parse_element(text: &str) -> Option<(Option<IpAddr>, Option<&str>)> {
    let mut hop = None;
    let mut rest = text.trim_start();
    loop {
        let (name, value) = rest.split_once('=')?;
        let is_token = |name: &str| {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
        };
        if !is_token(name) {
            return None;
        }
        let (value, after) = parse_value(value)?;
        if name.eq_ignore_ascii_case("for") {
            if hop.is_some() {
                return None;
            }
            hop = Some(parse_node(&value));
        }
        let after = after.trim_start();
        match after.chars().next() {
            Some(';') => rest = after.get(1..)?.trim_start(),
            Some(',') => return Some((hop.flatten(), Some(after.get(1..)?))),
            None => return Some((hop.flatten(), None)),
            Some(_) => return None,
        }
    }
}

/// Parses a token or a quoted string, and returns the text after it as well.
fn parse_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ',', ' ', '\t']).unwrap_or(text.len());
        let (token, rest) = text.split_at_checked(end)?;
        return (!token.is_empty() && !token.contains('"')).then(|| (token.to_owned(), rest));
    };
    let mut value = String::new();
    let mut letters = quoted.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            '\\' => value.push(letters.next()?.1),
            _ => value.push(letter),
        }
    }
    None
}

/// Parses an address with or without a port. `unknown` and obfuscated identifiers are `None`.
fn parse_node(text: &str) -> Option<IpAddr> {
    let in_brackets =
        || text.strip_prefix('[')?.strip_suffix(']')?.parse::<std::net::Ipv6Addr>().ok().map(IpAddr::from);
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    text.parse().ok().or_else(in_brackets).or_else(with_port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;
    use proptest::prelude::*;

    /// The client of a request from `127.0.0.1`, behind proxies in `10.0.0.0/8`.
    fn client_of(fields: &[(&HeaderName, &str)]) -> String {
        let mut headers = HeaderMap::new();
        for (name, line) in fields {
            headers.append((*name).clone(), HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        let trusted = ["127.0.0.1", "10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        client("127.0.0.1".parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn the_rightmost_address_that_is_not_a_proxy_is_the_client() {
        for (line, client) in [
            ("203.0.113.9", "203.0.113.9"),
            ("1.1.1.1, 203.0.113.9, 10.0.0.1,10.0.0.2", "203.0.113.9"),
            ("203.0.113.9:4711", "203.0.113.9"),
            ("2001:db8::9, fd00::1", "2001:db8::9"),
            ("[2001:db8::9]:4711", "2001:db8::9"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
            ("203.0.113.9, nonsense, 10.0.0.1", "10.0.0.1"),
            ("203.0.113.9, , 10.0.0.1", "10.0.0.1"),
            ("nonsense", "127.0.0.1"),
            ("", "127.0.0.1"),
        ] {
            assert_eq!(client_of(&[(&X_FORWARDED_FOR, line)]), client, "{line}");
        }
        assert_eq!(
            client_of(&[(&X_FORWARDED_FOR, "1.1.1.1"), (&X_FORWARDED_FOR, "203.0.113.9, 10.0.0.1")]),
            "203.0.113.9"
        );
    }

    #[test]
    fn forwarded_follows_rfc_7239() {
        for (line, client) in [
            ("for=203.0.113.9", "203.0.113.9"),
            ("For=\"203.0.113.9:80\";proto=https;by=10.0.0.1", "203.0.113.9"),
            ("proto=https;host=\"a,b;for=1.1.1.1\";for=203.0.113.9", "203.0.113.9"),
            ("for=\"[2001:db8:cafe::17]:4711\", for=10.0.0.1", "2001:db8:cafe::17"),
            ("for=1.1.1.1, for=203.0.113.9 ; proto=http , for=10.0.0.1", "203.0.113.9"),
            ("for=203.0.113.9, for=unknown, for=10.0.0.1", "10.0.0.1"),
            ("for=_hidden, for=10.0.0.1", "10.0.0.1"),
            ("for=\"\\203.0.113.9\"", "203.0.113.9"),
            ("for=203.0.113.9, proto=https", "127.0.0.1"),
            ("for=\"203.0.113.9, for=10.0.0.1", "127.0.0.1"),
            ("for=1.1.1.1;for=203.0.113.9", "127.0.0.1"),
            ("for=203.0.113.9,", "127.0.0.1"),
            ("for", "127.0.0.1"),
            ("for=", "127.0.0.1"),
        ] {
            assert_eq!(client_of(&[(&FORWARDED, line)]), client, "{line}");
        }
        assert_eq!(client_of(&[(&FORWARDED, "for=\"x"), (&FORWARDED, "for=203.0.113.9")]), "203.0.113.9");
    }

    #[test]
    fn headers_that_disagree_are_ignored() {
        assert_eq!(client_of(&[(&FORWARDED, "for=203.0.113.9"), (&X_FORWARDED_FOR, "203.0.113.9")]), "203.0.113.9");
        assert_eq!(client_of(&[(&FORWARDED, "for=203.0.113.9"), (&X_FORWARDED_FOR, "203.0.113.8")]), "127.0.0.1");
    }

    #[test]
    fn headers_from_untrusted_peers_are_ignored() {
        let mut headers = HeaderMap::new();
        headers.insert(X_FORWARDED_FOR, HeaderValue::from_static("1.1.1.1"));
        let peer = "203.0.113.9".parse().unwrap();
        assert_eq!(client(peer, &headers, &[]), peer);
        assert_eq!(client(peer, &headers, &["10.0.0.0/8".parse().unwrap()]), peer);
    }

    proptest! {
        #[test]
        fn a_client_cannot_override_the_address_that_the_proxy_appends(sent in "[ -~\\t]{0,60}") {
            let line = format!("{sent}, 203.0.113.9");
            prop_assert_eq!(client_of(&[(&X_FORWARDED_FOR, &line)]), "203.0.113.9");
            // A proxy that appends to the same line cannot close an open quote; then the peer counts as the client.
            let found = client_of(&[(&FORWARDED, &format!("{sent}, for=203.0.113.9"))]);
            prop_assert!(found == "203.0.113.9" || found == "127.0.0.1", "{}", found);
            prop_assert_eq!(client_of(&[(&FORWARDED, &sent), (&FORWARDED, "for=203.0.113.9")]), "203.0.113.9");
        }

        #[test]
        fn no_bytes_cause_a_panic(sent in proptest::collection::vec(prop_oneof![Just(9_u8), 32..127_u8, 128..=255_u8], 0..80)) {
            let mut headers = HeaderMap::new();
            headers.insert(FORWARDED, HeaderValue::from_bytes(&sent).unwrap());
            headers.insert(X_FORWARDED_FOR, HeaderValue::from_bytes(&sent).unwrap());
            let _ = client("127.0.0.1".parse().unwrap(), &headers, &["127.0.0.1".parse().unwrap()]);
        }
    }
}

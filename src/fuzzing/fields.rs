//! Times and header fields.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use std::net::{IpAddr, Ipv4Addr};

use crate::http::jsonapi::etag::parse_precondition;
use crate::http::jsonapi::negotiation::{BodyKind, check_accept, check_content_encoding, check_content_type};
use crate::http::jsonapi::preferences::{PREFER, Preferences};
use crate::http::middleware::forwarded;
use crate::model::network::Network;
use crate::model::time::Timestamp;
use crate::model::time_parser::{parse_iso_time, parse_time};

/// A time that is parsed is in its range, and is the same after it was printed.
pub fn time(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let iso = parse_iso_time(text);
    if let Some(time) = iso {
        assert_eq!(parse_iso_time(&time.iso8601()), Some(time), "{text:?}");
    }
    if let Some(time) = parse_time(text) {
        assert!((0..=Timestamp::MAX).contains(&time.micros()), "{text:?}");
        assert_eq!(parse_time(&time.iso8601()), Some(time), "{text:?}");
        let seconds = parse_time(time.rfc2822(chrono_tz::Tz::UTC).as_str()).map(|it| it.micros() / 1_000_000);
        assert_eq!(seconds, Some(time.micros() / 1_000_000), "{text:?}");
        assert!(iso.is_none_or(|iso| iso == time), "{text:?}");
    }
}

/// `Accept`, `Prefer`, `Forwarded` and others, one value in each line.
///
/// What the client sends can neither override the address that a proxy appends nor exclude a media type that it also
/// accepts, and preferences are the same after they were printed.
pub fn headers(data: &[u8]) {
    let names = [
        header::ACCEPT,
        PREFER,
        header::FORWARDED,
        HeaderName::from_static("x-forwarded-for"),
        header::IF_NONE_MATCH,
        header::IF_MATCH,
        header::CONTENT_TYPE,
        header::CONTENT_ENCODING,
    ];
    let mut map = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n').take(8) {
        let Ok(value) = HeaderValue::from_bytes(line) else { continue };
        for name in &names {
            map.append(name.clone(), value.clone());
        }
    }
    for kind in [BodyKind::Resource { strict: true }, BodyKind::Operations] {
        let _ = check_content_type(&map, kind);
    }
    let _ = (check_accept(&map), check_content_encoding(&map), parse_precondition(&map));
    let preferences = Preferences::of(&map);
    assert_eq!(Preferences::of(&print_preferences(preferences)), preferences);
    map.append(header::ACCEPT, HeaderValue::from_static("application/vnd.api+json"));
    assert!(check_accept(&map).is_ok());
    check_forwarded(&map);
}

fn print_preferences(preferences: Preferences) -> HeaderMap {
    let mut printed = Vec::new();
    printed.extend(preferences.strict.then(|| "handling=strict".to_owned()));
    printed.extend(preferences.representation.then(|| "return=representation".to_owned()));
    printed.extend(preferences.wait.map(|seconds| format!("wait={seconds}")));
    let mut map = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(&printed.join(", ")) {
        map.insert(PREFER, value);
    }
    map
}

/// A trusted proxy appends a line with the address of its client.
fn check_forwarded(sent: &HeaderMap) {
    let (proxy, client) = (IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from([203, 0, 113, 9]));
    let trusted: Vec<Network> = ["127.0.0.1", "10.0.0.0/8"].iter().filter_map(|text| text.parse().ok()).collect();
    let _ = forwarded::client(proxy, sent, &trusted);
    assert_eq!(forwarded::client(client, sent, &trusted), client);
    let mut appended = sent.clone();
    appended.append(header::FORWARDED, HeaderValue::from_static("for=203.0.113.9"));
    appended.append(HeaderName::from_static("x-forwarded-for"), HeaderValue::from_static("203.0.113.9"));
    assert_eq!(forwarded::client(proxy, &appended, &trusted), client);
}

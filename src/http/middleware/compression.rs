//! Compresses responses with `zstd` or `gzip` if the client accepts it (RFC 9110 §12.5.3).
//!
//! # Design
//! Responses are whole in memory, so they are compressed whole and have a `Content-Length`. Entity tags are strong and
//! the bytes differ by encoding, so the tag of a compressed response ends in the name of the encoding: `"….gzip"`. All
//! variants name the same state in `If-Match`, and `jsonapi::etag` recognizes them in `If-None-Match`. No response
//! contains a secret next to data of another party, so its length leaks nothing (BREACH).

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, ETAG, HeaderMap, HeaderValue};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

use crate::http::jsonapi::etag;

/// The smallest body to compress, in bytes: a smaller one fits into one packet.
const SMALLEST_BODY: usize = 1_024;
/// A fast level: the client waits while the response is compressed.
const GZIP_LEVEL: u32 = 3;
const ZSTD_LEVEL: i32 = 1;

/// A content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Zstd,
    Gzip,
}

impl Coding {
    const fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    fn compress(self, plain: &[u8]) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Zstd => zstd::bulk::compress(plain, ZSTD_LEVEL),
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), Compression::new(GZIP_LEVEL));
                encoder.write_all(plain)?;
                encoder.finish()
            }
        }
    }
}

/// Compresses a response if the client prefers that and the result is smaller.
pub fn compress(mut response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let Some(coding) = preferred_coding(response.request().headers()) else { return response };
    if response.headers().contains_key(CONTENT_ENCODING) {
        return response;
    }
    let mut applied = None;
    response = response.map_body(|_, body| match body.try_into_bytes() {
        Ok(plain) if plain.len() >= SMALLEST_BODY => match coding.compress(&plain) {
            Ok(bytes) if bytes.len() < plain.len() => {
                applied = Some(coding);
                BoxBody::new(bytes)
            }
            _ => BoxBody::new(plain),
        },
        Ok(plain) => BoxBody::new(plain),
        Err(streamed) => streamed,
    });
    if let Some(coding) = applied {
        let headers = response.headers_mut();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        if let Some(tag) = headers.get(ETAG).and_then(|tag| etag::with_encoding(tag, coding.name())) {
            headers.insert(ETAG, tag);
        }
    }
    response
}

/// The coding that a client prefers to plain bytes; of codings with the same weight, `zstd`.
fn preferred_coding(headers: &HeaderMap) -> Option<Coding> {
    headers.get(ACCEPT_ENCODING)?;
    let lines = headers.get_all(ACCEPT_ENCODING).filter_map(|line| line.to_str().ok());
    let weights: Vec<_> = lines.flat_map(|line| line.split(',')).filter_map(parse_weight).collect();
    let weight = |name: &str| {
        let of = |wanted: &str| {
            weights.iter().find(|(coding, _)| coding.eq_ignore_ascii_case(wanted)).map(|(_, weight)| *weight)
        };
        of(name).or_else(|| of("*")).unwrap_or(0)
    };
    // A client that does not mention `identity` accepts it, but prefers the codings that it names.
    let plain =
        weights.iter().find(|(coding, _)| coding.eq_ignore_ascii_case("identity")).map_or(0, |(_, weight)| *weight);
    let weighted = [Coding::Zstd, Coding::Gzip].map(|coding| (weight(coding.name()), coding));
    let acceptable = weighted.into_iter().filter(|(weight, _)| *weight > 0 && *weight >= plain);
    // `max_by_key` returns the last of equal items, so the order is reversed.
    acceptable.rev().max_by_key(|(weight, _)| *weight).map(|(_, coding)| coding)
}

/// Parses a coding and its weight, in thousandths; `None` for a malformed one.
fn parse_weight(text: &str) -> Option<(&str, u16)> {
    let (coding, weight) = text.split_once(';').map_or((text, None), |(coding, weight)| (coding, Some(weight)));
    let weight = match weight {
        None => 1_000,
        Some(weight) => {
            let digits = weight.trim().strip_prefix("q=").or_else(|| weight.trim().strip_prefix("Q="))?;
            let value: f32 = digits.parse().ok().filter(|value| (0.0..=1.0).contains(value))?;
            thousandths(value)
        }
    };
    Some((coding.trim(), weight))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 1")]
fn thousandths(weight: f32) -> u16 {
    (weight * 1_000.0).round() as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn coding_for(line: &str) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        preferred_coding(&headers).map(Coding::name)
    }

    #[test]
    fn the_coding_with_the_highest_weight_is_used() {
        for (line, coding) in [
            ("gzip", Some("gzip")),
            ("GZIP", Some("gzip")),
            ("gzip, deflate, br, zstd", Some("zstd")),
            ("gzip;q=1.0, zstd;q=0.5", Some("gzip")),
            ("gzip; q=0.5, zstd;q=0.001", Some("gzip")),
            ("*", Some("zstd")),
            ("zstd;q=0, *", Some("gzip")),
            ("gzip;q=0.4, identity;q=0.5", None),
            ("identity", None),
            ("gzip;q=0", None),
            ("br", None),
            ("", None),
            ("gzip;q=2", None),
            ("gzip;q=x, zstd", Some("zstd")),
            ("identity;q=0", None),
        ] {
            assert_eq!(coding_for(line), coding, "{line}");
        }
    }

    #[test]
    fn decompression_restores_the_body() {
        let plain = br#"{"data":[{"type":"users","id":"1"},{"type":"users","id":"2"}]}"#.repeat(100);
        let gzip = Coding::Gzip.compress(&plain).unwrap();
        let mut read = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&gzip[..]), &mut read).unwrap();
        assert_eq!(read, plain);
        let zstd = Coding::Zstd.compress(&plain).unwrap();
        assert_eq!(zstd::bulk::decompress(&zstd, plain.len()).unwrap(), plain);
        assert!(gzip.len() < plain.len() / 5 && zstd.len() < plain.len() / 5);
    }

    proptest! {
        #[test]
        fn no_accept_encoding_panics(line in "[ -~]{0,60}") {
            coding_for(&line);
        }
    }
}

//! Answers made smaller for clients that ask for it (RFC 9110 §12.5.3), by `zstd` or `gzip`.
//!
//! # Design
//! Answers are whole in memory, so they are compressed whole, and have a length. An entity tag is strong, and the bytes
//! differ by encoding, so that of a compressed answer ends in the encoding's name: `"….gzip"`. All of them name the
//! same state to `If-Match`, and `jsonapi::etag` knows them again in `If-None-Match`. Nothing that one party keeps
//! secret is ever beside what another party sent, so lengths tell nobody anything.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, ETAG, HeaderMap, HeaderValue};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

use crate::http::jsonapi::etag;

/// Smaller answers fit into one packet as they are.
const WORTH_IT: usize = 1_024;
/// Most of the gain for little of the time: answers are made while somebody waits.
const GZIP_LEVEL: u32 = 3;
const ZSTD_LEVEL: i32 = 1;

/// A way to make answers smaller.
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

/// The same answer, compressed if the client would rather have that and it is worth it.
pub fn compressed(mut response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let Some(coding) = wanted(response.request().headers()) else { return response };
    if response.headers().contains_key(CONTENT_ENCODING) {
        return response;
    }
    let mut smaller = None;
    response = response.map_body(|_, body| match body.try_into_bytes() {
        Ok(plain) if plain.len() >= WORTH_IT => match coding.compress(&plain) {
            Ok(bytes) if bytes.len() < plain.len() => {
                smaller = Some(coding);
                BoxBody::new(bytes)
            }
            _ => BoxBody::new(plain),
        },
        Ok(plain) => BoxBody::new(plain),
        Err(streamed) => streamed,
    });
    if let Some(coding) = smaller {
        let headers = response.headers_mut();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        if let Some(tag) = headers.get(ETAG).and_then(|tag| etag::encoded(tag, coding.name())) {
            headers.insert(ETAG, tag);
        }
    }
    response
}

/// What a client would rather have than plain bytes; of several that it likes as much, the smaller and faster one.
fn wanted(headers: &HeaderMap) -> Option<Coding> {
    headers.get(ACCEPT_ENCODING)?;
    let lines = headers.get_all(ACCEPT_ENCODING).filter_map(|line| line.to_str().ok());
    let wishes: Vec<_> = lines.flat_map(|line| line.split(',')).filter_map(wish).collect();
    let weight = |name: &str| {
        let of = |wanted: &str| {
            wishes.iter().find(|(coding, _)| coding.eq_ignore_ascii_case(wanted)).map(|(_, weight)| *weight)
        };
        of(name).or_else(|| of("*")).unwrap_or(0)
    };
    // Who says nothing of plain bytes takes them, but would rather have what it names.
    let plain =
        wishes.iter().find(|(coding, _)| coding.eq_ignore_ascii_case("identity")).map_or(0, |(_, weight)| *weight);
    let liked = [Coding::Zstd, Coding::Gzip].map(|coding| (weight(coding.name()), coding));
    let best = liked.into_iter().filter(|(weight, _)| *weight > 0 && *weight >= plain);
    // The first of those that are liked most.
    best.rev().max_by_key(|(weight, _)| *weight).map(|(_, coding)| coding)
}

/// A coding and how much it is liked, in thousandths; what breaks the grammar is no wish.
fn wish(text: &str) -> Option<(&str, u16)> {
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

    fn chosen(line: &str) -> Option<&'static str> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        wanted(&headers).map(Coding::name)
    }

    #[test]
    fn what_is_liked_most_is_chosen() {
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
            assert_eq!(chosen(line), coding, "{line}");
        }
    }

    #[test]
    fn what_is_compressed_comes_out_again() {
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
        fn any_wish_is_read(line in "[ -~]{0,60}") {
            chosen(&line);
        }
    }
}

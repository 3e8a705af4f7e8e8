//! Parsers of single settings: from a text to a value, or to a message that says which values are valid.

use actix_web::http::Uri;
use std::fmt::Display;
use std::net::{SocketAddr, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::values::LogFormat;
use crate::model::boolean::{BOOLEAN_WORDS, parse_boolean};
use crate::model::network::Network;
use crate::model::rate::Rate;

const KIB: usize = 1024;
const SIZES: [(&str, usize); 3] = [("GiB", KIB * KIB * KIB), ("MiB", KIB * KIB), ("KiB", KIB)];
/// Milliseconds of each unit, the longest first.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads a duration such as `500ms`, `2s`, `10m`, `12h` or `30d`.
///
/// # Errors
/// A message that says which values are valid.
///
/// ```
/// use std::time::Duration;
/// use user_relationships::config::read::duration;
///
/// assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
/// assert_eq!(duration("30d"), Ok(Duration::from_secs(30 * 24 * 60 * 60)));
/// assert!(duration("1.5s").is_err(), "fractions are not accepted");
/// ```
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong =
        || format!("`{text}` is not a duration; write an integer with `ms`, `s`, `m`, `h` or `d`, for example `500ms`");
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let (_, millis) = UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
    number.checked_mul(millis).map(Duration::from_millis).ok_or_else(wrong)
}

/// Formats a duration so that [`duration`] can parse it.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let whole = |(_, unit): &(&str, u64)| millis > 0 && millis.is_multiple_of(*unit);
    let (name, unit) = UNITS.into_iter().find(whole).unwrap_or(("s", 1_000));
    format!("{}{name}", millis / unit)
}

pub(super) fn duration_within(range: RangeInclusive<Duration>) -> impl Fn(&str) -> Result<Duration, String> {
    move |text| {
        let value = duration(text)?;
        let (least, most) = (show_duration(*range.start()), show_duration(*range.end()));
        within(value, &range).ok_or_else(|| format!("`{text}` is out of range; write `{least}` to `{most}`"))
    }
}

/// Reads a size such as `64KiB`, `1MiB` or `1048576`, in bytes.
///
/// # Errors
/// A message that says which values are valid.
pub(super) fn size(text: &str) -> Result<usize, String> {
    let wrong =
        || format!("`{text}` is not a size; write bytes, or an integer with `KiB`, `MiB` or `GiB`, for example `1MiB`");
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let number: usize = digits.parse().map_err(|_| wrong())?;
    let bytes = match unit {
        "" => 1,
        unit => SIZES.into_iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?.1,
    };
    number.checked_mul(bytes).ok_or_else(wrong)
}

pub(super) fn show_size(bytes: usize) -> String {
    let whole = |(_, unit): &(&str, usize)| bytes > 0 && bytes.is_multiple_of(*unit);
    SIZES.into_iter().find(whole).map_or_else(|| bytes.to_string(), |(name, unit)| format!("{}{name}", bytes / unit))
}

/// `1KiB` to `1GiB`: the smallest create must fit, and a body is held in memory.
pub(super) fn body_size(text: &str) -> Result<usize, String> {
    within(size(text)?, &(KIB..=KIB * KIB * KIB))
        .ok_or_else(|| format!("`{text}` is out of range; write `1KiB` to `1GiB`"))
}

pub(super) fn number<T: FromStr + PartialOrd + Display>(
    range: RangeInclusive<T>,
) -> impl Fn(&str) -> Result<T, String> {
    move |text| {
        let wrong = || format!("`{text}` is invalid; write an integer from {} to {}", range.start(), range.end());
        let value = text.parse().map_err(|_| wrong())?;
        within(value, &range).ok_or_else(wrong)
    }
}

fn within<T: PartialOrd>(value: T, range: &RangeInclusive<T>) -> Option<T> {
    range.contains(&value).then_some(value)
}

pub(super) fn workers(text: &str) -> Result<usize, String> {
    if text == "cores" {
        return Ok(std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
    }
    number(1..=1024)(text).map_err(|problem| format!("{problem}, or `cores`"))
}

/// An address with a port. `localhost` is the only accepted name, because others may resolve differently later.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let wrong = || format!("`{text}` is not an address; write `ip:port`, `[ipv6]:port` or `localhost:port`");
    if !text.starts_with("localhost:") {
        return text.parse().map_err(|_| wrong());
    }
    let all: Vec<_> = text.to_socket_addrs().map_err(|_| wrong())?.collect();
    all.iter().find(|address| address.is_ipv4()).or(all.first()).copied().ok_or_else(wrong)
}

/// An address, or `None` for an empty text.
pub(super) fn optional_address(text: &str) -> Result<Option<SocketAddr>, String> {
    if text.is_empty() { Ok(None) } else { address(text).map(Some) }
}

pub(super) fn rate(text: &str) -> Result<Option<Rate>, String> {
    if text == "off" { Ok(None) } else { text.parse().map(Some) }
}

pub(super) fn networks(text: &str) -> Result<Vec<Network>, String> {
    if text == "none" { Ok(Vec::new()) } else { text.split(',').map(|one| one.trim().parse()).collect() }
}

pub(super) fn show_networks(networks: &[Network]) -> String {
    let all: Vec<_> = networks.iter().map(ToString::to_string).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(",") }
}

pub(super) fn time_zone(text: &str) -> Result<chrono_tz::Tz, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is not an IANA time zone; write a name such as `UTC` or `Europe/Helsinki`"))
}

/// Whether a text is `scheme://host[:port]` without a path.
pub(super) fn is_origin(text: &str) -> bool {
    let Ok(uri) = text.parse::<Uri>() else { return false };
    let Some(authority) = uri.authority() else { return false };
    let whole = uri.scheme_str().map(|scheme| format!("{scheme}://{authority}"));
    let has_good_port = authority.as_str() == authority.host() || authority.port_u16().is_some();
    whole.is_some_and(|whole| whole.eq_ignore_ascii_case(text))
        && !authority.host().is_empty()
        && !text.contains(['@', '*'])
        && has_good_port
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, String> {
    use std::io::IsTerminal;
    match text {
        "text" => Ok(LogFormat::Text),
        "auto" if std::io::stderr().is_terminal() => Ok(LogFormat::Text),
        "json" | "auto" => Ok(LogFormat::Json),
        _ => Err(format!("`{text}` is invalid; write `text`, `json` or `auto`")),
    }
}

pub(super) fn boolean(text: &str) -> Result<bool, String> {
    parse_boolean(text).ok_or_else(|| format!("`{text}` is not a boolean; write {BOOLEAN_WORDS}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_an_integer_and_a_unit() {
        for (text, millis) in [("500ms", 500), ("2s", 2_000), ("10m", 600_000), ("12h", 43_200_000), ("0s", 0)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)));
            assert_eq!(show_duration(Duration::from_millis(millis)), text);
        }
        for bad in
            ["", "2", "s", "-2s", "+2s", "2 s", "1.5s", "2S", "2sec", "99999999999999999999s", "9999999999999999d"]
        {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_size_is_bytes_or_an_integer_of_binary_units() {
        for (text, bytes) in [("1MiB", 1_048_576), ("64KiB", 65_536), ("1000", 1_000), ("1GiB", 1_073_741_824)] {
            assert_eq!(size(text), Ok(bytes));
            assert_eq!(show_size(bytes), text);
        }
        for bad in ["", "MiB", "1MB", "1 MiB", "-1", "1.5MiB", "99999999999999999999", "18446744073709551615KiB"] {
            assert!(size(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_origin_has_no_path() {
        for bad in [
            "",
            "a.example",
            "https://",
            "https://a/",
            "https://a/b",
            "https://a?b",
            "https://u@a",
            "https://a:",
            "https://a:x",
            "https://a:99999",
            "https://*.a",
            "null",
            "https://a b",
        ] {
            assert!(!is_origin(bad), "{bad:?}");
        }
    }
}

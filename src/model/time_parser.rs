//! Parses instants as files have them: RFC 2822, RFC 3339 and other forms of ISO 8601.

use chrono::{DateTime, NaiveDate};

use super::time::Timestamp;

/// The accepted formats, for error messages.
pub const TIME_FORMATS: &str = "a time from 1970 to 9999 with its offset from UTC, in the format of RFC 2822 \
                                (`Wed, 21 May 2014 10:11:24 +0300`, the weekday is optional) or of ISO 8601 \
                                (`2014-05-21T10:11:24+03:00`, `2014-05-21 10:11:24 +0300`, `2014-05-21T07:11:24Z`)";

/// The formats of a date, a time of day and its offset. `%#z` accepts `Z`, `+03`, `+0300` and `+03:00`.
const TIMES: [&str; 4] = ["%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M%#z", "%Y-%m-%d %H%M%S%.f%#z", "%Y-%m-%d %H%M%#z"];

/// Parses an instant of the years 1970 to 9999; `None` for any other text, and without an offset from UTC. A weekday
/// must be that of the date. Fractions of a second beyond microseconds are cut.
///
/// ```
/// use user_relationships::model::time_parser::parse_time;
///
/// let time = parse_time("Wed, 21 May 2014 10:11:24 +0300");
/// assert!(time.is_some());
/// assert_eq!(parse_time("21 May 2014 10:11:24 +0300"), time);
/// assert_eq!(parse_time("2014-05-21T10:11:24+0300"), time);
/// assert_eq!(parse_time("2014-05-21T10:11:24"), None);
/// ```
#[must_use]
pub fn parse_time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let micros = match DateTime::parse_from_rfc2822(text) {
        Ok(time) => Some(time.timestamp_micros()),
        Err(_) => parse_iso(text),
    };
    micros.filter(|micros| (0..=Timestamp::MAX).contains(micros)).map(Timestamp::from_micros)
}

/// The accepted format of [`parse_iso_time`], for error messages.
pub const ISO_FORMAT: &str = "a time from 1970 to 9999 in the format of ISO 8601 with its offset from UTC, such as \
                              `2026-03-01T00:00:00Z` (a `+` must be sent as `%2B`)";

/// Parses an instant as [`parse_time`] does, in the format of ISO 8601 only.
#[must_use]
pub fn parse_iso_time(text: &str) -> Option<Timestamp> {
    let micros = parse_iso(text).filter(|micros| (0..=Timestamp::MAX).contains(micros));
    micros.map(Timestamp::from_micros)
}

/// Microseconds since 1970 of a time in the extended or the basic format of ISO 8601.
fn parse_iso(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let format = if date.contains('-') { "%Y-%m-%d" } else { "%Y%m%d" };
    // chrono takes a sign, and any number of digits.
    let is_plain = date.starts_with(|first: char| first.is_ascii_digit());
    let has_all_digits = date.bytes().filter(u8::is_ascii_digit).count() == 8;
    let date = NaiveDate::parse_from_str(date, format).ok().filter(|_| is_plain && has_all_digits)?;
    // ISO 8601 allows a comma before the fraction.
    let text = format!("{date} {}", time.replacen(',', ".", 1));
    TIMES.iter().find_map(|format| Some(DateTime::parse_from_str(&text, format).ok()?.timestamp_micros()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{FixedOffset, TimeZone};
    use proptest::prelude::*;

    #[test]
    fn rfc_2822_is_parsed_with_and_without_the_weekday() {
        let at = Some(Timestamp::from_micros(1_400_656_284_000_000));
        for good in [
            "Wed, 21 May 2014 10:11:24 +0300",
            "21 May 2014 10:11:24 +0300",
            "wed, 21 may 2014 10:11:24 +0300",
            "  21 May 2014 07:11:24 GMT ",
            "Wed, 21 May 2014 03:11:24 EDT",
            "21 May 2014 07:11:24 +0000 (UTC)",
        ] {
            assert_eq!(parse_time(good), at, "{good}");
        }
        let first = Some(Timestamp::from_micros(1_401_580_860_000_000));
        for good in ["Sun, 1 Jun 2014 00:01:00 +0000", "1 Jun 2014 00:01 +0000", "01 Jun 2014 00:01 UT"] {
            assert_eq!(parse_time(good), first, "{good}");
        }
    }

    #[test]
    fn iso_8601_is_parsed_with_every_form_of_offset() {
        let at = Some(Timestamp::from_micros(1_400_656_284_000_000));
        for good in [
            "2014-05-21T10:11:24+03:00",
            "2014-05-21T10:11:24+0300",
            "2014-05-21T10:11:24+03",
            "2014-05-21T07:11:24Z",
            "2014-05-21t07:11:24z",
            "2014-05-21 10:11:24 +0300",
            "2014-05-21 10:11:24.000000+03",
            "2014-05-21 10:11:24,000+03:00",
            "2014-05-21T10:11:24 +03:00",
            "20140521T101124+0300",
            "20140521T071124Z",
        ] {
            assert_eq!(parse_time(good), at, "{good}");
        }
        let fraction = Some(Timestamp::from_micros(1_400_656_284_123_456));
        assert_eq!(parse_time("2014-05-21T07:11:24.123456789Z"), fraction);
        assert_eq!(parse_time("2014-05-21T07:11+00:00"), Some(Timestamp::from_micros(1_400_656_260_000_000)));
    }

    #[test]
    fn other_texts_are_no_times() {
        for bad in [
            "",
            "yesterday",
            "2014-05-21",
            "2014-05-21T10:11:24",
            "21 May 2014 10:11:24",
            "Thu, 21 May 2014 10:11:24 +0300",
            "21/05/2014 10:11:24 +0300",
            "2014-02-30T10:11:24Z",
            "2014-05-21T25:11:24Z",
            "1969-12-31T23:59:59Z",
            "10000-01-01T00:00:00Z",
            "+2014-05-21T10:11:24Z",
            "14-05-21T10:11:24Z",
            "1400656284",
        ] {
            assert_eq!(parse_time(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_format_names_the_same_instant(
            seconds in 100_000..Timestamp::MAX / 1_000_000 - 100_000,
            quarters in -48_i32..=56,
            format in prop::sample::select(vec![
                "%a, %d %b %Y %H:%M:%S %z", "%d %b %Y %H:%M:%S %z", "%Y-%m-%dT%H:%M:%S%:z", "%Y-%m-%dT%H:%M:%S%z",
                "%Y-%m-%d %H:%M:%S %z", "%Y%m%dT%H%M%S%z",
            ]),
        ) {
            let offset = FixedOffset::east_opt(quarters * 900).unwrap();
            let text = offset.timestamp_opt(seconds, 0).unwrap().format(format).to_string();
            prop_assert_eq!(parse_time(&text), Some(Timestamp::from_micros(seconds * 1_000_000)), "{}", text);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,40}|[0-9T:Z+. -]{0,30}") {
            let _ = parse_time(&text);
        }
    }
}

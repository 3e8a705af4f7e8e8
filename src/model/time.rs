//! Instants, and their format in documents.

use chrono::{DateTime, Datelike, NaiveDateTime, Offset, TimeDelta, TimeZone, Timelike};
use chrono_tz::Tz;

/// An instant: microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The length of [`Timestamp::rfc2822`] for years of four digits.
const LENGTH: usize = 31;
const WEEKDAYS: [&[u8; 3]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

impl Timestamp {
    /// The latest instant that can be printed: the end of the year 9999.
    pub const MAX: i64 = 253_402_300_799_999_999;

    /// Takes microseconds since 1970.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The instant some seconds later.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// The local time in a time zone and its offset from UTC in minutes. An instant outside the years 1970 to 9999 is
    /// moved to their edge.
    ///
    /// RFC 2822 has no seconds in an offset, as the local mean times of the 20th century have, and no year 10000, which
    /// the last hours of 9999 are east of Greenwich. An offset is therefore rounded to minutes, and a local time beyond
    /// 9999 is given in UTC: what is printed is always the same instant.
    fn local(self, zone: Tz) -> (NaiveDateTime, i32) {
        let utc = DateTime::from_timestamp_micros(self.0.clamp(0, Self::MAX)).unwrap_or_default().naive_utc();
        if zone == Tz::UTC {
            return (utc, 0);
        }
        let seconds = zone.offset_from_utc_datetime(&utc).fix().local_minus_utc();
        let minutes = (seconds + 30).div_euclid(60);
        let local = utc.checked_add_signed(TimeDelta::minutes(minutes.into()));
        local.filter(|local| local.year() <= 9_999).map_or((utc, 0), |local| (local, minutes))
    }

    /// Formats the instant as ISO 8601, in UTC and with microseconds, such as `2014-06-03T09:28:56.000000Z`.
    #[must_use]
    pub fn iso8601(self) -> String {
        self.local(Tz::UTC).0.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
    }

    /// Formats the instant as RFC 2822 §3.3 with a numeric offset and a day of two digits, such as
    /// `Tue, 03 Jun 2014 12:28:56 +0300`. (`to_rfc2822` of chrono does not pad the day.)
    #[must_use]
    pub fn rfc2822(self, zone: Tz) -> Rfc2822 {
        let (time, offset) = self.local(zone);
        let mut text = *b"Www, DD Mmm YYYY HH:MM:SS +hhmm";
        let mut put = |at: usize, bytes: &[u8]| {
            if let Some(place) = text.get_mut(at..at + bytes.len()) {
                place.copy_from_slice(bytes);
            }
        };
        let weekday = WEEKDAYS.get(time.weekday().num_days_from_monday() as usize);
        put(0, weekday.map_or(b"???", |name| *name));
        put(5, &two_digits(time.day()));
        put(8, MONTHS.get(time.month0() as usize).map_or(b"???", |name| *name));
        let year = u32::try_from(time.year()).unwrap_or_default();
        put(12, &two_digits(year / 100));
        put(14, &two_digits(year % 100));
        put(17, &two_digits(time.hour()));
        put(20, &two_digits(time.minute()));
        put(23, &two_digits(time.second()));
        put(26, if offset < 0 { b"-" } else { b"+" });
        put(27, &two_digits(offset.unsigned_abs() / 60));
        put(29, &two_digits(offset.unsigned_abs() % 60));
        Rfc2822(text)
    }
}

fn two_digits(number: u32) -> [u8; 2] {
    let digit = |n: u32| b'0' + u8::try_from(n % 10).unwrap_or_default();
    [digit(number / 10), digit(number)]
}

/// A formatted instant, without an allocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rfc2822([u8; LENGTH]);

impl Rfc2822 {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_time_is_formatted_as_rfc_2822_with_two_digits_for_the_day() {
        let time = Timestamp::from_micros(1_401_787_736_000_000);
        assert_eq!(time.rfc2822(chrono_tz::Europe::Helsinki).as_str(), "Tue, 03 Jun 2014 12:28:56 +0300");
        assert_eq!(time.rfc2822(chrono_tz::UTC).as_str(), "Tue, 03 Jun 2014 09:28:56 +0000");
        assert_eq!(time.rfc2822(chrono_tz::America::St_Johns).as_str(), "Tue, 03 Jun 2014 06:58:56 -0230");
    }

    #[test]
    fn an_offset_with_seconds_and_the_end_of_9999_print_the_same_instant() {
        let monrovia = Timestamp::from_micros(31_536_000_000_000);
        // The offset is -00:44:30.
        assert_eq!(monrovia.rfc2822(chrono_tz::Africa::Monrovia).as_str(), "Thu, 31 Dec 1970 23:16:00 -0044");
        let last = Timestamp::from_micros(Timestamp::MAX);
        assert_eq!(last.rfc2822(chrono_tz::Europe::Helsinki).as_str(), "Fri, 31 Dec 9999 23:59:59 +0000");
        assert_eq!(last.rfc2822(chrono_tz::America::New_York).as_str(), "Fri, 31 Dec 9999 18:59:59 -0500");
        let first = Timestamp::from_micros(0);
        assert_eq!(first.rfc2822(chrono_tz::America::New_York).as_str(), "Wed, 31 Dec 1969 19:00:00 -0500");
    }

    fn assert_is_same_instant(micros: i64, zone: Tz) {
        let printed = Timestamp::from_micros(micros).rfc2822(zone);
        let parsed = DateTime::parse_from_rfc2822(printed.as_str()).unwrap();
        assert_eq!(parsed.timestamp(), micros / 1_000_000, "{zone}: {printed:?}");
        assert_eq!(parsed.format("%a, %d %b %Y %H:%M:%S %z").to_string(), printed.as_str(), "{zone}");
    }

    #[test]
    fn the_first_and_last_instants_parse_as_printed_in_every_zone() {
        for zone in chrono_tz::TZ_VARIANTS {
            for micros in
                [0, 31_536_000_000_000, 1_401_787_736_000_000, Timestamp::MAX - 50_400_000_000, Timestamp::MAX]
            {
                assert_is_same_instant(micros, zone);
            }
        }
    }

    proptest! {
        #[test]
        fn a_printed_time_parses_as_the_same_instant(
            micros in prop_oneof![0..=Timestamp::MAX, 0..=100_000_000_000_000_i64],
            zone in 0..chrono_tz::TZ_VARIANTS.len(),
        ) {
            assert_is_same_instant(micros, chrono_tz::TZ_VARIANTS[zone]);
        }
    }
}

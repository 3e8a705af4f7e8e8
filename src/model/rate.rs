//! Rate limits.

use std::fmt;
use std::str::FromStr;

/// The largest rate and the largest burst.
const MAX_NUMBER: u32 = 1_000_000;

/// A rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests per second on average.
    pub per_second: u32,
    /// Requests at once, after a pause.
    pub burst: u32,
}

impl FromStr for Rate {
    type Err = String;

    /// Parses `50/100`: 50 per second, 100 at once.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is not a rate limit; write requests per second and burst, each from 1 to {MAX_NUMBER}, for example `50/100`, or `off`"
            )
        };
        let number = |digits: &str| {
            let is_plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
            digits.parse().ok().filter(|number| is_plain && (1..=MAX_NUMBER).contains(number))
        };
        let (per_second, burst) = text.split_once('/').ok_or_else(wrong)?;
        let (per_second, burst) = number(per_second).zip(number(burst)).ok_or_else(wrong)?;
        Ok(Self { per_second, burst })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.per_second, self.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_two_numbers() {
        assert_eq!("50/100".parse(), Ok(Rate { per_second: 50, burst: 100 }));
        assert_eq!(
            Rate { per_second: 1, burst: 1_000_000 }.to_string().parse::<Rate>().map(|rate| rate.burst),
            Ok(1_000_000)
        );
        for bad in [
            "",
            "50",
            "/",
            "50/",
            "/100",
            "0/100",
            "50/0",
            "50/100/1",
            "-1/2",
            "+1/2",
            "1.5/2",
            "50 / 100",
            "1000001/1",
        ] {
            assert!(bad.parse::<Rate>().is_err(), "{bad:?}");
        }
    }
}

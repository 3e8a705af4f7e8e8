//! How often somebody may ask.

use std::fmt;
use std::str::FromStr;

/// The largest number of either kind that is accepted.
const MOST: u32 = 1_000_000;

/// Requests a second, and how many may come at once after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Requests a second in the long run.
    pub per_second: u32,
    /// Requests at once.
    pub burst: u32,
}

impl FromStr for Rate {
    type Err = String;

    /// Reads `50/100`: 50 a second, 100 at once.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is not a rate limit; write requests per second and burst, each from 1 to {MOST}, for example `50/100`, or `off`"
            )
        };
        let number = |digits: &str| {
            let is_plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
            digits.parse().ok().filter(|number| is_plain && (1..=MOST).contains(number))
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

//! Limits how much a synchronization deletes and disables.

use std::fmt;
use std::str::FromStr;

/// The most deletions and disablings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeLimit {
    /// A number.
    Number(u64),
    /// A percentage of the users concerned.
    Percent(u64),
}

/// What a synchronization takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Removals {
    /// Relationships that are deleted and not replaced.
    pub deletions: u64,
    /// Users who are disabled.
    pub disablings: u64,
    /// The stored users that the files have, and those that are missing and would be disabled.
    pub concerned: u64,
}

impl Default for ChangeLimit {
    fn default() -> Self {
        Self::Percent(20)
    }
}

impl ChangeLimit {
    /// Whether a synchronization takes away more.
    #[must_use]
    pub const fn is_exceeded(self, removals: Removals) -> bool {
        let removed = removals.deletions + removals.disablings;
        match self {
            Self::Number(most) => removed > most,
            Self::Percent(percent) => removed * 100 > percent * removals.concerned,
        }
    }
}

impl fmt::Display for ChangeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(most) => write!(f, "{most}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl FromStr for ChangeLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let problem = || format!("must be a number such as `50`, or a percentage from `0%` to `100%`; got `{text}`");
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let (number, is_percentage) = text.strip_suffix('%').map_or((text, false), |number| (number, true));
        if !is_number(number) {
            return Err(problem());
        }
        let number: u32 = number.parse().map_err(|_| problem())?;
        match (is_percentage, number) {
            (true, 0..=100) => Ok(Self::Percent(number.into())),
            (true, _) => Err(problem()),
            (false, _) => Ok(Self::Number(number.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_or_a_percentage() {
        for (text, limit) in
            [("0", ChangeLimit::Number(0)), ("50", ChangeLimit::Number(50)), ("5%", ChangeLimit::Percent(5))]
        {
            assert_eq!((text.parse(), limit.to_string()), (Ok(limit), text.to_owned()));
        }
        for bad in ["", "%", "-1", "+1", "101%", "1.5%", "5 %", "ten", "99999999999"] {
            assert!(bad.parse::<ChangeLimit>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_limit_is_exceeded_by_one_more() {
        let removals = |deletions, disablings| Removals { deletions, disablings, concerned: 10 };
        assert!(!ChangeLimit::default().is_exceeded(removals(1, 1)));
        assert!(ChangeLimit::default().is_exceeded(removals(1, 2)));
        assert!(!ChangeLimit::Number(3).is_exceeded(removals(3, 0)));
        assert!(ChangeLimit::Number(3).is_exceeded(removals(0, 4)));
        assert!(ChangeLimit::Percent(100).is_exceeded(removals(11, 0)));
        assert!(!ChangeLimit::Percent(0).is_exceeded(removals(0, 0)));
    }
}

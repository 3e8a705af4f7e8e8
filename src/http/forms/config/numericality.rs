//! Numbers: which ones a field takes.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use crate::http::forms::config::diagnostics::{Diagnostics, listed};
use crate::http::forms::config::yaml::{Content, Node};

/// Which numbers are accepted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Numericality {
    /// Whether it must be a whole number.
    pub only_integer: bool,
    /// Where it must lie.
    pub bounds: Vec<(Bound, Number)>,
}

/// How a number must compare with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// `>`
    GreaterThan,
    /// `>=`
    GreaterThanOrEqualTo,
    /// `<`
    LessThan,
    /// `<=`
    LessThanOrEqualTo,
    /// `=`
    EqualTo,
}

impl Bound {
    /// Every bound.
    pub const ALL: [Self; 5] =
        [Self::GreaterThan, Self::GreaterThanOrEqualTo, Self::LessThan, Self::LessThanOrEqualTo, Self::EqualTo];

    /// Its name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::GreaterThan => "greater_than",
            Self::GreaterThanOrEqualTo => "greater_than_or_equal_to",
            Self::LessThan => "less_than",
            Self::LessThanOrEqualTo => "less_than_or_equal_to",
            Self::EqualTo => "equal_to",
        }
    }

    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::GreaterThan => order.is_gt(),
            Self::GreaterThanOrEqualTo => order.is_ge(),
            Self::LessThan => order.is_lt(),
            Self::LessThanOrEqualTo => order.is_le(),
            Self::EqualTo => order.is_eq(),
        }
    }
}

impl Numericality {
    /// What clients are told of a value that is not accepted.
    #[must_use]
    pub fn complaints_about(&self, value: &Value) -> Vec<String> {
        let Some(number) = number_of(value) else { return vec!["is not a number".to_owned()] };
        let mut complaints = Vec::new();
        if self.only_integer && !is_integer(&number) {
            complaints.push("must be an integer".to_owned());
        }
        let broken = self.bounds.iter().filter(|(bound, limit)| !bound.holds(compare(&number, limit)));
        complaints.extend(broken.map(|(bound, limit)| format!("must be {} {limit}", bound.name().replace('_', " "))));
        complaints
    }

    /// Reads the value of the key `numericality`; `None` if it is `false`.
    pub(super) fn read(node: &Node, findings: &mut Diagnostics<'_>) -> Option<Self> {
        let members = match &node.content {
            Content::Flag(is_demanded) => return is_demanded.then(Self::default),
            Content::Mapping(members) if !members.is_empty() => members,
            _ => {
                findings.note(node.line, "`numericality` must be `true`, `false` or a mapping with bounds");
                return None;
            }
        };
        let mut all = Self::default();
        for (key, node) in members {
            let bound = Bound::ALL.into_iter().find(|bound| bound.name() == key.name);
            match (bound, &node.content) {
                (Some(bound), Content::Number(limit)) => all.bounds.push((bound, limit.clone())),
                (Some(_), _) => findings.note(node.line, format!("`{}` must be a number", key.name)),
                (None, _) if key.name == "only_integer" => {
                    all.only_integer = findings.flag(node, "`only_integer`");
                }
                (None, _) => {
                    let known = listed(["only_integer"].into_iter().chain(Bound::ALL.map(Bound::name)));
                    findings.note(key.line, format!("`numericality` has no key `{}`, only {known}", key.name));
                }
            }
        }
        if all.excludes_everything() {
            findings.note(node.line, "no number satisfies this `numericality`");
        }
        Some(all)
    }

    fn excludes_everything(&self) -> bool {
        // The largest lower and the smallest upper end, each with whether it belongs to the range.
        let (mut low, mut high) = ((f64::NEG_INFINITY, true), (f64::INFINITY, true));
        for (bound, limit) in &self.bounds {
            let limit = limit.as_f64().unwrap_or_default();
            // Just above, from, to, just below.
            let [above, from, to, below] = if self.only_integer {
                [limit.floor() + 1.0, limit.ceil(), limit.floor(), limit.ceil() - 1.0].map(|end| (end, true))
            } else {
                [(limit, false), (limit, true), (limit, true), (limit, false)]
            };
            match bound {
                Bound::GreaterThan => low = higher(low, above),
                Bound::GreaterThanOrEqualTo => low = higher(low, from),
                Bound::LessThan => high = lower(high, below),
                Bound::LessThanOrEqualTo => high = lower(high, to),
                Bound::EqualTo => (low, high) = (higher(low, from), lower(high, to)),
            }
        }
        match low.0.partial_cmp(&high.0) {
            Some(Ordering::Less) => false,
            Some(Ordering::Equal) => !(low.1 && high.1),
            _ => true,
        }
    }
}

type End = (f64, bool);

fn higher(one: End, other: End) -> End {
    match one.0.partial_cmp(&other.0) {
        Some(Ordering::Greater) => one,
        Some(Ordering::Equal) => (one.0, one.1 && other.1),
        _ => other,
    }
}

fn lower(one: End, other: End) -> End {
    match one.0.partial_cmp(&other.0) {
        Some(Ordering::Less) => one,
        Some(Ordering::Equal) => (one.0, one.1 && other.1),
        _ => other,
    }
}

/// The number that a value is or, as in Rails, that a text spells in decimals.
fn number_of(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => {
            let text = text.trim();
            let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte))
                && text.ends_with(|last: char| last.is_ascii_digit());
            if !is_decimal {
                return None;
            }
            if let Ok(integer) = text.parse::<i64>() {
                return Some(integer.into());
            }
            text.parse::<u64>().map(Number::from).ok().or_else(|| Number::from_f64(text.parse().ok()?))
        }
        _ => None,
    }
}

fn is_integer(number: &Number) -> bool {
    number.is_i64() || number.is_u64()
}

/// Whole numbers exactly, all others as floating point has them.
pub(super) fn compare(one: &Number, other: &Number) -> Ordering {
    let whole = |number: &Number| number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    if let (Some(one), Some(other)) = (whole(one), whole(other)) {
        return one.cmp(&other);
    }
    let float = |number: &Number| number.as_f64().unwrap_or_default();
    float(one).partial_cmp(&float(other)).unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_number_is_a_number_and_a_text_that_spells_one() {
        for good in [json!(1), json!(-1.5), json!("1"), json!(" -1.50 "), json!("+3"), json!("1e3")] {
            assert_eq!(Numericality::default().complaints_about(&good), Vec::<String>::new(), "{good}");
        }
        for bad in
            [json!(""), json!("1x"), json!("0x1"), json!("inf"), json!("NaN"), json!("1e999"), json!(true), json!([])]
        {
            assert_eq!(Numericality::default().complaints_about(&bad), ["is not a number"], "{bad}");
        }
    }

    #[test]
    fn bounds_are_exact_for_whole_numbers() {
        let bound = |bound, limit| Numericality { only_integer: true, bounds: vec![(bound, Number::from(limit))] };
        let most = bound(Bound::LessThan, i64::MAX);
        assert_eq!(most.complaints_about(&json!(i64::MAX - 1)), Vec::<String>::new());
        assert_eq!(most.complaints_about(&json!(i64::MAX)), ["must be less than 9223372036854775807"]);
        let least = bound(Bound::GreaterThanOrEqualTo, 2);
        assert_eq!(least.complaints_about(&json!(1.5)), ["must be an integer", "must be greater than or equal to 2"]);
        // As everywhere: minus zero is zero.
        assert_eq!(bound(Bound::EqualTo, 0).complaints_about(&json!("-0")), Vec::<String>::new());
    }
}

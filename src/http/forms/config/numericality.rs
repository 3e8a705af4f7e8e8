//! The validation `numericality`: which numbers a field accepts.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use crate::http::forms::config::diagnostics::{Diagnostics, quote_names};
use crate::http::forms::config::yaml::{Content, Node};

/// Which numbers are accepted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Numericality {
    /// Whether only integers are accepted.
    pub only_integer: bool,
    /// The comparisons that must hold.
    pub bounds: Vec<(Comparison, Number)>,
}

/// A comparison of a value with a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
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

impl Comparison {
    /// All comparisons.
    pub const ALL: [Self; 5] =
        [Self::GreaterThan, Self::GreaterThanOrEqualTo, Self::LessThan, Self::LessThanOrEqualTo, Self::EqualTo];

    /// The name in files.
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
    /// The messages for a value that is not accepted.
    #[must_use]
    pub fn check(&self, value: &Value) -> Vec<String> {
        let Some(number) = to_number(value) else { return vec!["is not a number".to_owned()] };
        let mut messages = Vec::new();
        if self.only_integer && !is_integer(&number) {
            messages.push("must be an integer".to_owned());
        }
        let violated = self.bounds.iter().filter(|(comparison, limit)| !comparison.holds(compare(&number, limit)));
        messages.extend(
            violated.map(|(comparison, limit)| format!("must be {} {limit}", comparison.name().replace('_', " "))),
        );
        messages
    }

    /// Reads the value of the key `numericality`; `None` if it is `false`.
    pub(super) fn read(node: &Node, diagnostics: &mut Diagnostics<'_>) -> Option<Self> {
        let members = match &node.content {
            Content::Bool(is_enabled) => return is_enabled.then(Self::default),
            Content::Mapping(members) if !members.is_empty() => members,
            _ => {
                diagnostics.report(node.line, "`numericality` must be `true`, `false` or a mapping with bounds");
                return None;
            }
        };
        let mut all = Self::default();
        for (key, node) in members {
            let comparison = Comparison::ALL.into_iter().find(|comparison| comparison.name() == key.name);
            match (comparison, &node.content) {
                (Some(comparison), Content::Number(limit)) => all.bounds.push((comparison, limit.clone())),
                (Some(_), _) => diagnostics.report(node.line, format!("`{}` must be a number", key.name)),
                (None, _) if key.name == "only_integer" => {
                    all.only_integer = diagnostics.read_bool(node, "`only_integer`");
                }
                (None, _) => {
                    let known = quote_names(["only_integer"].into_iter().chain(Comparison::ALL.map(Comparison::name)));
                    diagnostics
                        .report(key.line, format!("`numericality` has no key `{}`; expected one of {known}", key.name));
                }
            }
        }
        if all.excludes_everything() {
            diagnostics.report(node.line, "no number satisfies this `numericality`");
        }
        Some(all)
    }

    fn excludes_everything(&self) -> bool {
        // The range that satisfies all comparisons: each end with whether it is included.
        let (mut low, mut high) = ((f64::NEG_INFINITY, true), (f64::INFINITY, true));
        for (comparison, limit) in &self.bounds {
            let limit = limit.as_f64().unwrap_or_default();
            // The ends that `>`, `>=`, `<=` and `<` produce. For integers all ends are inclusive.
            let [above, from, to, below] = if self.only_integer {
                [limit.floor() + 1.0, limit.ceil(), limit.floor(), limit.ceil() - 1.0].map(|end| (end, true))
            } else {
                [(limit, false), (limit, true), (limit, true), (limit, false)]
            };
            match comparison {
                Comparison::GreaterThan => low = stricter_lower_end(low, above),
                Comparison::GreaterThanOrEqualTo => low = stricter_lower_end(low, from),
                Comparison::LessThan => high = stricter_upper_end(high, below),
                Comparison::LessThanOrEqualTo => high = stricter_upper_end(high, to),
                Comparison::EqualTo => (low, high) = (stricter_lower_end(low, from), stricter_upper_end(high, to)),
            }
        }
        match low.0.partial_cmp(&high.0) {
            Some(Ordering::Less) => false,
            Some(Ordering::Equal) => !(low.1 && high.1),
            _ => true,
        }
    }
}

type RangeEnd = (f64, bool);

fn stricter_lower_end(one: RangeEnd, other: RangeEnd) -> RangeEnd {
    match one.0.partial_cmp(&other.0) {
        Some(Ordering::Greater) => one,
        Some(Ordering::Equal) => (one.0, one.1 && other.1),
        _ => other,
    }
}

fn stricter_upper_end(one: RangeEnd, other: RangeEnd) -> RangeEnd {
    match one.0.partial_cmp(&other.0) {
        Some(Ordering::Less) => one,
        Some(Ordering::Equal) => (one.0, one.1 && other.1),
        _ => other,
    }
}

/// The number of a value: a JSON number or, as in Rails, a string in decimal notation.
fn to_number(value: &Value) -> Option<Number> {
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

/// Compares integers exactly, and all other numbers as floating point.
pub(super) fn compare(one: &Number, other: &Number) -> Ordering {
    let to_integer = |number: &Number| number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    if let (Some(one), Some(other)) = (to_integer(one), to_integer(other)) {
        return one.cmp(&other);
    }
    let to_float = |number: &Number| number.as_f64().unwrap_or_default();
    to_float(one).partial_cmp(&to_float(other)).unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_and_decimal_strings_are_numbers() {
        for good in [json!(1), json!(-1.5), json!("1"), json!(" -1.50 "), json!("+3"), json!("1e3")] {
            assert_eq!(Numericality::default().check(&good), Vec::<String>::new(), "{good}");
        }
        for bad in
            [json!(""), json!("1x"), json!("0x1"), json!("inf"), json!("NaN"), json!("1e999"), json!(true), json!([])]
        {
            assert_eq!(Numericality::default().check(&bad), ["is not a number"], "{bad}");
        }
    }

    #[test]
    fn integers_are_compared_exactly() {
        let comparison =
            |comparison, limit| Numericality { only_integer: true, bounds: vec![(comparison, Number::from(limit))] };
        let most = comparison(Comparison::LessThan, i64::MAX);
        assert_eq!(most.check(&json!(i64::MAX - 1)), Vec::<String>::new());
        assert_eq!(most.check(&json!(i64::MAX)), ["must be less than 9223372036854775807"]);
        let least = comparison(Comparison::GreaterThanOrEqualTo, 2);
        assert_eq!(least.check(&json!(1.5)), ["must be an integer", "must be greater than or equal to 2"]);
        // Minus zero equals zero.
        assert_eq!(comparison(Comparison::EqualTo, 0).check(&json!("-0")), Vec::<String>::new());
    }
}

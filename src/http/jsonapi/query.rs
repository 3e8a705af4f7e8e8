//! Query strings (JSON:API 1.1, "Query Parameters"; WHATWG `application/x-www-form-urlencoded`).
//!
//! Split first, then decode, once. The problems of a query are reported together.

use std::borrow::Cow;
use std::str::FromStr;

use super::errors::{Failure, Problem};
use super::problems::Problems;
use crate::model::code::Code;
use crate::model::filter::MAX_FILTER_VALUES;
use crate::model::page::{Direction, Sort, SortBy};
use crate::model::text::{excerpt, list_names};

/// A parameter that a resource knows.
#[derive(Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its JSON:API name.
    pub name: &'static str,
    /// The bare name that Skillhive gave it, if any.
    pub bare: Option<&'static str>,
}

impl Parameter {
    /// A parameter with one name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, bare: None }
    }

    /// A parameter that Skillhive's clients call otherwise.
    #[must_use]
    pub const fn or(name: &'static str, bare: &'static str) -> Self {
        Self { name, bare: Some(bare) }
    }

    /// Whether repeating it means a list.
    fn is_repeatable(&self) -> bool {
        self.name.starts_with("filter[")
    }
}

/// A parameter as it was sent.
#[derive(Debug)]
struct Sent {
    parameter: &'static Parameter,
    name: String,
    value: String,
}

/// A query whose parameters are known to the resource.
#[derive(Debug)]
pub struct Query {
    sent: Vec<Sent>,
    problems: Problems,
    strict: bool,
}

impl Query {
    /// Reads a query string; `strict` knows only the names of JSON:API (`Prefer: handling=strict`). Parameters that are
    /// unknown or repeated are told by [`finish`](Self::finish), together with values that are wrong.
    ///
    /// # Errors
    /// 400 with every parameter, where none is known.
    pub fn parse(raw: &str, known: &'static [Parameter], strict: bool) -> Result<Self, Failure> {
        let mut query = Self { sent: Vec::new(), problems: Problems::default(), strict };
        for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
            query.take(name, value, known);
        }
        if query.problems.is_empty() || !known.is_empty() { Ok(query) } else { Err(query.problems.into()) }
    }

    fn take(&mut self, name: Cow<'_, str>, value: Cow<'_, str>, known: &'static [Parameter]) {
        let name = name.into_owned();
        let found = known.iter().find(|known| known.name == name || (!self.strict && known.bare == Some(&name)));
        let Some(parameter) = found else {
            let code = match name.as_str() {
                "include" => Code::UnsupportedInclude,
                "sort" => Code::UnsupportedSort,
                _ => Code::UnknownParameter,
            };
            let detail = || {
                if known.is_empty() {
                    return "this resource takes no query parameters".to_owned();
                }
                let names = list_names(known.iter().map(|known| known.name));
                format!("there is no parameter `{}` here; known are {names}", excerpt(&name))
            };
            return self.problems.push_with(code, || Problem::new(code, detail()).parameter(&name));
        };
        if value.contains('\0') {
            return self.push_error(Code::InvalidParameter, &name, "a value cannot contain U+0000".to_owned());
        }
        let earlier = self.sent.iter().find(|sent| sent.parameter == parameter).map(|sent| sent.name.clone());
        match earlier {
            Some(earlier) if earlier != name => {
                let detail = format!("`{earlier}` is another name of this parameter; send one of them");
                self.push_error(Code::DuplicateParameter, &name, detail);
            }
            Some(_) if !parameter.is_repeatable() || parameter.bare == Some(&name) => {
                self.push_error(Code::DuplicateParameter, &name, "this parameter may be sent once".to_owned());
            }
            _ => self.sent.push(Sent { parameter, name, value: value.into_owned() }),
        }
    }

    fn push_error(&mut self, code: Code, name: &str, detail: String) {
        self.problems.push(Problem::new(code, detail).parameter(name));
    }

    /// The whole number that a parameter gives, or `default` if it was not sent.
    pub fn integer(&mut self, name: &str, default: i64, least: i64, most: i64, cure: &str) -> i64 {
        let Some(sent) = self.sent.iter().find(|sent| sent.parameter.name == name) else { return default };
        let is_plain = !sent.value.is_empty() && sent.value.bytes().all(|byte| byte.is_ascii_digit());
        match sent.value.parse() {
            Ok(number) if is_plain && (least..=most).contains(&number) => number,
            _ => {
                let detail = format!("must be an integer from {least} to {most}{cure}");
                let name = sent.name.clone();
                self.push_error(Code::InvalidParameter, &name, detail);
                default
            }
        }
    }

    /// The values of a list, given by commas, by repetition, or both; each once. At most `most` of them.
    pub fn list<T: PartialEq>(
        &mut self,
        name: &str,
        most: usize,
        expected: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let mut values = Vec::new();
        let mut bad = None;
        for sent in self.sent.iter().filter(|sent| sent.parameter.name == name) {
            for text in sent.value.split(',') {
                match read(text) {
                    Some(value) if values.contains(&value) => {}
                    Some(value) if values.len() < most => values.push(value),
                    Some(_) => {
                        bad = Some((sent.name.clone(), format!("at most {most} distinct values are allowed")));
                    }
                    None => {
                        bad = Some((
                            sent.name.clone(),
                            format!("must be {expected}, or a comma-separated list of such values"),
                        ));
                    }
                }
            }
        }
        if let Some((name, detail)) = bad {
            self.push_error(Code::InvalidParameter, &name, detail);
        }
        values
    }

    /// The ids of a list.
    pub fn ids<Id: FromStr + PartialEq>(&mut self, name: &str) -> Vec<Id> {
        self.list(name, MAX_FILTER_VALUES, "an id (a positive decimal integer)", |text| text.parse().ok())
    }

    /// The places, in `fields`, of the names that a sparse fieldset lists; `None` if it was not sent.
    pub fn fields(&mut self, name: &str, fields: &[&str]) -> Option<Vec<usize>> {
        let sent = self.sent.iter().find(|sent| sent.parameter.name == name)?;
        let mut places = Vec::new();
        for field in sent.value.split(',').filter(|_| !sent.value.is_empty()) {
            match fields.iter().position(|known| *known == field) {
                Some(place) => places.push(place),
                None => self.problems.push_with(Code::UnknownField, || {
                    let detail = format!("there is no field `{}`; known are {}", excerpt(field), fields.join(", "));
                    Problem::new(Code::UnknownField, detail).parameter(name)
                }),
            }
        }
        Some(places)
    }

    /// The relationships that `include` lists, each once; `None` if it was not sent.
    pub fn include<T: Copy + PartialEq>(&mut self, known: &[(&str, T)]) -> Option<Vec<T>> {
        let sent = self.sent.iter().find(|sent| sent.parameter.name == "include")?;
        let mut included = Vec::new();
        let mut is_known = true;
        for path in sent.value.split(',').filter(|_| !sent.value.is_empty()) {
            match known.iter().find(|(name, _)| *name == path) {
                Some((_, value)) if included.contains(value) => {}
                Some((_, value)) => included.push(*value),
                None => is_known = false,
            }
        }
        if !is_known {
            let names: Vec<_> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
            let detail = format!("only {} can be included here", names.join(" and "));
            self.push_error(Code::UnsupportedInclude, "include", detail);
        }
        Some(included)
    }

    /// The order that `sort` asks for, or `default` if it was not sent. Ties are broken by id, which may be said.
    pub fn sort(&mut self, default: Sort, known: &[(&str, SortBy)]) -> Sort {
        let Some(sent) = self.text("sort") else { return default };
        let (direction, sign) = match sent.strip_prefix('-') {
            Some(_) => (Direction::Descending, "-"),
            None => (Direction::Ascending, ""),
        };
        let order = known.iter().find(|(name, _)| {
            let first = format!("{sign}{name}");
            sent == first || sent == format!("{first},{sign}id")
        });
        if let Some((_, by)) = order {
            return Sort { by: *by, direction };
        }
        let names: Vec<_> = known.iter().map(|(name, _)| format!("`{name}`, `-{name}`")).collect();
        let detail = format!("the list is sorted by one of {}", names.join(", "));
        self.problems.push(Problem::new(Code::UnsupportedSort, detail).parameter("sort"));
        default
    }

    /// What was sent for a parameter that may be sent once.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.texts(name).next()
    }

    /// Whether a parameter was sent.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.text(name).is_some()
    }

    /// Notes a problem.
    pub fn note(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// The name under which a parameter was sent.
    #[must_use]
    pub fn spelling(&self, name: &'static str) -> String {
        let sent = self.sent.iter().find(|sent| sent.parameter.name == name);
        sent.map_or_else(|| name.to_owned(), |sent| sent.name.clone())
    }

    /// All texts that were sent for a parameter.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.sent.iter().filter(move |sent| sent.parameter.name == name).map(|sent| sent.value.as_str())
    }

    /// Everything that was sent under the JSON:API names, in the order in which it was sent, but what `left_out` names.
    pub fn canonical<'q>(&'q self, left_out: &'q [&str]) -> impl Iterator<Item = (&'static str, &'q str)> {
        self.sent
            .iter()
            .filter(|sent| !left_out.contains(&sent.parameter.name))
            .map(|sent| (sent.parameter.name, sent.value.as_str()))
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// 400 with every parameter that is unknown or repeated, and every value that is malformed or out of range.
    pub fn finish(&mut self) -> Result<(), Failure> {
        let problems = std::mem::take(&mut self.problems);
        if problems.is_empty() { Ok(()) } else { Err(problems.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KNOWN: &[Parameter] = &[Parameter::or("page[limit]", "limit"), Parameter::or("filter[user]", "user")];

    fn users(raw: &str) -> Result<Vec<i64>, Failure> {
        let mut query = Query::parse(raw, KNOWN, false)?;
        let users = query.ids::<crate::model::id::UserId>("filter[user]");
        query.finish().map(|()| users.into_iter().map(crate::model::id::UserId::get).collect())
    }

    #[test]
    fn a_list_is_given_by_commas_or_by_repetition() {
        for raw in ["user=1,2", "filter[user]=1,2,1", "filter%5Buser%5D=1&filter[user]=2", "filter[user]=1%2C2"] {
            assert_eq!(users(raw).unwrap(), [1, 2], "{raw}");
        }
        for raw in [
            "user=1&user=2",
            "user=1&filter[user]=1",
            "user=",
            "user=1,,2",
            "user=x",
            "user=01",
            "user=1%00",
            "User=1",
            "utm=1",
        ] {
            assert!(users(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn a_value_is_decoded_once_and_after_splitting() {
        assert!(users("user=1%2526user=2").is_err());
        assert!(users("user=1%26user=2").is_err());
        assert_eq!(users("&&user=1&").unwrap(), [1]);
    }

    proptest! {
        #[test]
        fn any_query_is_read_without_a_panic(raw in "[ -~]{0,80}") {
            let _ = users(&raw);
        }
    }
}

//! Query strings (JSON:API 1.1, "Query Parameters"; WHATWG `application/x-www-form-urlencoded`).
//!
//! A query is split first and then decoded once. All problems of a query are reported together.

mod roles;
mod values;

use std::borrow::Cow;

use super::errors::{ApiProblem, Failure};
use super::parameter::{Parameter, Schema};
use super::problems::Problems;
use crate::model::code::Code;
use crate::model::error;
use crate::model::text::{excerpt, list_names};

/// A parameter as the client sent it.
#[derive(Debug)]
struct Sent {
    parameter: &'static Parameter,
    name: String,
    value: String,
}

/// A query whose parameters the resource has.
#[derive(Debug)]
pub struct Query {
    parameters: &'static [Parameter],
    sent: Vec<Sent>,
    problems: Problems,
    strict: bool,
}

impl Query {
    /// Parses a query string; `strict` accepts no aliases (`Prefer: handling=strict`). [`finish`](Self::finish) reports
    /// unknown and repeated parameters together with invalid values.
    ///
    /// # Errors
    /// 400 with every parameter if the resource has none.
    pub fn parse(raw: &str, parameters: &'static [Parameter], strict: bool) -> Result<Self, Failure> {
        let mut query = Self { parameters, sent: Vec::new(), problems: Problems::default(), strict };
        for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
            query.add(name, value);
        }
        if query.problems.is_empty() || !parameters.is_empty() { Ok(query) } else { Err(query.problems.into()) }
    }

    fn add(&mut self, name: Cow<'_, str>, value: Cow<'_, str>) {
        let name = name.into_owned();
        let Some(parameter) = self.parameters.iter().find(|known| known.has_name(&name, !self.strict)) else {
            return self.push_unknown(&name);
        };
        if value.contains('\0') {
            return self.push_error(Code::InvalidParameter, &name, "the value must not contain U+0000".to_owned());
        }
        let is_alias = |name: &str| parameter.alias == Some(name);
        let earlier = self.sent.iter().find(|sent| sent.parameter.name == parameter.name).map(|sent| &sent.name);
        match earlier {
            Some(earlier) if is_alias(earlier) != is_alias(&name) => {
                let detail = format!("`{earlier}` is another name of this parameter; send one of them");
                self.push_error(Code::DuplicateParameter, &name, detail);
            }
            Some(_) if !parameter.allows_repetition() || is_alias(&name) => {
                self.push_error(Code::DuplicateParameter, &name, "this parameter may be sent once".to_owned());
            }
            _ => self.sent.push(Sent { parameter, name, value: value.into_owned() }),
        }
    }

    fn push_unknown(&mut self, name: &str) {
        let code = match name {
            "include" => Code::UnsupportedInclude,
            "sort" => Code::UnsupportedSort,
            _ => Code::UnknownParameter,
        };
        let parameters = self.parameters;
        self.problems.push_with(code, || {
            let detail = if parameters.is_empty() {
                "this resource takes no query parameters".to_owned()
            } else {
                let names = list_names(parameters.iter().map(|known| known.name));
                format!("there is no parameter `{}` here; the parameters are {names}", excerpt(name))
            };
            ApiProblem::new(code, detail).parameter(name)
        });
    }

    fn push_error(&mut self, code: Code, name: &str, detail: String) {
        self.problems.push(ApiProblem::new(code, detail).parameter(name));
    }

    fn schema(&self, name: &str) -> Option<Schema> {
        self.parameters.iter().find(|known| known.name == name).map(|known| known.schema)
    }

    /// The value of a parameter.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.texts(name).next()
    }

    /// Whether the query has a parameter.
    #[must_use]
    pub fn has(&self, parameter: &Parameter) -> bool {
        self.text(parameter.name).is_some()
    }

    /// Reports a problem of a parameter.
    pub fn push_problem(&mut self, problem: ApiProblem) {
        self.problems.push(problem);
    }

    /// Reports problems of the domain.
    pub fn push_problems(&mut self, problems: Vec<error::Problem>) {
        self.problems.push_all(problems);
    }

    /// The name under which the client sent a parameter.
    #[must_use]
    pub fn sent_name(&self, parameter: &Parameter) -> String {
        let sent = self.sent.iter().find(|sent| sent.parameter.name == parameter.name);
        sent.map_or_else(|| parameter.name.to_owned(), |sent| sent.name.clone())
    }

    /// The name under which the client sent the longest parameter; empty without parameters.
    #[must_use]
    pub fn longest_name(&self) -> &str {
        let longest = self.sent.iter().max_by_key(|sent| sent.value.len());
        longest.map(|sent| sent.name.as_str()).unwrap_or_default()
    }

    /// All values of a parameter.
    pub fn texts(&self, name: &str) -> impl Iterator<Item = &str> {
        self.sent.iter().filter(move |sent| sent.parameter.name == name).map(|sent| sent.value.as_str())
    }

    /// All parameters except `excluded`, under their JSON:API names and in the order in which they were sent.
    pub fn canonical<'q>(&'q self, excluded: &'q [&str]) -> impl Iterator<Item = (&'static str, &'q str)> {
        self.sent
            .iter()
            .filter(|sent| !excluded.contains(&sent.parameter.name))
            .map(|sent| (sent.parameter.name, sent.value.as_str()))
    }

    /// Reports the problems of the query.
    ///
    /// # Errors
    /// 400 with every parameter that is unknown or repeated, and every invalid value.
    pub fn finish(&mut self) -> Result<(), Failure> {
        let problems = std::mem::take(&mut self.problems);
        if problems.is_empty() { Ok(()) } else { Err(problems.into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: Parameter =
        Parameter::new("page[limit]", Schema::Integer { min: 0, max: Some(50), default: 20 }, "").with_alias("limit");
    const USER: Parameter = Parameter::new("filter[user]", Schema::Ids, "").with_alias("user");
    const PARAMETERS: &[Parameter] = &[LIMIT, USER];

    fn users(raw: &str) -> Result<Vec<i64>, Failure> {
        let mut query = Query::parse(raw, PARAMETERS, false)?;
        let users = query.ids::<crate::model::id::UserId>(&USER);
        query.finish().map(|()| users.into_iter().map(crate::model::id::UserId::get).collect())
    }

    #[test]
    fn a_list_is_comma_separated_or_repeated() {
        for raw in [
            "user=1,2",
            "filter[user]=1,2,1",
            "filter%5Buser%5D=1&filter[user]=2",
            "filter[user]=1%2C2",
            "filter[user][]=1&filter[user][]=2",
            "filter%5Buser%5D%5B0%5D=1&filter[user][1]=2,1",
            "filter[user]=1&filter[user][]=2",
        ] {
            assert_eq!(users(raw).unwrap(), [1, 2], "{raw}");
        }
        for raw in [
            "user=1&user=2",
            "user=1&filter[user]=1",
            "user=1&filter[user][]=1",
            "filter[user][]=1&user=1",
            "user[]=1",
            "filter[user][x]=1",
            "filter[user][0=1",
            "filter[user]0]=1",
            "filter[user][][]=1",
            "filter[user][-1]=1",
            "page[limit][]=1",
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
    fn an_invalid_integer_is_named_with_its_range() {
        let mut query = Query::parse("limit=ten", PARAMETERS, false).unwrap();
        assert_eq!(query.integer(&LIMIT, 20, 0, 50, ""), 20);
        let failure = query.finish().unwrap_err();
        assert_eq!(failure.details().collect::<Vec<_>>(), ["`limit` must be an integer from 0 to 50; got `ten`"]);
    }

    #[test]
    fn a_value_is_decoded_once_and_after_splitting() {
        assert!(users("user=1%2526user=2").is_err());
        assert!(users("user=1%26user=2").is_err());
        assert_eq!(users("&&user=1&").unwrap(), [1]);
    }

    proptest! {
        #[test]
        fn no_query_causes_a_panic(raw in "[ -~]{0,80}") {
            let _ = users(&raw);
        }
    }
}

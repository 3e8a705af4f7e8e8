//! Parses the values of query parameters. Problems are collected in the query.

use std::str::FromStr;

use super::Query;
use crate::domain::group_lists::IncludePath;
use crate::http::jsonapi::errors::ApiProblem;
use crate::http::jsonapi::fields::{self, FieldSet, ResourceField};
use crate::http::jsonapi::parameter::{Parameter, Schema};
use crate::model::code::Code;
use crate::model::filter::MAX_FILTER_VALUES;
use crate::model::page::{Direction, Sort};
use crate::model::text::excerpt;

impl Query {
    /// The integer that a parameter has, or `default` if it was not sent. `hint` ends the error message.
    pub fn integer(&mut self, parameter: &Parameter, default: i64, min: i64, max: i64, hint: &str) -> i64 {
        let Some(sent) = self.sent.iter().find(|sent| sent.parameter.name == parameter.name) else { return default };
        let is_plain = !sent.value.is_empty() && sent.value.bytes().all(|byte| byte.is_ascii_digit());
        match sent.value.parse() {
            Ok(number) if is_plain && (min..=max).contains(&number) => number,
            _ => {
                let (name, value) = (&sent.name, excerpt(&sent.value));
                let detail = format!("`{name}` must be an integer from {min} to {max}; got `{value}`{hint}");
                self.problems.push(ApiProblem::new(Code::InvalidParameter, detail).parameter(name));
                default
            }
        }
    }

    /// The distinct values of a list, which may be comma-separated, repeated, or both. `expected` describes a value.
    pub fn list<T: PartialEq>(
        &mut self,
        parameter: &Parameter,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let mut values = Vec::new();
        let mut problem = None;
        for sent in self.sent.iter().filter(|sent| sent.parameter.name == parameter.name) {
            let name = &sent.name;
            for text in sent.value.split(',') {
                match parse(text) {
                    Some(value) if values.contains(&value) => {}
                    Some(value) if values.len() < MAX_FILTER_VALUES => values.push(value),
                    Some(_) => {
                        let detail = format!("`{name}` takes at most {MAX_FILTER_VALUES} distinct values");
                        problem = Some((name, detail));
                    }
                    None => {
                        let text = excerpt(text);
                        let detail = format!("each comma-separated value of `{name}` must be {expected}; got `{text}`");
                        problem = Some((name, detail));
                    }
                }
            }
        }
        if let Some((name, detail)) = problem {
            self.problems.push(ApiProblem::new(Code::InvalidParameter, detail).parameter(name));
        }
        values
    }

    /// The ids of a list.
    pub fn ids<Id: FromStr + PartialEq>(&mut self, parameter: &Parameter) -> Vec<Id> {
        self.list(parameter, "an id (a positive decimal integer)", |text| text.parse().ok())
    }

    /// The fields that a sparse fieldset selects; all of them if it was not sent.
    pub fn fields<F: ResourceField>(&mut self, parameter: &Parameter) -> FieldSet<F> {
        let Some(sent) = self.sent.iter().find(|sent| sent.parameter.name == parameter.name) else {
            return FieldSet::ALL;
        };
        let mut selected = FieldSet::EMPTY;
        for name in sent.value.split(',').filter(|_| !sent.value.is_empty()) {
            match F::all().find(|field| field.name() == name) {
                Some(field) => selected.insert(field),
                None => self.problems.push_with(Code::UnknownField, || {
                    let known = fields::names::<F>().join(", ");
                    let detail = format!("there is no field `{}`; the fields are {known}", excerpt(name));
                    ApiProblem::new(Code::UnknownField, detail).parameter(parameter.name)
                }),
            }
        }
        selected
    }

    /// The distinct relationship paths that `include` lists; `None` if it was not sent.
    pub fn included(&mut self) -> Option<Vec<IncludePath>> {
        let Some(Schema::Paths(known)) = self.schema("include") else { return None };
        let sent = self.sent.iter().find(|sent| sent.parameter.name == "include")?;
        let mut included = Vec::new();
        let mut unknown = None;
        for path in sent.value.split(',').filter(|_| !sent.value.is_empty()) {
            match known.iter().find(|(name, _)| *name == path) {
                Some((_, value)) if included.contains(value) => {}
                Some((_, value)) => included.push(*value),
                None => unknown = Some(excerpt(path)),
            }
        }
        if let Some(path) = unknown {
            let names: Vec<_> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
            let detail = format!("`include` takes {}; got `{path}`", names.join(" and "));
            self.problems.push(ApiProblem::new(Code::UnsupportedInclude, detail).parameter("include"));
        }
        Some(included)
    }

    /// The order that `sort` selects, or `default` if it was not sent. Ties are broken by id, which may be stated.
    pub fn sort(&mut self, default: Sort) -> Sort {
        let Some(Schema::Sort(known)) = self.schema("sort") else { return default };
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
        let detail = format!("`sort` must be one of {}; got `{}`", names.join(", "), excerpt(sent));
        self.push_error(Code::UnsupportedSort, "sort", detail);
        default
    }
}

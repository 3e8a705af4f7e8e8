//! Parses the values of query parameters. Problems are collected in the query.

use std::str::FromStr;

use super::Query;
use crate::domain::group_lists::IncludePath;
use crate::http::jsonapi::errors::ApiProblem;
use crate::http::jsonapi::fields::{self, FieldSet, ID, ResourceField};
use crate::http::jsonapi::parameter::{ME, NOW, Parameter, Schema};
use crate::model::code::Code;
use crate::model::filter::MAX_FILTER_VALUES;
use crate::model::id::UserId;
use crate::model::page::{Direction, Sort, SortBy};
use crate::model::relationship_type::TypeName;
use crate::model::text::{excerpt, list_names};
use crate::model::time::Timestamp;
use crate::model::time_parser::{ISO_FORMAT, parse_iso_time};

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

    /// The id that a parameter has.
    pub fn id<Id: FromStr>(&mut self, parameter: &Parameter) -> Option<Id> {
        let sent = self.sent.iter().find(|sent| sent.parameter.name == parameter.name)?;
        let id = sent.value.parse().ok();
        if id.is_none() {
            let (name, value) = (&sent.name, excerpt(&sent.value));
            let detail = format!("`{name}` must be an id (a positive decimal integer); got `{value}`");
            self.problems.push(ApiProblem::new(Code::InvalidParameter, detail).parameter(name));
        }
        id
    }

    /// The time that a parameter has.
    pub fn moment(&mut self, parameter: &Parameter) -> Option<Timestamp> {
        let sent = self.text(parameter.name)?;
        let moment = parse_iso_time(sent);
        if moment.is_none() {
            let detail = format!("`{}` must be {ISO_FORMAT}; got `{}`", parameter.name, excerpt(sent));
            self.push_error(Code::InvalidParameter, parameter.name, detail);
        }
        moment
    }

    /// Whether a parameter, whose only value is [`NOW`], was sent.
    pub fn is_now(&mut self, parameter: &Parameter) -> bool {
        let sent = self.text(parameter.name).map(|sent| (sent == NOW, excerpt(sent).into_owned()));
        if let Some((false, sent)) = &sent {
            let detail = format!("`{}` must be `{NOW}`; got `{sent}`", parameter.name);
            self.push_error(Code::InvalidParameter, parameter.name, detail);
        }
        sent.is_some()
    }

    /// The values of a list that has certain names.
    pub fn names<T: PartialEq>(&mut self, parameter: &Parameter, parse: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let Some(Schema::Names(known)) = self.schema(parameter.name) else { return Vec::new() };
        self.list(parameter, &format!("one of {}", list_names(known())), parse)
    }

    /// The one of certain names that a parameter has.
    pub fn choice(&mut self, parameter: &Parameter) -> Option<&'static str> {
        let Some(Schema::Choice(known)) = self.schema(parameter.name) else { return None };
        let sent = self.text(parameter.name)?;
        let found = known().into_iter().find(|name| *name == sent);
        if found.is_none() {
            let (name, names) = (parameter.name, list_names(known()));
            let detail = format!("`{name}` must be one of {names}; got `{}`", excerpt(sent));
            self.push_error(Code::InvalidParameter, name, detail);
        }
        found
    }

    /// The ids of a list.
    pub fn ids<Id: FromStr + PartialEq>(&mut self, parameter: &Parameter) -> Vec<Id> {
        self.list(parameter, "an id (a positive decimal integer)", |text| text.parse().ok())
    }

    /// The ids of users of a list; `me` stands for `caller`.
    pub fn user_ids(&mut self, parameter: &Parameter, caller: UserId) -> Vec<UserId> {
        self.list(parameter, "an id (a positive decimal integer) or `me`", |text| match text {
            ME => Some(caller),
            text => text.parse().ok(),
        })
    }

    /// The fields that a sparse fieldset selects; all of them if it was not sent.
    pub fn fields<F: ResourceField>(&mut self, parameter: &Parameter) -> FieldSet<F> {
        let Some(sent) = self.sent.iter().find(|sent| sent.parameter.name == parameter.name) else {
            return FieldSet::ALL;
        };
        let has_roles = matches!(self.schema(parameter.name), Some(Schema::FieldsAndRoles(_)));
        let mut selected = FieldSet::EMPTY;
        // Every resource object has its `id`; clients name it all the same.
        for name in sent.value.split(',').filter(|name| !sent.value.is_empty() && *name != ID) {
            match F::all().find(|field| field.name() == name) {
                Some(field) => selected.insert(field),
                None if has_roles && TypeName::parse(name).is_some() => {}
                None => self.problems.push_with(Code::UnknownField, || {
                    let known = fields::names::<F>().join(", ");
                    let detail = format!("there is no field `{}`; the fields are {ID}, {known}", excerpt(name));
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

    /// The order that `sort` selects, or `default` if it was not sent. Ties are broken by id.
    pub fn sort(&mut self, default: Sort) -> Sort {
        let Some(Schema::Sort(known)) = self.schema("sort") else { return default };
        let Some(sent) = self.text("sort") else { return default };
        if let Some(sort) = parse_sort(sent, known) {
            return sort;
        }
        let names: Vec<_> = known.iter().map(|(name, _)| format!("`{name}`, `-{name}`")).collect();
        let detail = format!(
            "`sort` must be one of {}; a further key must not change the order, such as `-id` in `-created-at,-id`; got `{}`",
            names.join(", "),
            excerpt(sent)
        );
        self.push_error(Code::UnsupportedSort, "sort", detail);
        default
    }
}

/// Parses a comma-separated list of sort keys. The first key decides the order, and rows with the same value are in the
/// order of their ids, in the same direction. A further key is valid if it cannot change that: one after the `id` or of
/// an earlier key, and the `id` in the direction of the first key.
fn parse_sort(sent: &str, known: &[(&str, SortBy)]) -> Option<Sort> {
    let parse_key = |key: &str| {
        let (direction, name) = match key.strip_prefix('-') {
            Some(name) => (Direction::Descending, name),
            None => (Direction::Ascending, key),
        };
        known.iter().find(|(it, _)| *it == name).map(|(_, by)| Sort { by: *by, direction })
    };
    let mut keys = sent.split(',').map(parse_key);
    let first = keys.next()??;
    let mut is_total = first.by == SortBy::Id;
    for key in keys {
        let key = key?;
        let is_tie_breaker = key.by == SortBy::Id && key.direction == first.direction;
        if !(is_total || is_tie_breaker || key.by == first.by) {
            return None;
        }
        is_total |= key.by == SortBy::Id;
    }
    Some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEYS: &[(&str, SortBy)] = &[("id", SortBy::Id), ("created-at", SortBy::CreatedAt), ("name", SortBy::Name)];

    #[test]
    fn further_sort_keys_are_valid_where_they_cannot_change_the_order() {
        let sort = |by, direction| Some(Sort { by, direction });
        for (sent, expected) in [
            ("id", sort(SortBy::Id, Direction::Ascending)),
            ("-id,name,created-at", sort(SortBy::Id, Direction::Descending)),
            ("id,-id", sort(SortBy::Id, Direction::Ascending)),
            ("-created-at,-id", sort(SortBy::CreatedAt, Direction::Descending)),
            ("created-at,id,-name", sort(SortBy::CreatedAt, Direction::Ascending)),
            ("name,name,id", sort(SortBy::Name, Direction::Ascending)),
            ("-created-at,id", None),
            ("created-at,-id", None),
            ("created-at,name", None),
            ("created-at,name,id", None),
            ("id,size", None),
            ("id,", None),
            ("", None),
            ("-", None),
            ("--id", None),
        ] {
            assert_eq!(parse_sort(sent, KEYS), expected, "{sent}");
        }
    }

    proptest! {
        #[test]
        fn only_the_first_sort_key_decides(keys in "-?(id|created-at|name)(,-?(id|created-at|name)){0,4}") {
            let first = keys.split(',').next().and_then(|key| parse_sort(key, KEYS));
            let parsed = parse_sort(&keys, KEYS);
            prop_assert!(parsed.is_none() || parsed == first);
        }

        #[test]
        fn no_sort_causes_a_panic(keys in "[-,a-z]{0,20}") {
            let _ = parse_sort(&keys, KEYS);
        }
    }
}
